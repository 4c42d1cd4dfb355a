//! The replica's own part of a snapshot: what consensus must know to go on behind it. It stands before the state machine's
//! stream in the same file.
//!
//! Layout, little-endian: version (1 byte), cluster time (8), digest (8), number of sessions (8, none yet), length of the
//! configuration (8), configuration.

use std::fmt;

use bytes::Bytes;
use raft::Configuration;
use raft::configuration::ConfigurationError;

const VERSION: u8 = 1;
const FIXED_BYTES: usize = 33;

/// What a snapshot says besides the state machine's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Cluster time of the last entry that it covers.
    pub time: u64,
    /// A digest over all applied entries, for comparing members; 0 where none is kept.
    pub digest: u64,
    /// The configuration in force there.
    pub configuration: Configuration,
}

/// Why bytes are no section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionError {
    /// They break off or go on too long.
    Length,
    /// Of a version that is not known here.
    Version(u8),
    /// It holds client sessions, which this version does not know.
    Sessions(u64),
    /// The configuration in it can't be read.
    Configuration(ConfigurationError),
}

impl fmt::Display for SectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "the replica's section of the snapshot has the wrong length"),
            Self::Version(version) => {
                write!(f, "the snapshot's section has format version {version}, this program knows {VERSION}")
            }
            Self::Sessions(count) => {
                write!(f, "the snapshot holds {count} client sessions, which need a newer program")
            }
            Self::Configuration(error) => write!(f, "the snapshot's configuration can't be read: {error}"),
        }
    }
}

impl std::error::Error for SectionError {}

impl Section {
    /// The section as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let configuration = self.configuration.encode();
        let mut out = Vec::with_capacity(FIXED_BYTES + configuration.len());
        out.push(VERSION);
        for number in [self.time, self.digest, 0, configuration.len() as u64] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&configuration);
        out
    }

    /// The inverse of [`Section::encode`].
    ///
    /// # Errors
    /// When the bytes are not one whole section of a known version.
    pub fn decode(bytes: &Bytes) -> Result<Self, SectionError> {
        let version = bytes.first().copied().ok_or(SectionError::Length)?;
        if version != VERSION {
            return Err(SectionError::Version(version));
        }
        let number = |at: usize| -> Result<u64, SectionError> {
            let field = bytes.get(at..at + 8).ok_or(SectionError::Length)?;
            Ok(field.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
        };
        let (time, digest, sessions, length) = (number(1)?, number(9)?, number(17)?, number(25)?);
        if sessions != 0 {
            return Err(SectionError::Sessions(sessions));
        }
        if length != (bytes.len() - FIXED_BYTES) as u64 {
            return Err(SectionError::Length);
        }
        let configuration = Configuration::decode(&bytes.slice(FIXED_BYTES..)).map_err(SectionError::Configuration)?;
        Ok(Self { time, digest, configuration })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raft::NodeId;

    fn section() -> Section {
        Section { time: 5, digest: 6, configuration: Configuration::of_voters([NodeId(1), NodeId(2)]) }
    }

    #[test]
    fn what_is_encoded_is_read_back_and_nothing_shorter() {
        let bytes = Bytes::from(section().encode());
        assert_eq!(Section::decode(&bytes), Ok(section()));
        for length in 0..bytes.len() {
            assert!(Section::decode(&bytes.slice(..length)).is_err(), "{length}");
        }
    }

    #[test]
    fn another_version_and_sessions_are_refused_by_name() {
        let mut bytes = section().encode();
        bytes[0] = 2;
        assert_eq!(Section::decode(&bytes.clone().into()), Err(SectionError::Version(2)));
        bytes[0] = VERSION;
        bytes[17] = 3;
        assert_eq!(Section::decode(&bytes.into()), Err(SectionError::Sessions(3)));
    }
}
