//! The encoding of responses: fields in the order of their structs. Only `outcome` says how a whole outcome begins.

use mvcc::{DeleteRangeResponse, KeyValue, PutResponse, RangeResponse, ResponseOp, TxnResponse, varint};

use crate::codec::{Cursor, DecodeError, flags, put_bytes, put_list};

const RANGE: u8 = 1;
const PUT: u8 = 2;
const DELETE_RANGE: u8 = 3;
const TXN: u8 = 4;

pub(crate) fn put_put(out: &mut Vec<u8>, response: &PutResponse) {
    varint::put_signed(out, response.revision);
    out.push(flags([response.prev_kv.is_some()]));
    if let Some(pair) = &response.prev_kv {
        put_pair(out, pair);
    }
}

pub(crate) fn take_put(cursor: &mut Cursor) -> Result<PutResponse, DecodeError> {
    let revision = cursor.signed()?;
    let [has_previous] = cursor.flags("flag of a put's answer")?;
    let prev_kv = if has_previous { Some(take_pair(cursor)?) } else { None };
    Ok(PutResponse { revision, prev_kv })
}

pub(crate) fn put_delete_range(out: &mut Vec<u8>, response: &DeleteRangeResponse) {
    varint::put_signed(out, response.revision);
    varint::put_signed(out, response.deleted);
    put_list(out, &response.prev_kvs, put_pair);
}

pub(crate) fn take_delete_range(cursor: &mut Cursor) -> Result<DeleteRangeResponse, DecodeError> {
    let (revision, deleted) = (cursor.signed()?, cursor.signed()?);
    Ok(DeleteRangeResponse { revision, deleted, prev_kvs: cursor.list(take_pair)? })
}

pub(crate) fn put_txn(out: &mut Vec<u8>, response: &TxnResponse) {
    varint::put_signed(out, response.revision);
    out.push(flags([response.succeeded]));
    put_list(out, &response.responses, put_op);
}

pub(crate) fn take_txn(cursor: &mut Cursor) -> Result<TxnResponse, DecodeError> {
    cursor.nested(|cursor| {
        let revision = cursor.signed()?;
        let [succeeded] = cursor.flags("flag of a transaction's answer")?;
        Ok(TxnResponse { revision, succeeded, responses: cursor.list(take_op)? })
    })
}

fn put_op(out: &mut Vec<u8>, op: &ResponseOp) {
    match op {
        ResponseOp::Range(response) => {
            out.push(RANGE);
            put_range(out, response);
        }
        ResponseOp::Put(response) => {
            out.push(PUT);
            put_put(out, response);
        }
        ResponseOp::DeleteRange(response) => {
            out.push(DELETE_RANGE);
            put_delete_range(out, response);
        }
        ResponseOp::Txn(response) => {
            out.push(TXN);
            put_txn(out, response);
        }
    }
}

fn take_op(cursor: &mut Cursor) -> Result<ResponseOp, DecodeError> {
    Ok(match cursor.byte()? {
        RANGE => ResponseOp::Range(take_range(cursor)?),
        PUT => ResponseOp::Put(take_put(cursor)?),
        DELETE_RANGE => ResponseOp::DeleteRange(take_delete_range(cursor)?),
        TXN => ResponseOp::Txn(take_txn(cursor)?),
        _ => return Err(DecodeError::Unknown("answer in a transaction")),
    })
}

fn put_range(out: &mut Vec<u8>, response: &RangeResponse) {
    varint::put_signed(out, response.revision);
    out.push(flags([response.more]));
    varint::put_signed(out, response.count);
    put_list(out, &response.kvs, put_pair);
}

fn take_range(cursor: &mut Cursor) -> Result<RangeResponse, DecodeError> {
    let revision = cursor.signed()?;
    let [more] = cursor.flags("flag of a range's answer")?;
    let count = cursor.signed()?;
    Ok(RangeResponse { revision, kvs: cursor.list(take_pair)?, more, count })
}

fn put_pair(out: &mut Vec<u8>, pair: &KeyValue) {
    for number in [pair.create_revision, pair.mod_revision, pair.version, pair.lease] {
        varint::put_signed(out, number);
    }
    put_bytes(out, &pair.key);
    put_bytes(out, &pair.value);
}

fn take_pair(cursor: &mut Cursor) -> Result<KeyValue, DecodeError> {
    Ok(KeyValue {
        create_revision: cursor.signed()?,
        mod_revision: cursor.signed()?,
        version: cursor.signed()?,
        lease: cursor.signed()?,
        key: cursor.bytes()?,
        value: cursor.bytes()?,
    })
}
