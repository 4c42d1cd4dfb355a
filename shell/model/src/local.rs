//! One node with its disk and its timers: the shipping core, and around it only what a driver does. A step is one input and
//! everything that follows from it at once. Nodes hear of each other by packets alone, so a step depends on nothing else:
//! the same node in the same state given the same input does the same, and is asked only once.

use raft::invariants::{check, check_step};
use raft::output::TimerChange;
use raft::{Event, Index, Installed, Message, NodeId, Output, Position, Raft, ReadId, Role, Snapshot, Timer, View};

use crate::audit;
use crate::clocks::Watch;
use crate::configuration::{Model, Start};
use crate::disk::{Batch, Disk};
use crate::packet::Packet;
use crate::planted::Planted;
use crate::seen;
use crate::symmetry::place;
use crate::witness::{Witness, Witnesses};

/// What can happen to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Deliver(Packet),
    Fire(Timer),
    /// The write under way is durable, and the node hears of it.
    Written,
    /// Power fails, and the node starts again. What was being written is lost, or `kept` on the disk.
    Crash {
        kept: bool,
    },
    /// A client proposes the command of this number.
    Propose(u8),
    /// A client reads; this is the number of the read.
    Read(u8),
    /// A snapshot of all that is applied is durable: the log may begin behind it.
    Compact,
    /// Sending a snapshot to this node ended.
    SnapshotEnded(NodeId),
    /// A client wants the membership of this number.
    Change(u8),
    /// A client asks the leader to hand over to this node.
    Transfer(NodeId),
    /// Its clock goes on by so much.
    Pass(u8),
}

/// A node and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Local {
    pub(crate) raft: Raft,
    pub(crate) disk: Disk,
    pub(crate) writing: Option<Batch>,
    /// Planted bug: reported as durable, and not stored.
    cached: Option<Batch>,
    pub(crate) timers: Timers,
    /// Followers that a snapshot is being sent to.
    pub(crate) sending: Vec<NodeId>,
    /// Reads that wait here.
    pub(crate) reads: Vec<u8>,
    /// As new where time is no part of the model.
    pub(crate) watch: Watch,
}

/// Armed timers. Each may fire at any time: deadlines are not part of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Timers(u8);

/// What came of a step.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) local: Local,
    pub(crate) sent: Vec<Packet>,
    /// Reads that ended: served at an index, or given up.
    pub(crate) reads: Vec<(u8, Option<Index>)>,
    pub(crate) witnesses: Witnesses,
    /// What people want to read of it.
    pub(crate) notes: Vec<String>,
    /// `LeaderSilent` fired at the end, since it changed nothing but timers.
    pub(crate) silenced: bool,
    /// The property that was broken.
    pub(crate) problem: Option<String>,
}

impl Timers {
    const ALL: [Timer; 5] =
        [Timer::LeaderSilent, Timer::Campaign, Timer::Heartbeat, Timer::CheckQuorum, Timer::Transfer];

    fn bit(timer: Timer) -> u8 {
        match timer {
            Timer::LeaderSilent => 1,
            Timer::Campaign => 2,
            Timer::Heartbeat => 4,
            Timer::CheckQuorum => 8,
            Timer::Transfer => 16,
        }
    }

    fn set(&mut self, timer: Timer, armed: bool) {
        if armed { self.0 |= Self::bit(timer) } else { self.0 &= !Self::bit(timer) }
    }

    pub(crate) fn armed(self) -> impl Iterator<Item = Timer> {
        Self::ALL.into_iter().filter(move |timer| self.0 & Self::bit(*timer) != 0)
    }
}

impl Local {
    /// A node as it is in the beginning.
    pub(crate) fn start(model: &Model, id: NodeId) -> Step {
        let image = match model.start {
            Start::Disks(images) => images.get(place(id)),
            Start::Fresh | Start::Led | Start::Heard => None,
        };
        Self::boot(model, id, image.map_or_else(Disk::new, Disk::of))
    }

    fn boot(model: &Model, id: NodeId, mut disk: Disk) -> Step {
        let mut boot = disk.boot(&model.first(id));
        if let Some(planted) = model.planted {
            planted.boot(&mut disk, &mut boot);
        }
        let rules = model.planted.map_or(raft::Rules::ALL, Planted::rules);
        let raft = Raft::new(id, model.config(), boot).with_rules(rules);
        let local = Self {
            raft,
            disk,
            writing: None,
            cached: None,
            timers: Timers::default(),
            sending: Vec::new(),
            reads: Vec::new(),
            watch: Watch::default(),
        };
        let mut step = Step::new(local);
        step.settle(model);
        if model.planted == Some(Planted::PromiseForgotten) {
            step.local.watch.disarm(Timer::LeaderSilent);
        }
        step
    }

