//! Breadth first from the beginning through every state that can be reached, level by level, by several threads.

use std::time::{Duration, Instant};

use crate::configuration::Model;
use crate::engine::Engine;
use crate::level::{Level, Stop};
use crate::memory;
use crate::retrace::{self, Goal};
use crate::table::{Table, Width};
use crate::trace::Counterexample;
use crate::witness::{Witness, Witnesses};
use crate::world::Frontier;

/// How to search.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// States that differ in names of nodes only count as one.
    pub symmetry: bool,
    /// How many threads look at states.
    pub workers: usize,
    /// How much of a state's fingerprint is kept.
    pub width: Width,
    /// Room for so many states is there from the beginning. It grows where that is not enough.
    pub states_expected: u64,
    /// Stop, not closed, before tables and frontiers take more than so many bytes.
    pub memory_bytes_max: u64,
    /// Stop, not closed, after so many states.
    pub states_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            symmetry: true,
            workers: 2,
            width: Width::Whole,
            states_expected: 0,
            memory_bytes_max: 6 << 30,
            states_max: u64::MAX,
        }
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
    /// Bytes of the process in memory; 0 where the system does not tell.
    pub memory_bytes: u64,
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
    /// Distinct states; with symmetry those that differ in names of nodes only are one.
    pub states: u64,
    /// Distinct states if names count: each state as often as it looks different under other names.
    pub states_named: u64,
    /// Transitions that led to a state, known or new.
    pub transitions: u64,
    /// The greatest distance from the beginning.
    pub depth: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// The most memory that the process had meanwhile, in bytes; 0 where the system does not tell.
    pub memory_bytes: u64,
    /// The chance that two states were taken for one, and so some were left out.
    pub collision_odds: f64,
    /// What the states are made of.
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
    /// Distinct states of one node together with all that it sent.
    pub trails: u64,
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

/// Looks at every state of `model`. `progress` is told now and then.
pub fn search(model: &Model, options: Options, progress: &mut dyn FnMut(&Progress)) -> Report {
    let (engine, began) = (Engine::new(model), Instant::now());
    let mut arena = engine.arena(options.symmetry);
    let first = engine.first(&mut arena);
    let table = Table::new(options.width, options.states_expected);
    let print = engine.fingerprint(&arena, &first);
    table.insert(print.value);
    table.count(1);
    let mut frontier = Frontier::new(engine.nodes());
    frontier.push(&first);
    let mut level = Level::new(engine, arena, table, options, vec![frontier]);
    let mut report = Report {
        verdict: Verdict::Closed,
        states: 0,
        states_named: print.images,
        transitions: 0,
        depth: 0,
        elapsed: Duration::ZERO,
        memory_bytes: 0,
        collision_odds: 0.0,
        parts: Parts::default(),
        witnesses: Vec::new(),
    };
    report.verdict = run(model, &mut level, &mut report, (began, progress));
    let arena = level.into_arena();
    report.collision_odds = options.width.collision_odds(report.states);
    report.parts = Parts {
        locals: arena.locals.len() as u64,
        packets: arena.packets.len() as u64,
        trails: arena.trails.all.len() as u64,
        steps: arena.outcomes.len() as u64,
    };
    report.memory_bytes = report.memory_bytes.max(memory::resident_bytes());
    report.elapsed = began.elapsed();
    report
}

type Watch<'w> = (Instant, &'w mut dyn FnMut(&Progress));

fn run(model: &Model, level: &mut Level<'_>, report: &mut Report, (began, progress): Watch<'_>) -> Verdict {
    let mut seen = Witnesses::default();
    loop {
        let (depth, mut memory_bytes) = (report.depth, report.memory_bytes);
        let stop = level.run(&mut |states, frontier| {
            memory_bytes = memory_bytes.max(memory::resident_bytes());
            progress(&Progress { states, depth, frontier, elapsed: began.elapsed(), memory_bytes });
        });
        report.memory_bytes = memory_bytes.max(memory::resident_bytes());
        let found = level.take_found();
        (report.transitions, report.states) = (report.transitions + found.transitions, level.states());
        report.states_named += found.images;
        let news = found.witnesses.iter().filter(|one| !seen.has(*one));
        report.witnesses.extend(news.map(|one| (one, depth + 1)));
        seen = seen.with(found.witnesses);
        match stop {
            Some(Stop::Open(reason)) => return Verdict::Open(reason),
            Some(Stop::Broken(sentence)) => {
                let way = retrace::way(model, &Goal::Broken, retrace::STATES_MAX);
                return Verdict::Broken(Box::new(way.unwrap_or_else(|| Counterexample::nowhere(&sentence))));
            }
            None if !level.go_on() => break,
            None => report.depth += 1,
        }
    }
    if let Err(sentence) = level.check_forgotten() {
        return Verdict::Broken(Box::new(Counterexample::nowhere(&sentence)));
    }
    let met = |witness: &&Witness| !seen.has(**witness);
    let missed: Vec<Witness> = model.expected.iter().filter(met).copied().collect();
    if missed.is_empty() { Verdict::Closed } else { Verdict::Missed(missed) }
}
