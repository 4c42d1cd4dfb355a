//! What the store refuses, and why a stream is not a store. Each says what happened, to what, and what to do.

use std::fmt;
use std::io;

use crate::backend::StorageError;

/// Why a read was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// The revision asked for is older than what compaction kept.
    Compacted {
        /// The revision asked for.
        requested: i64,
        /// The oldest one that can be read.
        compact_revision: i64,
    },
    /// The revision asked for was not yet made.
    FutureRevision {
        /// The revision asked for.
        requested: i64,
        /// The newest one.
        revision: i64,
    },
    /// Storage failed; this store can't be trusted any more.
    Storage(StorageError),
}

/// Why a put, delete or transaction was refused. Nothing of it was written, unless storage failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteError {
    /// Keeping the value or lease of a key that does not exist.
    KeyNotFound,
    /// A range inside the transaction can't be read; or storage failed.
    Read(ReadError),
}

/// Why a compaction was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompactError {
    /// The revision is compacted already.
    Compacted {
        /// The revision asked for.
        requested: i64,
        /// That of the last compaction.
        compact_revision: i64,
    },
    /// The revision was not yet made.
    FutureRevision {
        /// The revision asked for.
        requested: i64,
        /// The newest one.
        revision: i64,
    },
}

/// Why a stream does not give a store.
#[derive(Debug)]
pub enum RestoreError {
    /// The stream could not be read.
    Read(io::Error),
    /// It does not begin as the stream of a store in a version known here.
    Unknown(String),
    /// It broke off or was changed on its way.
    Damaged(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compacted { requested, compact_revision } => compacted(f, *requested, *compact_revision),
            Self::FutureRevision { requested, revision } => future(f, *requested, *revision),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyNotFound => {
                f.write_str("the key whose value or lease is to be kept does not exist: put it in full")
            }
            Self::Read(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for CompactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Compacted { requested, compact_revision } => compacted(f, requested, compact_revision),
            Self::FutureRevision { requested, revision } => future(f, requested, revision),
        }
    }
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "the store's stream could not be read: {error}"),
            Self::Unknown(what) => write!(f, "this is no stream of a store that this version can read: {what}"),
            Self::Damaged(what) => write!(f, "the store's stream is damaged, take another copy: {what}"),
        }
    }
}

fn compacted(f: &mut fmt::Formatter<'_>, requested: i64, compact_revision: i64) -> fmt::Result {
    write!(f, "revision {requested} is compacted; the compact revision is {compact_revision}")
}

fn future(f: &mut fmt::Formatter<'_>, requested: i64, revision: i64) -> fmt::Result {
    write!(f, "revision {requested} is not yet made; the newest is {revision}")
}

impl std::error::Error for ReadError {}
impl std::error::Error for WriteError {}
impl std::error::Error for CompactError {}
impl std::error::Error for RestoreError {}

impl From<StorageError> for ReadError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<ReadError> for WriteError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<StorageError> for WriteError {
    fn from(error: StorageError) -> Self {
        Self::Read(error.into())
    }
}

impl From<io::Error> for RestoreError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}
