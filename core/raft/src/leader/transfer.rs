//! Handing the leadership over (thesis 3.10): no more proposals are taken, the target's log is brought up to this leader's,
//! and then it is told to stand for election at once. If nobody else leads after T, this leader goes on as before.
//!
//! Here is the leader's side; what the target and its voters do is in `raft/taking_over.rs`. Why somebody wants a transfer
//! is the caller's affair.

use core::cmp::Reverse;

use super::Leader;
use crate::event::{Event, TransferEnd};
use crate::message::Body;
use crate::output::{Delay, Timer};
use crate::progress::{Mode, Progress};
use crate::shared::{Shared, Waits};
use crate::types::{Index, NodeId};

/// A transfer that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transfer {
    /// Who is to lead.
    target: NodeId,
    /// It was told so, when this leader's log ended here.
    told: Option<Index>,
    /// It may be told (again).
    due: bool,
}

/// Why a leadership is not transferred. Nothing has changed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferError {
    /// This node does not lead; `leader` does, as far as it knows.
    NotLeader {
        /// Whom to ask.
        leader: Option<NodeId>,
    },
    /// The target is no voter of the configuration in force, or no member at all.
    NotVoter(NodeId),
    /// Another transfer is under way, to this node.
    InProgress(NodeId),
    /// The target was not heard for T; without a target, no other voter was.
    Unreachable(Option<NodeId>),
}

impl Transfer {
    /// Who is to lead.
    #[must_use]
    pub fn target(&self) -> NodeId {
        self.target
    }

    pub(crate) fn relabelled(self, names: &dyn Fn(NodeId) -> NodeId) -> Self {
        Self { target: names(self.target), ..self }
    }

    /// The target was told to stand, when this leader's log ended at this index.
    #[must_use]
    pub fn told(&self) -> Option<Index> {
        self.told
    }
}

impl Leader {
    /// The transfer under way.
    #[must_use]
    pub fn transfer(&self) -> Option<&Transfer> {
        self.transfer.as_ref()
    }

    /// A `TimeoutNow` has left in this term. It may be on its way for ever, and whoever gets it does not ask who is loyal to
    /// this leader: so no lease protects this leader any more (R15).
    #[must_use]
    pub fn timeout_now_sent(&self) -> bool {
        self.timeout_now_sent
    }

    /// Begins to hand over to `target`, or to the voter that is the most up to date of those that were heard. The one that
    /// is under way already stays.
    pub(crate) fn transfer_to(&mut self, shared: &mut Shared, target: Option<NodeId>) -> Result<NodeId, TransferError> {
        if let Some(under_way) = &self.transfer {
            let same = target.is_none_or(|target| target == under_way.target);
            return if same { Ok(under_way.target) } else { Err(TransferError::InProgress(under_way.target)) };
        }
        let target = match target {
            Some(target) if target == shared.id => return Ok(target),
            Some(target) if !shared.configuration().is_voter(target) => return Err(TransferError::NotVoter(target)),
            Some(target) if !self.lately_heard(shared, target) => {
                return Err(TransferError::Unreachable(Some(target)));
            }
            Some(target) => target,
            None => self.best_voter(shared).ok_or(TransferError::Unreachable(None))?,
        };
        self.transfer = Some(Transfer { target, told: None, due: true });
        shared.event(Event::TransferBegan { target });
        shared.arm(Timer::Transfer, Delay::T);
        Ok(target)
    }

    /// T has passed: whoever was to lead does not. Proposals are taken again.
    pub(crate) fn transfer_late(&mut self, shared: &mut Shared) {
        self.end_transfer(shared, TransferEnd::TimedOut);
    }

    /// Tells the target to stand, once it has the whole log: at the end of a turn, and again with each heartbeat.
    pub(super) fn hand_over(&mut self, shared: &mut Shared) {
        let Some(transfer) = self.transfer else { return };
        if !shared.configuration().is_voter(transfer.target) {
            return self.end_transfer(shared, TransferEnd::TargetRemoved);
        }
        let last = shared.log.last().index;
        let complete = self.progress.get(&transfer.target).is_some_and(|progress| progress.matched() == last);
        if transfer.due && complete {
            self.transfer = Some(Transfer { told: Some(last), due: false, ..transfer });
            self.timeout_now_sent = true;
            shared.send(transfer.target, Waits::Nothing, Body::TimeoutNow);
        }
    }

    /// What was sent may have been lost.
    pub(super) fn hand_over_again(&mut self) {
        if let Some(transfer) = &mut self.transfer {
            transfer.due = true;
        }
    }

    fn end_transfer(&mut self, shared: &mut Shared, reason: TransferEnd) {
        if let Some(transfer) = self.transfer.take() {
            shared.event(Event::TransferEnded { target: transfer.target, reason });
            shared.disarm(Timer::Transfer);
        }
    }

    /// Without `CheckQuorum` nobody keeps account of who was heard when.
    fn lately_heard(&self, shared: &Shared, node: NodeId) -> bool {
        let check_quorum = shared.config.switches.check_quorum;
        self.progress.get(&node).is_some_and(|progress| !check_quorum || progress.lately_heard())
    }

    /// Of the voters that were heard and need no snapshot: one that was heard since the last `CheckQuorum`, with the longest
    /// log; of these one that answered the newest round, for where nothing is written the log of one that is gone is as long as
    /// any; and of these the first.
    fn best_voter(&self, shared: &Shared) -> Option<NodeId> {
        let fit = |(node, progress): &(&NodeId, &Progress)| {
            let snapshot = matches!(progress.mode(), Mode::Snapshot { .. });
            shared.configuration().is_voter(**node) && self.lately_heard(shared, **node) && !snapshot
        };
        let check_quorum = shared.config.switches.check_quorum;
        let rank = |(node, progress): &(&NodeId, &Progress)| {
            (check_quorum && progress.active, progress.matched(), progress.round_answered, Reverse(**node))
        };
        self.progress.iter().filter(fit).max_by_key(rank).map(|(node, _)| *node)
    }
}
