//! The key-value store said as simply as it can be: each key with all its versions. Commands go in when the first member applies
//! them; every result that a member computed and every answer that a reader got is compared. Here live the rules of revisions:
//! one for each command that changes something, none otherwise, never back, the same on all members.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft::NodeId;
use store::{
    Command, Compare, CompareResult, CompareTarget, DeleteRangeRequest, DeleteRangeResponse, KeyValue, Outcome,
    PutRequest, PutResponse, RangeRequest, RangeResponse, Reader, Refusal, RequestOp, Response, ResponseOp, TxnRequest,
    TxnResponse,
};

use super::{Checked, Failure};
use crate::machine::Applied;

/// A key at a revision; `None`: deleted.
type Version = (i64, Option<KeyValue>);

pub(crate) struct Model {
    keys: BTreeMap<Bytes, Vec<Version>>,
    revision: i64,
    compacted: i64,
    /// The revision behind so many commands.
    revisions: Vec<i64>,
    bytes: u64,
}

impl Default for Model {
    fn default() -> Self {
        Self { keys: BTreeMap::new(), revision: 1, compacted: -1, revisions: vec![1], bytes: 0 }
    }
}

/// What a command changes while it runs.
struct Working<'a> {
    model: &'a mut Model,
    changed: bool,
}

impl Model {
    /// The newest revision.
    pub(crate) fn revision(&self) -> i64 {
        self.revision
    }

    /// About as many bytes as all rows take.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A member applied the next command: its result must be the one that comes out here.
    pub(crate) fn apply(&mut self, applied: &Applied) -> Checked {
        let at = applied.position;
        let command = Command::decode(applied.payload.clone())
            .map_err(|error| Failure::new("store model", format!("{at} is no command: {error}")))?;
        let result = self.run(&command);
        self.revisions.push(self.revision);
        self.bytes += 64 + applied.payload.len() as u64;
        let expected = Outcome { revision: self.revision, result };
        match Outcome::decode(applied.result.clone()) {
            Ok(outcome) if outcome == expected => Ok(()),
            got => {
                Err(Failure::new("store model", format!("{command:?} at {at} gives {got:?}, expected is {expected:?}")))
            }
        }
    }

    /// A reader whose store is behind `count` commands got this answer.
    pub(crate) fn read(&self, count: u64, request: &RangeRequest, answer: &RangeResponse) -> Checked {
        let Some(revision) = usize::try_from(count).ok().and_then(|count| self.revisions.get(count).copied()) else {
            return Err(Failure::new("store model", format!("a store behind {count} commands is read")));
        };
        let mut expected = self.range(request, revision);
        expected.revision = revision;
        if *answer == expected {
            return Ok(());
        }
        let what = format!("{request:?} behind {count} commands gives {answer:?}, expected is {expected:?}");
        Err(Failure::new("store model", what))
    }

    /// In the end a member's whole store is this one.
    pub(crate) fn store(&self, id: NodeId, reader: &Reader) -> Checked {
        let all = RangeRequest { range_end: Bytes::from_static(b"\0"), ..RangeRequest::default() };
        let mut expected = self.range(&all, self.revision);
        expected.revision = self.revision;
        let answer = reader.range(&all);
        if answer.as_ref() == Ok(&expected) {
            return Ok(());
        }
        Err(Failure::new("durability", format!("in the end {id} holds {answer:?}, expected is {expected:?}")))
    }

    fn run(&mut self, command: &Command) -> Result<Response, Refusal> {
        if let Command::Compact { revision } = *command {
            return self.compact(revision);
        }
        let mut working = Working { model: self, changed: false };
        let response = match command {
            Command::Put(put) => Response::Put(working.put(put)),
            Command::DeleteRange(delete) => Response::DeleteRange(working.delete(delete)),
            Command::Txn(txn) => {
                let mut response = working.txn(txn);
                response.revision = working.revision();
                Response::Txn(response)
            }
            Command::Compact { .. } => Response::Compact,
        };
        self.revision += i64::from(working.changed);
        Ok(response)
    }

    fn compact(&mut self, requested: i64) -> Result<Response, Refusal> {
        if requested <= self.compacted {
            return Err(Refusal::Compacted { requested, compact_revision: self.compacted });
        }
        if requested > self.revision {
            return Err(Refusal::FutureRevision { requested, revision: self.revision });
        }
        self.compacted = requested;
        Ok(Response::Compact)
    }

    fn pair(&self, key: &Bytes, revision: i64) -> Option<&KeyValue> {
        let versions = self.keys.get(key)?;
        let after = versions.partition_point(|(at, _)| *at <= revision);
        versions.get(after.checked_sub(1)?)?.1.as_ref()
    }

    fn pairs(&self, key: &Bytes, range_end: &Bytes, revision: i64) -> Vec<&KeyValue> {
        let wanted = |candidate: &&Bytes| match range_end.as_ref() {
            b"" => *candidate == key,
            b"\0" => true,
            end => candidate.as_ref() < end,
        };
        let keys = self.keys.range(key.clone()..).map(|(key, _)| key).take_while(wanted);
        keys.filter_map(|key| self.pair(key, revision)).collect()
    }

