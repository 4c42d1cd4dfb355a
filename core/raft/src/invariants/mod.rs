//! What must hold in every state of every run, as code: the properties of paper figure 3 and the smaller facts that the
//! other rooms rely on. Scripts, simulator, model checker and explorer call these after every step.
//!
//! [`check`] looks at one state of one node, [`check_step`] at two successive states of one node, [`check_cluster`] at all
//! nodes at one moment, and a [`Ledger`] at a whole history, across crashes. They only look: nothing here changes a node,
//! and nothing here knows disks (what a message may claim of them is checked where disks are).

mod cluster;
mod ledger;
mod membership;
mod node;
mod step;

pub use cluster::check_cluster;
pub use ledger::Ledger;
pub use node::check;
pub use step::check_step;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::types::NodeId;

/// A property that does not hold: which one, on which nodes, and the values that show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What should have held.
    pub property: Property,
    /// Where: one node, or those that contradict each other.
    pub nodes: Vec<NodeId>,
    /// The values that show it, for people.
    pub values: String,
}

impl Violation {
    fn new(property: Property, nodes: &[NodeId], values: String) -> Self {
        Self { property, nodes: nodes.to_vec(), values }
    }
}

/// Written as `Election Safety (5.2) does not hold: n1 and n2: both lead t3`.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not hold: ", self.property)?;
        for (at, node) in self.nodes.iter().enumerate() {
            write!(f, "{}{node}", if at == 0 { "" } else { " and " })?;
        }
        write!(f, ": {}", self.values)
    }
}

impl core::error::Error for Violation {}

macro_rules! properties {
    ($($(#[doc = $doc:literal])+ $name:ident => $text:literal),+ $(,)?) => {
        /// The properties that are checked.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Property {
            $($(#[doc = $doc])+ $name),+
        }

        impl fmt::Display for Property {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text),+ })
            }
        }
    };
}

properties! {
    // ---- of the whole cluster (paper figure 3) ----
    /// A term has at most one leader, for ever.
    ElectionSafety => "Election Safety (5.2)",
    /// A leader never deletes or replaces an entry of its own log.
    LeaderAppendOnly => "Leader Append-Only (5.3)",
    /// Two logs that have the same position are equal up to it.
    LogMatching => "Log Matching (5.3)",
    /// What was committed is in the log of every later leader.
    LeaderCompleteness => "Leader Completeness (5.4)",
    /// What is committed at an index is the same on every node, for ever.
    StateMachineSafety => "State Machine Safety (5.4.3)",
    /// A node votes once in a term, for ever.
    OneVoteATerm => "one vote a term (5.2)",

    // ---- of a node through time ----
    /// Its term never falls.
    TermRises => "the term never falls (5.1)",
    /// Its vote is fixed within a term.
    VoteFixed => "the vote is fixed within a term (5.2)",
    /// Its commit index never falls.
    CommitRises => "the commit index never falls (5.3)",
    /// Its applied index never falls.
    AppliedRises => "the applied index never falls (5.3)",
    /// Its log's base never goes back.
    BaseRises => "the log's base never goes back (7)",
    /// A follower's matchIndex never falls within a term.
    MatchRises => "matchIndex never falls within a term (5.3)",
    /// What is durable stays durable until it is deleted.
    DurableRises => "what is durable stays durable until it is deleted",
    /// A leader tells a node to stand only when that has its whole log.
    HandedOverComplete => "only who has the whole log is told to stand (thesis 3.10)",
    /// A node that halted stays halted.
    HaltStays => "a halted node stays halted",

    // ---- of a node at one moment ----
    /// `base <= applied <= commit <= last`.
    IndexOrder => "base <= applied <= commit <= last",
    /// Indexes of the log have no gap.
    LogDense => "the log has no gap",
    /// Terms never fall along the log.
    LogTerms => "terms never fall along the log (5.3)",
    /// No entry is of a later term than the node's.
    TermCoversLog => "no entry is of a later term than the node",
    /// Cluster time never falls along the log.
    LogTime => "cluster time never falls along the log",
    /// The log's size is the sum of its entries.
    LogBytes => "the log's bytes are those of its entries",
    /// What is durable is in the log.
    DurableWithinLog => "what is durable is in the log",
    /// `commit <= verified <= last` on a follower.
    VerifiedOrder => "commit <= verified <= last on a follower",
    /// The configuration in force is the newest of the log.
    NewestConfiguration => "the configuration in force is the newest in the log (thesis 4.1)",
    /// Any majority of a configuration in the log meets any of the one before.
    ConfigurationsMeet => "each configuration shares its majorities with the one before (6)",
    /// A leader begins no step of a change before the one before it is committed.
    OneStepAtATime => "a leader's own step of a change follows only what is committed (thesis 4.1)",
    /// A leader sends to the members, and to who is on its way out.
    ProgressOfMembers => "a leader has the progress of exactly the members, and of who leaves",
    /// Who stands for election or leads voted for itself.
    VotedForItself => "a candidate or leader voted for itself (5.2)",
    /// A candidate counts its own vote only once that is durable.
    OwnVoteDurable => "a candidate's own vote counts once it is durable",
    /// `matched < next <= last + 1` for every follower of a leader.
    ProgressOrder => "matchIndex < nextIndex <= last + 1 (5.3)",
    /// What is on its way to a follower rises, lies between match and next, and is counted right.
    Inflight => "what is in flight lies between match and next, and its bytes add up",
    /// Rounds: answered and confirmed ones were begun.
    RoundOrder => "no round is answered or confirmed that was not begun (thesis 6.4)",
    /// A leader's count of uncommitted bytes is that of its log.
    UncommittedBytes => "a leader's uncommitted bytes are those of its log",
}

