//! What members say to each other besides Raft's own messages: a follower passes its clients' requests to the leader. This
//! room only names the kinds; how they become bytes is the driver's affair.

use std::fmt;

use bytes::Bytes;
use raft::{Index, Message, Position, Term};

use crate::membership::{AlterError, Question, Survey};
use crate::sessions::SessionPart;

/// A message between two members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerMessage {
    /// Raft's own.
    Raft(Message),
    /// A client's command, for the leader of exactly one term.
    Write(ForwardedWrite),
    /// Answers it.
    WriteReply(ForwardedWriteReply),
    /// Asks the leader for a read index.
    Read(ForwardedRead),
    /// Answers it.
    ReadReply(ForwardedReadReply),
    /// Tells the leader what the configuration is to keep for the sender.
    Describe(raft::Member),
    /// A question about the membership, for the leader of exactly one term.
    Alter(Box<ForwardedAlter>),
    /// Answers it.
    AlterReply(Box<ForwardedAlterReply>),
}

/// Names a forwarded request: never used twice, not even by a later life of its origin (R13, L21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ForwardId {
    /// Which life of the origin asks: a number that it raised durably when it started.
    pub incarnation: u64,
    /// Counts within that life.
    pub number: u64,
}

/// A command that a follower passes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedWrite {
    /// The leader of this term is meant; nobody else may take it (L21).
    pub term: Term,
    /// Its name.
    pub id: ForwardId,
    /// All of the origin's numbers below this one are answered: the leader may forget them.
    pub floor: u64,
    /// It frees room (a delete, say), so it is taken while there is little.
    pub essential: bool,
    /// What it has to do with sessions.
    pub session: SessionPart,
    /// The command; empty for a session's own acts.
    pub command: Bytes,
}

/// What became of a forwarded command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedWriteReply {
    /// The term that was meant.
    pub term: Term,
    /// Which.
    pub id: ForwardId,
    /// In the log at this position; or refused, and then it never had and never will have an effect.
    pub outcome: Result<Position, NotAccepted>,
}

/// Why a forwarded command was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAccepted {
    /// It leads the term that was meant no more, or is handing over, and has never taken the command.
    NotLeader,
    /// Too much waits.
    Busy,
    /// No room on the leader's disk.
    NoSpace,
}

/// What a peer said when it greeted: how it keeps the promise to help nobody depose a leader (thesis 4.2.3, 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Greeting {
    /// Its T, in milliseconds.
    pub election_timeout: u64,
    /// It makes that promise at all.
    pub stickiness: bool,
    /// As a leader it makes sure of its majority.
    pub check_quorum: bool,
}

/// A question about the membership that a follower passes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedAlter {
    /// The leader of this term is meant.
    pub term: Term,
    /// Its name.
    pub id: ForwardId,
    /// What is asked.
    pub question: Question,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedAlterReply {
    /// The term that was meant.
    pub term: Term,
    /// Which.
    pub id: ForwardId,
    /// The leader's answer.
    pub outcome: AlterOutcome,
}

/// What a leader makes of a question about the membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterOutcome {
    /// The change is in the log at this position; or was, if nothing is left to change.
    Logged(Position),
    /// How the membership is.
    Surveyed(Survey),
    /// Without any effect.
    Refused(AlterError),
}

/// Asks for the read index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForwardedRead {
    /// Its name.
    pub id: ForwardId,
}

/// The leader's answer, after it has confirmed that it leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForwardedReadReply {
    /// Which.
    pub id: ForwardId,
    /// Reads may be served from here on.
    pub index: Index,
}

impl fmt::Display for ForwardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation, self.number)
    }
}

impl fmt::Display for PeerMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raft(message) => write!(f, "{message}"),
            Self::Write(write) => write!(f, "Write {} {}", write.term, write.id),
            Self::WriteReply(ForwardedWriteReply { id, outcome: Ok(position), .. }) => {
                write!(f, "WriteReply {id} accepted {position}")
            }
            Self::WriteReply(ForwardedWriteReply { id, outcome: Err(reason), .. }) => {
                write!(f, "WriteReply {id} {reason:?}")
            }
            Self::Read(read) => write!(f, "Read {}", read.id),
            Self::Alter(alter) => write!(f, "Alter {} {}", alter.term, alter.id),
            Self::AlterReply(reply) => {
                write!(f, "AlterReply {} ", reply.id)?;
                match &reply.outcome {
                    AlterOutcome::Logged(position) => write!(f, "accepted {position}"),
                    AlterOutcome::Surveyed(survey) => write!(f, "surveyed {}", survey.configuration),
                    AlterOutcome::Refused(reason) => write!(f, "{reason:?}"),
                }
            }
            Self::Describe(member) => write!(f, "Describe disk={:016x}", member.disk),
            Self::ReadReply(reply) => write!(f, "ReadReply {} index={}", reply.id, reply.index),
        }
    }
}
