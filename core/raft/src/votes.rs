//! The ballot of one election: who said what. A second answer of the same voter changes nothing (E8).

use alloc::collections::BTreeMap;

use crate::configuration::Configuration;
use crate::quorum::{self, Outcome};
use crate::types::NodeId;

/// Answers so far.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Votes {
    said: BTreeMap<NodeId, bool>,
}

impl Votes {
    pub(crate) fn record(&mut self, voter: NodeId, granted: bool) {
        self.said.entry(voter).or_insert(granted);
    }

    pub(crate) fn relabelled(&self, names: &dyn Fn(NodeId) -> NodeId) -> Self {
        Self { said: self.said.iter().map(|(voter, granted)| (names(*voter), *granted)).collect() }
    }

    /// What a voter said.
    #[must_use]
    pub fn said(&self, voter: NodeId) -> Option<bool> {
        self.said.get(&voter).copied()
    }

    /// How the election stands. Only voters of `configuration` count (M20).
    #[must_use]
    pub fn outcome(&self, configuration: &Configuration) -> Outcome {
        quorum::outcome(configuration, |voter| self.said(voter))
    }

    /// Those who granted.
    pub fn granted(&self) -> impl Iterator<Item = NodeId> {
        self.said.iter().filter(|(_, granted)| **granted).map(|(voter, _)| *voter)
    }
}
