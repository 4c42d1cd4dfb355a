//! Requests and answers in the words of a history of a whole store. What the format does not have is nothing here.

use bytes::Bytes;
use linearizability::{
    Action, ActionResult, Compare, KeyRange, Operation, Relation, Row, Steps, StoreRequest, StoreResponse, Target,
};
use store::{
    Command, CompareResult, CompareTarget, DeleteRangeRequest, KeyValue, Outcome, RangeRequest, RequestOp, Response,
    ResponseOp, TxnRequest,
};

use super::{Asked, Line, is_of_one_key, text};

pub(super) fn line(line: &Line) -> Option<Operation<StoreRequest, StoreResponse>> {
    let (steps, response) = match &line.asked {
        Asked::Read(range, answer, _) => {
            let results = vec![ActionResult::Rows(answer.kvs.iter().map(row).collect())];
            let response = StoreResponse { revision: number_of(answer.revision), succeeded: true, results };
            (Steps::One(get(range)?), response)
        }
        Asked::Write(command, outcome, _) => (write(command)?, written(outcome)?),
    };
    let request = StoreRequest { steps, at: None, serializable: false };
    let ending = line.asked.ending(response);
    Some(Operation { id: line.number.to_string(), client: line.client(), call: line.call, request, ending })
}

fn get(range: &RangeRequest) -> Option<Action> {
    (range.limit == 0).then(|| Action::Get(key_range(&range.key, &range.range_end)))
}

fn write(command: &Command) -> Option<Steps> {
    Some(match command {
        Command::Put(put) => Steps::One(Action::Put { key: text(&put.key), value: text(&put.value) }),
        Command::DeleteRange(delete) => Steps::One(delete_action(delete)),
        Command::Txn(TxnRequest { compare, success, failure }) => Steps::Txn {
            compare: compare.iter().map(condition).collect::<Option<_>>()?,
            success: success.iter().map(action).collect::<Option<_>>()?,
            failure: failure.iter().map(action).collect::<Option<_>>()?,
        },
        Command::Compact { .. } => return None,
    })
}

fn action(op: &RequestOp) -> Option<Action> {
    match op {
        RequestOp::Range(range) => get(range),
        RequestOp::Put(put) => Some(Action::Put { key: text(&put.key), value: text(&put.value) }),
        RequestOp::DeleteRange(delete) => Some(delete_action(delete)),
        RequestOp::Txn(_) => None,
    }
}

fn delete_action(delete: &DeleteRangeRequest) -> Action {
    let end = if is_of_one_key(delete) { Bytes::new() } else { delete.range_end.clone() };
    Action::Delete(key_range(&delete.key, &end))
}

fn key_range(key: &Bytes, end: &Bytes) -> KeyRange {
    KeyRange { key: text(key), end: (!end.is_empty()).then(|| text(end)) }
}

fn condition(compare: &store::Compare) -> Option<Compare> {
    if !compare.range_end.is_empty() {
        return None;
    }
    let mut relation = match compare.result {
        CompareResult::Equal => Relation::Equal,
        CompareResult::NotEqual => Relation::NotEqual,
        CompareResult::Less => Relation::Less,
        CompareResult::Greater => Relation::Greater,
    };
    let mut figure = |figure: i64| {
        u64::try_from(figure).unwrap_or_else(|_| match relation {
            // No figure is below zero: this never holds.
            Relation::Equal | Relation::Less => {
                relation = Relation::Less;
                0
            }
            Relation::NotEqual | Relation::Greater => {
                relation = Relation::NotEqual;
                u64::MAX
            }
        })
    };
    let target = match &compare.target {
        CompareTarget::Version(version) => Target::Version(figure(*version)),
        CompareTarget::CreateRevision(revision) => Target::CreateRevision(figure(*revision)),
        CompareTarget::ModRevision(revision) => Target::ModRevision(figure(*revision)),
        CompareTarget::Value(value) => Target::Value(text(value)),
        CompareTarget::Lease(_) => return None,
    };
    Some(Compare { key: text(&compare.key), target, relation })
}

fn written(outcome: &Outcome) -> Option<StoreResponse> {
    let (succeeded, results) = match outcome.result.as_ref().ok()? {
        Response::Put(_) => (true, vec![ActionResult::Put]),
        Response::DeleteRange(delete) => (true, vec![ActionResult::Deleted(number_of(delete.deleted))]),
        Response::Txn(txn) => (txn.succeeded, txn.responses.iter().filter_map(done).collect()),
        Response::Compact => return None,
    };
    Some(StoreResponse { revision: number_of(outcome.revision), succeeded, results })
}

fn done(response: &ResponseOp) -> Option<ActionResult> {
    match response {
        ResponseOp::Put(_) => Some(ActionResult::Put),
        ResponseOp::DeleteRange(delete) => Some(ActionResult::Deleted(number_of(delete.deleted))),
        ResponseOp::Range(range) => Some(ActionResult::Rows(range.kvs.iter().map(row).collect())),
        ResponseOp::Txn(_) => None,
    }
}

fn row(pair: &KeyValue) -> Row {
    Row {
        key: text(&pair.key),
        value: text(&pair.value),
        create_revision: u64::try_from(pair.create_revision).ok(),
        mod_revision: u64::try_from(pair.mod_revision).ok(),
        version: u64::try_from(pair.version).ok(),
    }
}

fn number_of(figure: i64) -> u64 {
    u64::try_from(figure).unwrap_or(0)
}
