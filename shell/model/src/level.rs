//! All states of one depth, looked at by several threads. They share the table of states, which needs no lock, and the arena,
//! which is read only until somebody needs what was never asked of it before: that becomes rare soon.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard};

use crate::arena::Arena;
use crate::engine::{Engine, Stopped, Successor};
use crate::search::Options;
use crate::table::Table;
use crate::witness::Witnesses;
use crate::world::{Frontier, World};

/// States that a thread takes at a time, and successors that it puts into the table at a time.
const CHUNK: usize = 256;
const BATCH: usize = 512;
/// A level of fewer states is no work for more than one thread.
const CROWD: usize = 4 * CHUNK;
/// What a thread put into the table lately, by the lowest bits of the fingerprint.
const RECENT: usize = 1 << 14;

/// Why a level was left early.
pub(crate) enum Stop {
    /// A property was broken; this says which.
    Broken(String),
    Open(&'static str),
}

/// What was found on the way.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Found {
    pub(crate) transitions: u64,
    /// States with their images under other names.
    pub(crate) images: u64,
    pub(crate) witnesses: Witnesses,
}

pub(crate) struct Level<'a> {
    engine: Engine<'a>,
    arena: RwLock<Arena<'a>>,
    table: Table,
    options: Options,
    current: Vec<Frontier>,
    workers: Vec<Worker>,
    /// The next of `current` to be looked at.
    cursor: AtomicUsize,
    /// The first property that somebody found broken.
    broken: OnceLock<String>,
    /// The bound on memory or on states is reached.
    spent: AtomicBool,
}

/// What a thread has for itself.
struct Worker {
    next: Frontier,
    batch: Vec<Successor>,
    recent: Vec<u128>,
    found: Found,
}

/// Told how many states there are, and how many are still to be looked at.
type Tell<'t> = &'t mut dyn FnMut(u64, u64);

impl<'a> Level<'a> {
    pub(crate) fn new(
        engine: Engine<'a>,
        arena: Arena<'a>,
        table: Table,
        options: Options,
        current: Vec<Frontier>,
    ) -> Self {
        let worker = || Worker {
            next: Frontier::new(engine.nodes()),
            batch: Vec::new(),
            recent: vec![0; RECENT],
            found: Found::default(),
        };
        let workers = std::iter::repeat_with(worker).take(options.workers.max(1)).collect();
        Self {
            engine,
            arena: RwLock::new(arena),
            table,
            options,
            current,
            workers,
            cursor: AtomicUsize::new(0),
            broken: OnceLock::new(),
            spent: AtomicBool::new(false),
        }
    }

    pub(crate) fn states(&self) -> u64 {
        self.table.len() as u64
    }

    pub(crate) fn into_arena(self) -> Arena<'a> {
        self.arena.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn check_forgotten(&self) -> Result<(), String> {
        read(&self.arena).check_forgotten()
    }

    /// What was found since this was asked last.
    pub(crate) fn take_found(&mut self) -> Found {
        let mut all = Found::default();
        for worker in &mut self.workers {
            let found = std::mem::take(&mut worker.found);
            all.transitions += found.transitions;
            all.images += found.images;
            all.witnesses = all.witnesses.with(found.witnesses);
        }
        all
    }

    /// The states that were found are the next to be looked at. Says whether there are any.
    pub(crate) fn go_on(&mut self) -> bool {
        let nodes = self.engine.nodes();
        let next = self.workers.iter_mut().map(|worker| std::mem::replace(&mut worker.next, Frontier::new(nodes)));
        self.current = next.filter(|frontier| frontier.len() > 0).collect();
        self.cursor = AtomicUsize::new(0);
        !self.current.is_empty()
    }

    /// Looks at all states of this depth.
    pub(crate) fn run(&mut self, tell: Tell<'_>) -> Option<Stop> {
        let count: usize = self.current.iter().map(Frontier::len).sum();
        loop {
            let mut workers = std::mem::take(&mut self.workers);
            let crowd = if count < CROWD { 1 } else { workers.len() };
            std::thread::scope(|scope| {
                let (first, others) = workers[..crowd].split_at_mut(1);
                let this = &*self;
                for worker in others {
                    scope.spawn(move || this.work(worker, &mut |_, _| ()));
                }
                this.work(&mut first[0], &mut *tell);
            });
            self.workers = workers;
            if let Some(sentence) = self.broken.get() {
                return Some(Stop::Broken(sentence.clone()));
            }
            if self.table.len() as u64 >= self.options.states_max {
                return Some(Stop::Open("the bound on states was reached"));
            }
            if self.spent.load(Ordering::Relaxed) || self.is_too_much() {
                return Some(Stop::Open("the bound on memory was reached"));
            }
            if !self.table.is_full() {
                return None;
            }
            self.table = self.table.grown();
        }
    }

