//! Ways to spoil a history of registers. Each takes a legal one in which all written values differ, and returns one of which it is
//! certain, by the reason given, that it is not linearizable; or nothing where there is no place for it.

use quorate_linearizability::{Ending, RegisterAction, RegisterOperation, RegisterRequest, RegisterResponse};
use serde_json::{Value, json};

use crate::dice::Dice;

pub(crate) type Operations = Vec<RegisterOperation>;
pub(crate) type Mutation = fn(&mut Dice, Operations) -> Option<Operations>;

pub(crate) const ALL: [(&str, Mutation); 15] = [
    ("stale read", stale_read),
    ("stale read of what was never written", read_of_the_initial_value),
    ("read of an unwritten value", read_of_an_unwritten_value),
    ("read of a write that surely failed", read_of_a_failed_write),
    ("read from the future", read_from_the_future),
    ("swapped results", swapped_results),
    ("lost write", lost_write),
    ("reordered real time", reordered_real_time),
    ("duplicate effect", duplicate_effect),
    ("duplicate effect of an unknown write", duplicate_effect_of_an_unknown_write),
    ("new-old inversion", new_old_inversion),
    ("swap that should have been refused", swap_that_should_have_been_refused),
    ("refused swap that should have been done", refused_swap_that_should_have_been_done),
    ("two swaps from one value", two_swaps_from_one_value),
    ("effect of a refused swap", effect_of_a_refused_swap),
];

fn value_read(operation: &RegisterOperation) -> Option<&Value> {
    match &operation.ending {
        Ending::Returned { response: RegisterResponse::Value(value), .. } => Some(value),
        _ => None,
    }
}

/// What an operation that was answered has certainly written.
fn value_written(operation: &RegisterOperation) -> Option<&Value> {
    match (&operation.request.action, &operation.ending) {
        (RegisterAction::Write(value), Ending::Returned { .. }) => Some(value),
        (
            RegisterAction::CompareAndSwap { new, .. },
            Ending::Returned { response: RegisterResponse::Swapped(true), .. },
        ) => Some(new),
        _ => None,
    }
}

fn key(operation: &RegisterOperation) -> &str {
    &operation.request.key
}

/// Whether `one` had returned before `other` was called, on the same key.
fn precedes(one: &RegisterOperation, other: &RegisterOperation) -> bool {
    key(one) == key(other) && one.returned_at().is_some_and(|at| at < other.call)
}

fn answer(operation: &mut RegisterOperation, new: RegisterResponse) {
    if let Ending::Returned { response, .. } = &mut operation.ending {
        *response = new;
    }
}

/// Some pair of places that `fits`.
fn pair(
    dice: &mut Dice,
    operations: &Operations,
    fits: impl Fn(&RegisterOperation, &RegisterOperation) -> bool,
) -> Option<(usize, usize)> {
    let count = operations.len();
    let pairs = (0..count * count).map(|both| (both / count, both % count));
    let fitting: Vec<_> = pairs.filter(|&(one, other)| fits(&operations[one], &operations[other])).collect();
    dice.pick(&fitting).copied()
}

/// Two writes, one wholly after the other, and something wholly after both that `fits`.
fn overwritten(
    dice: &mut Dice,
    operations: &Operations,
    fits: impl Fn(&RegisterOperation) -> bool,
) -> Option<(Value, usize)> {
    let (new, late) =
        pair(dice, operations, |new, late| value_written(new).is_some() && precedes(new, late) && fits(late))?;
    let older = operations.iter().filter(|old| value_written(old).is_some() && precedes(old, &operations[new]));
    let older: Vec<_> = older.filter_map(value_written).collect();
    Some(((*dice.pick(&older)?).clone(), late))
}

/// The old value's only write is wholly before another, and that wholly before the read.
fn stale_read(dice: &mut Dice, mut operations: Operations) -> Option<Operations> {
    let (old, read) = overwritten(dice, &operations, |late| value_read(late).is_some())?;
    answer(&mut operations[read], RegisterResponse::Value(old));
    Some(operations)
}

