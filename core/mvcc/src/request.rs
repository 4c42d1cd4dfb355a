//! What can be asked of the store: etcd's KV requests as plain structs. Fields, meaning and defaults are those of the
//! etcd v3 API (`etcdserverpb`), so that a server only has to move them. Nothing is validated here.

use bytes::Bytes;

/// Reads a range of keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RangeRequest {
    /// The first key of the range, or the only one.
    pub key: Bytes,
    /// Empty: the single key. `\0`: all keys from `key` on. Otherwise the first key behind the range.
    pub range_end: Bytes,
    /// At most so many key-value pairs; 0 or less: no limit.
    pub limit: i64,
    /// Which revision to read; 0 or less: the newest.
    pub revision: i64,
    /// In which order.
    pub sort_order: SortOrder,
    /// Ordered by what.
    pub sort_target: SortTarget,
    /// Leave the values out.
    pub keys_only: bool,
    /// Only count.
    pub count_only: bool,
    /// Drop pairs modified before this revision; 0: unset. `count` is not affected, here and below.
    pub min_mod_revision: i64,
    /// Drop pairs modified after this revision; 0: unset.
    pub max_mod_revision: i64,
    /// Drop pairs created before this revision; 0: unset.
    pub min_create_revision: i64,
    /// Drop pairs created after this revision; 0: unset.
    pub max_create_revision: i64,
}

/// The order of a range's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortOrder {
    /// As the keys stand. With another target than the key: as the keys stand up to the limit, and what was read is then
    /// put in ascending order (so does etcd).
    #[default]
    None,
    /// Smallest first.
    Ascend,
    /// Largest first.
    Descend,
}

/// What a range's answer is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortTarget {
    /// The key's bytes.
    #[default]
    Key,
    /// How often the key was put since it was created.
    Version,
    /// The revision of its creation.
    CreateRevision,
    /// The revision of its last put.
    ModRevision,
    /// The value's bytes.
    Value,
}

/// Writes one key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PutRequest {
    /// The key.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
    /// The lease that the key is attached to from now on; 0: none.
    pub lease: i64,
    /// Answer with the pair as it was before.
    pub prev_kv: bool,
    /// Keep the present value; the key must exist.
    pub ignore_value: bool,
    /// Keep the present lease; the key must exist.
    pub ignore_lease: bool,
}

/// Deletes a range of keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeleteRangeRequest {
    /// The first key of the range, or the only one.
    pub key: Bytes,
    /// As in [`RangeRequest::range_end`].
    pub range_end: Bytes,
    /// Answer with the pairs that were deleted.
    pub prev_kv: bool,
}

/// If all of `compare` hold then `success`, else `failure`; all of it at one revision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TxnRequest {
    /// The conditions; none at all counts as true.
    pub compare: Vec<Compare>,
    /// What is done if all of them hold.
    pub success: Vec<RequestOp>,
    /// What is done otherwise.
    pub failure: Vec<RequestOp>,
}

/// One operation of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOp {
    /// Reads; sees what stands earlier in the same transaction.
    Range(RangeRequest),
    /// Writes.
    Put(PutRequest),
    /// Deletes.
    DeleteRange(DeleteRangeRequest),
    /// A transaction inside; its conditions are judged before anything of the outermost one is written.
    Txn(TxnRequest),
}

/// One condition of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compare {
    /// The key that is looked at.
    pub key: Bytes,
    /// As in [`RangeRequest::range_end`]: the condition must hold for every key of the range.
    pub range_end: Bytes,
    /// How the key's own figure must stand to that of `target`.
    pub result: CompareResult,
    /// Which figure, and the one it is compared with.
    pub target: CompareTarget,
}

/// How two figures must stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareResult {
    /// The same.
    Equal,
    /// The key's is greater.
    Greater,
    /// The key's is less.
    Less,
    /// They differ.
    NotEqual,
}

/// What is compared. A key that does not exist counts as 0, except that its value never satisfies anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompareTarget {
    /// The key's version.
    Version(i64),
    /// Its create revision.
    CreateRevision(i64),
    /// Its mod revision.
    ModRevision(i64),
    /// Its value, byte by byte.
    Value(Bytes),
    /// Its lease.
    Lease(i64),
}

impl TxnRequest {
    /// Whether neither branch, nor any transaction inside, can write.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.success.iter().chain(&self.failure).all(|op| match op {
            RequestOp::Range(_) => true,
            RequestOp::Put(_) | RequestOp::DeleteRange(_) => false,
            RequestOp::Txn(txn) => txn.is_read_only(),
        })
    }
}
