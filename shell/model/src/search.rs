//! Breadth first from the beginning through every state that can be reached, so the first counterexample is a shortest one.

use std::time::{Duration, Instant};

use crate::arena::Action;
use crate::configuration::Model;
use crate::engine::{Broken, Engine, Followed};
use crate::memory;
use crate::table::{Table, short};
use crate::trace::{self, Counterexample};
use crate::witness::{Witness, Witnesses};
use crate::world::{Frontier, World};

/// How to search.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// States that differ in names of nodes only count as one.
    pub symmetry: bool,
    /// Stop, not closed, before tables and frontiers take more than so many bytes.
    pub memory_bytes_max: u64,
    /// Stop, not closed, after so many states.
    pub states_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { symmetry: true, memory_bytes_max: 6 << 30, states_max: u64::MAX }
    }
}

/// How far a search is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// States found.
    pub states: u64,
    /// Steps from the beginning.
    pub depth: u64,
    /// States at this depth and the next that are still to be looked at.
    pub frontier: u64,
    /// Since the beginning.
    pub elapsed: Duration,
}

/// How a search ended.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Every state within the bounds was looked at; all properties hold and all that was expected was met.
    Closed,
    /// Likewise, but this was expected and never met: the model does not show what it is there for.
    Missed(Vec<Witness>),
    /// A property does not hold.
    Broken(Box<Counterexample>),
    /// It ended early, for this reason.
    Open(&'static str),
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Report {
    /// How it ended.
    pub verdict: Verdict,
    /// Distinct states.
    pub states: u64,
    /// Transitions that led to a state, known or new.
    pub transitions: u64,
    /// The greatest distance from the beginning.
    pub depth: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// The most memory that the process had meanwhile, in bytes; 0 where the system does not tell.
    pub memory_bytes: u64,
    /// Distinct states of one node, distinct packets, and questions that the core was asked.
    pub parts: Parts,
    /// What was met, with the depth at which it was met first.
    pub witnesses: Vec<(Witness, u64)>,
}

/// What the states are made of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts {
    /// Distinct states of one node.
    pub locals: u64,
    /// Distinct packets.
    pub packets: u64,
    /// Distinct inputs in distinct states of a node that changed something.
    pub steps: u64,
}

impl Report {
    /// States a second.
    #[must_use]
    pub fn rate(&self) -> u64 {
        rate(self.states, self.elapsed)
    }
}

impl Progress {
    /// States a second.
    #[must_use]
    pub fn rate(&self) -> u64 {
        rate(self.states, self.elapsed)
    }
}

fn rate(states: u64, elapsed: Duration) -> u64 {
    let rate = u128::from(states) * 1_000_000 / elapsed.as_micros().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

struct Search<'a> {
    engine: Engine<'a>,
    options: Options,
    table: Table,
    current: Frontier,
    next: Frontier,
    depth: u64,
    transitions: u64,
    seen: Witnesses,
    witnesses: Vec<(Witness, u64)>,
    began: Instant,
    memory_bytes: u64,
}

