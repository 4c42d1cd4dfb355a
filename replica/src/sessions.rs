//! Sessions of clients: what makes a command take effect exactly once, however often its client sends it (thesis 6.3, A30).
//!
//! A client opens a session through the log; its id is the index of the entry that opened it, so none is ever used twice, and a
//! random word, so that one of a cluster that was wiped and founded anew by the same flags is not taken for one of this. Each of its commands carries a sequence of its own and says up to which one all answers have arrived. The first copy of a command
//! that is applied takes effect, and its result is kept until the client says that it has it; every later copy gets that
//! result. So nothing here depends on who led when, and which member was asked.
//!
//! Whatever decides is in the log: sessions end by cluster time (the time that entries carry), and the limits in force are those
//! of the newest entry that opened a session. Members with other clocks or other settings decide the same, and a snapshot takes
//! the whole table along.
//!
//! This room does not know what a command means, who waits for it, or what time it is.

mod encoding;
mod proposed;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use raft::{Index, Position};

pub use encoding::SessionsError;
pub(crate) use encoding::{read_act, read_command, write_act, write_command};
pub(crate) use proposed::Proposed;

/// Names a session: unlike any other, also of a cluster of the same name that stood here before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SessionId {
    /// The index of the entry that opened it; 0 is none.
    pub index: u64,
    /// What [`SessionAct::Open`] said: drawn by whoever asked for it.
    pub word: u64,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.index)
    }
}

/// The name of a command within its client's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionCommand {
    /// Whose it is.
    pub session: SessionId,
    /// Which one: chosen by the client, from 1, never for two different commands.
    pub sequence: u64,
    /// The client waits for no answer to this sequence or a lower one: their results may be forgotten, and a copy that still
    /// comes is refused.
    pub acknowledged: u64,
}

/// What a client does with a session itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionAct {
    /// Opens one that ends when it is not renewed for so many milliseconds of cluster time.
    Open {
        /// Milliseconds; more than the limit counts as the limit.
        ttl: u64,
        /// Its [`SessionId::word`], at random: nothing in the log is, so the driver draws it.
        word: u64,
    },
    /// Renews one, as each of its commands does.
    KeepAlive(SessionId),
    /// Ends one. It may have ended before.
    Close(SessionId),
}

/// What a write has to do with sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SessionPart {
    /// Nothing: a command whose client knows by itself what to do when no answer comes.
    #[default]
    None,
    /// It is a command of one.
    Command(SessionCommand),
    /// It is no command at all.
    Act(SessionAct),
}

impl SessionPart {
    /// A second copy in the log does no harm, so a write whose fate is unknown may be tried again.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        *self != Self::None
    }
}

/// Why a command of a session was not applied, on any member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionRefusal {
    /// The session has ended or never began. This copy has no effect and never will; whether an earlier one had is not known
    /// any more.
    Expired,
    /// The client has said that it waits for no answer to this sequence. This copy has no effect and never will.
    Answered,
    /// Too many results of the session wait to be acknowledged. This copy has no effect; the same sequence may be tried again.
    TooManyOutstanding,
}

impl fmt::Display for SessionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the session has expired or was never opened",
            Self::Answered => "the sequence was acknowledged before: it is used only once",
            Self::TooManyOutstanding => "too many results of the session wait to be acknowledged",
        })
    }
}

/// How much sessions may take. What the leader has when it opens a session is written into the entry and holds on all members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionLimits {
    /// Sessions that are open at once; one more ends the one that would end first.
    pub sessions_max: u64,
    /// Results of one session that wait to be acknowledged.
    pub outstanding_max: u64,
    /// The same in bytes; the last result may go beyond.
    pub session_bytes_max: u64,
    /// Bytes of results of all sessions; more ends the one that would end first.
    pub bytes_max: u64,
    /// A session lives at most so many milliseconds without being renewed.
    pub ttl_max: u64,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            sessions_max: 10_000,
            outstanding_max: 1024,
            session_bytes_max: 4 << 20,
            bytes_max: 64 << 20,
            ttl_max: 3_600_000,
        }
    }
}

/// What a session was granted: the result of opening or renewing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// It ends after so many milliseconds of cluster time without being renewed.
    pub ttl: u64,
    /// So many results may wait to be acknowledged.
    pub outstanding_max: u64,
}

/// The result of a command, kept for copies of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Where the first copy stands in the log.
    pub position: Position,
    /// What the state machine answered.
    pub result: Bytes,
}

/// What each result counts besides its bytes.
const RESULT_OVERHEAD: u64 = 64;

impl Kept {
    fn size(&self) -> u64 {
        self.result.len() as u64 + RESULT_OVERHEAD
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Session {
    ttl: u64,
    /// Cluster time at which it ends, unless renewed.
    ends: u64,
    /// All sequences up to here are acknowledged.
    acknowledged: u64,
    results: BTreeMap<u64, Kept>,
    bytes: u64,
}

impl Session {
    /// The client waits for no answer up to `sequence`. Says how many bytes that frees.
    fn acknowledge(&mut self, sequence: u64) -> u64 {
        if sequence <= self.acknowledged {
            return 0;
        }
        self.acknowledged = sequence;
        let waiting = sequence.checked_add(1).map_or_else(BTreeMap::new, |next| self.results.split_off(&next));
        let freed = std::mem::replace(&mut self.results, waiting).values().map(Kept::size).sum();
        self.bytes -= freed;
        freed
    }
}

/// What is to be done with a command of a session that is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is the first copy: it is to be applied, and its result kept.
    First,
    /// It was applied before, with this result.
    Again(Kept),
    /// It is not to be applied.
    Refused(SessionRefusal),
}

/// All sessions, as they are behind one entry of the log: the same on every member.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sessions {
    limits: SessionLimits,
    open: BTreeMap<SessionId, Session>,
    /// When which one ends.
    ends: BTreeSet<(u64, SessionId)>,
    bytes: u64,
}

