//! Letting another member lead: what the rest of the program asks of a running member, and how that ends. When it is a good
//! idea is not known here.

use std::time::Duration;

use raft::NodeId;
use replica::{Refusal, Reply, StateMachine};
use thiserror::Error;

use crate::arrival::What;
use crate::handle::Handle;

/// Why the leadership was not handed over. This member leads on, or does not lead at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransferError {
    /// This member does not lead.
    #[error("this member does not lead{}", leader.map_or(String::new(), |leader| format!(": {leader} does")))]
    NotLeader {
        /// Whom to ask.
        leader: Option<NodeId>,
    },
    /// The target has no vote, or is no member at all.
    #[error("{0} is no voter of this cluster")]
    NotVoter(NodeId),
    /// Another transfer is under way, to this member.
    #[error("the leadership is on its way to {0} already")]
    InProgress(NodeId),
    /// The target was not heard for an election timeout; without a target, no other voter was.
    #[error("{} was not heard for an election timeout", .0.map_or("no other voter".to_owned(), |node| node.to_string()))]
    Unreachable(Option<NodeId>),
    /// Within an election timeout no other member came to lead.
    #[error("no other member came to lead in time")]
    TimedOut,
    /// This member is stopping.
    #[error("the member is stopping")]
    Stopped,
}

impl<S: StateMachine> Handle<S> {
    /// Lets another member lead (thesis 3.10): `target`, or without one the voter with the longest log of those that were
    /// heard. Says who leads then. The member asked must be the leader itself; a leader that is asked to hand over to itself
    /// has nothing to do. Writes that come meanwhile wait for the new leader; no client sees an error by it.
    ///
    /// # Errors
    /// See [`TransferError`].
    pub async fn transfer(&self, target: Option<NodeId>, time_limit: Duration) -> Result<NodeId, TransferError> {
        match self.ask(What::Transfer { target }, time_limit).await {
            Some(Reply::Transferred(leader)) => Ok(leader),
            Some(Reply::Refused(Refusal::NoTransfer(refused))) => Err(match refused {
                raft::TransferError::NotLeader { leader } => TransferError::NotLeader { leader },
                raft::TransferError::NotVoter(target) => TransferError::NotVoter(target),
                raft::TransferError::InProgress(target) => TransferError::InProgress(target),
                raft::TransferError::Unreachable(target) => TransferError::Unreachable(target),
            }),
            Some(Reply::Refused(_)) => Err(TransferError::TimedOut),
            Some(Reply::Written { .. } | Reply::Readable(_) | Reply::Member(_)) | None => Err(TransferError::Stopped),
        }
    }
}
