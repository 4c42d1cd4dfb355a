//! Peers that say anything: messages of every kind with numbers that make no sense, configurations that nobody would make, entries
//! with any payload, snapshots from nowhere. A member may stop with a sentence (two leaders in one term, say), but it never panics,
//! never takes back what it knows to be committed, and answers its own clients.

#[path = "world/journal.rs"]
mod journal;

use std::collections::BTreeSet;

use bytes::Bytes;
use journal::{Journal, command};
use quorate_replica::peer::{
    AlterOutcome, ForwardId, ForwardedAlter, ForwardedAlterReply, ForwardedRead, ForwardedReadReply, ForwardedWrite,
    ForwardedWriteReply, Greeting, NotAccepted,
};
use quorate_replica::{
    Alter, AlterError, Config, First, Input, Own, PeerMessage, Question, ReadMode, ReceivedSnapshot, Request,
    RequestId, Section, SessionAct, SessionCommand, SessionId, SessionPart, Sessions, Started, Survey, Time, Timer,
};
use raft::{
    AppendEntries, AppendEntriesReply, AppendOutcome, Body, Configuration, Entry, EntryKind, Header, Index,
    InstallSnapshotReply, Message, NodeId, Position, PreVoteReply, RequestVote, RequestVoteReply, Settings, Slice,
    Term,
};
use wal::Options;
use wal::memory_disk::MemoryDisk;

const ID: NodeId = NodeId(1);

/// A source of nonsense, the same for the same seed.
struct Nonsense {
    state: u64,
    /// Numbers that mean something to the member, so that not all is refused at the first look.
    near: [u64; 4],
    /// The ends of all ranges come, too. (After the last term nobody leads any more, so not always.)
    wild: bool,
}

impl Nonsense {
    fn roll(&mut self, sides: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % sides
    }

    fn flag(&mut self) -> bool {
        self.roll(2) == 0
    }

    fn number(&mut self) -> u64 {
        match self.roll(10) {
            0 | 1 if self.wild => u64::MAX - self.roll(3).saturating_sub(1),
            2 => 0,
            3 => self.roll(1 << 20),
            4..=6 => self.near[usize::try_from(self.roll(4)).expect("below four")],
            _ => {
                self.near[usize::try_from(self.roll(4)).expect("below four")].wrapping_add(self.roll(5)).wrapping_sub(2)
            }
        }
    }

    fn node(&mut self) -> NodeId {
        if self.roll(8) == 0 { NodeId(self.number()) } else { NodeId(1 + self.roll(4)) }
    }

    fn nodes(&mut self) -> BTreeSet<NodeId> {
        (0..self.roll(4)).map(|_| self.node()).collect()
    }

    fn position(&mut self) -> Position {
        Position::new(self.number(), self.number())
    }

    fn bytes(&mut self) -> Bytes {
        let length = self.roll(40);
        (0..length).map(|_| u8::try_from(self.roll(256)).expect("below 256")).collect::<Vec<_>>().into()
    }

    fn member(&mut self) -> raft::Member {
        raft::Member { disk: self.number(), info: self.bytes() }
    }

    fn configuration(&mut self) -> Configuration {
        Configuration {
            voters: self.nodes(),
            voters_old: if self.flag() { BTreeSet::new() } else { self.nodes() },
            learners: self.nodes(),
            wanted: if self.flag() { BTreeSet::new() } else { self.nodes() },
            next_node: self.number(),
            settings: Settings { election_timeout: self.number(), drift_bound: self.number(), feature_level: 1 },
            members: (0..self.roll(3)).map(|_| (self.node(), self.member())).collect(),
        }
    }

    fn entry(&mut self, position: Position) -> Entry {
        let header = Header { time: self.number(), session: self.number(), sequence: self.number() };
        let kinds = [EntryKind::Noop, EntryKind::Command, EntryKind::Session, EntryKind::Configuration];
        let kind = kinds[usize::try_from(self.roll(4)).expect("below four")];
        let payload =
            if kind == EntryKind::Configuration { self.configuration().encode().into() } else { self.bytes() };
        Entry::new(position, kind, header, &payload)
    }

    fn run(&mut self) -> Option<Slice> {
        let prev = self.position();
        let (mut entries, mut last) = (Vec::new(), prev);
        for _ in 0..self.roll(4) {
            let term = last.term.0.max(if self.flag() { self.number() } else { 0 });
            last = Position::new(last.index.0.checked_add(1)?, term);
            entries.push(self.entry(last));
        }
        Slice::new(prev, entries).ok()
    }

