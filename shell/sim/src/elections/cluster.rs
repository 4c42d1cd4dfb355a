//! Five nodes of the core with timers, a network that only delays, and a disk that only takes its time: just enough for one
//! election. It does not know what is measured.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use raft::{
    Boot, Config, Configuration, Delay, Entry, EntryKind, Event as RaftEvent, HardState, Header, Index, Limits,
    Message, NodeId, Position, Raft, Switches, Term, Ticket, Timer, TimerChange,
};

use super::{DELAY_MAX, DELAY_MIN, DISK, ROUNDS_MAX, Range};
use crate::dice::Dice;
use crate::run;

const NODES: u64 = 5;

/// What came of one election.
pub(super) struct Held {
    /// The rounds it took; `None`: it was given up.
    pub(super) rounds: Option<u64>,
    pub(super) waited: u64,
    pub(super) messages: BTreeMap<&'static str, u64>,
}

enum Event {
    Deliver(Message),
    Written(NodeId, Ticket),
    /// A timer, if it is still the one that was armed then.
    Fire(NodeId, Timer, u64),
}

pub(super) struct Cluster {
    now: u64,
    range: Range,
    dice: Dice,
    nodes: BTreeMap<NodeId, Raft>,
    /// When each timer was armed last, by a number.
    armed: BTreeMap<(NodeId, Timer), u64>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    next: u64,
    /// Of these nobody hears anything any more.
    gone: Option<NodeId>,
    /// When the first stood, and in which term.
    stood: Option<(u64, Term)>,
    leader: Option<(NodeId, Term)>,
    /// The newest term in which somebody stood.
    newest: Term,
    messages: BTreeMap<&'static str, u64>,
}

impl Cluster {
    /// Five that start at the same moment, with logs of so many entries.
    pub(super) fn new(range: Range, dice: Dice, entries: u64) -> Self {
        let boot = |entries: u64| Boot {
            hard_state: HardState { term: Term(u64::from(entries > 0)), ..HardState::default() },
            base: Position::ZERO,
            base_time: 0,
            entries: (1..=entries).map(entry).collect(),
            snapshot: Index(0),
            configuration: Configuration::of_voters((1..=NODES).map(NodeId)),
        };
        let run::Limits { append_bytes_max, inflight_count_max, inflight_bytes_max, write_bytes_max, .. } =
            run::Limits::roomy();
        let run::Limits { uncommitted_bytes_max, log_bytes_max, reads_max, .. } = run::Limits::roomy();
        let limits = Limits {
            append_bytes_max,
            inflight_count_max,
            inflight_bytes_max,
            write_bytes_max,
            uncommitted_bytes_max,
            log_bytes_max,
            reads_max,
        };
        let switches = Switches { pre_vote: false, check_quorum: false, stickiness: false, noop: true };
        let config = Config { switches, limits };
        let nodes = (1..=NODES).map(NodeId).map(|id| (id, Raft::new(id, config, boot(entries)))).collect();
        let mut cluster = Self {
            now: 0,
            range,
            dice,
            nodes,
            armed: BTreeMap::new(),
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            next: 0,
            gone: None,
            stood: None,
            leader: None,
            newest: Term(0),
            messages: BTreeMap::new(),
        };
        (1..=NODES).map(NodeId).for_each(|id| cluster.carry_out(id));
        cluster
    }

    /// Until one leads.
    pub(super) fn elect(mut self) -> Held {
        self.run(0)
    }

    /// One leads; it sends a heartbeat and is gone. Until another leads.
    pub(super) fn elect_after_a_crash(mut self) -> Held {
        let last = NodeId(NODES);
        for timer in [Timer::LeaderSilent, Timer::Campaign] {
            self.with(last, |raft| raft.timer_fired(timer));
        }
        while self.leader.is_none() && self.step() {}
        // Its first entries get to all; then its last heartbeat.
        let settled = self.now + 5 * DELAY_MAX;
        while self.next_at().is_some_and(|at| at <= settled) && self.step() {}
        self.now = settled;
        self.with(last, |raft| raft.timer_fired(Timer::Heartbeat));
        self.gone = Some(last);
        (self.stood, self.leader, self.messages) = (None, None, BTreeMap::new());
        // When it gets there, on average, the others begin to wait.
        self.run(settled + u64::midpoint(DELAY_MIN, DELAY_MAX))
    }

