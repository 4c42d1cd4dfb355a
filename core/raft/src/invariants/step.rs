//! Two successive states of one node, within one life: what may not go back.

use super::{Violation, ensure};
use crate::role::Role;
use crate::types::Index;
use crate::view::View;

/// Checks a step of one node. A step is one input or command; a restart is not one (a [`Ledger`](super::Ledger) sees what
/// must survive it).
///
/// # Errors
/// The first property that does not hold.
pub fn check_step(before: View<'_>, after: View<'_>) -> Result<(), Violation> {
    let node = &[before.id()];
    ensure!(before.halt().is_none() || after.halt() == before.halt(), HaltStays, node, "{:?}", before.halt());
    if after.halt().is_some() {
        return Ok(());
    }
    let (term, commit, applied, base) = (before.term(), before.commit(), before.applied(), before.log().base());
    ensure!(after.term() >= term, TermRises, node, "from {term} to {}", after.term());
    ensure!(
        after.term() > term || before.vote().is_none() || after.vote() == before.vote(),
        VoteFixed,
        node,
        "from {:?} to {:?} in {term}",
        before.vote(),
        after.vote()
    );
    ensure!(after.commit() >= commit, CommitRises, node, "from {commit} to {}", after.commit());
    ensure!(after.applied() >= applied, AppliedRises, node, "from {applied} to {}", after.applied());
    let now = after.log().base();
    ensure!(now.index >= base.index, BaseRises, node, "from {base} to {now}");
    committed_stays(before, after)?;
    durable_stays(before, after)?;
    match (before.role(), after.role()) {
        (Role::Leader(_), Role::Leader(_)) if after.term() == term => leader(before, after),
        _ => Ok(()),
    }
}

/// What is committed on a node is never replaced there (A19).
fn committed_stays(before: View<'_>, after: View<'_>) -> Result<(), Violation> {
    let first = before.log().base().index.max(after.log().base().index);
    let gone = changed(before, after, first, before.commit());
    let entry = gone.unwrap_or(Index::ZERO);
    ensure!(
        gone.is_none(),
        StateMachineSafety,
        &[before.id()],
        "entry {entry} was committed and was replaced or deleted"
    );
    Ok(())
}

/// What is durable stays so, up to the first entry that was deleted or replaced.
fn durable_stays(before: View<'_>, after: View<'_>) -> Result<(), Violation> {
    if !before.log().holds(after.log().base()) {
        // The log was replaced by a snapshot: nothing of it is durable until the disk was told.
        return Ok(());
    }
    let (was, is) = (before.persistence().durable(), after.persistence().durable());
    let kept = changed(before, after, after.log().base().index, was).map_or(was, Index::previous);
    ensure!(is >= kept, DurableRises, &[before.id()], "from {was} to {is}, the log is unchanged up to {kept}");
    Ok(())
}

fn leader(before: View<'_>, after: View<'_>) -> Result<(), Violation> {
    let first = before.log().base().index.max(after.log().base().index);
    let gone = changed(before, after, first, before.last().index);
    let (term, entry) = (before.term(), gone.unwrap_or(Index::ZERO));
    ensure!(
        gone.is_none(),
        LeaderAppendOnly,
        &[before.id()],
        "entry {entry} was replaced or deleted while it led {term}"
    );
    if let (Role::Leader(before_leader), Role::Leader(after_leader)) = (before.role(), after.role()) {
        for (peer, was) in before_leader.progress() {
            let Some(is) = after_leader.progress().get(peer) else { continue };
            let (was, is) = (was.matched(), is.matched());
            ensure!(is >= was, MatchRises, &[before.id(), *peer], "from {was} to {is} in {term}");
        }
    }
    Ok(())
}

