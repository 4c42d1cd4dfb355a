//! What a message says must be on the disk of who says it, at the moment it leaves; and what a leader commits must be on
//! the disks of a majority, crashed nodes included. The core can't see disks, so its own invariants can't check this.

use std::collections::BTreeMap;

use quorate_raft::{AppendOutcome, Body, Configuration, Index, Message, NodeId, Position, View};

use super::disk::Disk;

/// Checks that nothing that `message` says could be taken back by a crash.
pub(crate) fn sent(message: &Message, view: View<'_>, disk: &Disk) -> Result<(), String> {
    let on_disk = match &message.body {
        Body::PreVote(_) | Body::PreVoteReply(_) | Body::AppendEntries(_) | Body::TimeoutNow => true,
        Body::RequestVote(_) => has_vote(message, message.from, disk),
        Body::RequestVoteReply(reply) if reply.granted => has_vote(message, message.to, disk),
        Body::RequestVoteReply(_) => has_term(message, disk),
        Body::AppendEntriesReply(reply) => match reply.outcome {
            AppendOutcome::Accepted { matched } => has_term(message, disk) && has_log(matched, view, disk),
            AppendOutcome::Refused { .. } => has_term(message, disk),
        },
        Body::InstallSnapshotReply(reply) => has_term(message, disk) && has_log(reply.matched, view, disk),
    };
    if on_disk {
        return Ok(());
    }
    let (state, last) = (disk.hard_state, disk.last());
    Err(format!(
        "persist before send does not hold: {} says `{message}`, its disk has {} vote={:?} last={last}",
        message.from, state.term, state.vote
    ))
}

fn has_term(message: &Message, disk: &Disk) -> bool {
    disk.hard_state.term >= message.term
}

fn has_vote(message: &Message, candidate: NodeId, disk: &Disk) -> bool {
    let state = disk.hard_state;
    state.term > message.term || (state.term == message.term && state.vote == Some(candidate))
}

/// The disk has the node's log as it is in memory, up to `matched`.
fn has_log(matched: Index, view: View<'_>, disk: &Disk) -> bool {
    let mut index = view.log().base().index.max(disk.base.index).next();
    while index <= matched {
        let ours = view.log().position_at(index);
        if ours.is_none() || disk.position_at(index) != ours {
            return false;
        }
        index = index.next();
    }
    disk.last().index >= matched
}

/// Checks that a majority of the voters, of both sets while joint, has `position` on disk. `configuration` was in force when
/// the node committed it.
pub(crate) fn committed(
    position: Position,
    id: NodeId,
    configuration: &Configuration,
    disks: &BTreeMap<NodeId, &Disk>,
) -> Result<(), String> {
    let has = |disk: &Disk| disk.base.index >= position.index || disk.position_at(position.index) == Some(position);
    for voters in [&configuration.voters, &configuration.voters_old] {
        let copies = voters.iter().filter(|voter| disks.get(voter).is_some_and(|disk| has(disk))).count();
        if copies <= voters.len() / 2 && !voters.is_empty() {
            return Err(format!(
                "committed on a quorum does not hold: {id} committed {position}, on {copies} of {} disks",
                voters.len()
            ));
        }
    }
    Ok(())
}