    fn range(&self, request: &RangeRequest, revision: i64) -> RangeResponse {
        let pairs = self.pairs(&request.key, &request.range_end, revision);
        let count = i64::try_from(pairs.len()).unwrap_or(i64::MAX);
        let limit = usize::try_from(request.limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        let more = pairs.len() > limit;
        let kvs = pairs.into_iter().take(limit).cloned().collect();
        RangeResponse { revision, kvs, more, count }
    }

    fn holds(&self, condition: &Compare) -> bool {
        let one = |pair: &KeyValue| {
            let order = match &condition.target {
                CompareTarget::Version(figure) => pair.version.cmp(figure),
                CompareTarget::CreateRevision(figure) => pair.create_revision.cmp(figure),
                CompareTarget::ModRevision(figure) => pair.mod_revision.cmp(figure),
                CompareTarget::Lease(figure) => pair.lease.cmp(figure),
                CompareTarget::Value(value) => pair.value.cmp(value),
            };
            match condition.result {
                CompareResult::Equal => order.is_eq(),
                CompareResult::NotEqual => order.is_ne(),
                CompareResult::Greater => order.is_gt(),
                CompareResult::Less => order.is_lt(),
            }
        };
        let found = self.pairs(&condition.key, &condition.range_end, self.revision);
        if found.is_empty() {
            return !matches!(condition.target, CompareTarget::Value(_)) && one(&KeyValue::default());
        }
        found.into_iter().all(one)
    }
}

impl Working<'_> {
    /// The revision that a write makes.
    fn next(&self) -> i64 {
        self.model.revision + 1
    }

    /// The revision that is seen now.
    fn revision(&self) -> i64 {
        self.model.revision + i64::from(self.changed)
    }

    fn set(&mut self, key: &Bytes, pair: Option<KeyValue>) {
        let next = self.next();
        self.changed = true;
        let versions = self.model.keys.entry(key.clone()).or_default();
        if versions.last().is_some_and(|(at, _)| *at == next) {
            versions.pop();
        }
        versions.push((next, pair));
    }

    fn put(&mut self, put: &PutRequest) -> PutResponse {
        let next = self.next();
        let old = self.model.pair(&put.key, next).cloned();
        let pair = KeyValue {
            key: put.key.clone(),
            create_revision: old.as_ref().map_or(next, |old| old.create_revision),
            mod_revision: next,
            version: old.as_ref().map_or(0, |old| old.version) + 1,
            value: put.value.clone(),
            lease: put.lease,
        };
        self.set(&put.key, Some(pair));
        PutResponse { revision: next, prev_kv: old.filter(|_| put.prev_kv) }
    }

    fn delete(&mut self, delete: &DeleteRangeRequest) -> DeleteRangeResponse {
        let next = self.next();
        let gone: Vec<KeyValue> = self.model.pairs(&delete.key, &delete.range_end, next).into_iter().cloned().collect();
        gone.iter().for_each(|pair| self.set(&pair.key, None));
        let deleted = i64::try_from(gone.len()).unwrap_or(i64::MAX);
        let prev_kvs = if delete.prev_kv { gone } else { Vec::new() };
        DeleteRangeResponse { revision: self.revision(), deleted, prev_kvs }
    }

    fn txn(&mut self, txn: &TxnRequest) -> TxnResponse {
        let succeeded = txn.compare.iter().all(|condition| self.model.holds(condition));
        let ops = if succeeded { &txn.success } else { &txn.failure };
        let responses = ops.iter().map(|op| self.op(op)).collect();
        TxnResponse { revision: 0, succeeded, responses }
    }

    fn op(&mut self, op: &RequestOp) -> ResponseOp {
        match op {
            RequestOp::Put(put) => ResponseOp::Put(self.put(put)),
            RequestOp::DeleteRange(delete) => ResponseOp::DeleteRange(self.delete(delete)),
            RequestOp::Range(range) => {
                let (next, revision) = (self.next(), self.revision());
                let mut response = self.model.range(range, next);
                response.revision = revision;
                ResponseOp::Range(response)
            }
            // No client of a world sends one inside another.
            RequestOp::Txn(txn) => ResponseOp::Txn(self.txn(txn)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raft::Position;
    use replica::StateMachine as _;

    /// The model against the real store, as the worlds use them: command by command.
    #[test]
    fn the_model_agrees_with_the_real_store_and_notices_another_result() {
        let key = |name: &str| Bytes::from(name.to_owned());
        let put = |name: &str, value: &str| PutRequest {
            key: key(name),
            value: key(value),
            prev_kv: true,
            ..Default::default()
        };
        let delete = DeleteRangeRequest { key: key("a"), range_end: key("c"), prev_kv: true };
        let range = RangeRequest { key: key("a"), range_end: key("z"), limit: 1, ..Default::default() };
        let equal = Compare {
            key: key("b"),
            range_end: Bytes::new(),
            result: CompareResult::Equal,
            target: CompareTarget::Version(1),
        };
        let txn = TxnRequest {
            compare: vec![equal],
            success: vec![
                RequestOp::Put(put("b", "9")),
                RequestOp::Range(range),
                RequestOp::DeleteRange(delete.clone()),
            ],
            failure: vec![RequestOp::Put(put("a", "8"))],
        };
        let commands = [
            Command::Put(put("a", "1")),
            Command::Put(put("b", "1")),
            Command::Txn(txn.clone()),
            Command::Txn(txn),
            Command::DeleteRange(delete.clone()),
            Command::DeleteRange(delete),
            Command::Compact { revision: 3 },
            Command::Compact { revision: 2 },
            Command::Compact { revision: 99 },
        ];
        let (mut machine, mut model) = (crate::machine::Machine::default(), Model::default());
        for (index, command) in (1..).zip(&commands) {
            let payload = command.encode();
            let command = replica::Command { position: Position::new(index, 1), time: 1, payload: &payload };
            machine.apply(&[command], &mut Vec::new());
            let applied = machine.fresh().last().unwrap().clone();
            assert_eq!(model.apply(&applied), Ok(()));
        }
        assert_eq!(model.store(NodeId(1), &machine.reader()), Ok(()));
        let again = machine.fresh()[0].clone();
        assert_eq!(model.apply(&again).unwrap_err().checker, "store model", "another revision now");
    }
}
