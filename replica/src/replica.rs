//! A member without its disk and its sockets: consensus, the state machine, and the clients that wait. One call,
//! [`Replica::turn`], takes what happened and says what to do; applying what is committed is part of the next turn, so that
//! neither messages nor writes wait for it.

use bytes::Bytes;
use raft::{
    EntryKind, Header, Index, Installed, Member, NodeId, Position, ProposeError, Raft, ReadError, ReadReady, Term,
};

use crate::accepted::{Accepted, Seen};
use crate::peer::{
    ForwardId, ForwardedRead, ForwardedReadReply, ForwardedWrite, ForwardedWriteReply, NotAccepted, PeerMessage,
};
use crate::reads::{Asker, Read, Reads};
use crate::recent::Recent;
use crate::section::Section;
use crate::snapshots::{Snapshots, is_nearly_full};
use crate::state_machine::{Command, StateMachine};
use crate::turn::{
    Input, Output, ReceivedSnapshot, Refusal, Reply, Request, RequestId, TakeSnapshot, Time, Timer, TimerChange,
};
use crate::writes::{Write, Writes};

/// Settings of a member; those of consensus are `raft`'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Consensus.
    pub raft: raft::Config,
    /// T, the least election timeout, in microseconds: how long to wait for a leader, and when to ask again.
    pub election_timeout: u64,
    /// The largest command taken.
    pub command_bytes_max: usize,
    /// Requests of local clients that may wait.
    pub requests_max: usize,
    /// Bytes of commands of local clients that may wait.
    pub request_bytes_max: u64,
    /// Entries applied in one turn, in bytes.
    pub apply_bytes_max: u64,
    /// A snapshot is taken after so many applied entries ...
    pub snapshot_entries: u64,
    /// ... or after entries of so many bytes, and in any case after a quarter of what the log may hold.
    pub snapshot_log_bytes: u64,
    /// Entries kept behind a snapshot, so that a peer that was away for a moment needs none.
    pub snapshot_tail: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            raft: raft::Config::default(),
            election_timeout: 1_000_000,
            command_bytes_max: 2 << 20,
            requests_max: 100_000,
            request_bytes_max: 256 << 20,
            apply_bytes_max: 1 << 20,
            snapshot_entries: 100_000,
            snapshot_log_bytes: 64 << 20,
            snapshot_tail: 10_000,
        }
    }
}

/// What the configuration is to keep for this member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The random id of its disk.
    pub disk: u64,
    /// Opaque bytes for the layers above; `None` leaves what is kept.
    pub info: Option<Bytes>,
}

/// Three election timeouts: no leader by then, and the client is told (rather than kept waiting).
const NO_LEADER_AFTER: u64 = 3;

/// One member: consensus, state machine and waiting clients, as one deterministic machine.
pub struct Replica<S: StateMachine> {
    raft: Raft,
    machine: S,
    config: Config,
    incarnation: u64,
    now: Time,
    writes: Writes,
    reads: Reads,
    recent: Recent,
    accepted: Accepted,
    snapshots: Snapshots,
    /// The disk has no room for the log's next segment.
    no_room: bool,
    /// Since this node leads: cluster time then, and its own clock then.
    reign: Option<(u64, Time)>,
    term: Term,
    leader: Option<NodeId>,
    /// Whom this node takes for the leader of this term said that it is not: no more writes for it until the next sweep.
    not_the_leader: Option<Term>,
    sweeping: bool,
    /// What the configuration is to keep for this member, and when the leader was told last.
    own: Own,
    described: Option<Time>,
    out: Output<S>,
}

impl<S: StateMachine> Replica<S> {
    /// A member that starts. `incarnation` is higher than in any earlier life of this disk.
    /// `own` is what the configuration is to keep for it: where it differs, the leader is told.
    pub fn new(raft: Raft, machine: S, config: Config, incarnation: u64, own: Own) -> Self {
        let applied = raft.inspect().applied();
        Self {
            term: raft.inspect().term(),
            raft,
            machine,
            config,
            incarnation,
            now: Time::default(),
            writes: Writes::default(),
            reads: Reads::default(),
            recent: Recent::default(),
            accepted: Accepted::default(),
            snapshots: Snapshots::new(applied),
            no_room: false,
            reign: None,
            leader: None,
            not_the_leader: None,
            sweeping: false,
            own,
            described: None,
            out: Output::default(),
        }
    }

