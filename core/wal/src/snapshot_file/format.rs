//! The bytes of a snapshot file: header, chunks, footer. All numbers are little-endian.

use super::SnapshotError;
use crate::batch::Base;
use crate::error::Damage;
use crate::record::{u32_at, u64_at};

/// The version of the format.
pub(super) const VERSION: u16 = 1;

const MAGIC: &[u8; 6] = b"quosnp";

/// The longest payload of a chunk, unless a file says less.
pub const CHUNK_BYTES: usize = 64 << 10;

/// Bytes before the first chunk.
pub(super) const HEADER_BYTES: usize = 36;

/// The part of the header that its checksum covers.
const CHECKED_BYTES: usize = 32;

/// Bytes before a chunk's payload.
pub(super) const CHUNK_HEADER_BYTES: usize = 16;

/// What a chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Replica = 1,
    State = 2,
    Footer = 3,
}

impl Kind {
    pub(super) fn of(byte: u8) -> Option<Self> {
        [Self::Replica, Self::State, Self::Footer].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// The file's first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) group: u32,
    /// The longest payload of a chunk in this file.
    pub(super) chunk_bytes: u32,
    pub(super) position: Base,
}

impl Header {
    pub(super) fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..6].copy_from_slice(MAGIC);
        bytes[6..8].copy_from_slice(&VERSION.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.group.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.chunk_bytes.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.position.index.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.position.term.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..CHECKED_BYTES]);
        bytes[CHECKED_BYTES..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(file: &str, bytes: &[u8; HEADER_BYTES]) -> Result<Self, SnapshotError> {
        let damage = |what: &str| SnapshotError::Damaged(Damage { file: file.into(), offset: 0, what: what.into() });
        if &bytes[..6] != MAGIC {
            return Err(damage("its first bytes are not those of a snapshot"));
        }
        let found = u16::from_le_bytes([bytes[6], bytes[7]]);
        if found != VERSION {
            return Err(SnapshotError::OtherVersion { file: file.into(), found });
        }
        if crc32fast::hash(&bytes[..CHECKED_BYTES]) != u32_at(bytes, CHECKED_BYTES) {
            return Err(damage("its header has a wrong checksum"));
        }
        let position = Base { index: u64_at(bytes, 16), term: u64_at(bytes, 24) };
        Ok(Self { group: u32_at(bytes, 8), chunk_bytes: u32_at(bytes, 12), position })
    }
}

/// The last chunk's payload: what all of the file should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) replica_bytes: u64,
    pub(super) state_bytes: u64,
    pub(super) chunks: u32,
    /// Of all bytes of the file before the footer's chunk.
    pub(super) checksum: u32,
}

impl Footer {
    pub(super) fn encode(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.replica_bytes.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.state_bytes.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.chunks.to_le_bytes());
        bytes[20..].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == 24).then(|| Self {
            replica_bytes: u64_at(bytes, 0),
            state_bytes: u64_at(bytes, 8),
            chunks: u32_at(bytes, 16),
            checksum: u32_at(bytes, 20),
        })
    }
}

/// A chunk's checksum covers the file's header, so that a chunk of another file does not pass, and its number, so that none
/// changes places. (The header's own checksum is left out: data followed by its checksum leaves every CRC in the same state.)
pub(super) fn chunk_checksum(header: &[u8; HEADER_BYTES], chunk_after_checksum: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..CHECKED_BYTES]);
    hasher.update(chunk_after_checksum);
    hasher.finalize()
}
