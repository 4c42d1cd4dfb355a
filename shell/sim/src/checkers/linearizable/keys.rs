//! Each key as a register: what a request did to one key, and what it saw of it. A transaction is one step on each key that it touches,
//! so a history in which it is one moment is still one on each key alone.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use linearizability::{RegisterAction, RegisterOperation, RegisterRequest, RegisterResponse};
use serde_json::Value;
use store::{
    Command, DeleteRangeRequest, DeleteRangeResponse, KeyValue, Outcome, PutRequest, PutResponse, RangeRequest,
    RequestOp, Response, ResponseOp, TxnResponse,
};

use super::{Asked, Line, is_of_one_key, text};

/// What one request did to one key: the value that it saw first, and the one that it left.
#[derive(Default)]
struct Touch {
    saw: Option<Value>,
    left: Option<Value>,
}

/// What one request did to each key that it touched.
#[derive(Default)]
struct Touches(BTreeMap<Bytes, Touch>);

pub(super) fn lines(lines: &[Line]) -> Vec<RegisterOperation> {
    let keys: BTreeSet<Bytes> = lines.iter().flat_map(|line| named(&line.asked)).collect();
    lines
        .iter()
        .flat_map(|line| touches(line, &keys).0.into_iter().filter_map(|(key, touch)| step(line, &key, touch)))
        .collect()
}

fn step(line: &Line, key: &Bytes, touch: Touch) -> Option<RegisterOperation> {
    let (action, response) = match (touch.saw, touch.left) {
        (Some(saw), None) => (RegisterAction::Read, RegisterResponse::Value(saw)),
        (None, Some(left)) => (RegisterAction::Write(left), RegisterResponse::Written),
        (Some(expected), Some(new)) => {
            (RegisterAction::CompareAndSwap { expected, new }, RegisterResponse::Swapped(true))
        }
        (None, None) => return None,
    };
    let key = text(key);
    let id = format!("{} {key}", line.number);
    let client = format!("{} {key}", line.client());
    let request = RegisterRequest { key, action };
    Some(RegisterOperation { id, client, call: line.call, request, ending: line.asked.ending(response) })
}

fn touches(line: &Line, keys: &BTreeSet<Bytes>) -> Touches {
    let mut touches = Touches::default();
    match &line.asked {
        Asked::Read(range, answer, _) => touches.range(range, &answer.kvs, keys),
        Asked::Write(command, Outcome { result: Ok(response), .. }, _) => match (command, response) {
            (Command::Put(put), Response::Put(done)) => touches.put(put, done),
            (Command::DeleteRange(delete), Response::DeleteRange(done)) => touches.delete(delete, done),
            (Command::Txn(txn), Response::Txn(TxnResponse { succeeded, responses, .. })) => {
                let ops = if *succeeded { &txn.success } else { &txn.failure };
                for (op, done) in ops.iter().zip(responses) {
                    touches.op(op, done, keys);
                }
            }
            _ => {}
        },
        Asked::Write(..) => {}
    }
    touches
}

impl Touches {
    fn sees(&mut self, key: &Bytes, value: Value) {
        let touch = self.0.entry(key.clone()).or_default();
        // Once it has left something, it sees only that.
        if touch.left.is_none() && touch.saw.is_none() {
            touch.saw = Some(value);
        }
    }

    fn leaves(&mut self, key: &Bytes, value: Value) {
        self.0.entry(key.clone()).or_default().left = Some(value);
    }

    fn put(&mut self, put: &PutRequest, done: &PutResponse) {
        if put.prev_kv {
            self.sees(&put.key, done.prev_kv.as_ref().map_or(Value::Null, value));
        }
        self.leaves(&put.key, Value::String(text(&put.value)));
    }

    fn delete(&mut self, delete: &DeleteRangeRequest, done: &DeleteRangeResponse) {
        if !is_of_one_key(delete) {
            return;
        }
        if done.deleted == 0 {
            self.sees(&delete.key, Value::Null);
            return;
        }
        if let Some(old) = done.prev_kvs.first() {
            self.sees(&delete.key, value(old));
        }
        self.leaves(&delete.key, Value::Null);
    }

    fn range(&mut self, range: &RangeRequest, rows: &[KeyValue], keys: &BTreeSet<Bytes>) {
        let rows: BTreeMap<&Bytes, &KeyValue> = rows.iter().map(|row| (&row.key, row)).collect();
        // With a limit, what is not told may be there.
        let all = if range.limit == 0 { in_range(range, keys) } else { Vec::new() };
        for key in rows.keys().copied().chain(all) {
            self.sees(key, rows.get(key).map_or(Value::Null, |row| value(row)));
        }
    }

    fn op(&mut self, op: &RequestOp, done: &ResponseOp, keys: &BTreeSet<Bytes>) {
        match (op, done) {
            (RequestOp::Put(put), ResponseOp::Put(done)) => self.put(put, done),
            (RequestOp::DeleteRange(delete), ResponseOp::DeleteRange(done)) => self.delete(delete, done),
            (RequestOp::Range(range), ResponseOp::Range(done)) => self.range(range, &done.kvs, keys),
            _ => {}
        }
    }
}

/// Keys that a request names.
fn named(asked: &Asked) -> Vec<Bytes> {
    let of_op = |op: &RequestOp| match op {
        RequestOp::Put(put) => Some(put.key.clone()),
        RequestOp::Range(_) | RequestOp::DeleteRange(_) | RequestOp::Txn(_) => None,
    };
    match asked {
        Asked::Read(..) => Vec::new(),
        Asked::Write(command, ..) => match command {
            Command::Put(put) => vec![put.key.clone()],
            Command::Txn(txn) => txn.success.iter().chain(&txn.failure).filter_map(of_op).collect(),
            Command::DeleteRange(_) | Command::Compact { .. } => Vec::new(),
        },
    }
}

fn in_range<'a>(range: &'a RangeRequest, keys: &'a BTreeSet<Bytes>) -> Vec<&'a Bytes> {
    match range.range_end.as_ref() {
        b"" => vec![&range.key],
        b"\0" => keys.range(range.key.clone()..).collect(),
        end => keys.range(range.key.clone()..).take_while(|key| key.as_ref() < end).collect(),
    }
}

fn value(row: &KeyValue) -> Value {
    Value::String(text(&row.value))
}
