//! A member without its disk and its sockets: consensus, the state machine, and the clients that wait. One call,
//! [`Replica::turn`], takes what happened and says what to do; applying what is committed is part of the next turn, so that
//! neither messages nor writes wait for it.
//!
//! Here is the turn itself, and what a change of leaders means; each kind of work has a room below.

mod altering;
mod applying;
mod clients;
mod describing;
mod forwarding;
mod reading;
mod served;
mod transferring;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use raft::{Body, Index, NodeId, Raft, Term};

use crate::accepted::Accepted;
use crate::followers::Followers;
use crate::freshness::Freshness;
use crate::lease::Lease;
use crate::membership::waiting::Questions;
use crate::peer::{Greeting, PeerMessage};
use crate::reads::Reads;
use crate::recent::Recent;
use crate::round_times::{NearTimeout, RoundTimes};
use crate::sessions::{Proposed, SessionLimits, Sessions};
use crate::snapshots::Snapshots;
use crate::state_machine::StateMachine;
use crate::turn::{Input, Output, Time, Timer, TimerChange};
use crate::writes::Writes;
use transferring::Transferring;

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
    /// What sessions may take: written into each entry that opens one.
    pub sessions: SessionLimits,
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
            sessions: SessionLimits::default(),
        }
    }
}

/// What the configuration is to keep for this member.
#[derive(Debug, Clone)]
pub struct Own {
    /// The random id of its disk.
    pub disk: u64,
    /// Opaque bytes for the layers above; `None` leaves what is kept.
    pub info: Option<Bytes>,
    /// Makes what is to be kept from what is kept and from `info`: some of it may be another's to say.
    pub merge: Merge,
}

/// Makes what the configuration is to keep for a member from what it keeps, and from what the member says of itself.
pub type Merge = fn(&[u8], &Bytes) -> Bytes;

