//! What the rest of the program holds of a running member: a handle to write, to read and to ask how it is.

mod sessions;

pub use sessions::OpenSession;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use raft::{Configuration, Index, NodeId, Position, Term};
use replica::{
    Alter, AlterError, LeaseState, MemberAnswer, Question, ReadMode, Refusal, Reply, SessionRefusal, StateMachine,
    Survey,
};
use thiserror::Error;
use tokio::sync::mpsc::Sender;
use tokio::sync::{oneshot, watch};

use crate::arrival::{ClientRequest, Traffic, What};
use crate::look::Look;
use crate::published::Published;

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
    #[error("the command is too large")]
    TooLarge,
    /// Too much is waiting already (log or uncommitted bytes are at their bound). Not applied; try again.
    #[error("too many requests are waiting")]
    Busy,
    /// The leader's disk has no room for more log. Not applied.
    #[error("no space left for the log")]
    NoSpace,
    /// The command's session does not let it be applied: not applied, but for an earlier copy where the reason says so.
    #[error("{0}")]
    Session(SessionRefusal),
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

/// Why the membership was not changed, or not told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MemberError {
    /// The leader refused. Without effect.
    #[error("{0}")]
    Refused(AlterError),
    /// No leader was known for three election timeouts. Without effect.
    #[error("no leader")]
    NoLeader,
    /// The request's time was over. A change may still take effect.
    #[error("timed out; whether the membership changes is unknown")]
    TimedOut {
        /// The leader that was asked is leader no more.
        leader_changed: bool,
    },
    /// Too much is waiting already. Without effect.
    #[error("too many requests are waiting")]
    Busy,
    /// This member is stopping. Without effect if it never left, else unknown.
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
    /// This node leads.
    pub leads: bool,
    /// Entries up to here are committed, as far as this member knows.
    pub commit: Index,
    /// Entries up to here are applied.
    pub applied: Index,
    /// The last entry of its log.
    pub last: Index,
    /// Its disk has no room for more log: while it leads, commands are refused that do not free any.
    pub no_space: bool,
    /// Whether it can serve reads by a lease; without the time at which that ends.
    pub lease: LeaseState,
    /// How long a majority takes to answer this leader, in microseconds: the median of its last sixteen rounds that counted. None
    /// on who does not lead, and before there were so many.
    pub round_trip: Option<u64>,
}

/// A handle to a running member. Cheap to clone.
pub struct Handle<S: StateMachine> {
    pub(crate) traffic: Sender<Traffic>,
    pub(crate) published: Arc<Published<S>>,
}

impl<S: StateMachine> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self { traffic: self.traffic.clone(), published: self.published.clone() }
    }
}

impl<S: StateMachine> Handle<S> {
    /// Replicates a command and answers with the state machine's result once it is committed and applied here. Any member
    /// may be asked; a follower passes it to the leader.
    ///
    /// # Errors
    /// See [`WriteError`]; only [`WriteError::TimedOut`] and [`WriteError::Stopped`] leave it open whether it takes effect.
    pub async fn write(&self, command: Bytes, time_limit: Duration) -> Result<Written, WriteError> {
        self.write_with(What::Write { command, essential: false, session: None }, time_limit).await
    }

    /// The same for a command that frees room (a delete, a compaction): it is taken while the disk has little.
    ///
    /// # Errors
    /// As [`Handle::write`].
    pub async fn write_essential(&self, command: Bytes, time_limit: Duration) -> Result<Written, WriteError> {
        self.write_with(What::Write { command, essential: true, session: None }, time_limit).await
    }

    async fn write_with(&self, what: What, time_limit: Duration) -> Result<Written, WriteError> {
        match self.ask(what, time_limit).await {
            Some(Reply::Written { position, result }) => Ok(Written { position, result }),
            Some(Reply::Refused(refusal)) => Err(match refusal {
                Refusal::NoLeader => WriteError::NoLeader,
                Refusal::TimedOut { leader_changed } => WriteError::TimedOut { leader_changed },
                Refusal::TooLarge => WriteError::TooLarge,
                Refusal::Busy => WriteError::Busy,
                Refusal::NoSpace => WriteError::NoSpace,
                Refusal::NoTransfer(_) => WriteError::Stopped,
                Refusal::Session(refusal) => WriteError::Session(refusal),
            }),
            Some(Reply::Readable(_) | Reply::Transferred(_) | Reply::Member(_)) | None => Err(WriteError::Stopped),
        }
    }