    fn body(&mut self) -> Option<Body> {
        let granted = self.flag();
        Some(match self.roll(9) {
            0 => Body::PreVote(RequestVote { last: self.position(), transfer: granted }),
            1 => Body::PreVoteReply(PreVoteReply { asked: Term(self.number()), granted }),
            2 => Body::RequestVote(RequestVote { last: self.position(), transfer: granted }),
            3 => Body::RequestVoteReply(RequestVoteReply { granted }),
            4 | 5 => Body::AppendEntries(AppendEntries {
                round: self.number(),
                commit: Index(self.number()),
                run: self.run()?,
            }),
            6 => {
                let hint = if granted { Some(self.position()) } else { None };
                let outcome = match self.roll(2) {
                    0 => AppendOutcome::Accepted { matched: Index(self.number()) },
                    _ => AppendOutcome::Refused { prev: self.position(), hint },
                };
                Body::AppendEntriesReply(AppendEntriesReply { round: self.number(), outcome })
            }
            7 => Body::InstallSnapshotReply(InstallSnapshotReply { matched: Index(self.number()) }),
            _ => Body::TimeoutNow,
        })
    }

    fn id(&mut self) -> ForwardId {
        ForwardId { incarnation: self.number(), number: self.number() }
    }

    fn session(&mut self) -> SessionPart {
        let session = SessionId { index: self.number(), word: self.roll(2) };
        match self.roll(5) {
            0 => SessionPart::None,
            1 => SessionPart::Act(SessionAct::Open { ttl: self.number(), word: self.roll(2) }),
            2 => SessionPart::Act(SessionAct::KeepAlive(session)),
            3 => SessionPart::Act(SessionAct::Close(session)),
            _ => {
                let (sequence, acknowledged) = (self.number(), self.number());
                SessionPart::Command(SessionCommand { session, sequence, acknowledged })
            }
        }
    }

    fn alter(&mut self) -> Alter {
        let (node, info) = (self.node(), self.bytes());
        match self.roll(7) {
            0 => Alter::AddVoter { info },
            1 => Alter::AddLearner { info },
            2 => Alter::Remove(node),
            3 => Alter::Promote(node),
            4 => Alter::Update { node, info },
            5 => Alter::Replace { old: node, info },
            _ => Alter::Set { voters: self.nodes(), learners: self.nodes() },
        }
    }

    fn question(&mut self) -> Question {
        if self.roll(4) == 0 {
            return Question::Survey;
        }
        let seen = if self.flag() { None } else { Some(Index(self.number())) };
        Question::Alter { alter: self.alter(), seen }
    }

    fn outcome(&mut self) -> AlterOutcome {
        match self.roll(3) {
            0 => AlterOutcome::Logged(self.position()),
            1 => AlterOutcome::Refused(AlterError::NotNow),
            _ => {
                let (configuration, index) = (self.configuration(), Index(self.number()));
                AlterOutcome::Surveyed(Survey { configuration, index, leader: self.node(), heard: self.nodes() })
            }
        }
    }

    fn message(&mut self, from: NodeId) -> Option<PeerMessage> {
        let (term, id) = (Term(self.number()), self.id());
        Some(match self.roll(12) {
            0 => PeerMessage::Write(ForwardedWrite {
                term,
                id,
                floor: self.number(),
                essential: self.flag(),
                session: self.session(),
                command: self.bytes(),
            }),
            1 => {
                let outcome = if self.flag() { Ok(self.position()) } else { Err(NotAccepted::NotLeader) };
                PeerMessage::WriteReply(ForwardedWriteReply { term, id, outcome })
            }
            2 => PeerMessage::Read(ForwardedRead { id }),
            3 => PeerMessage::ReadReply(ForwardedReadReply { id, index: Index(self.number()) }),
            4 => PeerMessage::Alter(Box::new(ForwardedAlter { term, id, question: self.question() })),
            5 => PeerMessage::AlterReply(Box::new(ForwardedAlterReply { term, id, outcome: self.outcome() })),
            6 => PeerMessage::Describe(self.member()),
            _ => PeerMessage::Raft(Message { from, to: ID, term, body: self.body()? }),
        })
    }

    fn snapshot(&mut self, from: NodeId) -> ReceivedSnapshot<Journal> {
        let (time, configuration) = (self.number(), self.configuration());
        let section = Section { time, digest: 0, sessions: Sessions::default(), configuration };
        let (term, position) = (Term(self.number()), self.position());
        ReceivedSnapshot { from, term, position, section, machine: Journal::default() }
    }

    fn request(&mut self, now: u64) -> Request {
        let deadline = Time(now + 500_000);
        match self.roll(5) {
            0 => {
                let session = match self.session() {
                    SessionPart::Command(command) => Some(command),
                    SessionPart::None | SessionPart::Act(_) => None,
                };
                Request::Write { command: command(self.roll(100), 0), essential: self.flag(), session, deadline }
            }
            1 => Request::Read { mode: ReadMode::Bounded { staleness: self.number() }, deadline },
            2 => Request::Read { mode: ReadMode::Lease, deadline },
            3 => Request::Transfer { target: if self.flag() { None } else { Some(self.node()) }, deadline },
            _ => Request::Member { question: self.question(), deadline },
        }
    }
}

