//! Which configuration is in force: the newest in the log, committed or not (thesis 4.1). Truncating the log brings back
//! the one before (M5), so all since the last snapshot are kept.

use alloc::vec::Vec;

use crate::configuration::Configuration;
use crate::types::{Index, NodeId};

/// The configurations since a snapshot, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct History {
    /// In force at the snapshot (or at the start of the log).
    base: (Index, Configuration),
    /// From entries after it.
    later: Vec<(Index, Configuration)>,
}

impl History {
    pub(crate) fn new(index: Index, configuration: Configuration) -> Self {
        Self { base: (index, configuration), later: Vec::new() }
    }

    /// The configuration in force.
    #[must_use]
    pub fn current(&self) -> &Configuration {
        self.later.last().map_or(&self.base.1, |(_, configuration)| configuration)
    }

    /// Where the configuration in force stands in the log.
    #[must_use]
    pub fn current_index(&self) -> Index {
        self.later.last().map_or(self.base.0, |(index, _)| *index)
    }

    /// The configuration that was in force at `index`, for a snapshot of exactly that point (M6).
    #[must_use]
    pub fn at(&self, index: Index) -> &Configuration {
        self.later.iter().rev().find(|(at, _)| *at <= index).map_or(&self.base.1, |(_, configuration)| configuration)
    }

    /// Where the configuration that was in force at `index` stands.
    #[must_use]
    pub fn index_at(&self, index: Index) -> Index {
        self.later.iter().rev().find(|(at, _)| *at <= index).map_or(self.base.0, |(at, _)| *at)
    }

    /// All of them with where they stand, oldest first; the first one stands at the base, or before it.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Index, &Configuration)> {
        core::iter::once(&self.base).chain(&self.later).map(|(index, configuration)| (*index, configuration))
    }

    pub(crate) fn relabelled(&self, names: &dyn Fn(NodeId) -> NodeId) -> Self {
        let one = |(index, configuration): &(Index, Configuration)| (*index, configuration.relabelled(names));
        Self { base: one(&self.base), later: self.later.iter().map(one).collect() }
    }

    /// Says whether it is in force now: what the base covers is not news.
    pub(crate) fn append(&mut self, index: Index, configuration: Configuration) -> bool {
        let news = index > self.base.0;
        if news {
            self.later.push((index, configuration));
        }
        news
    }

    /// Says whether another is in force now.
    pub(crate) fn truncate(&mut self, first: Index) -> bool {
        let count = self.later.len();
        self.later.retain(|(index, _)| *index < first);
        self.later.len() < count
    }

    /// Forgets what was replaced at or before `index`.
    pub(crate) fn compact(&mut self, index: Index) {
        while self.later.first().is_some_and(|(at, _)| *at <= index) {
            self.base = self.later.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(id: u64) -> Configuration {
        Configuration::of_voters([NodeId(id)])
    }

    #[test]
    fn truncating_two_configurations_at_once_brings_back_the_one_before_both() {
        // M5
        let mut history = History::new(Index(0), configuration(1));
        for index in 2..=4 {
            history.append(Index(index), configuration(index));
        }
        assert_eq!(history.current(), &configuration(4));
        history.truncate(Index(3));
        assert_eq!((history.current(), history.current_index()), (&configuration(2), Index(2)));
        history.truncate(Index(1));
        assert_eq!(history.current(), &configuration(1));
    }

    #[test]
    fn a_snapshot_gets_the_configuration_of_its_own_point() {
        // M6
        let mut history = History::new(Index(0), configuration(1));
        history.append(Index(3), configuration(3));
        history.append(Index(7), configuration(7));
        assert_eq!(history.at(Index(2)), &configuration(1));
        assert_eq!(history.at(Index(6)), &configuration(3));
        history.compact(Index(6));
        assert_eq!(history.at(Index(6)), &configuration(3));
        assert_eq!(history.current(), &configuration(7));
        for index in [Index(2), Index(3)] {
            history.append(index, configuration(9));
            assert_eq!(history.current(), &configuration(7), "what the base covers is not news");
        }
    }
}