    fn run(&mut self, from: u64) -> Held {
        while self.leader.is_none() && !self.is_given_up() && self.step() {}
        let first = self.stood.map_or(Term(0), |(_, term)| term);
        let waited = self.stood.map_or(0, |(at, _)| at.saturating_sub(from + self.range.least));
        Held {
            rounds: self.leader.map(|(_, term)| term.0 - first.0 + 1),
            waited,
            messages: std::mem::take(&mut self.messages),
        }
    }

    fn is_given_up(&self) -> bool {
        self.stood.is_some_and(|(_, first)| self.newest.0 >= first.0 + ROUNDS_MAX)
    }

    fn next_at(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    fn push(&mut self, delay: u64, event: Event) {
        self.next += 1;
        self.queue.push(Reverse((self.now + delay, self.next)));
        self.events.insert(self.next, event);
    }

    fn step(&mut self) -> bool {
        let Some(Reverse((at, number))) = self.queue.pop() else { return false };
        self.now = at;
        match self.events.remove(&number) {
            Some(Event::Deliver(message)) => {
                let to = message.to;
                self.with(to, |raft| raft.receive(message));
            }
            Some(Event::Written(id, ticket)) => self.with(id, |raft| raft.written(ticket)),
            Some(Event::Fire(id, timer, armed)) if self.armed.get(&(id, timer)) == Some(&armed) => {
                self.with(id, |raft| raft.timer_fired(timer));
            }
            Some(Event::Fire(..)) | None => {}
        }
        true
    }

    fn with(&mut self, id: NodeId, act: impl FnOnce(&mut Raft)) {
        if self.gone == Some(id) {
            return;
        }
        if let Some(raft) = self.nodes.get_mut(&id) {
            act(raft);
        }
        self.carry_out(id);
    }

    fn carry_out(&mut self, id: NodeId) {
        let Some(output) = self.nodes.get_mut(&id).map(Raft::take_output) else { return };
        for event in output.events {
            match event {
                RaftEvent::BecameCandidate { term } => {
                    self.stood.get_or_insert((self.now, term));
                    self.newest = self.newest.max(term);
                }
                RaftEvent::BecameLeader { term } => self.leader = Some((id, term)),
                _ => {}
            }
        }
        for message in output.messages {
            if self.leader.is_none() {
                *self.messages.entry(message.body.name()).or_default() += 1;
            }
            let delay = self.dice.between(DELAY_MIN, DELAY_MAX);
            self.push(delay, Event::Deliver(message));
        }
        if let Some(write) = output.write {
            self.push(DISK, Event::Written(id, write.ticket));
        }
        for change in output.timers {
            self.timer(id, change);
        }
    }

    fn timer(&mut self, id: NodeId, change: TimerChange) {
        match change {
            TimerChange::Disarm(timer) => {
                self.armed.remove(&(id, timer));
            }
            TimerChange::Arm(timer, delay) => {
                let Range { least, .. } = self.range;
                let width = self.range.width();
                let delay = match delay {
                    Delay::HeartbeatInterval => least / 3,
                    Delay::T => least,
                    Delay::UpToT => self.dice.below(width + 1),
                    Delay::TToTwiceT => least + self.dice.below(width + 1),
                };
                self.armed.insert((id, timer), self.next + 1);
                let number = self.next + 1;
                self.push(delay, Event::Fire(id, timer, number));
            }
        }
    }
}

fn entry(index: u64) -> Entry {
    Entry::new(Position::new(index, 1), EntryKind::Noop, Header::default(), b"")
}
