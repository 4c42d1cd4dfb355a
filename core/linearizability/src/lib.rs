//! Checks a history of operations, of any system, for linearizability: is there one order of all operations in which every answer
//! is right, and in which whatever returned before something else was called comes before it (Herlihy and Wing, "Linearizability:
//! a correctness condition for concurrent objects", 1990)?
//!
//! Two models. *Registers*: reads, writes and compare-and-swaps of single keys; the search of Wing and Gong with Lowe's memory, key
//! by key. *A store*: puts, deletes, ranges and transactions over all keys where each answer carries a revision, as in etcd; the
//! revisions say the order, which is replayed.
//!
//! Three verdicts: linearizable, not (with the place where every order ends), or undecided when the steps ran out; the last is
//! never a pass. The same history always gives the same report: there is no clock, no thread and no dice here. docs/histories.md
//! describes the format of histories.
#![warn(clippy::wildcard_enum_match_arm)]

mod bits;
mod demand;
mod error;
mod history;
mod json;
mod picture;
mod registers;
mod report;
mod search;
mod store;

pub use error::HistoryError;
pub use history::{
    Ending, History, Operation, RegisterAction, RegisterHistory, RegisterOperation, RegisterRequest, RegisterResponse,
};
pub use json::{read, write};
pub use picture::Line;
pub use report::{Counts, Explanation, Limits, Report, Verdict};
pub use store::history::{
    Action, ActionResult, Compare, KeyRange, Relation, Row, Steps, StoreHistory, StoreOperation, StoreRequest,
    StoreResponse, Target,
};

/// Checks a history.
#[must_use]
pub fn check(history: &History, limits: Limits) -> Report {
    match history {
        History::Registers(history) => registers::check(history, limits),
        History::Store(history) => store::check(history, limits),
    }
}
