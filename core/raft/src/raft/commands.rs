//! What clients of a node ask of it: each command may be refused, with its own small error, and has had no effect then.

use super::Raft;
use crate::configuration::Member;
use crate::entry::{EntryKind, Header};
use crate::output::ReadId;
use crate::role::Role;
use crate::types::{NodeId, Position};

/// Why a proposal is refused. It has had no effect and never will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposeError {
    /// This node does not lead; `leader` does, as far as it knows.
    NotLeader {
        /// Whom to ask.
        leader: Option<NodeId>,
    },
    /// It hands over to this node (thesis 3.10): try again when that leads, or did not come to lead within T.
    Transferring(NodeId),
    /// Too much is uncommitted, or the log has reached its bound: try again when followers or compaction have caught up.
    Full,
}

/// Why a read is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// This node does not lead; `leader` does, as far as it knows.
    NotLeader {
        /// Whom to ask.
        leader: Option<NodeId>,
    },
    /// Too many reads wait.
    Full,
}

impl Raft {
    /// Proposes a command. It is in the log of this leader when this returns; whether it is committed shows later.
    ///
    /// # Errors
    /// When this node does not lead, hands over, or has too much that waits.
    pub fn propose(&mut self, header: Header, payload: &[u8]) -> Result<Position, ProposeError> {
        self.propose_entry(EntryKind::Command, header, payload)
    }

    /// The same for what a client does with a session itself: the state machine gets nothing of it.
    ///
    /// # Errors
    /// As [`Raft::propose`].
    pub fn propose_session(&mut self, header: Header, payload: &[u8]) -> Result<Position, ProposeError> {
        self.propose_entry(EntryKind::Session, header, payload)
    }

    fn propose_entry(&mut self, kind: EntryKind, header: Header, payload: &[u8]) -> Result<Position, ProposeError> {
        let leader = self.leader();
        let Role::Leader(role) = &mut self.role else { return Err(ProposeError::NotLeader { leader }) };
        if self.shared.halt.is_some() {
            return Err(ProposeError::NotLeader { leader: None });
        }
        if let Some(transfer) = role.transfer() {
            return Err(ProposeError::Transferring(transfer.target()));
        }
        let limits = &self.shared.config.limits;
        let full =
            role.uncommitted_bytes() >= limits.uncommitted_bytes_max || self.shared.log.bytes() >= limits.log_bytes_max;
        // Without an entry of its own term a leader never commits what it inherited, and would stay full for ever: where it
        // began without a no-op, the first proposal stands for it.
        if full && self.shared.log.last().term == self.shared.term {
            return Err(ProposeError::Full);
        }
        Ok(role.propose(&mut self.shared, kind, header, payload))
    }

    /// Proposes what the configuration is to keep for a member: its disk and the opaque bytes of the layers above. Nobody's
    /// vote changes by it. `None` where it is kept already.
    ///
    /// # Errors
    /// When this node does not lead or hands over, or `node` is no member.
    pub fn describe_member(&mut self, node: NodeId, member: Member) -> Result<Option<Position>, ProposeError> {
        let leader = self.leader();
        let Role::Leader(role) = &mut self.role else { return Err(ProposeError::NotLeader { leader }) };
        let mut configuration = self.shared.configuration().clone();
        if self.shared.halt.is_some() || !configuration.nodes().contains(&node) {
            return Err(ProposeError::NotLeader { leader: None });
        }
        if let Some(transfer) = role.transfer() {
            return Err(ProposeError::Transferring(transfer.target()));
        }
        if configuration.members.insert(node, member.clone()) == Some(member) {
            return Ok(None);
        }
        Ok(Some(role.propose(&mut self.shared, EntryKind::Configuration, Header::default(), &configuration.encode())))
    }

    /// Asks for a linearizable read (thesis 6.4). [`Output::reads`](crate::Output::reads) says when it may be served, or
    /// [`Output::reads_aborted`](crate::Output::reads_aborted) that it can't be.
    ///
    /// # Errors
    /// When this node does not lead, or has too many reads that wait.
    pub fn read(&mut self, id: ReadId) -> Result<(), ReadError> {
        let leader = self.leader();
        let Role::Leader(role) = &mut self.role else { return Err(ReadError::NotLeader { leader }) };
        if self.shared.halt.is_some() {
            return Err(ReadError::NotLeader { leader: None });
        }
        if role.reads().len() >= self.shared.config.limits.reads_max {
            return Err(ReadError::Full);
        }
        role.read(id);
        Ok(())
    }
}
