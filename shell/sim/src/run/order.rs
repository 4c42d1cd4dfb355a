//! What an operator can order of the membership, by words that make sense whatever it has become meanwhile.
//!
//! It knows the words, not what comes of them.

use serde::{Deserialize, Serialize};

use super::Act;

/// A change of the membership, or what calls for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Order {
    /// So many voters, in one request: some that are there stay, and so many are new.
    Resize {
        /// Voters afterwards.
        voters: u64,
        /// New machines among them.
        fresh: u64,
    },
    /// A new machine.
    Add {
        /// It receives the log and does not vote.
        #[serde(default)]
        learner: bool,
        /// It is never started, until somebody tidies up.
        #[serde(default)]
        idle: bool,
    },
    /// A member leaves.
    Remove {
        /// Which; 0: who leads.
        n: u64,
    },
    /// A member leaves and a new machine takes its place, in one request.
    Replace {
        /// Which; 0: who leads.
        n: u64,
    },
    /// A learner becomes a voter.
    Promote {
        /// Which; 0: the first.
        n: u64,
    },
    /// A voter becomes a learner.
    Demote {
        /// Which; 0: who leads.
        n: u64,
    },
    /// A machine is gone with its disk, unless a majority needs it; a new one takes its place.
    Lose {
        /// Which; 0: who leads.
        n: u64,
    },
    /// These voters and learners, all of them; who is new is started.
    Set {
        /// Voters.
        voters: Vec<u64>,
        /// Learners.
        #[serde(default)]
        learners: Vec<u64>,
    },
    /// The change that waits for new voters is taken back.
    TakeBack,
}

impl Order {
    /// At most so many machines are new by it.
    #[must_use]
    pub fn newcomers(&self) -> u64 {
        match self {
            Self::Resize { fresh, .. } => *fresh,
            Self::Add { .. } | Self::Replace { .. } | Self::Lose { .. } => 1,
            Self::Remove { .. } | Self::Promote { .. } | Self::Demote { .. } | Self::TakeBack => 0,
            Self::Set { voters, learners } => (voters.len() + learners.len()) as u64,
        }
    }

    /// Whom it names.
    pub(super) fn members_mut(&mut self) -> Vec<&mut u64> {
        match self {
            Self::Remove { n } | Self::Replace { n } | Self::Promote { n } | Self::Demote { n } | Self::Lose { n } => {
                vec![n]
            }
            Self::Set { voters, learners } => voters.iter_mut().chain(learners).collect(),
            Self::Resize { .. } | Self::Add { .. } | Self::TakeBack => Vec::new(),
        }
    }
}

impl Act {
    /// At most so many machines are new by it.
    pub(crate) fn newcomers(&self) -> u64 {
        if let Self::Order { order, .. } = self { order.newcomers() } else { 0 }
    }
}
