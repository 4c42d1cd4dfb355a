//! The log in everyday use: what was synced is there after each way of stopping, and misuse is refused.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use quorate_wal::memory_disk::{MemoryDisk, Operation};
use quorate_wal::{Base, BaseChange, Batch, Chore, Entry, HardState, OpenError, Options, Recovered, Wal, WriteError};
use std::io;

fn options() -> Options {
    Options { segment_bytes: 4096, ..Options::new(1) }
}

fn entries(from: u64, count: u64, term: u64, bytes: usize) -> Vec<Entry> {
    (from..from + count).map(|index| Entry { index, term, bytes: Bytes::from(vec![b'x'; bytes]) }).collect()
}

fn hard_state(term: u64, vote: u64, commit: u64) -> HardState {
    HardState { term, vote, commit }
}

fn put(wal: &mut Wal<MemoryDisk>, batch: &Batch) {
    wal.write(batch).unwrap();
    wal.sync().unwrap();
}

fn open(disk: &MemoryDisk) -> (Wal<MemoryDisk>, Recovered) {
    Wal::open(disk.clone(), options()).unwrap()
}

fn run_chores(disk: &MemoryDisk, wal: &mut Wal<MemoryDisk>) {
    while let Some(chore) = wal.next_chore() {
        match chore.perform(disk) {
            Ok(()) => wal.chore_done(&chore),
            Err(_) => return wal.chore_failed(&chore),
        }
    }
}

#[test]
fn what_was_synced_is_there_after_a_power_cut() {
    // A12, D2: term, vote and log survive a crash once their sync returned.
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    put(&mut wal, &Batch::new(hard_state(1, 2, 0)).with_entries(entries(1, 3, 1, 100)));
    wal.write(&Batch::new(hard_state(2, 0, 0))).unwrap();
    disk.crash_power(|_| false);
    let (_, recovered) = open(&disk);
    assert_eq!(recovered.hard_state, hard_state(1, 2, 0));
    assert_eq!(recovered.entries, entries(1, 3, 1, 100));
    assert_eq!(recovered.incarnation, 2);
}

#[test]
fn a_torn_write_is_cut_and_reported_with_its_place() {
    // D3, D17
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    put(&mut wal, &Batch::new(hard_state(1, 1, 0)).with_entries(entries(1, 1, 1, 100)));
    wal.write(&Batch::new(hard_state(1, 1, 0)).with_entries(entries(2, 3, 1, 500))).unwrap();
    let mut first = true;
    disk.crash_power(|_| std::mem::take(&mut first));
    let (_, recovered) = open(&disk);
    assert_eq!(recovered.entries, entries(1, 1, 1, 100));
    let torn = recovered.torn.unwrap();
    assert_eq!((torn.file.as_str(), torn.batch), ("log-00000000000000000001.wal", 3));
    assert_eq!(torn.to_string(), format!("{}: batch 3 at byte {} was not complete and is cut", torn.file, torn.offset));
    disk.crash_process();
    assert_eq!(open(&disk).1.torn, None, "it was cut");
}

#[test]
fn every_start_has_a_higher_incarnation() {
    let disk = MemoryDisk::new();
    let (_, recovered) = Wal::create(disk.clone(), options()).unwrap();
    assert_eq!(recovered.incarnation, 1);
    for incarnation in 2..200 {
        disk.crash_power(|_| false);
        assert_eq!(open(&disk).1.incarnation, incarnation);
    }
}

#[test]
fn a_folder_without_a_log_is_not_opened_and_one_with_a_log_not_created() {
    // E4: no start at term 0 by accident.
    let disk = MemoryDisk::new();
    assert!(matches!(Wal::open(disk.clone(), options()), Err(OpenError::NoLog)));
    assert!(!Wal::exists(&disk).unwrap());
    let (wal, _) = Wal::create(disk.clone(), options()).unwrap();
    drop(wal);
    assert!(Wal::exists(&disk).unwrap());
    let error = Wal::create(disk.clone(), options()).unwrap_err();
    assert!(matches!(error, OpenError::AlreadyThere { .. }), "{error}");
}

