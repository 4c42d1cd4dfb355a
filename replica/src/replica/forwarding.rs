//! Commands between members: what a leader does with those of followers, and what a follower does with the answers.

use raft::NodeId;

use super::Replica;
use crate::accepted::Seen;
use crate::peer::{ForwardedWrite, ForwardedWriteReply, NotAccepted, PeerMessage};
use crate::state_machine::StateMachine;
use crate::turn::Refusal;

impl<S: StateMachine> Replica<S> {
    /// Only the leader of exactly the term that was meant takes it, and only once. Who led that term and does not lead any
    /// more says what it did with it; who can't know says nothing, and the origin tells its client so when it hears of
    /// another leader.
    pub(super) fn forwarded_write(&mut self, from: NodeId, write: ForwardedWrite) {
        let ForwardedWrite { term, id, floor, essential, session, command } = write;
        self.notice_leader();
        let outcome = match self.accepted.look_up(term, from, id, floor) {
            Seen::Old => return,
            Seen::Answered(outcome) => outcome,
            Seen::New => {
                let outcome = if !self.raft.inspect().is_leader() || self.term != term {
                    Err(NotAccepted::NotLeader)
                } else if command.len() > self.config.command_bytes_max {
                    Err(NotAccepted::Busy)
                } else {
                    self.propose(&command, session, essential)
                };
                self.accepted.remember(from, id, outcome);
                outcome
            }
        };
        self.out.messages.push((from, PeerMessage::WriteReply(ForwardedWriteReply { term, id, outcome })));
    }

    pub(super) fn write_reply(&mut self, from: NodeId, reply: ForwardedWriteReply) {
        if reply.id.incarnation != self.incarnation {
            return;
        }
        let Some(write) = self.writes.take_forwarded(reply.id.number, from, reply.term) else { return };
        match reply.outcome {
            Ok(position) => self.logged(position, write),
            Err(NotAccepted::NotLeader) => {
                self.not_the_leader = Some(reply.term);
                self.queue_again(write);
            }
            Err(NotAccepted::Busy) => self.refuse_write(&write, Refusal::Busy),
            Err(NotAccepted::NoSpace) => self.refuse_write(&write, Refusal::NoSpace),
        }
    }
}
