//! Random histories: few keys and small figures, so that everything meets everything else.

use bytes::Bytes;
use proptest::prelude::*;
use quorate_mvcc::{
    Compare, CompareResult, CompareTarget, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, SortOrder,
    SortTarget, TxnRequest,
};

/// One thing that happens to a store. Revisions count back from one beyond the newest, see [`resolve`].
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Run(RequestOp),
    Compact(i64),
    Sweep(usize),
    BeginScan(RangeRequest),
    Slice(usize),
    Freeze,
    /// Goes on with a store restored from what was frozen.
    Restore,
}

pub(crate) fn history() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => op().prop_map(Step::Run),
        2 => (1..8_i64).prop_map(Step::Compact),
        2 => (1..6_usize).prop_map(Step::Sweep),
        1 => range().prop_map(Step::BeginScan),
        2 => (1..4_usize).prop_map(Step::Slice),
        1 => Just(Step::Freeze),
        1 => Just(Step::Restore),
    ];
    prop::collection::vec(step, 1..40)
}

/// Puts real revisions in place of those that count back: 0 stays the newest, n is n-1 before one beyond the newest.
pub(crate) fn resolve(op: &mut RequestOp, newest: i64) {
    match op {
        RequestOp::Range(range) => resolve_range(range, newest),
        RequestOp::Txn(txn) => txn.success.iter_mut().chain(&mut txn.failure).for_each(|op| resolve(op, newest)),
        RequestOp::Put(_) | RequestOp::DeleteRange(_) => {}
    }
}

pub(crate) fn resolve_range(range: &mut RangeRequest, newest: i64) {
    if range.revision > 0 {
        range.revision = newest + 2 - range.revision;
    }
}

fn key() -> impl Strategy<Value = Bytes> {
    prop::sample::select(vec!["a", "aa", "b", "c", "d"]).prop_map(|key| Bytes::from_static(key.as_bytes()))
}

fn range_end() -> impl Strategy<Value = Bytes> {
    prop::sample::select(vec!["", "", "", "\0", "b", "c", "e"]).prop_map(|key| Bytes::from_static(key.as_bytes()))
}

fn value() -> impl Strategy<Value = Bytes> {
    prop::sample::select(vec!["", "1", "2", "3"]).prop_map(|value| Bytes::from_static(value.as_bytes()))
}

fn rarely() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.15)
}

fn put() -> impl Strategy<Value = PutRequest> {
    (key(), value(), 0..3_i64, any::<bool>(), rarely(), rarely()).prop_map(
        |(key, value, lease, prev_kv, ignore_value, ignore_lease)| PutRequest {
            key,
            value,
            lease,
            prev_kv,
            ignore_value,
            ignore_lease,
        },
    )
}

fn delete() -> impl Strategy<Value = DeleteRangeRequest> {
    (key(), range_end(), any::<bool>()).prop_map(|(key, range_end, prev_kv)| DeleteRangeRequest {
        key,
        range_end,
        prev_kv,
    })
}

fn bound() -> impl Strategy<Value = i64> {
    prop_oneof![4 => Just(0), 1 => 1..9_i64]
}

fn order() -> impl Strategy<Value = (SortOrder, SortTarget)> {
    let orders = vec![SortOrder::None, SortOrder::Ascend, SortOrder::Descend];
    let targets = vec![
        SortTarget::Key,
        SortTarget::Version,
        SortTarget::CreateRevision,
        SortTarget::ModRevision,
        SortTarget::Value,
    ];
    (prop::sample::select(orders), prop::sample::select(targets))
}

fn range() -> impl Strategy<Value = RangeRequest> {
    let cut = (prop_oneof![Just(0), 1..4_i64], prop_oneof![2 => Just(0), 3 => 1..9_i64], rarely(), rarely());
    (key(), range_end(), cut, order(), (bound(), bound(), bound(), bound())).prop_map(
        |(key, range_end, (limit, revision, keys_only, count_only), (sort_order, sort_target), bounds)| RangeRequest {
            key,
            range_end,
            limit,
            revision,
            sort_order,
            sort_target,
            keys_only,
            count_only,
            min_mod_revision: bounds.0,
            max_mod_revision: bounds.1,
            min_create_revision: bounds.2,
            max_create_revision: bounds.3,
        },
    )
}

fn compare() -> impl Strategy<Value = Compare> {
    let results = vec![CompareResult::Equal, CompareResult::NotEqual, CompareResult::Greater, CompareResult::Less];
    let target = prop_oneof![
        (0..4_i64).prop_map(CompareTarget::Version),
        (0..9_i64).prop_map(CompareTarget::CreateRevision),
        (0..9_i64).prop_map(CompareTarget::ModRevision),
        (0..3_i64).prop_map(CompareTarget::Lease),
        value().prop_map(CompareTarget::Value),
    ];
    (key(), range_end(), prop::sample::select(results), target).prop_map(|(key, range_end, result, target)| Compare {
        key,
        range_end,
        result,
        target,
    })
}

fn op() -> impl Strategy<Value = RequestOp> {
    let leaf = prop_oneof![
        4 => put().prop_map(RequestOp::Put),
        2 => delete().prop_map(RequestOp::DeleteRange),
        2 => range().prop_map(RequestOp::Range),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let ops = || prop::collection::vec(inner.clone(), 0..4);
        (prop::collection::vec(compare(), 0..2), ops(), ops())
            .prop_map(|(compare, success, failure)| RequestOp::Txn(TxnRequest { compare, success, failure }))
    })
}
