//! Which configuration follows which: one request names the voters and learners that are wanted, and this room says by which
//! steps the cluster gets there (paper section 6, thesis 4.3). Values in, values out: who is heard and who has caught up is
//! asked of whoever calls, and nothing here appends, sends or waits.
//!
//! A change of the voters takes up to three entries, each committed before the next is made:
//!
//! 1. *catching up*: new voters receive the log as learners, and [`Configuration::wanted`] says what is to become of it;
//! 2. *joint*: the old and the new voters must both agree;
//! 3. *plain* again, with the new voters alone.
//!
//! A change of learners, or of what is kept of the members, moves no majority and is one entry.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use crate::configuration::{Configuration, MEMBERS_MAX, Member, Stage};
use crate::types::{Index, NodeId};

/// What the membership is to become, in one request: all of it, not the difference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Change {
    /// Who is to vote.
    pub voters: BTreeSet<NodeId>,
    /// Who is to receive the log without a vote.
    pub learners: BTreeSet<NodeId>,
    /// What to keep of members that are new, or that changed; others stay as they are.
    pub members: BTreeMap<NodeId, Member>,
}

/// What makes a change impossible or unwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Nobody would vote: the cluster could never decide anything again.
    NoVoters,
    /// The node can't both vote and only learn.
    Overlap(NodeId),
    /// The id was given out before, to a node that is no member any more: its vote could be counted for another (M15).
    Reused(NodeId),
    /// Something is to be kept of a node that is no member, or a new node's id is far from the next one.
    Unknown(NodeId),
    /// As measured now, too few of these voters answer: the cluster would stop.
    LosesQuorum {
        /// How many voters the set in question has: the present one, or the wanted one.
        voters: usize,
        /// How many of them answered lately, those that are still to join included.
        reachable: usize,
    },
    /// More members than any cluster has.
    TooManyMembers,
}

/// Why a change is refused. It has had no effect and never will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeError {
    /// This node does not lead; `leader` does, as far as it knows.
    NotLeader {
        /// Whom to ask.
        leader: Option<NodeId>,
    },
    /// Another change is under way: not committed, joint, or waiting for its new voters (M17).
    InProgress,
    /// The leader is new and knows not yet what is committed (thesis 4.1, M1): try again.
    NotReady,
    /// It hands the leadership over to this node: try again there.
    Transferring(NodeId),
    /// The change itself.
    Refused(Refusal),
}

/// Why a learner is not promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PromoteError {
    /// It is no plain learner: no member at all, a voter, or on its way to become one.
    NotLearner,
    /// It lacks too much of the log, or never caught up within T: as a voter it would hold up the cluster (thesis 4.2.1).
    Lagging {
        /// What it has of the leader's log.
        matched: Index,
        /// How long that is.
        of: Index,
    },
    /// For a reason that any change may be refused for.
    Change(ChangeError),
}

/// One configuration on the way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// As it stands in the log.
    pub configuration: Configuration,
    /// How many voters may fail in it, on top of those that are silent now, before nothing can be decided any more; `None`
    /// if nothing could be decided as it is.
    pub survives: Option<usize>,
}

/// What a change would do, without doing it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The configuration in force.
    pub before: Step,
    /// What follows it, in order; the last is what was wanted. None if there is nothing to change, or it would be refused.
    pub steps: Vec<Step>,
    /// What there is against it.
    pub refusal: Option<Refusal>,
}

impl Plan {
    /// The failures that the cluster survives in the worst moment of the change, its end left out.
    #[must_use]
    pub fn survives_during(&self) -> Option<usize> {
        let inner = self.steps.iter().rev().skip(1).map(|step| step.survives);
        inner.fold(self.before.survives, core::cmp::Ord::min)
    }

    /// The failures that it survives once all is done.
    #[must_use]
    pub fn survives_after(&self) -> Option<usize> {
        self.steps.last().map_or(self.before.survives, |step| step.survives)
    }
}

/// What a change would do to a cluster in which `heard` tells who answers. Nodes that are new are taken to answer and to need
/// catching up.
#[must_use]
pub fn plan(configuration: &Configuration, change: &Change, heard: &dyn Fn(NodeId) -> bool) -> Plan {
    let known = configuration.nodes();
    let answers = |node: NodeId| heard(node) || !known.contains(&node);
    let step = |configuration: Configuration| {
        let survives = survives(&configuration, &answers);
        Step { configuration, survives }
    };
    let mut plan = Plan { before: step(configuration.clone()), steps: Vec::new(), refusal: None };
    match first_step(configuration, change, heard, &|_| false) {
        Err(refusal) => plan.refusal = Some(refusal),
        Ok(None) => {}
        Ok(Some(first)) => {
            let mut next = Some(first);
            while let Some(one) = next.take() {
                next = next_step(&one);
                plan.steps.push(step(one));
            }
        }
    }
    plan
}

