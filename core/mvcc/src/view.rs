//! A pinned moment of the store: as long as a view lives, everything that could be read when it was taken can be read,
//! whatever is written or compacted meanwhile.
//!
//! Compaction has two halves. The logical one, refusing old revisions to new readers, is immediate. The physical one,
//! dropping rows, may not pass what a living view can still reach. A view taken after a compaction at C reaches nothing
//! below C, so views are counted by the compaction that they came after: no registry, no lock, one counted token each.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::ReadError;

/// A pinned moment. Cheap to take; holds physical compaction back while it lives.
#[derive(Debug, Clone)]
pub struct View {
    revision: i64,
    compact_revision: i64,
    /// Its count says that views of this age are alive.
    _token: Arc<()>,
}

impl View {
    /// The newest revision at that moment.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The oldest revision that could be read at that moment; -1: nothing was compacted yet.
    #[must_use]
    pub fn compact_revision(&self) -> i64 {
        self.compact_revision
    }

    /// Which revision a request for `requested` reads: the newest for 0 or less (etcd API).
    ///
    /// # Errors
    /// When that revision is compacted, or not yet made.
    pub fn resolve(&self, requested: i64) -> Result<i64, ReadError> {
        let at = if requested <= 0 { self.revision } else { requested };
        if at > self.revision {
            return Err(ReadError::FutureRevision { requested, revision: self.revision });
        }
        if at < self.compact_revision {
            return Err(ReadError::Compacted { requested, compact_revision: self.compact_revision });
        }
        Ok(at)
    }
}

/// The compactions that living views came after, oldest first; the last is that of new views.
#[derive(Debug)]
pub(crate) struct Epochs(VecDeque<Epoch>);

#[derive(Debug)]
struct Epoch {
    compact_revision: i64,
    token: Arc<()>,
}

impl Epochs {
    pub(crate) fn new(compact_revision: i64) -> Self {
        Self([Epoch { compact_revision, token: Arc::new(()) }].into())
    }

    /// From now on views are those after a compaction at `compact_revision`.
    pub(crate) fn begin(&mut self, compact_revision: i64) {
        self.forget_dead();
        self.0.push_back(Epoch { compact_revision, token: Arc::new(()) });
    }

    /// A view at `revision` of the present age.
    pub(crate) fn view(&self, revision: i64) -> View {
        let epoch = self.0.back().expect("there is always the present epoch");
        View { revision, compact_revision: epoch.compact_revision, _token: Arc::clone(&epoch.token) }
    }

    /// Up to where rows may be dropped: no living view reaches below it.
    pub(crate) fn droppable(&mut self) -> i64 {
        self.forget_dead();
        self.0.front().expect("there is always the present epoch").compact_revision
    }

    fn forget_dead(&mut self) {
        let mut left = self.0.len();
        self.0.retain(|epoch| {
            left -= 1;
            left == 0 || Arc::strong_count(&epoch.token) > 1
        });
        // The present epoch pins nothing by itself: what lies below its compaction is out of reach of later views.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_living_view_holds_rows_back() {
        let mut epochs = Epochs::new(-1);
        let first = epochs.view(5);
        epochs.begin(3);
        let second = epochs.view(8);
        epochs.begin(7);
        assert_eq!(epochs.droppable(), -1);
        drop(first);
        assert_eq!(epochs.droppable(), 3);
        let again = second.clone();
        drop(second);
        assert_eq!(epochs.droppable(), 3);
        drop(again);
        assert_eq!(epochs.droppable(), 7);
    }

    #[test]
    fn a_view_knows_what_can_be_read() {
        let mut epochs = Epochs::new(-1);
        epochs.begin(3);
        let view = epochs.view(8);
        assert_eq!(view.resolve(0), Ok(8));
        assert_eq!(view.resolve(-4), Ok(8));
        assert_eq!(view.resolve(3), Ok(3), "the compact revision itself can be read");
        assert_eq!(view.resolve(2), Err(ReadError::Compacted { requested: 2, compact_revision: 3 }));
        assert_eq!(view.resolve(9), Err(ReadError::FutureRevision { requested: 9, revision: 8 }));
    }
}