/// Why a level was left early.
enum Stop {
    Broken(World, Broken),
    Open(&'static str),
}

/// Looks at every state of `model`. `progress` is told now and then.
pub fn search(model: &Model, options: Options, progress: &mut dyn FnMut(&Progress)) -> Report {
    let mut search = Search {
        engine: Engine::new(model, options.symmetry),
        options,
        table: Table::new(),
        current: Frontier::default(),
        next: Frontier::default(),
        depth: 0,
        transitions: 0,
        seen: Witnesses::default(),
        witnesses: Vec::new(),
        began: Instant::now(),
        memory_bytes: 0,
    };
    let verdict = search.run(model, progress);
    search.memory_bytes = search.memory_bytes.max(memory::resident_bytes());
    let arena = &search.engine.arena;
    Report {
        verdict,
        states: search.table.len() as u64,
        transitions: search.transitions,
        depth: search.depth,
        elapsed: search.began.elapsed(),
        memory_bytes: search.memory_bytes,
        parts: Parts {
            locals: arena.locals.len() as u64,
            packets: arena.packets.len() as u64,
            steps: arena.outcomes.len() as u64,
        },
        witnesses: search.witnesses,
    }
}

impl Search<'_> {
    fn run(&mut self, model: &Model, progress: &mut dyn FnMut(&Progress)) -> Verdict {
        let first = self.engine.first();
        self.table.insert(self.engine.fingerprint(&first), 0);
        self.next.push(&first, self.engine.nodes());
        while self.next.len() > 0 {
            std::mem::swap(&mut self.current, &mut self.next);
            self.next.clear();
            match self.level(progress) {
                None => {}
                Some(Stop::Open(reason)) => return Verdict::Open(reason),
                Some(Stop::Broken(world, broken)) => {
                    let path = self.path(&world);
                    return Verdict::Broken(Box::new(trace::rebuild(&mut self.engine, &path, &broken)));
                }
            }
            self.depth += u64::from(self.next.len() > 0);
        }
        if let Err(sentence) = self.engine.arena.check_forgotten() {
            return Verdict::Broken(Box::new(Counterexample { steps: Vec::new(), sentence }));
        }
        let met = |witness: &&Witness| !self.seen.has(**witness);
        let missed: Vec<Witness> = model.expected.iter().filter(met).copied().collect();
        if missed.is_empty() { Verdict::Closed } else { Verdict::Missed(missed) }
    }

    /// Looks at all states of one depth.
    fn level(&mut self, progress: &mut dyn FnMut(&Progress)) -> Option<Stop> {
        let mut world = World::default();
        let mut actions = Vec::new();
        let (mut at, mut looked) = (0, 0u64);
        while let Some(next) = self.current.read(at, self.engine.nodes(), &mut world) {
            at = next;
            self.engine.actions(&world, &mut actions);
            let parent = short(self.engine.fingerprint(&world));
            for (node, action) in &actions {
                if let Err(sentence) = self.take(&world, parent, *node, *action) {
                    let broken = Broken { node: *node, action: *action, sentence };
                    return Some(Stop::Broken(world, broken));
                }
            }
            looked += 1;
            if looked.is_multiple_of(1 << 14) {
                self.memory_bytes = self.memory_bytes.max(memory::resident_bytes());
                let frontier = self.current.len() as u64 - looked + self.next.len() as u64;
                let elapsed = self.began.elapsed();
                progress(&Progress { states: self.table.len() as u64, depth: self.depth, frontier, elapsed });
                if let Some(reason) = self.is_too_much() {
                    return Some(Stop::Open(reason));
                }
            }
        }
        None
    }

    fn take(&mut self, world: &World, parent: u64, node: usize, action: Action) -> Result<(), String> {
        let witnesses = match self.engine.follow(world, node, action) {
            Followed::Nothing => return Ok(()),
            Followed::Broken(sentence) => return Err(sentence),
            Followed::State(witnesses) => witnesses,
        };
        self.transitions += 1;
        if !witnesses.within(self.seen) {
            let depth = self.depth + 1;
            self.witnesses.extend(witnesses.iter().filter(|one| !self.seen.has(*one)).map(|one| (one, depth)));
            self.seen = self.seen.with(witnesses);
        }
        let print = self.engine.fingerprint(&self.engine.next);
        if self.table.insert(print, parent) {
            self.engine.check(node)?;
            self.next.push(&self.engine.next, self.engine.nodes());
        }
        Ok(())
    }

    fn is_too_much(&self) -> Option<&'static str> {
        let bytes = self.table.bytes_when_grown() + self.current.bytes() + 2 * self.next.bytes();
        if self.table.len() as u64 >= self.options.states_max {
            Some("the bound on states was reached")
        } else if bytes.max(self.memory_bytes) > self.options.memory_bytes_max {
            Some("the bound on memory was reached")
        } else {
            None
        }
    }

    /// The states that led to `world`, from the beginning, as they are written down in the table.
    fn path(&self, world: &World) -> Vec<u64> {
        let mut path = vec![short(self.engine.fingerprint(world))];
        while let Some(parent) = path.last().and_then(|last| self.table.parent(*last)).filter(|parent| *parent != 0) {
            path.push(parent);
        }
        path.reverse();
        path
    }
}
