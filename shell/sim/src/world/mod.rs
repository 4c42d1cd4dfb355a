//! The world: time, what is to happen when, and one turn of a member after the other. One queue, one seed, no threads: the same
//! [`Run`] is the same world, event by event.
//!
//! The rooms beside this one are what members do with disks, networks and clients; whether what happened may happen is decided
//! by the checkers.

mod acts;
mod clients;
mod disk_work;
mod ending;
mod hand_overs;
mod image;
mod inside;
mod look;
mod member;
mod network;
mod orders;
mod patience;
mod queue;
mod reading;
mod rot;
mod sessions;
mod shapes;
mod sight;
mod telling;
mod timers;
mod transfers;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};

use raft::{Event as RaftEvent, NodeId};
use replica::{Input, Output, RequestId, Time};

use clients::Caller;
pub(crate) use clients::{Answer, Body, Operation};
use hand_overs::HandOver;
pub use inside::{Kept, Request, Standing};
pub use look::Heard;
use member::{Job, Member, Running};
use network::Links;
use orders::Operators;
use queue::{Event, Queue};
pub use sight::{Ending, Load, Sent, Sight};
pub use timers::Countdown;
use transfers::Transfer;

use crate::checkers::{Checked, Checkers, Failure};
use crate::counters::Counters;
use crate::dice::Dice;
use crate::lies::Lie;
use crate::machine::{Machine, mix};
use crate::run::{Run, RunError};

/// What a world looks like from outside when it has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// A number that stands for all events: the same for the same run.
    pub hash: u64,
    /// How many events there were.
    pub events: u64,
    /// How much time passed in the world, in microseconds.
    pub micros: u64,
    /// How many requests of clients were made.
    pub operations: u64,
}

/// A cluster, its clients, and everything between them.
pub struct World {
    pub(crate) now: u64,
    queue: Queue,
    run: Run,
    members: BTreeMap<NodeId, Member>,
    links: Links,
    operators: Operators,
    transfers: BTreeMap<u64, Transfer>,
    next_transfer: u64,
    callers: Vec<Caller>,
    operations: BTreeMap<u64, Operation>,
    sessions: sessions::Sessions,
    next_operation: u64,
    hand_overs: BTreeMap<u64, HandOver>,
    next_hand_over: u64,
    handed_over_last: bool,
    /// Read or refused in the end, and by then answered.
    last_operations: BTreeSet<u64>,
    /// Until then who is busy may be asked again.
    last_at: u64,
    pub(crate) checkers: Checkers,
    /// How often what happened.
    pub counters: Counters,
    dice: Dice,
    client_dice: Dice,
    /// Nothing bad happens any more.
    calm: bool,
    ended: bool,
    events: u64,
    hash: u64,
    told: Option<Vec<String>>,
    sights: Option<Vec<Sight>>,
    /// The next step of the script.
    next_step: usize,
}

impl World {
    /// The world of this run before its first event.
    ///
    /// # Errors
    /// When the run asks for what can't be.
    pub fn new(run: Run) -> Result<Self, RunError> {
        let mut world = Self::endless(run)?;
        if world.run.timing.calm_at == 0
            && let Some(last) = world.run.script.last()
        {
            world.queue.push(last.at + 2 * world.t(), Event::Stop);
        }
        Ok(world)
    }

    /// The same world, where nothing ends when the script is over: it goes on for as long as somebody looks.
    ///
    /// # Errors
    /// When the run asks for what can't be.
    pub fn endless(run: Run) -> Result<Self, RunError> {
        run.check()?;
        let seed = run.seed;
        let members = (1..=run.members).map(NodeId).map(|id| (id, Member::new(id, seed))).collect();
        let mut world = Self {
            now: 0,
            queue: Queue::default(),
            members,
            links: Links::new(&run),
            operators: Operators::new(&run),
            transfers: BTreeMap::new(),
            next_transfer: 0,
            callers: Vec::new(),
            operations: BTreeMap::new(),
            sessions: sessions::Sessions::new(seed, run.clients.sessions),
            next_operation: 0,
            hand_overs: BTreeMap::new(),
            next_hand_over: 0,
            handed_over_last: false,
            last_operations: BTreeSet::new(),
            last_at: 0,
            checkers: Checkers::new(&run),
            counters: Counters::default(),
            dice: Dice::new(seed, "world", 0),
            client_dice: Dice::new(seed, "clients", 0),
            calm: false,
            ended: false,
            events: 0,
            hash: seed,
            told: None,
            sights: None,
            next_step: 0,
            run,
        };
        world.begin_all()?;
        Ok(world)
    }

