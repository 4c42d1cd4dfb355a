//! The store as simply as it can be said: the whole state, copied for every revision. Nothing here is shared with the
//! real one but the structs of requests and responses.

use std::collections::BTreeMap;

use bytes::Bytes;
use quorate_mvcc::{
    Compare, CompareResult, CompareTarget, DeleteRangeRequest, DeleteRangeResponse, KeyValue, PutRequest, PutResponse,
    RangeRequest, RangeResponse, RequestOp, ResponseOp, SortOrder, SortTarget, TxnRequest, TxnResponse,
};

pub(crate) type State = BTreeMap<Bytes, KeyValue>;

/// Why something is refused; the figures of the real errors are compared through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Compacted(i64),
    Future(i64),
    KeyNotFound,
}

#[derive(Debug, Clone)]
pub(crate) struct Naive {
    /// The state at each revision from 0.
    pub(crate) states: Vec<State>,
    pub(crate) compact_revision: i64,
}

/// A command under way.
struct Working {
    state: State,
    main: i64,
    changed: bool,
}

impl Working {
    fn revision(&self) -> i64 {
        if self.changed { self.main } else { self.main - 1 }
    }
}

impl Naive {
    pub(crate) fn new() -> Self {
        Self { states: vec![State::new(); 2], compact_revision: -1 }
    }

    pub(crate) fn revision(&self) -> i64 {
        i64::try_from(self.states.len()).unwrap() - 1
    }

    pub(crate) fn state(&self, revision: i64) -> &State {
        &self.states[usize::try_from(revision).unwrap()]
    }

    pub(crate) fn compact(&mut self, revision: i64) -> Result<(), Refused> {
        if revision <= self.compact_revision {
            return Err(Refused::Compacted(revision));
        }
        if revision > self.revision() {
            return Err(Refused::Future(revision));
        }
        self.compact_revision = revision;
        Ok(())
    }

    /// Runs one operation as a command of its own.
    pub(crate) fn run(&mut self, op: &RequestOp) -> Result<ResponseOp, Refused> {
        let before = self.state(self.revision()).clone();
        self.check(op, &before, true)?;
        self.check(op, &before, false)?;
        let mut working = Working { state: before.clone(), main: self.revision() + 1, changed: false };
        let mut response = self.step(op, &before, &mut working);
        if let ResponseOp::Txn(txn) = &mut response {
            txn.revision = working.revision();
        }
        if working.changed {
            self.states.push(working.state);
        }
        Ok(response)
    }

    /// Puts are looked at first, then ranges.
    fn check(&self, op: &RequestOp, before: &State, puts: bool) -> Result<(), Refused> {
        match op {
            RequestOp::Range(range) if !puts && range.revision > self.revision() => {
                Err(Refused::Future(range.revision))
            }
            RequestOp::Range(range) if !puts && range.revision > 0 && range.revision < self.compact_revision => {
                Err(Refused::Compacted(range.revision))
            }
            RequestOp::Put(put) if puts && (put.ignore_value || put.ignore_lease) && !before.contains_key(&put.key) => {
                Err(Refused::KeyNotFound)
            }
            RequestOp::Txn(txn) => branch(txn, before).1.iter().try_for_each(|op| self.check(op, before, puts)),
            RequestOp::Range(_) | RequestOp::Put(_) | RequestOp::DeleteRange(_) => Ok(()),
        }
    }

    fn step(&self, op: &RequestOp, before: &State, working: &mut Working) -> ResponseOp {
        match op {
            RequestOp::Range(request) => {
                let state = if request.revision <= 0 { &working.state } else { self.state(request.revision) };
                ResponseOp::Range(range(request, state, working.revision()))
            }
            RequestOp::Put(request) => ResponseOp::Put(put(request, working)),
            RequestOp::DeleteRange(request) => ResponseOp::DeleteRange(delete(request, working)),
            RequestOp::Txn(request) => {
                let (succeeded, ops) = branch(request, before);
                let responses = ops.iter().map(|op| self.step(op, before, working)).collect();
                ResponseOp::Txn(TxnResponse { revision: 0, succeeded, responses })
            }
        }
    }
}

/// The pairs of a range, in the order of their keys.
pub(crate) fn pairs<'a>(state: &'a State, key: &Bytes, range_end: &Bytes) -> Vec<&'a KeyValue> {
    let wanted = |candidate: &Bytes| match range_end.as_ref() {
        b"" => candidate == key,
        b"\0" => candidate >= key,
        end => candidate >= key && candidate.as_ref() < end,
    };
    state.values().filter(|pair| wanted(&pair.key)).collect()
}

