//! Sessions as bytes: in the payload of entries, and the whole table in a snapshot. Numbers are little-endian.
//!
//! A command of a session is `word (8) | acknowledged (8) | command`; the index that names the session, and the sequence, stand in
//! the entry's header. An entry that is about a session itself begins with a byte: 0 opens one and goes on with its word, its time
//! to live and the limits in force (7 numbers of 8 bytes), 1 renews the one that the header and a word (8) name, 2 ends it.
//!
//! The table is the limits (5 numbers), the number of sessions, and for each index, word, time to live, end, acknowledged, number
//! of results, and for each of these sequence, index, term, length and bytes.

use std::collections::BTreeMap;
use std::fmt;

use bytes::{Buf, BufMut, Bytes};
use raft::{Entry, Position};

use super::{Granted, Kept, Session, SessionAct, SessionCommand, SessionId, SessionLimits, Sessions};

const OPEN: u8 = 0;
const KEEP_ALIVE: u8 = 1;
const CLOSE: u8 = 2;
/// What stands before the state machine's part of a command.
const COMMAND_BYTES: usize = 16;

/// Why bytes are no table of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionsError {
    /// They break off or go on too long.
    Length,
    /// A session stands there twice, or not in order.
    Order(SessionId),
}

impl fmt::Display for SessionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "they break off or go on too long"),
            Self::Order(id) => write!(f, "session {id} is out of order"),
        }
    }
}

impl std::error::Error for SessionsError {}

/// The payload of an entry with a command of a session.
pub(crate) fn write_command(command: SessionCommand, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(COMMAND_BYTES + payload.len());
    out.put_u64_le(command.session.word);
    out.put_u64_le(command.acknowledged);
    out.put_slice(payload);
    out
}

/// Which command of a session an entry holds, and what is left for the state machine. `None`: the command is of no session.
pub(crate) fn read_command(entry: &Entry) -> (Option<SessionCommand>, Bytes) {
    let (header, mut payload) = (entry.header(), entry.payload());
    if header.session == 0 || payload.len() < COMMAND_BYTES {
        return (None, payload);
    }
    let session = SessionId { index: header.session, word: payload.get_u64_le() };
    let acknowledged = payload.get_u64_le();
    (Some(SessionCommand { session, sequence: header.sequence, acknowledged }), payload)
}

/// The payload of an entry about a session itself.
pub(crate) fn write_act(act: SessionAct, limits: &SessionLimits) -> Vec<u8> {
    let (kind, word) = match act {
        SessionAct::Open { word, .. } => (OPEN, word),
        SessionAct::KeepAlive(id) => (KEEP_ALIVE, id.word),
        SessionAct::Close(id) => (CLOSE, id.word),
    };
    let mut out = vec![kind];
    out.put_u64_le(word);
    if let SessionAct::Open { ttl, .. } = act {
        out.put_u64_le(ttl);
        put_limits(&mut out, limits);
    }
    out
}

/// What an entry does with a session, and under which limits. `None`: a word of another version, and nothing is done.
pub(crate) fn read_act(entry: &Entry) -> Option<(SessionAct, SessionLimits)> {
    let mut payload = entry.payload();
    let (kind, word) = (payload.try_get_u8().ok()?, payload.try_get_u64_le().ok()?);
    let session = SessionId { index: entry.header().session, word };
    match kind {
        OPEN => {
            let ttl = payload.try_get_u64_le().ok()?;
            Some((SessionAct::Open { ttl, word }, take_limits(&mut payload).ok()?))
        }
        KEEP_ALIVE => Some((SessionAct::KeepAlive(session), SessionLimits::default())),
        CLOSE => Some((SessionAct::Close(session), SessionLimits::default())),
        _ => None,
    }
}

fn put_limits(out: &mut Vec<u8>, limits: &SessionLimits) {
    let SessionLimits { sessions_max, outstanding_max, session_bytes_max, bytes_max, ttl_max } = *limits;
    for number in [sessions_max, outstanding_max, session_bytes_max, bytes_max, ttl_max] {
        out.put_u64_le(number);
    }
}

fn take_limits(input: &mut Bytes) -> Result<SessionLimits, SessionsError> {
    let mut number = || take(input);
    Ok(SessionLimits {
        sessions_max: number()?,
        outstanding_max: number()?,
        session_bytes_max: number()?,
        bytes_max: number()?,
        ttl_max: number()?,
    })
}

fn take(input: &mut Bytes) -> Result<u64, SessionsError> {
    input.try_get_u64_le().map_err(|_| SessionsError::Length)
}

impl Granted {
    /// As the result of an entry.
    pub(crate) fn encode(self) -> Bytes {
        let mut out = Vec::with_capacity(16);
        out.put_u64_le(self.ttl);
        out.put_u64_le(self.outstanding_max);
        out.into()
    }

    /// The result of opening or renewing a session, as a client is told it; `None` for any other result.
    #[must_use]
    pub fn decode(mut result: Bytes) -> Option<Self> {
        let granted = Self { ttl: take(&mut result).ok()?, outstanding_max: take(&mut result).ok()? };
        result.is_empty().then_some(granted)
    }
}

impl Sessions {
    /// The whole table as bytes: equal tables give equal bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_limits(&mut out, &self.limits);
        out.put_u64_le(self.open.len() as u64);
        for (id, session) in &self.open {
            let Session { ttl, ends, acknowledged, results, .. } = session;
            for number in [id.index, id.word, *ttl, *ends, *acknowledged, results.len() as u64] {
                out.put_u64_le(number);
            }
            for (sequence, kept) in results {
                let Kept { position, result } = kept;
                for number in [*sequence, position.index.0, position.term.0, result.len() as u64] {
                    out.put_u64_le(number);
                }
                out.put_slice(result);
            }
        }
        out
    }

    /// The inverse of [`Sessions::encode`].
    ///
    /// # Errors
    /// When the bytes are not exactly one table.
    pub fn decode(mut input: Bytes) -> Result<Self, SessionsError> {
        let mut sessions = Self { limits: take_limits(&mut input)?, ..Self::default() };
        for _ in 0..take(&mut input)? {
            let (id, session) = take_session(&mut input)?;
            if sessions.open.last_key_value().is_some_and(|(last, _)| last.index >= id.index) {
                return Err(SessionsError::Order(id));
            }
            sessions.bytes += session.bytes;
            sessions.ends.insert((session.ends, id));
            sessions.open.insert(id, session);
        }
        if input.is_empty() { Ok(sessions) } else { Err(SessionsError::Length) }
    }
}

fn take_session(input: &mut Bytes) -> Result<(SessionId, Session), SessionsError> {
    let id = SessionId { index: take(input)?, word: take(input)? };
    let (ttl, ends, acknowledged) = (take(input)?, take(input)?, take(input)?);
    let mut session = Session { ttl, ends, acknowledged, results: BTreeMap::new(), bytes: 0 };
    for _ in 0..take(input)? {
        let sequence = take(input)?;
        let position = Position::new(take(input)?, take(input)?);
        let length = usize::try_from(take(input)?).map_err(|_| SessionsError::Length)?;
        if length > input.len() {
            return Err(SessionsError::Length);
        }
        // A copy of its own: a slice would hold the bytes of the whole snapshot.
        let kept = Kept { position, result: Bytes::copy_from_slice(&input.split_to(length)) };
        session.bytes += kept.size();
        session.results.insert(sequence, kept);
    }
    Ok((id, session))
}
