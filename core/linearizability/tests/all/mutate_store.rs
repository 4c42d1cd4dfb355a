//! Ways to spoil a history of a store. Each takes a legal one in which all put values differ and all outcomes are known, and returns
//! one of which it is certain, by the reason given, that it is wrong; or nothing where there is no place for it.

use quorate_linearizability::{Action, ActionResult, Ending, KeyRange, Row, Steps, StoreOperation, StoreResponse};

use crate::dice::Dice;
use crate::make::Made;

pub(crate) type Mutation = fn(&mut Dice, Made) -> Option<Made>;

pub(crate) const ALL: [(&str, Mutation); 20] = [
    ("stale read", stale_read),
    ("stale read with the newest revision", stale_rows),
    ("lost put", lost_put),
    ("lost put that makes no revision", put_without_revision),
    ("duplicate effect", duplicate_effect),
    ("swapped revisions", swapped_revisions),
    ("one revision twice", one_revision_twice),
    ("read of an unwritten value", unwritten_value),
    ("row that is missing", missing_row),
    ("row that was deleted or never there", phantom_row),
    ("wrong mod revision", wrong_mod_revision),
    ("wrong create revision", wrong_create_revision),
    ("wrong version", wrong_version),
    ("wrong count of deleted keys", wrong_deleted),
    ("condition that should have held", condition_that_should_have_held),
    ("condition that should not have held", condition_that_should_not_have_held),
    ("effect of what surely failed", effect_of_a_failed_put),
    ("read from the future", read_from_the_future),
    ("reordered real time", reordered_real_time),
    ("revision that nobody can have seen", revision_from_nowhere),
];

fn response(operation: &StoreOperation) -> Option<&StoreResponse> {
    match &operation.ending {
        Ending::Returned { response, .. } => Some(response),
        Ending::Failed | Ending::Unknown => None,
    }
}

fn response_mut(operation: &mut StoreOperation) -> Option<&mut StoreResponse> {
    match &mut operation.ending {
        Ending::Returned { response, .. } => Some(response),
        Ending::Failed | Ending::Unknown => None,
    }
}

fn is_change(operation: &StoreOperation) -> bool {
    response(operation).is_some_and(StoreResponse::changed_something)
}

fn is_put(operation: &StoreOperation) -> bool {
    is_change(operation) && matches!(operation.request.steps, Steps::One(Action::Put { .. }))
}

/// The range of a single get of the newest state.
fn range(operation: &StoreOperation) -> Option<&KeyRange> {
    match &operation.request.steps {
        Steps::One(Action::Get(range)) if operation.request.at.is_none() && response(operation).is_some() => {
            Some(range)
        }
        _ => None,
    }
}

fn is_linearizable_get(operation: &StoreOperation) -> bool {
    range(operation).is_some() && !operation.request.serializable
}

fn revision(operation: &StoreOperation) -> u64 {
    response(operation).map_or(0, |response| response.revision)
}

fn precedes(one: &StoreOperation, other: &StoreOperation) -> bool {
    one.returned_at().is_some_and(|at| at < other.call)
}

fn one(dice: &mut Dice, made: &Made, fits: impl Fn(&StoreOperation) -> bool) -> Option<usize> {
    let fitting: Vec<_> = (0..made.operations.len()).filter(|&number| fits(&made.operations[number])).collect();
    dice.pick(&fitting).copied()
}

fn pair(
    dice: &mut Dice,
    made: &Made,
    fits: impl Fn(&StoreOperation, &StoreOperation) -> bool,
) -> Option<(usize, usize)> {
    let count = made.operations.len();
    let pairs = (0..count * count).map(|both| (both / count, both % count));
    let fitting: Vec<_> = pairs.filter(|&(one, other)| fits(&made.operations[one], &made.operations[other])).collect();
    dice.pick(&fitting).copied()
}

/// Some row of some answered get or transaction.
fn any_row(dice: &mut Dice, made: &mut Made, change: impl Fn(&mut Row)) -> Option<()> {
    let rows = made.operations.iter_mut().filter_map(response_mut).flat_map(|response| &mut response.results);
    let mut rows: Vec<&mut Row> = rows
        .filter_map(|result| if let ActionResult::Rows(rows) = result { Some(rows) } else { None })
        .flatten()
        .collect();
    if rows.is_empty() {
        return None;
    }
    let row = dice.below(rows.len());
    change(rows[row]);
    Some(())
}

