//! The multi-version store of etcd: every write makes a new *revision*, and the past can be read until it is compacted.
//!
//! # A guided tour
//!
//! - [`request`] and [`response`] are the words: plain structs, named as in etcd's API.
//! - A write at [`Revision`] (main, sub) becomes one [`Row`]: one allocation that holds key, value and columns, and that
//!   is at once what storage keeps and what a snapshot carries. Rows are never rewritten.
//! - [`backend`] is the wall where storage begins: rows by revision. [`MemoryBackend`] is the one behind it for now.
//! - `index` is in memory: for each key the revisions at which it changed. Reading at revision R means: find the newest
//!   change at or before R there, then fetch that one row.
//! - [`Store`] joins the two: put, delete a range, [`txn`](Store::txn), [`compact`](Store::compact).
//! - A [`View`] pins one moment of the store. A [`Scan`] reads a range of a view in slices, so that whoever guards the
//!   store with a lock never holds it for long; a [`Frozen`] streams a whole view the same way, and [`restore`] builds a
//!   store from that stream.
//!
//! # What this crate deliberately does not know
//!
//! How commands are replicated or encoded, who may read what, locks, clocks, threads. It is deterministic: the same
//! calls in the same order give the same answers and the same stream. Leases are numbers in a column.

pub mod backend;
mod compaction;
mod error;
mod hash;
mod index;
mod key_map;
mod key_range;
mod memory;
mod range;
pub mod request;
pub mod response;
mod revision;
mod row;
mod snapshot;
mod snapshot_reader;
mod store;
mod txn;
pub mod varint;
mod view;
mod write;

pub use backend::{Backend, Footprint, StorageError};
pub use error::{CompactError, ReadError, RestoreError, WriteError};
pub use hash::{Hasher, hash_key_value};
pub use key_range::KeyRange;
pub use memory::MemoryBackend;
pub use range::Scan;
pub use request::{
    Compare, CompareResult, CompareTarget, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, SortOrder,
    SortTarget, TxnRequest,
};
pub use response::{DeleteRangeResponse, KeyValue, PutResponse, RangeResponse, ResponseOp, TxnResponse};
pub use revision::Revision;
pub use row::{Row, RowError};
pub use snapshot::Frozen;
pub use snapshot_reader::restore;
pub use store::Store;
pub use txn::{ReadOnlyTxn, read_txn};
pub use view::View;