impl Own {
    /// A member that alone says what is kept of it.
    #[must_use]
    pub fn new(disk: u64, info: Option<Bytes>) -> Self {
        Self { disk, info, merge: |_, own| own.clone() }
    }
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
    /// The clock shows less than it did.
    held: bool,
    writes: Writes,
    reads: Reads,
    lease: Lease,
    freshness: Freshness,
    /// What peers keep their promises by.
    greetings: BTreeMap<NodeId, Greeting>,
    /// Peers of whom nothing is to be expected until they are met again.
    gone: BTreeSet<NodeId>,
    /// Reads that were served by a lease.
    lease_reads: u64,
    round_times: RoundTimes,
    /// To be told to the operator.
    near_timeout: Option<NearTimeout>,
    /// It has had a turn.
    started: bool,
    recent: Recent,
    accepted: Accepted,
    sessions: Sessions,
    proposed: Proposed,
    questions: Questions,
    snapshots: Snapshots,
    followers: Followers,
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
    transferring: Transferring,
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
            held: false,
            writes: Writes::default(),
            reads: Reads::default(),
            lease: Lease::default(),
            freshness: Freshness::default(),
            greetings: BTreeMap::new(),
            gone: BTreeSet::new(),
            lease_reads: 0,
            round_times: RoundTimes::default(),
            near_timeout: None,
            started: false,
            recent: Recent::default(),
            accepted: Accepted::default(),
            sessions: Sessions::default(),
            proposed: Proposed::default(),
            questions: Questions::default(),
            snapshots: Snapshots::new(applied),
            followers: Followers::default(),
            no_room: false,
            reign: None,
            leader: None,
            not_the_leader: None,
            sweeping: false,
            own,
            described: None,
            transferring: Transferring::default(),
            out: Output::default(),
        }
    }

    /// The same member over what `change` makes of its consensus. A server has nothing to change there; worlds that leave out a
    /// rule do (`raft::Rules`).
    #[must_use]
    pub fn with_raft(self, change: impl FnOnce(Raft) -> Raft) -> Self {
        Self { raft: change(self.raft), ..self }
    }

    /// The same member with the sessions of the snapshot that its state machine is from (S14).
    #[must_use]
    pub fn with_sessions(self, sessions: Sessions) -> Self {
        Self { sessions, ..self }
    }

    /// The clients' sessions, as they are behind the last applied entry.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
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

    /// Entries up to here are applied.
    #[must_use]
    pub fn applied(&self) -> Index {
        self.raft.inspect().applied()
    }

    /// How many writes and reads of local clients wait: at most [`Config::requests_max`].
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.writes.len() + self.reads.len()
    }

    /// How many questions about the membership wait: at most [`membership::QUESTIONS_MAX`](crate::membership::QUESTIONS_MAX),
    /// whatever else waits. A cluster under more load than it bears is one whose membership has to change.
    #[must_use]
    pub fn questions_waiting(&self) -> usize {
        self.questions.len()
    }

    /// Its newest snapshot ends here.
    #[must_use]
    pub fn snapshot_index(&self) -> Index {
        self.snapshots.newest()
    }

    /// How many reads were served by a lease since the start.
    #[must_use]
    pub fn lease_reads(&self) -> u64 {
        self.lease_reads
    }

    /// One turn: applies what an earlier turn committed, takes what happened, says what to do. `now` is read after the last
    /// input was taken.
    pub fn turn(&mut self, now: Time, inputs: impl Iterator<Item = Input<S>>) -> Output<S> {
        // A clock that went back is held, and measures nothing until it has caught up.
        self.held = now < self.now;
        self.now = now.max(self.now);
        if self.held {
            self.forget_times();
        }
        self.apply();
        for input in inputs {
            self.input(input);
        }
        self.notice_leader();
        self.serve_questions();
        self.serve_queued();
        self.mind_own_disk();
        self.describe_own();
        self.shorten_log();
        self.take_output();
        self.settle_transfers();
        self.serve_reads();
        self.serve_altered();
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
                self.snapshots.taken(self.now, index, log_bytes, &self.config);
                self.shorten_log();
            }
            Input::SnapshotFailed => self.snapshots.failed(self.now, self.config.election_timeout),
            Input::SnapshotWanted => self.snapshots.want(self.raft.inspect().applied()),
            Input::SnapshotReceived(snapshot) => self.snapshot_received(*snapshot),
            Input::SnapshotSent(to) => self.raft.snapshot_sent(to),
            Input::PeerMet(peer, greeting) => self.peer_met(peer, greeting),
            Input::PeerGone(peer) => self.peer_gone(peer),
            Input::ClockSuspected => self.clock_suspected(),
        }
    }

    fn message(&mut self, from: NodeId, message: PeerMessage) {
        self.gone.remove(&from);
        match message {
            PeerMessage::Raft(message) => {
                if message.from == from {
                    if matches!(message.body, Body::AppendEntriesReply(_) | Body::InstallSnapshotReply(_)) {
                        self.followers.heard(from, self.now);
                    }
                    self.raft.receive(message);
                }
            }
            PeerMessage::Write(write) => self.forwarded_write(from, write),
            PeerMessage::WriteReply(reply) => self.write_reply(from, reply),
            PeerMessage::Read(read) => self.forwarded_read(from, read),
            PeerMessage::Alter(alter) => self.forwarded_alter(from, *alter),
            PeerMessage::AlterReply(reply) => self.alter_reply(from, *reply),
            PeerMessage::Describe(member) => self.describe(from, member),
            PeerMessage::ReadReply(reply) => self.read_reply(reply),
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
        self.proposed.clear();
        self.followers.forget();
        if mine {
            self.accepted.lead(term);
            self.questions.accepted().lead(term);
        }
        (self.term, self.leader) = (term, leader);
        if let Some(leader) = leader {
            self.doubt_forwarded(leader);
            self.give_up_questions();
            self.reads.give_up(term);
        }
    }

    fn take_output(&mut self) {
        let output = self.raft.take_output();
        output.reads.into_iter().for_each(|ready| self.read_ready(ready));
        output.reads_aborted.into_iter().for_each(|id| self.read_aborted(id));
        let messages = output.messages.into_iter().map(|message| (message.to, PeerMessage::Raft(message)));
        self.out.messages.extend(messages);
        self.out.write = output.write;
        self.send_snapshots(&output.snapshots);
        self.out.timers.extend(output.timers.into_iter().map(TimerChange::Raft));
        self.watch_rounds(output.confirmed_round);
        if !std::mem::replace(&mut self.started, true) {
            self.keep_promises();
        }
        self.out.events = output.events;
        self.out.halt = output.halt;
        let view = self.raft.inspect();
        self.out.again = self.out.halt.is_none() && view.applied() < view.commit();
    }
}