    pub(crate) fn view(&self) -> View<'_> {
        self.raft.inspect()
    }

    /// The same with other names, in normal form.
    pub(crate) fn renamed(&self, names: &dyn Fn(NodeId) -> NodeId) -> Self {
        let mut sending: Vec<NodeId> = self.sending.iter().map(|node| names(*node)).collect();
        sending.sort();
        Self {
            raft: self.raft.relabelled(names),
            disk: self.disk.renamed(names),
            writing: self.writing.as_ref().map(|batch| batch.renamed(names)),
            cached: self.cached.as_ref().map(|batch| batch.renamed(names)),
            timers: self.timers,
            sending,
            reads: self.reads.clone(),
            watch: self.watch.clone(),
        }
    }

    /// It is within the bounds of the model.
    pub(crate) fn is_within(&self, model: &Model) -> bool {
        self.view().term().0 <= model.bounds.terms
    }

    /// A heartbeat of its own is within the bounds: a candidate only asks again what it asked before.
    pub(crate) fn may_beat(&self, model: &Model) -> bool {
        match self.view().role() {
            Role::Leader(leader) => leader.round() <= model.bounds.heartbeats,
            Role::Candidate(_) | Role::Follower(_) => true,
        }
    }

    /// One input, and all that follows at once.
    pub(crate) fn step(&self, model: &Model, input: &Input) -> Step {
        match input {
            Input::Crash { kept } => return self.crash(model, *kept),
            Input::Pass(units) => return self.pass(model, *units),
            _ => {}
        }
        let mut step = Step::new(self.clone());
        let writes_stale = *input == Input::Written && self.writes_stale();
        step.take(model, input);
        step.watch(self);
        step.settle(model);
        if writes_stale {
            step.witnesses.add(Witness::StaleCompletion);
        }
        if self.view().is_leader() && step.local.view().term() > self.view().term() {
            step.witnesses.add(Witness::Deposed);
        }
        step.watch_lease(model, self);
        step
    }

    /// Its clock goes on. There is no turn, but for `LeaderSilent`, which is due at exactly T: to be late with it is to hear later
    /// of all that comes.
    fn pass(&self, model: &Model, units: u8) -> Step {
        let mut step = Step::new(self.clone());
        if let Some(clocks) = &model.clocks {
            step.local.watch.pass(clocks, units, model.planted);
        }
        if step.local.due().any(|timer| timer == Timer::LeaderSilent) {
            step.take(model, &Input::Fire(Timer::LeaderSilent));
            step.watch(self);
            step.settle(model);
        }
        if self.serves_by_lease(model) && !step.local.serves_by_lease(model) {
            step.witnesses.add(Witness::LeaseEnded);
        }
        step
    }

    /// It would serve a read by its lease now.
    pub(crate) fn serves_by_lease(&self, model: &Model) -> bool {
        model.clocks.is_some_and(|clocks| self.watch.serves(&clocks, self.view(), model.planted))
    }

    /// Timers that may fire.
    pub(crate) fn due(&self) -> impl Iterator<Item = Timer> {
        self.timers.armed().filter(|timer| self.watch.is_due(*timer))
    }

    fn change_timer(&mut self, model: &Model, change: TimerChange) {
        match change {
            TimerChange::Arm(timer, delay) => {
                self.timers.set(timer, true);
                if let Some(clocks) = &model.clocks {
                    self.watch.arm(clocks, timer, delay, model.planted);
                }
            }
            TimerChange::Disarm(timer) => self.disarm(timer),
        }
    }

    fn disarm(&mut self, timer: Timer) {
        self.timers.set(timer, false);
        self.watch.disarm(timer);
    }

    /// Where `LeaderSilent` would change nothing but timers (no leader is known, nobody is sticky) it fires at once: it would
    /// only let `Campaign` fire, and whoever hears a leader arms it anew. So no behaviour is lost by not waiting for it.
    fn skip_silence(&mut self, model: &Model) -> bool {
        if model.clocks.is_some() {
            return false;
        }
        let mut silent = self.raft.clone();
        silent.timer_fired(Timer::LeaderSilent);
        let output = silent.take_output();
        let same = silent.relabelled(&|node| node) == self.raft.relabelled(&|node| node);
        let armed = self.timers.armed().any(|timer| timer == Timer::LeaderSilent);
        let skips = same && armed && output.messages.is_empty();
        if skips {
            self.timers.set(Timer::LeaderSilent, false);
            output.timers.into_iter().for_each(|change| self.change_timer(model, change));
        }
        skips
    }

    /// The disk is about to have entries that memory has replaced meanwhile.
    fn writes_stale(&self) -> bool {
        let replaced = |batch: &Batch| {
            batch.entries.iter().any(|entry| self.view().log().entry(entry.index()).is_none_or(|ours| ours != entry))
        };
        self.writing.as_ref().is_some_and(replaced)
    }

    fn crash(&self, model: &Model, kept: bool) -> Step {
        let mut disk = self.disk.clone();
        let mut witnesses = Witnesses::default();
        if let Some(batch) = &self.writing {
            if kept {
                store(model, &mut disk, batch);
                witnesses.add(Witness::WriteKept);
            } else if batch.hard_state.vote.is_some() && batch.hard_state != self.disk.hard_state {
                witnesses.add(Witness::VoteLost);
            }
            if !kept && !batch.entries.is_empty() {
                witnesses.add(Witness::EntryLost);
            }
        }
        if !disk.entries.is_empty() {
            witnesses.add(Witness::LogRead);
        }
        let floor = disk.hard_state.term.max(disk.last().term);
        let mut step = Self::boot(model, self.view().id(), disk);
        let term = step.local.view().term();
        if term < floor {
            step.broken(|| format!("the term survives a crash does not hold: {floor} was on the disk, {term} is read"));
        }
        step.witnesses = step.witnesses.with(witnesses);
        step.reads.extend(self.reads.iter().map(|read| (*read, None)));
        step
    }
}

