//! A way through states, step by step: to a counterexample or to something that is met. It is told for people, and as a
//! golden script of the core; whoever knows the simulator makes a run of it.

use std::fmt;

use raft::{NodeId, Position, Term, Timer, View};

use crate::arena::{Action, Arena};
use crate::configuration::{Model, Start, Traffic};
use crate::engine::{Broken, Engine};
use crate::local::{Input, Local};
use crate::membership::Wanted;
use crate::packet::Packet;
use crate::planted::Planted;
use crate::world::{Used, World};

/// A shortest way to a state that must not be, or to something that is to be met.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// What happened, from the beginning.
    pub steps: Vec<TracedStep>,
    /// Which property does not hold, and the values that show it; or what was met.
    pub sentence: String,
    /// The nodes after the last step ([`ending`]).
    pub endings: Vec<String>,
}

/// One step of it.
#[derive(Debug, Clone)]
pub struct TracedStep {
    /// At which node.
    pub node: NodeId,
    /// What happened there.
    pub act: TracedAct,
    /// Then `LeaderSilent` fires too, which changes nothing but timers.
    pub silenced: bool,
    /// What followed from it at once: events, messages that left, the write that began.
    pub notes: Vec<String>,
}

/// What can happen to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TracedAct {
    /// It starts, for the first time.
    Start,
    /// A message arrives, as it is displayed.
    Message(String),
    /// A snapshot arrives.
    Snapshot {
        /// Who sent it.
        from: NodeId,
        /// In which term.
        term: Term,
        /// Of which entry it is the last.
        position: Position,
    },
    /// A timer fires.
    Fire(Timer),
    /// The write under way is durable.
    Written,
    /// It crashes and starts again.
    Crash {
        /// The write under way reached the disk.
        kept: bool,
    },
    /// A client proposes the command of this number.
    Propose(u8),
    /// A client asks for the read of this number.
    Read(u8),
    /// Its log is compacted.
    Compact,
    /// Sending a snapshot to this node ended.
    SnapshotEnded(NodeId),
    /// A client wants this membership.
    Change(Wanted),
    /// A client asks it to hand over.
    Transfer(NodeId),
    /// Time passes: the clock of each node goes on by so much.
    Time(Vec<u8>),
}

/// Takes these actions from the beginning, and then the one at the end, and tells of it.
pub(crate) fn rebuild(
    engine: Engine<'_>,
    arena: &mut Arena<'_>,
    way: &[(usize, Action)],
    end: &Broken,
) -> Counterexample {
    let (mut world, before) = engine.beginning(arena);
    let mut steps: Vec<TracedStep> = (1..=engine.nodes() as u64).map(|id| started(arena.model, NodeId(id))).collect();
    for (number, (node, action)) in before.iter().chain(way).enumerate() {
        steps.push(traced(arena, &world, *node, *action));
        let successors = engine.successors(arena, &world).unwrap_or_default();
        let Some(next) = successors.into_iter().find(|one| (one.node, one.action) == (*node, *action)) else { break };
        let used = if number < before.len() { Used::default() } else { next.world.used };
        world = World { used, ..next.world };
    }
    steps.push(traced(arena, &world, end.node, end.action));
    let last = step(arena, &world, end.node, end.action).local;
    let nodes =
        world.trails[..engine.nodes()].iter().map(|trail| &arena.locals[arena.trails.get(*trail).local as usize]);
    let local = |(place, info)| if place == end.node { &last } else { info };
    let endings =
        nodes.map(|info| &info.local).enumerate().map(local).map(|local: &Local| ending(local.view())).collect();
    Counterexample { steps, sentence: end.sentence.clone(), endings }
}

/// A node as it is told at the end of a way: what it is, its vote and its log.
#[must_use]
pub fn ending(view: View<'_>) -> String {
    let vote = view.vote().map_or_else(|| "nobody".to_owned(), |vote| vote.to_string());
    let log: Vec<String> = view.log().iter().map(|entry| entry.position().to_string()).collect();
    format!("{view} vote={vote} log=[{}]", log.join(" "))
}