impl Sessions {
    /// How many are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// None is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Bytes of results that are kept.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> SessionLimits {
        self.limits
    }

    /// Results of the session that has most of them.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.open.values().map(|session| session.results.len()).max().unwrap_or(0)
    }

    /// The sessions that are open.
    pub fn ids(&self) -> impl Iterator<Item = SessionId> {
        self.open.keys().copied()
    }

    /// What is already decided about a command, behind the entry at `applied`; `None`: it must go through the log.
    pub(crate) fn look_up(&self, command: SessionCommand, applied: Index) -> Option<Result<Kept, SessionRefusal>> {
        let Some(session) = self.open.get(&command.session) else {
            // An entry that opens a session opens it, so one whose entry is applied and that is not here has ended.
            return (command.session.index <= applied.0).then_some(Err(SessionRefusal::Expired));
        };
        if command.sequence <= session.acknowledged {
            return Some(Err(SessionRefusal::Answered));
        }
        session.results.get(&command.sequence).cloned().map(Ok)
    }

    /// The next entry carries this cluster time: what was not renewed until then ends.
    pub(crate) fn pass(&mut self, time: u64) {
        while let Some((_, id)) = self.ends.first().copied().filter(|(ends, _)| *ends <= time) {
            self.end(id);
        }
    }

    /// The entry at the index of `id` opens a session, under these limits.
    pub(crate) fn open(&mut self, id: SessionId, ttl: u64, limits: SessionLimits, time: u64) -> Granted {
        self.limits = limits;
        let ends = time.saturating_add(ttl.clamp(1, limits.ttl_max.max(1)));
        let ttl = ends - time;
        let session = Session { ttl, ends, acknowledged: 0, results: BTreeMap::new(), bytes: 0 };
        while self.open.len() as u64 >= limits.sessions_max.max(1) && self.end_first() {}
        self.ends.insert((ends, id));
        self.open.insert(id, session);
        self.mind_bytes();
        Granted { ttl, outstanding_max: limits.outstanding_max }
    }

    /// It was heard of at this time.
    pub(crate) fn renew(&mut self, id: SessionId, time: u64) -> Result<Granted, SessionRefusal> {
        let session = self.open.get_mut(&id).ok_or(SessionRefusal::Expired)?;
        let ends = time.saturating_add(session.ttl);
        if ends != session.ends {
            self.ends.remove(&(session.ends, id));
            self.ends.insert((ends, id));
            session.ends = ends;
        }
        Ok(Granted { ttl: session.ttl, outstanding_max: self.limits.outstanding_max })
    }

    /// It ends, if it has not.
    pub(crate) fn end(&mut self, id: SessionId) {
        if let Some(session) = self.open.remove(&id) {
            self.ends.remove(&(session.ends, id));
            self.bytes -= session.bytes;
        }
    }

    /// A command of a session is committed, with this cluster time. [`Sessions::keep`] must follow a [`Decision::First`] before
    /// anything else is decided.
    pub(crate) fn decide(&mut self, command: SessionCommand, time: u64) -> Decision {
        if let Err(refusal) = self.renew(command.session, time) {
            return Decision::Refused(refusal);
        }
        let (limits, Some(session)) = (self.limits, self.open.get_mut(&command.session)) else {
            return Decision::Refused(SessionRefusal::Expired);
        };
        self.bytes -= session.acknowledge(command.acknowledged);
        if command.sequence <= session.acknowledged {
            return Decision::Refused(SessionRefusal::Answered);
        }
        if let Some(kept) = session.results.get(&command.sequence) {
            return Decision::Again(kept.clone());
        }
        if session.results.len() as u64 >= limits.outstanding_max.max(1) || session.bytes >= limits.session_bytes_max {
            return Decision::Refused(SessionRefusal::TooManyOutstanding);
        }
        Decision::First
    }

    /// The first copy of a command stands at `position` and gave `result`.
    pub(crate) fn keep(&mut self, command: SessionCommand, position: Position, result: Bytes) {
        let Some(session) = self.open.get_mut(&command.session) else { return };
        let kept = Kept { position, result };
        session.bytes += kept.size();
        self.bytes += kept.size();
        session.results.insert(command.sequence, kept);
        self.mind_bytes();
    }

    fn mind_bytes(&mut self) {
        while self.bytes > self.limits.bytes_max && self.end_first() {}
    }

    /// Makes room: the one that would end first does so now.
    fn end_first(&mut self) -> bool {
        let first = self.ends.first().copied();
        first.into_iter().for_each(|(_, id)| self.end(id));
        first.is_some()
    }
}

#[cfg(test)]
mod tests;