fn store(model: &Model, disk: &mut Disk, batch: &Batch) {
    match model.planted {
        Some(planted) => planted.store(disk, batch),
        None => disk.store(batch),
    }
}

impl Step {
    fn new(local: Local) -> Self {
        Self {
            local,
            sent: Vec::new(),
            reads: Vec::new(),
            witnesses: Witnesses::default(),
            notes: Vec::new(),
            silenced: false,
            problem: None,
        }
    }

    fn broken(&mut self, what: impl FnOnce() -> String) {
        self.problem.get_or_insert_with(what);
    }

    fn take(&mut self, model: &Model, input: &Input) {
        let local = &mut self.local;
        match input {
            Input::Deliver(Packet::Message(message)) => local.receive(model, message.clone()),
            Input::Deliver(Packet::Snapshot { from, term, position, .. }) => self.install(*from, *term, *position),
            Input::Fire(timer) => {
                local.disarm(*timer);
                local.raft.timer_fired(*timer);
            }
            Input::Written => self.written(model),
            Input::Propose(number) => {
                let _ = local.raft.propose(raft::Header::default(), &[*number]);
            }
            Input::Read(number) => {
                if local.raft.read(ReadId(u64::from(*number))).is_ok() {
                    local.reads.push(*number);
                }
            }
            Input::Compact => self.compact(),
            Input::SnapshotEnded(to) => {
                local.sending.retain(|node| node != to);
                local.raft.snapshot_sent(*to);
            }
            Input::Transfer(to) => {
                let _ = local.raft.transfer_leadership(Some(*to));
            }
            Input::Change(number) => {
                if let Some(wanted) = model.changes().get(usize::from(*number)) {
                    let _ = local.raft.change_membership(wanted.change());
                }
            }
            Input::Crash { .. } | Input::Pass(_) => {}
        }
    }

    fn written(&mut self, model: &Model) {
        let local = &mut self.local;
        let Some(batch) = local.writing.take() else { return };
        let (mut disk, earlier) = (local.disk.clone(), local.cached.take());
        if model.planted == Some(Planted::WrittenTooEarly) {
            earlier.iter().for_each(|earlier| disk.store(earlier));
            local.cached = Some(batch);
        } else {
            store(model, &mut disk, &batch);
            let last = batch.entries.last().map(raft::Entry::position);
            if last.is_some_and(|last| disk.last() != last) {
                self.problem = Some(format!("a write that fits the log does not hold: the disk has {}", disk.last()));
            }
        }
        local.disk = disk;
        if let Some(ticket) = local.raft.inspect().persistence().in_flight() {
            local.raft.written(ticket);
        }
    }

    /// The snapshot file is durable before the log hears of it.
    fn compact(&mut self) {
        let local = &mut self.local;
        let view = local.raft.inspect();
        let applied = view.applied();
        if let Some(position) = view.log().position_at(applied) {
            local.disk.snapshot = position;
            if local.raft.compact(applied).index == applied {
                self.witnesses.add(Witness::Compacted);
            }
        }
    }

