//! Nodes, wire and disks, and the watch over them: after every single call into a node all invariants are checked.

use std::collections::{BTreeMap, BTreeSet};

use quorate_raft::invariants::{Ledger, check, check_cluster, check_step};
use quorate_raft::output::{Delay, TimerChange};
use quorate_raft::{
    AppendOutcome, Body, Config, Configuration, Entry, EntryKind, Event, Index, Installed, Message, NodeId, Output,
    Position, Raft, Rules, Snapshot, Stage, Term, Timer, View, Write,
    event::{CommitRule, FollowReason},
};

use super::audit;
use super::disk::{Disk, SnapshotFile};

/// What a step gives, or the text of the property that it broke.
pub(crate) type Checked<T = ()> = Result<T, String>;

/// What a line of the trace is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Events,
    Messages,
    Writes,
    Timers,
    Applies,
    Reads,
    Snapshots,
}

/// Who completes writes and applies entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Itself,
    Hand,
}

/// A bug in what surrounds a node, for showing that the watch finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planted {
    /// A write is reported durable before it is.
    WrittenTooEarly,
    /// A restarted node has forgotten its vote.
    VoteForgotten,
    /// The last entry of a restarted node's log is gone.
    TailForgotten,
    /// A follower's answer claims one entry more than it has.
    AnswersTooMuch,
}

pub(crate) struct Node {
    /// `None` while it is down.
    pub(crate) raft: Option<Raft>,
    pub(crate) disk: Disk,
    pub(crate) timers: BTreeMap<Timer, Delay>,
    /// What the state machine has: all that was applied, in order.
    pub(crate) state: Vec<Entry>,
    /// Followers that a snapshot is due to.
    pub(crate) snapshots: BTreeSet<NodeId>,
    /// Reads that were answered: which, and at which index.
    pub(crate) reads: BTreeMap<u64, Index>,
}

impl Node {
    /// One that was never started, with this for its first configuration.
    fn new(configuration: Configuration) -> Self {
        Self {
            raft: None,
            disk: Disk::new(configuration),
            timers: BTreeMap::new(),
            state: Vec::new(),
            snapshots: BTreeSet::new(),
            reads: BTreeMap::new(),
        }
    }
}

pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) rules: Rules,
    pub(crate) configuration: Configuration,
    pub(crate) nodes: BTreeMap<NodeId, Node>,
    pub(crate) wire: Vec<Message>,
    /// Links that lose everything, each for one direction.
    pub(crate) cut: BTreeSet<(NodeId, NodeId)>,
    pub(crate) disks: By,
    pub(crate) applies: By,
    pub(crate) ledger: Ledger,
    /// Off for planted bugs that shall be found by what follows from them.
    pub(crate) audit: bool,
    pub(crate) planted: Option<Planted>,
    pub(crate) trace: Option<Vec<(Kind, String)>>,
    /// How often things happened that a run may miss: a run that never saw them shows nothing.
    pub(crate) seen: BTreeMap<&'static str, u64>,
}

impl World {
    pub(crate) fn new(nodes: u64, config: Config) -> Self {
        Self::with_learners(nodes, 0, config)
    }

    /// The first nodes vote, the others learn.
    pub(crate) fn with_learners(voters: u64, learners: u64, config: Config) -> Self {
        let mut configuration = Configuration::of_voters((1..=voters).map(NodeId));
        configuration.learners = (voters + 1..=voters + learners).map(NodeId).collect();
        configuration.next_node += learners;
        let node = |_| Node::new(configuration.clone());
        Self {
            config,
            rules: Rules::ALL,
            nodes: configuration.nodes().iter().map(|id| (*id, node(id))).collect(),
            configuration,
            wire: Vec::new(),
            cut: BTreeSet::new(),
            disks: By::Itself,
            applies: By::Itself,
            ledger: Ledger::default(),
            audit: true,
            planted: None,
            trace: None,
            seen: BTreeMap::new(),
        }
    }

    pub(crate) fn node(&self, id: NodeId) -> Checked<&Node> {
        self.nodes.get(&id).ok_or_else(|| format!("there is no {id}"))
    }

    fn node_mut(&mut self, id: NodeId) -> Checked<&mut Node> {
        self.nodes.get_mut(&id).ok_or_else(|| format!("there is no {id}"))
    }

