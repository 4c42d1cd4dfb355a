//! Random histories are run on the store and on a naive one that copies the whole state for every revision: every answer
//! must be the same, at every revision that can be read.
#![allow(clippy::unwrap_used, reason = "this is all test")]

mod histories;
mod naive;

use std::ops::ControlFlow;

use bytes::Bytes;
use histories::{Step, history, resolve, resolve_range};
use naive::{Naive, Refused};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use quorate_mvcc::{
    Backend, CompactError, Footprint, Frozen, KeyRange, MemoryBackend, RangeRequest, ReadError, RequestOp, ResponseOp,
    Revision, Row, Scan, StorageError, Store, WriteError, restore,
};

proptest! {
    #[test]
    fn the_store_answers_like_the_naive_one(history in history()) {
        Both::new(MemoryBackend::new).run(&history)?;
    }

    /// How far sweeping has come must not show: members sweep at their own pace.
    #[test]
    fn the_stream_depends_on_the_commands_alone(history in history()) {
        let (mut lazy, mut eager) = (Both::new(MemoryBackend::new), Both::new(MemoryBackend::new));
        for step in &history {
            match step {
                Step::Run(_) | Step::Compact(_) | Step::Freeze | Step::Restore => lazy.step(step)?,
                Step::Sweep(_) | Step::BeginScan(_) | Step::Slice(_) => {}
            }
            eager.step(step)?;
            prop_assert!(stream(&lazy.store) == stream(&eager.store), "after {step:?}");
        }
    }
}

/// The property is worth something only if it fails on a store that is wrong.
#[test]
fn a_backend_that_loses_a_row_is_found_out() {
    let lost = fails(|| Planted { rows: MemoryBackend::new(), bug: Bug::LosesARow });
    assert!(lost.contains("missing"), "{lost}");
}

#[test]
fn a_backend_that_gives_a_neighbour_for_a_row_is_found_out() {
    fails(|| Planted { rows: MemoryBackend::new(), bug: Bug::GivesANeighbour });
}

#[test]
fn a_backend_that_deletes_too_much_is_found_out() {
    fails(|| Planted { rows: MemoryBackend::new(), bug: Bug::DeletesTooMuch });
}

#[test]
fn a_backend_that_shows_one_row_too_few_is_found_out() {
    fails(|| Planted { rows: MemoryBackend::new(), bug: Bug::HidesARow });
}

fn fails(backend: fn() -> Planted) -> String {
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&history(), |history| Both::new(backend).run(&history));
    outcome.expect_err("the planted bug must be found").to_string()
}

/// The real store and the naive one, and what is under way.
struct Both<B> {
    store: Store<B>,
    naive: Naive,
    new_backend: fn() -> B,
    scan: Option<(Scan, ResponseOp)>,
    frozen: Option<(Frozen, Naive)>,
}

impl<B: Backend> Both<B> {
    fn new(new_backend: fn() -> B) -> Self {
        Self { store: Store::new(new_backend()), naive: Naive::new(), new_backend, scan: None, frozen: None }
    }

    fn run(mut self, history: &[Step]) -> TestCaseResult {
        for step in history {
            self.step(step)?;
            self.compare_all()?;
        }
        while self.store.sweep(3).map_err(failed)? {}
        self.compare_all()
    }

    fn step(&mut self, step: &Step) -> TestCaseResult {
        match step {
            Step::Run(op) => self.run_op(op.clone())?,
            Step::Compact(back) => {
                let revision = self.naive.revision() + 2 - back;
                prop_assert_eq!(self.store.compact(revision).map_err(compact_refused), self.naive.compact(revision));
            }
            Step::Sweep(rows) => drop(self.store.sweep(*rows).map_err(failed)?),
            Step::BeginScan(request) => self.begin_scan(request.clone())?,
            Step::Slice(keys) => self.slice(*keys)?,
            Step::Freeze => self.frozen = Some((self.store.freeze(), self.naive.clone())),
            Step::Restore => self.restore()?,
        }
        Ok(())
    }

    fn run_op(&mut self, mut op: RequestOp) -> TestCaseResult {
        resolve(&mut op, self.naive.revision());
        let answer = match &op {
            RequestOp::Put(put) => self.store.put(put).map(ResponseOp::Put),
            RequestOp::DeleteRange(delete) => self.store.delete_range(delete).map(ResponseOp::DeleteRange),
            RequestOp::Range(range) => self.store.range(range).map(ResponseOp::Range).map_err(WriteError::Read),
            RequestOp::Txn(txn) => self.store.txn(txn).map(ResponseOp::Txn),
        };
        let answer = match answer {
            Ok(response) => Ok(response),
            Err(error) => Err(refused(error)?),
        };
        prop_assert_eq!(answer, self.naive.run(&op), "{:?}", op);
        Ok(())
    }

    fn begin_scan(&mut self, mut request: RangeRequest) -> TestCaseResult {
        resolve_range(&mut request, self.naive.revision());
        let scan = Scan::new(self.store.view(), request.clone());
        let expected = self.naive.clone().run(&RequestOp::Range(request));
        self.scan = match (scan, expected) {
            (Ok(scan), Ok(expected)) => Some((scan, expected)),
            (Err(error), Err(expected)) => {
                prop_assert_eq!(refused(error.into())?, expected);
                None
            }
            (scan, expected) => return Err(TestCaseError::fail(format!("{scan:?} but {expected:?}"))),
        };
        Ok(())
    }

