//! Linearizable reads without writing to the log (thesis 6.4). A read waits until a majority has confirmed that its leader
//! still led *after* the read arrived: one round serves all that wait, and a read never joins a round that was sent before
//! it came.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::output::{ReadId, ReadReady};
use crate::types::Index;

/// The reads of a leader.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Reads {
    waiting: Vec<ReadId>,
    asked: VecDeque<Asked>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    round: u64,
    index: Index,
    reads: Vec<ReadId>,
}

impl Reads {
    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len() + self.asked.iter().map(|asked| asked.reads.len()).sum::<usize>()
    }

    /// None waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.asked.is_empty()
    }

    /// A read came: it waits for the next round.
    pub(crate) fn add(&mut self, id: ReadId) {
        self.waiting.push(id);
    }

    /// Reads wait and no round of theirs is under way.
    pub(crate) fn need_round(&self) -> bool {
        !self.waiting.is_empty() && self.asked.is_empty()
    }

    /// `round` begins now, with this commit index: all that wait join it.
    pub(crate) fn round_begins(&mut self, round: u64, commit: Index) {
        if !self.waiting.is_empty() {
            self.asked.push_back(Asked { round, index: commit, reads: core::mem::take(&mut self.waiting) });
        }
    }

    /// A majority confirmed `round` (and so all before it).
    pub(crate) fn confirmed(&mut self, round: u64, ready: &mut Vec<ReadReady>) {
        while let Some(asked) = self.asked.pop_front_if(|asked| asked.round <= round) {
            ready.extend(asked.reads.into_iter().map(|id| ReadReady { id, index: asked.index }));
        }
    }

    /// The leader leads no more: none can be served.
    pub(crate) fn abort(self, aborted: &mut Vec<ReadId>) {
        aborted.extend(self.asked.into_iter().flat_map(|asked| asked.reads).chain(self.waiting));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn reads_are_counted_until_they_are_served() {
        let (mut reads, mut ready) = (Reads::default(), Vec::new());
        assert_eq!((reads.len(), reads.is_empty(), reads.need_round()), (0, true, false));
        reads.add(ReadId(7));
        assert_eq!((reads.len(), reads.is_empty(), reads.need_round()), (1, false, true));
        reads.round_begins(3, Index(5));
        assert_eq!((reads.len(), reads.is_empty(), reads.need_round()), (1, false, false), "its round is under way");
        reads.add(ReadId(8));
        assert_eq!((reads.len(), reads.is_empty(), reads.need_round()), (2, false, false), "one round at a time");
        reads.confirmed(2, &mut ready);
        assert_eq!((reads.len(), ready.len()), (2, 0), "a round from before they came");
        reads.confirmed(3, &mut ready);
        assert_eq!(ready, vec![ReadReady { id: ReadId(7), index: Index(5) }]);
        assert_eq!((reads.len(), reads.is_empty(), reads.need_round()), (1, false, true));
    }
}
