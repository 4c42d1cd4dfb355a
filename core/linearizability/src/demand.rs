//! Who still needs which value of a register, and who can still make it: a value that somebody needs and nobody can make again
//! must not be overwritten. Where written values differ this leaves few orders to try.
//!
//! Counts only; does not know time.

use crate::search::{Choice, Problem, Step};

/// Counts by value.
#[derive(Debug)]
pub(crate) struct Demand<'a> {
    problem: &'a Problem,
    /// Known operations, not yet placed, that must find it.
    needers: Vec<usize>,
    /// Operations, not yet placed, that may make it.
    makers: Vec<usize>,
}

impl<'a> Demand<'a> {
    /// Nothing is placed yet.
    pub(crate) fn new(problem: &'a Problem) -> Self {
        let steps =
            problem.known.iter().map(|known| known.step).chain(problem.unknown.iter().map(|unknown| unknown.step));
        let values = steps.flat_map(|step| [needed(step), made(step)]).flatten().max().map_or(0, |value| value + 1);
        let count = values.max(problem.initial + 1);
        let mut demand = Self { problem, needers: vec![0; count], makers: vec![0; count] };
        (0..problem.known.len()).for_each(|number| demand.unplace(Choice::Known(number)));
        (0..problem.unknown.len()).for_each(|number| demand.unplace(Choice::Unknown(number)));
        demand
    }

    /// An operation is no longer to come.
    pub(crate) fn place(&mut self, choice: Choice) {
        let (needed, made) = self.of(choice);
        needed.into_iter().for_each(|value| self.needers[value] -= 1);
        made.into_iter().for_each(|value| self.makers[value] -= 1);
    }

    /// An operation is to come again.
    pub(crate) fn unplace(&mut self, choice: Choice) {
        let (needed, made) = self.of(choice);
        needed.into_iter().for_each(|value| self.needers[value] += 1);
        made.into_iter().for_each(|value| self.makers[value] += 1);
    }

    /// Whether no order is left once `value` is overwritten.
    pub(crate) fn must_stay(&self, value: usize) -> bool {
        self.needers[value] > 0 && self.makers[value] == 0
    }

    fn of(&self, choice: Choice) -> (Option<usize>, Option<usize>) {
        match choice {
            Choice::Known(number) => {
                let step = self.problem.known[number].step;
                (needed(step), made(step))
            }
            // It need not happen, so it needs nothing.
            Choice::Unknown(number) => (None, made(self.problem.unknown[number].step)),
        }
    }
}

fn needed(step: Step) -> Option<usize> {
    match step {
        Step::Read(value) | Step::Swap { expected: value, .. } => Some(value),
        Step::Write(_) | Step::Refused { .. } => None,
    }
}

fn made(step: Step) -> Option<usize> {
    match step {
        Step::Write(new) | Step::Swap { new, .. } => Some(new),
        Step::Read(_) | Step::Refused { .. } => None,
    }
}
