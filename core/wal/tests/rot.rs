//! Rot: a changed byte, a cut file, a lost file or an unreadable sector is refused or does no harm; it never silently loses what was
//! acknowledged.

#![allow(clippy::unwrap_used)]

mod support;

use quorate_wal::memory_disk::{MemoryDisk, Operation};
use quorate_wal::{Disk, OpenError, Options, Wal};
use support::model::Model;
use support::workload::{self, Action};

const SEGMENT_BYTES: u64 = 2048;

fn options() -> Options {
    Options { segment_bytes: SEGMENT_BYTES, ..Options::new(3) }
}

/// A log of several segments, sealed or not, and what is in it.
fn a_log(seed: u64, sealed: bool) -> (MemoryDisk, Model) {
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    let mut model = Model::default();
    for action in workload::mixed(24, seed) {
        if let Action::Put(batch) = action {
            wal.write(&batch).unwrap();
            wal.sync().unwrap();
            model.apply(&batch);
        }
    }
    for round in 0..8 {
        let batch = workload::plain_batch(&model, round);
        wal.write(&batch).unwrap();
        wal.sync().unwrap();
        model.apply(&batch);
    }
    if sealed {
        wal.seal().unwrap();
    }
    disk.crash_process();
    (disk, model)
}

fn open(disk: &MemoryDisk) -> Result<Model, OpenError> {
    Wal::open(disk.clone(), options()).map(|(_, recovered)| Model::from(&recovered))
}

fn segments(disk: &MemoryDisk) -> Vec<String> {
    let mut names: Vec<String> = disk.list().unwrap().into_iter().filter(|name| name.starts_with("log-")).collect();
    names.sort();
    names
}

/// Where the last batch of the log begins: up to there the newest segment is followed by something valid.
fn last_batch_begins(disk: &MemoryDisk) -> usize {
    // Recovery writes the last batch again before anything else.
    let copy = disk.fork();
    copy.record();
    open(&copy).unwrap();
    let first_write = copy.tape().into_iter().find_map(|step| match step {
        quorate_wal::memory_disk::Step::Write(_, offset, _) => Some(offset),
        _ => None,
    });
    usize::try_from(first_write.unwrap()).unwrap()
}

#[test]
fn a_changed_byte_is_refused_or_harmless() {
    // D3, D5: only the last batch of an unclean stop can't be told from a tear.
    let (mut refused, mut harmless) = (0, 0);
    for (seed, sealed) in [(1, false), (2, false), (3, true), (5, true)] {
        let (disk, model) = a_log(seed, sealed);
        let names = segments(&disk);
        assert!(names.len() > 1);
        let unprotected = if sealed { usize::MAX } else { last_batch_begins(&disk) };
        for name in &names {
            let newest = Some(name) == names.last();
            for place in 0..disk.contents(name).unwrap().len() {
                let rotten = disk.fork();
                rotten.rot(name, |bytes| bytes[place] ^= 1 << (place % 8));
                match open(&rotten) {
                    Ok(found) if found == model => harmless += 1,
                    Ok(_) => {
                        assert!(newest && place >= unprotected, "{name}, byte {place} of seed {seed}: silently lost");
                    }
                    Err(OpenError::Damaged(damage)) => {
                        assert!(names.contains(&damage.file), "{damage}");
                        refused += 1;
                    }
                    Err(OpenError::OtherVersion { .. }) => refused += 1,
                    Err(other) => panic!("{name}, byte {place}: {other}"),
                }
            }
        }
    }
    println!("{refused} changes refused, {harmless} harmless");
    assert!(refused > 5_000);
}

