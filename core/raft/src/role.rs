//! Roles are data: a node is exactly one of three (A4), each with what only that role needs. A handler that wants another
//! role says so with a transition; `raft.rs` carries it out.

use crate::candidate::Candidate;
use crate::config::Switches;
use crate::event::FollowReason;
use crate::follower::Follower;
use crate::leader::Leader;
use crate::types::{NodeId, Term};

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Role {
    /// Passive: answers, and waits for a leader.
    Follower(Follower),
    /// Asks for votes, or whether it would get them.
    Candidate(Candidate),
    /// Its log is the truth of its term.
    Leader(Leader),
}

impl Role {
    pub(crate) fn relabelled(&self, names: &dyn Fn(NodeId) -> NodeId, switches: &Switches) -> Self {
        match self {
            Self::Follower(follower) => Self::Follower(follower.relabelled(names)),
            Self::Candidate(candidate) => Self::Candidate(candidate.relabelled(names)),
            Self::Leader(leader) => Self::Leader(leader.relabelled(names, switches)),
        }
    }
}

/// What a handler wants its node to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transition {
    /// Follow in `term`.
    Follow { term: Term, leader: Option<NodeId>, reason: FollowReason },
    /// Ask for pre-votes.
    PreCampaign,
    /// Stand for election in the next term.
    Campaign,
    /// Stand for election in the next term, as the leader of this one said.
    TakeOver,
    /// Lead the present term.
    Lead,
}
