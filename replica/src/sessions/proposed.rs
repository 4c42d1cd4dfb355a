//! What a leader has put into its log and not applied yet, by the names that clients gave: a copy that comes meanwhile waits for
//! the first instead of lengthening the log (A30). It saves work and decides nothing: a leader that knows nothing of an earlier
//! copy puts a second one into its log, and applying tells them apart.

use std::collections::BTreeMap;

use raft::Position;

use super::{SessionCommand, SessionId};

/// By session and sequence. Bounded by what a leader may have uncommitted.
#[derive(Debug, Default)]
pub(crate) struct Proposed {
    positions: BTreeMap<(SessionId, u64), Position>,
}

impl Proposed {
    /// Another reign begins: what was proposed in an earlier one may be lost.
    pub(crate) fn clear(&mut self) {
        self.positions.clear();
    }

    pub(crate) fn remember(&mut self, command: SessionCommand, position: Position) {
        self.positions.insert((command.session, command.sequence), position);
    }

    pub(crate) fn find(&self, command: SessionCommand) -> Option<Position> {
        self.positions.get(&(command.session, command.sequence)).copied()
    }

    /// The entry at `position` is applied: from now on the table of sessions knows it.
    pub(crate) fn applied(&mut self, command: SessionCommand) {
        self.positions.remove(&(command.session, command.sequence));
    }
}
