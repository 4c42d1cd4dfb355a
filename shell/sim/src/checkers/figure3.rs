//! The properties of the paper's figure 3 and the smaller facts beside them: at each moment by `raft::invariants`, and over the
//! whole history by its ledger.

use raft::invariants::{self, Ledger, Violation};
use raft::{Message, NodeId, View};

use super::{Checked, Failure};

#[derive(Default)]
pub(crate) struct Figure3 {
    ledger: Ledger,
    turns: u64,
}

impl Figure3 {
    pub(crate) fn restarted(&mut self, id: NodeId) {
        self.ledger.restarted(id);
    }

    /// A member had a turn. Walking along its whole log takes long, so that is done once in a while.
    pub(crate) fn observe(&mut self, view: View<'_>) -> Checked {
        self.turns += 1;
        if self.turns.is_multiple_of(32) {
            invariants::check(view).map_err(fail)?;
        }
        self.ledger.observe(view).map_err(fail)
    }

    pub(crate) fn sent(&mut self, message: &Message) -> Checked {
        self.ledger.sent(message).map_err(fail)
    }

    pub(crate) fn cluster(&self, views: &[View<'_>]) -> Checked {
        invariants::check_cluster(views).map_err(fail)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn fail(violation: Violation) -> Failure {
    Failure::new("figure 3", violation.to_string())
}