    /// Consensus, read only.
    #[must_use]
    pub fn inspect(&self) -> raft::View<'_> {
        self.raft.inspect()
    }

    /// The state machine.
    #[must_use]
    pub fn machine(&self) -> &S {
        &self.machine
    }

    /// The disk has no room for more log, so commands are refused that do not free any.
    #[must_use]
    pub fn no_room(&self) -> bool {
        self.no_room
    }

    /// How many requests of local clients wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.writes.len() + self.reads.len()
    }

    /// One turn: applies what an earlier turn committed, takes what happened, says what to do. `now` is read after the last
    /// input was taken.
    pub fn turn(&mut self, now: Time, inputs: impl Iterator<Item = Input<S>>) -> Output<S> {
        self.now = now.max(self.now);
        self.apply();
        for input in inputs {
            self.input(input);
        }
        self.notice_leader();
        self.serve_queued();
        self.describe_own();
        self.shorten_log();
        self.take_output();
        self.serve_reads();
        self.take_snapshot();
        self.keep_sweeping();
        std::mem::take(&mut self.out)
    }

    fn input(&mut self, input: Input<S>) {
        match input {
            Input::Message(from, message) => self.message(from, message),
            Input::Request(id, request) => self.request(id, request),
            Input::TimerFired(Timer::Raft(timer)) => self.raft.timer_fired(timer),
            Input::TimerFired(Timer::Sweep) => self.sweep(),
            Input::Written(ticket) => self.raft.written(ticket),
            Input::Room(room) => self.no_room = !room,
            Input::SnapshotTaken(index) => {
                let log_bytes = self.raft.inspect().log().bytes();
                self.snapshots.taken(index, log_bytes, &self.config);
                let forget = self.snapshots.forget(self.needs_room());
                self.raft.compact(forget);
            }
            Input::SnapshotFailed => self.snapshots.failed(self.now, self.config.election_timeout),
            Input::SnapshotReceived(snapshot) => self.snapshot_received(*snapshot),
            Input::SnapshotSent(to) => self.raft.snapshot_sent(to),
        }
    }

    fn message(&mut self, from: NodeId, message: PeerMessage) {
        match message {
            PeerMessage::Raft(message) => {
                if message.from == from {
                    self.raft.receive(message);
                }
            }
            PeerMessage::Write(write) => self.forwarded_write(from, write),
            PeerMessage::WriteReply(reply) => self.write_reply(from, reply),
            PeerMessage::Read(read) => self.forwarded_read(from, read),
            PeerMessage::Describe(member) => self.describe(from, member),
            PeerMessage::ReadReply(reply) => {
                if reply.id.incarnation == self.incarnation {
                    self.reads.answered(reply.id.number, reply.index);
                }
            }
        }
    }

    // ---- local clients ------------------------------------------------------------------------------------------------

    fn request(&mut self, id: RequestId, request: Request) {
        let full = self.waiting() >= self.config.requests_max;
        match request {
            Request::Write { command, .. } if command.len() > self.config.command_bytes_max => {
                self.refuse(id, Refusal::TooLarge);
            }
            Request::Write { .. } if full || self.writes.bytes() >= self.config.request_bytes_max => {
                self.refuse(id, Refusal::Busy);
            }
            Request::Read { .. } if full => self.refuse(id, Refusal::Busy),
            Request::Write { command, essential, deadline } => {
                self.writes.queue(Write { id, command, essential, arrived: self.now, deadline });
            }
            Request::Read { deadline } => self.reads.queue(Read { id, arrived: self.now, deadline }),
        }
    }

    fn refuse(&mut self, id: RequestId, refusal: Refusal) {
        self.out.replies.push((id, Reply::Refused(refusal)));
    }

    /// What waits for a leader goes to it, if there is one.
    fn serve_queued(&mut self) {
        let Some(leader) = self.leader.filter(|_| self.writes.has_queued() || self.reads.has_queued()) else { return };
        let mine = leader == self.raft.inspect().id();
        while self.not_the_leader != Some(self.term)
            && let Some(write) = self.writes.take_queued()
        {
            if mine { self.propose_own(write) } else { self.forward(write, leader) }
        }
        if !self.reads.has_queued() {
            return;
        }
        if mine {
            let asker = Asker::Local(self.reads.take_queued());
            self.ask(asker);
        } else if let Some(number) = self.reads.question(self.term, self.now) {
            let id = ForwardId { incarnation: self.incarnation, number };
            self.out.messages.push((leader, PeerMessage::Read(ForwardedRead { id })));
        }
    }

    fn propose_own(&mut self, write: Write) {
        match self.propose(&write.command, write.essential) {
            Ok(position) => self.writes.log(position, write),
            Err(NotAccepted::NotLeader | NotAccepted::Busy) => self.refuse(write.id, Refusal::Busy),
            Err(NotAccepted::NoSpace) => self.refuse(write.id, Refusal::NoSpace),
        }
    }

    fn propose(&mut self, command: &Bytes, essential: bool) -> Result<Position, NotAccepted> {
        if self.no_room && !essential {
            return Err(NotAccepted::NoSpace);
        }
        let time = self.reign.map_or(0, |(time, since)| time + self.now.since(since) / 1000);
        self.raft.propose(Header { time, session: 0, sequence: 0 }, command).map_err(|refused| match refused {
            ProposeError::NotLeader { .. } => NotAccepted::NotLeader,
            ProposeError::Full => NotAccepted::Busy,
        })
    }

    fn forward(&mut self, write: Write, leader: NodeId) {
        let (command, essential) = (write.command.clone(), write.essential);
        let number = self.writes.forward(write, leader, self.term, self.now);
        let id = ForwardId { incarnation: self.incarnation, number };
        let floor = self.writes.floor();
        let message = ForwardedWrite { term: self.term, id, floor, essential, command };
        self.out.messages.push((leader, PeerMessage::Write(message)));
    }

    // ---- what the configuration keeps of the members ------------------------------------------------------------------

    /// The configuration says something else of this member than it says itself: the leader is told, and again after T.
    fn describe_own(&mut self) {
        let Some(leader) = self.leader.filter(|_| !self.is_described()) else { return };
        if self.described.is_some_and(|told| self.now.since(told) < self.config.election_timeout) {
            return;
        }
        self.described = Some(self.now);
        let view = self.raft.inspect();
        let kept = view.configuration().members.get(&view.id()).cloned().unwrap_or_default();
        let own = Member { disk: self.own.disk, info: self.own.info.clone().unwrap_or(kept.info) };
        if leader == view.id() {
            self.describe(leader, own);
        } else {
            self.out.messages.push((leader, PeerMessage::Describe(own)));
        }
    }

    fn is_described(&self) -> bool {
        let view = self.raft.inspect();
        view.configuration().members.get(&view.id()).is_none_or(|kept| {
            kept.disk == self.own.disk && self.own.info.as_ref().is_none_or(|info| *info == kept.info)
        })
    }

    /// A member that comes with another disk than the one that is kept has lost what it had promised: its own word does not
    /// change that (M15).
    fn describe(&mut self, node: NodeId, member: Member) {
        let kept = self.raft.inspect().configuration().members.get(&node).map_or(0, |kept| kept.disk);
        if kept != 0 && kept != member.disk {
            return;
        }
        let _who_does_not_lead_is_told_by_nobody = self.raft.describe_member(node, member);
    }

    // ---- forwarded requests -------------------------------------------------------------------------------------------

    /// Only the leader of exactly the term that was meant takes it, and only once. Who led that term and does not lead any
    /// more says what it did with it; who can't know says nothing, and the origin tells its client so when it hears of
    /// another leader.
    fn forwarded_write(&mut self, from: NodeId, write: ForwardedWrite) {
        let ForwardedWrite { term, id, floor, essential, command } = write;
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
                    self.propose(&command, essential)
                };
                self.accepted.remember(from, id, outcome);
                outcome
            }
        };
        self.out.messages.push((from, PeerMessage::WriteReply(ForwardedWriteReply { term, id, outcome })));
    }

    fn write_reply(&mut self, from: NodeId, reply: ForwardedWriteReply) {
        if reply.id.incarnation != self.incarnation {
            return;
        }
        let Some(write) = self.writes.take_forwarded(reply.id.number, from, reply.term) else { return };
        match reply.outcome {
            // Applied here before the answer came.
            Ok(position) if position.index <= self.raft.inspect().applied() => match self.recent.find(position) {
                Some(result) => self.out.replies.push((write.id, Reply::Written { position, result })),
                None => self.refuse(write.id, Refusal::TimedOut { leader_changed: true }),
            },
            Ok(position) => self.writes.log(position, write),
            Err(NotAccepted::NotLeader) => {
                self.not_the_leader = Some(reply.term);
                self.queue_again(write);
            }
            Err(NotAccepted::Busy) => self.refuse(write.id, Refusal::Busy),
            Err(NotAccepted::NoSpace) => self.refuse(write.id, Refusal::NoSpace),
        }
    }

    /// It had no effect and can't have any: it waits for a leader as if it came now.
    fn queue_again(&mut self, write: Write) {
        self.writes.queue(Write { arrived: self.now, ..write });
    }

    fn forwarded_read(&mut self, from: NodeId, read: ForwardedRead) {
        if self.raft.inspect().is_leader() {
            self.ask(Asker::Peer(from, read.id));
        }
    }

    fn ask(&mut self, asker: Asker) {
        let id = self.reads.ask(asker);
        match self.raft.read(id) {
            Ok(()) => {}
            Err(ReadError::NotLeader { .. }) => self.read_aborted(id),
            // A client is told at once (C4); a follower hears nothing, and asks again after T.
            Err(ReadError::Full) => {
                if let Some(Asker::Local(reads)) = self.reads.take_asked(id) {
                    reads.into_iter().for_each(|read| self.refuse(read.id, Refusal::Busy));
                }
            }
        }
    }

    /// Consensus can't answer it: local reads wait for another leader, a follower asks again by itself.
    fn read_aborted(&mut self, id: raft::ReadId) {
        if let Some(Asker::Local(reads)) = self.reads.take_asked(id) {
            reads.into_iter().for_each(|read| self.reads.queue(Read { arrived: self.now, ..read }));
        }
    }

    fn read_ready(&mut self, ready: ReadReady) {
        match self.reads.take_asked(ready.id) {
            Some(Asker::Local(reads)) => self.reads.wait_for(ready.index, reads),
            Some(Asker::Peer(peer, id)) => {
                let reply = ForwardedReadReply { id, index: ready.index };
                self.out.messages.push((peer, PeerMessage::ReadReply(reply)));
            }
            None => {}
        }
    }

    fn serve_reads(&mut self) {
        let applied = self.raft.inspect().applied();
        for read in self.reads.take_ready(applied) {
            self.out.replies.push((read.id, Reply::Readable(applied)));
        }
    }

    // ---- time ---------------------------------------------------------------------------------------------------------

    /// Looks for requests whose time is over, and asks again where no answer came for T.
    fn sweep(&mut self) {
        self.sweeping = false;
        self.not_the_leader = None;
        let patience = NO_LEADER_AFTER * self.config.election_timeout;
        let (never_left, unknown) = self.writes.take_expired(self.now, patience);
        for write in never_left {
            self.refuse(write.id, Refusal::NoLeader);
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
        self.reads.give_up(self.term, self.now, self.config.election_timeout);
        self.forward_again();
    }

    /// The same number to the same leader of the same term: taken once, however often it comes.
    fn forward_again(&mut self) {
        let (now, patience, incarnation, floor) =
            (self.now, self.config.election_timeout, self.incarnation, self.writes.floor());
        for (number, forwarded) in self.writes.forwarded_mut() {
            if now.since(forwarded.sent) < patience {
                continue;
            }
            forwarded.sent = now;
            let message = ForwardedWrite {
                term: forwarded.term,
                id: ForwardId { incarnation, number },
                floor,
                essential: forwarded.write.essential,
                command: forwarded.write.command.clone(),
            };
            self.out.messages.push((forwarded.leader, PeerMessage::Write(message)));
        }
    }

    fn keep_sweeping(&mut self) {
        if !self.sweeping && (self.waiting() > 0 || !self.is_described()) {
            self.sweeping = true;
            self.out.timers.push(TimerChange::Sweep(self.config.election_timeout / 10));
        }
    }

    /// Another term or leader than before: what was promised to the old one is settled.
    fn notice_leader(&mut self) {
        let view = self.raft.inspect();
        let (term, leader, mine) = (view.term(), self.raft.leader(), view.is_leader());
        if (term, leader) == (self.term, self.leader) {
            return;
        }
        self.reign = match self.reign {
            Some(reign) if mine && term == self.term => Some(reign),
            Some(_) | None => mine.then_some((view.last_time(), self.now)),
        };
        if mine {
            self.accepted.lead(term);
        }
        (self.term, self.leader) = (term, leader);
        if leader.is_some() {
            for write in self.writes.take_forwarded_before(term) {
                self.refuse(write.id, Refusal::TimedOut { leader_changed: true });
            }
            self.reads.give_up(term, self.now, u64::MAX);
        }
    }

    // ---- consensus and state machine ----------------------------------------------------------------------------------

    fn take_output(&mut self) {
        let output = self.raft.take_output();
        output.reads.into_iter().for_each(|ready| self.read_ready(ready));
        output.reads_aborted.into_iter().for_each(|id| self.read_aborted(id));
        let messages = output.messages.into_iter().map(|message| (message.to, PeerMessage::Raft(message)));
        self.out.messages.extend(messages);
        self.out.write = output.write;
        let term = self.raft.inspect().term();
        self.out.send_snapshots.extend(output.snapshots.into_iter().map(|to| (to, term)));
        self.out.timers.extend(output.timers.into_iter().map(TimerChange::Raft));
        self.out.events = output.events;
        self.out.halt = output.halt;
        let view = self.raft.inspect();
        self.out.again = self.out.halt.is_none() && view.applied() < view.commit();
    }

    /// Applies committed entries in order (B10), a bounded amount, and answers those who wait for them.
    fn apply(&mut self) {
        let entries = self.raft.inspect().unapplied(self.config.apply_bytes_max);
        let Some(last) = entries.last().map(raft::Entry::index) else { return };
        let payloads: Vec<Bytes> = entries.iter().map(raft::Entry::payload).collect();
        let commands: Vec<Command<'_>> = entries
            .iter()
            .zip(&payloads)
            .filter(|(entry, _)| entry.kind() == EntryKind::Command)
            .map(|(entry, payload)| Command { position: entry.position(), time: entry.header().time, payload })
            .collect();
        let mut results = Vec::with_capacity(commands.len());
        if !commands.is_empty() {
            self.machine.apply(&commands, &mut results);
        }
        assert_eq!(results.len(), commands.len(), "the state machine gives one result for each command");
        let mut results = results.into_iter();
        for entry in &entries {
            let result = if entry.kind() == EntryKind::Command { results.next() } else { None };
            let resolved = self.writes.applied(entry.position());
            if let Some(write) = resolved.done {
                let result = result.unwrap_or_default();
                self.out.replies.push((write.id, Reply::Written { position: entry.position(), result }));
            } else if let Some(result) = result.filter(|_| self.writes.has_forwarded()) {
                self.recent.push(entry.position(), result);
            }
            // They can never be committed, so trying again can't do anything twice.
            resolved.lost.into_iter().for_each(|write| self.queue_again(write));
        }
        if !self.writes.has_forwarded() {
            self.recent.clear();
        }
        self.snapshots.applied(entries.iter().map(raft::Entry::size).sum());
        self.raft.applied(last);
    }

    /// A snapshot may be ahead of what the own disk has (a leader commits by its followers'): the log is forgotten up to it
    /// once the disk has caught up.
    fn shorten_log(&mut self) {
        let forget = self.snapshots.forget(self.needs_room());
        let view = self.raft.inspect();
        let (base, durable) = (view.log().base().index, view.persistence().durable());
        if base < forget && forget <= durable {
            self.raft.compact(forget);
        }
    }

    /// The log is nearly full, or the disk: what can be forgotten must be.
    fn needs_room(&self) -> bool {
        self.no_room || is_nearly_full(self.raft.inspect().log().bytes(), &self.config)
    }

    fn take_snapshot(&mut self) {
        let view = self.raft.inspect();
        let due = self.snapshots.is_due(self.now, view.applied(), self.needs_room(), &self.config);
        let Some(position) = view.log().position_at(view.applied()).filter(|_| due) else { return };
        let section = Section {
            time: view.time_at(position.index),
            digest: 0,
            configuration: view.history().at(position.index).clone(),
        };
        self.snapshots.started();
        self.out.take_snapshot = Some(TakeSnapshot { position, section, frozen: self.machine.freeze() });
    }

    fn snapshot_received(&mut self, received: ReceivedSnapshot<S>) {
        let ReceivedSnapshot { from, term, position, section, machine } = received;
        let snapshot = raft::Snapshot { position, time: section.time, configuration: section.configuration };
        match self.raft.snapshot_received(from, term, snapshot) {
            Installed::No | Installed::Committed => {}
            Installed::Replaced => {
                self.machine = machine;
                self.out.machine_replaced = true;
                self.snapshots.installed(position.index);
                for write in self.writes.take_logged_upto(position.index) {
                    self.refuse(write.id, Refusal::TimedOut { leader_changed: true });
                }
            }
        }
    }
}

/// The index up to which the state machine has applied.
impl<S: StateMachine> Replica<S> {
    /// Entries up to here are applied.
    #[must_use]
    pub fn applied(&self) -> Index {
        self.raft.inspect().applied()
    }
}
