//! The wall where storage begins. Behind it lie rows, each under the revision that made it; a row is never rewritten and
//! goes only by compaction. Keys, versions and what is visible at which revision are not known behind this wall.

use std::fmt;
use std::ops::ControlFlow;

use crate::revision::Revision;
use crate::row::Row;

/// Where rows are kept.
pub trait Backend {
    /// Keeps `row` under `revision`, which is above all revisions kept before.
    fn put(&mut self, revision: Revision, row: Row);

    /// The row made at `revision`.
    ///
    /// # Errors
    /// When it is not there, or storage fails: the index names only rows that were kept.
    fn row(&self, revision: Revision) -> Result<Row, StorageError>;

    /// Forgets the row made at `revision`, if it is there.
    fn delete(&mut self, revision: Revision);

    /// Shows all rows from `from` on, in the order of their revisions, until `visit` breaks off.
    ///
    /// # Errors
    /// When storage fails.
    fn scan(
        &self,
        from: Revision,
        visit: &mut dyn FnMut(Revision, &Row) -> ControlFlow<()>,
    ) -> Result<(), StorageError>;

    /// How much room the rows take.
    fn footprint(&self) -> Footprint;
}

/// Room taken, in bytes. Estimates: good for a quota, not for an accountant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footprint {
    /// All that was taken from the system.
    pub allocated: u64,
    /// What of it holds rows.
    pub in_use: u64,
}

/// Storage did not give back what it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageError {
    /// The row that was asked for, if it was one.
    pub revision: Option<Revision>,
    /// What happened.
    pub reason: String,
}

impl StorageError {
    /// The row of `revision` is named by the index, and is not there.
    #[must_use]
    pub fn missing(revision: Revision) -> Self {
        Self { revision: Some(revision), reason: "it is missing".into() }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revision {
            Some(revision) => write!(f, "storage failed at row {revision}: {}; restart from a snapshot", self.reason),
            None => write!(f, "storage failed: {}; restart from a snapshot", self.reason),
        }
    }
}

impl std::error::Error for StorageError {}
