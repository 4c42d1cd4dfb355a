//! The world: time, what is to happen when, and one turn of a member after the other. Everything that happens is noted, and
//! the notes of two runs of one seed are the same.

use std::collections::BTreeMap;

use quorate_replica::{Input, Output, PeerMessage, Reply, SendSnapshot, Time, Timer, TimerChange};
use raft::invariants;
use raft::{Delay, Event as RaftEvent, NodeId};

use crate::bugs::Bug;
use crate::dice::Dice;
use crate::journal::Journal;
use crate::member::{Job, Member, Running};
use crate::network::{Network, Transfer};
use crate::oracle::{Checked, Oracle};
use crate::profile::{HEARTBEAT, Profile, T};

/// So much later than its deadline a request may be answered: a sweep, a turn, a slow moment.
pub(crate) const SLACK: u64 = T / 5;

/// What is to happen.
#[derive(Debug)]
pub(crate) enum Event {
    Start(NodeId),
    Turn(NodeId, u64),
    TimerDue(NodeId, u64),
    Deliver(NodeId, NodeId, PeerMessage),
    LogWrite(NodeId, u64),
    LogSync(NodeId, u64),
    Job(NodeId, u64),
    Chunk(u64),
    Client,
    EarlyRead(NodeId, u64),
    Deadline(u64),
    Fault,
    Calm,
    LastRequests,
    End,
}

pub(crate) struct World {
    pub(crate) now: u64,
    sequence: u64,
    events: BTreeMap<(u64, u64), Event>,
    pub(crate) dice: Dice,
    pub(crate) profile: Profile,
    pub(crate) members: BTreeMap<NodeId, Member>,
    pub(crate) network: Network,
    pub(crate) transfers: BTreeMap<u64, Transfer>,
    pub(crate) oracle: Oracle,
    pub(crate) counters: BTreeMap<&'static str, u64>,
    pub(crate) bug: Option<Bug>,
    pub(crate) next_request: u64,
    /// Nothing bad happens any more.
    pub(crate) calm: bool,
    pub(crate) ended: bool,
    pub(crate) notes: u64,
    pub(crate) told: bool,
    hash: u64,
}

impl World {
    pub(crate) fn new(seed: u64, bug: Option<Bug>, told: bool) -> Self {
        let mut dice = Dice::new(seed);
        let mut profile = Profile::new(&mut dice);
        if bug.is_some() {
            // Bad enough to be noticed soon.
            (profile.nodes, profile.fault_pace) = (3, T / 2);
        }
        let members: BTreeMap<NodeId, Member> =
            (1..=profile.nodes).map(NodeId).map(|id| (id, Member::new(id))).collect();
        let mut world = Self {
            now: 0,
            sequence: 0,
            events: BTreeMap::new(),
            dice,
            profile,
            members,
            network: Network::default(),
            transfers: BTreeMap::new(),
            oracle: Oracle::default(),
            counters: BTreeMap::new(),
            bug,
            next_request: 0,
            calm: false,
            ended: false,
            notes: 0,
            told,
            hash: 0xcbf2_9ce4_8422_2325,
        };
        let ids: Vec<NodeId> = world.members.keys().copied().collect();
        for id in ids {
            let delay = world.dice.below(T);
            world.after(delay, Event::Start(id));
        }
        world.after(T / 2, Event::Client);
        world.after(2 * T, Event::Fault);
        world.after(world.profile.chaos, Event::Calm);
        world
    }

    /// Runs to the end, and gives a number that stands for all that happened.
    pub(crate) fn run(&mut self) -> Checked<u64> {
        self.note(|world| format!("{:?}", world.profile));
        while !self.ended
            && let Some(((now, _), event)) = self.events.pop_first()
        {
            self.now = now;
            self.happen(event)?;
        }
        Ok(self.hash)
    }

    pub(crate) fn after(&mut self, delay: u64, event: Event) {
        self.sequence += 1;
        self.events.insert((self.now + delay, self.sequence), event);
    }

