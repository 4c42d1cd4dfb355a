//! Histories of registers. A history is linearizable exactly if that of each key is (Herlihy and Wing 1990, theorem 1), so each is
//! searched by itself.
//!
//! Turns operations into steps on numbered values, and a search without an end into words; how to search is `search`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::history::{Ending, RegisterAction, RegisterHistory, RegisterOperation, RegisterResponse};
use crate::picture::Line;
use crate::report::{Counts, Explanation, Limits, Report, Verdict};
use crate::search::{Choice, Found, Known, Problem, Step, Stuck, Unknown, search};

/// So many lines make a small picture.
const WINDOW: usize = 14;

/// Checks each key of a history.
pub(crate) fn check(history: &RegisterHistory, limits: Limits) -> Report {
    let operations = &history.operations;
    let mut keys: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, operation) in operations.iter().enumerate() {
        keys.entry(&operation.request.key).or_default().push(number);
    }
    let mut counts = Counts { keys: keys.len(), ..Counts::of(operations) };
    let mut steps = limits.steps;
    let (mut wrong, mut undecided) = (Vec::new(), Vec::new());
    for (key, numbers) in keys {
        let register = Register::new(history, key, numbers);
        match search(&register.problem, &mut steps) {
            Found::Order(order) => assert_eq!(order_error(&register.problem, &order), None, "of key {key}"),
            Found::Stuck(stuck) => {
                let since = register.problem.known[stuck.operation].returned;
                wrong.push((since, register.explain(operations, key, &stuck)));
            }
            Found::OutOfSteps => undecided.push(key.to_owned()),
        }
    }
    counts.steps = limits.steps - steps;
    let explanation = wrong.into_iter().min_by_key(|(since, _)| *since).map(|(_, explanation)| explanation);
    let verdict = match (&explanation, undecided.is_empty()) {
        (Some(_), _) => Verdict::NotLinearizable,
        (None, true) => Verdict::Linearizable,
        (None, false) => Verdict::Undecided,
    };
    Report { verdict, counts, explanation, undecided }
}

/// What is wrong with an order: the search's answer, judged without trusting the search.
fn order_error(problem: &Problem, order: &[Choice]) -> Option<String> {
    let (mut value, mut latest_call, mut seen) = (problem.initial, 0, BTreeSet::new());
    for (place, &choice) in order.iter().enumerate() {
        let (call, returned, step, name) = match choice {
            Choice::Known(number) => {
                let known = problem.known[number];
                (known.call, known.returned, known.step, (true, number))
            }
            Choice::Unknown(number) => {
                let unknown = problem.unknown[number];
                (unknown.call, u64::MAX, unknown.step, (false, number))
            }
        };
        latest_call = latest_call.max(call);
        if returned < latest_call {
            return Some(format!("place {place} had returned before an earlier one was called"));
        }
        if !seen.insert(name) {
            return Some(format!("place {place} comes twice"));
        }
        let Some(new) = step.apply(value) else { return Some(format!("place {place} does not fit its value")) };
        value = new;
    }
    let known = seen.iter().filter(|(known, _)| *known).count();
    (known != problem.known.len()).then(|| "some are not placed".to_owned())
}

/// One key's part of a history.
struct Register<'a> {
    problem: Problem,
    /// For each known and each unknown operation of the problem, its place in the history.
    known: Vec<usize>,
    unknown: Vec<usize>,
    values: Values<'a>,
}

/// Values by number.
#[derive(Default)]
struct Values<'a> {
    numbers: BTreeMap<String, usize>,
    values: Vec<&'a Value>,
}

impl<'a> Values<'a> {
    fn number(&mut self, value: &'a Value) -> usize {
        *self.numbers.entry(value.to_string()).or_insert_with(|| {
            self.values.push(value);
            self.values.len() - 1
        })
    }
}

impl<'a> Register<'a> {
    fn new(history: &'a RegisterHistory, key: &str, mut numbers: Vec<usize>) -> Self {
        numbers.sort_by_key(|&number| history.operations[number].call);
        let mut values = Values::default();
        let initial = values.number(history.initial.get(key).unwrap_or(&Value::Null));
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for number in numbers {
            let operation = &history.operations[number];
            let call = operation.call;
            match (&operation.ending, step(operation, &mut values)) {
                (&Ending::Returned { at, .. }, Some(step)) => known.push((number, Known { call, returned: at, step })),
                (Ending::Unknown, Some(step)) => unknown.push((number, Unknown { call, step })),
                (Ending::Failed | Ending::Unknown | Ending::Returned { .. }, _) => {}
            }
        }
        forget_what_can_only_harm(&known, &mut unknown);
        let (known_numbers, known) = known.into_iter().unzip();
        let (unknown_numbers, unknown) = unknown.into_iter().unzip();
        let problem = Problem { initial, known, unknown };
        Self { problem, known: known_numbers, unknown: unknown_numbers, values }
    }

