//! The replica's own part of a snapshot: what consensus must know to go on behind it. It stands before the state machine's
//! stream in the same file.
//!
//! Layout, little-endian: version (1 byte), cluster time (8), digest (8), length of the sessions (8), length of the
//! configuration (8), sessions ([`Sessions::encode`]), configuration. Version 1 had no sessions and 0 as their length;
//! version 2 was never released.

use std::fmt;

use bytes::Bytes;
use raft::Configuration;
use raft::configuration::ConfigurationError;

use crate::sessions::{Sessions, SessionsError};

const VERSION: u8 = 3;
/// Still read: written before there were sessions.
const VERSION_WITHOUT_SESSIONS: u8 = 1;
const FIXED_BYTES: usize = 33;

/// What a snapshot says besides the state machine's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Cluster time of the last entry that it covers.
    pub time: u64,
    /// What the state machine said of its state when it was frozen ([`crate::StateMachine::digest`]); 0 where it says nothing.
    pub digest: u64,
    /// The clients' sessions as they are there (S14).
    pub sessions: Sessions,
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
    /// The sessions in it can't be read.
    Sessions(SessionsError),
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
            Self::Sessions(error) => write!(f, "the snapshot's sessions can't be read: {error}"),
            Self::Configuration(error) => write!(f, "the snapshot's configuration can't be read: {error}"),
        }
    }
}

impl std::error::Error for SectionError {}

impl Section {
    /// The section as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (sessions, configuration) = (self.sessions.encode(), self.configuration.encode());
        let mut out = Vec::with_capacity(FIXED_BYTES + sessions.len() + configuration.len());
        out.push(VERSION);
        for number in [self.time, self.digest, sessions.len() as u64, configuration.len() as u64] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&sessions);
        out.extend_from_slice(&configuration);
        out
    }

    /// The inverse of [`Section::encode`].
    ///
    /// # Errors
    /// When the bytes are not one whole section of a known version.
    pub fn decode(bytes: &Bytes) -> Result<Self, SectionError> {
        let version = bytes.first().copied().ok_or(SectionError::Length)?;
        if version != VERSION && version != VERSION_WITHOUT_SESSIONS {
            return Err(SectionError::Version(version));
        }
        let number = |at: usize| -> Result<u64, SectionError> {
            let field = bytes.get(at..at + 8).ok_or(SectionError::Length)?;
            Ok(field.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
        };
        let (time, digest, sessions_length, length) = (number(1)?, number(9)?, number(17)?, number(25)?);
        let rest = (bytes.len() - FIXED_BYTES) as u64;
        if sessions_length.checked_add(length) != Some(rest) {
            return Err(SectionError::Length);
        }
        let split = FIXED_BYTES + usize::try_from(sessions_length).map_err(|_| SectionError::Length)?;
        let sessions = match version {
            VERSION_WITHOUT_SESSIONS if sessions_length == 0 => Sessions::default(),
            VERSION_WITHOUT_SESSIONS => return Err(SectionError::Length),
            _ => Sessions::decode(bytes.slice(FIXED_BYTES..split)).map_err(SectionError::Sessions)?,
        };
        let configuration = Configuration::decode(&bytes.slice(split..)).map_err(SectionError::Configuration)?;
        Ok(Self { time, digest, sessions, configuration })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::{Decision, SessionCommand, SessionId, SessionLimits};
    use raft::{NodeId, Position};

    fn section() -> Section {
        let mut sessions = Sessions::default();
        let session = SessionId { index: 7, word: 77 };
        sessions.open(session, 1000, SessionLimits::default(), 5);
        let command = SessionCommand { session, sequence: 2, acknowledged: 1 };
        assert_eq!(sessions.decide(command, 6), Decision::First);
        sessions.keep(command, Position::new(8, 3), Bytes::from_static(b"first"));
        let configuration = Configuration::of_voters([NodeId(1), NodeId(2)]);
        Section { time: 5, digest: 6, sessions, configuration }
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
    fn another_version_is_refused_by_name_and_the_one_before_sessions_is_read() {
        let mut bytes = section().encode();
        for version in [0, 2, 4] {
            bytes[0] = version;
            assert_eq!(Section::decode(&bytes.clone().into()), Err(SectionError::Version(version)));
        }
        bytes[0] = VERSION_WITHOUT_SESSIONS;
        assert_eq!(Section::decode(&bytes.into()), Err(SectionError::Length), "that one had none");
        let old = Section { sessions: Sessions::default(), ..section() };
        let configuration = old.configuration.encode();
        let mut bytes = vec![VERSION_WITHOUT_SESSIONS];
        for number in [old.time, old.digest, 0, configuration.len() as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&configuration);
        assert_eq!(Section::decode(&bytes.into()), Ok(old));
    }
}