/// Returns a violation unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $property:ident, $nodes:expr, $($values:tt)+) => {
        if !$condition {
            return Err($crate::invariants::Violation::new(
                $crate::invariants::Property::$property,
                $nodes,
                alloc::format!($($values)+),
            ));
        }
    };
}
use ensure;

/// Nodes made by hand, good and bad, for showing that each check can fail.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configuration;
    use crate::entry::{Entry, EntryKind, Header};
    use crate::follower::Follower;
    use crate::leader::Leader;
    use crate::output::HardState;
    use crate::role::Role;
    use crate::shared::Shared;
    use crate::types::{Index, Position, Term};
    use alloc::string::ToString;

    pub(super) fn entry(index: u64, term: u64) -> Entry {
        Entry::new(Position::new(index, term), EntryKind::Command, Header::default(), b"x")
    }

    /// A node of five with a log of these terms, in term 3.
    pub(super) fn shared(id: u64, terms: &[u64]) -> Shared {
        let entries = (1..).zip(terms).map(|(index, term)| entry(index, *term)).collect();
        let boot = crate::Boot {
            hard_state: HardState { term: Term(3), vote: None, commit: Index::ZERO },
            base: Position::ZERO,
            base_time: 0,
            entries,
            snapshot: Index::ZERO,
            configuration: Configuration::of_voters((1..=5).map(NodeId)),
        };
        Shared::new(NodeId(id), crate::Config::default(), boot)
    }

    pub(super) fn follower_of(shared: &Shared) -> Role {
        Role::Follower(Follower::new(None, shared.commit))
    }

    /// Leads the next term.
    pub(super) fn leader_of(shared: &mut Shared) -> Role {
        shared.enter_term(shared.term.next(), Some(shared.id));
        Role::Leader(Leader::new(shared))
    }

    #[test]
    fn a_violation_names_property_nodes_and_values() {
        let violation = Violation::new(Property::ElectionSafety, &[NodeId(1), NodeId(2)], "both lead t3".into());
        assert_eq!(violation.to_string(), "Election Safety (5.2) does not hold: n1 and n2: both lead t3");
    }
}
