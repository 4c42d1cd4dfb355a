//! Everything about a node, borrowed and read only: for invariants, models, status pages and people.

use core::fmt;

use crate::candidate::Phase;
use crate::config::Config;
use crate::configuration::{Configuration, Stage};
use crate::entry::Entry;
use crate::history::History;
use crate::leader::Transfer;
use crate::log::Log;
use crate::output::{Halt, HardState};
use crate::persistence::Persistence;
use crate::progress::{CatchUp, Progress};
use crate::role::Role;
use crate::rules::Rules;
use crate::shared::Shared;
use crate::types::{Index, NodeId, Position, Term};

/// A look inside a node.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    shared: &'a Shared,
    role: &'a Role,
}

impl<'a> View<'a> {
    pub(crate) fn new(shared: &'a Shared, role: &'a Role) -> Self {
        Self { shared, role }
    }

    /// Which node this is.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.shared.id
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &'a Config {
        &self.shared.config
    }

    /// Its term.
    #[must_use]
    pub fn term(&self) -> Term {
        self.shared.term
    }

    /// Its vote in that term, durable or not.
    #[must_use]
    pub fn vote(&self) -> Option<NodeId> {
        self.shared.vote
    }

    /// What the next write says of term, vote and commit index.
    #[must_use]
    pub fn hard_state(&self) -> HardState {
        self.shared.hard_state()
    }

    /// What it is.
    #[must_use]
    pub fn role(&self) -> &'a Role {
        self.role
    }

    /// Whom it takes for the leader of its term.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        match self.role {
            Role::Follower(follower) => follower.leader(),
            Role::Candidate(_) => None,
            Role::Leader(_) => Some(self.shared.id),
        }
    }

    /// It leads.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// The transfer of its leadership that is under way.
    #[must_use]
    pub fn transfer(&self) -> Option<&'a Transfer> {
        match self.role {
            Role::Leader(leader) => leader.transfer(),
            Role::Follower(_) | Role::Candidate(_) => None,
        }
    }

    /// It leads, and a `TimeoutNow` has left in its term: for the rest of it no lease protects this leader (R15).
    #[must_use]
    pub fn timeout_now_sent(&self) -> bool {
        matches!(self.role, Role::Leader(leader) if leader.timeout_now_sent())
    }

    /// It refuses to help depose a leader.
    #[must_use]
    pub fn is_sticky(&self) -> bool {
        self.shared.sticky
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> &'a Log {
        &self.shared.log
    }

    /// Its last entry.
    #[must_use]
    pub fn last(&self) -> Position {
        self.shared.log.last()
    }

    /// Entries up to here are committed, as far as it knows.
    #[must_use]
    pub fn commit(&self) -> Index {
        self.shared.commit
    }

    /// Entries up to here are applied.
    #[must_use]
    pub fn applied(&self) -> Index {
        self.shared.applied
    }

    /// Committed entries that are not applied yet, in order: at most `bytes_max`, but at least one where there is one.
    #[must_use]
    pub fn unapplied(&self, bytes_max: u64) -> alloc::vec::Vec<Entry> {
        self.shared.log.run(self.shared.applied.next(), self.shared.commit, bytes_max)
    }

    /// What is durable and what is on its way to the disk.
    #[must_use]
    pub fn persistence(&self) -> &'a Persistence {
        &self.shared.persistence
    }

    /// The configuration in force.
    #[must_use]
    pub fn configuration(&self) -> &'a Configuration {
        self.shared.history.current()
    }

    /// Where the configuration in force stands in the log.
    #[must_use]
    pub fn configuration_index(&self) -> Index {
        self.shared.history.current_index()
    }

    /// A change of the membership is under way: its newest entry is not committed, or others follow it.
    #[must_use]
    pub fn is_changing(&self) -> bool {
        self.configuration().stage() != Stage::Plain || self.configuration_index() > self.shared.commit
    }

    /// By the committed configuration this node is no member any more.
    #[must_use]
    pub fn removed(&self) -> bool {
        self.shared.is_removed()
    }

    /// On a leader: the node answered within the last T or two. Without `CheckQuorum` nobody measures, and all count as heard.
    #[must_use]
    pub fn heard(&self, node: NodeId) -> bool {
        match self.role {
            Role::Leader(leader) => leader.heard(self.shared, node),
            Role::Follower(_) | Role::Candidate(_) => false,
        }
    }

    /// On a leader: how a learner catches up.
    #[must_use]
    pub fn catch_up(&self, node: NodeId) -> Option<CatchUp> {
        match self.role {
            Role::Leader(leader) => leader.progress().get(&node).and_then(Progress::catch_up),
            Role::Follower(_) | Role::Candidate(_) => None,
        }
    }

    /// Which rules it follows.
    #[must_use]
    pub fn rules(&self) -> &'a Rules {
        &self.shared.rules
    }

    /// All configurations since the last snapshot.
    #[must_use]
    pub fn history(&self) -> &'a History {
        &self.shared.history
    }

    /// Cluster time of its last entry.
    #[must_use]
    pub fn last_time(&self) -> u64 {
        self.shared.last_time()
    }

    /// Cluster time of the entry at `index`, or of the base.
    #[must_use]
    pub fn time_at(&self, index: Index) -> u64 {
        self.shared.log.entry(index).map_or(self.shared.base_time, |entry| entry.header().time)
    }

    /// Why it stopped.
    #[must_use]
    pub fn halt(&self) -> Option<Halt> {
        self.shared.halt
    }
}

/// Written as `n2 t1 follower  last=1@1 commit=1 leader=n1`.
impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.role {
            Role::Follower(_) => "follower",
            Role::Candidate(candidate) if candidate.phase() == Phase::PreVote => "pre-candidate",
            Role::Candidate(_) => "candidate",
            Role::Leader(_) => "leader",
        };
        write!(f, "{} {} {role:<9} last={} commit={}", self.id(), self.term(), self.last(), self.commit())?;
        if let Role::Follower(follower) = self.role
            && let Some(leader) = follower.leader()
        {
            write!(f, " leader={leader}")?;
        }
        if let Role::Candidate(candidate) = self.role {
            write!(f, " votes=")?;
            for (at, voter) in candidate.votes().granted().enumerate() {
                write!(f, "{}{voter}", if at == 0 { "" } else { "," })?;
            }
        }
        if self.halt().is_some() {
            write!(f, " halted")?;
        }
        Ok(())
    }
}
