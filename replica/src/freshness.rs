//! How old a member's state can be: the latest moment of which it knows that everything acknowledged before it is applied here.
//!
//! A moment is one at which somebody *asked*: a question to the leader when it left, a leader's round when it was sent. That an
//! append or an answer *came* says nothing: it may have been long on its way, and who sent an append may have been deposed before.
//! This room does not know who asks whom.

use std::collections::VecDeque;

use raft::Index;

use crate::turn::Time;

/// Moments whose index is not applied yet; what comes when there are more is not noted.
const MOMENTS_MAX: usize = 64;

/// What is known of a member's own age.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Freshness {
    /// All that was acknowledged before this moment is applied.
    as_of: Option<Time>,
    /// All that was acknowledged before these moments stands up to these indexes.
    later: VecDeque<(Time, Index)>,
}

impl Freshness {
    /// All that was acknowledged before `moment` stands in the log up to `index`.
    pub(crate) fn learn(&mut self, moment: Time, index: Index, applied: Index) {
        let known = self.later.back().map_or(self.as_of, |(last, _)| Some(*last));
        if known >= Some(moment) {
            return;
        }
        if self.later.len() < MOMENTS_MAX {
            self.later.push_back((moment, index));
        }
        self.applied(applied);
    }

    /// Entries up to here are applied.
    pub(crate) fn applied(&mut self, applied: Index) {
        while let Some((moment, _)) = self.later.pop_front_if(|(_, index)| *index <= applied) {
            self.as_of = Some(moment);
        }
    }

    /// What was applied here a moment ago has all that was acknowledged before `now - staleness`.
    pub(crate) fn is_within(&self, now: Time, staleness: u64) -> bool {
        self.as_of.is_some_and(|as_of| now.since(as_of) <= staleness)
    }

    /// The clock that it was measured by can't be trusted.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_counts_once_its_index_is_applied() {
        let mut freshness = Freshness::default();
        assert!(!freshness.is_within(Time(0), u64::MAX), "nothing is known");
        freshness.learn(Time(100), Index(5), Index(3));
        assert!(!freshness.is_within(Time(120), 1000));
        freshness.applied(Index(4));
        assert!(!freshness.is_within(Time(120), 1000));
        freshness.applied(Index(5));
        assert!(freshness.is_within(Time(120), 20) && !freshness.is_within(Time(121), 20));
    }

    #[test]
    fn an_earlier_moment_makes_nothing_older() {
        let mut freshness = Freshness::default();
        freshness.learn(Time(100), Index(5), Index(5));
        freshness.learn(Time(50), Index(9), Index(5));
        assert!(freshness.is_within(Time(100), 0));
    }

    #[test]
    fn who_never_catches_up_remembers_only_so_much() {
        let mut freshness = Freshness::default();
        (1..=1000).for_each(|moment| freshness.learn(Time(moment), Index(moment), Index(0)));
        assert_eq!(freshness.later.len(), MOMENTS_MAX);
        freshness.applied(Index(1));
        assert!(freshness.is_within(Time(1), 0), "the oldest are kept: they are applied first");
    }

    #[test]
    fn a_clock_that_can_not_be_trusted_measures_nothing() {
        let mut freshness = Freshness::default();
        freshness.learn(Time(100), Index(5), Index(5));
        freshness.forget();
        assert!(!freshness.is_within(Time(100), u64::MAX));
    }
}