    /// Waits until this member's state machine has everything that was acknowledged anywhere before the call (`ReadIndex`,
    /// thesis 6.4). Then [`Handle::reader`] answers linearizably.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read(&self, time_limit: Duration) -> Result<Index, ReadError> {
        self.read_with(ReadMode::Linearizable, time_limit).await
    }

    /// Waits until this member's state machine has what `mode` asks for; then [`Handle::reader`] answers so.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read_with(&self, mode: ReadMode, time_limit: Duration) -> Result<Index, ReadError> {
        match self.ask(What::Read(mode), time_limit).await {
            Some(Reply::Readable(index)) => Ok(index),
            Some(Reply::Refused(refusal)) => Err(match refusal {
                Refusal::NoLeader => ReadError::NoLeader,
                Refusal::TimedOut { leader_changed } => ReadError::TimedOut { leader_changed },
                Refusal::Busy | Refusal::TooLarge | Refusal::NoSpace => ReadError::Busy,
                Refusal::NoTransfer(_) | Refusal::Session(_) => ReadError::Busy,
            }),
            Some(Reply::Written { .. } | Reply::Transferred(_) | Reply::Member(_)) | None => Err(ReadError::Stopped),
        }
    }

    pub(crate) async fn ask(&self, what: What, time_limit: Duration) -> Option<Reply> {
        let (answer, reply) = oneshot::channel();
        let time_limit = u64::try_from(time_limit.as_micros()).unwrap_or(u64::MAX);
        self.traffic.send(Traffic::Client(ClientRequest { what, time_limit, answer })).await.ok()?;
        reply.await.ok()
    }

    /// The state machine's own handle for queries: what this member has applied, maybe stale. Take it anew for each query:
    /// a snapshot may replace the state machine.
    #[must_use]
    pub fn reader(&self) -> S::Reader {
        self.published.reader()
    }

    /// What this member believes now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.published.status.borrow().clone()
    }

    /// How this member is, with more than [`Handle::status`] tells: what it knows of the others, how long commits take, what
    /// happened lately. The loop answers between two turns, by itself: a member without a leader answers like any other. None
    /// where the member has ended.
    pub async fn look(&self) -> Option<Look> {
        let (answer, look) = oneshot::channel();
        self.traffic.send(Traffic::Look(answer)).await.ok()?;
        let mut look = look.await.ok()?;
        self.published.measured.complete(&mut look);
        Some(look)
    }

    /// Tells when the status changes.
    #[must_use]
    pub fn watch_status(&self) -> watch::Receiver<Status> {
        self.published.status.subscribe()
    }

    /// How long the longest turn of the loop took since the start: for so long no heartbeat left. A member whose turns come near its
    /// election timeout loses its leadership for nothing.
    #[must_use]
    pub fn longest_turn(&self) -> Duration {
        self.published.longest_turns.longest()
    }

    /// Changes the membership. Any member may be asked; a follower passes it to the leader. With `seen` it is changed only if
    /// the leader's newest configuration stands at that index ([`Survey::index`]). Answers who are members when the change is
    /// committed; a new voter may still be catching up then.
    ///
    /// # Errors
    /// See [`MemberError`]; only [`MemberError::TimedOut`] and [`MemberError::Stopped`] leave it open whether it takes effect.
    pub async fn alter(
        &self,
        alter: Alter,
        seen: Option<Index>,
        time_limit: Duration,
    ) -> Result<Vec<Member>, MemberError> {
        match self.ask_member(Question::Alter { alter, seen }, time_limit).await? {
            MemberAnswer::Altered(configuration) => Ok(Member::all_of(&configuration)),
            MemberAnswer::Surveyed(_) => Err(MemberError::Stopped),
        }
    }

    /// How the membership is, as the leader sees it: what a change may be planned by ([`Survey::plan`]).
    ///
    /// # Errors
    /// See [`MemberError`].
    pub async fn survey(&self, time_limit: Duration) -> Result<Survey, MemberError> {
        match self.ask_member(Question::Survey, time_limit).await? {
            MemberAnswer::Surveyed(survey) => Ok(survey),
            MemberAnswer::Altered(_) => Err(MemberError::Stopped),
        }
    }

    async fn ask_member(&self, question: Question, time_limit: Duration) -> Result<MemberAnswer, MemberError> {
        match self.ask(What::Member(question), time_limit).await {
            Some(Reply::Member(answer)) => answer.map_err(MemberError::Refused),
            Some(Reply::Refused(refusal)) => Err(match refusal {
                Refusal::NoLeader => MemberError::NoLeader,
                Refusal::TimedOut { leader_changed } => MemberError::TimedOut { leader_changed },
                _ => MemberError::Busy,
            }),
            Some(_) | None => Err(MemberError::Stopped),
        }
    }

    /// Who are members, as the newest configuration known here says.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        let configuration = self.published.configuration.borrow().clone();
        Member::all_of(&configuration)
    }

    /// Where the configuration stands that [`Handle::members`] tells, or a newer one does: it rises with each change, so who
    /// remembers it knows when to look again.
    #[must_use]
    pub fn configuration_index(&self) -> Index {
        *self.published.configuration_index.borrow()
    }
}

/// One member, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Inside: small, dense.
    pub node: NodeId,
    /// It has a vote.
    pub voter: bool,
    /// It has none yet and is to get one once it has caught up.
    pub joining: bool,
    /// The opaque bytes that the configuration keeps for it (the server stores name, API id and URLs there).
    pub info: Bytes,
}

impl Member {
    /// All members of a configuration.
    #[must_use]
    pub fn all_of(configuration: &Configuration) -> Vec<Self> {
        let member = |node: &NodeId| Self {
            node: *node,
            voter: configuration.is_voter(*node),
            joining: configuration.is_joining(*node),
            info: configuration.members.get(node).map(|member| member.info.clone()).unwrap_or_default(),
        };
        configuration.nodes().iter().map(member).collect()
    }
}
