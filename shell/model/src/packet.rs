//! What travels between nodes: messages, and snapshots as files beside them. What was sent once may arrive at any time from
//! then on, any number of times, or never: loss, delay, duplication, reordering and old replays need nothing else.

use std::fmt;

use raft::{Body, Message, NodeId, Position, Term};

/// Something sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Packet {
    Message(Message),
    /// A whole snapshot; its configuration is the only one there is, its time 0.
    Snapshot {
        from: NodeId,
        to: NodeId,
        term: Term,
        position: Position,
    },
}

/// What a packet proves about its sender, for ever: no two that contradict each other may ever be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Only the leader of a term sends this.
    Leads { term: Term, leader: NodeId },
    /// The voter voted for this candidate.
    Voted { term: Term, voter: NodeId, candidate: NodeId },
}

impl Packet {
    pub(crate) fn to(&self) -> NodeId {
        match self {
            Self::Message(message) => message.to,
            Self::Snapshot { to, .. } => *to,
        }
    }

    /// The term of an answer, or of a word of a leader to its follower. Whoever has left that term for good ignores it.
    pub(crate) fn answers_in(&self) -> Option<Term> {
        let Self::Message(message) = self else { return None };
        match &message.body {
            Body::RequestVoteReply(_)
            | Body::AppendEntriesReply(_)
            | Body::InstallSnapshotReply(_)
            | Body::TimeoutNow => Some(message.term),
            // It is about the term after, and may tell of a newer one.
            Body::PreVoteReply(reply) => Some(message.term.max(Term(reply.asked.0.saturating_sub(1)))),
            Body::PreVote(_) | Body::RequestVote(_) | Body::AppendEntries(_) => None,
        }
    }

    pub(crate) fn claim(&self) -> Option<Claim> {
        let message = match self {
            Self::Message(message) => message,
            Self::Snapshot { from, term, .. } => return Some(Claim::Leads { term: *term, leader: *from }),
        };
        let (from, to, term) = (message.from, message.to, message.term);
        match &message.body {
            Body::RequestVote(_) => Some(Claim::Voted { term, voter: from, candidate: from }),
            Body::RequestVoteReply(reply) if reply.granted => Some(Claim::Voted { term, voter: from, candidate: to }),
            Body::AppendEntries(_) | Body::TimeoutNow => Some(Claim::Leads { term, leader: from }),
            Body::PreVote(_)
            | Body::PreVoteReply(_)
            | Body::RequestVoteReply(_)
            | Body::AppendEntriesReply(_)
            | Body::InstallSnapshotReply(_) => None,
        }
    }

    pub(crate) fn renamed(&self, names: &dyn Fn(NodeId) -> NodeId) -> Self {
        match self {
            Self::Message(message) => {
                Self::Message(Message { from: names(message.from), to: names(message.to), ..message.clone() })
            }
            Self::Snapshot { from, to, term, position } => {
                Self::Snapshot { from: names(*from), to: names(*to), term: *term, position: *position }
            }
        }
    }
}

impl Claim {
    /// The sentence that says why both can't be.
    pub(crate) fn contradicts(self, other: Self) -> Option<String> {
        match (self, other) {
            (Self::Leads { term, leader }, Self::Leads { term: same, leader: another })
                if term == same && leader != another =>
            {
                Some(format!("Election Safety (5.2) does not hold: {another} and {leader} both led {term}"))
            }
            (Self::Voted { term, voter, candidate }, Self::Voted { term: same, voter: again, candidate: another })
                if (term, voter) == (same, again) && candidate != another =>
            {
                Some(format!(
                    "one vote a term (5.2) does not hold: {voter} voted for {another} and {candidate} in {term}"
                ))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => message.fmt(f),
            Self::Snapshot { from, to, term, position } => write!(f, "{from} -> {to} snapshot {term} {position}"),
        }
    }
}
