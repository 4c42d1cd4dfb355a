//! The store as one value: the index, what lies behind the wall, and where history stands. The rooms beside this one
//! (`write`, `txn`, `range`, `compaction`, `snapshot`) each add what they do to it.

use crate::backend::{Backend, Footprint};
use crate::compaction::Sweep;
use crate::error::ReadError;
use crate::index::Index;
use crate::range::Scan;
use crate::request::RangeRequest;
use crate::response::RangeResponse;
use crate::view::{Epochs, View};

/// The compact revision of a store that was never compacted.
pub(crate) const NEVER_COMPACTED: i64 = -1;

/// A multi-version store over `B`.
#[derive(Debug)]
pub struct Store<B> {
    /// The main revision of the last write. A new store is at 1 (etcd API).
    pub(crate) revision: i64,
    /// The oldest revision that can be read.
    pub(crate) compact_revision: i64,
    pub(crate) index: Index,
    pub(crate) backend: B,
    pub(crate) epochs: Epochs,
    pub(crate) sweep: Sweep,
}

impl<B: Backend> Store<B> {
    /// An empty store over a backend without rows.
    #[must_use]
    pub fn new(backend: B) -> Self {
        Self::at(1, NEVER_COMPACTED, Index::default(), backend)
    }

    pub(crate) fn at(revision: i64, compact_revision: i64, index: Index, backend: B) -> Self {
        let (epochs, sweep) = (Epochs::new(compact_revision), Sweep::done(compact_revision));
        Self { revision, compact_revision, index, backend, epochs, sweep }
    }

    /// The main revision of the last write; 1 before the first.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The oldest revision that can be read; -1: nothing was compacted yet.
    #[must_use]
    pub fn compact_revision(&self) -> i64 {
        self.compact_revision
    }

    /// How many keys exist now.
    #[must_use]
    pub fn key_count(&self) -> u64 {
        self.index.live()
    }

    /// How much room all of it takes, the index too.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let (rows, index) = (self.backend.footprint(), self.index.footprint());
        Footprint { allocated: rows.allocated + index, in_use: rows.in_use + index }
    }

    /// What lies behind the wall: the rows, in the order in which they were made.
    #[must_use]
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// Pins the present moment.
    #[must_use]
    pub fn view(&self) -> View {
        self.epochs.view(self.revision)
    }

    /// Reads a range at once. For ranges that may be large see [`Scan`].
    ///
    /// # Errors
    /// When the revision asked for can't be read, or storage fails.
    pub fn range(&self, request: &RangeRequest) -> Result<RangeResponse, ReadError> {
        self.range_in(self.view(), request)
    }

    /// Reads a range of `view` at once.
    pub(crate) fn range_in(&self, view: View, request: &RangeRequest) -> Result<RangeResponse, ReadError> {
        let mut scan = Scan::new(view, request.clone())?;
        scan.advance(self, usize::MAX)?;
        Ok(scan.finish())
    }
}