    fn is_too_much(&self) -> bool {
        let frontiers = self.current.iter().chain(self.workers.iter().map(|worker| &worker.next));
        let bytes = self.table.bytes_when_grown() + frontiers.map(Frontier::bytes).sum::<u64>();
        bytes > self.options.memory_bytes_max
    }

    /// What one thread does: takes states until there are none, or the table must grow first.
    fn work(&self, worker: &mut Worker, tell: Tell<'_>) {
        let (mut arena, mut chunks) = (read(&self.arena), 0u64);
        while !self.stops() {
            let at = self.cursor.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(states) = self.chunk(at) else { break };
            for world in states {
                arena = match self.look(worker, arena, &world) {
                    Some(arena) => arena,
                    None => return,
                };
            }
            chunks += 1;
            if chunks.is_multiple_of(64) {
                let left = self.current.iter().map(Frontier::len).sum::<usize>().saturating_sub(at);
                tell(self.states(), (left + worker.next.len() * self.workers_count()) as u64);
                if crate::memory::resident_bytes() > self.options.memory_bytes_max {
                    self.spent.store(true, Ordering::Relaxed);
                }
            }
        }
        worker.flush(&self.table);
    }

    fn workers_count(&self) -> usize {
        self.options.workers.max(1)
    }

    fn stops(&self) -> bool {
        self.table.is_full()
            || self.broken.get().is_some()
            || self.spent.load(Ordering::Relaxed)
            || self.table.len() as u64 >= self.options.states_max
    }

    /// The states from this place on; none if there are no more.
    fn chunk(&self, at: usize) -> Option<impl Iterator<Item = World>> {
        let count: usize = self.current.iter().map(Frontier::len).sum();
        let world = |at: usize| {
            let mut at = at;
            for frontier in &self.current {
                if at < frontier.len() {
                    return frontier.read(at);
                }
                at -= frontier.len();
            }
            World::default()
        };
        (at < count).then(|| (at..count.min(at + CHUNK)).map(world))
    }

    /// Looks at one state. Gives back the arena, or nothing where a property is broken.
    fn look<'l>(
        &'l self,
        worker: &mut Worker,
        mut arena: RwLockReadGuard<'l, Arena<'a>>,
        world: &World,
    ) -> Option<RwLockReadGuard<'l, Arena<'a>>> {
        let before = worker.batch.len();
        loop {
            match self.engine.expand(&arena, world, &mut worker.batch) {
                Ok(()) => break,
                Err(Stopped::Broken(broken)) => {
                    self.broken.get_or_init(|| broken.sentence);
                    return None;
                }
                Err(Stopped::Asks(question)) => {
                    worker.batch.truncate(before);
                    drop(arena);
                    self.arena.write().unwrap_or_else(PoisonError::into_inner).answer(question);
                    arena = read(&self.arena);
                }
            }
        }
        if worker.batch.len() >= BATCH {
            worker.flush(&self.table);
        }
        Some(arena)
    }
}

fn read<'l, 'a>(arena: &'l RwLock<Arena<'a>>) -> RwLockReadGuard<'l, Arena<'a>> {
    arena.read().unwrap_or_else(PoisonError::into_inner)
}

impl Worker {
    /// Puts the successors into the table, and keeps those that are new.
    fn flush(&mut self, table: &Table) {
        self.found.transitions += self.batch.len() as u64;
        let recent = &mut self.recent;
        self.batch.retain(|one| {
            self.found.witnesses = self.found.witnesses.with(one.witnesses);
            let place = usize::try_from(one.print.value & (RECENT as u128 - 1)).unwrap_or(0);
            std::mem::replace(&mut recent[place], one.print.value) != one.print.value
        });
        let touched = self.batch.iter().fold(0u64, |sum, one| sum.wrapping_add(table.touch(one.print.value)));
        std::hint::black_box(touched);
        let mut new = 0;
        for one in self.batch.drain(..) {
            if table.insert(one.print.value) {
                self.next.push(&one.world);
                self.found.images += one.print.images;
                new += 1;
            }
        }
        table.count(new);
    }
}
