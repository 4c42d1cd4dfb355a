//! The requests of `ctl`, each in one call.
//!
//! Knows the etcd v3 messages; does not know who answers, nor how the answer is shown.

use bytes::Bytes;
use server::api::etcdserverpb::kv_client::KvClient;
use server::api::etcdserverpb::{
    DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse, RangeRequest, RangeResponse,
};

use super::GetArguments;
use super::endpoints::{Endpoints, Failure, Kind};

/// Sets `key` to `value`.
pub(super) async fn put(endpoints: &Endpoints, key: Bytes, value: Bytes) -> Result<PutResponse, Failure> {
    let request = PutRequest { key, value, ..PutRequest::default() };
    let ask = async |channel| KvClient::new(channel).put(request.clone()).await;
    endpoints.ask(Kind::Write, ask).await
}

/// Reads `key`, or what begins with it.
pub(super) async fn get(endpoints: &Endpoints, key: Bytes, get: &GetArguments) -> Result<RangeResponse, Failure> {
    let (key, range_end) = range(key, get.prefix);
    let request = RangeRequest {
        key,
        range_end,
        limit: get.limit,
        revision: get.rev,
        keys_only: get.keys_only,
        serializable: get.serializable,
        ..RangeRequest::default()
    };
    // A prefix may hold more than gRPC's usual four megabytes.
    let ask = async |channel| KvClient::new(channel).max_decoding_message_size(usize::MAX).range(request.clone()).await;
    endpoints.ask(Kind::Read, ask).await
}

/// Deletes `key`, or what begins with it.
pub(super) async fn delete(endpoints: &Endpoints, key: Bytes, prefix: bool) -> Result<DeleteRangeResponse, Failure> {
    let (key, range_end) = range(key, prefix);
    let request = DeleteRangeRequest { key, range_end, ..DeleteRangeRequest::default() };
    let ask = async |channel| KvClient::new(channel).delete_range(request.clone()).await;
    endpoints.ask(Kind::Write, ask).await
}

/// Key and range end, as the API wants them: no end is the key alone, a zero byte as end is all keys from there on.
fn range(key: Bytes, prefix: bool) -> (Bytes, Bytes) {
    if !prefix {
        return (key, Bytes::new());
    }
    // The first key after all that begin with the prefix: its last byte that can be raised is, and the rest dropped.
    let end = key.iter().rposition(|byte| *byte < u8::MAX).map(|place| {
        let mut end = key[..=place].to_vec();
        end[place] += 1;
        Bytes::from(end)
    });
    let all = Bytes::from_static(b"\0");
    let first = if key.is_empty() { all.clone() } else { key };
    (first, end.unwrap_or(all))
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_one() {
        for (key, first, end) in [
            (b"a".as_slice(), b"a".as_slice(), b"b".as_slice()),
            (b"a\xff\xff", b"a\xff\xff", b"b"),
            (b"\xff", b"\xff", b"\0"),
            (b"", b"\0", b"\0"),
        ] {
            let (got_first, got_end) = range(Bytes::copy_from_slice(key), true);
            assert_eq!((&got_first[..], &got_end[..]), (first, end), "{key:?}");
        }
        assert_eq!(range(Bytes::from_static(b"a"), false), (Bytes::from_static(b"a"), Bytes::new()));
    }
}
