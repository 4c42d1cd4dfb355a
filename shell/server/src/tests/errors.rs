//! Every error text of the API that this member can give, as a client receives it: code and text, to the letter.

use bytes::Bytes;
use node::WriteError;
use tonic::Request;

use super::{Served, told};
use crate::api::etcdserverpb::request_op::Request as Operation;
use crate::api::etcdserverpb::{
    CompactionRequest, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
};

fn put(key: &'static str) -> PutRequest {
    PutRequest { key: key.into(), value: "v".into(), ..PutRequest::default() }
}

fn range(key: &'static str) -> RangeRequest {
    RangeRequest { key: key.into(), ..RangeRequest::default() }
}

fn txn(operations: Vec<Operation>) -> TxnRequest {
    let success = operations.into_iter().map(|request| RequestOp { request: Some(request) }).collect();
    TxnRequest { success, ..TxnRequest::default() }
}

#[tokio::test]
async fn invalid_requests_are_told_in_etcds_words() {
    let mut served = Served::with(|config| config.txn_ops_max = 2).await;
    let puts = [
        (put(""), 3, "etcdserver: key is not provided"),
        (PutRequest { ignore_value: true, ..put("k") }, 3, "etcdserver: value is provided"),
        (PutRequest { ignore_lease: true, lease: 1, ..put("k") }, 3, "etcdserver: lease is provided"),
        (PutRequest { ignore_value: true, value: Bytes::new(), ..put("k") }, 3, "etcdserver: key not found"),
        (PutRequest { ignore_lease: true, ..put("k") }, 3, "etcdserver: key not found"),
        (PutRequest { lease: 7, ..put("k") }, 5, "etcdserver: requested lease not found"),
    ];
    for (request, code, text) in puts {
        assert_eq!(told(&served.kv.put(request.clone()).await.unwrap_err()), (code, text), "{request:?}");
    }
    let ranges = [
        (range(""), 3, "etcdserver: key is not provided"),
        (RangeRequest { sort_order: 7, ..range("") }, 3, "etcdserver: key is not provided"),
        (RangeRequest { sort_order: 7, ..range("k") }, 3, "etcdserver: invalid sort option"),
        (RangeRequest { sort_target: -1, ..range("k") }, 3, "etcdserver: invalid sort option"),
        (RangeRequest { revision: 2, ..range("k") }, 11, "etcdserver: mvcc: required revision is a future revision"),
    ];
    for (request, code, text) in ranges {
        assert_eq!(told(&served.kv.range(request.clone()).await.unwrap_err()), (code, text), "{request:?}");
    }
    let delete = served.kv.delete_range(DeleteRangeRequest::default()).await.unwrap_err();
    assert_eq!(told(&delete), (3, "etcdserver: key is not provided"));

    let leased = PutRequest { lease: 7, ..put("k") };
    let txns = [
        (txn(vec![Operation::RequestPut(put("a")); 3]), 3, "etcdserver: too many operations in txn request"),
        (txn(vec![Operation::RequestPut(put("a")); 2]), 3, "etcdserver: duplicate key given in txn request"),
        (txn(vec![Operation::RequestRange(range(""))]), 3, "etcdserver: key is not provided"),
        (
            txn(vec![Operation::RequestTxn(txn(vec![Operation::RequestPut(leased)]))]),
            5,
            "etcdserver: requested lease not found",
        ),
        (
            TxnRequest { failure: vec![RequestOp { request: None }], ..TxnRequest::default() },
            3,
            "etcdserver: key not found",
        ),
    ];
    for (request, code, text) in txns {
        assert_eq!(told(&served.kv.txn(request.clone()).await.unwrap_err()), (code, text), "{request:?}");
    }
    assert_eq!(served.member.reader_revision(), 1, "nothing of all that was applied");
}

#[tokio::test]
async fn what_the_member_refuses_is_told_in_etcds_words() {
    let mut served = Served::new().await;
    let table = [
        (WriteError::NoLeader, 14, "etcdserver: no leader"),
        (WriteError::TimedOut { leader_changed: false }, 14, "etcdserver: request timed out"),
        (
            WriteError::TimedOut { leader_changed: true },
            14,
            "etcdserver: request timed out, possibly due to previous leader failure",
        ),
        (WriteError::TooLarge, 3, "etcdserver: request is too large"),
        (WriteError::Busy, 8, "etcdserver: too many requests"),
        (WriteError::NoSpace, 8, "etcdserver: mvcc: database space exceeded"),
        (WriteError::Stopped, 14, "etcdserver: server stopped"),
    ];
    for (error, code, text) in table {
        served.member.refuse_writes(Some(error));
        assert_eq!(told(&served.kv.put(put("k")).await.unwrap_err()), (code, text));
    }
}

