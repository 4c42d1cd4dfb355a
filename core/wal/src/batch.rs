//! What goes into the log: one batch is what becomes durable together.
//!
//! Terms, votes and indexes are plain numbers here and an entry is opaque bytes: what they mean is Raft's business.

use bytes::Bytes;
use std::fmt;

/// What Raft must remember besides its entries (Figure 2 of the paper, plus the commit index as a hint for a quick start).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HardState {
    /// The newest term seen.
    pub term: u64,
    /// Who got this node's vote in that term; 0 means nobody.
    pub vote: u64,
    /// The highest index known to be committed when the batch was made.
    pub commit: u64,
}

/// The log's base: everything up to and including this index is replaced by a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Base {
    /// The last index that the snapshot covers; 0 when there is none.
    pub index: u64,
    /// The term of the entry at that index.
    pub term: u64,
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

/// How the base moves. Write it only once the snapshot (or the flushed state) at that position is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BaseChange {
    /// Entries up to the base are no longer needed; those after it stay.
    Compaction(Base),
    /// All entries are dropped and the log goes on at `base.index + 1` (a snapshot came from the leader).
    Reset(Base),
}

/// One entry of Raft's log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its place in Raft's log, from 1.
    pub index: u64,
    /// The term in which it was made.
    pub term: u64,
    /// What it says; opaque here.
    pub bytes: Bytes,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}({} bytes)", self.index, self.term, self.bytes.len())
    }
}

/// What is written by one write and made durable by one sync: all of it survives a crash or none of it.
///
/// The parts take effect in the order hard state, base, truncation, entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The newest hard state; each batch carries it, changed or not.
    pub hard_state: HardState,
    /// A compaction or reset. After a reset the entries of the same batch begin at `base.index + 1`.
    pub base: Option<BaseChange>,
    /// Delete all entries from this index on.
    pub truncate_from: Option<u64>,
    /// New entries, each one above the last.
    pub entries: Vec<Entry>,
    /// May use the segment that is kept in reserve for a full disk. A batch without entries always may; a batch of deletes says so here.
    pub essential: bool,
}

impl Batch {
    /// A batch that only carries a hard state.
    #[must_use]
    pub fn new(hard_state: HardState) -> Self {
        Self { hard_state, ..Self::default() }
    }

    /// The same batch with entries to append.
    #[must_use]
    pub fn with_entries(mut self, entries: Vec<Entry>) -> Self {
        self.entries = entries;
        self
    }

    /// The same batch, deleting all entries from `index` on before its own are appended.
    #[must_use]
    pub fn truncating_from(mut self, index: u64) -> Self {
        self.truncate_from = Some(index);
        self
    }

    /// The same batch, moving the log's base.
    #[must_use]
    pub fn with_base(mut self, change: BaseChange) -> Self {
        self.base = Some(change);
        self
    }

    /// The same batch, allowed to use the reserve.
    #[must_use]
    pub fn essential(mut self) -> Self {
        self.essential = true;
        self
    }

    /// Whether it may use the reserve.
    pub(crate) fn may_use_reserve(&self) -> bool {
        self.essential || self.entries.is_empty()
    }
}
