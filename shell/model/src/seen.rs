//! Which events of a node are worth witnessing.

use raft::event::{CommitRule, FollowReason, IgnoreReason, VoteRefusal};
use raft::{Event, Index, Stage, Term};

use crate::local::Local;
use crate::witness::{Witness, Witnesses};

/// Adds what `event`, after which the node is `after`, shows.
pub(crate) fn event(witnesses: &mut Witnesses, event: Event, after: &Local) {
    match event {
        Event::BecameLeader { term } => {
            witnesses.add(if term > Term(1) { Witness::LaterLeader } else { Witness::Leader });
        }
        Event::BecamePreCandidate { .. } => witnesses.add(Witness::PreCandidate),
        Event::BecameCandidate { .. } if after.view().config().switches.pre_vote => {
            witnesses.add(Witness::PreVoteWon);
        }
        Event::VoteRefused { reason, .. } => witnesses.add(match reason {
            VoteRefusal::LogBehind => Witness::LogBehind,
            VoteRefusal::AlreadyVoted => Witness::VotedAlready,
            VoteRefusal::LeaderAlive => Witness::LeaderAlive,
            VoteRefusal::OldTerm => Witness::OldTerm,
        }),
        Event::BecameFollower { reason: FollowReason::NoQuorum, .. } => witnesses.add(Witness::NoQuorum),
        Event::Ignored { reason: IgnoreReason::OldTerm, .. } => witnesses.add(Witness::OldTerm),
        Event::BecameFollower { reason: FollowReason::NoVote, .. } => witnesses.add(Witness::LeaderLeft),
        Event::ConfigurationInForce { index, stage } => in_force(witnesses, index, stage, after),
        Event::ConfigurationReverted { .. } => witnesses.add(Witness::ConfigurationReverted),
        Event::Removed { .. } => witnesses.add(Witness::Removed),
        Event::AppendRefused { .. } => witnesses.add(Witness::AppendRefused),
        Event::Truncated { .. } => witnesses.add(Witness::Truncated),
        Event::Committed { index, rule: CommitRule::Majority } => committed(witnesses, index, after),
        Event::Committed { rule: CommitRule::LeaderSaid, .. } => witnesses.add(Witness::CommitTold),
        Event::SnapshotInstalled { .. } => witnesses.add(Witness::SnapshotInstalled),
        Event::SnapshotIgnored { .. } => witnesses.add(Witness::SnapshotIgnored),
        Event::ToldToStand { .. } => witnesses.add(Witness::ToldToStand),
        Event::TransferEnded { .. } => witnesses.add(Witness::TransferEnded),
        Event::BecameCandidate { .. }
        | Event::BecameFollower { .. }
        | Event::Voted { .. }
        | Event::AppendDropped
        | Event::Ignored { .. }
        | Event::Committed { rule: CommitRule::Snapshot, .. }
        | Event::SnapshotNeeded { .. }
        | Event::TransferBegan { .. }
        | Event::Halted(_) => {}
    }
}

fn in_force(witnesses: &mut Witnesses, index: Index, stage: Stage, after: &Local) {
    let view = after.view();
    let before = view.history().index_at(index.previous());
    let was_joint = view.history().at(before).is_joint();
    match stage {
        Stage::CatchingUp => witnesses.add(Witness::CatchingUp),
        Stage::Joint => witnesses.add(Witness::Joint),
        Stage::Plain if was_joint => witnesses.add(Witness::JointEnded),
        Stage::Plain => {}
    }
    let under_way = view.history().at(before).stage() != Stage::Plain;
    let earlier = view.log().term_at(before).is_some_and(|term| term < view.term());
    if view.is_leader() && under_way && earlier {
        witnesses.add(Witness::ChangeInherited);
    }
}

/// Entries that are not applied yet are those that were committed in this step.
fn committed(witnesses: &mut Witnesses, index: Index, leader: &Local) {
    let view = leader.view();
    witnesses.add(Witness::Committed);
    if view.persistence().durable() < index {
        witnesses.add(Witness::CommittedByOthers);
    }
    if view.unapplied(u64::MAX).iter().any(|entry| entry.term() < view.term()) {
        witnesses.add(Witness::CommittedIndirectly);
    }
}