#[test]
fn a_log_that_was_lost_is_not_created_anew() {
    // E4: spares and snapshots say that a member ran here before.
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    run_chores(&disk, &mut wal);
    let name = "log-00000000000000000001.wal";
    quorate_wal::Disk::remove(&disk, name).unwrap();
    let error = Wal::create(disk.clone(), options()).unwrap_err();
    assert!(matches!(error, OpenError::Remains { .. }), "{error}");
}

#[test]
fn a_sealed_log_is_known_as_clean_and_goes_on() {
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    put(&mut wal, &Batch::new(hard_state(1, 1, 0)).with_entries(entries(1, 2, 1, 10)));
    wal.seal().unwrap();
    disk.crash_process();
    let (mut wal, recovered) = open(&disk);
    assert!(recovered.clean);
    put(&mut wal, &Batch::new(hard_state(1, 1, 2)).with_entries(entries(3, 1, 1, 10)));
    drop(wal);
    disk.crash_process();
    let (_, recovered) = open(&disk);
    assert!(!recovered.clean);
    assert_eq!(recovered.entries, entries(1, 3, 1, 10));
}

#[test]
fn a_reset_and_its_entries_go_in_one_batch() {
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    put(&mut wal, &Batch::new(hard_state(1, 0, 0)).with_entries(entries(1, 5, 1, 10)));
    let base = Base { index: 100, term: 3 };
    let batch =
        Batch::new(hard_state(4, 0, 100)).with_base(BaseChange::Reset(base)).with_entries(entries(101, 2, 4, 10));
    put(&mut wal, &batch);
    disk.crash_power(|_| false);
    let (_, recovered) = open(&disk);
    assert_eq!(recovered.base, base);
    assert_eq!(recovered.entries, entries(101, 2, 4, 10));
}

#[test]
fn compacted_segments_are_used_again_and_the_log_stays_small() {
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    let mut most = 0;
    for round in 0..400 {
        let index = round * 4;
        let batch = Batch::new(hard_state(1, 0, index)).with_entries(entries(index + 1, 4, 1, 200));
        put(&mut wal, &batch);
        if round % 10 == 9 {
            let base = Base { index: index - 4, term: 1 };
            put(&mut wal, &Batch::new(hard_state(1, 0, index)).with_base(BaseChange::Compaction(base)));
        }
        run_chores(&disk, &mut wal);
        most = most.max(quorate_wal::Disk::list(&disk).unwrap().len());
    }
    assert!(most <= 9, "{most} files at once");
    disk.crash_process();
    let (_, recovered) = open(&disk);
    assert_eq!(recovered.entries.first().unwrap().index, recovered.base.index + 1);
    assert_eq!(recovered.entries.last().unwrap().index, 1600);
}

#[test]
fn a_failed_sync_poisons_the_log_for_good() {
    // D1: the second sync would succeed without having written anything.
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    wal.write(&Batch::new(hard_state(1, 1, 0))).unwrap();
    disk.fail(Operation::Sync, 0);
    let failed = wal.sync().unwrap_err();
    assert!(matches!(failed, WriteError::Failed(_)));
    assert_eq!(wal.sync().unwrap_err(), failed);
    assert_eq!(wal.write(&Batch::new(hard_state(2, 1, 0))).unwrap_err(), failed);
    assert!(failed.to_string().contains("log-00000000000000000001.wal"), "{failed}");
}