fn set_rows(operation: &mut StoreOperation, revision: u64, rows: Vec<Row>) {
    if let Some(response) = response_mut(operation) {
        response.revision = revision;
        response.results = vec![ActionResult::Rows(rows)];
    }
}

/// A linearizable get is answered by the state before a change that had returned before it was called.
fn stale_read(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let (change, get) =
        pair(dice, &made, |change, get| is_change(change) && is_linearizable_get(get) && precedes(change, get))?;
    let old = revision(&made.operations[change]) - 1;
    let rows = made.rows(range(&made.operations[get])?, old);
    set_rows(&mut made.operations[get], old, rows);
    Some(made)
}

/// Rows of an older state under the revision of the newer one, where the two differ.
fn stale_rows(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let get = one(dice, &made, |get| {
        range(get).is_some_and(|range| {
            let revision = revision(get);
            revision > 1 && made.rows(range, revision) != made.rows(range, revision - 1)
        })
    })?;
    let revision = revision(&made.operations[get]);
    let rows = made.rows(range(&made.operations[get])?, revision - 1);
    set_rows(&mut made.operations[get], revision, rows);
    Some(made)
}

/// The put is gone, the revision after it is there.
fn lost_put(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let last = made.states.len() as u64;
    let seen = made.operations.iter().any(|operation| !is_change(operation) && revision(operation) == last);
    let put = one(dice, &made, |put| is_put(put) && (seen || revision(put) < last))?;
    made.operations.remove(put);
    Some(made)
}

/// A put that answers with the revision of the change before it.
fn put_without_revision(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let put = one(dice, &made, |put| is_put(put) && revision(put) > 2)?;
    response_mut(&mut made.operations[put])?.revision -= 1;
    Some(made)
}

/// All later revisions are one higher, as if the put had been done twice.
fn duplicate_effect(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let last = made.states.len() as u64;
    let put = one(dice, &made, |put| is_put(put) && revision(put) < last)?;
    let twice = revision(&made.operations[put]);
    let shift = |revision: &mut u64| *revision += u64::from(*revision > twice);
    for operation in &mut made.operations {
        operation.request.at.as_mut().map(shift);
        let Some(response) = response_mut(operation) else { continue };
        shift(&mut response.revision);
        for result in &mut response.results {
            let ActionResult::Rows(rows) = result else { continue };
            for row in rows {
                [&mut row.mod_revision, &mut row.create_revision].into_iter().flatten().for_each(shift);
            }
        }
    }
    // Conditions on revisions could hold or not by this; those of the generator compare what is there with itself.
    made.operations.iter().any(|operation| is_change(operation) && revision(operation) > twice).then_some(made)
}

/// The later of two changes has the lower revision.
fn swapped_revisions(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let (first, second) =
        pair(dice, &made, |first, second| is_change(first) && is_change(second) && precedes(first, second))?;
    let revisions = [first, second].map(|number| revision(&made.operations[number]));
    response_mut(&mut made.operations[first])?.revision = revisions[1];
    response_mut(&mut made.operations[second])?.revision = revisions[0];
    Some(made)
}

fn one_revision_twice(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let (first, second) =
        pair(dice, &made, |first, second| is_put(first) && is_change(second) && first.id != second.id)?;
    response_mut(&mut made.operations[first])?.revision = revision(&made.operations[second]);
    Some(made)
}

fn unwritten_value(dice: &mut Dice, mut made: Made) -> Option<Made> {
    any_row(dice, &mut made, |row| row.value = "never".to_owned())?;
    Some(made)
}

fn missing_row(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let get = one(dice, &made, |get| range(get).is_some_and(|range| !made.rows(range, revision(get)).is_empty()))?;
    let revision = revision(&made.operations[get]);
    let mut rows = made.rows(range(&made.operations[get])?, revision);
    rows.remove(dice.below(rows.len()));
    set_rows(&mut made.operations[get], revision, rows);
    Some(made)
}

