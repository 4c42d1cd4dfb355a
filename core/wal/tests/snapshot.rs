//! Snapshot files: complete and durable or not there, and never believed when damaged.

#![allow(clippy::unwrap_used)]

use quorate_wal::memory_disk::{MemoryDisk, MemoryFile, Operation, Step, Unsynced};
use quorate_wal::snapshot_file::{
    self, IncomingSnapshot, SnapshotBytes, SnapshotError, SnapshotId, SnapshotReader, SnapshotWriter, verify,
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

/// Copies what the other lacks of a file, as two members do.
fn send(from: &SnapshotBytes<MemoryFile>, incoming: &mut IncomingSnapshot<MemoryDisk>, piece: usize) {
    let mut at = incoming.go_on();
    while at < from.id().length {
        let bytes = from.read(at, piece).unwrap();
        incoming.append(at, &bytes).unwrap();
        at += bytes.len() as u64;
    }
    assert!(from.read(from.id().length, piece).unwrap().is_empty());
}

fn transfer(from: &MemoryDisk, to: &MemoryDisk, name: &str, piece: usize) -> IncomingSnapshot<MemoryDisk> {
    let bytes = SnapshotBytes::open(from, name).unwrap();
    let mut incoming = IncomingSnapshot::start(to.clone(), GROUP, bytes.id()).unwrap();
    send(&bytes, &mut incoming, piece);
    incoming
}

#[test]
fn a_received_file_is_the_one_that_was_sent() {
    let (from, to) = (MemoryDisk::new(), MemoryDisk::new());
    let name = write(&from, POSITION, b"section", &stream(100_000)).unwrap();
    for piece in [1, 10_000, 1 << 20] {
        let complete = transfer(&from, &to, &name, piece).complete().unwrap();
        assert_eq!(complete.reader().unwrap().verify().unwrap().bytes, from.contents(&name).unwrap().len() as u64);
        assert_eq!(complete.publish().unwrap().name, name);
        to.crash_power(|_| false);
        assert_eq!(to.contents(&name), from.contents(&name));
    }
}

/// A file of many small chunks.
fn write_small(disk: &MemoryDisk, state: &[u8]) -> String {
    let mut writer = SnapshotWriter::create_with(disk.clone(), GROUP, POSITION, b"section", 100).unwrap();
    writer.write_all(state).unwrap();
    writer.finish().unwrap().name
}

#[test]
fn a_transfer_that_is_cut_anywhere_goes_on_behind_the_last_whole_chunk() {
    // S8, S17: after the end of a connection, of a process and of the power.
    let from = MemoryDisk::new();
    let name = write_small(&from, &stream(1000));
    let whole = from.contents(&name).unwrap();
    let bytes = SnapshotBytes::open(&from, &name).unwrap();
    let mut resumed = 0;
    for cut in 0..whole.len() {
        for life in ["the same", "of the next process", "after the power went"] {
            let to = MemoryDisk::new();
            let mut incoming = IncomingSnapshot::start(to.clone(), GROUP, bytes.id()).unwrap();
            incoming.append(0, &whole[..cut]).unwrap();
            if life != "the same" {
                if life == "of the next process" {
                    to.crash_process();
                } else {
                    to.crash_power(|unsynced| matches!(unsynced, Unsynced::Name(_)));
                }
                snapshot_file::remove_unfinished(&to).unwrap();
                let begun = IncomingSnapshot::resume(to.clone(), GROUP, bytes.id()).unwrap();
                incoming = begun.unwrap_or_else(|| panic!("{cut}, {life}: nothing is left"));
            }
            let held = incoming.go_on();
            assert!(
                held <= cut as u64 && (held + 116 > cut as u64 || life == "after the power went"),
                "{cut}, {life}: {held}"
            );
            resumed += u32::from(held > 0);
            send(&bytes, &mut incoming, 50);
            incoming.complete().unwrap().publish().unwrap();
            to.crash_power(|_| false);
            assert_eq!(to.contents(&name).as_ref(), Some(&whole), "{cut}, {life}");
        }
    }
    assert!(resumed > 2000, "{resumed}");
}

#[test]
fn what_an_earlier_life_received_is_durable_before_it_counts() {
    // D19: its sync failed and nobody was left to know, so the platter lacks what the cache shows.
    let (from, to) = (MemoryDisk::new(), MemoryDisk::new());
    let name = write_small(&from, &stream(1000));
    let bytes = SnapshotBytes::open(&from, &name).unwrap();
    let mut incoming = IncomingSnapshot::start(to.clone(), GROUP, bytes.id()).unwrap();
    send(&bytes, &mut incoming, 100);
    to.lose_syncs(true);
    let _name_not_given = incoming.complete().unwrap();
    to.lose_syncs(false);
    to.sync_dir().unwrap();
    to.crash_process();
    let mut incoming = IncomingSnapshot::resume(to.clone(), GROUP, bytes.id()).unwrap().unwrap();
    assert_eq!(incoming.go_on(), bytes.id().length);
    incoming.complete().unwrap().publish().unwrap();
    to.crash_power(|_| false);
    assert!(verify(&to, &name, GROUP).is_ok());
}

#[test]
fn chunks_that_come_twice_or_before_their_time_do_no_harm() {
    // S17
    let (from, to) = (MemoryDisk::new(), MemoryDisk::new());
    let name = write_small(&from, &stream(1000));
    let whole = from.contents(&name).unwrap();
    let id = SnapshotBytes::open(&from, &name).unwrap().id();
    let mut incoming = IncomingSnapshot::start(to.clone(), GROUP, id).unwrap();
    incoming.append(0, &whole[..500]).unwrap();
    incoming.append(0, &whole[..300]).unwrap();
    incoming.append(400, &whole[400..600]).unwrap();
    let gap = incoming.append(700, &whole[700..]).unwrap_err();
    assert!(matches!(gap, SnapshotError::Gap { expected: 600, found: 700, .. }), "{gap}");
    incoming.append(550, &whole[550..]).unwrap();
    let more = incoming.append(whole.len() as u64, b"more").unwrap_err();
    assert!(matches!(more, SnapshotError::Arrived(_)), "{more}");
    incoming.complete().unwrap().publish().unwrap();
    assert_eq!(to.contents(&name), Some(whole));
}

#[test]
fn a_bit_that_turns_on_its_way_is_noticed_at_its_chunk_and_only_that_is_sent_again() {
    let from = MemoryDisk::new();
    let name = write_small(&from, &stream(1000));
    let whole = from.contents(&name).unwrap();
    let bytes = SnapshotBytes::open(&from, &name).unwrap();
    for byte in 0..whole.len() {
        let to = MemoryDisk::new();
        let mut incoming = IncomingSnapshot::start(to.clone(), GROUP, bytes.id()).unwrap();
        let mut turned = whole.clone();
        turned[byte] ^= 8;
        let error = incoming.append(0, &turned).unwrap_err();
        let held = incoming.go_on();
        assert!(held <= byte as u64 && held + 116 > byte as u64 || held == 0 && byte < 36, "{byte}: {held}, {error}");
        send(&bytes, &mut incoming, 300);
        assert!(incoming.complete().is_ok(), "{byte}");
    }
}

#[test]
fn what_a_sender_can_not_read_or_was_changed_does_not_leave_it() {
    // S8, D5
    let disk = MemoryDisk::new();
    let name = write_small(&disk, &stream(1000));
    let whole = disk.contents(&name).unwrap();
    let sent = |disk: &MemoryDisk| {
        let bytes = SnapshotBytes::open(disk, &name)?;
        let mut at = 0;
        while at < bytes.id().length {
            at += bytes.read(at, 200)?.len() as u64;
        }
        Ok::<_, SnapshotError>(())
    };
    assert_eq!(sent(&disk), Ok(()));
    for byte in 0..whole.len() {
        let rotten = disk.fork();
        rotten.rot(&name, |bytes| bytes[byte] ^= 1);
        assert!(sent(&rotten).is_err(), "{byte}");
        let shorter = disk.fork();
        shorter.rot(&name, |bytes| bytes.truncate(byte));
        assert!(matches!(sent(&shorter), Err(SnapshotError::Damaged(_))), "cut at {byte}");
    }
    disk.make_unreadable(&name, 600);
    assert!(matches!(sent(&disk), Err(SnapshotError::Damaged(_))));
    let bytes = SnapshotBytes::open(&disk, &name).unwrap();
    assert!(bytes.read(40, 100).is_err(), "no chunk begins there");
}

#[test]
fn a_received_file_that_is_incomplete_or_another_is_removed() {
    // S9: a short file is never taken for a whole one.
    let (from, to) = (MemoryDisk::new(), MemoryDisk::new());
    let name = write(&from, POSITION, b"section", &stream(1000)).unwrap();
    let bytes = from.contents(&name).unwrap();
    let id = SnapshotBytes::open(&from, &name).unwrap().id();
    for length in (0..bytes.len()).step_by(50) {
        let mut incoming = IncomingSnapshot::start(to.clone(), GROUP, id).unwrap();
        incoming.append(0, &bytes[..length]).unwrap();
        assert!(matches!(incoming.complete(), Err(SnapshotError::Arrived(_))));
        assert!(to.list().unwrap().is_empty());
    }
    let others = [
        SnapshotId { position: Base { index: 7, term: 1 }, ..id },
        SnapshotId { checksum: id.checksum ^ 1, ..id },
        SnapshotId { length: id.length + 1, ..id },
    ];
    for other in others {
        let mut elsewhere = IncomingSnapshot::start(to.clone(), GROUP, other).unwrap();
        assert!(matches!(elsewhere.append(0, &bytes), Err(SnapshotError::Arrived(_))));
    }
    let mut elsewhere = IncomingSnapshot::start(to.clone(), GROUP + 1, id).unwrap();
    assert!(matches!(elsewhere.append(0, &bytes), Err(SnapshotError::Arrived(_))));
}

#[test]
fn a_received_file_that_gets_no_name_is_removed() {
    let leader = MemoryDisk::new();
    let name = write(&leader, POSITION, &stream(10), &stream(1000)).unwrap();
    let follower = MemoryDisk::new();
    let complete = transfer(&leader, &follower, &name, 100).complete().unwrap();
    follower.fail(Operation::Rename, 0);
    assert!(matches!(complete.publish(), Err(SnapshotError::Io(_))));
    assert_eq!(follower.list().unwrap(), [] as [String; 0]);
}

#[test]
fn of_what_an_earlier_life_received_the_newest_stays_while_it_is_of_use() {
    let disk = MemoryDisk::new();
    let id = |index| SnapshotId { position: Base { index, term: 4 }, length: 900, checksum: 5 };
    for index in [20, 30] {
        IncomingSnapshot::start(disk.clone(), GROUP, id(index)).unwrap();
    }
    SnapshotWriter::create(disk.clone(), GROUP, POSITION, b"").unwrap();
    disk.create("somebody-elses.tmp").unwrap();
    snapshot_file::remove_unfinished(&disk).unwrap();
    assert_eq!(disk.list().unwrap().len(), 2, "{:?}", disk.list());
    write(&disk, Base { index: 30, term: 4 }, b"", b"x").unwrap();
    snapshot_file::remove_unfinished(&disk).unwrap();
    assert!(disk.list().unwrap().iter().all(|name| !name.starts_with("incoming")), "{:?}", disk.list());
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
            transfer(&sender, &recorded, &sent, 1000).complete().unwrap().publish().unwrap();
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
        let begun = crashed.list().unwrap().iter().filter(|name| name.starts_with("incoming")).count();
        let complete = snapshot_file::list(&crashed).unwrap().len();
        assert_eq!(crashed.list().unwrap().len(), complete + begun, "nothing else is left");
        assert!(complete + begun <= 1);
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
