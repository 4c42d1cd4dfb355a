//! What the member's other threads measure: the disk's writes, and how far snapshots are that leave. The loop takes none of these locks:
//! who looks does. It does not know who measures.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use raft::NodeId;

use super::{Histogram, Look, SnapshotSent};

/// Written by the other threads, each measure under a lock of its own.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    disk: Mutex<Histogram>,
    snapshots: Mutex<BTreeMap<NodeId, SnapshotSent>>,
}

impl Measured {
    /// A write of the log took so long, until it was durable.
    pub(crate) fn wrote(&self, took: Duration) {
        lock(&self.disk).record(took);
    }

    /// So much of a snapshot was sent to this peer; none is any more.
    pub(crate) fn sends(&self, to: NodeId, snapshot: Option<SnapshotSent>) {
        match snapshot {
            Some(snapshot) => lock(&self.snapshots).insert(to, snapshot),
            None => lock(&self.snapshots).remove(&to),
        };
    }

    /// Fills in what the loop does not know.
    pub(crate) fn complete(&self, look: &mut Look) {
        look.disk = lock(&self.disk).clone();
        let snapshots = lock(&self.snapshots);
        look.followers.iter_mut().for_each(|follower| follower.snapshot = snapshots.get(&follower.node).copied());
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_on_its_way_until_it_has_ended() {
        let (measured, sent) = (Measured::default(), SnapshotSent { sent: 3, length: 9 });
        measured.sends(NodeId(2), Some(SnapshotSent { sent: 0, length: 9 }));
        measured.sends(NodeId(2), Some(sent));
        assert_eq!(lock(&measured.snapshots).get(&NodeId(2)), Some(&sent));
        measured.sends(NodeId(2), None);
        assert!(lock(&measured.snapshots).is_empty());
    }
}
