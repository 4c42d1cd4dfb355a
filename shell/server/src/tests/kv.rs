//! Range, Put, DeleteRange and Compact as a client sees them.

use bytes::Bytes;
use node::ReadError;

use super::{IDENTITY, Served, told};
use crate::Error;
use crate::api::etcdserverpb::range_request::{SortOrder, SortTarget};
use crate::api::etcdserverpb::{CompactionRequest, DeleteRangeRequest, PutRequest, RangeRequest, RangeResponse};

fn put(key: &str, value: &str) -> PutRequest {
    PutRequest {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
        ..PutRequest::default()
    }
}

/// Everything.
fn all() -> RangeRequest {
    RangeRequest { key: "\0".into(), range_end: "\0".into(), ..RangeRequest::default() }
}

fn keys(response: &RangeResponse) -> Vec<&str> {
    response.kvs.iter().map(|kv| std::str::from_utf8(&kv.key).unwrap()).collect()
}

#[tokio::test]
async fn a_put_is_read_with_its_columns() {
    let mut served = Served::new().await;
    let first = served.kv.put(put("k", "one")).await.unwrap().into_inner();
    let header = first.header.unwrap();
    assert_eq!((header.cluster_id, header.member_id, header.revision), (IDENTITY.cluster_id, IDENTITY.member_id, 2));
    assert!(header.raft_term > 0 && first.prev_kv.is_none());

    let second = served.kv.put(PutRequest { prev_kv: true, ..put("k", "two") }).await.unwrap().into_inner();
    assert_eq!(second.prev_kv.unwrap().value, "one");

    let range =
        served.kv.range(RangeRequest { key: "k".into(), ..RangeRequest::default() }).await.unwrap().into_inner();
    let kv = &range.kvs[0];
    assert_eq!((&kv.key[..], &kv.value[..]), (&b"k"[..], &b"two"[..]));
    assert_eq!((kv.create_revision, kv.mod_revision, kv.version, kv.lease), (2, 3, 2, 0));
    assert_eq!((range.count, range.more, range.header.unwrap().revision), (1, false, 3));
}

#[tokio::test]
async fn every_answer_says_which_configuration_of_the_members_is_known() {
    let mut served = Served::new().await;
    let answer = served.kv.put(put("k", "one")).await.unwrap();
    assert_eq!(answer.metadata().get("quorate-configuration").unwrap(), "7");
    let refused = served.kv.put(PutRequest::default()).await.unwrap_err();
    assert_eq!(refused.metadata().get("quorate-configuration").unwrap(), "7");
}

#[tokio::test]
async fn a_range_is_cut_ordered_filtered_and_dated() {
    let mut served = Served::new().await;
    for (key, value) in [("a", "3"), ("b", "1"), ("c", "2"), ("b", "0")] {
        served.kv.put(put(key, value)).await.unwrap();
    }
    let mut range = async |request| served.kv.range(request).await.unwrap().into_inner();

    let limited = range(RangeRequest { limit: 2, ..all() }).await;
    assert_eq!((keys(&limited), limited.more, limited.count), (vec!["a", "b"], true, 3));
    let by_value =
        RangeRequest { sort_order: SortOrder::Descend.into(), sort_target: SortTarget::Value.into(), ..all() };
    assert_eq!(keys(&range(by_value).await), ["a", "c", "b"]);
    let created_late = range(RangeRequest { min_create_revision: 3, ..all() }).await;
    assert_eq!((keys(&created_late), created_late.count), (vec!["b", "c"], 3));
    let changed_early = range(RangeRequest { max_mod_revision: 4, ..all() }).await;
    assert_eq!(keys(&changed_early), ["a", "c"]);
    let at_four = range(RangeRequest { key: "b".into(), revision: 4, ..RangeRequest::default() }).await;
    assert_eq!((&at_four.kvs[0].value[..], at_four.header.unwrap().revision), (&b"1"[..], 5));
    let keys_only = range(RangeRequest { keys_only: true, ..all() }).await;
    assert!(keys_only.kvs.iter().all(|kv| kv.value.is_empty()) && keys_only.kvs.len() == 3);
    let counted = range(RangeRequest { count_only: true, ..all() }).await;
    assert_eq!((counted.count, counted.kvs.len(), counted.more), (3, 0, false));
    let from_b = range(RangeRequest { key: "b".into(), range_end: "\0".into(), ..RangeRequest::default() }).await;
    assert_eq!(keys(&from_b), ["b", "c"]);
    let backwards = range(RangeRequest { key: "c".into(), range_end: "a".into(), ..RangeRequest::default() }).await;
    assert_eq!((backwards.count, backwards.kvs.len()), (0, 0));
}