/// Nobody writes null, and something was written before the read.
fn read_of_the_initial_value(dice: &mut Dice, mut operations: Operations) -> Option<Operations> {
    let fits = |write: &RegisterOperation, read: &RegisterOperation| {
        value_written(write).is_some() && value_read(read).is_some() && precedes(write, read)
    };
    let (_, read) = pair(dice, &operations, fits)?;
    answer(&mut operations[read], RegisterResponse::Value(Value::Null));
    Some(operations)
}

fn read_of_an_unwritten_value(dice: &mut Dice, mut operations: Operations) -> Option<Operations> {
    let (read, _) = pair(dice, &operations, |read, _| value_read(read).is_some())?;
    answer(&mut operations[read], RegisterResponse::Value(json!("never")));
    Some(operations)
}

fn read_of_a_failed_write(dice: &mut Dice, mut operations: Operations) -> Option<Operations> {
    let fits = |failed: &RegisterOperation, read: &RegisterOperation| {
        failed.ending == Ending::Failed
            && matches!(failed.request.action, RegisterAction::Write(_))
            && value_read(read).is_some()
            && key(failed) == key(read)
    };
    let (failed, read) = pair(dice, &operations, fits)?;
    let RegisterAction::Write(value) = operations[failed].request.action.clone() else { return None };
    answer(&mut operations[read], RegisterResponse::Value(value));
    Some(operations)
}

/// The value's only write is called after the read returned.
fn read_from_the_future(dice: &mut Dice, mut operations: Operations) -> Option<Operations> {
    let fits = |read: &RegisterOperation, write: &RegisterOperation| {
        value_read(read).is_some() && value_written(write).is_some() && precedes(read, write)
    };
    let (read, write) = pair(dice, &operations, fits)?;
    let value = value_written(&operations[write])?.clone();
    answer(&mut operations[read], RegisterResponse::Value(value));
    Some(operations)
}

/// The first read gets a value that is written only after it returned.
fn swapped_results(dice: &mut Dice, mut operations: Operations) -> Option<Operations> {
    let writes: Vec<_> = operations.iter().filter(|write| value_written(write).is_some()).cloned().collect();
    let fits = |early: &RegisterOperation, late: &RegisterOperation| {
        let written_between =
            |value| writes.iter().any(|write| value_written(write) == Some(value) && precedes(early, write));
        value_read(early).is_some() && key(early) == key(late) && value_read(late).is_some_and(written_between)
    };
    let (early, late) = pair(dice, &operations, fits)?;
    let values = [early, late].map(|read| value_read(&operations[read]).cloned());
    let [Some(first), Some(second)] = values else { return None };
    answer(&mut operations[early], RegisterResponse::Value(second));
    answer(&mut operations[late], RegisterResponse::Value(first));
    Some(operations)
}

/// All that saw a write see what was there before it; one of them began after the write, which began after the write before it.
fn lost_write(dice: &mut Dice, mut operations: Operations) -> Option<Operations> {
    let fits = |write: &RegisterOperation, read: &RegisterOperation| {
        value_written(write).is_some() && value_read(read) == value_written(write) && precedes(write, read)
    };
    let (write, _) = pair(dice, &operations, fits)?;
    let older = operations.iter().filter(|old| value_written(old).is_some() && precedes(old, &operations[write]));
    let older: Vec<Value> = older.filter_map(value_written).cloned().collect();
    let (old, lost) = (dice.pick(&older)?.clone(), value_written(&operations[write])?.clone());
    for operation in &mut operations {
        if value_read(operation) == Some(&lost) {
            answer(operation, RegisterResponse::Value(old.clone()));
        }
    }
    Some(operations)
}

/// A read is moved to before the call of the only write of its value.
fn reordered_real_time(dice: &mut Dice, mut operations: Operations) -> Option<Operations> {
    let fits = |write: &RegisterOperation, read: &RegisterOperation| {
        write.call >= 2
            && key(write) == key(read)
            && value_written(write).is_some()
            && value_read(read) == value_written(write)
    };
    let (write, read) = pair(dice, &operations, fits)?;
    let before = operations[write].call - 1;
    let response = RegisterResponse::Value(value_read(&operations[read])?.clone());
    let operation = &mut operations[read];
    operation.client = "moved".to_owned();
    operation.call = before - 1;
    operation.ending = Ending::Returned { at: before, response };
    Some(operations)
}

