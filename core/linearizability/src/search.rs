//! The search for an order of one register's operations, after Wing and Gong ("Testing and verifying concurrent objects", 1993)
//! with Lowe's memory ("Testing for linearizability", 2017): an operation may come next if no other one that is still to be
//! placed had returned before it was called; a set of placed operations that was met before with the same value need not be
//! tried again.
//!
//! Three things keep it short, and none leaves out an order that matters. What changes nothing (a read, a refused swap) is
//! placed as soon as it fits, since it could not fit better later. Operations of unknown outcome are tried last, and only where
//! somebody waits for just what they make: one that nobody sees may be left out of any order. And of several such with the same
//! effect the one called first is used first.
//!
//! Knows values as small numbers and times; does not know keys, clients or how a history is written.

use std::collections::BTreeSet;

use crate::bits::Bits;
use crate::demand::Demand;

/// What an operation does to a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Found this value.
    Read(usize),
    /// Set this value.
    Write(usize),
    /// Found the expected value, and set the new one.
    Swap { expected: usize, new: usize },
    /// Found another value than the expected one.
    Refused { expected: usize },
}

impl Step {
    /// The value after this step, if it is possible at `value`.
    pub(crate) fn apply(self, value: usize) -> Option<usize> {
        match self {
            Self::Read(found) => (found == value).then_some(value),
            Self::Write(new) => Some(new),
            Self::Swap { expected, new } => (expected == value).then_some(new),
            Self::Refused { expected } => (expected != value).then_some(value),
        }
    }

    fn changes_nothing(self) -> bool {
        match self {
            Self::Read(_) | Self::Refused { .. } => true,
            Self::Write(_) | Self::Swap { .. } => false,
        }
    }
}

/// An operation that returned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) call: u64,
    pub(crate) returned: u64,
    pub(crate) step: Step,
}

/// An operation that may have had its effect at any time after its call, or never.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unknown {
    pub(crate) call: u64,
    pub(crate) step: Step,
}

/// The history of one register.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) initial: usize,
    pub(crate) known: Vec<Known>,
    /// By their calls, the earliest first.
    pub(crate) unknown: Vec<Unknown>,
}

/// An operation of a problem, by its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Known(usize),
    Unknown(usize),
}

/// How a search ended.
#[derive(Debug)]
pub(crate) enum Found {
    /// In this order all is well.
    Order(Vec<Choice>),
    /// There is no order.
    Stuck(Stuck),
    /// Nobody knows: the steps were used up.
    OutOfSteps,
}

/// Where no order gets further.
#[derive(Debug, Clone)]
pub(crate) struct Stuck {
    /// The operation that can't be placed by the time that it returned.
    pub(crate) operation: usize,
    /// So many operations had returned before it: the longest prefix of the history that has an order.
    pub(crate) placed: usize,
    /// Values that the register can have had while there still was a place for it (not more than a few). None, if where exactly no
    /// order gets further was not found: then this is where the search ended that looks ahead.
    pub(crate) values: BTreeSet<usize>,
    /// What was placed last, in one of the orders that got so far.
    pub(crate) last: Vec<Choice>,
}

const VALUES_SHOWN: usize = 8;
const LAST_SHOWN: usize = 4;

/// Looks for an order, and takes what it needs from `steps`.
///
/// Looks ahead for values that must not be overwritten. That finds an order, or that there is none, much sooner; but it may stop
/// before the first operation that has no place, so where there is no order a search without it tells the reason.
pub(crate) fn search(problem: &Problem, steps: &mut u64) -> Found {
    match Search::new(problem, Some(Demand::new(problem))).run(steps) {
        Found::Stuck(near) => {
            Found::Stuck(explain(problem, steps).unwrap_or(Stuck { values: BTreeSet::new(), ..near }))
        }
        found @ (Found::Order(_) | Found::OutOfSteps) => found,
    }
}

/// Where exactly no order gets further, if that is found within some steps.
fn explain(problem: &Problem, steps: &mut u64) -> Option<Stuck> {
    let granted = EXPLANATION_STEPS.min(*steps);
    let mut left = granted;
    let found = Search::new(problem, None).run(&mut left);
    *steps -= granted - left;
    match found {
        Found::Stuck(stuck) => Some(stuck),
        Found::OutOfSteps => None,
        Found::Order(order) => unreachable!("looking ahead left out an order: {order:?}"),
    }
}

const EXPLANATION_STEPS: u64 = 2_000_000;

#[derive(Debug, Clone, Copy)]
enum Event {
    Call(usize),
    Return(usize),
}

/// The end of the list of events.
const END: usize = 0;

/// What is tried next: a call, by its event, or an operation of unknown outcome, before the first return that is left.
#[derive(Debug, Clone, Copy)]
enum Cursor {
    Event(usize),
    Unknown { number: usize, barrier: usize },
}

struct Frame {
    choice: Choice,
    value_before: usize,
    /// What to try instead; nothing for a step that changes nothing.
    instead: Option<Cursor>,
}