    pub(crate) fn view(&self, id: NodeId) -> Checked<View<'_>> {
        self.node(id)?.raft.as_ref().map(Raft::inspect).ok_or_else(|| format!("{id} is down"))
    }

    pub(crate) fn live(&self) -> Vec<NodeId> {
        self.nodes.iter().filter(|(_, node)| node.raft.is_some()).map(|(id, _)| *id).collect()
    }

    /// The entry that stands at a position, wherever it can be seen.
    pub(crate) fn entry(&self, position: Position) -> Option<Entry> {
        let logs = self.nodes.values().filter_map(|node| node.raft.as_ref());
        let in_logs = logs.filter_map(|raft| raft.inspect().log().entry(position.index).cloned());
        let on_disks = self.nodes.values().flat_map(|node| node.disk.entries.iter().cloned());
        in_logs.chain(on_disks).find(|entry| entry.position() == position)
    }

    pub(crate) fn note(&mut self, kind: Kind, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push((kind, text()));
        }
    }

    // ---- a step: one call into a node, watched -------------------------------------------------------------------------

    /// Calls into a node, carries out what it wants done, and checks everything after each call.
    pub(crate) fn step<T>(&mut self, id: NodeId, act: impl FnOnce(&mut Raft) -> T) -> Checked<T> {
        let result = self.call(id, act)?;
        self.flush(id)?;
        Ok(result)
    }

    fn call<T>(&mut self, id: NodeId, act: impl FnOnce(&mut Raft) -> T) -> Checked<T> {
        let node = self.nodes.get_mut(&id).ok_or_else(|| format!("there is no {id}"))?;
        let raft = node.raft.as_mut().ok_or_else(|| format!("{id} is down"))?;
        let before = raft.clone();
        let result = act(raft);
        check_step(before.inspect(), raft.inspect()).map_err(|violation| violation.to_string())?;
        self.watch(id)?;
        Ok(result)
    }

    fn watch(&mut self, id: NodeId) -> Checked {
        let views: Vec<View<'_>> = self.nodes.values().filter_map(|node| Some(node.raft.as_ref()?.inspect())).collect();
        let Some(view) = views.iter().find(|view| view.id() == id) else { return Ok(()) };
        check(*view).and_then(|()| check_cluster(&views)).map_err(|violation| violation.to_string())?;
        self.ledger.observe(*view).map_err(|violation| violation.to_string())
    }

    fn flush(&mut self, id: NodeId) -> Checked {
        loop {
            let output = self.call(id, Raft::take_output)?;
            let write = self.absorb(id, output)?;
            if self.applies == By::Itself {
                self.apply(id, None)?;
            }
            let Some(write) = write else { return Ok(()) };
            self.begin(id, write)?;
            if self.disks == By::Hand && self.planted != Some(Planted::WrittenTooEarly) {
                return Ok(());
            }
            self.complete(id)?;
        }
    }

    /// Does what a node wants done, but for its write.
    fn absorb(&mut self, id: NodeId, output: Output) -> Checked<Option<Write>> {
        for (at, event) in output.events.iter().enumerate() {
            let event = *event;
            self.note(Kind::Events, || format!("{id} {event}"));
            if let Some(what) = rare(event) {
                *self.seen.entry(what).or_default() += 1;
            }
            self.committed(id, event, &output.events[at + 1..])?;
        }
        for change in output.timers {
            self.note(Kind::Timers, || format!("{id} {change}"));
            let timers = &mut self.node_mut(id)?.timers;
            match change {
                TimerChange::Arm(timer, delay) => timers.insert(timer, delay),
                TimerChange::Disarm(timer) => timers.remove(&timer),
            };
        }
        if let Some(write) = &output.write {
            self.note(Kind::Writes, || format!("{id} {write}"));
        }
        for message in output.messages {
            self.send(message)?;
        }
        for read in output.reads {
            self.note(Kind::Reads, || format!("{id} may serve read {} at {}", read.id.0, read.index));
            self.node_mut(id)?.reads.insert(read.id.0, read.index);
        }
        for read in output.reads_aborted {
            self.note(Kind::Reads, || format!("{id} aborts read {}", read.0));
        }
        for to in output.snapshots {
            self.note(Kind::Snapshots, || format!("{id} is to send a snapshot to {to}"));
            self.node_mut(id)?.snapshots.insert(to);
        }
        Ok(output.write)
    }

    /// `later` is what happened in the same step afterwards: maybe another configuration is in force since.
    fn committed(&mut self, id: NodeId, event: Event, later: &[Event]) -> Checked {
        let Event::Committed { index, rule: CommitRule::Majority } = event else { return Ok(()) };
        if !self.audit {
            return Ok(());
        }
        let disks = self.nodes.iter().map(|(id, node)| (*id, &node.disk)).collect();
        let view = self.view(id)?;
        let position =
            view.log().position_at(index).ok_or_else(|| format!("{id} committed {index}, which it has not"))?;
        let next = later.iter().find_map(|event| match event {
            Event::ConfigurationInForce { index, .. } => Some(*index),
            _ => None,
        });
        let in_force = next.map_or(view.configuration_index(), Index::previous);
        audit::committed(position, id, view.history().at(in_force), &disks)
    }

    fn send(&mut self, mut message: Message) -> Checked {
        if self.planted == Some(Planted::AnswersTooMuch) {
            exaggerate(&mut message);
        }
        if self.audit {
            let node = self.node(message.from)?;
            audit::sent(&message, self.view(message.from)?, &node.disk)?;
        }
        self.ledger.sent(&message).map_err(|violation| violation.to_string())?;
        let lost = self.cut.contains(&(message.from, message.to));
        self.note(Kind::Messages, || format!("{message}{}", if lost { " (lost)" } else { "" }));
        if !lost {
            self.wire.push(message);
        }
        Ok(())
    }

    // ---- disks ----------------------------------------------------------------------------------------------------------

    fn begin(&mut self, id: NodeId, write: Write) -> Checked {
        let disk = &mut self.node_mut(id)?.disk;
        if disk.under_way.is_some() {
            return Err(format!("one write at a time does not hold: {id} wants `{write}` while another is under way"));
        }
        disk.under_way = Some(write);
        Ok(())
    }

    /// The write that is under way becomes durable and is reported.
    pub(crate) fn written(&mut self, id: NodeId) -> Checked {
        self.complete(id)?;
        self.flush(id)
    }

    fn complete(&mut self, id: NodeId) -> Checked {
        let lies = self.planted == Some(Planted::WrittenTooEarly);
        let node = self.node_mut(id)?;
        let write = node.disk.under_way.take().ok_or_else(|| format!("{id} has no write under way"))?;
        if lies {
            node.disk.pretend(&write);
        } else {
            node.disk.store(&write);
        }
        self.call(id, |raft| raft.written(write.ticket))
    }

    /// The node is gone, with all that it did not have on disk. `kept`: the write under way reached the disk all the same.
    pub(crate) fn crash(&mut self, id: NodeId, kept: bool) -> Checked {
        let node = self.node_mut(id)?;
        node.raft = None;
        (node.timers, node.snapshots, node.reads) = Default::default();
        node.disk.crash(kept);
        Ok(())
    }

    /// A node that knows nothing starts, and waits to be told of its cluster.
    pub(crate) fn join(&mut self, id: NodeId) -> Checked {
        if self.nodes.insert(id, Node::new(Configuration::default())).is_some() {
            return Err(format!("there is a {id} already"));
        }
        self.restart(id)
    }

    /// The node starts with what its disk has.
    pub(crate) fn restart(&mut self, id: NodeId) -> Checked {
        let (config, rules, planted) = (self.config, self.rules, self.planted);
        let node = self.node_mut(id)?;
        let mut boot = node.disk.boot();
        match planted {
            Some(Planted::VoteForgotten) => boot.hard_state.vote = None,
            Some(Planted::TailForgotten) => {
                boot.entries.pop();
                node.disk.entries.pop();
            }
            Some(Planted::WrittenTooEarly | Planted::AnswersTooMuch) | None => {}
        }
        node.state = node.disk.snapshot.state.clone();
        node.raft = Some(Raft::new(id, config, boot).with_rules(rules));
        self.ledger.restarted(id);
        self.watch(id)?;
        self.flush(id)
    }

    // ---- state machine and snapshots --------------------------------------------------------------------------------------

    /// Applies what is committed, up to `upto`.
    pub(crate) fn apply(&mut self, id: NodeId, upto: Option<Index>) -> Checked {
        let mut entries = self.view(id)?.unapplied(u64::MAX);
        entries.retain(|entry| upto.is_none_or(|upto| entry.index() <= upto));
        let Some(last) = entries.last().map(Entry::index) else { return Ok(()) };
        for entry in &entries {
            let what = match entry.kind() {
                EntryKind::Noop => "(no-op)".to_string(),
                EntryKind::Configuration => "(configuration)".to_string(),
                EntryKind::Session => "(session)".to_string(),
                EntryKind::Command => String::from_utf8_lossy(&entry.payload()).into_owned(),
            };
            self.note(Kind::Applies, || format!("{id} applies {entry} {what}"));
        }
        let state = &mut self.node_mut(id)?.state;
        for entry in entries {
            let expected = state.last().map_or(Index(1), |last| last.index().next());
            if entry.index() != expected {
                return Err(format!("apply in order does not hold: {id} applies {entry}, next is {expected}"));
            }
            state.push(entry);
        }
        self.call(id, |raft| raft.applied(last))
    }

    /// Makes a snapshot of what is applied, durable at once, and forgets the log up to `upto`.
    pub(crate) fn compact(&mut self, id: NodeId, upto: Option<Index>) -> Checked<Position> {
        let file = self.snapshot(id)?;
        let index = upto.unwrap_or(file.position.index);
        self.node_mut(id)?.disk.snapshot = file;
        self.step(id, |raft| raft.compact(index))
    }

    /// A snapshot of what is applied.
    pub(crate) fn snapshot(&self, id: NodeId) -> Checked<SnapshotFile> {
        let view = self.view(id)?;
        let position = view.log().position_at(view.applied()).ok_or("what is applied is in the log or at its base")?;
        Ok(SnapshotFile {
            position,
            time: view.time_at(position.index),
            configuration: view.history().at(position.index).clone(),
            state: self.node(id)?.state.clone(),
        })
    }

    /// The receiver has a whole snapshot, durable as a file, from the leader of `term`.
    pub(crate) fn install(&mut self, from: NodeId, to: NodeId, term: Term, file: SnapshotFile) -> Checked<Installed> {
        let snapshot = Snapshot { position: file.position, time: file.time, configuration: file.configuration.clone() };
        // The file is durable before consensus hears of it; if it is of no use it is deleted again.
        let before = self.node(to)?.disk.snapshot.clone();
        self.node_mut(to)?.disk.snapshot = file.clone();
        let installed = self.call(to, |raft| raft.snapshot_received(from, term, snapshot))?;
        match installed {
            Installed::Replaced => self.node_mut(to)?.state = file.state,
            Installed::Committed => self.apply(to, None)?,
            Installed::No => self.node_mut(to)?.disk.snapshot = before,
        }
        self.flush(to)?;
        Ok(installed)
    }

    // ---- the wire ---------------------------------------------------------------------------------------------------------

    /// Hands a message over. A node that is down does not hear it.
    pub(crate) fn deliver(&mut self, message: Message) -> Checked {
        let (from, to) = (message.from, message.to);
        let nobody = self.nodes.get(&to).is_none_or(|node| node.raft.is_none());
        if nobody || self.cut.contains(&(from, to)) {
            self.note(Kind::Messages, || format!("{message} (lost)"));
            return Ok(());
        }
        self.step(to, |raft| raft.receive(message))
    }

    /// Fires a timer, which must be armed.
    pub(crate) fn fire(&mut self, id: NodeId, timer: Timer) -> Checked {
        if self.node_mut(id)?.timers.remove(&timer).is_none() {
            return Err(format!("the timer {timer:?} of {id} is not armed"));
        }
        self.step(id, |raft| raft.timer_fired(timer))
    }

    /// Delivers until nothing is on the wire. Disks must complete by themselves, or nothing of theirs is waited for.
    pub(crate) fn settle(&mut self) -> Checked {
        for _ in 0..10_000 {
            if self.wire.is_empty() {
                return Ok(());
            }
            let message = self.wire.remove(0);
            self.deliver(message)?;
        }
        Err("10,000 messages and still no quiet: this does not settle".to_string())
    }
}