/// How many more voters may fail before a majority (of either set while joint) is gone.
fn survives(configuration: &Configuration, heard: &dyn Fn(NodeId) -> bool) -> Option<usize> {
    let of = |voters: &BTreeSet<NodeId>| {
        let reachable = voters.iter().filter(|voter| heard(**voter)).count();
        reachable.checked_sub(voters.len() / 2 + 1)
    };
    let new = of(&configuration.voters);
    if configuration.is_joint() { new.min(of(&configuration.voters_old)) } else { new }
}

/// The first configuration of a change; `None` if all is as it is wanted. `heard` tells who answers, `ready` which learners
/// have caught up.
///
/// # Errors
/// When the change makes no sense, or would leave a set of voters without a majority that answers.
pub(crate) fn first_step(
    current: &Configuration,
    change: &Change,
    heard: &dyn Fn(NodeId) -> bool,
    ready: &dyn Fn(NodeId) -> bool,
) -> Result<Option<Configuration>, Refusal> {
    makes_sense(current, change)?;
    let joining: BTreeSet<NodeId> = change.voters.difference(&current.voters).copied().collect();
    if change.voters != current.voters {
        answers(&current.voters, heard)?;
        answers(&change.voters, &|node| heard(node) || joining.contains(&node))?;
    }
    let mut next = current.clone();
    next.voters_old.clear();
    next.wanted.clear();
    next.learners.clone_from(&change.learners);
    if change.voters != current.voters && joining.iter().all(|node| ready(*node)) {
        next.voters_old.clone_from(&current.voters);
        next.voters.clone_from(&change.voters);
    } else if change.voters != current.voters {
        next.learners.extend(joining);
        next.wanted.clone_from(&change.voters);
    }
    keep_members(&mut next, &change.members);
    Ok((next != *current).then_some(next))
}

/// Goes from the present voters to others at once, without the joint phase: unsafe, and only for worlds that show why (A32).
pub(crate) fn direct_step(current: &Configuration, change: &Change) -> Result<Option<Configuration>, Refusal> {
    makes_sense(current, change)?;
    let mut next = current.clone();
    next.voters.clone_from(&change.voters);
    next.learners.clone_from(&change.learners);
    keep_members(&mut next, &change.members);
    Ok((next != *current).then_some(next))
}

/// What follows a configuration that a change is under way in, once it is committed (A35): the joint one when its new voters
/// have caught up, the plain one after that.
pub(crate) fn next_step(current: &Configuration) -> Option<Configuration> {
    let mut next = current.clone();
    match current.stage() {
        Stage::Plain => return None,
        Stage::CatchingUp => {
            next.voters_old = core::mem::replace(&mut next.voters, core::mem::take(&mut next.wanted));
            next.learners.retain(|node| !next.voters.contains(node));
        }
        Stage::Joint => next.voters_old.clear(),
    }
    keep_members(&mut next, &BTreeMap::new());
    Some(next)
}

/// May `next` follow `current` in a log? Only if any majority that decides in one meets any that decides in the other.
#[must_use]
pub fn may_follow(current: &Configuration, next: &Configuration) -> bool {
    match (current.is_joint(), next.is_joint()) {
        (false, false) => current.voters == next.voters,
        (false, true) => current.voters == next.voters_old,
        (true, false) => current.voters == next.voters,
        (true, true) => current.voters == next.voters && current.voters_old == next.voters_old,
    }
}

fn makes_sense(current: &Configuration, change: &Change) -> Result<(), Refusal> {
    if change.voters.is_empty() {
        return Err(Refusal::NoVoters);
    }
    if let Some(both) = change.voters.intersection(&change.learners).next() {
        return Err(Refusal::Overlap(*both));
    }
    let known = current.nodes();
    let wanted = change.voters.union(&change.learners);
    if known.len() + wanted.clone().count() > usize::try_from(MEMBERS_MAX).unwrap_or(usize::MAX) {
        return Err(Refusal::TooManyMembers);
    }
    for node in wanted.filter(|node| !known.contains(node)) {
        if node.0 < current.next_node || node.0 == 0 {
            return Err(Refusal::Reused(*node));
        }
        // Ids are given out in order; one from far away would use up all before it.
        if node.0 - current.next_node >= MEMBERS_MAX {
            return Err(Refusal::Unknown(*node));
        }
    }
    let stranger = change.members.keys().find(|node| !change.voters.contains(node) && !change.learners.contains(node));
    stranger.map_or(Ok(()), |node| Err(Refusal::Unknown(*node)))
}

