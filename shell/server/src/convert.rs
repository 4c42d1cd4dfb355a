//! Between the API's messages and the store's own words: requests one way, answers the other. Nothing is copied but numbers;
//! keys and values move. Nothing is decided here: what is invalid was refused before.

use store::{CompareTarget, SortOrder, SortTarget};

use crate::api::etcdserverpb as pb;
use crate::api::etcdserverpb::compare::{CompareResult as PbResult, CompareTarget as PbTarget, TargetUnion};
use crate::api::etcdserverpb::range_request::{SortOrder as PbOrder, SortTarget as PbSortTarget};
use crate::api::etcdserverpb::request_op::Request;
use crate::api::etcdserverpb::response_op::Response;
use crate::api::mvccpb;
use crate::status::Error;

/// An empty key is told before an unknown order or target.
pub(crate) fn range_request(request: pb::RangeRequest) -> Result<store::RangeRequest, Error> {
    if request.key.is_empty() {
        return Err(Error::EmptyKey);
    }
    let sort_order = match PbOrder::try_from(request.sort_order).map_err(|_| Error::InvalidSortOption)? {
        PbOrder::None => SortOrder::None,
        PbOrder::Ascend => SortOrder::Ascend,
        PbOrder::Descend => SortOrder::Descend,
    };
    let sort_target = match PbSortTarget::try_from(request.sort_target).map_err(|_| Error::InvalidSortOption)? {
        PbSortTarget::Key => SortTarget::Key,
        PbSortTarget::Version => SortTarget::Version,
        PbSortTarget::Create => SortTarget::CreateRevision,
        PbSortTarget::Mod => SortTarget::ModRevision,
        PbSortTarget::Value => SortTarget::Value,
    };
    Ok(store::RangeRequest {
        key: request.key,
        range_end: request.range_end,
        limit: request.limit,
        revision: request.revision,
        sort_order,
        sort_target,
        keys_only: request.keys_only,
        count_only: request.count_only,
        min_mod_revision: request.min_mod_revision,
        max_mod_revision: request.max_mod_revision,
        min_create_revision: request.min_create_revision,
        max_create_revision: request.max_create_revision,
    })
}

pub(crate) fn put_request(request: pb::PutRequest) -> store::PutRequest {
    store::PutRequest {
        key: request.key,
        value: request.value,
        lease: request.lease,
        prev_kv: request.prev_kv,
        ignore_value: request.ignore_value,
        ignore_lease: request.ignore_lease,
    }
}

pub(crate) fn delete_range_request(request: pb::DeleteRangeRequest) -> store::DeleteRangeRequest {
    store::DeleteRangeRequest { key: request.key, range_end: request.range_end, prev_kv: request.prev_kv }
}

pub(crate) fn txn_request(request: pb::TxnRequest) -> Result<store::TxnRequest, Error> {
    Ok(store::TxnRequest {
        compare: request.compare.into_iter().map(compare).collect::<Result<_, _>>()?,
        success: request.success.into_iter().map(request_op).collect::<Result<_, _>>()?,
        failure: request.failure.into_iter().map(request_op).collect::<Result<_, _>>()?,
    })
}

fn request_op(operation: pb::RequestOp) -> Result<store::RequestOp, Error> {
    Ok(match operation.request.ok_or(Error::KeyNotFound)? {
        Request::RequestRange(request) => store::RequestOp::Range(range_request(request)?),
        Request::RequestPut(request) => store::RequestOp::Put(put_request(request)),
        Request::RequestDeleteRange(request) => store::RequestOp::DeleteRange(delete_range_request(request)),
        Request::RequestTxn(request) => store::RequestOp::Txn(txn_request(request)?),
    })
}