struct Victim {
    member: Started<Journal, MemoryDisk>,
    now: u64,
    asked: u64,
    answered: u64,
    committed: Index,
}

impl Victim {
    fn new() -> Self {
        let configuration = Configuration::of_voters([1, 2, 3].map(NodeId));
        let first = First { configuration, machine: Journal::default() };
        let config = Config { snapshot_entries: 5, snapshot_tail: 1, election_timeout: 100_000, ..Config::default() };
        let options = Options { segment_bytes: 4096, ..Options::new(7) };
        let member = quorate_replica::start(MemoryDisk::new(), ID, options, config, Some(first), Own::new(77, None));
        let member = member.expect("a new member starts");
        Self { member, now: 0, asked: 0, answered: 0, committed: Index(0) }
    }

    /// A turn and what it wants done; false when the member stops.
    fn turn(&mut self, input: Input<Journal>) -> bool {
        let mut inputs = vec![input];
        for turns in 0.. {
            assert!(turns < 1000, "it does not come to rest: {}", self.member.replica.inspect());
            self.now += 1000;
            let output = self.member.replica.turn(Time(self.now), inputs.drain(..));
            self.answered += output.replies.len() as u64;
            let commit = self.member.replica.inspect().commit();
            assert!(commit >= self.committed, "what was committed is taken back");
            self.committed = commit;
            if output.halt.is_some() {
                return false;
            }
            if let Some(write) = output.write {
                // What the log refuses stops a member, with a sentence.
                if self.member.log.write(&write).is_err() {
                    return false;
                }
                inputs.extend(self.member.log.sync().expect("memory syncs").map(Input::Written));
            }
            if let Some(snapshot) = output.take_snapshot {
                let index = snapshot.position.index;
                self.member.storeroom.take(snapshot).expect("memory has room");
                inputs.push(Input::SnapshotTaken(index));
            }
            if inputs.is_empty() && !output.again {
                break;
            }
        }
        true
    }

    fn near(&self) -> [u64; 4] {
        let view = self.member.replica.inspect();
        [view.term().0, view.last().index.0, view.last().term.0, view.commit().0]
    }
}

fn input(nonsense: &mut Nonsense, victim: &mut Victim) -> Option<Input<Journal>> {
    let from = nonsense.node();
    Some(match nonsense.roll(24) {
        0 => Input::SnapshotReceived(Box::new(nonsense.snapshot(from))),
        1 => {
            let (stickiness, check_quorum) = (nonsense.flag(), nonsense.flag());
            Input::PeerMet(from, Greeting { election_timeout: nonsense.number(), stickiness, check_quorum })
        }
        2 | 3 => {
            victim.asked += 1;
            Input::Request(RequestId(victim.asked), nonsense.request(victim.now))
        }
        4 => Input::TimerFired(Timer::Sweep),
        5 => Input::TimerFired(Timer::Raft(raft::Timer::LeaderSilent)),
        6 | 7 => Input::TimerFired(Timer::Raft(raft::Timer::Campaign)),
        8 => Input::TimerFired(Timer::Raft(raft::Timer::Heartbeat)),
        9 => Input::TimerFired(Timer::Raft(raft::Timer::CheckQuorum)),
        10 => Input::SnapshotSent(from),
        // Somebody votes for it, so that it leads now and then.
        11..=14 => {
            let term = Term(victim.near()[0]);
            let body = match nonsense.flag() {
                true => Body::PreVoteReply(PreVoteReply { asked: term.next(), granted: true }),
                false => Body::RequestVoteReply(RequestVoteReply { granted: true }),
            };
            Input::Message(NodeId(2), PeerMessage::Raft(Message { from: NodeId(2), to: ID, term, body }))
        }
        _ => Input::Message(from, nonsense.message(from)?),
    })
}

#[test]
fn nothing_that_a_peer_says_makes_a_member_panic() {
    let (mut steps, mut led, mut stopped) = (0_u32, 0, 0);
    for seed in 1..=200_u64 {
        let mut nonsense =
            Nonsense { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, near: [0; 4], wild: seed % 2 == 0 };
        let mut victim = Victim::new();
        for _ in 0..200 {
            nonsense.near = victim.near();
            let Some(input) = input(&mut nonsense, &mut victim) else { continue };
            steps += 1;
            if !victim.turn(input) {
                stopped += 1;
                break;
            }
            led += u32::from(victim.member.replica.inspect().is_leader());
        }
        if victim.member.replica.inspect().halt().is_none() {
            victim.now += 60_000_000;
            victim.turn(Input::TimerFired(Timer::Sweep));
            assert!(victim.answered <= victim.asked, "one answer for each request");
        }
    }
    assert!(steps > 20_000 && led > 200 && stopped > 10, "{steps} steps, {led} as leader, {stopped} stops");
}
