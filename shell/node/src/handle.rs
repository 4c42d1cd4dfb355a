//! What the rest of the program holds of a running member: a handle to write, to read and to ask how it is.

use std::time::Duration;

use bytes::Bytes;
use raft::{Index, NodeId, Position, Term};
use replica::StateMachine;
use thiserror::Error;

/// A command that was committed and applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it stands in the log.
    pub position: Position,
    /// What the state machine answered.
    pub result: Bytes,
}

/// Why a write was not answered with a result. Each says whether the command may still take effect.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WriteError {
    /// No leader was known for three election timeouts. Not applied.
    #[error("no leader")]
    NoLeader,
    /// The request's time was over. Unknown whether it is applied; `leader_changed` says that its leader went away.
    #[error("timed out; whether the command is applied is unknown")]
    TimedOut {
        /// The leader it was given to is leader no more.
        leader_changed: bool,
    },
    /// Larger than this cluster takes. Not applied.
    #[error("the command is too large: {bytes} bytes, at most {limit}")]
    TooLarge {
        /// What was asked.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Too much is waiting already (log or uncommitted bytes are at their bound). Not applied; try again.
    #[error("too many requests are waiting")]
    Busy,
    /// The leader's disk has no room for more log. Not applied.
    #[error("no space left for the log")]
    NoSpace,
    /// This member is stopping. Not applied if it never left, else unknown.
    #[error("the member is stopping")]
    Stopped,
}

/// Why a linearizable read cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// No leader was known for three election timeouts.
    #[error("no leader")]
    NoLeader,
    /// Leadership could not be confirmed, or this member could not catch up, in time.
    #[error("timed out")]
    TimedOut {
        /// The leader it was asked of is leader no more.
        leader_changed: bool,
    },
    /// Too many reads are waiting.
    #[error("too many requests are waiting")]
    Busy,
    /// This member is stopping.
    #[error("the member is stopping")]
    Stopped,
}

/// What a member believes at one moment. Read without asking the loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// This node.
    pub node: NodeId,
    /// Its term.
    pub term: Term,
    /// Whom it takes for the leader of that term.
    pub leader: Option<NodeId>,
    /// Entries up to here are committed, as far as this member knows.
    pub commit: Index,
    /// Entries up to here are applied.
    pub applied: Index,
    /// The last entry of its log.
    pub last: Index,
    /// The leader (this member) refuses proposals because its disk has no room.
    pub no_space: bool,
}

/// A handle to a running member. Cheap to clone.
pub struct Handle<S: StateMachine> {
    reader: S::Reader,
}

impl<S: StateMachine> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self { reader: self.reader.clone() }
    }
}

impl<S: StateMachine> Handle<S> {
    /// Replicates a command and answers with the state machine's result once it is committed and applied here. Any member
    /// may be asked; a follower passes it to the leader.
    ///
    /// # Errors
    /// See [`WriteError`]; only [`WriteError::TimedOut`] and [`WriteError::Stopped`] leave it open whether it takes effect.
    pub async fn write(&self, command: Bytes, time_limit: Duration) -> Result<Written, WriteError> {
        let _ = (command, time_limit);
        Err(WriteError::NoLeader)
    }

    /// Waits until this member's state machine has everything that was acknowledged anywhere before the call (ReadIndex,
    /// thesis 6.4). Then [`Handle::reader`] answers linearizably.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read(&self, time_limit: Duration) -> Result<Index, ReadError> {
        let _ = time_limit;
        Err(ReadError::NoLeader)
    }

    /// The state machine's own handle for queries: what this member has applied, maybe stale.
    #[must_use]
    pub fn reader(&self) -> S::Reader {
        self.reader.clone()
    }

    /// What this member believes now.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            node: NodeId(0),
            term: Term(0),
            leader: None,
            commit: Index(0),
            applied: Index(0),
            last: Index(0),
            no_space: false,
        }
    }

    /// Who are members, as the newest configuration known here says.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        Vec::new()
    }
}

/// One member, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Inside: small, dense.
    pub node: NodeId,
    /// It has a vote.
    pub voter: bool,
    /// The opaque bytes that the configuration keeps for it (the server stores name, API id and URLs there).
    pub info: Bytes,
}
