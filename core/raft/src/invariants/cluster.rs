//! All nodes at one moment: the properties of paper figure 3 that need no history.

use super::{Violation, ensure};
use crate::types::{Index, Position};
use crate::view::View;

/// Checks the nodes of a cluster against each other, pair by pair. Nodes that are down may be left out; halted ones are not
/// judged.
///
/// # Errors
/// The first property that does not hold.
pub fn check_cluster(views: &[View<'_>]) -> Result<(), Violation> {
    for (at, one) in views.iter().enumerate() {
        for other in &views[at + 1..] {
            if one.halt().is_none() && other.halt().is_none() {
                pair(*one, *other)?;
            }
        }
    }
    Ok(())
}

fn pair(one: View<'_>, other: View<'_>) -> Result<(), Violation> {
    let nodes = &[one.id(), other.id()];
    let both_lead = one.is_leader() && other.is_leader() && one.term() == other.term();
    ensure!(!both_lead, ElectionSafety, nodes, "both lead {}", one.term());
    let committed = one.commit().min(other.commit());
    if let Some((ours, theirs)) = differ(one, other, committed) {
        ensure!(false, StateMachineSafety, nodes, "committed are {ours} here and {theirs} there");
    }
    if let Some(shared) = last_shared(one, other)
        && let Some((ours, theirs)) = differ(one, other, shared.index)
    {
        ensure!(false, LogMatching, nodes, "both have {shared}, and before it {ours} here and {theirs} there");
    }
    complete(one, other)?;
    complete(other, one)
}

/// What a node knows to be committed is in the log of the leader of its own or a later term.
fn complete(leader: View<'_>, node: View<'_>) -> Result<(), Violation> {
    if !leader.is_leader() || node.term() > leader.term() {
        return Ok(());
    }
    let nodes = &[leader.id(), node.id()];
    let (last, commit, term) = (leader.last(), node.commit(), leader.term());
    ensure!(
        last.index >= commit,
        LeaderCompleteness,
        nodes,
        "the log of the leader of {term} ends with {last}, committed is {commit}"
    );
    if let Some((ours, theirs)) = differ(leader, node, commit) {
        ensure!(false, LeaderCompleteness, nodes, "the leader of {term} has {ours}, committed is {theirs}");
    }
    Ok(())
}

/// The last position that both logs hold.
fn last_shared(one: View<'_>, other: View<'_>) -> Option<Position> {
    let mut index = one.last().index.min(other.last().index);
    loop {
        match (one.log().position_at(index), other.log().position_at(index)) {
            (Some(ours), Some(theirs)) if ours == theirs => return Some(ours),
            (Some(_), Some(_)) if index > Index::ZERO => index = index.previous(),
            _ => return None,
        }
    }
}

/// The first index up to `upto` at which both logs are known and differ, in position or content.
fn differ(one: View<'_>, other: View<'_>, upto: Index) -> Option<(Position, Position)> {
    let mut index = one.log().base().index.max(other.log().base().index);
    while index <= upto {
        if let (Some(ours), Some(theirs)) = (one.log().position_at(index), other.log().position_at(index)) {
            let content = match (one.log().entry(index), other.log().entry(index)) {
                (Some(ours), Some(theirs)) => ours == theirs,
                _ => true,
            };
            if ours != theirs || !content {
                return Some((ours, theirs));
            }
        }
        index = index.next();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Entry, EntryKind, Header};
    use crate::invariants::{Property, tests::*};
    use crate::role::Role;
    use crate::shared::Shared;
    use crate::types::Term;

    fn found(nodes: &[(&Shared, &Role)]) -> Option<Property> {
        let views: alloc::vec::Vec<View<'_>> = nodes.iter().map(|(shared, role)| View::new(shared, role)).collect();
        check_cluster(&views).err().map(|violation| violation.property)
    }

    #[test]
    fn two_leaders_of_one_term_are_found_and_of_two_terms_are_not() {
        let (mut one, mut two, mut later) = (shared(1, &[1]), shared(2, &[1]), shared(3, &[1]));
        let (lead_one, lead_two) = (leader_of(&mut one), leader_of(&mut two));
        assert_eq!(found(&[(&one, &lead_one), (&two, &lead_two)]), Some(Property::ElectionSafety));
        later.enter_term(Term(9), None);
        let lead_later = leader_of(&mut later);
        assert_eq!(found(&[(&one, &lead_one), (&later, &lead_later)]), None);
    }

    #[test]
    fn committed_entries_that_differ_are_found() {
        let (mut one, mut two) = (shared(1, &[1, 1]), shared(2, &[1, 2]));
        let roles = (follower_of(&one), follower_of(&two));
        assert_eq!(found(&[(&one, &roles.0), (&two, &roles.1)]), None, "uncommitted tails may differ");
        (one.commit, two.commit) = (Index(2), Index(2));
        assert_eq!(found(&[(&one, &roles.0), (&two, &roles.1)]), Some(Property::StateMachineSafety));
    }

    #[test]
    fn logs_that_match_at_one_place_and_differ_before_it_are_found() {
        let (one, two) = (shared(1, &[1, 1, 3]), shared(2, &[1, 2, 3]));
        let roles = (follower_of(&one), follower_of(&two));
        assert_eq!(found(&[(&one, &roles.0), (&two, &roles.1)]), Some(Property::LogMatching));
    }

    #[test]
    fn logs_that_match_somewhere_behind_their_ends_are_looked_at_too() {
        let (one, two) = (shared(1, &[1, 1, 3, 3, 3]), shared(2, &[1, 2, 3, 2]));
        let roles = (follower_of(&one), follower_of(&two));
        assert_eq!(found(&[(&one, &roles.0), (&two, &roles.1)]), Some(Property::LogMatching));
    }

    #[test]
    fn a_halted_node_is_not_judged() {
        let (one, mut two) = (shared(1, &[1, 1, 3]), shared(2, &[1, 2, 3]));
        let roles = (follower_of(&one), follower_of(&two));
        two.stop(crate::Halt::EntryMissing(Index(1)));
        assert_eq!(found(&[(&one, &roles.0), (&two, &roles.1)]), None);
        assert_eq!(found(&[(&two, &roles.1), (&one, &roles.0)]), None);
    }

    #[test]
    fn one_position_with_two_contents_is_found() {
        let (one, mut two) = (shared(1, &[1, 1]), shared(2, &[1]));
        two.append(Entry::new(Position::new(2, 1), EntryKind::Command, Header::default(), b"other"));
        let roles = (follower_of(&one), follower_of(&two));
        assert_eq!(found(&[(&one, &roles.0), (&two, &roles.1)]), Some(Property::LogMatching));
    }

    #[test]
    fn a_leader_without_what_is_committed_is_found() {
        let (mut one, mut two) = (shared(1, &[1, 1, 1, 1]), shared(2, &[1]));
        two.term = Term(8);
        let roles = (follower_of(&one), leader_of(&mut two));
        assert_eq!(found(&[(&one, &roles.0), (&two, &roles.1)]), None, "nothing is committed yet");
        one.commit = Index(3);
        assert_eq!(found(&[(&one, &roles.0), (&two, &roles.1)]), Some(Property::LeaderCompleteness));
        one.commit = Index(2);
        assert_eq!(found(&[(&two, &roles.1), (&one, &roles.0)]), Some(Property::LeaderCompleteness));
        one.term = two.term;
        assert_eq!(found(&[(&two, &roles.1), (&one, &roles.0)]), Some(Property::LeaderCompleteness), "its own term");
        one.term = two.term.next();
        assert_eq!(found(&[(&two, &roles.1), (&one, &roles.0)]), None, "what is committed later it need not have");
    }
}