    fn begin_all(&mut self) -> Result<(), RunError> {
        for image in self.run.initial.clone() {
            self.lay_down(&image)?;
        }
        for id in self.ids() {
            let delay = self.dice.below(1000);
            self.after(delay, Event::Start(id));
        }
        for number in 0..self.run.clients.count {
            self.callers.push(Caller { at: NodeId(1 + number % self.run.members), again: None });
            let delay = self.client_dice.below(self.run.timing.election_timeout);
            self.after(delay, Event::Client(number));
        }
        self.begin_sessions();
        if self.run.timing.calm_at > 0 {
            self.queue.push(self.run.timing.calm_at, Event::Calm);
        }
        Ok(())
    }

    /// From now on everything is told, line by line.
    pub fn tell(&mut self) {
        self.told.get_or_insert_default();
    }

    /// What was told since the last call.
    pub fn take_told(&mut self) -> Vec<String> {
        self.told.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The time, in microseconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// What a checker found.
    pub fn run(&mut self) -> Result<Ended, Failure> {
        while !self.ended && self.step()? {}
        self.watch_all()?;
        Ok(self.so_far())
    }

    /// Runs until this time.
    ///
    /// # Errors
    /// What a checker found.
    pub fn run_until(&mut self, time: u64) -> Result<(), Failure> {
        while self.next_at().is_some_and(|at| at <= time) && self.step()? {}
        self.now = self.now.max(time);
        Ok(())
    }

    /// What came of it up to now.
    #[must_use]
    pub fn so_far(&self) -> Ended {
        Ended { hash: self.hash, events: self.events, micros: self.now, operations: self.next_operation }
    }

    /// When the next event happens.
    #[must_use]
    pub fn next_at(&self) -> Option<u64> {
        let step = self.run.script.get(self.next_step).map(|step| step.at);
        step.into_iter().chain(self.queue.next_at()).min()
    }

    /// Steps of the script come before what happens at the same time, so more of them may be added later.
    fn next(&mut self) -> Option<(u64, Event)> {
        let step = self.run.script.get(self.next_step).map(|step| step.at);
        match step.filter(|at| self.queue.next_at().is_none_or(|next| *at <= next)) {
            Some(at) => {
                self.next_step += 1;
                Some((at.max(self.now), Event::Script(self.next_step - 1)))
            }
            None => self.queue.pop(),
        }
    }

    /// How many steps of the script are done.
    #[must_use]
    pub fn steps_done(&self) -> usize {
        self.next_step
    }

    /// Goes on with another script, which is the same up to now. False: it is not, and nothing has changed.
    pub fn continue_with(&mut self, script: &[crate::run::Step]) -> bool {
        let (done, begun) = (self.run.script.get(..self.next_step), script.get(..self.next_step));
        let same = done == begun && script.get(self.next_step).is_none_or(|step| step.at > self.now);
        if same {
            self.run.script = script.to_vec();
        }
        same
    }

    /// The next event. False: there is none.
    ///
    /// # Errors
    /// What a checker found.
    pub fn step(&mut self) -> Result<bool, Failure> {
        let Some((now, event)) = self.next() else { return Ok(false) };
        self.checkers.bounds.passes(now > self.now)?;
        self.now = now;
        self.checkers.sequence.now = now;
        self.events += 1;
        self.mark(now, self.events, 0);
        if self.events.is_multiple_of(1024) {
            self.checkers.bounds.queue(self.queue.len())?;
        }
        self.happen(event)?;
        Ok(true)
    }

    fn happen(&mut self, event: Event) -> Checked {
        match event {
            Event::Start(id) => self.start(id),
            Event::Turn(id, life) if self.is_life(id, life) => self.turn(id),
            Event::TimersDue(id, life) if self.is_life(id, life) => {
                self.timers_due(id);
                Ok(())
            }
            Event::LogWrite(id, life) if self.is_life(id, life) => self.log_write(id),
            Event::LogSync(id, life) if self.is_life(id, life) => self.log_sync(id),
            Event::Job(id, life) if self.is_life(id, life) => self.job(id),
            Event::Turn(..) | Event::TimersDue(..) | Event::LogWrite(..) | Event::LogSync(..) | Event::Job(..) => {
                Ok(())
            }
            Event::Deliver(flying) => {
                self.deliver(*flying);
                Ok(())
            }
            Event::Stray(flying) => {
                self.hand_over(*flying);
                Ok(())
            }
            Event::Nothing => Ok(()),
            Event::Chunk(transfer) => self.chunk(transfer),
            Event::Client(number) => {
                self.client(number);
                Ok(())
            }
            Event::SessionClient(number) => {
                self.session_client(number);
                Ok(())
            }
            Event::Retry(client, session, sequence) => {
                self.retry(client, session, sequence);
                Ok(())
            }
            Event::Arrive(number) => self.arrive(number),
            Event::Read(number) => self.read_store(number),
            Event::Return(number) => self.returned(number),
            Event::AskAgain(number) => {
                self.ask_again(number);
                Ok(())
            }
            Event::Overdue(number) => self.overdue(number),
            Event::Stopped(id, life) => {
                if self.is_life(id, life) {
                    let _nobody_looks_at_it = self.stop_for_a_look(id, true);
                }
                Ok(())
            }
            Event::BadWrite(id, number) => self.bad_write_shows(id, number),
            Event::Flap(a, b, every, left) => {
                self.flap(a, b, every, left);
                Ok(())
            }
            Event::Operators => self.operators_look(),
            Event::Script(number) => self.script(number),
            Event::Calm => self.calm_down(),
            Event::LastRequests => self.last_requests(),
            Event::End => self.end(),
            Event::Stop => {
                self.ended = true;
                self.watch_all()?;
                self.judge_history()
            }
        }
    }

    // ---- small things that all rooms use ------------------------------------------------------------------------------

    fn after(&mut self, delay: u64, event: Event) {
        self.queue.push(self.now.saturating_add(delay), event);
    }

    /// One thing more that happened, for the hash over all.
    fn mark(&mut self, one: u64, two: u64, three: u64) {
        self.hash = mix(mix(mix(self.hash, one), two), three);
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(told) = &mut self.told {
            let (seconds, micros) = (self.now / 1_000_000, self.now % 1_000_000);
            told.push(format!("{seconds:>3}.{micros:06} {}", line()));
        }
    }

    fn fail<T>(checker: &'static str, what: impl Into<String>) -> Checked<T> {
        Err(Failure::new(checker, what))
    }

    fn lies(&self, lie: Lie) -> bool {
        self.run.lie == Some(lie)
    }

    fn t(&self) -> u64 {
        self.run.timing.election_timeout
    }

    fn ids(&self) -> Vec<NodeId> {
        self.members.keys().copied().collect()
    }

    fn life(&self, id: NodeId) -> u64 {
        self.members.get(&id).map_or(0, |member| member.life)
    }

    fn running(&mut self, id: NodeId) -> Option<&mut Running> {
        self.members.get_mut(&id)?.running.as_mut()
    }

    fn is_life(&self, id: NodeId, life: u64) -> bool {
        self.members.get(&id).is_some_and(|member| member.life == life && member.running.is_some())
    }

    // ---- turns --------------------------------------------------------------------------------------------------------

    /// There is something to do for a member.
    fn wake(&mut self, id: NodeId) {
        let now = self.now;
        let Some(member) = self.members.get_mut(&id) else { return };
        let Some(running) = member.running.as_mut().filter(|running| !running.awake) else { return };
        running.awake = true;
        running.woken = now;
        let busy = if member.busy.0 > now { member.dice.below(member.busy.1) } else { 0 };
        let delay = 1 + (member.dice.roll() & 31) + busy + member.paused_until.saturating_sub(now);
        let life = member.life;
        self.after(delay, Event::Turn(id, life));
    }

    fn input(&mut self, id: NodeId, input: Input<Machine>) {
        if let Some(running) = self.running(id) {
            running.inbox.push(input);
            self.wake(id);
        }
    }

    fn turn(&mut self, id: NodeId) -> Checked {
        let now = self.now;
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        let life = member.life;
        if member.paused_until > now {
            let pause = member.paused_until - now;
            self.after(pause, Event::Turn(id, life));
            return Ok(());
        }
        let (mut clock, mut other) = (Time(member.clock.read(now)), Time(member.other_clock.read(now)));
        let (lie, tolerated) = (self.run.lie, self.run.watched_drift());
        let Some(running) = member.running.as_mut() else { return Ok(()) };
        if lie == Some(Lie::ClockReadEarly) {
            clock = Time(member.clock.read(running.woken));
            other = Time(member.other_clock.read(running.woken));
        }
        let suspected = running.watch.look(clock, other, tolerated) && lie != Some(Lie::ClockUnwatched);
        running.awake = false;
        self.checkers.bounds.inbox(id, running.inbox.len())?;
        let mut inputs = std::mem::take(&mut running.inbox);
        if suspected {
            inputs.insert(0, Input::ClockSuspected);
        } else {
            running.timers.retain(|(timer, at)| {
                if *at <= now {
                    inputs.push(Input::TimerFired(*timer));
                }
                *at > now
            });
        }
        if let Some(sights) = &mut self.sights {
            sights.extend(running.arrived.drain(..).map(|message| Sight::Took(id, message)));
            sights.extend(inputs.iter().filter_map(|input| match input {
                Input::TimerFired(timer) => Some(Sight::TimerFired(id, *timer)),
                Input::Written(_) => Some(Sight::Synced(id)),
                _ => None,
            }));
        }
        running.arrived.clear();
        let (leased, served) = (running.replica.lease_state(), running.replica.lease_reads());
        let output = running.replica.turn(clock, inputs.drain(..));
        if let Some(sights) = &mut self.sights {
            // Before it is judged: of a turn that breaks a rule, too, one sees what it was.
            sights.push(Sight::Turned(id));
            sights.extend(output.events.iter().map(|event| Sight::Consensus(id, *event)));
        }
        if running.inbox.is_empty() {
            // The room for the next inputs is there already.
            running.inbox = inputs;
        }
        let (lease, by_lease) = (running.replica.lease_state(), running.replica.lease_reads());
        self.checkers.turned(running.replica.inspect(), &running.replica)?;
        let view = running.replica.inspect();
        let (commit, term, leads) = (view.commit().0, view.term().0, view.is_leader());
        if view.transfer().is_some() {
            self.watch_transfer(id)?;
        } else {
            self.checkers.transfers.ended(id);
        }
        if leads {
            self.watch_leader(id)?;
        }
        self.mark(id.0, term, commit);
        self.notice_lease((leased, lease), by_lease > served, suspected);
        self.carry_out(id, output)?;
        if suspected {
            // The timers that were due fire in the next turn.
            self.wake(id);
        }
        self.watch_all_sometimes()
    }

    fn carry_out(&mut self, id: NodeId, output: Output<Machine>) -> Checked {
        self.checkers.transfers.stood(id, &output.events)?;
        for event in &output.events {
            self.note(|| format!("{id} {event}"));
            self.notice_event(event);
            if let (RaftEvent::BecameFollower { .. }, Some(running)) = (event, self.running(id)) {
                running.sending.forget();
            }
        }
        if let Some(halt) = output.halt {
            return Self::fail("halt", format!("{id} stops: {halt}"));
        }
        let life = self.life(id);
        if let Some(write) = output.write {
            self.note(|| format!("{id} {write}"));
            let delay = self.disk_delay(id, self.run.timing.disk / 4);
            if let Some(running) = self.running(id)
                && running.write.replace(write).is_some()
            {
                return Self::fail("one write", format!("{id} asks for a write while another is under way"));
            }
            if !self.run.timing.disks_by_hand {
                self.after(delay, Event::LogWrite(id, life));
            }
        }
        for (to, message) in output.messages {
            self.send(id, to, message)?;
        }
        for change in output.timers {
            self.timer(id, change);
        }
        if let Some(snapshot) = output.take_snapshot {
            self.note(|| format!("{id} begins a snapshot at {}", snapshot.position));
            self.employ(id, Job::Take(Box::new(snapshot)));
        }
        for snapshot in output.send_snapshots {
            self.send_snapshot(id, snapshot);
        }
        for (RequestId(request), reply) in output.replies {
            self.reply(id, request, reply)?;
        }
        if output.again {
            self.wake(id);
        }
        Ok(())
    }

    fn notice_event(&mut self, event: &RaftEvent) {
        use raft::{Stage, event::FollowReason};
        self.counters.path(match event {
            RaftEvent::BecameLeader { .. } => "election won",
            RaftEvent::BecameCandidate { .. } => "candidate stood",
            RaftEvent::BecameFollower { reason: FollowReason::NoQuorum, .. } => "step-down by CheckQuorum",
            RaftEvent::BecameFollower { reason: FollowReason::VotedForAnother, .. } => {
                "pre-candidate voted for another"
            }
            RaftEvent::VoteRefused { .. } => "vote refused",
            RaftEvent::AppendRefused { .. } => "append refused",
            RaftEvent::Truncated { .. } => "conflict truncated",
            RaftEvent::SnapshotNeeded { .. } => "snapshot needed",
            RaftEvent::SnapshotInstalled { .. } => "snapshot installed",
            RaftEvent::SnapshotIgnored { .. } => "snapshot ignored",
            RaftEvent::AppendDropped => "append dropped: log full",
            RaftEvent::ConfigurationInForce { stage: Stage::Plain, .. } => "configuration in force",
            RaftEvent::ConfigurationInForce { stage: Stage::CatchingUp, .. } => "new voters catch up",
            RaftEvent::ConfigurationInForce { stage: Stage::Joint, .. } => "joint configuration in force",
            RaftEvent::ConfigurationReverted { .. } => "configuration reverted",
            RaftEvent::Removed { .. } => "member removed",
            RaftEvent::BecameFollower { reason: FollowReason::NoVote, .. } => "leader without a vote stepped down",
            RaftEvent::Ignored { .. } => "message of another time ignored",
            RaftEvent::TransferBegan { .. } => "transfer begun",
            RaftEvent::TransferEnded { .. } => "transfer given up",
            RaftEvent::ToldToStand { .. } => "told to stand",
            RaftEvent::BecameFollower { .. }
            | RaftEvent::BecamePreCandidate { .. }
            | RaftEvent::Voted { .. }
            | RaftEvent::Committed { .. }
            | RaftEvent::Halted(_) => return,
        });
    }
}
