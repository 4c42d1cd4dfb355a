//! Snapshot files: complete and durable or not there, and never believed when damaged.

#![allow(clippy::unwrap_used)]

use quorate_wal::memory_disk::{MemoryDisk, Operation, Step};
use quorate_wal::snapshot_file::{
    self, IncomingSnapshot, SnapshotBytes, SnapshotError, SnapshotReader, SnapshotWriter, verify,
};
use quorate_wal::{Base, Disk};
use std::io::{self, Read, Write};

const POSITION: Base = Base { index: 120, term: 4 };
const GROUP: u32 = 5;

fn stream(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from(place * 31 % 251).unwrap()).collect()
}

fn write(disk: &MemoryDisk, position: Base, replica: &[u8], state: &[u8]) -> io::Result<String> {
    let mut writer = SnapshotWriter::create(disk.clone(), GROUP, position, replica)?;
    writer.write_all(state)?;
    Ok(writer.finish()?.name)
}

fn read(disk: &MemoryDisk, name: &str) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut reader = SnapshotReader::open(disk, name, GROUP)?;
    let mut state = Vec::new();
    reader.read_to_end(&mut state)?;
    Ok((reader.replica_section().to_vec(), state))
}

#[test]
fn what_was_written_is_read_back_whatever_its_length() {
    let chunk = 64 << 10;
    for replica in [0, 1, 1000, chunk, chunk + 1] {
        for state in [0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk + 7] {
            let disk = MemoryDisk::new();
            let name = write(&disk, POSITION, &stream(replica), &stream(state)).unwrap();
            assert_eq!(read(&disk, &name).unwrap(), (stream(replica), stream(state)), "{replica} and {state} bytes");
            let info = verify(&disk, &name, GROUP).unwrap();
            assert_eq!((info.replica_bytes, info.state_bytes), (replica as u64, state as u64));
            assert_eq!(info.bytes, disk.contents(&name).unwrap().len() as u64);
            assert_eq!(info.position, POSITION);
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let disk = MemoryDisk::new();
    let name = write(&disk, POSITION, &stream(100), &stream(200)).unwrap();
    for length in 0..disk.contents(&name).unwrap().len() {
        let cut = disk.fork();
        cut.rot(&name, |bytes| bytes.truncate(length));
        let error = verify(&cut, &name, GROUP).unwrap_err();
        assert!(matches!(&error, SnapshotError::Damaged(damage) if damage.file == name), "{length}: {error}");
        assert!(read(&cut, &name).is_err());
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    // D5
    let disk = MemoryDisk::new();
    let name = write(&disk, POSITION, &stream(100), &stream(200)).unwrap();
    for bit in 0..disk.contents(&name).unwrap().len() * 8 {
        let rotten = disk.fork();
        rotten.rot(&name, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
        assert!(verify(&rotten, &name, GROUP).is_err(), "bit {bit}");
        assert!(read(&rotten, &name).is_err(), "bit {bit}");
    }
}

#[test]
fn chunks_that_changed_places_or_files_are_refused() {
    // D6
    let disk = MemoryDisk::new();
    let chunk = (64 << 10) + 16;
    let name = write(&disk, POSITION, b"", &stream(200_000)).unwrap();
    let other = write(&disk, Base { index: 121, ..POSITION }, b"", &stream(200_000)).unwrap();
    let exchanged = disk.fork();
    exchanged.rot(&name, |bytes| {
        let first = bytes[36..36 + chunk].to_vec();
        bytes.copy_within(36 + chunk..36 + 2 * chunk, 36);
        bytes[36 + chunk..36 + 2 * chunk].copy_from_slice(&first);
    });
    assert!(verify(&exchanged, &name, GROUP).is_err());
    let foreign = disk.contents(&other).unwrap();
    disk.rot(&name, |bytes| bytes[36..36 + chunk].copy_from_slice(&foreign[36..36 + chunk]));
    assert!(verify(&disk, &name, GROUP).is_err());
}

#[test]
fn nothing_of_a_damaged_chunk_is_given_out() {
    let disk = MemoryDisk::new();
    let state = stream(200_000);
    let name = write(&disk, POSITION, b"section", &state).unwrap();
    disk.rot(&name, |bytes| bytes[100_000] ^= 1);
    let mut reader = SnapshotReader::open(&disk, &name, GROUP).unwrap();
    let mut given = Vec::new();
    let error = reader.read_to_end(&mut given).unwrap_err();
    assert!(state.starts_with(&given) && given.len() < 100_000);
    assert!(error.to_string().contains(&name) && error.to_string().contains("at byte "), "{error}");
    assert!(reader.read(&mut [0; 10]).is_err(), "and it stays refused");
}

#[test]
fn the_file_of_another_group_version_or_position_is_refused_by_name() {
    let disk = MemoryDisk::new();
    let name = write(&disk, POSITION, b"", b"state").unwrap();
    assert!(matches!(verify(&disk, &name, 9), Err(SnapshotError::OtherGroup { found: GROUP, expected: 9, .. })));
    let renamed = snapshot_file::snapshot_name(Base { index: 999, term: 4 });
    disk.rename(&name, &renamed).unwrap();
    assert!(matches!(verify(&disk, &renamed, GROUP), Err(SnapshotError::OtherPosition { .. })));
    disk.rename(&renamed, &name).unwrap();
    disk.rot(&name, |bytes| bytes[6] = 9);
    assert!(matches!(verify(&disk, &name, GROUP), Err(SnapshotError::OtherVersion { found: 9, .. })));
}

#[test]
fn an_unreadable_file_is_damage() {
    let disk = MemoryDisk::new();
    let name = write(&disk, POSITION, b"", &stream(1000)).unwrap();
    disk.make_unreadable(&name, 600);
    assert!(matches!(verify(&disk, &name, GROUP), Err(SnapshotError::Damaged(_))));
}

/// Copies a file as two members do.
fn transfer(from: &MemoryDisk, to: &MemoryDisk, name: &str, piece: usize) -> IncomingSnapshot<MemoryDisk> {
    let bytes = SnapshotBytes::open(from, name).unwrap();
    let mut incoming = IncomingSnapshot::start(to.clone(), GROUP, POSITION).unwrap();
    while incoming.received() < bytes.length() {
        incoming.append(&bytes.read(incoming.received(), piece).unwrap()).unwrap();
    }
    assert!(bytes.read(bytes.length(), piece).unwrap().is_empty());
    incoming
}

#[test]
fn a_received_file_is_the_one_that_was_sent() {
    let (from, to) = (MemoryDisk::new(), MemoryDisk::new());
    let name = write(&from, POSITION, b"section", &stream(100_000)).unwrap();
    let info = transfer(&from, &to, &name, 10_000).finish().unwrap();
    assert_eq!(info.name, name);
    to.crash_power(|_| false);
    assert_eq!(to.contents(&name), from.contents(&name));
}

#[test]
fn a_received_file_that_is_damaged_or_incomplete_is_removed() {
    // S9: a short file is never taken for a whole one.
    let (from, to) = (MemoryDisk::new(), MemoryDisk::new());
    let name = write(&from, POSITION, b"section", &stream(1000)).unwrap();
    let bytes = from.contents(&name).unwrap();
    for length in (0..bytes.len()).step_by(50) {
        let mut incoming = IncomingSnapshot::start(to.clone(), GROUP, POSITION).unwrap();
        incoming.append(&bytes[..length]).unwrap();
        assert!(matches!(incoming.finish(), Err(SnapshotError::Damaged(_))));
        assert!(to.list().unwrap().is_empty());
    }
    let elsewhere = IncomingSnapshot::start(to.clone(), GROUP, Base { index: 7, term: 1 });
    let mut elsewhere = elsewhere.unwrap();
    elsewhere.append(&bytes).unwrap();
    assert!(matches!(elsewhere.finish(), Err(SnapshotError::OtherPosition { .. })));
}

#[test]
fn a_received_file_that_gets_no_name_is_removed() {
    let leader = MemoryDisk::new();
    let name = write(&leader, POSITION, &stream(10), &stream(1000)).unwrap();
    let follower = MemoryDisk::new();
    let incoming = transfer(&leader, &follower, &name, 100);
    follower.fail(Operation::Rename, 0);
    assert!(matches!(incoming.finish(), Err(SnapshotError::Io(_))));
    assert_eq!(follower.list().unwrap(), [] as [String; 0]);
}

#[test]
fn the_newest_snapshot_is_the_one_with_the_highest_position() {
    let disk = MemoryDisk::new();
    assert_eq!(snapshot_file::newest(&disk).unwrap(), None);
    for (index, term) in [(9, 3), (100, 4), (20, 4)] {
        write(&disk, Base { index, term }, b"", b"x").unwrap();
    }
    let listed: Vec<u64> = snapshot_file::list(&disk).unwrap().iter().map(|found| found.position.index).collect();
    assert_eq!(listed, [9, 20, 100]);
    let newest = snapshot_file::newest(&disk).unwrap().unwrap();
    assert_eq!(newest.position, Base { index: 100, term: 4 });
    snapshot_file::remove(&disk, &newest.name).unwrap();
    disk.crash_power(|_| false);
    assert_eq!(snapshot_file::newest(&disk).unwrap().unwrap().position.index, 20);
}

#[test]
fn a_crash_anywhere_leaves_the_whole_snapshot_or_none() {
    // S10, D2: and once it was reported as finished, it is there.
    let (disk, sender) = (MemoryDisk::new(), MemoryDisk::new());
    let sent = write(&sender, POSITION, b"section", &stream(3000)).unwrap();
    let mut states = 0;
    for received in [false, true] {
        let recorded = disk.fork();
        recorded.record();
        if received {
            transfer(&sender, &recorded, &sent, 1000).finish().unwrap();
        } else {
            write(&recorded, POSITION, b"section", &stream(3000)).unwrap();
        }
        let world = disk.fork();
        for step in recorded.tape() {
            states += check_crashes(&world, &step);
            world.play(&step);
        }
        world.crash_power(|_| false);
        assert_eq!(snapshot_file::list(&world).unwrap().len(), 1, "it was finished");
    }
    println!("{states} crash states");
    assert!(states > 500);
}

/// Tries power cuts around a call, and says how many.
fn check_crashes(world: &MemoryDisk, step: &Step) -> u64 {
    let done = world.fork();
    done.play(step);
    let things = done.unsynced().len();
    let subsets = 1_u64 << things.min(7);
    for subset in 0..subsets {
        let crashed = done.fork();
        let mut thing = 0;
        crashed.crash_power(|_| {
            thing += 1;
            subset >> (thing % 7) & 1 == 1
        });
        for found in snapshot_file::list(&crashed).unwrap() {
            assert!(verify(&crashed, &found.name, GROUP).is_ok(), "a part of a snapshot has its name");
        }
        snapshot_file::remove_unfinished(&crashed).unwrap();
        assert_eq!(crashed.list().unwrap().len(), snapshot_file::list(&crashed).unwrap().len(), "nothing else is left");
    }
    subsets
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    // D8
    let disk = MemoryDisk::new();
    disk.limit(Some(10_000));
    let mut writer = SnapshotWriter::create(disk.clone(), GROUP, POSITION, b"section").unwrap();
    let error = writer.write_all(&stream(200_000)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    writer.abandon();
    assert!(disk.list().unwrap().is_empty());
}
