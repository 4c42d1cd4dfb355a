//! What a leader's log keeps for its followers besides the tail behind a snapshot: what those that listen need next.
//!
//! A follower that gets a snapshot must find the log behind it, or it needs the next snapshot as soon as it has this one, and so
//! on for as long as clients write (C5, thesis 5.1.1). And one that is a little slow must not be made to need a snapshot. Who is
//! not heard holds up nothing, and nobody does when the log is nearly full: what is kept is bounded.

use std::collections::BTreeMap;

use raft::{Index, NodeId, Role, View};

use crate::turn::Time;

/// On a leader: who listens, and what they are sent.
#[derive(Debug, Default)]
pub(crate) struct Followers {
    heard: BTreeMap<NodeId, Time>,
    /// What the snapshot covers that is on its way to a follower, and for which the log behind it is kept.
    sent: BTreeMap<NodeId, Index>,
}

impl Followers {
    /// It spoke to us.
    pub(crate) fn heard(&mut self, from: NodeId, now: Time) {
        self.heard.insert(from, now);
    }

    /// It is to be sent a snapshot: `newest`, or the one that was begun before, as long as the log is there behind it.
    pub(crate) fn is_sent(&mut self, to: NodeId, newest: Index, base: Index) {
        let sent = self.sent.entry(to).or_insert(newest);
        if *sent < base {
            *sent = newest;
        }
    }

    /// This node leads no more, or anew.
    pub(crate) fn forget(&mut self) {
        self.heard.clear();
        self.sent.clear();
    }

    /// What comes behind this index is kept for those that were heard within `patience`.
    pub(crate) fn hold(&mut self, view: &View<'_>, now: Time, patience: u64) -> Option<Index> {
        let Role::Leader(leader) = view.role() else { return None };
        let base = view.log().base().index;
        self.heard.retain(|_, at| now.since(*at) <= patience);
        let mut needs = Vec::new();
        for (node, progress) in leader.progress().iter().filter(|(node, _)| self.heard.contains_key(*node)) {
            if progress.matched() >= base {
                self.sent.remove(node);
                needs.push(progress.matched());
            } else {
                needs.extend(self.sent.get(node).copied().filter(|sent| *sent >= base));
            }
        }
        needs.into_iter().min()
    }
}