/// `target` says what is compared. A figure that is missing, or is that of another target, counts as 0 or empty: so it is in
/// etcd.
fn compare(compare: pb::Compare) -> Result<store::Compare, Error> {
    let result = match PbResult::try_from(compare.result).map_err(|_| Error::UnknownCompare)? {
        PbResult::Equal => store::CompareResult::Equal,
        PbResult::Greater => store::CompareResult::Greater,
        PbResult::Less => store::CompareResult::Less,
        PbResult::NotEqual => store::CompareResult::NotEqual,
    };
    let figure = compare.target_union;
    let target = match (PbTarget::try_from(compare.target).map_err(|_| Error::UnknownCompare)?, figure) {
        (PbTarget::Version, Some(TargetUnion::Version(version))) => CompareTarget::Version(version),
        (PbTarget::Version, _) => CompareTarget::Version(0),
        (PbTarget::Create, Some(TargetUnion::CreateRevision(revision))) => CompareTarget::CreateRevision(revision),
        (PbTarget::Create, _) => CompareTarget::CreateRevision(0),
        (PbTarget::Mod, Some(TargetUnion::ModRevision(revision))) => CompareTarget::ModRevision(revision),
        (PbTarget::Mod, _) => CompareTarget::ModRevision(0),
        (PbTarget::Value, Some(TargetUnion::Value(value))) => CompareTarget::Value(value),
        (PbTarget::Value, _) => CompareTarget::Value(bytes::Bytes::new()),
        (PbTarget::Lease, Some(TargetUnion::Lease(lease))) => CompareTarget::Lease(lease),
        (PbTarget::Lease, _) => CompareTarget::Lease(0),
    };
    Ok(store::Compare { key: compare.key, range_end: compare.range_end, result, target })
}

/// Every range of a transaction is serializable, and there is one.
pub(crate) fn is_serializable(request: &pb::TxnRequest) -> bool {
    let mut ranges = Vec::new();
    collect_ranges(request, &mut ranges);
    !ranges.is_empty() && ranges.iter().all(|range| range.serializable)
}

fn collect_ranges<'a>(request: &'a pb::TxnRequest, ranges: &mut Vec<&'a pb::RangeRequest>) {
    for operation in request.success.iter().chain(&request.failure) {
        match &operation.request {
            Some(Request::RequestRange(range)) => ranges.push(range),
            Some(Request::RequestTxn(inner)) => collect_ranges(inner, ranges),
            Some(Request::RequestPut(_) | Request::RequestDeleteRange(_)) | None => {}
        }
    }
}

/// The header of an answer inside a transaction: it has a revision and nothing else (0 for a nested transaction).
fn inner_header(revision: i64) -> Option<pb::ResponseHeader> {
    Some(pb::ResponseHeader { revision, ..pb::ResponseHeader::default() })
}

fn key_value(kv: store::KeyValue) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: kv.key,
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        value: kv.value,
        lease: kv.lease,
    }
}

/// With the header of an answer inside a transaction, here and below: the service puts its own over it.
pub(crate) fn range_response(response: store::RangeResponse) -> pb::RangeResponse {
    pb::RangeResponse {
        header: inner_header(response.revision),
        kvs: response.kvs.into_iter().map(key_value).collect(),
        more: response.more,
        count: response.count,
    }
}

pub(crate) fn put_response(response: store::PutResponse) -> pb::PutResponse {
    pb::PutResponse { header: inner_header(response.revision), prev_kv: response.prev_kv.map(key_value) }
}

pub(crate) fn delete_range_response(response: store::DeleteRangeResponse) -> pb::DeleteRangeResponse {
    pb::DeleteRangeResponse {
        header: inner_header(response.revision),
        deleted: response.deleted,
        prev_kvs: response.prev_kvs.into_iter().map(key_value).collect(),
    }
}

pub(crate) fn txn_response(response: store::TxnResponse) -> pb::TxnResponse {
    pb::TxnResponse {
        header: inner_header(response.revision),
        succeeded: response.succeeded,
        responses: response.responses.into_iter().map(response_op).collect(),
    }
}

fn response_op(response: store::ResponseOp) -> pb::ResponseOp {
    let response = match response {
        store::ResponseOp::Range(response) => Response::ResponseRange(range_response(response)),
        store::ResponseOp::Put(response) => Response::ResponsePut(put_response(response)),
        store::ResponseOp::DeleteRange(response) => Response::ResponseDeleteRange(delete_range_response(response)),
        store::ResponseOp::Txn(response) => Response::ResponseTxn(txn_response(response)),
    };
    pb::ResponseOp { response: Some(response) }
}
