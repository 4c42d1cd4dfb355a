//! The log since its base, in memory. It answers what stands where; it does not know which entries are durable or
//! committed. Its base stands for everything that a snapshot has replaced.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::entry::Entry;
use crate::types::{Index, Position, Term};

/// Entries `base.index + 1 ..= last.index`, dense.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Log {
    base: Position,
    entries: VecDeque<Entry>,
    bytes: u64,
}

impl Log {
    /// An empty log behind `base`.
    pub(crate) fn new(base: Position) -> Self {
        Self { base, entries: VecDeque::new(), bytes: 0 }
    }

    /// The position that the log begins behind.
    #[must_use]
    pub fn base(&self) -> Position {
        self.base
    }

    /// The last entry's position, or the base.
    #[must_use]
    pub fn last(&self) -> Position {
        self.entries.back().map_or(self.base, Entry::position)
    }

    /// What the entries count against limits of memory.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The entry at `index`, if the log holds it.
    #[must_use]
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        if index <= self.base.index {
            return None;
        }
        self.entries.get(self.offset(index))
    }

    /// The term at `index`: known for the base and every entry behind it.
    #[must_use]
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.base.index { Some(self.base.term) } else { self.entry(index).map(Entry::term) }
    }

    /// The position at `index`, likewise.
    #[must_use]
    pub fn position_at(&self, index: Index) -> Option<Position> {
        self.term_at(index).map(|term| Position { index, term })
    }

    /// The log holds exactly this position.
    #[must_use]
    pub fn holds(&self, position: Position) -> bool {
        self.term_at(position.index) == Some(position.term)
    }

    /// The entries.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter()
    }

    /// Entries from `first` to `last`, both included, shared; as many as fit into `bytes_max`, but at least one where there
    /// is one (a single large entry must pass, L12).
    #[must_use]
    pub fn run(&self, first: Index, last: Index, bytes_max: u64) -> Vec<Entry> {
        let mut run = Vec::new();
        let mut bytes = 0;
        if first <= self.base.index {
            return run;
        }
        for entry in self.entries.range(self.offset(first).min(self.entries.len())..) {
            bytes += entry.size();
            if entry.index() > last || (bytes > bytes_max && !run.is_empty()) {
                break;
            }
            run.push(entry.clone());
        }
        run
    }

    /// The last position at or before `index` whose term is at most `term`: how far this log may agree with one that has
    /// `term` at `index`. Terms never fall along a log, so nothing after it can agree.
    #[must_use]
    pub fn last_at_most(&self, index: Index, term: Term) -> Position {
        let upto = self.offset(index.next());
        let below = self.entries.partition_point(|entry| entry.term() <= term);
        match below.min(upto).checked_sub(1).and_then(|at| self.entries.get(at)) {
            Some(entry) => entry.position(),
            None => self.base,
        }
    }

    /// Adds an entry behind the last.
    pub(crate) fn append(&mut self, entry: Entry) {
        assert_eq!(entry.index(), self.last().index.next(), "the log stays dense");
        self.bytes += entry.size();
        self.entries.push_back(entry);
    }

    /// Deletes `first` and all after it.
    pub(crate) fn truncate(&mut self, first: Index) {
        assert!(first > self.base.index, "what a snapshot replaced is not deleted");
        for gone in self.entries.drain(self.offset(first).min(self.entries.len())..) {
            self.bytes -= gone.size();
        }
    }

    /// Moves the base up to `index`; the entries after it stay. Nothing happens if it is there already.
    pub(crate) fn compact(&mut self, index: Index) {
        let Some(base) = self.position_at(index) else { return };
        for gone in self.entries.drain(..self.offset(index.next())) {
            self.bytes -= gone.size();
        }
        self.base = base;
    }

    /// Where `index`, which lies behind the base, stands in `entries`; the end where it does not fit a machine word.
    fn offset(&self, index: Index) -> usize {
        usize::try_from(index.since(self.base.index.next())).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{EntryKind, Header};

    fn log(base: Position, terms: &[u64]) -> Log {
        let mut log = Log::new(base);
        for term in terms {
            let position = Position { index: log.last().index.next(), term: Term(*term) };
            log.append(Entry::new(position, EntryKind::Command, Header::default(), b"x"));
        }
        log
    }

    #[test]
    fn positions_are_known_from_the_base_on() {
        let log = log(Position::new(10, 2), &[2, 3, 3]);
        assert_eq!(log.term_at(Index(9)), None);
        assert_eq!(log.term_at(Index(10)), Some(Term(2)));
        assert_eq!(log.term_at(Index(12)), Some(Term(3)));
        assert_eq!(log.term_at(Index(14)), None);
        assert_eq!(log.last(), Position::new(13, 3));
    }

    #[test]
    fn a_run_holds_at_least_one_entry_and_at_most_the_bytes_allowed() {
        let log = log(Position::ZERO, &[1, 1, 1, 1]);
        let one = log.entry(Index(1)).unwrap().size();
        assert_eq!(log.run(Index(2), Index(4), 0).len(), 1);
        assert_eq!(log.run(Index(2), Index(4), 2 * one).len(), 2);
        assert_eq!(log.run(Index(2), Index(3), 100 * one).len(), 2);
        assert_eq!(log.run(Index(5), Index(9), 100 * one).len(), 0);
        assert_eq!(log.run(Index(0), Index(9), 100 * one).len(), 0, "never from a compacted entry on");
    }

    #[test]
    fn the_hint_skips_all_entries_of_terms_that_cannot_agree() {
        let log = log(Position::ZERO, &[1, 1, 4, 4, 6]);
        assert_eq!(log.last_at_most(Index(5), Term(5)), Position::new(4, 4));
        assert_eq!(log.last_at_most(Index(5), Term(3)), Position::new(2, 1));
        assert_eq!(log.last_at_most(Index(3), Term(9)), Position::new(3, 4));
        assert_eq!(log.last_at_most(Index(9), Term(9)), Position::new(5, 6));
        assert_eq!(log.last_at_most(Index(0), Term(9)), Position::ZERO);
    }

    #[test]
    fn the_hint_is_never_before_the_base() {
        let log = log(Position::new(10, 4), &[4, 6]);
        for index in [Index(0), Index(9), Index(10)] {
            assert_eq!(log.last_at_most(index, Term(9)), Position::new(10, 4));
        }
        assert_eq!(log.last_at_most(Index(11), Term(9)), Position::new(11, 4));
        assert_eq!(log.last_at_most(Index(12), Term(3)), Position::new(10, 4));
    }

    #[test]
    fn bytes_follow_append_truncate_and_compact() {
        let mut log = log(Position::ZERO, &[1, 1, 1, 1]);
        let one = log.entry(Index(1)).unwrap().size();
        log.truncate(Index(4));
        log.compact(Index(1));
        assert_eq!((log.bytes(), log.base(), log.last()), (2 * one, Position::new(1, 1), Position::new(3, 1)));
        log.truncate(Index(9));
        log.compact(Index(9));
        assert_eq!(log.bytes(), 2 * one, "what is not there is not counted twice");
    }
}
