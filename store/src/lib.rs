//! The replicated key-value store: `mvcc` as a state machine of `replica`, and the encoding of its commands.
//!
//! - [`Command`] is what a client's write becomes in the log; [`Outcome`] what applying it answers. Both have a compact,
//!   versioned encoding of their own; keys and values are slices of what they were decoded from.
//! - [`KvStore`] applies commands. [`Reader`] answers queries beside it, from any thread. Locking happens in this crate
//!   only; readers hold the lock for short slices.
//! - [`validate`] says whether a request makes sense, before it is proposed. [`Quota`] says whether there is room for it.
//!
//! The requests and responses themselves are those of `mvcc`, passed on from here. This crate does not know protobuf, the
//! network, who is leader, or whether a read is linearizable: the caller decides when to read.

mod codec;
pub mod command;
mod frozen;
mod kv_store;
mod outcome;
mod quota;
mod reader;
mod requests;
mod responses;
mod shared;
pub mod validate;

pub use codec::{DEPTH_MAX, DecodeError};
pub use command::Command;
pub use frozen::FrozenStore;
pub use kv_store::KvStore;
pub use mvcc::{
    Compare, CompareResult, CompareTarget, DeleteRangeRequest, DeleteRangeResponse, KeyValue, PutRequest, PutResponse,
    RangeRequest, RangeResponse, ReadError, ReadOnlyTxn, RequestOp, ResponseOp, SortOrder, SortTarget, TxnRequest,
    TxnResponse,
};
pub use outcome::{Outcome, Refusal, Response};
pub use quota::{NoSpace, Quota};
pub use reader::{RangeRead, Reader, StoreHash};
pub use validate::{Invalid, Limits, validate_delete_range, validate_put, validate_range, validate_txn};