/// Adds operations at the end, one after the other in time, by clients of their own.
fn append(operations: &mut Operations, added: &[(RegisterAction, RegisterResponse)]) {
    let end = operations.iter().flat_map(|operation| [operation.call, operation.returned_at().unwrap_or(0)]).max();
    let key = operations[0].request.key.clone();
    let mut now = end.unwrap_or(0) + 10;
    for (action, response) in added {
        operations.push(RegisterOperation {
            id: format!("added{now}"),
            client: format!("adder{now}"),
            call: now,
            request: RegisterRequest { key: key.clone(), action: action.clone() },
            ending: Ending::Returned { at: now + 5, response: response.clone() },
        });
        now += 10;
    }
}

fn write(value: &str) -> (RegisterAction, RegisterResponse) {
    (RegisterAction::Write(json!(value)), RegisterResponse::Written)
}

fn read(value: &str) -> (RegisterAction, RegisterResponse) {
    (RegisterAction::Read, RegisterResponse::Value(json!(value)))
}

fn swap(expected: &str, new: &str, done: bool) -> (RegisterAction, RegisterResponse) {
    let action = RegisterAction::CompareAndSwap { expected: json!(expected), new: json!(new) };
    (action, RegisterResponse::Swapped(done))
}

/// A is written once, but seen before and after B.
fn duplicate_effect(_: &mut Dice, mut operations: Operations) -> Option<Operations> {
    append(&mut operations, &[write("A"), read("A"), write("B"), read("B"), read("A")]);
    Some(operations)
}

/// The same, where nobody knows whether A was written at all.
fn duplicate_effect_of_an_unknown_write(_: &mut Dice, mut operations: Operations) -> Option<Operations> {
    append(&mut operations, &[write("A"), read("A"), write("B"), read("A"), read("B"), read("A")]);
    let unknown = operations.len() - 6;
    operations[unknown].ending = Ending::Unknown;
    Some(operations)
}

/// While B is written, one read sees it, and a later one A again.
fn new_old_inversion(_: &mut Dice, mut operations: Operations) -> Option<Operations> {
    append(&mut operations, &[write("A"), write("B"), read("B"), read("A")]);
    let long = operations.len() - 3;
    let call = operations[long].call;
    operations[long].ending = Ending::Returned { at: call + 1000, response: RegisterResponse::Written };
    Some(operations)
}

/// What it expects was overwritten before it was called.
fn swap_that_should_have_been_refused(dice: &mut Dice, mut operations: Operations) -> Option<Operations> {
    let is_swap = |late: &RegisterOperation| {
        matches!(late.ending, Ending::Returned { response: RegisterResponse::Swapped(_), .. })
    };
    let (old, late) = overwritten(dice, &operations, is_swap)?;
    let RegisterAction::CompareAndSwap { expected, .. } = &mut operations[late].request.action else { return None };
    *expected = old;
    answer(&mut operations[late], RegisterResponse::Swapped(true));
    Some(operations)
}

/// A is there before and after it, and was written once.
fn refused_swap_that_should_have_been_done(_: &mut Dice, mut operations: Operations) -> Option<Operations> {
    append(&mut operations, &[write("A"), read("A"), swap("A", "B", false), read("A")]);
    Some(operations)
}

fn two_swaps_from_one_value(_: &mut Dice, mut operations: Operations) -> Option<Operations> {
    append(&mut operations, &[write("A"), swap("A", "B", true), swap("A", "C", true)]);
    let first = operations.len() - 2;
    let call = operations[first].call;
    operations[first].ending = Ending::Returned { at: call + 1000, response: RegisterResponse::Swapped(true) };
    Some(operations)
}

/// Its new value is written by nobody else.
fn effect_of_a_refused_swap(dice: &mut Dice, mut operations: Operations) -> Option<Operations> {
    let fits = |refused: &RegisterOperation, read: &RegisterOperation| {
        let is_refused = matches!(refused.ending, Ending::Returned { response: RegisterResponse::Swapped(false), .. });
        is_refused && value_read(read).is_some() && precedes(refused, read)
    };
    let (refused, read) = pair(dice, &operations, fits)?;
    let RegisterAction::CompareAndSwap { new, .. } = operations[refused].request.action.clone() else { return None };
    answer(&mut operations[read], RegisterResponse::Value(new));
    Some(operations)
}
