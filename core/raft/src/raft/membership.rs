//! Changes of the membership: the commands, and the steps that a leader takes by itself.

use super::Raft;
use crate::membership::{Change, ChangeError, PromoteError};
use crate::role::Role;
use crate::types::{NodeId, Position};

impl Raft {
    /// Asks for a membership as a whole: voters and learners, any number of them new or gone (paper section 6, thesis 4.3).
    /// What is returned is the first entry of the change, in force from now on; the leader takes the next steps by itself, as
    /// does one that succeeds it. `None` if all is as it is wanted.
    ///
    /// While new voters catch up, a change that wants the present voters takes back the one that waits; any other is refused
    /// until the one under way has ended.
    ///
    /// # Errors
    /// When this node does not lead or is not ready to, another change is under way, or the change itself can't be.
    pub fn change_membership(&mut self, change: Change) -> Result<Option<Position>, ChangeError> {
        let leader = self.leader();
        let Role::Leader(role) = &mut self.role else { return Err(ChangeError::NotLeader { leader }) };
        if self.shared.halt.is_some() {
            return Err(ChangeError::NotLeader { leader: None });
        }
        role.change(&mut self.shared, &change)
    }

    /// Makes a voter of a learner that has caught up (thesis 4.2.1).
    ///
    /// # Errors
    /// When it is no learner or lags, and whenever a change of the membership is refused.
    pub fn promote(&mut self, learner: NodeId) -> Result<Option<Position>, PromoteError> {
        let leader = self.leader();
        let not_leader = |leader| Err(PromoteError::Change(ChangeError::NotLeader { leader }));
        let Role::Leader(role) = &mut self.role else { return not_leader(leader) };
        if self.shared.halt.is_some() {
            return not_leader(None);
        }
        role.promote(&mut self.shared, learner)
    }

    /// Something happened that a change under way may have waited for.
    pub(super) fn membership_goes_on(&mut self) {
        if self.shared.halt.is_some() {
            return;
        }
        if let Role::Leader(leader) = &mut self.role {
            leader.next_step(&mut self.shared);
        }
    }
}