/// What is worth counting.
fn rare(event: Event) -> Option<&'static str> {
    match event {
        Event::BecameLeader { .. } => Some("leaders"),
        Event::Truncated { .. } => Some("conflicts deleted"),
        Event::AppendRefused { .. } => Some("appends refused"),
        Event::AppendDropped => Some("appends dropped"),
        Event::ToldToStand { .. } => Some("told to stand"),
        Event::ConfigurationInForce { stage: Stage::CatchingUp, .. } => Some("new voters caught up"),
        Event::ConfigurationInForce { stage: Stage::Joint, .. } => Some("joint configurations"),
        Event::ConfigurationReverted { .. } => Some("configurations reverted"),
        Event::Removed { .. } => Some("removed nodes that learned of it"),
        Event::BecameFollower { reason: FollowReason::NoVote, .. } => Some("leaders that left"),
        Event::SnapshotInstalled { .. } => Some("snapshots installed"),
        Event::Committed { rule: CommitRule::Majority, .. } => Some("commits"),
        _ => None,
    }
}

/// The planted bug of [`Planted::AnswersTooMuch`].
fn exaggerate(message: &mut Message) {
    if let Body::AppendEntriesReply(reply) = &mut message.body
        && let AppendOutcome::Accepted { matched } = &mut reply.outcome
    {
        *matched = matched.next();
    }
}