    /// The file is durable before consensus hears of it; if it is of no use it is deleted again.
    fn install(&mut self, from: NodeId, term: raft::Term, position: Position) {
        let local = &mut self.local;
        let configuration = local.raft.inspect().configuration().clone();
        let installed = local.raft.snapshot_received(from, term, Snapshot { position, time: 0, configuration });
        match installed {
            Installed::Replaced | Installed::Committed => local.disk.snapshot = position,
            Installed::No => {}
        }
        if installed == Installed::Committed {
            self.witnesses.add(Witness::SnapshotCommitted);
        }
    }

    /// Takes what the node wants done, and applies what is committed.
    fn settle(&mut self, model: &Model) {
        loop {
            let before = self.local.clone();
            let output = self.local.raft.take_output();
            self.watch(&before);
            self.absorb(model, output);
            let commit = self.local.view().commit();
            self.local.raft.applied(commit);
            if model.slow_disk || self.local.writing.is_none() || self.problem.is_some() {
                break;
            }
            let before = self.local.clone();
            self.written(model);
            self.watch(&before);
        }
        self.silenced = self.local.skip_silence(model);
        if self.local.view().term().0 >= model.bounds.terms {
            // Nobody stands in the last term: it would have to leave it.
            self.local.disarm(Timer::Campaign);
        }
        self.local = self.local.renamed(&|node| node);
    }

    fn watch_lease(&mut self, model: &Model, before: &Local) {
        let serves = [before, &self.local].map(|local| local.serves_by_lease(model));
        if serves == [false, true] {
            let is_first = self.local.view().term().0 == 1;
            self.witnesses.add(if is_first { Witness::LeaseHeld } else { Witness::LeaseHeldLater });
        }
        if serves == [true, false] && self.local.watch.is_over() {
            self.witnesses.add(Witness::LeaseGivenUp);
        }
    }

    fn watch(&mut self, before: &Local) {
        let after = &self.local;
        let found = check_step(before.view(), after.view()).and_then(|()| check(after.view())).err();
        if let Some(violation) = found {
            self.broken(|| violation.to_string());
        }
    }

    fn absorb(&mut self, model: &Model, output: Output) {
        let id = self.local.view().id();
        for event in output.events {
            self.notes.push(format!("{id} {event}"));
            seen::event(&mut self.witnesses, event, &self.local);
            if let Event::Halted(halt) = event {
                self.broken(|| format!("nobody halts does not hold: {id}: {halt}"));
            }
        }
        for change in output.timers {
            self.local.change_timer(model, change);
        }
        for message in output.messages {
            self.send(model, message);
        }
        if let Some(write) = output.write {
            self.notes.push(format!("{id} {write}"));
            if self.local.writing.replace(write.into()).is_some() {
                self.broken(|| format!("one write at a time does not hold: {id}"));
            }
        }
        let served = output.reads.into_iter().map(|read| (read.id, Some(read.index)));
        for (read, index) in served.chain(output.reads_aborted.into_iter().map(|read| (read, None))) {
            self.read_ended(read, index);
        }
        if let Some(clocks) = &model.clocks {
            self.local.watch.turn_ends(clocks, self.local.raft.inspect(), output.confirmed_round, model.planted);
        }
        for to in output.snapshots {
            let (term, position) = (self.local.view().term(), self.local.disk.snapshot);
            self.witnesses.add(Witness::SnapshotNeeded);
            self.note_sent(Packet::Snapshot { from: id, to, term, position });
            if !self.local.sending.contains(&to) {
                self.local.sending.push(to);
            }
        }
    }

    fn send(&mut self, model: &Model, message: Message) {
        if Planted::audited(model.planted)
            && let Err(sentence) = audit::sent(&message, self.local.view(), &self.local.disk)
        {
            self.broken(|| format!("{sentence}, and {} says `{message}`", message.from));
        }
        self.note_sent(Packet::Message(message));
    }

    fn note_sent(&mut self, packet: Packet) {
        self.notes.push(packet.to_string());
        self.sent.push(packet);
    }

    fn read_ended(&mut self, read: ReadId, index: Option<Index>) {
        let id = self.local.view().id();
        let Ok(number) = u8::try_from(read.0) else { return };
        self.local.reads.retain(|waiting| *waiting != number);
        self.notes.push(match index {
            Some(index) => format!("{id} may serve read {number} at {index}"),
            None => format!("{id} aborts read {number}"),
        });
        self.witnesses.add(match index {
            Some(_) if self.local.view().term().0 > 1 => Witness::ReadServedLater,
            Some(_) => Witness::ReadServed,
            None => Witness::ReadAborted,
        });
        self.reads.push((number, index));
    }
}

impl Local {
    fn receive(&mut self, model: &Model, mut message: Message) {
        if let Some(planted) = model.planted {
            planted.tamper(&mut message, self.view().term());
        }
        self.raft.receive(message);
    }
}
