//! How much a request may add to the data before the quota is full, reckoned as etcd does. Deletes and compaction cost
//! nothing, so that a full store can be emptied. It does not know how large the data is.

use crate::api::etcdserverpb::request_op::Request;
use crate::api::etcdserverpb::{PutRequest, RequestOp, TxnRequest};

/// What a key costs beside its bytes, at least.
pub(crate) const PUT_BYTES_MIN: u64 = 256;

/// Bytes that a put may add.
pub(crate) fn put(request: &PutRequest) -> u64 {
    PUT_BYTES_MIN + request.key.len() as u64 + request.value.len() as u64
}

/// Bytes that the more expensive branch may add; 0 where neither puts.
pub(crate) fn txn(request: &TxnRequest) -> u64 {
    branch(&request.success).max(branch(&request.failure))
}

fn branch(operations: &[RequestOp]) -> u64 {
    let cost = |operation: &RequestOp| match &operation.request {
        Some(Request::RequestPut(request)) => put(request),
        Some(Request::RequestTxn(request)) => txn(request),
        Some(Request::RequestRange(_) | Request::RequestDeleteRange(_)) | None => 0,
    };
    operations.iter().map(cost).sum()
}