/// Of an older state, a row whose key is not there any more.
fn phantom_row(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let phantom = |made: &Made, get: &StoreOperation| {
        let (range, now) = (range(get)?, revision(get));
        let rows = made.rows(range, now);
        let is_gone = |row: &Row| rows.iter().all(|there| there.key != row.key);
        (1..now).rev().find_map(|old| made.rows(range, old).into_iter().find(|row| is_gone(row)))
    };
    let get = one(dice, &made, |get| phantom(&made, get).is_some())?;
    let revision = revision(&made.operations[get]);
    let mut rows = made.rows(range(&made.operations[get])?, revision);
    rows.extend(phantom(&made, &made.operations[get]));
    set_rows(&mut made.operations[get], revision, rows);
    Some(made)
}

fn wrong_mod_revision(dice: &mut Dice, mut made: Made) -> Option<Made> {
    any_row(dice, &mut made, |row| row.mod_revision = row.mod_revision.map(|revision| revision - 1))?;
    Some(made)
}

fn wrong_create_revision(dice: &mut Dice, mut made: Made) -> Option<Made> {
    any_row(dice, &mut made, |row| row.create_revision = row.create_revision.map(|revision| revision + 1))?;
    Some(made)
}

fn wrong_version(dice: &mut Dice, mut made: Made) -> Option<Made> {
    any_row(dice, &mut made, |row| row.version = row.version.map(|version| version + 1))?;
    Some(made)
}

fn wrong_deleted(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let delete =
        one(dice, &made, |delete| is_change(delete) && matches!(delete.request.steps, Steps::One(Action::Delete(_))))?;
    response_mut(&mut made.operations[delete])?.results = vec![ActionResult::Deleted(99)];
    Some(made)
}

/// Its revision stays, so that only the answer is wrong; an empty list did nothing, so it then lacks a maker.
fn condition_that_should_have_held(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let last = made.states.len() as u64;
    let txn = one(dice, &made, |txn| {
        let is_txn = matches!(&txn.request.steps, Steps::Txn { failure, .. } if failure.is_empty());
        is_txn && is_change(txn) && revision(txn) < last && response(txn).is_some_and(|response| response.succeeded)
    })?;
    let response = response_mut(&mut made.operations[txn])?;
    (response.succeeded, response.results) = (false, Vec::new());
    Some(made)
}

/// It claims to have put and read at a revision that it did not make.
fn condition_that_should_not_have_held(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let txn = one(dice, &made, |txn| {
        matches!(txn.request.steps, Steps::Txn { .. }) && response(txn).is_some_and(|response| !response.succeeded)
    })?;
    let response = response_mut(&mut made.operations[txn])?;
    (response.succeeded, response.results) = (true, vec![ActionResult::Put, ActionResult::Rows(Vec::new())]);
    Some(made)
}

/// A put whose revision is there is said to have had no effect.
fn effect_of_a_failed_put(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let last = made.states.len() as u64;
    let seen = made.operations.iter().any(|operation| !is_change(operation) && revision(operation) == last);
    let put = one(dice, &made, |put| is_put(put) && (seen || revision(put) < last))?;
    made.operations[put].ending = Ending::Failed;
    Some(made)
}

/// Even a serializable read sees nothing whose change was not even called when it returned.
fn read_from_the_future(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let (get, change) = pair(dice, &made, |get, change| {
        is_change(change) && range(get).is_some() && get.request.serializable && precedes(get, change)
    })?;
    let future = revision(&made.operations[change]);
    let rows = made.rows(range(&made.operations[get])?, future);
    set_rows(&mut made.operations[get], future, rows);
    Some(made)
}

/// A put is moved to after the end of all, though others had seen it.
fn reordered_real_time(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let (put, _) =
        pair(dice, &made, |put, other| is_put(put) && other.id != put.id && revision(other) >= revision(put))?;
    let end = made.operations.iter().filter_map(StoreOperation::returned_at).max()?;
    let operation = &mut made.operations[put];
    operation.client = "moved".to_owned();
    operation.call = end + 1;
    let Ending::Returned { at, .. } = &mut operation.ending else { return None };
    *at = end + 2;
    Some(made)
}

/// A read says that the store is further than anybody brought it.
fn revision_from_nowhere(dice: &mut Dice, mut made: Made) -> Option<Made> {
    let get = one(dice, &made, |get| range(get).is_some())?;
    let beyond = made.states.len() as u64 + 1 + dice.time(0, 1 << 40);
    response_mut(&mut made.operations[get])?.revision = beyond;
    Some(made)
}
