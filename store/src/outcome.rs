//! What applying a command answers. It is the same on every member, so it may be kept with a session and handed out
//! again.
//!
//! Layout: version (one byte, 1) · kind (one byte) · the store's revision · the response or refusal.

use std::fmt;

use bytes::Bytes;
use mvcc::{CompactError, DeleteRangeResponse, PutResponse, TxnResponse, varint};

use crate::codec::{Cursor, DecodeError, put_bytes};
use crate::responses::{put_delete_range, put_put, put_txn, take_delete_range, take_put, take_txn};

const VERSION: u8 = 1;

const PUT: u8 = 1;
const DELETE_RANGE: u8 = 2;
const TXN: u8 = 3;
const COMPACT: u8 = 4;
const KEY_NOT_FOUND: u8 = 64;
const COMPACTED: u8 = 65;
const FUTURE_REVISION: u8 = 66;
const BAD_COMMAND: u8 = 67;

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The store's revision once the command was applied (or refused).
    pub revision: i64,
    /// The answer.
    pub result: Result<Response, Refusal>,
}

/// The answer to a command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// To a put.
    Put(PutResponse),
    /// To a delete.
    DeleteRange(DeleteRangeResponse),
    /// To a transaction.
    Txn(TxnResponse),
    /// To a compaction.
    Compact,
}

/// Why a command was not carried out. It changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A put keeps the value or lease of a key that does not exist (etcd: `key not found`).
    KeyNotFound,
    /// A compaction, or a range in a transaction, asks for a revision that is compacted.
    Compacted {
        /// The revision asked for.
        requested: i64,
        /// The oldest one that can be read.
        compact_revision: i64,
    },
    /// It asks for a revision that is not yet made.
    FutureRevision {
        /// The revision asked for.
        requested: i64,
        /// The newest one.
        revision: i64,
    },
    /// The log held something that is no command.
    BadCommand(String),
}

impl Outcome {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(16);
        out.push(VERSION);
        out.push(self.kind());
        varint::put_signed(&mut out, self.revision);
        match &self.result {
            Ok(Response::Put(response)) => put_put(&mut out, response),
            Ok(Response::DeleteRange(response)) => put_delete_range(&mut out, response),
            Ok(Response::Txn(response)) => put_txn(&mut out, response),
            Ok(Response::Compact) | Err(Refusal::KeyNotFound) => {}
            Err(Refusal::Compacted { requested, compact_revision: other })
            | Err(Refusal::FutureRevision { requested, revision: other }) => {
                varint::put_signed(&mut out, *requested);
                varint::put_signed(&mut out, *other);
            }
            Err(Refusal::BadCommand(what)) => put_bytes(&mut out, what.as_bytes()),
        }
        out.into()
    }

    /// From bytes; keys and values are slices of them.
    ///
    /// # Errors
    /// When they are no outcome that is known here.
    pub fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(bytes);
        match cursor.byte()? {
            VERSION => {}
            version => return Err(DecodeError::Version(version)),
        }
        let kind = cursor.byte()?;
        let revision = cursor.signed()?;
        let result = match kind {
            PUT => Ok(Response::Put(take_put(&mut cursor)?)),
            DELETE_RANGE => Ok(Response::DeleteRange(take_delete_range(&mut cursor)?)),
            TXN => Ok(Response::Txn(take_txn(&mut cursor)?)),
            COMPACT => Ok(Response::Compact),
            KEY_NOT_FOUND => Err(Refusal::KeyNotFound),
            COMPACTED => Err(Refusal::Compacted { requested: cursor.signed()?, compact_revision: cursor.signed()? }),
            FUTURE_REVISION => Err(Refusal::FutureRevision { requested: cursor.signed()?, revision: cursor.signed()? }),
            BAD_COMMAND => Err(Refusal::BadCommand(cursor.text()?)),
            _ => return Err(DecodeError::Unknown("kind of outcome")),
        };
        cursor.end()?;
        Ok(Self { revision, result })
    }

    fn kind(&self) -> u8 {
        match &self.result {
            Ok(Response::Put(_)) => PUT,
            Ok(Response::DeleteRange(_)) => DELETE_RANGE,
            Ok(Response::Txn(_)) => TXN,
            Ok(Response::Compact) => COMPACT,
            Err(Refusal::KeyNotFound) => KEY_NOT_FOUND,
            Err(Refusal::Compacted { .. }) => COMPACTED,
            Err(Refusal::FutureRevision { .. }) => FUTURE_REVISION,
            Err(Refusal::BadCommand(_)) => BAD_COMMAND,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::KeyNotFound => mvcc::WriteError::KeyNotFound.fmt(f),
            Self::Compacted { requested, compact_revision } => {
                CompactError::Compacted { requested, compact_revision }.fmt(f)
            }
            Self::FutureRevision { requested, revision } => CompactError::FutureRevision { requested, revision }.fmt(f),
            Self::BadCommand(ref what) => write!(f, "the log holds something that is no command of the store: {what}"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<CompactError> for Refusal {
    fn from(error: CompactError) -> Self {
        match error {
            CompactError::Compacted { requested, compact_revision } => Self::Compacted { requested, compact_revision },
            CompactError::FutureRevision { requested, revision } => Self::FutureRevision { requested, revision },
        }
    }
}
