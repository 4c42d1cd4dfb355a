//! How writes end: with what became of their entry, with what their session says of an earlier copy, or with a refusal. A
//! command of a session whose fate is unknown is tried again here, since a second copy does no harm; any other client is told
//! that it is unknown.

use raft::Position;

use super::Replica;
use crate::recent::Outcome;
use crate::sessions::{SessionCommand, SessionPart, SessionRefusal};
use crate::state_machine::StateMachine;
use crate::turn::{Refusal, Reply, RequestId};
use crate::writes::Write;

impl<S: StateMachine> Replica<S> {
    /// It stands in a log at `position`, which may be applied here already.
    pub(super) fn logged(&mut self, position: Position, write: Write) {
        if position.index > self.raft.inspect().applied() {
            // The answer may be late, and its leader's entry gone for good: then nothing can be done twice.
            if self.writes.is_lost(position) {
                return self.queue_again(write);
            }
            return self.writes.log(position, write);
        }
        match self.recent.find(position) {
            Some(outcome) => self.serve(&write, outcome),
            None => self.unknown(write),
        }
    }

    /// The client hears what became of its write.
    pub(super) fn serve(&mut self, write: &Write, outcome: Outcome) {
        match outcome {
            Ok(kept) => {
                self.out.replies.push((write.id, Reply::Written { position: kept.position, result: kept.result }));
            }
            Err(refusal) => self.refuse_write(write, Refusal::Session(refusal)),
        }
    }

    /// What is decided about a command already needs no log: the answer is the same on every member, now and later (A30).
    pub(super) fn decided(&self, session: SessionPart) -> Option<Outcome> {
        match session {
            SessionPart::Command(command) => self.sessions.look_up(command, self.raft.inspect().applied()),
            SessionPart::None | SessionPart::Act(_) => None,
        }
    }

    /// A client hears what became of a command that is not to be taken anew.
    pub(super) fn recall(&mut self, id: RequestId, command: SessionCommand) {
        match self.decided(SessionPart::Command(command)) {
            Some(Ok(kept)) => {
                self.out.replies.push((id, Reply::Written { position: kept.position, result: kept.result }));
            }
            Some(Err(refusal)) => self.refuse(id, Refusal::Session(refusal)),
            None => self.refuse(id, Refusal::NoSpace),
        }
    }

    /// It may stand in the log of a leader that is gone, or have been applied unseen.
    pub(super) fn unknown(&mut self, write: Write) {
        if !write.session.is_repeatable() {
            return self.refuse(write.id, Refusal::TimedOut { leader_changed: true });
        }
        let write = Write { taken: true, ..write };
        match self.decided(write.session) {
            Some(outcome) => self.serve(&write, outcome),
            None => self.queue_again(write),
        }
    }

    /// A refusal says that a write has no effect. Where an earlier copy may have one, only its time is over.
    pub(super) fn refuse_write(&mut self, write: &Write, refusal: Refusal) {
        let of_this_copy_only = match refusal {
            Refusal::NoLeader | Refusal::TooLarge | Refusal::Busy | Refusal::NoSpace => true,
            Refusal::Session(SessionRefusal::Expired) => true,
            Refusal::Session(SessionRefusal::Answered | SessionRefusal::TooManyOutstanding) => false,
            Refusal::TimedOut { .. } | Refusal::NoTransfer(_) => false,
        };
        let told = if write.taken && of_this_copy_only { Refusal::TimedOut { leader_changed: true } } else { refusal };
        self.refuse(write.id, told);
    }
}
