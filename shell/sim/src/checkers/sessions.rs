//! Sessions: behind the same entry all members hold the same table, whatever their clocks, their snapshots and their earlier
//! lives; and no table grows without end. That a named command takes effect once, and that all its copies get one answer, is
//! for the checkers of the sequence: they see every effect and every answer.

use std::collections::BTreeMap;

use raft::{Index, NodeId};
use replica::{SessionLimits, Sessions};

use super::{Checked, Failure};
use crate::machine::digest;

/// Tables behind so many of the last entries are remembered.
const REMEMBERED: usize = 4096;

pub(crate) struct Tables {
    limits: SessionLimits,
    /// Digests of tables, and who had it first.
    tables: BTreeMap<Index, (u64, NodeId)>,
    /// What was looked at last.
    seen: BTreeMap<NodeId, Index>,
}

impl Tables {
    pub(crate) fn new(limits: SessionLimits) -> Self {
        Self { limits, tables: BTreeMap::new(), seen: BTreeMap::new() }
    }

    /// A member went down: after a start all that it has is looked at again.
    pub(crate) fn down(&mut self, id: NodeId) {
        self.seen.remove(&id);
    }

    /// A member's table behind the entry at `applied`.
    pub(crate) fn observe(&mut self, id: NodeId, applied: Index, sessions: &Sessions) -> Checked {
        if self.seen.insert(id, applied) == Some(applied) {
            return Ok(());
        }
        self.is_bounded(id, sessions)?;
        let digest = digest(0, &sessions.encode());
        let (known, first) = *self.tables.entry(applied).or_insert((digest, id));
        if self.tables.len() > REMEMBERED {
            self.tables.pop_first();
        }
        if known == digest {
            return Ok(());
        }
        let what = format!("behind entry {applied} {id} has other sessions than {first}: {sessions:?}");
        Err(Failure::new("sessions", what))
    }

    fn is_bounded(&self, id: NodeId, sessions: &Sessions) -> Checked {
        let (count, outstanding) = (sessions.len() as u64, sessions.outstanding() as u64);
        if count > self.limits.sessions_max || outstanding > self.limits.outstanding_max {
            let what =
                format!("{id} has {count} sessions, one with {outstanding} results that wait: {:?}", self.limits);
            return Err(Failure::new("bounds", what));
        }
        if sessions.bytes() > self.limits.bytes_max {
            return Err(Failure::new("bounds", format!("{id} keeps {} bytes of results", sessions.bytes())));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tables_behind_one_entry_are_found() {
        let mut tables = Tables::new(SessionLimits::default());
        let one = Sessions::default();
        let mut bytes = one.encode();
        bytes[0] = 9;
        let other = Sessions::decode(bytes.into()).unwrap();
        assert_eq!(tables.observe(NodeId(1), Index(3), &one), Ok(()));
        assert_eq!(tables.observe(NodeId(2), Index(3), &one), Ok(()));
        assert_eq!(tables.observe(NodeId(3), Index(4), &other), Ok(()));
        assert_eq!(tables.observe(NodeId(3), Index(3), &other).unwrap_err().checker, "sessions");
    }
}
