//! Histories of a whole store. Each answer carries a revision, so the order is known, and checking it takes one replay: nearly
//! linear time, where a search over all keys at once would be hopeless.
//!
//! Puts the parts together and tells what they found; each part judges one thing (`order` time, `replay` answers).

mod evidence;
pub(crate) mod history;
mod model;
mod order;
mod replay;
mod words;

use std::collections::BTreeSet;

use crate::picture::Line;
use crate::report::{Counts, Explanation, Limits, Report, Verdict};
use history::{Action, StoreHistory};
use order::{Order, Violation};
use replay::{Replayed, replay};

/// So many lines make a small picture.
const WINDOW: usize = 14;

/// Checks a history.
pub(crate) fn check(history: &StoreHistory, limits: Limits) -> Report {
    let mut counts = Counts { keys: keys(history), ..Counts::of(&history.operations) };
    let mut steps = limits.steps;
    let (verdict, explanation) = match Order::new(history) {
        Err(violation) => (Verdict::NotLinearizable, Some(explain(history, None, &violation))),
        Ok(order) => {
            counts.unjudged = order.unjudged;
            match replay(history, &order, &mut steps) {
                Replayed::Whole => (Verdict::Linearizable, None),
                Replayed::Stopped(violation) => {
                    (Verdict::NotLinearizable, Some(explain(history, Some(&order), &violation)))
                }
                Replayed::OutOfSteps => (Verdict::Undecided, None),
            }
        }
    };
    counts.steps = limits.steps - steps;
    Report { verdict, counts, explanation, undecided: Vec::new() }
}

fn keys(history: &StoreHistory) -> usize {
    let actions = history.operations.iter().flat_map(|operation| operation.request.steps.actions());
    let keys: BTreeSet<&str> = actions
        .map(|action| match action {
            Action::Put { key, .. } => key.as_str(),
            Action::Delete(range) | Action::Get(range) => range.key.as_str(),
        })
        .collect();
    keys.len()
}

fn explain(history: &StoreHistory, order: Option<&Order>, violation: &Violation) -> Explanation {
    let operations = &history.operations;
    let around = order.into_iter().flat_map(|order| {
        order
            .makers
            .range(violation.revision.saturating_sub(3)..=violation.revision.saturating_add(1))
            .map(|(_, maker)| *maker)
    });
    let misplaced: Vec<_> = violation.misplaced.iter().map(|&number| &operations[number]).collect();
    let together = (0..operations.len()).filter(|&number| {
        let other = &operations[number];
        misplaced.iter().any(|one| {
            let (one_until, other_until) = (one.returned_at(), other.returned_at());
            one_until.is_some_and(|at| at >= other.call) && other_until.is_some_and(|at| at >= one.call)
        })
    });
    let mut shown: Vec<usize> = violation.misplaced.clone();
    shown.extend(around.chain(together));
    let mut seen = BTreeSet::new();
    shown.retain(|number| seen.insert(*number));
    shown.truncate(WINDOW);
    shown.sort_by_key(|&number| operations[number].call);
    let line = |number: usize| {
        let operation = &operations[number];
        Line {
            id: operation.id.clone(),
            client: operation.client.clone(),
            call: operation.call,
            returned: operation.returned_at(),
            text: words::describe(operation),
            misplaced: violation.misplaced.contains(&number),
        }
    };
    Explanation {
        key: None,
        sentence: violation.sentence.clone(),
        prefix: order.map(|order| order.before(violation.revision)),
        misplaced: violation.misplaced.iter().map(|&number| operations[number].id.clone()).collect(),
        window: shown.into_iter().map(line).collect(),
    }
}
