//! What nodes say to each other. Every field says why it is there.
//!
//! One rule about terms holds for all messages (paper 5.1) and is applied in one place, `raft.rs`: an older term is
//! refused with the newer one, a newer term makes the receiver a follower of it. The pre-vote is the exception: it asks
//! without changing anybody (thesis 9.6).

use core::fmt;

use crate::slice::Slice;
use crate::types::{Index, NodeId, Position, Term};

/// A message, with who sent it in which term.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// Who sent it. The driver vouches for it: it names the connection's other end.
    pub from: NodeId,
    /// Who is meant.
    pub to: NodeId,
    /// The sender's term when it was sent.
    pub term: Term,
    /// What is said.
    pub body: Body,
}

/// The kinds of messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Body {
    /// Would you vote for me in the term after mine? (thesis 9.6)
    PreVote(RequestVote),
    /// Answers [`Body::PreVote`].
    PreVoteReply(PreVoteReply),
    /// Vote for me in this term (paper figure 2).
    RequestVote(RequestVote),
    /// Answers [`Body::RequestVote`].
    RequestVoteReply(RequestVoteReply),
    /// The leader's entries, and without entries its heartbeat (paper figure 2).
    AppendEntries(AppendEntries),
    /// Answers [`Body::AppendEntries`].
    AppendEntriesReply(AppendEntriesReply),
    /// Tells the leader what became of a snapshot (paper figure 13). The snapshot itself travels outside of the messages,
    /// as a file.
    InstallSnapshotReply(InstallSnapshotReply),
    /// The leader hands over: stand for election at once (thesis 3.10). It says nothing more, since it leaves only when the
    /// receiver has the whole log.
    TimeoutNow,
}

/// A candidate asks for a vote, or whether it would get one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestVote {
    /// The candidate's last entry: the voter refuses when its own log is more up to date (paper 5.4.1).
    pub last: Position,
    /// The leader itself told the candidate to stand ([`Body::TimeoutNow`]): nobody needs to protect it (thesis 4.2.3). Of no
    /// meaning in a pre-vote.
    pub transfer: bool,
}

/// A voter's answer to a pre-vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PreVoteReply {
    /// The term that was asked for. The voter's own term does not rise by answering, so the message's term can't say it.
    pub asked: Term,
    /// It would vote.
    pub granted: bool,
}

/// A voter's answer. The term of the message says in which election.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestVoteReply {
    /// It voted, and its vote is on its disk.
    pub granted: bool,
}

/// Entries behind a position. The sender is the leader: a term has only one (so `leader id` is the message's `from`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppendEntries {
    /// Which round of the leader's this belongs to. Once a majority answered in a round, the leader was leader when the
    /// round began (thesis 6.4): that serves reads and leases.
    pub round: u64,
    /// The leader's commit index: the follower may apply up to it, as far as its log is known to agree.
    pub commit: Index,
    /// The entries, with the position before them: the consistency check (`prevLogIndex`, `prevLogTerm`; paper 5.3).
    pub run: Slice,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AppendEntriesReply {
    /// The newest round that the follower has seen from this leader.
    pub round: u64,
    /// Whether the consistency check held.
    pub outcome: AppendOutcome,
}

/// `success` of the paper, with what the leader needs to know in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AppendOutcome {
    /// The check held. Entries up to `matched` are the leader's and are on this follower's disk.
    Accepted {
        /// `min(verified, durable)`: it never claims an entry that a crash could take back.
        matched: Index,
    },
    /// The check failed.
    Refused {
        /// The `prev` that was refused, so that the leader knows which of its messages is meant (L6).
        prev: Position,
        /// The last position of the follower's log that may agree: nothing after it can (the conflict hint of paper 5.3).
        /// Without it the leader goes back by one.
        hint: Option<Position>,
    },
}

/// What became of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstallSnapshotReply {
    /// Entries up to here are on this follower's disk, as a snapshot or as log, and agree with the leader's.
    pub matched: Index,
}

impl Body {
    /// The name of the kind, as in the paper.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PreVote(_) => "PreVote",
            Self::PreVoteReply(_) => "PreVoteReply",
            Self::RequestVote(_) => "RequestVote",
            Self::RequestVoteReply(_) => "RequestVoteReply",
            Self::AppendEntries(_) => "AppendEntries",
            Self::AppendEntriesReply(_) => "AppendEntriesReply",
            Self::InstallSnapshotReply(_) => "InstallSnapshotReply",
            Self::TimeoutNow => "TimeoutNow",
        }
    }
}

/// Written as `n1 -> n2 AppendEntries t1 prev=1@1 [2@1] commit=1 round=1`.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} {} {}", self.from, self.to, self.body.name(), self.term)?;
        match &self.body {
            Body::PreVote(request) | Body::RequestVote(request) => {
                write!(f, " last={}{}", request.last, if request.transfer { " transfer" } else { "" })
            }
            Body::PreVoteReply(reply) => write!(f, " asked={} {}", reply.asked, granted(reply.granted)),
            Body::RequestVoteReply(reply) => write!(f, " {}", granted(reply.granted)),
            Body::AppendEntries(append) => {
                write!(f, " prev={}", append.run.prev())?;
                if !append.run.entries().is_empty() {
                    write!(f, " {}", append.run)?;
                }
                write!(f, " commit={} round={}", append.commit, append.round)
            }
            Body::AppendEntriesReply(reply) => {
                match reply.outcome {
                    AppendOutcome::Accepted { matched } => write!(f, " match={matched}")?,
                    AppendOutcome::Refused { prev, hint: Some(hint) } => write!(f, " refused prev={prev} hint={hint}")?,
                    AppendOutcome::Refused { prev, hint: None } => write!(f, " refused prev={prev}")?,
                }
                write!(f, " round={}", reply.round)
            }
            Body::InstallSnapshotReply(reply) => write!(f, " match={}", reply.matched),
            Body::TimeoutNow => Ok(()),
        }
    }
}

fn granted(granted: bool) -> &'static str {
    if granted { "granted" } else { "refused" }
}
