//! An entry of the log: a position, and a body that is encoded once. The same bytes go to the disk and to every peer.
//!
//! The body is `kind (1 byte) | cluster time (8) | session (8) | sequence (8) | payload`, numbers little-endian. This room
//! does not know what a payload means, except that a configuration entry holds a [`Configuration`](crate::Configuration).

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::types::{Index, Position, Term};

/// Bytes of a body before its payload.
pub const BODY_HEADER_BYTES: usize = 25;

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A new leader's first entry: it carries nothing, and commits all before it (paper section 8).
    Noop,
    /// A command of a client, for the state machine.
    Command,
    /// A configuration of the cluster (thesis chapter 4); for Raft itself.
    Configuration,
    /// A client's session begins, goes on or ends (thesis 6.3); for the layer above, not for its state machine.
    Session,
}

impl EntryKind {
    /// A client waits for what becomes of it.
    #[must_use]
    pub fn is_of_clients(self) -> bool {
        match self {
            Self::Command | Self::Session => true,
            Self::Noop | Self::Configuration => false,
        }
    }
}

/// What a proposal says besides its payload. All zero is right for a command without time and session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Header {
    /// Cluster time in milliseconds: never falls along the log. Set by the leader when it proposes.
    pub time: u64,
    /// The client session that the command belongs to; 0 is none (thesis 6.3).
    pub session: u64,
    /// The command's number within its session; 0 is none.
    pub sequence: u64,
}

/// One entry of the log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    position: Position,
    kind: EntryKind,
    body: Bytes,
}

/// Why bytes are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryError {
    /// Shorter than the fixed part of a body.
    Short {
        /// How many bytes there were.
        bytes: usize,
    },
    /// A kind that this version does not know.
    Kind(u8),
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { bytes } => {
                write!(f, "an entry of {bytes} bytes is shorter than its {BODY_HEADER_BYTES} byte header")
            }
            Self::Kind(kind) => write!(f, "unknown kind of entry: {kind}"),
        }
    }
}

impl core::error::Error for EntryError {}

impl Entry {
    /// Encodes a new entry. The payload is copied once, here.
    #[must_use]
    pub fn new(position: Position, kind: EntryKind, header: Header, payload: &[u8]) -> Self {
        let mut body = Vec::with_capacity(BODY_HEADER_BYTES + payload.len());
        body.push(match kind {
            EntryKind::Noop => 0,
            EntryKind::Command => 1,
            EntryKind::Configuration => 2,
            EntryKind::Session => 3,
        });
        body.extend_from_slice(&header.time.to_le_bytes());
        body.extend_from_slice(&header.session.to_le_bytes());
        body.extend_from_slice(&header.sequence.to_le_bytes());
        body.extend_from_slice(payload);
        Self { position, kind, body: Bytes::from(body) }
    }

    /// An entry from its encoded body, as read from a disk or a peer.
    ///
    /// # Errors
    /// When the bytes are too short or of an unknown kind.
    pub fn from_body(position: Position, body: Bytes) -> Result<Self, EntryError> {
        if body.len() < BODY_HEADER_BYTES {
            return Err(EntryError::Short { bytes: body.len() });
        }
        let kind = match body.first() {
            Some(0) => EntryKind::Noop,
            Some(1) => EntryKind::Command,
            Some(2) => EntryKind::Configuration,
            Some(3) => EntryKind::Session,
            other => return Err(EntryError::Kind(other.copied().unwrap_or(u8::MAX))),
        };
        Ok(Self { position, kind, body })
    }

    /// Where it stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The index of its position.
    #[must_use]
    pub fn index(&self) -> Index {
        self.position.index
    }

    /// The term of its position.
    #[must_use]
    pub fn term(&self) -> Term {
        self.position.term
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> EntryKind {
        self.kind
    }

    /// Its encoded form, shared.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What the proposal said besides its payload.
    #[must_use]
    pub fn header(&self) -> Header {
        Header { time: self.number(1), session: self.number(9), sequence: self.number(17) }
    }

    /// What was proposed, shared with the body.
    #[must_use]
    pub fn payload(&self) -> Bytes {
        self.body.slice(BODY_HEADER_BYTES..)
    }

    /// What it counts against limits of memory: its body and what stands around it.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.body.len() as u64 + core::mem::size_of::<Self>() as u64
    }

    fn number(&self, at: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.body[at..at + 8]);
        u64::from_le_bytes(bytes)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.position)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.position, self.kind, self.payload())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_read_back_is_the_entry_that_was_encoded() {
        let header = Header { time: 7, session: 8, sequence: 9 };
        let entry = Entry::new(Position::new(5, 2), EntryKind::Command, header, b"SET X=3");
        let again = Entry::from_body(Position::new(5, 2), entry.body().clone()).unwrap();
        assert_eq!(entry, again);
        assert_eq!(again.header(), header);
        assert_eq!(again.payload(), Bytes::from_static(b"SET X=3"));
    }

    #[test]
    fn an_entry_counts_with_all_its_bytes_and_what_stands_around_them() {
        let size =
            |payload: &[u8]| Entry::new(Position::new(1, 1), EntryKind::Command, Header::default(), payload).size();
        let empty = (BODY_HEADER_BYTES + core::mem::size_of::<Entry>()) as u64;
        assert_eq!((size(b""), size(&[0; 1000])), (empty, empty + 1000));
    }

    #[test]
    fn bytes_that_are_no_entry_are_refused() {
        let short = Bytes::from_static(&[1; BODY_HEADER_BYTES - 1]);
        assert_eq!(Entry::from_body(Position::ZERO, short), Err(EntryError::Short { bytes: BODY_HEADER_BYTES - 1 }));
        let kind = Bytes::from_static(&[9; BODY_HEADER_BYTES]);
        assert_eq!(Entry::from_body(Position::ZERO, kind), Err(EntryError::Kind(9)));
    }
}
