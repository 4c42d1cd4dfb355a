//! The membership of one node at one moment: the configurations of its log fit together, and a leader serves exactly those
//! that belong to the one in force.

use super::{Violation, ensure};
use crate::configuration::Configuration;
use crate::entry::EntryKind;
use crate::leader::Leader;
use crate::membership::may_follow;
use crate::types::{Index, NodeId};
use crate::view::View;

/// Neighbours in the log share their majorities: so no two of them can decide apart from each other.
pub(super) fn history(view: View<'_>) -> Result<(), Violation> {
    stand_in_the_log(view)?;
    if !view.rules().joint {
        return Ok(());
    }
    let mut before: Option<(Index, &Configuration)> = None;
    for (index, configuration) in view.history().iter() {
        // Who joins begins with none, or was told one of a later time than the log that it learns: it follows any.
        if let Some((earlier, one)) = before.filter(|(at, one)| *at > Index::ZERO && !one.voters.is_empty()) {
            ensure!(
                may_follow(one, configuration),
                ConfigurationsMeet,
                &[view.id()],
                "{configuration} of {index} stands behind {one} of {earlier}"
            );
        }
        before = Some((index, configuration));
    }
    Ok(())
}

/// Each configuration that came after the oldest known is that of an entry which is there still.
fn stand_in_the_log(view: View<'_>) -> Result<(), Violation> {
    for (index, configuration) in view.history().iter().skip(1) {
        let entry = view.log().entry(index).filter(|entry| entry.kind() == EntryKind::Configuration);
        let there = entry.and_then(|entry| Configuration::decode(&entry.payload()).ok());
        ensure!(
            there.as_ref() == Some(configuration),
            NewestConfiguration,
            &[view.id()],
            "{configuration} of {index} is known, and the entry there is {entry:?}"
        );
    }
    Ok(())
}

pub(super) fn leader(view: View<'_>, leader: &Leader) -> Result<(), Violation> {
    one_step_at_a_time(view)?;
    let configuration = view.configuration();
    for node in configuration.nodes().into_iter().filter(|node| *node != view.id()) {
        let served = leader.progress().get(&node).is_some_and(|progress| !progress.is_leaving());
        ensure!(served, ProgressOfMembers, &[view.id(), node], "{node} is in {configuration} and is sent nothing");
    }
    for (node, progress) in leader.progress() {
        let stranger = !configuration.has(*node) && !progress.is_leaving();
        ensure!(!stranger, ProgressOfMembers, &[view.id(), *node], "{node} is not in {configuration}");
        let learns = progress.catch_up().is_some();
        let is_learner = configuration.has(*node) && !configuration.is_voter(*node);
        ensure!(learns == is_learner, ProgressOfMembers, &[view.id(), *node], "catching up: {learns}");
    }
    Ok(())
}

/// What this leader itself changed is committed before it changes more. (What it inherited may be a whole row of steps that
/// it does not know to be committed yet.)
fn one_step_at_a_time(view: View<'_>) -> Result<(), Violation> {
    let sets =
        |one: &Configuration| (one.voters.clone(), one.voters_old.clone(), one.learners.clone(), one.wanted.clone());
    let mut before: Option<(Index, &Configuration)> = None;
    for (index, configuration) in view.history().iter() {
        let own = view.log().term_at(index) == Some(view.term());
        if let Some((earlier, one)) = before
            && own
            && sets(one) != sets(configuration)
        {
            let node: &[NodeId] = &[view.id()];
            let commit = view.commit();
            ensure!(earlier <= commit, OneStepAtATime, node, "{index} follows {earlier}, committed is {commit}");
        }
        before = Some((index, configuration));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Entry, Header};
    use crate::invariants::{Property, check, tests::*};
    use crate::role::Role;
    use crate::shared::Shared;
    use crate::types::Position;

    fn append(shared: &mut Shared, configuration: &Configuration) {
        let position = Position { index: shared.log.last().index.next(), term: shared.term };
        shared.append(Entry::new(position, EntryKind::Configuration, Header::default(), &configuration.encode()));
    }

    fn found(shared: &Shared, role: &Role) -> Option<Property> {
        check(View::new(shared, role)).err().map(|violation| violation.property)
    }

    fn joint() -> Configuration {
        let mut joint = Configuration::of_voters((4..=6).map(NodeId));
        joint.voters_old = (1..=5).map(NodeId).collect();
        joint
    }

    #[test]
    fn a_switch_without_a_joint_phase_is_found() {
        let mut shared = shared(1, &[1]);
        append(&mut shared, &joint());
        assert_eq!(found(&shared, &follower_of(&shared)), None);
        append(&mut shared, &Configuration::of_voters((5..=7).map(NodeId)));
        assert_eq!(found(&shared, &follower_of(&shared)), Some(Property::ConfigurationsMeet));
        shared.rules.joint = false;
        assert_eq!(found(&shared, &follower_of(&shared)), None, "a world that shows what the rule is good for");
    }

    #[test]
    fn a_configuration_whose_entry_is_gone_is_found() {
        let mut shared = shared(1, &[1]);
        append(&mut shared, &joint());
        shared.log.truncate(Index(2)); // and not through `Shared::truncate`, which would have reverted it
        shared.log.append(entry(2, 1));
        assert_eq!(found(&shared, &follower_of(&shared)), Some(Property::NewestConfiguration));
    }

    #[test]
    fn a_step_that_does_not_wait_for_the_one_before_is_found() {
        let mut shared = shared(1, &[1]);
        let Role::Leader(mut leader) = leader_of(&mut shared) else { panic!("it leads") };
        let propose = |leader: &mut Leader, shared: &mut Shared, configuration: &Configuration| {
            leader.propose(shared, EntryKind::Configuration, Header::default(), &configuration.encode())
        };
        let first = propose(&mut leader, &mut shared, &joint());
        let mut described = joint();
        described.members.insert(NodeId(4), crate::Member { disk: 7, ..crate::Member::default() });
        propose(&mut leader, &mut shared, &described);
        assert_eq!(found(&shared, &Role::Leader(leader.clone())), None, "what is kept of a member is no step");
        described.voters_old.clear();
        let mut hasty = (leader.clone(), shared.clone());
        propose(&mut hasty.0, &mut hasty.1, &described);
        assert_eq!(found(&hasty.1, &Role::Leader(hasty.0)), Some(Property::OneStepAtATime));
        assert_eq!(first.index, Index(3));
    }

    #[test]
    fn a_leader_that_serves_others_than_its_members_is_found() {
        let mut shared = shared(1, &[1]);
        let role = leader_of(&mut shared);
        append(&mut shared, &joint()); // behind the leader's back: it has no progress of n6
        let Role::Leader(leader) = &role else { panic!("it leads") };
        let violation = super::leader(View::new(&shared, &role), leader).unwrap_err();
        assert_eq!(violation.property, Property::ProgressOfMembers);
        let mut shared = self::shared(1, &[1]);
        let role = leader_of(&mut shared);
        let Role::Leader(leader) = &role else { panic!("it leads") };
        shared.rules.joint = false;
        append(&mut shared, &Configuration::of_voters((1..=4).map(NodeId)));
        let violation = super::leader(View::new(&shared, &role), leader).unwrap_err();
        assert_eq!(violation.property, Property::ProgressOfMembers, "nor is it told that n5 leaves");
    }
}
