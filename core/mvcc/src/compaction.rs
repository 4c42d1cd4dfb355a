//! Compaction: letting the past go. [`Store::compact`] is the logical half and immediate. [`Store::sweep`] is the
//! physical half, done in small steps whenever somebody has a moment: it changes nothing that can be read.
//!
//! A row becomes garbage when a later change of its key lies at or before the compact revision. So a sweep need not look
//! at every key: it walks the rows made since the last compaction, and for the key of each drops what is older. The cost
//! is that of the writes since, not of the store.

use std::ops::ControlFlow;

use crate::backend::{Backend, StorageError};
use crate::error::CompactError;
use crate::revision::Revision;
use crate::store::Store;

/// How far rows were dropped.
#[derive(Debug)]
pub(crate) struct Sweep {
    /// The next row to look at.
    from: Revision,
    /// Rows are dropped as compaction at this revision allows. It stays until the walk has passed it: a tombstone at the
    /// target is kept, so that the next walk, which begins with it, finds it.
    target: i64,
    /// Whether the walk to the target is under way.
    walking: bool,
}

impl Sweep {
    /// Nothing is left to drop for a compaction at `compact_revision`.
    pub(crate) fn done(compact_revision: i64) -> Self {
        Self { from: Revision::first_of(compact_revision), target: compact_revision, walking: false }
    }
}

impl<B: Backend> Store<B> {
    /// Makes all revisions before `revision` unreadable. What can be read at `revision` stays. Rows go later, by
    /// [`Store::sweep`].
    ///
    /// # Errors
    /// When `revision` is compacted already, or not yet made.
    pub fn compact(&mut self, revision: i64) -> Result<(), CompactError> {
        if revision <= self.compact_revision {
            return Err(CompactError::Compacted { requested: revision, compact_revision: self.compact_revision });
        }
        if revision > self.revision {
            return Err(CompactError::FutureRevision { requested: revision, revision: self.revision });
        }
        self.compact_revision = revision;
        self.epochs.begin(revision);
        Ok(())
    }

    /// Drops rows that can't be read any more, looking at no more than `rows_max` (at least one). True: there is more to
    /// drop at once. What a living [`View`](crate::View) may still read is kept, and found by a later sweep.
    ///
    /// # Errors
    /// When storage fails.
    pub fn sweep(&mut self, rows_max: usize) -> Result<bool, StorageError> {
        if !self.sweep.walking {
            let target = self.epochs.droppable();
            if target <= self.sweep.target {
                return Ok(false);
            }
            (self.sweep.target, self.sweep.walking) = (target, true);
        }
        let target = self.sweep.target;
        let mut keys = Vec::new();
        let mut stopped_at = None;
        self.backend.scan(self.sweep.from, &mut |revision, row| {
            if revision.main > target {
                return ControlFlow::Break(());
            }
            if keys.len() == rows_max.max(1) {
                stopped_at = Some(revision);
                return ControlFlow::Break(());
            }
            keys.push(Box::<[u8]>::from(row.key()));
            ControlFlow::Continue(())
        })?;
        let Self { index, backend, .. } = self;
        for key in keys {
            index.compact(&key, target, |revision| backend.delete(revision));
        }
        self.sweep.walking = stopped_at.is_some();
        self.sweep.from = stopped_at.unwrap_or(Revision::first_of(target));
        Ok(self.sweep.walking || self.epochs.droppable() > target)
    }

    /// Whether every row that a compaction at the present compact revision lets go of is gone.
    pub(crate) fn is_swept(&self) -> bool {
        !self.sweep.walking && self.sweep.target == self.compact_revision
    }
}