struct Search<'a> {
    problem: &'a Problem,
    demand: Option<Demand<'a>>,
    /// By number from 1; `END` is none of them. A call stands before a return of the same time: those two overlap.
    events: Vec<Event>,
    next: Vec<usize>,
    previous: Vec<usize>,
    /// For each known operation its call and its return.
    places: Vec<(usize, usize)>,
    /// For each unknown operation the one before it with the same effect.
    twin_before: Vec<Option<usize>>,
    /// For each unknown operation whether another one expects what it makes.
    feeds_unknown: Vec<bool>,
    value: usize,
    placed: Bits,
    used: Bits,
    left: usize,
    stack: Vec<Frame>,
    seen: BTreeSet<Box<[u64]>>,
    stuck: Option<(usize, Stuck)>,
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem, demand: Option<Demand<'a>>) -> Self {
        let mut order: Vec<(u64, bool, usize)> = Vec::with_capacity(problem.known.len() * 2);
        for (number, known) in problem.known.iter().enumerate() {
            order.extend([(known.call, false, number), (known.returned, true, number)]);
        }
        order.sort_unstable();
        let mut places = vec![(END, END); problem.known.len()];
        let mut events = vec![Event::Return(usize::MAX)];
        for &(_, is_return, number) in &order {
            let place = if is_return { &mut places[number].1 } else { &mut places[number].0 };
            *place = events.len();
            events.push(if is_return { Event::Return(number) } else { Event::Call(number) });
        }
        let count = events.len();
        Self {
            problem,
            demand,
            events,
            next: (1..count).chain([END]).collect(),
            previous: [count - 1].into_iter().chain(0..count - 1).collect(),
            places,
            twin_before: twins(&problem.unknown),
            feeds_unknown: feeds_unknown(&problem.unknown),
            value: problem.initial,
            placed: Bits::new(problem.known.len()),
            used: Bits::new(problem.unknown.len()),
            left: problem.known.len(),
            stack: Vec::new(),
            seen: BTreeSet::new(),
            stuck: None,
        }
    }

    fn run(mut self, steps: &mut u64) -> Found {
        self.settle();
        let mut cursor = Cursor::Event(self.next[END]);
        while self.left > 0 {
            let Some(rest) = steps.checked_sub(1) else { return Found::OutOfSteps };
            *steps = rest;
            let after = match cursor {
                Cursor::Event(event) => self.try_event(event),
                Cursor::Unknown { number, barrier } => self.try_unknown(number, barrier),
            };
            let Some(after) = after.or_else(|| self.take_back()) else { break };
            cursor = after;
        }
        match self.stuck {
            Some((barrier, mut stuck)) if self.left > 0 => {
                let before = &self.events[1..barrier];
                stuck.placed = before.iter().filter(|event| matches!(event, Event::Return(_))).count();
                Found::Stuck(stuck)
            }
            _ => Found::Order(self.stack.iter().map(|frame| frame.choice).collect()),
        }
    }

    /// Places the call at `event`, or goes on to what comes after it.
    fn try_event(&mut self, event: usize) -> Option<Cursor> {
        let operation = match self.events[event] {
            Event::Call(operation) => operation,
            Event::Return(_) => return Some(Cursor::Unknown { number: 0, barrier: event }),
        };
        let instead = Cursor::Event(self.next[event]);
        let step = self.problem.known[operation].step;
        // What changes nothing was placed already if it fits.
        let new = if step.changes_nothing() { None } else { step.apply(self.value) };
        Some(self.try_choice(Choice::Known(operation), new, instead))
    }

    /// Places the next unknown operation that is of use; nothing when there is none left.
    fn try_unknown(&mut self, from: usize, barrier: usize) -> Option<Cursor> {
        let latest = self.time_of_return(barrier);
        let needs = self.needs();
        let candidates =
            self.problem.unknown.iter().enumerate().skip(from).take_while(|(_, unknown)| unknown.call <= latest);
        let found = candidates.into_iter().find_map(|(number, unknown)| {
            let new = unknown.step.apply(self.value).filter(|&new| self.is_of_use(number, new, &needs))?;
            Some((number, new))
        });
        let Some((number, new)) = found else {
            self.remember_where_stuck(barrier);
            return None;
        };
        let instead = Cursor::Unknown { number: number + 1, barrier };
        Some(self.try_choice(Choice::Unknown(number), Some(new), instead))
    }

    /// What those need that may come next, but do not fit the present value.
    fn needs(&self) -> Vec<Step> {
        let mut needs = Vec::new();
        let mut event = self.next[END];
        while let Event::Call(operation) = self.events[event] {
            let step = self.problem.known[operation].step;
            if step.apply(self.value).is_none() {
                needs.push(step);
            }
            event = self.next[event];
        }
        needs
    }

    /// Whether somebody can see an unknown operation that makes the value `new` now: if what comes next is a write, the order is as
    /// good without it.
    fn is_of_use(&self, number: usize, new: usize, needs: &[Step]) -> bool {
        let is_next =
            !self.used.contains(number) && self.twin_before[number].is_none_or(|twin| self.used.contains(twin));
        is_next && (self.feeds_unknown[number] || needs.iter().any(|step| step.apply(new).is_some()))
    }

    fn try_choice(&mut self, choice: Choice, new: Option<usize>, instead: Cursor) -> Cursor {
        let Some(new) = new else { return instead };
        self.place(choice);
        let loses = new != self.value && self.demand.as_ref().is_some_and(|demand| demand.must_stay(self.value));
        if loses || !self.seen.insert(self.name(new)) {
            self.unplace(choice);
            return instead;
        }
        self.stack.push(Frame { choice, value_before: self.value, instead: Some(instead) });
        self.value = new;
        self.settle();
        Cursor::Event(self.next[END])
    }

    /// Places all that fits and changes nothing.
    fn settle(&mut self) {
        let mut event = self.next[END];
        while event != END {
            let Event::Call(operation) = self.events[event] else { break };
            let (step, before) = (self.problem.known[operation].step, self.previous[event]);
            if step.changes_nothing() && step.apply(self.value).is_some() {
                let choice = Choice::Known(operation);
                self.place(choice);
                self.stack.push(Frame { choice, value_before: self.value, instead: None });
                event = self.next[before];
            } else {
                event = self.next[event];
            }
        }
    }

    /// Undoes the last choice that had an alternative, and returns that; nothing when there is none left.
    fn take_back(&mut self) -> Option<Cursor> {
        while let Some(frame) = self.stack.pop() {
            self.unplace(frame.choice);
            self.value = frame.value_before;
            if frame.instead.is_some() {
                return frame.instead;
            }
        }
        None
    }

    fn place(&mut self, choice: Choice) {
        if let Some(demand) = &mut self.demand {
            demand.place(choice);
        }
        match choice {
            Choice::Known(operation) => {
                let (call, returned) = self.places[operation];
                for event in [call, returned] {
                    self.next[self.previous[event]] = self.next[event];
                    self.previous[self.next[event]] = self.previous[event];
                }
                self.placed.insert(operation);
                self.left -= 1;
            }
            Choice::Unknown(number) => self.used.insert(number),
        }
    }

    /// The opposite of `place`, in the opposite order.
    fn unplace(&mut self, choice: Choice) {
        if let Some(demand) = &mut self.demand {
            demand.unplace(choice);
        }
        match choice {
            Choice::Known(operation) => {
                let (call, returned) = self.places[operation];
                for event in [returned, call] {
                    self.next[self.previous[event]] = event;
                    self.previous[self.next[event]] = event;
                }
                self.placed.remove(operation);
                self.left += 1;
            }
            Choice::Unknown(number) => self.used.remove(number),
        }
    }

    fn name(&self, value: usize) -> Box<[u64]> {
        let mut name = vec![value as u64];
        self.placed.append_name(&mut name);
        self.used.append_name(&mut name);
        name.into_boxed_slice()
    }

    fn time_of_return(&self, event: usize) -> u64 {
        match self.events[event] {
            Event::Call(operation) | Event::Return(operation) => self.problem.known[operation].returned,
        }
    }

    /// All was tried, and the operation that returns at `barrier` has no place. The latest such return of all orders ends the
    /// shortest prefix of the history that has no order.
    fn remember_where_stuck(&mut self, barrier: usize) {
        let Event::Return(operation) = self.events[barrier] else { return };
        match &mut self.stuck {
            Some((latest, _)) if barrier < *latest => {}
            Some((latest, stuck)) if barrier == *latest => {
                if stuck.values.len() < VALUES_SHOWN {
                    stuck.values.insert(self.value);
                }
            }
            _ => {
                let last = self.stack.iter().rev().take(LAST_SHOWN).map(|frame| frame.choice).collect();
                let values = BTreeSet::from([self.value]);
                self.stuck = Some((barrier, Stuck { operation, placed: 0, values, last }));
            }
        }
    }
}

/// For each unknown operation whether some other one expects what it makes.
fn feeds_unknown(unknown: &[Unknown]) -> Vec<bool> {
    let expected: BTreeSet<usize> = unknown
        .iter()
        .filter_map(|unknown| match unknown.step {
            Step::Swap { expected, .. } => Some(expected),
            Step::Read(_) | Step::Write(_) | Step::Refused { .. } => None,
        })
        .collect();
    let feeds = |unknown: &Unknown| match unknown.step {
        Step::Write(new) | Step::Swap { new, .. } => expected.contains(&new),
        Step::Read(_) | Step::Refused { .. } => false,
    };
    unknown.iter().map(feeds).collect()
}

/// For each unknown operation the one before it in the list that has the same effect.
fn twins(unknown: &[Unknown]) -> Vec<Option<usize>> {
    let mut latest = std::collections::BTreeMap::new();
    unknown.iter().enumerate().map(|(number, unknown)| latest.insert(unknown.step, number)).collect()
}