#[test]
fn a_full_disk_refuses_entries_and_takes_votes_until_there_is_room() {
    // D8: no room for the next segment is no failed write.
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    disk.limit(Some(3 * 4096));
    let mut index = 0;
    let refused = loop {
        let batch = Batch::new(hard_state(1, 0, 0)).with_entries(entries(index + 1, 1, 1, 500));
        match wal.write(&batch) {
            Ok(()) => wal.sync().unwrap(),
            Err(error) => break error,
        }
        index += 1;
        run_chores(&disk, &mut wal);
    };
    assert_eq!(refused, WriteError::NoRoom);
    assert!(index > 8, "two segments were filled before");
    for term in 2..40 {
        put(&mut wal, &Batch::new(hard_state(term, 3, 0)));
        run_chores(&disk, &mut wal);
        let ordinary = Batch::new(hard_state(term, 3, 0)).with_entries(entries(index + 1, 1, term, 500));
        assert_eq!(wal.write(&ordinary).unwrap_err(), WriteError::NoRoom, "term {term}");
    }
    put(&mut wal, &Batch::new(hard_state(40, 3, 0)).with_entries(entries(index + 1, 1, 40, 100)).essential());
    disk.limit(None);
    run_chores(&disk, &mut wal);
    put(&mut wal, &Batch::new(hard_state(40, 3, 0)).with_entries(entries(index + 2, 1, 40, 500)));
    disk.crash_power(|_| false);
    assert_eq!(open(&disk).1.entries.len() as u64, index + 2);
}

#[test]
fn a_batch_above_a_segment_gets_one_of_its_own_size() {
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    put(&mut wal, &Batch::new(hard_state(1, 0, 0)).with_entries(entries(1, 1, 1, 20_000)));
    put(&mut wal, &Batch::new(hard_state(1, 0, 0)).with_entries(entries(2, 1, 1, 1_000)));
    disk.crash_power(|_| false);
    let (_, recovered) = open(&disk);
    assert_eq!(recovered.entries[0].bytes.len(), 20_000);
    assert_eq!(recovered.entries.len(), 2);
}

#[test]
fn a_large_segment_is_read_back_piece_by_piece() {
    let disk = MemoryDisk::new();
    let options = Options { segment_bytes: 4 << 20, ..options() };
    let (mut wal, _) = Wal::create(disk.clone(), options).unwrap();
    let entry = |index: u64| Entry { index, term: 1, bytes: Bytes::from(vec![u8::try_from(index).unwrap(); 100_000]) };
    for index in 1..=35 {
        put(&mut wal, &Batch::new(hard_state(1, 0, 0)).with_entries(vec![entry(index)]));
    }
    disk.crash_power(|_| false);
    let (_, recovered) = Wal::open(disk, options).unwrap();
    assert!(recovered.entries == (1..=35).map(entry).collect::<Vec<_>>());
}

#[test]
fn a_spare_made_after_a_restart_replaces_none_that_is_there() {
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    run_chores(&disk, &mut wal);
    let spares = |disk: &MemoryDisk| {
        let names = quorate_wal::Disk::list(disk).unwrap();
        names.iter().filter(|name| name.starts_with("spare-")).count()
    };
    assert_eq!((spares(&disk), wal.usage().spares), (2, 2));
    // The second batch opens the next segment, which takes one of the spares.
    for index in 1..=2 {
        put(&mut wal, &Batch::new(hard_state(1, 0, 0)).with_entries(entries(index, 1, 1, 3000)));
    }
    assert_eq!(spares(&disk), 1);
    disk.crash_process();
    let (mut wal, _) = open(&disk);
    run_chores(&disk, &mut wal);
    assert_eq!((spares(&disk), wal.usage().spares), (2, 2));
}

#[test]
fn a_batch_above_the_limit_is_refused_and_the_log_goes_on() {
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    let huge = Batch::new(hard_state(1, 0, 0)).with_entries(entries(1, 17, 1, 1 << 20));
    assert!(matches!(wal.write(&huge), Err(WriteError::TooLarge { .. })));
    put(&mut wal, &Batch::new(hard_state(1, 0, 0)).with_entries(entries(1, 1, 1, 10)));
}

#[test]
fn a_batch_that_does_not_follow_is_refused_and_nothing_of_it_is_written() {
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    put(&mut wal, &Batch::new(hard_state(2, 1, 1)).with_entries(entries(1, 3, 2, 10)));
    let before = disk.fingerprint();
    let wrong = [
        Batch::new(hard_state(1, 1, 1)),
        Batch::new(hard_state(2, 2, 1)),
        Batch::new(hard_state(2, 1, 0)),
        Batch::new(hard_state(2, 1, 1)).with_entries(entries(5, 1, 2, 10)),
        Batch::new(hard_state(2, 1, 1)).truncating_from(5),
        Batch::new(hard_state(2, 1, 1)).truncating_from(0),
        Batch::new(hard_state(2, 1, 1)).with_base(BaseChange::Compaction(Base { index: 4, term: 2 })),
    ];
    for batch in wrong {
        assert!(matches!(wal.write(&batch), Err(WriteError::Invalid(_))), "{batch:?}");
    }
    assert_eq!(disk.fingerprint(), before);
}

