//! The membership in a configuration of the model: who belongs to the cluster in the beginning, and which changes clients may ask
//! for. What a change does is the core's affair.

use std::fmt;

use raft::{Change, Configuration, Member, NodeId};

/// Who belongs to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The first so many nodes vote in the beginning.
    pub voters: u64,
    /// The next so many learn. All others know nothing, and wait to be told.
    pub learners: u64,
    /// What clients may ask leaders for, each any number of times within the bound.
    pub changes: &'static [Wanted],
}

/// A membership as a client wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Who is to vote.
    pub voters: &'static [u64],
    /// Who is to learn.
    pub learners: &'static [u64],
}

impl Membership {
    /// What a node knows of the cluster when it starts for the first time.
    pub(crate) fn first(&self, id: NodeId) -> Configuration {
        if id.0 > self.voters + self.learners {
            return Configuration::default();
        }
        let mut first = Configuration::of_voters((1..=self.voters).map(NodeId));
        first.learners = (self.voters + 1..=self.voters + self.learners).map(NodeId).collect();
        first.next_node += self.learners;
        first.members.extend(first.learners.iter().map(|learner| (*learner, Member::default())));
        first
    }
}

/// A class for each node: those of one class differ in their names only, for they are together in every set, in the beginning and
/// in all that is asked for. So a configuration stays the same when they change names, also as bytes in an entry.
///
/// Where a voter may be left out each node is a class of its own: a leader that resigns hands over to one of several that are
/// alike, and chooses by name.
pub(crate) fn classes(members: &Membership, nodes: u64) -> Vec<usize> {
    let in_set = |node: u64| {
        let wanted = members.changes.iter().flat_map(|one| [one.voters.contains(&node), one.learners.contains(&node)]);
        let learns = node > members.voters && node <= members.voters + members.learners;
        [node <= members.voters, learns].into_iter().chain(wanted).collect::<Vec<bool>>()
    };
    let leaves_out = |wanted: &Wanted| (1..=members.voters).any(|voter| !wanted.voters.contains(&voter));
    if members.changes.iter().any(leaves_out) {
        return (0..usize::try_from(nodes).unwrap_or(0)).collect();
    }
    let mut classes = vec![0];
    for node in 2..=nodes {
        let last = classes.last().copied().unwrap_or(0);
        classes.push(if in_set(node) == in_set(node - 1) { last } else { last + 1 });
    }
    classes
}

impl Wanted {
    pub(crate) fn change(&self) -> Change {
        let set = |nodes: &[u64]| nodes.iter().map(|node| NodeId(*node)).collect();
        Change { voters: set(self.voters), learners: set(self.learners), ..Change::default() }
    }

    /// As a golden script of the core has it: `voters="1 2 4" learners=""`.
    pub(crate) fn words(&self) -> String {
        let list = |nodes: &[u64]| nodes.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
        format!("voters=\"{}\" learners=\"{}\"", list(self.voters), list(self.learners))
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |nodes: &[u64]| nodes.iter().map(|node| format!("n{node}")).collect::<Vec<_>>().join(" ");
        write!(f, "{}", list(self.voters))?;
        if self.learners.is_empty() { Ok(()) } else { write!(f, " + {}", list(self.learners)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_no_member_yet_knows_nothing() {
        let members = Membership { voters: 2, learners: 1, changes: &[] };
        assert_eq!(members.first(NodeId(1)).to_string(), "n1 n2 + n3");
        assert_eq!(members.first(NodeId(3)), members.first(NodeId(1)));
        assert_eq!((members.first(NodeId(1)).next_node, members.first(NodeId(1)).members.len()), (4, 3));
        assert_eq!(members.first(NodeId(4)), Configuration::default());
    }

    #[test]
    fn nodes_of_one_class_are_together_in_every_set() {
        let changes = &[Wanted { voters: &[1, 2, 3, 4], learners: &[5] }];
        assert_eq!(classes(&Membership { voters: 3, learners: 1, changes }, 5), [0, 0, 0, 1, 2]);
        assert_eq!(classes(&Membership { voters: 4, learners: 0, changes }, 5), [0, 0, 0, 0, 1]);
        assert_eq!(classes(&Membership { voters: 5, learners: 0, changes }, 5), [0, 1, 2, 3, 4], "one is left out");
        assert_eq!(classes(&Membership { voters: 3, learners: 0, changes: &[] }, 3), [0, 0, 0]);
    }

    #[test]
    fn a_wish_is_told_in_both_ways() {
        let wanted = Wanted { voters: &[1, 2], learners: &[3] };
        assert_eq!((wanted.to_string(), wanted.words()), ("n1 n2 + n3".into(), "voters=\"1 2\" learners=\"3\"".into()));
        assert_eq!((wanted.change().voters.len(), wanted.change().learners.len()), (2, 1));
    }
}