fn started(model: &Model, node: NodeId) -> TracedStep {
    let step = Local::start(model, node);
    TracedStep { node, act: TracedAct::Start, silenced: step.silenced, notes: Vec::new() }
}

fn step(arena: &Arena<'_>, world: &World, node: usize, action: Action) -> crate::local::Step {
    arena.step(arena.trails.get(world.trails[node]).local, action)
}

fn traced(arena: &Arena<'_>, world: &World, node: usize, action: Action) -> TracedStep {
    if let Action::Time(slow) = action {
        let clocks = arena.model.clocks.iter();
        let paces =
            clocks.flat_map(|clocks| (0..world.trails.len()).map(|at| clocks.pace(slow, at, arena.model.planted)));
        let nodes = usize::try_from(arena.model.nodes).unwrap_or(0);
        let act = TracedAct::Time(paces.take(nodes).collect());
        return TracedStep { node: NodeId(1), act, silenced: false, notes: Vec::new() };
    }
    let act = match arena.input(action) {
        Input::Deliver(packet @ Packet::Message(_)) => TracedAct::Message(packet.to_string()),
        Input::Deliver(Packet::Snapshot { from, term, position, .. }) => TracedAct::Snapshot { from, term, position },
        Input::Fire(timer) => TracedAct::Fire(timer),
        Input::Written => TracedAct::Written,
        Input::Crash { kept } => TracedAct::Crash { kept },
        Input::Propose(number) => TracedAct::Propose(number),
        Input::Read(number) => TracedAct::Read(number),
        Input::Compact => TracedAct::Compact,
        Input::SnapshotEnded(to) => TracedAct::SnapshotEnded(to),
        Input::Transfer(to) => TracedAct::Transfer(to),
        Input::Pass(units) => TracedAct::Time(vec![units]),
        Input::Change(number) => TracedAct::Change(arena.model.changes()[usize::from(number)]),
    };
    let step = step(arena, world, node, action);
    TracedStep { node: NodeId(node as u64 + 1), act, silenced: step.silenced, notes: step.notes }
}

impl TracedStep {
    /// The same as commands of a golden script.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        let node = self.node.0;
        let mut commands = match &self.act {
            TracedAct::Start => Vec::new(),
            TracedAct::Message(message) => vec![format!("send \"{message}\"")],
            TracedAct::Snapshot { from, term, position } => {
                vec![format!("snapshot {} {node} at={position} term={}", from.0, term.0)]
            }
            TracedAct::Fire(timer) => vec![format!("fire {node} {timer:?}")],
            TracedAct::Written => vec![format!("written {node}")],
            TracedAct::Crash { kept } => {
                vec![format!("crash {node} {}", if *kept { "keep" } else { "lose" }), format!("restart {node}")]
            }
            TracedAct::Propose(number) => vec![format!("propose {node} {number}")],
            TracedAct::Read(number) => vec![format!("read {node} {number}")],
            TracedAct::Compact => vec![format!("compact {node}")],
            // A script fires timers by hand.
            TracedAct::SnapshotEnded(_) | TracedAct::Time(_) => Vec::new(),
            TracedAct::Transfer(to) => vec![format!("transfer {node} to={}", to.0)],
            TracedAct::Change(wanted) => vec![format!("change {node} {}", wanted.words())],
        };
        if self.silenced {
            commands.push(format!("fire {node} LeaderSilent"));
        }
        commands
    }
}