fn put(request: &PutRequest, working: &mut Working) -> PutResponse {
    working.changed = true;
    let old = working.state.get(&request.key).cloned();
    let kept = old.clone().unwrap_or_default();
    let pair = KeyValue {
        key: request.key.clone(),
        create_revision: old.as_ref().map_or(working.main, |old| old.create_revision),
        mod_revision: working.main,
        version: kept.version + 1,
        value: if request.ignore_value { kept.value } else { request.value.clone() },
        lease: if request.ignore_lease { kept.lease } else { request.lease },
    };
    working.state.insert(request.key.clone(), pair);
    PutResponse { revision: working.main, prev_kv: old.filter(|_| request.prev_kv) }
}

fn delete(request: &DeleteRangeRequest, working: &mut Working) -> DeleteRangeResponse {
    let gone: Vec<KeyValue> = pairs(&working.state, &request.key, &request.range_end).into_iter().cloned().collect();
    for pair in &gone {
        working.changed = true;
        working.state.remove(&pair.key);
    }
    let deleted = i64::try_from(gone.len()).unwrap();
    let prev_kvs = if request.prev_kv { gone } else { Vec::new() };
    DeleteRangeResponse { revision: working.revision(), deleted, prev_kvs }
}

fn range(request: &RangeRequest, state: &State, revision: i64) -> RangeResponse {
    let mut kvs: Vec<KeyValue> = pairs(state, &request.key, &request.range_end).into_iter().cloned().collect();
    let count = i64::try_from(kvs.len()).unwrap();
    if request.count_only {
        return RangeResponse { revision, count, ..RangeResponse::default() };
    }
    let limit = usize::try_from(request.limit).unwrap_or(0);
    let filters =
        [request.min_mod_revision, request.max_mod_revision, request.min_create_revision, request.max_create_revision];
    if limit > 0 && request.sort_order == SortOrder::None && filters == [0; 4] {
        kvs.truncate(limit + 1);
    }
    kvs.retain(|pair| {
        let at_least = |figure: i64, bound: i64| bound == 0 || figure >= bound;
        let at_most = |figure: i64, bound: i64| bound == 0 || figure <= bound;
        at_least(pair.mod_revision, request.min_mod_revision)
            && at_most(pair.mod_revision, request.max_mod_revision)
            && at_least(pair.create_revision, request.min_create_revision)
            && at_most(pair.create_revision, request.max_create_revision)
    });
    let figure = |pair: &KeyValue| match request.sort_target {
        SortTarget::Key => (0, Bytes::new()),
        SortTarget::Version => (pair.version, Bytes::new()),
        SortTarget::CreateRevision => (pair.create_revision, Bytes::new()),
        SortTarget::ModRevision => (pair.mod_revision, Bytes::new()),
        SortTarget::Value => (0, pair.value.clone()),
    };
    match (request.sort_order, request.sort_target) {
        (SortOrder::Descend, SortTarget::Key) => kvs.sort_by(|a, b| b.key.cmp(&a.key)),
        (SortOrder::Descend, _) => kvs.sort_by(|a, b| figure(b).cmp(&figure(a)).then(a.key.cmp(&b.key))),
        (SortOrder::None | SortOrder::Ascend, _) => {
            kvs.sort_by(|a, b| figure(a).cmp(&figure(b)).then(a.key.cmp(&b.key)));
        }
    }
    let more = limit > 0 && kvs.len() > limit;
    if more {
        kvs.truncate(limit);
    }
    if request.keys_only {
        kvs.iter_mut().for_each(|pair| pair.value.clear());
    }
    RangeResponse { revision, kvs, more, count }
}

fn branch<'a>(txn: &'a TxnRequest, before: &State) -> (bool, &'a [RequestOp]) {
    let held = txn.compare.iter().all(|condition| holds(condition, before));
    (held, if held { &txn.success } else { &txn.failure })
}

fn holds(condition: &Compare, state: &State) -> bool {
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
    let found = pairs(state, &condition.key, &condition.range_end);
    if found.is_empty() {
        return !matches!(condition.target, CompareTarget::Value(_)) && one(&KeyValue::default());
    }
    found.into_iter().all(one)
}
