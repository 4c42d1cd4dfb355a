//! Random lives of a log against a naive model: batches, restarts, power cuts, failing disks and full ones.

#![allow(clippy::unwrap_used)]

mod support;

use proptest::prelude::*;
use quorate_wal::memory_disk::{MemoryDisk, Operation};
use quorate_wal::{Batch, OpenError, Options, Wal, WriteError};
use support::Dice;
use support::model::Model;
use support::workload::any_batch;

/// One life: what the log should hold, and, while a batch is not acknowledged, what it may hold as well.
struct Life {
    disk: MemoryDisk,
    options: Options,
    wal: Option<Wal<MemoryDisk>>,
    model: Model,
    in_flight: Option<Model>,
    incarnation: u64,
    dice: Dice,
}

impl Life {
    fn new(segment_bytes: u64, seed: u64) -> Self {
        let options = Options { segment_bytes, spares: 1, ..Options::new(seed) };
        let disk = MemoryDisk::new();
        let (wal, _) = Wal::create(disk.clone(), options).unwrap();
        let dice = Dice(seed);
        Self { disk, options, wal: Some(wal), model: Model::default(), in_flight: None, incarnation: 1, dice }
    }

    fn step(&mut self, round: usize) {
        match self.dice.below(40) {
            0 => self.start_again(),
            1 => {
                let mut dice = self.dice.clone();
                self.disk.crash_power(|_| dice.below(2) == 0);
                self.start_again();
            }
            2 => {
                // A seal that fails leaves the log as durable as before.
                let _sealed = self.wal.take().unwrap().seal();
                self.start_again();
            }
            3 => {
                let operation = [Operation::Write, Operation::Sync, Operation::Rename]
                    [usize::try_from(self.dice.below(3)).unwrap()];
                self.disk.fail(operation, self.dice.below(3));
            }
            4 => self.disk.limit(Some(self.options.segment_bytes * 3)),
            5 => self.disk.limit(None),
            6 | 7 => self.chores(),
            _ => self.put(round),
        }
    }

    fn put(&mut self, round: usize) {
        let batch = any_batch(&mut self.dice, &self.model, round);
        let next = self.model.after(&batch);
        let wal = self.wal.as_mut().unwrap();
        match wal.write(&batch) {
            Ok(()) => {}
            Err(WriteError::NoRoom) => return,
            Err(WriteError::Failed(_)) => {
                self.in_flight = Some(next);
                return self.start_again();
            }
            Err(other) => panic!("{other}"),
        }
        self.in_flight = Some(next.clone());
        if self.dice.below(50) == 0 {
            return self.start_again();
        }
        if wal.sync().is_err() {
            assert!(wal.write(&Batch::new(next.hard_state)).is_err(), "a failed log goes on");
            return self.start_again();
        }
        self.model = next;
        self.in_flight = None;
    }

    fn chores(&mut self) {
        let wal = self.wal.as_mut().unwrap();
        while let Some(chore) = wal.next_chore() {
            match chore.perform(&self.disk) {
                Ok(()) => wal.chore_done(&chore),
                Err(_) => return wal.chore_failed(&chore),
            }
        }
    }

    /// The process dies and starts again, with a working disk; a full one gets room when the log says that it needs it.
    fn start_again(&mut self) {
        self.wal = None;
        self.disk.heal();
        self.disk.crash_process();
        let (wal, recovered) = match Wal::open(self.disk.clone(), self.options) {
            Err(OpenError::NoRoom) => {
                self.disk.limit(None);
                Wal::open(self.disk.clone(), self.options).unwrap()
            }
            opened => opened.unwrap(),
        };
        let found = Model::from(&recovered);
        assert!(found == self.model || Some(&found) == self.in_flight.as_ref(), "{found:?} is not {:?}", self.model);
        assert!(recovered.incarnation > self.incarnation);
        self.incarnation = recovered.incarnation;
        self.model = found;
        self.in_flight = None;
        self.wal = Some(wal);
        // What was read back stays.
        let dark = self.disk.fork();
        dark.limit(None);
        dark.crash_power(|_| false);
        let (_, again) = Wal::open(dark, self.options).unwrap();
        assert_eq!(Model::from(&again), self.model);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A12, D1, D8, D13, D17, D19
    #[test]
    fn a_log_is_what_a_plain_list_would_be(seed in any::<u64>(), segment in 2_u64..12, steps in 1_usize..150) {
        let mut life = Life::new(segment * 512, seed);
        for round in 0..steps {
            life.step(round);
        }
        life.start_again();
    }
}