impl fmt::Display for TracedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node;
        match &self.act {
            TracedAct::Start => write!(f, "{node} starts"),
            TracedAct::Time(paces) => {
                let paces: Vec<String> = (1..).zip(paces).map(|(node, pace)| format!("n{node}'s by {pace}")).collect();
                write!(f, "time passes: clocks go on, {}", paces.join(", "))
            }
            TracedAct::Message(message) => write!(f, "{message} arrives"),
            TracedAct::Snapshot { from, term, position } => {
                write!(f, "{from} -> {node} snapshot {term} {position} arrives")
            }
            TracedAct::Fire(timer) => write!(f, "{node}'s timer {timer:?} fires"),
            TracedAct::Written => write!(f, "{node}'s write is durable"),
            TracedAct::Crash { kept } => {
                let fate = if *kept { "kept" } else { "lost" };
                write!(f, "{node} crashes, what it was writing is {fate}; it starts again")
            }
            TracedAct::Propose(number) => write!(f, "a client proposes {number} at {node}"),
            TracedAct::Read(number) => write!(f, "a client asks {node} for read {number}"),
            TracedAct::Compact => write!(f, "{node} compacts its log"),
            TracedAct::Transfer(to) => write!(f, "a client asks {node} to hand over to {to}"),
            TracedAct::Change(wanted) => write!(f, "a client asks {node} for the members {wanted}"),
            TracedAct::SnapshotEnded(to) => write!(f, "{node} has sent its snapshot to {to}"),
        }
    }
}

/// The commands that start such a cluster.
fn cluster(model: &Model) -> Vec<String> {
    let founders = model.members.map_or(model.nodes, |members| members.voters);
    let mut command = format!("cluster nodes={founders} fresh=on");
    if let Some(learners) = model.members.map(|members| members.learners).filter(|learners| *learners > 0) {
        command.push_str(&format!(" learners={learners}"));
    }
    if model.planted == Some(Planted::Joint) {
        command.push_str(" joint=off");
    }
    let switches = model.switches;
    let words = [
        (model.slow_disk, " disk=manual"),
        (!switches.pre_vote, " pre_vote=off"),
        (!switches.check_quorum, " check_quorum=off"),
        (!switches.stickiness, " stickiness=off"),
        (!switches.noop, " noop=off"),
        (model.traffic == Traffic::OneByOne, " append_max=1 appends_max=1"),
    ];
    words.iter().filter(|(is_said, _)| *is_said).for_each(|(_, word)| command.push_str(word));
    let mut commands = vec![command];
    if let Some(members) = model.members {
        commands.extend((members.voters + members.learners + 1..=model.nodes).map(|node| format!("join {node}")));
    }
    if let Start::Disks(images) = model.start {
        for (node, image) in (1..).zip(images) {
            let log: Vec<String> = (1..).zip(image.log).map(|(index, term)| format!("{index}@{term}")).collect();
            let vote = image.vote.map_or_else(String::new, |vote| format!(" vote={vote}"));
            commands.push(format!("boot {node} \"[{}]\" term={}{vote}", log.join(" "), image.term));
        }
    }
    commands
}

impl Counterexample {
    /// Of no single way.
    pub(crate) fn nowhere(sentence: &str) -> Self {
        Self { steps: Vec::new(), sentence: sentence.to_owned(), endings: Vec::new() }
    }

    /// The steps, which `model` led to, as a golden script of the core that is still to be recorded.
    #[must_use]
    pub fn script(&self, model: &Model) -> String {
        let mut script = format!("# {}\n", self.sentence);
        // A node that is booted with a log has had its silence.
        let booted = matches!(model.start, Start::Disks(_));
        let starts = |step: &&TracedStep| booted && step.act == TracedAct::Start;
        let steps = self.steps.iter().filter(|step| !starts(step)).map(TracedStep::commands);
        let begin = cluster(model).into_iter().map(|command| vec![command]);
        let end = [vec!["status".to_owned()], vec!["logs".to_owned()]];
        for commands in begin.chain(steps).chain(end).filter(|commands| !commands.is_empty()) {
            script.push_str(&format!("\n{}\n---\n", commands.join("\n")));
        }
        script
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.steps.iter().filter(|step| step.act != TracedAct::Start);
        for (number, step) in (1..).zip(told) {
            writeln!(f, "{number:>3}. {step}")?;
            for note in &step.notes {
                writeln!(f, "       {note}")?;
            }
        }
        write!(f, "{}", self.sentence)
    }
}
