//! The encoding of requests: fields in the order of their structs. Only `command` says how a whole command begins.

use bytes::Bytes;
use mvcc::{
    Compare, CompareResult, CompareTarget, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, SortOrder,
    SortTarget, TxnRequest, varint,
};

use crate::codec::{Cursor, DecodeError, flags, put_bytes, put_list};

const RANGE: u8 = 1;
const PUT: u8 = 2;
const DELETE_RANGE: u8 = 3;
const TXN: u8 = 4;

const ORDERS: [SortOrder; 3] = [SortOrder::None, SortOrder::Ascend, SortOrder::Descend];
const TARGETS: [SortTarget; 5] =
    [SortTarget::Key, SortTarget::Version, SortTarget::CreateRevision, SortTarget::ModRevision, SortTarget::Value];
const RESULTS: [CompareResult; 4] =
    [CompareResult::Equal, CompareResult::Greater, CompareResult::Less, CompareResult::NotEqual];

/// The place of a variant in its table. The tables above hold every variant, and are no longer than a byte can count.
fn mark<T: PartialEq>(table: &[T], variant: &T) -> u8 {
    (0..).zip(table).find_map(|(mark, entry)| (entry == variant).then_some(mark)).unwrap_or(u8::MAX)
}

fn variant<T: Copy>(table: &[T], mark: u8, what: &'static str) -> Result<T, DecodeError> {
    table.get(usize::from(mark)).copied().ok_or(DecodeError::Unknown(what))
}

pub(crate) fn put_put(out: &mut Vec<u8>, request: &PutRequest) {
    out.push(flags([request.prev_kv, request.ignore_value, request.ignore_lease]));
    varint::put_signed(out, request.lease);
    put_bytes(out, &request.key);
    put_bytes(out, &request.value);
}

pub(crate) fn take_put(cursor: &mut Cursor) -> Result<PutRequest, DecodeError> {
    let [prev_kv, ignore_value, ignore_lease] = cursor.flags("flag of a put")?;
    let lease = cursor.signed()?;
    let (key, value) = (cursor.bytes()?, cursor.bytes()?);
    Ok(PutRequest { key, value, lease, prev_kv, ignore_value, ignore_lease })
}

pub(crate) fn put_delete_range(out: &mut Vec<u8>, request: &DeleteRangeRequest) {
    out.push(flags([request.prev_kv]));
    put_bytes(out, &request.key);
    put_bytes(out, &request.range_end);
}

pub(crate) fn take_delete_range(cursor: &mut Cursor) -> Result<DeleteRangeRequest, DecodeError> {
    let [prev_kv] = cursor.flags("flag of a delete")?;
    let (key, range_end) = (cursor.bytes()?, cursor.bytes()?);
    Ok(DeleteRangeRequest { key, range_end, prev_kv })
}

pub(crate) fn put_txn(out: &mut Vec<u8>, request: &TxnRequest) {
    put_list(out, &request.compare, put_compare);
    put_list(out, &request.success, put_op);
    put_list(out, &request.failure, put_op);
}

pub(crate) fn take_txn(cursor: &mut Cursor) -> Result<TxnRequest, DecodeError> {
    cursor.nested(|cursor| {
        let compare = cursor.list(take_compare)?;
        let (success, failure) = (cursor.list(take_op)?, cursor.list(take_op)?);
        Ok(TxnRequest { compare, success, failure })
    })
}

fn put_op(out: &mut Vec<u8>, op: &RequestOp) {
    match op {
        RequestOp::Range(range) => {
            out.push(RANGE);
            put_range(out, range);
        }
        RequestOp::Put(put) => {
            out.push(PUT);
            put_put(out, put);
        }
        RequestOp::DeleteRange(delete) => {
            out.push(DELETE_RANGE);
            put_delete_range(out, delete);
        }
        RequestOp::Txn(txn) => {
            out.push(TXN);
            put_txn(out, txn);
        }
    }
}

fn take_op(cursor: &mut Cursor) -> Result<RequestOp, DecodeError> {
    Ok(match cursor.byte()? {
        RANGE => RequestOp::Range(take_range(cursor)?),
        PUT => RequestOp::Put(take_put(cursor)?),
        DELETE_RANGE => RequestOp::DeleteRange(take_delete_range(cursor)?),
        TXN => RequestOp::Txn(take_txn(cursor)?),
        _ => return Err(DecodeError::Unknown("operation in a transaction")),
    })
}

fn put_range(out: &mut Vec<u8>, request: &RangeRequest) {
    out.push(flags([request.keys_only, request.count_only]));
    put_bytes(out, &request.key);
    put_bytes(out, &request.range_end);
    out.push(mark(&ORDERS, &request.sort_order));
    out.push(mark(&TARGETS, &request.sort_target));
    let RangeRequest { min_mod_revision, max_mod_revision, min_create_revision, max_create_revision, .. } = *request;
    let filters = [min_mod_revision, max_mod_revision, min_create_revision, max_create_revision];
    for number in [request.limit, request.revision].into_iter().chain(filters) {
        varint::put_signed(out, number);
    }
}

fn take_range(cursor: &mut Cursor) -> Result<RangeRequest, DecodeError> {
    let [keys_only, count_only] = cursor.flags("flag of a range")?;
    let (key, range_end) = (cursor.bytes()?, cursor.bytes()?);
    let sort_order = variant(&ORDERS, cursor.byte()?, "sort order")?;
    let sort_target = variant(&TARGETS, cursor.byte()?, "sort target")?;
    Ok(RangeRequest {
        key,
        range_end,
        limit: cursor.signed()?,
        revision: cursor.signed()?,
        sort_order,
        sort_target,
        keys_only,
        count_only,
        min_mod_revision: cursor.signed()?,
        max_mod_revision: cursor.signed()?,
        min_create_revision: cursor.signed()?,
        max_create_revision: cursor.signed()?,
    })
}

fn put_compare(out: &mut Vec<u8>, compare: &Compare) {
    put_bytes(out, &compare.key);
    put_bytes(out, &compare.range_end);
    out.push(mark(&RESULTS, &compare.result));
    let (tag, number): (u8, &i64) = match &compare.target {
        CompareTarget::Version(number) => (0, number),
        CompareTarget::CreateRevision(number) => (1, number),
        CompareTarget::ModRevision(number) => (2, number),
        CompareTarget::Lease(number) => (3, number),
        CompareTarget::Value(value) => {
            out.push(4);
            return put_bytes(out, value);
        }
    };
    out.push(tag);
    varint::put_signed(out, *number);
}

fn take_compare(cursor: &mut Cursor) -> Result<Compare, DecodeError> {
    let (key, range_end): (Bytes, Bytes) = (cursor.bytes()?, cursor.bytes()?);
    let result = variant(&RESULTS, cursor.byte()?, "comparison")?;
    let target = match cursor.byte()? {
        0 => CompareTarget::Version(cursor.signed()?),
        1 => CompareTarget::CreateRevision(cursor.signed()?),
        2 => CompareTarget::ModRevision(cursor.signed()?),
        3 => CompareTarget::Lease(cursor.signed()?),
        4 => CompareTarget::Value(cursor.bytes()?),
        _ => return Err(DecodeError::Unknown("target of a comparison")),
    };
    Ok(Compare { key, range_end, result, target })
}
