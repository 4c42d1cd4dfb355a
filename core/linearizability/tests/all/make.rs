//! Legal histories: clients with random calls and returns, and for each operation a random moment in between (or, if nobody got its
//! answer, at any time later or never) at which it is done on a simple register or store.

use std::collections::BTreeMap;

use quorate_linearizability::{
    Action, ActionResult, Compare, Ending, KeyRange, RegisterAction, RegisterHistory, RegisterOperation,
    RegisterRequest, RegisterResponse, Relation, Row, Steps, StoreHistory, StoreOperation, StoreRequest, StoreResponse,
    Target,
};
use serde_json::{Value, json};

use crate::dice::Dice;

/// What kind of history to make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) clients: usize,
    pub(crate) keys: usize,
    pub(crate) operations: usize,
    /// In percent of all operations.
    pub(crate) unknown: usize,
    pub(crate) failed: usize,
}

impl Shape {
    pub(crate) fn any(dice: &mut Dice) -> Self {
        Self {
            clients: 1 + dice.below(8),
            keys: 1 + dice.below(4),
            operations: 10 + dice.below(110),
            unknown: [0, 3, 10][dice.below(3)],
            failed: dice.below(5),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Answered,
    Unknown { happens: bool },
    Failed,
}

/// When an operation is called, done and answered.
#[derive(Debug)]
struct Span {
    client: usize,
    call: u64,
    point: u64,
    returned: u64,
    fate: Fate,
}

/// By the moments at which they are done.
fn spans(dice: &mut Dice, shape: Shape) -> Vec<Span> {
    let mut spans = Vec::new();
    for client in 0..shape.clients {
        let mut now = dice.time(0, 1000);
        for _ in 0..shape.operations.div_ceil(shape.clients) {
            let call = now + dice.time(1, 400);
            let returned = call + dice.time(2, 1000);
            now = returned;
            let fate = match dice.below(100) {
                roll if roll < shape.unknown => Fate::Unknown { happens: dice.percent(60) },
                roll if roll < shape.unknown + shape.failed => Fate::Failed,
                _ => Fate::Answered,
            };
            let latest = if fate == Fate::Answered { returned } else { returned + dice.time(1, 5000) };
            spans.push(Span { client, call, point: dice.time(call, latest), returned, fate });
        }
    }
    spans.sort_by_key(|span| (span.point, span.call, span.client));
    spans
}

fn ending<R>(span: &Span, response: R) -> Ending<R> {
    match span.fate {
        Fate::Answered => Ending::Returned { at: span.returned, response },
        Fate::Unknown { .. } => Ending::Unknown,
        Fate::Failed => Ending::Failed,
    }
}

fn happens(span: &Span) -> bool {
    matches!(span.fate, Fate::Answered | Fate::Unknown { happens: true })
}

/// All written values differ.
pub(crate) fn registers(dice: &mut Dice, shape: Shape) -> Vec<RegisterOperation> {
    let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut operations = Vec::new();
    for (number, span) in spans(dice, shape).iter().enumerate() {
        let key = format!("k{}", dice.below(shape.keys));
        let past = values.entry(key.clone()).or_insert_with(|| vec![Value::Null]);
        let (now, new) = (past.last().cloned().unwrap(), json!(number + 1));
        let (action, response, value) = match dice.below(10) {
            0..5 => (RegisterAction::Read, RegisterResponse::Value(now), None),
            5..8 => (RegisterAction::Write(new.clone()), RegisterResponse::Written, Some(new)),
            _ => {
                let guess = if dice.percent(70) { past.len() - 1 } else { dice.below(past.len()) };
                let expected = past[guess].clone();
                let swaps = expected == now;
                let action = RegisterAction::CompareAndSwap { expected, new: new.clone() };
                (action, RegisterResponse::Swapped(swaps), swaps.then_some(new))
            }
        };
        if happens(span) {
            past.extend(value);
        }
        operations.push(RegisterOperation {
            id: number.to_string(),
            client: format!("c{}", span.client),
            call: span.call,
            request: RegisterRequest { key, action },
            ending: ending(span, response),
        });
    }
    operations
}

pub(crate) fn register_history(operations: Vec<RegisterOperation>) -> quorate_linearizability::History {
    quorate_linearizability::History::Registers(RegisterHistory::new([].into(), operations).unwrap())
}

/// A history of a store, with its states: by revision from 1.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) operations: Vec<StoreOperation>,
    pub(crate) states: Vec<BTreeMap<String, Row>>,
}

impl Made {
    pub(crate) fn history(self) -> quorate_linearizability::History {
        quorate_linearizability::History::Store(StoreHistory::new(1, Vec::new(), self.operations).unwrap())
    }

