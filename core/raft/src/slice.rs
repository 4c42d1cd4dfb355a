//! A validated run of entries: the one gateway for entries that come from a peer. What passed it is dense, of terms that
//! never fall, fits behind its `prev`, and its configuration entries can be read; nobody checks that again.

use alloc::vec::Vec;
use core::fmt;

use crate::configuration::{Configuration, ConfigurationError};
use crate::entry::{Entry, EntryKind};
use crate::types::{Index, Position};

/// Entries `prev.index + 1 ..`, in order; maybe none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slice {
    prev: Position,
    entries: Vec<Entry>,
}

/// Why entries are no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SliceError {
    /// The entry does not follow the one before it.
    Gap(Position),
    /// The entry's term is lower than that of the entry before it.
    TermFell(Position),
    /// The configuration entry can't be read.
    Configuration(Position, ConfigurationError),
}

impl fmt::Display for SliceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap(at) => write!(f, "entry {at} does not follow the one before it"),
            Self::TermFell(at) => write!(f, "entry {at} has a lower term than the one before it"),
            Self::Configuration(at, error) => write!(f, "configuration entry {at} can't be read: {error}"),
        }
    }
}

impl core::error::Error for SliceError {}

impl Slice {
    /// No entries behind `prev`.
    #[must_use]
    pub fn empty(prev: Position) -> Self {
        Self { prev, entries: Vec::new() }
    }

    /// Checks that `entries` are a run behind `prev`.
    ///
    /// # Errors
    /// At the first entry that does not fit.
    pub fn new(prev: Position, entries: Vec<Entry>) -> Result<Self, SliceError> {
        let mut last = prev;
        for entry in &entries {
            if last.index.0.checked_add(1) != Some(entry.index().0) {
                return Err(SliceError::Gap(entry.position()));
            }
            if entry.term() < last.term {
                return Err(SliceError::TermFell(entry.position()));
            }
            if entry.kind() == EntryKind::Configuration {
                Configuration::decode(&entry.payload()).map_err(|e| SliceError::Configuration(entry.position(), e))?;
            }
            last = entry.position();
        }
        Ok(Self { prev, entries })
    }

    /// A run out of our own log, which is one already.
    pub(crate) fn of_log(prev: Position, entries: Vec<Entry>) -> Self {
        debug_assert!(entries.first().is_none_or(|first| first.index() == prev.index.next()));
        Self { prev, entries }
    }

    /// What stands before the first entry.
    #[must_use]
    pub fn prev(&self) -> Position {
        self.prev
    }

    /// The entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The last position that the run speaks of: its last entry, or `prev`.
    #[must_use]
    pub fn last(&self) -> Position {
        self.entries.last().map_or(self.prev, Entry::position)
    }

    /// What the entries count against limits.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entries.iter().map(Entry::size).sum()
    }

    /// Only the entries from `first` on, taken out.
    pub(crate) fn into_entries_from(mut self, first: Index) -> Vec<Entry> {
        let skip = usize::try_from(first.since(self.prev.index.next())).unwrap_or(usize::MAX);
        if skip == 0 {
            return self.entries;
        }
        if skip >= self.entries.len() {
            return Vec::new();
        }
        self.entries.split_off(skip)
    }
}

/// Written as `[5@2..9@3]`, `[5@2]` or `[]`.
impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display_run(&self.entries, f)
    }
}

/// Writes a run of entries in the notation of the project.
pub(crate) fn display_run(entries: &[Entry], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match entries {
        [] => write!(f, "[]"),
        [one] => write!(f, "[{one}]"),
        [first, .., last] => write!(f, "[{first}..{last}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Header;
    use alloc::vec;
    use bytes::Bytes;

    fn entry(index: u64, term: u64) -> Entry {
        Entry::new(Position::new(index, term), EntryKind::Command, Header::default(), b"x")
    }

    #[test]
    fn only_a_dense_run_of_rising_terms_passes() {
        let prev = Position::new(4, 2);
        assert!(Slice::new(prev, vec![entry(5, 2), entry(6, 3)]).is_ok());
        assert_eq!(Slice::new(prev, vec![entry(6, 2)]), Err(SliceError::Gap(Position::new(6, 2))));
        assert_eq!(Slice::new(prev, vec![entry(5, 1)]), Err(SliceError::TermFell(Position::new(5, 1))));
        assert_eq!(Slice::new(prev, vec![entry(5, 3), entry(6, 2)]), Err(SliceError::TermFell(Position::new(6, 2))));
        let last = Position { index: Index(u64::MAX), term: prev.term };
        assert_eq!(Slice::new(last, vec![entry(0, 2)]), Err(SliceError::Gap(Position::new(0, 2))));
    }

    #[test]
    fn a_configuration_that_cannot_be_read_does_not_pass() {
        let body = Entry::new(Position::new(1, 1), EntryKind::Configuration, Header::default(), b"junk").body().clone();
        let entry = Entry::from_body(Position::new(1, 1), Bytes::clone(&body)).unwrap();
        assert!(matches!(Slice::new(Position::ZERO, vec![entry]), Err(SliceError::Configuration(..))));
    }
}