#[tokio::test]
async fn a_large_range_is_whole_though_read_in_slices() {
    let mut served = Served::new().await;
    let count = 5_000;
    for i in 0..count {
        served.member.apply_put(format!("k{i:05}"), "v");
    }
    let range = served.kv.range(all()).await.unwrap().into_inner();
    assert_eq!((range.kvs.len(), range.count, range.more), (count, i64::try_from(count).unwrap(), false));
    assert!(range.kvs.is_sorted_by(|a, b| a.key < b.key));
    let cut = served.kv.range(RangeRequest { limit: 4_000, ..all() }).await.unwrap().into_inner();
    assert_eq!((cut.kvs.len(), cut.count, cut.more), (4_000, i64::try_from(count).unwrap(), true));
}

#[tokio::test]
async fn a_delete_counts_and_shows_what_it_took() {
    let mut served = Served::new().await;
    for key in ["a", "b", "c"] {
        served.kv.put(put(key, key)).await.unwrap();
    }
    let delete = DeleteRangeRequest { key: "a".into(), range_end: "c".into(), prev_kv: true };
    let deleted = served.kv.delete_range(delete.clone()).await.unwrap().into_inner();
    assert_eq!((deleted.deleted, deleted.prev_kvs.len(), deleted.header.unwrap().revision), (2, 2, 5));
    let nothing = served.kv.delete_range(delete).await.unwrap().into_inner();
    assert_eq!((nothing.deleted, nothing.header.unwrap().revision), (0, 5), "no new revision for nothing");
}

#[tokio::test]
async fn the_past_is_read_until_it_is_compacted() {
    let mut served = Served::new().await;
    for value in ["1", "2", "3"] {
        served.kv.put(put("k", value)).await.unwrap();
    }
    let compact = |revision, physical| CompactionRequest { revision, physical };
    let done = served.kv.compact(compact(3, true)).await.unwrap().into_inner();
    assert_eq!(done.header.unwrap().revision, 4);
    let mut at = async |revision| served.kv.range(RangeRequest { revision, ..all() }).await;
    assert_eq!(&at(3).await.unwrap().into_inner().kvs[0].value[..], b"2", "the compact revision itself is left");
    assert_eq!(told(&at(2).await.unwrap_err()), (11, Error::Compacted.text()));
    assert_eq!(told(&at(5).await.unwrap_err()), (11, Error::FutureRevision.text()));
    assert_eq!(told(&served.kv.compact(compact(3, false)).await.unwrap_err()), (11, Error::Compacted.text()));
    assert_eq!(told(&served.kv.compact(compact(5, false)).await.unwrap_err()), (11, Error::FutureRevision.text()));
}

#[tokio::test]
async fn a_serializable_range_needs_no_leader() {
    let mut served = Served::new().await;
    served.kv.put(put("k", "v")).await.unwrap();
    served.member.refuse_reads(Some(ReadError::NoLeader));
    assert_eq!(told(&served.kv.range(all()).await.unwrap_err()), (14, Error::NoLeader.text()));
    let stale = served.kv.range(RangeRequest { serializable: true, ..all() }).await.unwrap().into_inner();
    assert_eq!(keys(&stale), ["k"]);
}

#[tokio::test]
async fn a_call_of_a_later_etcd_is_unimplemented() {
    let served = Served::new().await;
    let mut client = tonic::client::Grpc::new(served.channel.clone());
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/etcdserverpb.KV/RangeStream");
    let codec = tonic_prost::ProstCodec::<RangeRequest, RangeResponse>::default();
    let refused = client.server_streaming(tonic::Request::new(all()), path, codec).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unimplemented);
}
