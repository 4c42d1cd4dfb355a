//! A leader: its log is the truth of its term (A18). It accepts proposals, brings every follower's log to its own
//! (`replicate`), knows what is committed (`commit`), and may hand over (`transfer`).

mod commit;
mod membership;
mod replicate;
mod transfer;

use alloc::collections::BTreeMap;

use crate::config::Switches;
use crate::entry::{EntryKind, Header};
use crate::event::{Event, FollowReason};
use crate::output::{Delay, ReadId, Timer};
use crate::progress::Progress;
use crate::quorum;
use crate::reads::Reads;
use crate::role::Transition;
use crate::shared::Shared;
use crate::types::{Index, NodeId, Position};

pub use transfer::{Transfer, TransferError};

/// What only a leader has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Leader {
    progress: BTreeMap<NodeId, Progress>,
    /// The newest round begun.
    round: u64,
    /// The newest round that a majority confirmed.
    confirmed: u64,
    reads: Reads,
    /// Bytes of entries that are not committed yet.
    uncommitted_bytes: u64,
    transfer: Option<Transfer>,
    /// Belongs to the term: what has left may arrive as long as the term lasts.
    timeout_now_sent: bool,
    /// It has no vote any more, and hands over before it steps down.
    resigns: bool,
}

impl Leader {
    /// The start of a term: nothing is known of the followers, and an empty entry of the new term goes out, for only an
    /// entry of its own term lets a leader commit what it inherited (paper 5.4.2 and section 8).
    pub(crate) fn new(shared: &mut Shared) -> Self {
        let last = shared.log.last().index;
        let mut leader = Self {
            progress: BTreeMap::new(),
            round: 0,
            confirmed: 0,
            reads: Reads::default(),
            uncommitted_bytes: 0,
            transfer: None,
            timeout_now_sent: false,
            resigns: false,
        };
        leader.meet(shared, last);
        if shared.config.switches.noop {
            shared.append_new(EntryKind::Noop, Header::default(), &[]);
        }
        leader.uncommitted_bytes =
            shared.log.iter().rev().take_while(|entry| entry.index() > shared.commit).map(crate::Entry::size).sum();
        leader.begin_round(shared);
        shared.sticky = false;
        shared.disarm(Timer::LeaderSilent);
        shared.disarm(Timer::Campaign);
        shared.arm(Timer::Heartbeat, Delay::HeartbeatInterval);
        if shared.config.switches.check_quorum {
            shared.arm(Timer::CheckQuorum, Delay::T);
        }
        leader
    }

    /// Without `CheckQuorum` nobody asks who was heard.
    pub(crate) fn relabelled(&self, names: &dyn Fn(NodeId) -> NodeId, switches: &Switches) -> Self {
        let one = |(node, progress): (&NodeId, &Progress)| {
            let mut progress = progress.clone();
            progress.active &= switches.check_quorum;
            progress.was_active |= !switches.check_quorum;
            (names(*node), progress)
        };
        let transfer = self.transfer.map(|transfer| transfer.relabelled(names));
        Self { progress: self.progress.iter().map(one).collect(), transfer, ..self.clone() }
    }

    /// What it knows of each follower.
    #[must_use]
    pub fn progress(&self) -> &BTreeMap<NodeId, Progress> {
        &self.progress
    }

    /// The newest round begun.
    #[must_use]
    pub fn round(&self) -> u64 {
        self.round
    }

    /// The newest round that a majority confirmed.
    #[must_use]
    pub fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// The reads that wait.
    #[must_use]
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Bytes of entries that are not committed yet.
    #[must_use]
    pub fn uncommitted_bytes(&self) -> u64 {
        self.uncommitted_bytes
    }

    pub(crate) fn propose(&mut self, shared: &mut Shared, kind: EntryKind, header: Header, payload: &[u8]) -> Position {
        let position = shared.append_new(kind, header, payload);
        self.uncommitted_bytes += shared.log.entry(position.index).map_or(0, crate::Entry::size);
        if kind == EntryKind::Configuration {
            self.meet(shared, position.index.previous());
        }
        position
    }

    pub(crate) fn read(&mut self, id: ReadId) {
        self.reads.add(id);
    }

    pub(crate) fn into_reads(self) -> Reads {
        self.reads
    }

    /// Heartbeats go out on time, whatever else flows, and always ask for an answer.
    pub(crate) fn heartbeat(&mut self, shared: &mut Shared) {
        self.begin_round(shared);
        self.hand_over_again();
        self.heartbeat_to_leaving(shared);
        shared.arm(Timer::Heartbeat, Delay::HeartbeatInterval);
    }

    /// Without contact to a majority since the last time it steps down (thesis 6.2): it could not commit, and would keep its
    /// clients waiting.
    pub(crate) fn check_quorum(&mut self, shared: &mut Shared) -> Option<Transition> {
        let heard = |node| node == shared.id || self.progress.get(&node).is_some_and(|progress| progress.active);
        if !quorum::has_quorum(shared.configuration(), heard) {
            return Some(Transition::Follow { term: shared.term, leader: None, reason: FollowReason::NoQuorum });
        }
        let last = shared.log.last().index;
        self.progress.values_mut().for_each(|progress| progress.period_ends(last));
        shared.arm(Timer::CheckQuorum, Delay::T);
        None
    }

    /// Sending a snapshot ended, well or not.
    pub(crate) fn snapshot_sent(&mut self, to: NodeId) {
        if let Some(progress) = self.progress.get_mut(&to) {
            progress.snapshot_ended();
        }
    }

    /// A follower has a snapshot, or said that it needs none.
    pub(crate) fn snapshot_reply(&mut self, shared: &mut Shared, from: NodeId, matched: Index) {
        if let Some(progress) = self.progress.get_mut(&from) {
            progress.active = true;
            progress.snapshot_done(matched.min(shared.log.last().index));
            progress.caught_up(shared.log.last().index);
            self.advance_commit(shared);
        }
    }

    /// A new round begins: everybody is asked, and the reads that wait join it. Not before an entry of this term is
    /// committed, for until then the commit index may be behind what an earlier leader acknowledged (R1).
    pub(crate) fn begin_round(&mut self, shared: &Shared) {
        self.round += 1;
        if Self::knows_commit(shared) {
            self.reads.round_begins(self.round, shared.commit);
        }
    }

    fn knows_commit(shared: &Shared) -> bool {
        shared.log.term_at(shared.commit) == Some(shared.term)
    }

    fn needs_snapshot(shared: &mut Shared, node: NodeId, progress: &mut Progress) {
        progress.needs_snapshot();
        shared.event(Event::SnapshotNeeded { node });
        shared.out.0.snapshots.push(node);
    }
}
