//! What a client's write becomes in the log.
//!
//! Layout: version (one byte, 1) · kind (one byte) · the request (`requests.rs`). A member that meets a version or kind it
//! does not know can't apply it as the others do; so a new one may be proposed only when every member knows it (that is
//! what the feature level in the configuration is for).

use bytes::Bytes;
use mvcc::{DeleteRangeRequest, PutRequest, RequestOp, TxnRequest, varint};

use crate::codec::{Cursor, DecodeError};
use crate::requests::{put_delete_range, put_put, put_txn, take_delete_range, take_put, take_txn};

const VERSION: u8 = 1;

const PUT: u8 = 1;
const DELETE_RANGE: u8 = 2;
const TXN: u8 = 3;
const COMPACT: u8 = 4;

/// One write, as it is replicated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Puts one key.
    Put(PutRequest),
    /// Deletes a range of keys.
    DeleteRange(DeleteRangeRequest),
    /// Runs a transaction.
    Txn(TxnRequest),
    /// Lets go of all revisions before this one.
    Compact {
        /// The oldest revision that can be read afterwards.
        revision: i64,
    },
}

impl Command {
    /// As bytes for the log.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.encoded_len_about());
        out.push(VERSION);
        match self {
            Self::Put(request) => {
                out.push(PUT);
                put_put(&mut out, request);
            }
            Self::DeleteRange(request) => {
                out.push(DELETE_RANGE);
                put_delete_range(&mut out, request);
            }
            Self::Txn(request) => {
                out.push(TXN);
                put_txn(&mut out, request);
            }
            Self::Compact { revision } => {
                out.push(COMPACT);
                varint::put_signed(&mut out, *revision);
            }
        }
        out.into()
    }

    /// From the bytes of the log; keys and values are slices of them.
    ///
    /// # Errors
    /// When they are no command that is known here.
    pub fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(bytes);
        match cursor.byte()? {
            VERSION => {}
            version => return Err(DecodeError::Version(version)),
        }
        let command = match cursor.byte()? {
            PUT => Self::Put(take_put(&mut cursor)?),
            DELETE_RANGE => Self::DeleteRange(take_delete_range(&mut cursor)?),
            TXN => Self::Txn(take_txn(&mut cursor)?),
            COMPACT => Self::Compact { revision: cursor.signed()? },
            _ => return Err(DecodeError::Unknown("kind of command")),
        };
        cursor.end()?;
        Ok(command)
    }

    /// About how many bytes of data it may add to the store; 0: it can't grow it. A transaction counts its dearer branch.
    #[must_use]
    pub fn growth(&self) -> u64 {
        match self {
            Self::Put(put) => growth_of_put(put),
            Self::Txn(txn) => growth_of_txn(txn),
            Self::DeleteRange(_) | Self::Compact { .. } => 0,
        }
    }

    fn encoded_len_about(&self) -> usize {
        // What stands around key and value of a put rarely takes more.
        match self {
            Self::Put(put) => 32 + put.key.len() + put.value.len(),
            Self::DeleteRange(delete) => 16 + delete.key.len() + delete.range_end.len(),
            Self::Txn(_) => 256,
            Self::Compact { .. } => 12,
        }
    }
}

fn growth_of_put(put: &PutRequest) -> u64 {
    // Index entry, row header and allocations around key and value, rounded up.
    const OVERHEAD: usize = 256;
    (OVERHEAD + put.key.len() + put.value.len()) as u64
}

fn growth_of_txn(txn: &TxnRequest) -> u64 {
    let branch = |ops: &[RequestOp]| -> u64 {
        ops.iter()
            .map(|op| match op {
                RequestOp::Put(put) => growth_of_put(put),
                RequestOp::Txn(inner) => growth_of_txn(inner),
                RequestOp::Range(_) | RequestOp::DeleteRange(_) => 0,
            })
            .sum()
    };
    branch(&txn.success).max(branch(&txn.failure))
}
