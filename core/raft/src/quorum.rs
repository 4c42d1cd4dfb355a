//! Majorities, plain and joint. Pure functions: sets and numbers in, an answer out.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::configuration::Configuration;
use crate::types::NodeId;

/// How an election among voters stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A majority (of both sets while joint) granted.
    Won,
    /// So many refused that no majority is left.
    Lost,
    /// Still open.
    Pending,
}

/// How the vote stands, `vote` telling what each voter said, if anything.
#[must_use]
pub fn outcome(configuration: &Configuration, vote: impl Fn(NodeId) -> Option<bool>) -> Outcome {
    let new = majority_outcome(&configuration.voters, &vote);
    if !configuration.is_joint() {
        return new;
    }
    match (new, majority_outcome(&configuration.voters_old, &vote)) {
        (Outcome::Won, Outcome::Won) => Outcome::Won,
        (Outcome::Lost, _) | (_, Outcome::Lost) => Outcome::Lost,
        (Outcome::Won | Outcome::Pending, Outcome::Won | Outcome::Pending) => Outcome::Pending,
    }
}

/// A majority (of both sets while joint) is among those for whom `has` holds.
#[must_use]
pub fn has_quorum(configuration: &Configuration, has: impl Fn(NodeId) -> bool) -> bool {
    outcome(configuration, |node| Some(has(node))) == Outcome::Won
}

/// The highest number that a majority (of both sets while joint) has reached, `reached` telling each voter's. With match
/// indexes this is the index that may be committed; with rounds, the newest round that a majority confirmed.
#[must_use]
pub fn reached(configuration: &Configuration, reached: impl Fn(NodeId) -> u64) -> u64 {
    let new = majority_reached(&configuration.voters, &reached);
    if configuration.is_joint() { new.min(majority_reached(&configuration.voters_old, &reached)) } else { new }
}

fn majority_outcome(voters: &BTreeSet<NodeId>, vote: &impl Fn(NodeId) -> Option<bool>) -> Outcome {
    let majority = voters.len() / 2 + 1;
    let (mut granted, mut refused) = (0, 0);
    for voter in voters {
        match vote(*voter) {
            Some(true) => granted += 1,
            Some(false) => refused += 1,
            None => {}
        }
    }
    if granted >= majority {
        Outcome::Won
    } else if refused > voters.len() - majority.min(voters.len()) {
        Outcome::Lost
    } else {
        Outcome::Pending
    }
}

/// Clusters of up to so many voters are counted without an allocation: this runs for every answer that a leader gets.
const FEW: usize = 16;

fn majority_reached(voters: &BTreeSet<NodeId>, reached: &impl Fn(NodeId) -> u64) -> u64 {
    let (mut few, mut many) = ([0; FEW], Vec::new());
    let numbers = if let Some(few) = few.get_mut(..voters.len()) {
        few.iter_mut().zip(voters).for_each(|(number, voter)| *number = reached(*voter));
        few
    } else {
        many.extend(voters.iter().map(|voter| reached(*voter)));
        many.as_mut_slice()
    };
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.get(voters.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn voters(ids: &[u64]) -> Configuration {
        Configuration::of_voters(ids.iter().map(|id| NodeId(*id)))
    }

    #[test]
    fn the_majority_of_an_unsorted_cluster_is_its_median() {
        // L8: the order in which nodes stand must not matter.
        for numbers in [[5, 1, 3], [1, 3, 5], [3, 5, 1]] {
            assert_eq!(reached(&voters(&[1, 2, 3]), |node| numbers[usize::try_from(node.0).unwrap() - 1]), 3);
        }
        assert_eq!(reached(&voters(&[1, 2, 3, 4]), |node| node.0 * 10), 20, "four nodes need three");
        assert_eq!(reached(&voters(&[1]), |_| 7), 7);
        let many: Vec<u64> = (1..=31).collect();
        assert_eq!(reached(&voters(&many), |node| node.0), 16, "more than are counted in place");
        assert_eq!(reached(&voters(&[]), |_| 7), 0, "nobody decides nothing");
    }

    #[test]
    fn an_election_is_won_by_a_majority_and_lost_without_hope_of_one() {
        let five = voters(&[1, 2, 3, 4, 5]);
        let vote = |said: Vec<Option<bool>>| outcome(&five, move |node| said[usize::try_from(node.0).unwrap() - 1]);
        assert_eq!(vote(vec![Some(true), Some(true), None, None, None]), Outcome::Pending);
        assert_eq!(vote(vec![Some(true), Some(true), Some(true), None, None]), Outcome::Won);
        assert_eq!(vote(vec![Some(false), Some(false), None, None, None]), Outcome::Pending);
        assert_eq!(vote(vec![Some(false), Some(false), Some(false), None, None]), Outcome::Lost);
        assert_eq!(outcome(&voters(&[]), |_| None), Outcome::Pending, "an empty cluster elects nobody");
        assert_eq!(outcome(&voters(&[1, 2]), |node| Some(node.0 == 1)), Outcome::Lost, "half is no majority");
    }

    #[test]
    fn joint_needs_both_majorities() {
        // M2, A33.
        let mut joint = voters(&[1, 2, 3]);
        joint.voters_old = [NodeId(3), NodeId(4), NodeId(5)].into();
        assert!(!has_quorum(&joint, |node| node.0 <= 3));
        assert!(!has_quorum(&joint, |node| node.0 >= 3));
        assert!(has_quorum(&joint, |node| [1, 2, 4, 5].contains(&node.0)));
        assert_eq!(reached(&joint, |node| node.0), 2);
        assert_eq!(outcome(&joint, |node| (node.0 > 3).then_some(false)), Outcome::Lost);
    }
}
