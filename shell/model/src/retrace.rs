//! The way to a state that was found: a search keeps no ways, for most are never asked for. This one does, and is made again,
//! by one thread in a fixed order, so the way is always the same one, and a shortest.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::arena::{Action, Arena};
use crate::configuration::Model;
use crate::engine::{Broken, Engine};
use crate::fingerprint::Quick;
use crate::trace::{self, Counterexample};
use crate::witness::Witness;
use crate::world::{Frontier, World};

/// Where to.
pub(crate) enum Goal {
    /// A property that is broken.
    Broken,
    /// This is met.
    Met(Witness),
}

/// A shortest way to something that is to be met, for people and as scripts; `None` if it is not met, or too far away.
#[must_use]
pub fn way_to(model: &Model, witness: Witness) -> Option<Counterexample> {
    way(model, &Goal::Met(witness), STATES_MAX)
}

/// From which state, and by what.
type Origin = (u128, usize, Action);

struct Retrace<'a> {
    engine: Engine<'a>,
    arena: Arena<'a>,
    origins: HashMap<u128, Origin, Quick>,
}

/// States whose origins are kept: a few gigabytes of them.
pub(crate) const STATES_MAX: usize = 50_000_000;

/// A shortest way; `None` if there is none, or none with so few states.
pub(crate) fn way(model: &Model, goal: &Goal, states_max: usize) -> Option<Counterexample> {
    let engine = Engine::new(model);
    let mut retrace = Retrace { engine, arena: engine.arena(true), origins: HashMap::default() };
    let first = retrace.engine.first(&mut retrace.arena);
    let start = retrace.engine.fingerprint(&retrace.arena, &first).value;
    retrace.origins.insert(start, (0, 0, Action::Written));
    let mut current = Frontier::new(engine.nodes());
    current.push(&first);
    while current.len() > 0 {
        let mut next = Frontier::new(engine.nodes());
        for at in 0..current.len() {
            if retrace.origins.len() > states_max {
                return None;
            }
            let world = current.read(at);
            if let Some(broken) = retrace.look(&world, goal, &mut next) {
                let ways = retrace.back(&world, start);
                return Some(trace::rebuild(engine, &mut retrace.arena, &ways, &broken));
            }
        }
        current = next;
    }
    None
}

impl Retrace<'_> {
    /// Looks at what follows a state. Says what reaches the goal.
    fn look(&mut self, world: &World, goal: &Goal, next: &mut Frontier) -> Option<Broken> {
        let from = self.engine.fingerprint(&self.arena, world).value;
        let successors = match self.engine.successors(&mut self.arena, world) {
            Ok(successors) => successors,
            Err(broken) => return Some(*broken),
        };
        for one in successors {
            if let Goal::Met(witness) = goal
                && one.witnesses.has(*witness)
            {
                return Some(Broken { node: one.node, action: one.action, sentence: witness.to_string() });
            }
            if let Entry::Vacant(new) = self.origins.entry(one.print.value) {
                new.insert((from, one.node, one.action));
                next.push(&one.world);
            }
        }
        None
    }

    /// What happened from the beginning to `world`.
    fn back(&self, world: &World, start: u128) -> Vec<(usize, Action)> {
        let mut way = Vec::new();
        let mut at = self.engine.fingerprint(&self.arena, world).value;
        while at != start {
            let Some((from, node, action)) = self.origins.get(&at) else { break };
            way.push((*node, *action));
            at = *from;
        }
        way.reverse();
        way
    }
}