#[tokio::test]
async fn deletes_and_compaction_are_the_way_out_of_a_full_disk() {
    let mut served = Served::new().await;
    served.kv.put(put("k")).await.unwrap();
    served.member.refuse_writes(Some(WriteError::NoSpace));
    assert_eq!(told(&served.kv.put(put("j")).await.unwrap_err()), (8, "etcdserver: mvcc: database space exceeded"));
    let delete = DeleteRangeRequest { key: "k".into(), ..DeleteRangeRequest::default() };
    let in_txn = txn(vec![Operation::RequestDeleteRange(delete.clone())]);
    assert_eq!(served.kv.delete_range(delete).await.unwrap().into_inner().deleted, 1);
    assert!(served.kv.txn(in_txn).await.is_ok());
    assert!(served.kv.compact(CompactionRequest { revision: 3, physical: false }).await.is_ok());
}

#[tokio::test]
async fn requests_above_the_limits_are_refused_and_change_nothing() {
    let mut served = Served::with(|config| config.request_bytes_max = 1000).await;
    let sized = |bytes: usize| PutRequest { value: vec![b'x'; bytes].into(), ..put("k") };
    served.kv.put(sized(900)).await.unwrap();
    let large = served.kv.put(sized(1000)).await.unwrap_err();
    assert_eq!(told(&large), (3, "etcdserver: request is too large"));
    let larger = served.kv.put(sized(1000 + 512 * 1024)).await.unwrap_err();
    assert_eq!(told(&larger), (8, "grpc: received message larger than max (525288 bytes)"));
    assert_eq!(served.member.reader_revision(), 2);
}

#[tokio::test]
async fn a_full_store_can_be_emptied() {
    let mut served = Served::with(|config| config.quota_bytes = Some(40_000)).await;
    let sized =
        |i: usize| PutRequest { key: format!("k{i}").into(), value: vec![b'x'; 4000].into(), ..PutRequest::default() };
    let mut count = 0;
    let refused = loop {
        match served.kv.put(sized(count)).await {
            Ok(_) => count += 1,
            Err(refused) => break refused,
        }
    };
    assert!(count > 0, "there was room at first");
    assert_eq!(told(&refused), (8, "etcdserver: mvcc: database space exceeded"));
    // etcd asks for the room first.
    let invalid = PutRequest { key: Bytes::new(), ..sized(0) };
    assert_eq!(told(&served.kv.put(invalid).await.unwrap_err()), told(&refused));
    let in_txn = served.kv.txn(txn(vec![Operation::RequestPut(sized(0))])).await.unwrap_err();
    assert_eq!(told(&in_txn), told(&refused));

    let everything = DeleteRangeRequest { key: "\0".into(), range_end: "\0".into(), prev_kv: false };
    served.kv.txn(txn(vec![Operation::RequestRange(range("k0"))])).await.unwrap();
    let deleted = served.kv.delete_range(everything).await.unwrap().into_inner();
    let revision = deleted.header.unwrap().revision;
    served.kv.compact(CompactionRequest { revision, physical: true }).await.unwrap();
    served.kv.put(sized(0)).await.unwrap();
}

#[tokio::test]
async fn a_client_can_ask_to_be_refused_without_a_leader() {
    let mut served = Served::new().await;
    served.member.change_status(|status| status.leader = None);
    let serializable = RangeRequest { serializable: true, ..range("k") };
    served.kv.range(serializable.clone()).await.unwrap();
    let mut strict = Request::new(serializable);
    strict.metadata_mut().insert("hasleader", "true".parse().unwrap());
    assert_eq!(told(&served.kv.range(strict).await.unwrap_err()), (14, "etcdserver: no leader"));

    let mut odd = Request::new(range("k"));
    let no_text = tonic::metadata::MetadataValue::try_from(&b"\xff"[..]).unwrap();
    odd.metadata_mut().insert("client-api-version", no_text);
    assert_eq!(told(&served.kv.range(odd).await.unwrap_err()), (3, "etcdserver: invalid client api version"));
}

#[tokio::test]
async fn a_request_has_the_nearer_of_two_deadlines() {
    let mut served = Served::new().await;
    let limit = |served: &Served| served.member.last_time_limit().unwrap().as_secs_f64().ceil();
    served.kv.put(put("k")).await.unwrap();
    assert!((limit(&served) - 7.0).abs() < 0.1, "five seconds and two election timeouts");
    let mut hasty = Request::new(put("k"));
    hasty.set_timeout(std::time::Duration::from_secs(2));
    served.kv.put(hasty).await.unwrap();
    assert!((limit(&served) - 2.0).abs() < 0.1, "the client's own");
}
