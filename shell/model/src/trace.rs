//! A counterexample, step by step: rebuilt by following the states that were written down, and told twice, for people and
//! as a golden script of the core.

use std::fmt;

use raft::Timer;

use crate::arena::{Action, Arena};
use crate::configuration::{Model, Start, Traffic};
use crate::engine::{Broken, Engine};
use crate::local::Input;
use crate::packet::Packet;
use crate::world::World;

/// A shortest way to a state that must not be.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// What happened, from the beginning.
    pub steps: Vec<TracedStep>,
    /// Which property does not hold, and the values that show it.
    pub sentence: String,
}

/// One step of it.
#[derive(Debug, Clone)]
pub struct TracedStep {
    /// What happened, for people: `n1 -> n2 RequestVote t1 last=0@0 arrives`.
    pub what: String,
    /// The same as commands of a golden script.
    pub commands: Vec<String>,
    /// What followed from it at once: events, messages that left, the write that began.
    pub notes: Vec<String>,
}

/// Takes these actions from the beginning, and then the one at the end, and tells of it.
pub(crate) fn rebuild(
    engine: Engine<'_>,
    arena: &mut Arena<'_>,
    way: &[(usize, Action)],
    end: &Broken,
) -> Counterexample {
    let mut world = engine.first(arena);
    let mut steps = Vec::new();
    for (node, action) in way {
        steps.push(told(arena, &world, *node, *action));
        let successors = engine.successors(arena, &world).unwrap_or_default();
        let Some(next) = successors.into_iter().find(|one| (one.node, one.action) == (*node, *action)) else { break };
        world = next.world;
    }
    steps.push(told(arena, &world, end.node, end.action));
    Counterexample { steps, sentence: end.sentence.clone() }
}

fn told(arena: &Arena<'_>, world: &World, node: usize, action: Action) -> TracedStep {
    let (what, commands) = words(&arena.input(action), node + 1);
    let local = arena.trails.get(world.trails[node]).local;
    TracedStep { what, commands, notes: arena.step(local, action).notes }
}

fn words(input: &Input, node: usize) -> (String, Vec<String>) {
    match input {
        Input::Deliver(packet @ Packet::Message(_)) => {
            (format!("{packet} arrives"), vec![format!("send \"{packet}\"")])
        }
        Input::Deliver(packet @ Packet::Snapshot { from, to, .. }) => {
            (format!("{packet} arrives"), vec![format!("snapshot {} {}", from.0, to.0)])
        }
        Input::Fire(timer) => {
            let name = match timer {
                Timer::LeaderSilent => "LeaderSilent",
                Timer::Campaign => "Campaign",
                Timer::Heartbeat => "Heartbeat",
                Timer::CheckQuorum => "CheckQuorum",
            };
            (format!("n{node}'s timer {name} fires"), vec![format!("fire {node} {name}")])
        }
        Input::Written => (format!("n{node}'s write is durable"), vec![format!("written {node}")]),
        Input::Crash { kept } => {
            let (fate, word) = if *kept { ("kept", "keep") } else { ("lost", "lose") };
            let what = format!("n{node} crashes, what it was writing is {fate}; it starts again");
            (what, vec![format!("crash {node} {word}"), format!("restart {node}")])
        }
        Input::Propose(number) => {
            (format!("a client proposes {number} at n{node}"), vec![format!("propose {node} {number}")])
        }
        Input::Read(number) => {
            (format!("a client asks n{node} for read {number}"), vec![format!("read {node} {number}")])
        }
        Input::Compact => (format!("n{node} compacts its log"), vec![format!("compact {node}")]),
        Input::SnapshotEnded(to) => (format!("n{node} has sent its snapshot to {to}"), vec![format!("# sent to {to}")]),
    }
}

/// The command that starts such a cluster.
fn cluster(model: &Model) -> String {
    let mut command = format!("cluster nodes={}", model.nodes);
    let switches = model.switches;
    let words = [
        (model.start == Start::Led, " leader=1"),
        (model.slow_disk, " disk=manual"),
        (!switches.pre_vote, " pre_vote=off"),
        (!switches.check_quorum, " check_quorum=off"),
        (!switches.stickiness, " stickiness=off"),
        (!switches.noop, " noop=off"),
        (model.traffic == Traffic::OneByOne, " append_max=1 appends_max=1"),
    ];
    words.iter().filter(|(is_said, _)| *is_said).for_each(|(_, word)| command.push_str(word));
    command
}

impl Counterexample {
    /// Of no single way.
    pub(crate) fn nowhere(sentence: &str) -> Self {
        Self { steps: Vec::new(), sentence: sentence.to_owned() }
    }

    /// The steps, which `model` led to, as a golden script of the core that is still to be recorded.
    #[must_use]
    pub fn script(&self, model: &Model) -> String {
        let mut script = format!("# {}\n\n({})\n---\n", self.sentence, cluster(model));
        for step in &self.steps {
            script.push_str(&format!("\n{}\n---\n", step.commands.join("\n")));
        }
        script
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "{number:>3}. {}", step.what)?;
            for note in &step.notes {
                writeln!(f, "       {note}")?;
            }
        }
        write!(f, "{}", self.sentence)
    }
}
