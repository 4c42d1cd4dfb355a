//! Tiny histories of a store, legal and slightly changed ones, judged a second time: every order of every set of unknown operations
//! that real time allows, each run from the beginning on the simple store of the generator.

use quorate_linearizability::{Ending, Row, StoreHistory, StoreOperation, StoreResponse, Verdict};

use crate::dice::Dice;
use crate::make::{self, Made, Shape};
use crate::shorthand::judge;
use std::collections::BTreeMap;

/// The states so far, by revision from 1.
type States = Vec<BTreeMap<String, Row>>;

fn some_order_fits(operations: &[&StoreOperation], placed: &mut Vec<usize>, states: &States) -> bool {
    if (0..operations.len()).all(|number| placed.contains(&number) || operations[number].ending == Ending::Unknown) {
        return true;
    }
    let left: Vec<usize> = (0..operations.len()).filter(|number| !placed.contains(number)).collect();
    left.iter().any(|&number| {
        let operation = operations[number];
        let waits = left.iter().any(|&other| operations[other].returned_at().is_some_and(|at| at < operation.call));
        let Some(after) = after(operation, states).filter(|_| !waits) else { return false };
        placed.push(number);
        let fits = some_order_fits(operations, placed, &after);
        placed.pop();
        fits
    })
}

/// The states after an operation, if its answer is right.
fn after(operation: &StoreOperation, states: &States) -> Option<States> {
    let now = states.len();
    let (steps, at) = (&operation.request.steps, operation.request.at);
    let Ending::Returned { response, .. } = &operation.ending else {
        let mut state = states[now - 1].clone();
        let (succeeded, results) = make::run(steps, &mut state, now as u64 + 1);
        let response = StoreResponse { revision: 0, succeeded, results };
        return Some(with(states, state, response.changed_something()));
    };
    let seen =
        usize::try_from(if operation.request.serializable { response.revision } else { at.unwrap_or(now as u64) })
            .ok()?;
    let mut state = states.get(seen.checked_sub(1)?)?.clone();
    let (succeeded, results) = make::run(steps, &mut state, seen as u64 + 1);
    let revision = if operation.request.serializable { response.revision } else { now as u64 };
    let mut right = StoreResponse { revision, succeeded, results };
    let changes = right.changed_something();
    right.revision += u64::from(changes);
    (right == *response).then(|| with(states, state, changes))
}

fn with(states: &States, state: BTreeMap<String, Row>, changes: bool) -> States {
    states.iter().cloned().chain(changes.then_some(state)).collect()
}

/// A small change that may or may not make a history wrong.
fn disturb(dice: &mut Dice, made: &mut Made) {
    let (one, other) = (dice.below(made.operations.len()), dice.below(made.operations.len()));
    let swapped = made.operations[other].ending.clone();
    let operation = &mut made.operations[one];
    let shift = dice.time(0, 1500);
    match (&mut operation.ending, dice.below(6)) {
        (Ending::Returned { response, .. }, 0) => response.revision += 1,
        (Ending::Returned { response, .. }, 1) => response.revision = response.revision.saturating_sub(1),
        (Ending::Returned { at, .. }, 2) => {
            operation.client = "moved".to_owned();
            (operation.call, *at) = (operation.call + shift, *at + shift);
        }
        (Ending::Returned { response, .. }, 3) => {
            if let Ending::Returned { response: another, .. } = swapped
                && another.results.len() == response.results.len()
            {
                *response = another;
            }
        }
        (ending, 4) => *ending = Ending::Unknown,
        (ending, _) => *ending = Ending::Failed,
    }
}

#[test]
fn checker_and_brute_force_agree_about_stores() {
    let mut verdicts = [0, 0];
    for seed in 0..2500 {
        let mut dice = Dice::new(seed);
        let shape = Shape { clients: 4, keys: 1 + dice.below(2), operations: 7, unknown: 25, failed: 0 };
        let mut made = make::store(&mut dice, shape);
        for _ in 0..dice.below(3) {
            disturb(&mut dice, &mut made);
        }
        let answered = made.operations.iter().filter(|operation| operation.ending != Ending::Failed);
        let expected = some_order_fits(&answered.collect::<Vec<_>>(), &mut Vec::new(), &vec![BTreeMap::new()]);
        let Ok(history) = StoreHistory::new(1, Vec::new(), made.operations) else { continue };
        let history = quorate_linearizability::History::Store(history);
        let report = judge(&history);
        if report.counts.unjudged > 0 {
            continue;
        }
        verdicts[usize::from(expected)] += 1;
        assert_eq!(
            report.verdict == Verdict::Linearizable,
            expected,
            "seed {seed}: {:?}\n{}",
            report.explanation,
            quorate_linearizability::write(&history)
        );
    }
    assert!(verdicts.iter().all(|count| *count > 300), "{verdicts:?} wrong and right");
}