/// A majority of these voters answers.
pub(crate) fn answers(voters: &BTreeSet<NodeId>, heard: &dyn Fn(NodeId) -> bool) -> Result<(), Refusal> {
    let reachable = voters.iter().filter(|voter| heard(**voter)).count();
    if reachable > voters.len() / 2 {
        return Ok(());
    }
    Err(Refusal::LosesQuorum { voters: voters.len(), reachable })
}

/// Keeps something for each node that is a member, and nothing for any other. Ids that are in use are never given out again.
fn keep_members(next: &mut Configuration, changed: &BTreeMap<NodeId, Member>) {
    let nodes = next.nodes();
    next.members.retain(|node, _| nodes.contains(node));
    for node in nodes {
        if let Some(member) = changed.get(&node) {
            next.members.insert(node, member.clone());
        }
        next.members.entry(node).or_default();
        next.next_node = next.next_node.max(node.0.saturating_add(1));
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVoters => write!(f, "nobody would vote any more"),
            Self::Overlap(node) => write!(f, "{node} can't be both a voter and a learner"),
            Self::Reused(node) => write!(f, "the id {node} was given out before and is never used again"),
            Self::Unknown(node) => write!(f, "{node} is no member"),
            Self::LosesQuorum { voters, reachable } => {
                write!(f, "only {reachable} of {voters} voters answer, fewer than a majority: the cluster would stop")
            }
            Self::TooManyMembers => write!(f, "a cluster has at most {MEMBERS_MAX} members"),
        }
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader { leader: Some(leader) } => write!(f, "{leader} leads"),
            Self::NotLeader { leader: None } => write!(f, "this node does not lead, and knows no leader"),
            Self::InProgress => write!(f, "another change of the membership is under way"),
            Self::NotReady => write!(f, "the leader is new and has not committed anything yet"),
            Self::Transferring(target) => write!(f, "the leadership is being handed over to {target}"),
            Self::Refused(refusal) => write!(f, "{refusal}"),
        }
    }
}

