//! Requests of local clients: taken or refused at once, given to the leader that is known, and ended by their deadlines.

use bytes::Bytes;
use raft::{Header, NodeId, Position, ProposeError};

use super::{NO_LEADER_AFTER, Replica};
use crate::peer::{ForwardId, ForwardedWrite, NotAccepted, PeerMessage};
use crate::reads::Read;
use crate::sessions::{SessionAct, SessionCommand, SessionPart, write_act, write_command};
use crate::state_machine::StateMachine;
use crate::turn::{Refusal, Reply, Request, RequestId, TimerChange};
use crate::writes::Write;

impl<S: StateMachine> Replica<S> {
    pub(super) fn request(&mut self, id: RequestId, request: Request) {
        let full = self.waiting() >= self.config.requests_max;
        match request {
            Request::Write { command, .. } if command.len() > self.config.command_bytes_max => {
                self.refuse(id, Refusal::TooLarge);
            }
            Request::Write { .. } if full || self.writes.bytes() >= self.config.request_bytes_max => {
                self.refuse(id, Refusal::Busy);
            }
            Request::Member { question, deadline } => self.member_request(id, question, deadline),
            Request::Session { .. } | Request::Read { .. } if full => self.refuse(id, Refusal::Busy),
            Request::Write { command, essential, session, deadline } => {
                let session = session.map_or(SessionPart::None, SessionPart::Command);
                self.take_write(Write { id, command, essential, session, taken: false, arrived: self.now, deadline });
            }
            // It is small, and who can't keep its session loses it: so it is taken while there is little room.
            Request::Session { act, deadline } => {
                let (command, session) = (Bytes::new(), SessionPart::Act(act));
                let (essential, taken, arrived) = (true, false, self.now);
                self.take_write(Write { id, command, essential, session, taken, arrived, deadline });
            }
            Request::Recall { command } => self.recall(id, command),
            Request::Transfer { target, deadline } => self.transfer(id, target, deadline),
            Request::Read { mode, deadline } => self.reads.queue(Read { id, mode, arrived: self.now, deadline }),
        }
    }

    fn take_write(&mut self, write: Write) {
        match self.decided(write.session) {
            Some(outcome) => self.serve(&write, outcome),
            None => self.writes.queue(write),
        }
    }

    pub(super) fn refuse(&mut self, id: RequestId, refusal: Refusal) {
        self.out.replies.push((id, Reply::Refused(refusal)));
    }

    /// What waits for a leader goes to it, if there is one.
    pub(super) fn serve_queued(&mut self) {
        self.serve_queued_reads();
        let Some(leader) = self.leader.filter(|_| self.writes.has_queued()) else { return };
        let mine = leader == self.raft.inspect().id();
        while self.not_the_leader != Some(self.term)
            && !self.is_handing_over()
            && let Some(write) = self.writes.take_queued()
        {
            if mine { self.propose_own(write) } else { self.forward(write, leader) }
        }
    }

    pub(super) fn propose_own(&mut self, write: Write) {
        match self.propose(&write.command, write.session, write.essential) {
            Ok(position) => self.logged(position, write),
            Err(NotAccepted::NotLeader) if self.is_handing_over() => self.queue_again(write),
            Err(NotAccepted::NotLeader | NotAccepted::Busy) => self.refuse_write(&write, Refusal::Busy),
            Err(NotAccepted::NoSpace) => self.refuse_write(&write, Refusal::NoSpace),
        }
    }

    /// Puts it into the own log. A command that is there already, or applied, is not put there again (A30): then this says where
    /// its first copy stands.
    pub(super) fn propose(
        &mut self,
        command: &Bytes,
        session: SessionPart,
        essential: bool,
    ) -> Result<Position, NotAccepted> {
        if let SessionPart::Command(named) = session
            && let Some(first) = self.first_copy(named)
        {
            return Ok(first);
        }
        if self.no_room && !essential {
            return Err(if self.make_way_for_room() { NotAccepted::NotLeader } else { NotAccepted::NoSpace });
        }
        let time = self.reign.map_or(0, |(time, since)| time.saturating_add(self.now.since(since) / 1000));
        let header = Header { time, ..Header::default() };
        let proposed = match session {
            SessionPart::None => self.raft.propose(header, command),
            SessionPart::Command(named) => {
                let header = Header { session: named.session.index, sequence: named.sequence, ..header };
                self.raft.propose(header, &write_command(named, command))
            }
            SessionPart::Act(act) => {
                let session = match act {
                    SessionAct::Open { .. } => 0,
                    SessionAct::KeepAlive(id) | SessionAct::Close(id) => id.index,
                };
                self.raft.propose_session(Header { session, ..header }, &write_act(act, &self.config.sessions))
            }
        };
        let position = proposed.map_err(|refused| match refused {
            // Whoever asks keeps it until another leads, or this node takes proposals again.
            ProposeError::NotLeader { .. } | ProposeError::Transferring(_) => NotAccepted::NotLeader,
            ProposeError::Full => NotAccepted::Busy,
        })?;
        if let SessionPart::Command(named) = session {
            self.proposed.remember(named, position);
        }
        Ok(position)
    }

    fn first_copy(&self, command: SessionCommand) -> Option<Position> {
        if !self.raft.inspect().is_leader() {
            return None;
        }
        let applied = self.raft.inspect().applied();
        let kept = self.sessions.look_up(command, applied).and_then(Result::ok).map(|kept| kept.position);
        kept.or_else(|| self.proposed.find(command))
    }

    pub(super) fn forward(&mut self, write: Write, leader: NodeId) {
        let (command, essential, session) = (write.command.clone(), write.essential, write.session);
        let number = self.writes.forward(write, leader, self.term, self.now);
        let id = ForwardId { incarnation: self.incarnation, number };
        let floor = self.writes.floor();
        let message = ForwardedWrite { term: self.term, id, floor, essential, session, command };
        self.out.messages.push((leader, PeerMessage::Write(message)));
    }

    /// It had no effect and can't have any: it waits for a leader as if it came now.
    pub(super) fn queue_again(&mut self, write: Write) {
        self.writes.queue(Write { arrived: self.now, ..write });
    }

    /// Looks for requests whose time is over, and asks again where no answer came for T.
    pub(super) fn sweep(&mut self) {
        self.sweeping = false;
        self.not_the_leader = None;
        let patience = NO_LEADER_AFTER * self.config.election_timeout;
        let (never_left, unknown) = self.writes.take_expired(self.now, patience);
        for write in never_left {
            self.refuse_write(&write, Refusal::NoLeader);
        }
        for (write, term) in unknown {
            self.refuse(write.id, Refusal::TimedOut { leader_changed: term < self.term || self.leader.is_none() });
        }
        let (no_leader, late) = self.reads.take_expired(self.now, patience);
        for read in no_leader {
            self.refuse(read.id, Refusal::NoLeader);
        }
        let leader_changed = self.leader.is_none();
        for read in late {
            self.refuse(read.id, Refusal::TimedOut { leader_changed });
        }
        self.ask_again(self.config.election_timeout);
        self.sweep_questions();
        self.sweep_forwarded();
    }

    pub(super) fn keep_sweeping(&mut self) {
        let waiting = self.waiting() + self.questions_waiting() > 0;
        if !self.sweeping && (waiting || self.transferring.somebody_waits() || !self.is_described()) {
            self.sweeping = true;
            self.out.timers.push(TimerChange::Sweep(self.config.election_timeout / 10));
        }
    }
}
