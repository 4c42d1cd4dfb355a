//! Transfer of the leadership (thesis 3.10) as it concerns the whole node: the command to a leader, and what a follower does
//! that is told to stand. The leader's own part is in `leader/transfer.rs`.

use super::Raft;
use crate::event::{Event, IgnoreReason};
use crate::leader::TransferError;
use crate::output::Timer;
use crate::role::{Role, Transition};
use crate::types::NodeId;

impl Raft {
    /// Begins to hand the leadership over: to `target`, or without one to the voter with the longest log of those that were
    /// heard. Says to whom. Until another node leads, or T has passed, proposals are refused with
    /// [`ProposeError::Transferring`](super::ProposeError::Transferring); reads go on.
    ///
    /// A leader asked to hand over to itself does nothing; asked again for the same target, it goes on with it.
    ///
    /// # Errors
    /// When this node does not lead, the target can't lead or was not heard, or another transfer is under way.
    pub fn transfer_leadership(&mut self, target: Option<NodeId>) -> Result<NodeId, TransferError> {
        let leader = self.leader();
        let Role::Leader(role) = &mut self.role else { return Err(TransferError::NotLeader { leader }) };
        if self.shared.halt.is_some() {
            return Err(TransferError::NotLeader { leader: None });
        }
        role.transfer_to(&mut self.shared, target)
    }

    /// `TimeoutNow` of this term. Only its own leader can tell a voter to stand, and only while it follows that leader: what
    /// comes late or from elsewhere means nothing (T4).
    pub(super) fn told_to_stand(&mut self, from: NodeId) -> Result<Option<Transition>, IgnoreReason> {
        let follows = matches!(&self.role, Role::Follower(follower) if follower.leader() == Some(from));
        let last_term = self.shared.term.next() == self.shared.term;
        if !follows || !self.shared.configuration().is_voter(self.shared.id) || last_term {
            return Err(IgnoreReason::Unexpected);
        }
        self.shared.event(Event::ToldToStand { leader: from });
        // The leader gives back the promise to help nobody else.
        self.shared.sticky = false;
        self.shared.disarm(Timer::LeaderSilent);
        Ok(Some(Transition::TakeOver))
    }
}