impl fmt::Display for PromoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLearner => write!(f, "it is no learner"),
            Self::Lagging { matched, of } => write!(f, "it has {matched} of {of} entries, and does not keep up"),
            Self::Change(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for Refusal {}
impl core::error::Error for ChangeError {}
impl core::error::Error for PromoteError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use alloc::vec;

    fn set(ids: &[u64]) -> BTreeSet<NodeId> {
        ids.iter().map(|id| NodeId(*id)).collect()
    }

    fn of(voters: &[u64]) -> Configuration {
        Configuration::of_voters(set(voters))
    }

    fn change(voters: &[u64], learners: &[u64]) -> Change {
        Change { voters: set(voters), learners: set(learners), members: BTreeMap::new() }
    }

    fn steps(from: &Configuration, change: &Change) -> Vec<String> {
        plan(from, change, &|_| true).steps.iter().map(|step| step.configuration.to_string()).collect()
    }

    #[test]
    fn new_voters_learn_first_then_both_sets_agree_then_the_new_one_alone() {
        assert_eq!(
            steps(&of(&[1, 2, 3]), &change(&[1, 2, 4], &[3])),
            ["n1 n2 n3 + n3 n4 -> n1 n2 n4", "n1 n2 n4 & n1 n2 n3 + n3", "n1 n2 n4 + n3"]
        );
        assert_eq!(steps(&of(&[1, 2, 3]), &change(&[1, 2], &[])), ["n1 n2 & n1 n2 n3", "n1 n2"], "nobody has to learn");
        assert_eq!(steps(&of(&[1, 2, 3]), &change(&[1, 2, 3], &[4])), ["n1 n2 n3 + n4"], "learners move no majority");
        assert!(steps(&of(&[1, 2, 3]), &change(&[1, 2, 3], &[])).is_empty());
    }

    #[test]
    fn each_step_may_follow_the_one_before_and_no_other_jump_may() {
        let (from, to) = (of(&[1, 2, 3]), change(&[3, 4, 5], &[]));
        let plan = plan(&from, &to, &|_| true);
        let mut before = &from;
        for step in &plan.steps {
            assert!(may_follow(before, &step.configuration), "{before} to {}", step.configuration);
            before = &step.configuration;
        }
        let (joint, last) = (&plan.steps[1].configuration, &plan.steps[2].configuration);
        assert!(!may_follow(&from, last) && !may_follow(last, &from) && !may_follow(joint, &from));
        assert!(!may_follow(&of(&[1, 2]), joint) && may_follow(joint, joint));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let from = of(&[1, 2, 3]);
        let refused = |change: &Change| plan(&from, change, &|_| true).refusal;
        assert_eq!(refused(&change(&[], &[1])), Some(Refusal::NoVoters));
        assert_eq!(refused(&change(&[1, 2], &[2])), Some(Refusal::Overlap(NodeId(2))));
        assert_eq!(refused(&change(&[1, 2, 4], &[])), None);
        assert_eq!(refused(&change(&[0, 1, 2], &[])), Some(Refusal::Reused(NodeId(0))));
        assert_eq!(refused(&change(&[1, 2, u64::MAX], &[])), Some(Refusal::Unknown(NodeId(u64::MAX))));
        let mut of_a_stranger = change(&[1, 2], &[]);
        of_a_stranger.members.insert(NodeId(3), Member::default());
        assert_eq!(refused(&of_a_stranger), Some(Refusal::Unknown(NodeId(3))));
        let many: Vec<u64> = (1..=MEMBERS_MAX).collect();
        assert_eq!(refused(&change(&many, &[])), Some(Refusal::TooManyMembers));
    }

    #[test]
    fn an_id_is_never_used_again() {
        // M15
        let from = of(&[1, 2, 3]);
        let without = plan(&from, &change(&[1, 2], &[]), &|_| true).steps.pop().unwrap().configuration;
        assert_eq!((without.next_node, without.members.len()), (4, 2));
        assert_eq!(plan(&without, &change(&[1, 2, 3], &[]), &|_| true).refusal, Some(Refusal::Reused(NodeId(3))));
        let with = plan(&without, &change(&[1, 2, 5], &[]), &|_| true).steps.pop().unwrap().configuration;
        assert_eq!(with.next_node, 6);
        assert_eq!(plan(&with, &change(&[1, 2, 4], &[]), &|_| true).refusal, Some(Refusal::Reused(NodeId(4))));
    }

    #[test]
    fn a_change_that_would_lose_the_quorum_as_measured_now_is_refused() {
        // M16
        let from = of(&[1, 2, 3]);
        let heard = |silent: &'static [u64]| move |node: NodeId| !silent.contains(&node.0);
        let refused = |change: &Change, silent| plan(&from, change, &heard(silent)).refusal;
        let two_left = change(&[1, 3], &[]);
        assert_eq!(refused(&two_left, &[3]), Some(Refusal::LosesQuorum { voters: 2, reachable: 1 }));
        assert_eq!(refused(&two_left, &[2]), None, "who is silent leaves");
        assert_eq!(refused(&change(&[1, 2, 4], &[]), &[2, 3]), Some(Refusal::LosesQuorum { voters: 3, reachable: 1 }));
        assert_eq!(refused(&change(&[1, 2, 4], &[]), &[3]), None, "a dead member is replaced");
        assert_eq!(refused(&change(&[1, 2, 3], &[4]), &[2, 3]), None, "a learner changes no majority");
    }

    #[test]
    fn a_plan_says_how_many_failures_are_survived() {
        let of_change = |change: &Change, silent: u64| plan(&of(&[1, 2, 3]), change, &|node| node.0 != silent);
        let survived = |plan: &Plan| (plan.before.survives, plan.survives_during(), plan.survives_after());
        // A swap: while both sets must agree, one more failure is one too many only where it was already (M19).
        assert_eq!(survived(&of_change(&change(&[1, 2, 4], &[]), 0)), (Some(1), Some(1), Some(1)));
        assert_eq!(survived(&of_change(&change(&[1, 2, 4], &[]), 3)), (Some(0), Some(0), Some(1)));
        assert_eq!(survived(&of_change(&change(&[1, 2, 3, 4, 5], &[]), 0)), (Some(1), Some(1), Some(2)));
        assert_eq!(survived(&of_change(&change(&[1, 2, 3], &[4]), 0)), (Some(1), Some(1), Some(1)));
        let silent = plan(&of(&[1, 2, 3]), &change(&[1, 2, 3], &[4]), &|node| node.0 == 1);
        assert_eq!(silent.before.survives, None, "nothing can be decided");
    }

    #[test]
    fn a_change_that_waits_can_be_taken_back() {
        // M16
        let from = of(&[1, 2, 3]);
        let waiting = plan(&from, &change(&[1, 2, 3, 4], &[]), &|_| true).steps[0].configuration.clone();
        assert_eq!(waiting.stage(), Stage::CatchingUp);
        let back = plan(&waiting, &change(&[1, 2, 3], &[]), &|_| true);
        let shown: Vec<String> = back.steps.iter().map(|step| step.configuration.to_string()).collect();
        assert_eq!(shown, vec!["n1 n2 n3"]);
        assert_eq!(back.steps[0].configuration.next_node, 5, "and its id is used up");
    }

    #[test]
    fn without_the_joint_phase_two_majorities_need_not_meet() {
        let next = direct_step(&of(&[1, 2, 3]), &change(&[3, 4, 5], &[])).unwrap().unwrap();
        assert!(!may_follow(&of(&[1, 2, 3]), &next));
        assert_eq!(direct_step(&of(&[1]), &change(&[], &[])), Err(Refusal::NoVoters));
    }
}