/// The first index in `first ..= last` at which the two logs differ.
fn changed(before: View<'_>, after: View<'_>, first: Index, last: Index) -> Option<Index> {
    let mut index = first.max(before.log().base().index.next());
    while index <= last {
        if before.log().entry(index) != after.log().entry(index) && index > after.log().base().index {
            return Some(index);
        }
        index = index.next();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::{Property, tests::*};
    use crate::message::{AppendEntriesReply, AppendOutcome};
    use crate::output::Halt;
    use crate::shared::Shared;
    use crate::types::{NodeId, Position, Term};
    use alloc::string::ToString;

    /// What is found when a follower is changed in this way in one step.
    fn found(change: impl FnOnce(&mut Shared)) -> Option<Property> {
        let mut shared = shared(3, &[1, 1, 2, 2]);
        shared.vote = Some(NodeId(2));
        (shared.commit, shared.applied) = (Index(2), Index(2));
        let before = shared.clone();
        change(&mut shared);
        let (one, two) = (follower_of(&before), follower_of(&shared));
        check_step(View::new(&before, &one), View::new(&shared, &two)).err().map(|violation| violation.property)
    }

    #[test]
    fn a_good_step_passes() {
        assert_eq!(found(|_| ()), None);
        assert_eq!(found(|shared| shared.truncate(Index(3))), None, "an uncommitted tail may go");
        assert_eq!(found(|shared| shared.enter_term(Term(9), None)), None);
        assert_eq!(found(|shared| shared.log.compact(Index(2))), None);
    }

    #[test]
    fn what_goes_back_is_found() {
        assert_eq!(found(|shared| shared.term = Term(2)), Some(Property::TermRises));
        assert_eq!(found(|shared| shared.vote = None), Some(Property::VoteFixed));
        assert_eq!(found(|shared| shared.vote = Some(NodeId(3))), Some(Property::VoteFixed));
        assert_eq!(found(|shared| shared.commit = Index(1)), Some(Property::CommitRises));
        assert_eq!(found(|shared| shared.applied = Index(1)), Some(Property::AppliedRises));
        let replaced = found(|shared| {
            shared.log.truncate(Index(2));
            shared.log.append(entry(2, 2));
        });
        assert_eq!(replaced, Some(Property::StateMachineSafety));
        let forgotten =
            found(|shared| shared.persistence = crate::persistence::Persistence::new(Index(1), Index::ZERO));
        assert_eq!(forgotten, Some(Property::DurableRises));
    }

    #[test]
    fn a_base_that_goes_back_and_a_halt_that_ends_are_found() {
        let mut shared = shared(3, &[1, 1, 2]);
        (shared.commit, shared.applied) = (Index(3), Index(3));
        let earlier = shared.clone();
        shared.log.compact(Index(2));
        let role = follower_of(&shared);
        let found = |before: &Shared, after: &Shared| {
            check_step(View::new(before, &role), View::new(after, &role)).unwrap_err().property
        };
        assert_eq!(found(&shared, &earlier), Property::BaseRises);
        let mut halted = shared.clone();
        halted.stop(Halt::EntryMissing(Index(1)));
        assert_eq!(found(&halted, &shared), Property::HaltStays);
    }

    #[test]
    fn a_leader_that_deletes_and_a_match_that_falls_are_found() {
        let mut shared = shared(1, &[1, 1]);
        let role = leader_of(&mut shared);
        let mut shorter = shared.clone();
        shorter.log.truncate(Index(3));
        let violation = check_step(View::new(&shared, &role), View::new(&shorter, &role)).unwrap_err();
        assert_eq!(violation.property, Property::LeaderAppendOnly);
        let mut later = shared.clone();
        later.truncate(Index(3));
        let leads_later = leader_of(&mut later);
        let step = check_step(View::new(&shared, &role), View::new(&later, &leads_later));
        assert_eq!(step, Ok(()), "between two reigns it may have followed");

        let mut ahead = role.clone();
        let Role::Leader(leader) = &mut ahead else { panic!("it leads") };
        let reply = AppendEntriesReply { round: 1, outcome: AppendOutcome::Accepted { matched: Index(1) } };
        leader.append_reply(&mut shared, NodeId(2), reply);
        let violation = check_step(View::new(&shared, &ahead), View::new(&shared, &role)).unwrap_err();
        assert_eq!(violation.property, Property::MatchRises);
        assert_eq!(
            violation.to_string(),
            "matchIndex never falls within a term (5.3) does not hold: n1 and n2: from 1 to 0 in t4"
        );
        assert!(shared.log.holds(Position::new(2, 1)));
    }
}
