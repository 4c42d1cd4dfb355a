//! Snapshots as consensus sees them (paper section 7): the log is forgotten up to one, or one replaces the log. What a
//! snapshot holds for the state machine, and how it travels, is not known here.

use super::Raft;
use crate::configuration::Configuration;
use crate::event::{CommitRule, Event, IgnoreReason};
use crate::message::{Body, InstallSnapshotReply};
use crate::role::Role;
use crate::shared::Waits;
use crate::types::{Index, NodeId, Position, Term};

/// A snapshot as consensus sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last entry that it covers.
    pub position: Position,
    /// Cluster time of that entry.
    pub time: u64,
    /// The configuration in force there.
    pub configuration: Configuration,
}

/// What became of a snapshot that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// Refused or of no use: the state machine stays as it is.
    No,
    /// The log has all of it: it is committed now, and applied the ordinary way.
    Committed,
    /// It replaces the state machine's state; the log goes on behind it.
    Replaced,
}

impl Raft {
    /// A durable snapshot covers the log up to `index`: it may be forgotten up to there. What is not durable or not applied
    /// stays. Says where the log begins now.
    pub fn compact(&mut self, index: Index) -> Position {
        let index = index.min(self.shared.applied).min(self.shared.persistence.durable());
        if self.shared.halt.is_none() && index > self.shared.log.base().index {
            self.shared.base_time = self.shared.log.entry(index).map_or(0, |entry| entry.header().time);
            self.shared.log.compact(index);
            self.shared.history.compact(index);
            self.shared.persistence.compacted(self.shared.log.base());
        }
        self.shared.log.base()
    }

    /// Sending a snapshot ended, well or not. If well, the follower's own answer tells what it has; if none comes, the next
    /// heartbeat asks for another.
    pub fn snapshot_sent(&mut self, to: NodeId) {
        if let Role::Leader(leader) = &mut self.role {
            leader.snapshot_sent(to);
        }
    }

    /// A snapshot arrived from the leader of `term` and is durable as a file (paper section 7, figure 13).
    pub fn snapshot_received(&mut self, from: NodeId, term: Term, snapshot: Snapshot) -> Installed {
        let position = snapshot.position;
        // No leader has entries of a later term than its own, and behind the last index there is no place for another.
        let senseless = position.term > term || position.index.next() == position.index;
        if self.shared.halt.is_none() && senseless && term >= self.shared.term {
            self.ignore(from, IgnoreReason::Unexpected);
            return Installed::No;
        }
        if self.shared.halt.is_some() || !self.admit_leader(from, term) {
            return Installed::No;
        }
        let Role::Follower(follower) = &mut self.role else { return Installed::No };
        follower.heard(&mut self.shared, from);
        if self.shared.halt.is_some() {
            return Installed::No;
        }
        let installed = if position.index <= self.shared.commit {
            self.shared.event(Event::SnapshotIgnored { position });
            Installed::No
        } else if self.shared.log.holds(position) {
            self.shared.commit_to(position.index, CommitRule::Snapshot);
            Installed::Committed
        } else {
            self.shared.install(snapshot);
            Installed::Replaced
        };
        follower.verified_to(self.shared.commit);
        // The answer waits for a reset that is on its way to the disk, so it may claim what that brings.
        let durable = self.shared.persistence.durable().max(self.shared.log.base().index);
        let matched = follower.verified().min(durable);
        self.shared.send(from, Waits::Reset, Body::InstallSnapshotReply(InstallSnapshotReply { matched }));
        installed
    }
}