    fn explain(&self, operations: &[RegisterOperation], key: &str, stuck: &Stuck) -> Explanation {
        let misplaced = &operations[self.known[stuck.operation]];
        let values: Vec<String> = stuck.values.iter().map(|&value| self.values.values[value].to_string()).collect();
        let name = format!("{} (id {}, client {})", describe(misplaced), misplaced.id, misplaced.client);
        let is_exact = !values.is_empty();
        let sentence = if is_exact {
            let values = values.join(" or ");
            format!(
                "{name} has no place between its call and its return: when it returns, the value is {values} in every order that \
                 fits so far"
            )
        } else {
            format!("there is no order, and where exactly none is left was not found; the search got to {name}")
        };
        let window = self.window(stuck).into_iter().map(|number| {
            let operation = &operations[number];
            let (text, returned) = (describe(operation), operation.returned_at());
            let (id, client) = (operation.id.clone(), operation.client.clone());
            Line { id, client, call: operation.call, returned, text, misplaced: operation.id == misplaced.id }
        });
        Explanation {
            key: Some(key.to_owned()),
            sentence,
            prefix: is_exact.then_some(stuck.placed),
            misplaced: vec![misplaced.id.clone()],
            window: window.collect(),
        }
    }

    /// Places in the history of what to show: the misplaced operation, what made the value that it needs, what was placed last, and
    /// what was under way at the same time.
    fn window(&self, stuck: &Stuck) -> Vec<usize> {
        let problem = &self.problem;
        let misplaced = problem.known[stuck.operation];
        let needed = match misplaced.step {
            Step::Read(value) | Step::Swap { expected: value, .. } => Some(value),
            Step::Write(_) | Step::Refused { .. } => None,
        };
        let makes_needed = |step: Step| match step {
            Step::Write(new) | Step::Swap { new, .. } => Some(new) == needed,
            Step::Read(_) | Step::Refused { .. } => false,
        };
        let maker =
            problem.known.iter().rposition(|known| makes_needed(known.step) && known.call <= misplaced.returned);
        let last = stuck.last.iter().map(|&choice| match choice {
            Choice::Known(number) => self.known[number],
            Choice::Unknown(number) => self.unknown[number],
        });
        let together = problem
            .known
            .iter()
            .enumerate()
            .filter(|(_, known)| known.returned >= misplaced.call && known.call <= misplaced.returned);
        let unknown = problem.unknown.iter().enumerate().filter(|(_, unknown)| makes_needed(unknown.step));
        let mut shown = vec![self.known[stuck.operation]];
        shown.extend(maker.map(|number| self.known[number]));
        shown.extend(last);
        shown.extend(unknown.map(|(number, _)| self.unknown[number]));
        shown.extend(together.map(|(number, _)| self.known[number]));
        let mut seen = BTreeSet::new();
        shown.retain(|number| seen.insert(*number));
        shown.truncate(WINDOW);
        let call = |number: &usize| {
            let at = self.known.iter().position(|known| known == number).map(|place| problem.known[place].call);
            at.or_else(|| {
                self.unknown.iter().position(|other| other == number).map(|place| problem.unknown[place].call)
            })
        };
        shown.sort_by_key(call);
        shown
    }
}

/// What an operation does to its register; nothing for a read of which nobody knows what it found.
fn step<'a>(operation: &'a RegisterOperation, values: &mut Values<'a>) -> Option<Step> {
    let response = match &operation.ending {
        Ending::Returned { response, .. } => Some(response),
        Ending::Failed | Ending::Unknown => None,
    };
    match (&operation.request.action, response) {
        (RegisterAction::Read, Some(RegisterResponse::Value(value))) => Some(Step::Read(values.number(value))),
        (RegisterAction::Write(value), _) => Some(Step::Write(values.number(value))),
        (RegisterAction::CompareAndSwap { expected, new }, response) => {
            let (expected, new) = (values.number(expected), values.number(new));
            let refused = response == Some(&RegisterResponse::Swapped(false));
            Some(if refused { Step::Refused { expected } } else { Step::Swap { expected, new } })
        }
        (RegisterAction::Read, _) => None,
    }
}

/// Takes out unknown operations that make a value which nobody needs: an order that has one of them is an order without it too.
/// They matter as soon as a swap was refused, since that needs any other value.
fn forget_what_can_only_harm(known: &[(usize, Known)], unknown: &mut Vec<(usize, Unknown)>) {
    let mut needed = BTreeSet::new();
    for step in known.iter().map(|(_, known)| known.step).chain(unknown.iter().map(|(_, unknown)| unknown.step)) {
        match step {
            Step::Read(value) | Step::Swap { expected: value, .. } => drop(needed.insert(value)),
            Step::Write(_) => {}
            Step::Refused { .. } => return,
        }
    }
    unknown.retain(|(_, unknown)| match unknown.step {
        Step::Write(new) | Step::Swap { new, .. } => needed.contains(&new),
        Step::Read(_) | Step::Refused { .. } => false,
    });
}

fn describe(operation: &RegisterOperation) -> String {
    let answer = match &operation.ending {
        Ending::Failed => " -> failed".to_owned(),
        Ending::Unknown => " -> unknown".to_owned(),
        Ending::Returned { response: RegisterResponse::Value(value), .. } => format!(" -> {value}"),
        Ending::Returned { response: RegisterResponse::Written, .. } => String::new(),
        Ending::Returned { response: RegisterResponse::Swapped(true), .. } => " -> swapped".to_owned(),
        Ending::Returned { response: RegisterResponse::Swapped(false), .. } => " -> refused".to_owned(),
    };
    match &operation.request.action {
        RegisterAction::Read => format!("read{answer}"),
        RegisterAction::Write(value) => format!("write {value}{answer}"),
        RegisterAction::CompareAndSwap { expected, new } => format!("cas {expected} to {new}{answer}"),
    }
}