    pub(crate) fn rows(&self, range: &KeyRange, revision: u64) -> Vec<Row> {
        rows(&self.states[usize::try_from(revision).unwrap() - 1], range)
    }
}

fn rows(state: &BTreeMap<String, Row>, range: &KeyRange) -> Vec<Row> {
    state.values().filter(|row| range.contains(&row.key)).cloned().collect()
}

fn any_range(dice: &mut Dice, keys: usize) -> KeyRange {
    let key = format!("k{}", dice.below(keys));
    let end = [None, None, Some("k3".to_owned()), Some("\0".to_owned())][dice.below(4)].clone();
    KeyRange { key, end }
}

fn any_request(dice: &mut Dice, keys: usize, number: usize, state: &BTreeMap<String, Row>) -> StoreRequest {
    let key = format!("k{}", dice.below(keys));
    let put = Action::Put { key: key.clone(), value: format!("v{number}") };
    let get = Action::Get(any_range(dice, keys));
    let delete = Action::Delete(any_range(dice, keys));
    let steps = match dice.below(10) {
        0..4 => Steps::One(get),
        4..7 => Steps::One(put),
        7 => Steps::One(delete),
        _ => {
            let found = state.get(&key).filter(|_| dice.percent(70));
            let (target, relation) = match (dice.below(4), found) {
                (0, Some(row)) => (Target::Value(row.value.clone()), Relation::Equal),
                (1, Some(row)) => (Target::ModRevision(row.mod_revision.unwrap() + 1), Relation::Less),
                (2, Some(row)) => (Target::CreateRevision(row.create_revision.unwrap()), Relation::Equal),
                (_, Some(row)) => (Target::Version(row.version.unwrap()), Relation::NotEqual),
                (_, None) => (Target::Version(0), Relation::Greater),
            };
            let compare = vec![Compare { key, target, relation }];
            Steps::Txn {
                compare,
                success: vec![put, get],
                failure: if dice.percent(50) { vec![delete] } else { vec![] },
            }
        }
    };
    let only_reads = matches!(steps, Steps::One(Action::Get(_)));
    StoreRequest { serializable: only_reads && dice.percent(30), at: None, steps }
}

fn condition_holds(compare: &Compare, state: &BTreeMap<String, Row>) -> bool {
    let row = state.get(&compare.key);
    let number = |field: fn(&Row) -> Option<u64>| row.and_then(field).unwrap_or(0);
    let (found, target) = match &compare.target {
        Target::Value(value) => return row.is_some_and(|row| row.value == *value),
        Target::Version(target) => (number(|row| row.version), target),
        Target::CreateRevision(target) => (number(|row| row.create_revision), target),
        Target::ModRevision(target) => (number(|row| row.mod_revision), target),
    };
    match compare.relation {
        Relation::Equal => found == *target,
        Relation::NotEqual => found != *target,
        Relation::Less => found < *target,
        Relation::Greater => found > *target,
    }
}

pub(crate) fn run(steps: &Steps, state: &mut BTreeMap<String, Row>, revision: u64) -> (bool, Vec<ActionResult>) {
    let succeeded = match steps {
        Steps::One(_) => true,
        Steps::Txn { compare, .. } => compare.iter().all(|compare| condition_holds(compare, state)),
    };
    let results = steps.branch(succeeded).iter().map(|action| match action {
        Action::Get(range) => ActionResult::Rows(rows(state, range)),
        Action::Put { key, value } => {
            let before = state.get(key);
            let row = Row {
                key: key.clone(),
                value: value.clone(),
                create_revision: before.map_or(Some(revision), |row| row.create_revision),
                mod_revision: Some(revision),
                version: Some(before.and_then(|row| row.version).unwrap_or(0) + 1),
            };
            state.insert(key.clone(), row);
            ActionResult::Put
        }
        Action::Delete(range) => {
            let before = state.len();
            state.retain(|key, _| !range.contains(key));
            ActionResult::Deleted((before - state.len()) as u64)
        }
    });
    (succeeded, results.collect())
}

/// All put values differ.
pub(crate) fn store(dice: &mut Dice, shape: Shape) -> Made {
    let mut made = Made { operations: Vec::new(), states: vec![BTreeMap::new()] };
    for (number, span) in spans(dice, shape).iter().enumerate() {
        let mut state = made.states.last().unwrap().clone();
        let mut request = any_request(dice, shape.keys, number, &state);
        let mut revision = made.states.len() as u64;
        if request.serializable {
            revision = dice.time(revision.saturating_sub(4).max(1), revision + 1);
            state = made.states[usize::try_from(revision).unwrap() - 1].clone();
        } else if matches!(request.steps, Steps::One(Action::Get(_))) && dice.percent(20) {
            let at = dice.time(1, revision + 1);
            request.at = Some(at);
            state = made.states[usize::try_from(at).unwrap() - 1].clone();
        }
        let (succeeded, results) = run(&request.steps, &mut state, revision + 1);
        let mut response = StoreResponse { revision, succeeded, results };
        if response.changed_something() && happens(span) {
            made.states.push(state);
            response.revision += 1;
        }
        made.operations.push(StoreOperation {
            id: number.to_string(),
            client: format!("c{}", span.client),
            call: span.call,
            request,
            ending: ending(span, response),
        });
    }
    made
}
