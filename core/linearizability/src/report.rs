//! What a check found: a verdict, what was counted, and for a history that is not linearizable why, with a small picture.
//!
//! Knows nothing of how it was found.

use std::fmt;

use serde::Serialize;

use crate::history::{Ending, Operation};
use crate::picture::Line;

/// How much work a check may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Attempts to place an operation, over the whole history. Each may keep some 100 bytes.
    pub steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 20_000_000 }
    }
}

/// Whether a history is linearizable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// There is an order in which all results are right, and which agrees with real time.
    Linearizable,
    /// There is none.
    NotLinearizable,
    /// The steps ran out before either was clear. This is no pass.
    Undecided,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linearizable => "linearizable",
            Self::NotLinearizable => "NOT linearizable",
            Self::Undecided => "undecided",
        })
    }
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All operations of the history.
    pub operations: usize,
    /// Those that were answered.
    pub returned: usize,
    /// Those of unknown outcome.
    pub unknown: usize,
    /// Those that surely had no effect.
    pub failed: usize,
    /// Keys that are named in it.
    pub keys: usize,
    /// Serializable reads of states older than the history, which nobody can judge.
    pub unjudged: usize,
    /// Attempts to place an operation.
    pub steps: u64,
}

impl Counts {
    /// Counts how operations ended.
    pub(crate) fn of<Q, R>(operations: &[Operation<Q, R>]) -> Self {
        let mut counts = Self { operations: operations.len(), ..Self::default() };
        for operation in operations {
            match operation.ending {
                Ending::Returned { .. } => counts.returned += 1,
                Ending::Unknown => counts.unknown += 1,
                Ending::Failed => counts.failed += 1,
            }
        }
        counts
    }
}

/// Why there is no order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The key on which it shows, for histories of registers.
    pub key: Option<String>,
    /// In a sentence.
    pub sentence: String,
    /// The longest prefix that has an order. For a register, so many of its operations returned before none was left; for a store, so
    /// many stand at revisions before the one that does not fit. Nothing where revisions and real time contradict each other.
    pub prefix: Option<usize>,
    /// Ids of the operations that can't be placed.
    pub misplaced: Vec<String>,
    /// Those and the operations around them, by their calls.
    pub window: Vec<Line>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether the history is linearizable.
    pub verdict: Verdict,
    /// What was counted.
    pub counts: Counts,
    /// Why it is not, if so.
    pub explanation: Option<Explanation>,
    /// Keys for which the steps did not suffice.
    pub undecided: Vec<String>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            write!(f, "key {key}: ")?;
        }
        writeln!(f, "{}", self.sentence)?;
        if let Some(prefix) = self.prefix {
            writeln!(f, "Operations before it that have an order: {prefix}. Around the place where every order ends:")?;
        }
        writeln!(f)?;
        f.write_str(&crate::picture::draw(&self.window))
    }
}
