//! Transactions as a client sees them.

use node::{ReadError, WriteError};

use super::{Served, told};
use crate::Error;
use crate::api::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use crate::api::etcdserverpb::request_op::Request;
use crate::api::etcdserverpb::response_op::Response;
use crate::api::etcdserverpb::{Compare, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest};

fn op(request: Request) -> RequestOp {
    RequestOp { request: Some(request) }
}

fn put(key: &'static str, value: &'static str) -> RequestOp {
    op(Request::RequestPut(PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() }))
}

fn get(key: &'static str, serializable: bool) -> RequestOp {
    op(Request::RequestRange(RangeRequest { key: key.into(), serializable, ..RangeRequest::default() }))
}

fn created_at(key: &'static str, revision: i64) -> Compare {
    Compare {
        key: key.into(),
        target: CompareTarget::Create.into(),
        target_union: Some(TargetUnion::CreateRevision(revision)),
        ..Compare::default()
    }
}

#[tokio::test]
async fn the_branch_of_the_compares_runs_at_one_revision() {
    let mut served = Served::new().await;
    let request = TxnRequest {
        compare: vec![created_at("k", 0)],
        success: vec![put("k", "new"), get("k", false), put("other", "x")],
        failure: vec![
            get("k", false),
            op(Request::RequestDeleteRange(DeleteRangeRequest { key: "k".into(), ..DeleteRangeRequest::default() })),
        ],
    };
    let first = served.kv.txn(request.clone()).await.unwrap().into_inner();
    assert!(first.succeeded);
    let header = first.header.unwrap();
    assert_eq!((header.cluster_id, header.member_id, header.revision), (0xc1, 0xa1, 2));
    let Some(Response::ResponseRange(range)) = &first.responses[1].response else { panic!("{first:?}") };
    assert_eq!((&range.kvs[0].value[..], range.kvs[0].mod_revision), (&b"new"[..], 2), "it sees the put before it");
    let inner = range.header.unwrap();
    assert_eq!((inner.cluster_id, inner.member_id, inner.raft_term, inner.revision), (0, 0, 0, 2));

    let second = served.kv.txn(request).await.unwrap().into_inner();
    assert!(!second.succeeded);
    let Some(Response::ResponseDeleteRange(deleted)) = &second.responses[1].response else { panic!("{second:?}") };
    assert_eq!((deleted.deleted, second.header.unwrap().revision), (1, 3));
}

#[tokio::test]
async fn each_target_is_compared() {
    let mut served = Served::new().await;
    served.kv.put(PutRequest { key: "k".into(), value: "m".into(), ..PutRequest::default() }).await.unwrap();
    let compare = |result: CompareResult, target: CompareTarget, union: Option<TargetUnion>| Compare {
        key: "k".into(),
        result: result.into(),
        target: target.into(),
        target_union: union,
        ..Compare::default()
    };
    let table = [
        (compare(CompareResult::Equal, CompareTarget::Version, Some(TargetUnion::Version(1))), true),
        (compare(CompareResult::Greater, CompareTarget::Version, Some(TargetUnion::Version(1))), false),
        (compare(CompareResult::Greater, CompareTarget::Version, None), true),
        (compare(CompareResult::Less, CompareTarget::Create, Some(TargetUnion::CreateRevision(3))), true),
        (compare(CompareResult::NotEqual, CompareTarget::Mod, Some(TargetUnion::ModRevision(2))), false),
        (compare(CompareResult::Greater, CompareTarget::Value, Some(TargetUnion::Value("l".into()))), true),
        (compare(CompareResult::Equal, CompareTarget::Lease, Some(TargetUnion::Lease(0))), true),
        (
            Compare {
                range_end: "\0".into(),
                ..compare(CompareResult::Equal, CompareTarget::Mod, Some(TargetUnion::ModRevision(2)))
            },
            true,
        ),
    ];
    for (compare, holds) in table {
        let answer =
            served.kv.txn(TxnRequest { compare: vec![compare.clone()], ..TxnRequest::default() }).await.unwrap();
        assert_eq!(answer.into_inner().succeeded, holds, "{compare:?}");
    }
    for unknown in [Compare { result: 9, ..created_at("k", 0) }, Compare { target: 9, ..created_at("k", 0) }] {
        let refused = served.kv.txn(TxnRequest { compare: vec![unknown], ..TxnRequest::default() }).await.unwrap_err();
        assert_eq!(told(&refused), (3, Error::UnknownCompare.text()));
    }
}

#[tokio::test]
async fn a_transaction_that_cannot_write_is_a_read() {
    let mut served = Served::new().await;
    served.kv.put(PutRequest { key: "k".into(), value: "v".into(), ..PutRequest::default() }).await.unwrap();
    served.member.refuse_writes(Some(WriteError::NoSpace));
    let nested = op(Request::RequestTxn(TxnRequest { success: vec![get("k", false)], ..TxnRequest::default() }));
    let request = TxnRequest { success: vec![get("k", false), nested], ..TxnRequest::default() };
    let answer = served.kv.txn(request.clone()).await.unwrap().into_inner();
    assert_eq!((answer.responses.len(), answer.header.unwrap().revision), (2, 2));
    let Some(Response::ResponseTxn(inner)) = &answer.responses[1].response else { panic!("{answer:?}") };
    assert_eq!((inner.succeeded, inner.responses.len(), inner.header.unwrap().revision), (true, 1, 0));
    let future = op(Request::RequestRange(RangeRequest { key: "k".into(), revision: 9, ..RangeRequest::default() }));
    let refused = served.kv.txn(TxnRequest { success: vec![future], ..TxnRequest::default() }).await.unwrap_err();
    assert_eq!(told(&refused), (11, Error::FutureRevision.text()));

    // Linearizable unless every range of it is serializable, and there is one.
    served.member.refuse_reads(Some(ReadError::NoLeader));
    let mut ask = async |success| served.kv.txn(TxnRequest { success, ..TxnRequest::default() }).await;
    assert!(ask(vec![get("k", true), get("j", true)]).await.is_ok());
    assert_eq!(told(&ask(vec![get("k", true), get("j", false)]).await.unwrap_err()), (14, Error::NoLeader.text()));
    assert_eq!(told(&ask(vec![]).await.unwrap_err()), (14, Error::NoLeader.text()));
}

#[tokio::test]
async fn a_put_beside_a_delete_from_the_key_on_goes_through() {
    let mut served = Served::new().await;
    let delete = |range_end: &'static str| {
        let request = DeleteRangeRequest { key: "a".into(), range_end: range_end.into(), prev_kv: false };
        op(Request::RequestDeleteRange(request))
    };
    let request = TxnRequest { success: vec![put("b", "x"), delete("c")], ..TxnRequest::default() };
    assert_eq!(told(&served.kv.txn(request).await.unwrap_err()), (3, Error::DuplicateKey.text()));
    let request = TxnRequest { success: vec![put("b", "x"), delete("\0")], ..TxnRequest::default() };
    let answer = served.kv.txn(request).await.unwrap().into_inner();
    let Some(Response::ResponseDeleteRange(deleted)) = &answer.responses[1].response else { panic!("{answer:?}") };
    assert_eq!(deleted.deleted, 1);
    let range =
        served.kv.range(RangeRequest { key: "b".into(), ..RangeRequest::default() }).await.unwrap().into_inner();
    assert_eq!((range.count, range.header.unwrap().revision), (0, 2));
}