#[test]
fn one_batch_is_in_flight_at_a_time() {
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk, options()).unwrap();
    wal.write(&Batch::new(hard_state(1, 0, 0))).unwrap();
    assert!(matches!(wal.write(&Batch::new(hard_state(2, 0, 0))), Err(WriteError::Invalid(_))));
    wal.sync().unwrap();
    put(&mut wal, &Batch::new(hard_state(2, 0, 0)));
}

#[test]
fn a_log_of_another_group_is_refused() {
    // C9
    let disk = MemoryDisk::new();
    Wal::create(disk.clone(), options()).unwrap();
    let error = Wal::open(disk, Options { group: 7, ..options() }).unwrap_err();
    assert!(matches!(error, OpenError::OtherGroup { found: 0, expected: 7, .. }), "{error}");
}

#[test]
fn options_that_contradict_themselves_are_refused() {
    for options in [Options { segment_bytes: 100, ..options() }, Options { spares: 0, ..options() }] {
        assert!(matches!(Wal::create(MemoryDisk::new(), options), Err(OpenError::Options(_))));
    }
}

#[test]
fn a_failure_of_every_single_call_surfaces() {
    // D9: no error of the disk is swallowed on the way to durability, and a restart finds all that was acknowledged.
    let operations = [Operation::Create, Operation::Open, Operation::Write, Operation::Sync, Operation::SyncDir];
    for operation in operations {
        for after in 0..30 {
            let disk = MemoryDisk::new();
            let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
            disk.fail(operation, after);
            let mut acknowledged = 0;
            let failed = loop {
                let batch = Batch::new(hard_state(1, 0, 0)).with_entries(entries(acknowledged + 1, 1, 1, 1000));
                if let Err(error) = wal.write(&batch).and_then(|()| wal.sync()) {
                    break error;
                }
                acknowledged += 1;
            };
            assert!(matches!(failed, WriteError::Failed(_)), "{operation:?} {after}: {failed}");
            disk.crash_power(|_| false);
            let found = open(&disk).1.entries.len() as u64;
            assert_eq!(found, acknowledged, "{operation:?} {after}");
        }
    }
}

#[test]
fn a_log_works_in_a_real_folder() {
    let folder = tempfile::tempdir().unwrap();
    let disk = quorate_wal::folder_disk::FolderDisk::open(folder.path()).unwrap();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    for index in 1..50 {
        wal.write(&Batch::new(hard_state(1, 0, 0)).with_entries(entries(index, 1, 1, 500))).unwrap();
        wal.sync().unwrap();
        if let Some(chore) = wal.next_chore() {
            chore.perform(&disk).unwrap();
            wal.chore_done(&chore);
        }
    }
    wal.seal().unwrap();
    let (_, recovered) = Wal::open(disk, options()).unwrap();
    assert_eq!(recovered.entries, entries(1, 49, 1, 500));
    let missing = quorate_wal::folder_disk::FolderDisk::open(&folder.path().join("missing")).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_chore_that_fails_is_handed_out_again() {
    let disk = MemoryDisk::new();
    let (mut wal, _) = Wal::create(disk.clone(), options()).unwrap();
    let chore = wal.next_chore().unwrap();
    assert!(matches!(chore, Chore::Fill(_)));
    assert_eq!(wal.next_chore(), None, "one at a time");
    disk.fail(Operation::Write, 0);
    assert!(chore.perform(&disk).is_err());
    wal.chore_failed(&chore);
    assert_eq!(quorate_wal::Disk::list(&disk).unwrap().len(), 1, "nothing is left of it");
    run_chores(&disk, &mut wal);
    assert_eq!(wal.usage().spares, 2);
}