    pub(crate) fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        let line = line(self);
        self.notes += 1;
        if self.told {
            eprintln!("{:>9} {line}", self.now);
        }
        for byte in line.bytes().chain(self.now.to_le_bytes()) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counters.entry(what).or_default() += 1;
    }

    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.members.keys().copied().collect()
    }

    pub(crate) fn running(&mut self, id: NodeId) -> Option<&mut Running> {
        self.members.get_mut(&id)?.running.as_mut()
    }

    pub(crate) fn is_life(&self, id: NodeId, life: u64) -> bool {
        self.members.get(&id).is_some_and(|member| member.life == life && member.running.is_some())
    }

    fn happen(&mut self, event: Event) -> Checked {
        match event {
            Event::Start(id) => self.start(id),
            Event::Turn(id, life) if self.is_life(id, life) => self.turn(id),
            Event::TimerDue(id, life) if self.is_life(id, life) => {
                self.wake(id);
                Ok(())
            }
            Event::LogWrite(id, life) if self.is_life(id, life) => self.log_write(id),
            Event::LogSync(id, life) if self.is_life(id, life) => self.log_sync(id),
            Event::Job(id, life) if self.is_life(id, life) => {
                self.job(id);
                Ok(())
            }
            Event::Turn(..) | Event::TimerDue(..) | Event::LogWrite(..) | Event::LogSync(..) | Event::Job(..) => Ok(()),
            Event::Deliver(from, to, message) => {
                self.deliver(from, to, message);
                Ok(())
            }
            Event::Chunk(transfer) => {
                self.chunk(transfer);
                Ok(())
            }
            Event::Client => {
                self.client();
                Ok(())
            }
            Event::EarlyRead(id, request) => self.early_read(id, request),
            Event::Deadline(request) => self.deadline(request),
            Event::Fault => {
                self.fault();
                Ok(())
            }
            Event::Calm => {
                self.calm_down();
                Ok(())
            }
            Event::LastRequests => self.last_requests(),
            Event::End => self.end(),
        }
    }

    /// There is something to do for a member.
    pub(crate) fn wake(&mut self, id: NodeId) {
        let delay = self.dice.between(1, 40);
        let Some(member) = self.members.get_mut(&id) else { return };
        let Some(running) = member.running.as_mut().filter(|running| !running.awake) else { return };
        running.awake = true;
        let (life, pause) = (member.life, member.paused_until.saturating_sub(self.now));
        self.after(delay + pause, Event::Turn(id, life));
    }

    pub(crate) fn input(&mut self, id: NodeId, input: Input<Journal>) {
        if let Some(running) = self.running(id) {
            running.inbox.push(input);
            self.wake(id);
        }
    }

    fn turn(&mut self, id: NodeId) -> Checked {
        let now = self.now;
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        if member.paused_until > now {
            let (life, pause) = (member.life, member.paused_until - now);
            self.after(pause, Event::Turn(id, life));
            return Ok(());
        }
        let clock = Time(now + member.clock);
        let Some(running) = member.running.as_mut() else { return Ok(()) };
        running.awake = false;
        let mut inputs = std::mem::take(&mut running.inbox);
        let due: Vec<Timer> = running.timers.iter().filter(|(_, at)| **at <= now).map(|(timer, _)| *timer).collect();
        for timer in due {
            running.timers.remove(&timer);
            inputs.push(Input::TimerFired(timer));
        }
        let output = running.replica.turn(clock, inputs.into_iter());
        self.watch(id)?;
        self.carry_out(id, output)
    }

    fn carry_out(&mut self, id: NodeId, output: Output<Journal>) -> Checked {
        for event in &output.events {
            self.note(|_| format!("{id} {event}"));
            self.count_event(event);
        }
        if let Some(halt) = output.halt {
            return Err(format!("{id} stops: {halt}"));
        }
        let life = self.members.get(&id).map_or(0, |member| member.life);
        if let Some(write) = output.write {
            self.note(|_| format!("{id} {write}"));
            let delay = self.disk_delay(id, 200);
            if let Some(running) = self.running(id)
                && running.write.replace(write).is_some()
            {
                return Err(format!("{id} asks for a write while another is under way"));
            }
            self.after(delay, Event::LogWrite(id, life));
        }
        for (to, message) in output.messages {
            self.send(id, to, message)?;
        }
        for change in output.timers {
            self.timer(id, change);
        }
        if let Some(snapshot) = output.take_snapshot {
            self.count("snapshots begun");
            self.employ(id, Job::Take(Box::new(snapshot)));
        }
        for SendSnapshot { to, term, .. } in output.send_snapshots {
            self.send_snapshot(id, to, term);
        }
        for (request, reply) in output.replies {
            self.reply(id, request, reply)?;
        }
        if output.again {
            self.wake(id);
        }
        Ok(())
    }

    fn reply(&mut self, id: NodeId, request: quorate_replica::RequestId, reply: Reply) -> Checked {
        self.note(|_| format!("{id} answers {}: {reply:?}", request.0));
        let length = self.running(id).map_or(0, |running| running.replica.machine().list.len());
        if self.bug == Some(Bug::RepliedTwice) && self.dice.chance(5) {
            self.oracle.replied(self.now, SLACK, request.0, reply.clone(), length)?;
        }
        self.count(match &reply {
            Reply::Written { .. } => "writes done",
            Reply::Readable(_) => "reads done",
            Reply::Member(_) => "membership",
            Reply::Transferred(_) | Reply::Refused(quorate_replica::Refusal::NoTransfer(_)) => "transfers",
            Reply::Refused(quorate_replica::Refusal::NoLeader) => "refused: no leader",
            Reply::Refused(quorate_replica::Refusal::TimedOut { .. }) => "refused: time is over",
            Reply::Refused(quorate_replica::Refusal::TooLarge) => "refused: too large",
            Reply::Refused(quorate_replica::Refusal::Busy) => "refused: busy",
            Reply::Refused(quorate_replica::Refusal::NoSpace) => "refused: no space",
            Reply::Refused(quorate_replica::Refusal::Session(_)) => "refused: by its session",
        });
        self.answered(request.0, &reply);
        let slack = SLACK + self.lateness(id);
        self.oracle.replied(self.now, slack, request.0, reply, length)
    }

    /// A process that stood still answers later.
    pub(crate) fn lateness(&self, id: NodeId) -> u64 {
        self.members.get(&id).map_or(0, |member| if member.paused_until + SLACK > self.now { 20 * T } else { 0 })
    }

    fn timer(&mut self, id: NodeId, change: TimerChange) {
        let (timer, delay) = match change {
            TimerChange::Sweep(delay) => (Timer::Sweep, delay),
            TimerChange::Silence(delay) => (Timer::Raft(raft::Timer::LeaderSilent), delay),
            TimerChange::Raft(raft::TimerChange::Disarm(timer)) => {
                if let Some(running) = self.running(id) {
                    running.timers.remove(&Timer::Raft(timer));
                }
                return;
            }
            TimerChange::Raft(raft::TimerChange::Arm(timer, delay)) => {
                let delay = match delay {
                    Delay::HeartbeatInterval => HEARTBEAT,
                    Delay::T => T,
                    Delay::UpToT => self.dice.below(T + 1),
                    Delay::TToTwiceT => T + self.dice.below(T + 1),
                };
                (Timer::Raft(timer), delay)
            }
        };
        let (now, life) = (self.now, self.members.get(&id).map_or(0, |member| member.life));
        if let Some(running) = self.running(id) {
            running.timers.insert(timer, now + delay);
            self.after(delay, Event::TimerDue(id, life));
        }
    }

    /// Looks at a member after its turn: what must hold in consensus, and that it applied what the others did.
    fn watch(&mut self, id: NodeId) -> Checked {
        let limits = &self.profile.config;
        let (log_max, tail_max) =
            (limits.raft.limits.log_bytes_max, limits.raft.limits.uncommitted_bytes_max + limits.snapshot_log_bytes);
        let requests_max = limits.requests_max;
        let Some(running) = self.members.get_mut(&id).and_then(|member| member.running.as_mut()) else { return Ok(()) };
        let view = running.replica.inspect();
        invariants::check(view).map_err(|violation| violation.to_string())?;
        self.oracle.ledger.observe(view).map_err(|violation| violation.to_string())?;
        let bytes = view.log().bytes();
        if bytes > log_max + tail_max + 2000 {
            return Err(format!("{id} holds {bytes} bytes of log, {log_max} are allowed"));
        }
        if running.replica.waiting() > requests_max {
            return Err(format!("{id} lets {} requests wait, {requests_max} are allowed", running.replica.waiting()));
        }
        let list = &running.replica.machine().list;
        if running.compared > list.len() {
            running.compared = 0;
        }
        while let Some(applied) = list.get(running.compared) {
            self.oracle.applied(id, running.compared, *applied)?;
            running.compared += 1;
        }
        // Comparing all members takes long.
        if self.sequence.is_multiple_of(16) { self.watch_all() } else { Ok(()) }
    }

    pub(crate) fn watch_all(&self) -> Checked {
        let running = self.members.values().filter_map(|member| member.running.as_ref());
        let views: Vec<_> = running.map(|running| running.replica.inspect()).collect();
        invariants::check_cluster(&views).map_err(|violation| violation.to_string())
    }

    fn count_event(&mut self, event: &RaftEvent) {
        match event {
            RaftEvent::BecameLeader { .. } => self.count("elections won"),
            RaftEvent::Truncated { .. } => self.count("tails truncated"),
            RaftEvent::SnapshotNeeded { .. } => self.count("snapshots needed"),
            RaftEvent::SnapshotInstalled { .. } => self.count("snapshots installed"),
            RaftEvent::SnapshotIgnored { .. } => self.count("snapshots ignored"),
            RaftEvent::AppendDropped => self.count("appends dropped: log full"),
            _ => {}
        }
    }
}
