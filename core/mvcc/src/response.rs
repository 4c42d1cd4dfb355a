//! What the store answers: etcd's KV responses as plain structs. Keys and values are shared with the store's rows, not
//! copied. The cluster's part of etcd's response header (ids, term) is not known here.

use bytes::Bytes;

/// A key with its value and columns, at one revision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyValue {
    /// The key.
    pub key: Bytes,
    /// The revision that created it, since it last did not exist.
    pub create_revision: i64,
    /// The revision that put it last.
    pub mod_revision: i64,
    /// How often it was put since it was created: 1 at its creation.
    pub version: i64,
    /// The value; empty where only keys were asked for.
    pub value: Bytes,
    /// The lease that it is attached to; 0: none.
    pub lease: i64,
}

/// Answer to a range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RangeResponse {
    /// The store's newest revision when the range was read (not the one that was read).
    pub revision: i64,
    /// The pairs, in the order asked for.
    pub kvs: Vec<KeyValue>,
    /// Whether the limit cut the answer.
    pub more: bool,
    /// How many keys the range holds, whatever limit and filters were given.
    pub count: i64,
}

/// Answer to a put.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PutResponse {
    /// The revision that the put made.
    pub revision: i64,
    /// The pair before it, if asked for and there was one.
    pub prev_kv: Option<KeyValue>,
}

/// Answer to a delete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeleteRangeResponse {
    /// The store's revision behind it: a new one if anything was deleted.
    pub revision: i64,
    /// How many keys were deleted.
    pub deleted: i64,
    /// The pairs that were, if asked for, in the order of their keys.
    pub prev_kvs: Vec<KeyValue>,
}

/// Answer to a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TxnResponse {
    /// The store's revision behind it: a new one if anything was written. 0 for one inside another, as etcd answers.
    pub revision: i64,
    /// Whether the conditions held.
    pub succeeded: bool,
    /// One answer for each operation of the branch that ran.
    pub responses: Vec<ResponseOp>,
}

/// Answer to one operation of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseOp {
    /// To a range.
    Range(RangeResponse),
    /// To a put.
    Put(PutResponse),
    /// To a delete.
    DeleteRange(DeleteRangeResponse),
    /// To a transaction inside.
    Txn(TxnResponse),
}