    fn slice(&mut self, keys: usize) -> TestCaseResult {
        let Some((mut scan, expected)) = self.scan.take() else { return Ok(()) };
        if scan.advance(&self.store, keys).map_err(failed)? {
            prop_assert_eq!(ResponseOp::Range(scan.finish()), expected);
        } else {
            self.scan = Some((scan, expected));
        }
        Ok(())
    }

    /// What was frozen some time ago becomes the store, as it was then.
    fn restore(&mut self) -> TestCaseResult {
        let Some((mut frozen, naive)) = self.frozen.take() else { return Ok(()) };
        let mut stream = Vec::new();
        while !frozen.next_piece(&self.store, 8, &mut stream).map_err(failed)? {}
        let mut input = stream.as_slice();
        self.store = restore(&mut input, (self.new_backend)()).map_err(failed)?;
        prop_assert!(input.is_empty());
        self.naive = naive;
        self.scan = None;
        Ok(())
    }

    /// Everything that can be read now is the same in both.
    fn compare_all(&self) -> TestCaseResult {
        prop_assert_eq!(self.store.revision(), self.naive.revision());
        prop_assert_eq!(self.store.compact_revision(), self.naive.compact_revision);
        prop_assert_eq!(self.store.key_count(), self.naive.state(self.naive.revision()).len() as u64);
        for revision in self.naive.compact_revision.max(1)..=self.naive.revision() {
            let everything = RangeRequest { range_end: Bytes::from_static(b"\0"), revision, ..RangeRequest::default() };
            let found = self.store.range(&everything).map_err(failed)?.kvs;
            prop_assert!(found.iter().eq(self.naive.state(revision).values()), "at {}: {:?}", revision, found);
        }
        Ok(())
    }
}

fn stream<B: Backend>(store: &Store<B>) -> Vec<u8> {
    let (mut frozen, mut stream) = (store.freeze(), Vec::new());
    while !frozen.next_piece(store, usize::MAX, &mut stream).unwrap() {}
    stream
}

fn failed(error: impl std::fmt::Display) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

fn refused(error: WriteError) -> Result<Refused, TestCaseError> {
    match error {
        WriteError::KeyNotFound => Ok(Refused::KeyNotFound),
        WriteError::Read(ReadError::Compacted { requested, .. }) => Ok(Refused::Compacted(requested)),
        WriteError::Read(ReadError::FutureRevision { requested, .. }) => Ok(Refused::Future(requested)),
        WriteError::Read(ReadError::Storage(error)) => Err(failed(error)),
    }
}

fn compact_refused(error: CompactError) -> Refused {
    match error {
        CompactError::Compacted { requested, .. } => Refused::Compacted(requested),
        CompactError::FutureRevision { requested, .. } => Refused::Future(requested),
    }
}

/// A backend with a bug in it.
struct Planted {
    rows: MemoryBackend,
    bug: Bug,
}

#[derive(PartialEq)]
enum Bug {
    LosesARow,
    GivesANeighbour,
    DeletesTooMuch,
    HidesARow,
}

impl Backend for Planted {
    fn put(&mut self, revision: Revision, row: Row) {
        if self.bug != Bug::LosesARow || revision.main != 9 {
            self.rows.put(revision, row);
        }
    }

    fn row(&self, revision: Revision) -> Result<Row, StorageError> {
        let neighbour = Revision::new(revision.main, revision.sub ^ 1);
        match self.rows.row(neighbour) {
            Ok(row) if self.bug == Bug::GivesANeighbour => Ok(row),
            _ => self.rows.row(revision),
        }
    }

    fn delete(&mut self, revision: Revision) {
        self.rows.delete(revision);
        if self.bug == Bug::DeletesTooMuch {
            self.rows.delete(revision.next());
        }
    }

    fn scan(
        &self,
        from: Revision,
        visit: &mut dyn FnMut(Revision, &Row) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        // What the scan is for is streams and sweeps: a row hidden from it is missing after a restore.
        self.rows.scan(from, &mut |revision, row| {
            let hidden = self.bug == Bug::HidesARow && revision.main == 6;
            if hidden { ControlFlow::Continue(()) } else { visit(revision, row) }
        })
    }

    fn footprint(&self) -> Footprint {
        self.rows.footprint()
    }
}

#[test]
fn key_ranges_mean_what_the_naive_one_takes_them_for() {
    let keys = ["", "\0", "a", "aa", "b", "\u{7f}"].map(|key| Bytes::from_static(key.as_bytes()));
    let state = keys.iter().map(|key| (key.clone(), quorate_mvcc::KeyValue { key: key.clone(), ..Default::default() }));
    let state: naive::State = state.collect();
    for key in &keys {
        for end in &keys {
            let expected: Vec<&Bytes> = naive::pairs(&state, key, end).iter().map(|pair| &pair.key).collect();
            let range = KeyRange::new(key, end);
            let found: Vec<&Bytes> = keys.iter().filter(|candidate| range.contains(candidate)).collect();
            assert_eq!(found, expected, "{key:?} {end:?}");
        }
    }
}