#[test]
fn a_zeroed_or_foreign_sector_is_refused_or_harmless() {
    // D5, D6: a lost write or a misdirected one, of one sector.
    for (seed, fill) in [(1, 0), (3, 0xff), (4, 0)] {
        let (disk, model) = a_log(seed, true);
        for name in segments(&disk) {
            for sector in 0..disk.contents(&name).unwrap().len() / 512 {
                let rotten = disk.fork();
                rotten.rot(&name, |bytes| bytes[sector * 512..][..512].fill(fill));
                if let Ok(found) = open(&rotten) {
                    // The seal and the batch before it may share the sector: then it is the one of an unclean stop.
                    assert!(found == model || sector * 512 + 512 > last_batch_begins(&disk), "{name}, sector {sector}");
                }
            }
        }
    }
}

#[test]
fn a_cut_file_is_refused_whatever_its_length() {
    // D3: a file is never shorter than it was made.
    let (disk, _) = a_log(1, false);
    for name in segments(&disk) {
        for length in 0..disk.contents(&name).unwrap().len() {
            let cut = disk.fork();
            cut.rot(&name, |bytes| bytes.truncate(length));
            let error = open(&cut).unwrap_err();
            assert!(matches!(error, OpenError::Damaged(_)), "{name} cut to {length}: {error}");
        }
    }
}

#[test]
fn a_lost_or_exchanged_segment_is_refused() {
    // D7, D13: only of the newest segment nobody can tell that it was there.
    let (disk, model) = a_log(2, false);
    let names = segments(&disk);
    for (place, name) in names.iter().enumerate().take(names.len() - 1) {
        let lost = disk.fork();
        lost.remove(name).unwrap();
        assert!(open(&lost).map_or(true, |found| found == model), "{name} is lost");
        let exchanged = disk.fork();
        exchanged.rename(&names[place + 1], name).unwrap();
        assert!(open(&exchanged).map_or(true, |found| found == model), "{name} is another");
    }
}

#[test]
fn an_unreadable_sector_is_damage_and_never_a_tear() {
    // D6: also where the log has not come to yet, since nobody knows whether it has.
    let (disk, _) = a_log(1, false);
    for name in segments(&disk) {
        for sector in 0..disk.contents(&name).unwrap().len() as u64 / 512 {
            let broken = disk.fork();
            broken.make_unreadable(&name, sector * 512);
            let before = broken.fingerprint();
            let error = open(&broken).unwrap_err();
            assert!(matches!(&error, OpenError::Damaged(damage) if damage.file == name), "{error}");
            assert_eq!(broken.fingerprint(), before, "nothing is changed");
        }
    }
}

#[test]
fn damage_is_named_with_file_offset_and_what_to_do() {
    let (disk, _) = a_log(1, false);
    let name = &segments(&disk)[0];
    disk.rot(name, |bytes| bytes[100] ^= 1);
    let before = disk.fingerprint();
    let text = open(&disk).unwrap_err().to_string();
    assert!(text.contains(name) && text.contains("at byte 0: ") && text.contains("remove the member"), "{text}");
    assert_eq!(disk.fingerprint(), before, "nothing is changed");
}

#[test]
fn a_newer_version_is_refused_by_name() {
    let (disk, _) = a_log(1, false);
    disk.rot(&segments(&disk)[0], |bytes| bytes[6] = 2);
    assert!(matches!(open(&disk), Err(OpenError::OtherVersion { found: 2, .. })));
}

#[test]
fn a_failed_call_while_opening_is_an_error_and_the_next_start_is_well() {
    // D9, D19: also when the syncs of the first start failed, all that the second one returns is durable.
    let (disk, model) = a_log(1, false);
    for operation in
        [Operation::List, Operation::Open, Operation::Read, Operation::Write, Operation::Sync, Operation::SyncDir]
    {
        for after in 0..20 {
            let failing = disk.fork();
            failing.fail(operation, after);
            let failed = open(&failing).is_err();
            failing.heal();
            failing.crash_process();
            assert_eq!(open(&failing).unwrap(), model, "{operation:?} {after}");
            failing.crash_power(|_| false);
            assert_eq!(open(&failing).unwrap(), model, "{operation:?} {after}");
            if !failed {
                break;
            }
            assert!(after < 19, "{operation:?} always fails");
        }
    }
}
