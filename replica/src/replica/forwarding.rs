//! Commands between members: what a leader does with those of followers, and what a follower does with the answers and where
//! none comes.
//!
//! A write is given to one leader. Only when that one says that it never took it, and so never will in its term, is it given to
//! another (L21). So where another leads meanwhile, the first is asked on for T, or until it is gone; then the client is told that
//! nobody knows.

use raft::NodeId;

use super::Replica;
use crate::accepted::Seen;
use crate::peer::{ForwardId, ForwardedWrite, ForwardedWriteReply, NotAccepted, PeerMessage};
use crate::state_machine::StateMachine;
use crate::turn::Refusal;
use crate::writes::Forwarded;

/// A leader that leads no more is asked again after T divided by this.
const DOUBTS: u64 = 4;

impl<S: StateMachine> Replica<S> {
    /// Only the leader of exactly the term that was meant takes it, and only once. Who led that term and does not lead any
    /// more says what it did with it; who can't know says nothing, and the origin tells its client so when it has asked long
    /// enough.
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

    /// Another leads now. The answers of who led before may be on their way, and it gives them also later.
    pub(super) fn doubt_forwarded(&mut self, leader: NodeId) {
        let mut lost = self.writes.doubt(self.term, leader, self.now);
        lost.extend(self.writes.take_doubtful(|leader, _| self.gone.contains(&leader)));
        lost.into_iter().for_each(|write| self.unknown(write));
    }

    /// Nothing more comes from this peer: what it did not answer, and can't be asked of who leads now, stays unknown.
    pub(super) fn peer_gone(&mut self, peer: NodeId) {
        self.gone.insert(peer);
        let lost = self.writes.take_doubtful(|leader, _| leader == peer);
        lost.into_iter().for_each(|write| self.unknown(write));
    }

    /// Asks again where no answer came for long, and gives up where nobody can be expected to answer any more.
    pub(super) fn sweep_forwarded(&mut self) {
        let (now, patience) = (self.now, self.config.election_timeout);
        let lost = self.writes.take_doubtful(|_, since| now.since(since) >= patience);
        lost.into_iter().for_each(|write| self.unknown(write));
        self.forward_again(|one| {
            now.since(one.sent) >= if one.doubtful.is_some() { patience / DOUBTS } else { patience }
        });
    }

    /// What was sent to this peer before it was met may have gone with an earlier connection, or found none.
    pub(super) fn forward_again_to(&mut self, peer: NodeId) {
        self.forward_again(|one| one.leader == peer);
    }

    /// The same number to the same leader of the same term: taken once, however often it comes.
    fn forward_again(&mut self, due: impl Fn(&Forwarded) -> bool) {
        let (now, incarnation, floor) = (self.now, self.incarnation, self.writes.floor());
        for (number, forwarded) in self.writes.forwarded_mut().filter(|(_, one)| due(one)) {
            forwarded.sent = now;
            let message = ForwardedWrite {
                term: forwarded.term,
                id: ForwardId { incarnation, number },
                floor,
                essential: forwarded.write.essential,
                session: forwarded.write.session,
                command: forwarded.write.command.clone(),
            };
            self.out.messages.push((forwarded.leader, PeerMessage::Write(message)));
        }
    }
}
