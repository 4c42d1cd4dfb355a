//! A follower: answers its leader, and keeps what it says (paper figure 2, "receiver implementation").

use alloc::vec::Vec;

use crate::entry::Entry;
use crate::event::{CommitRule, Event};
use crate::message::{AppendEntries, AppendEntriesReply, AppendOutcome, Body};
use crate::output::{Delay, Halt, Timer};
use crate::shared::{Shared, Waits};
use crate::types::{Index, NodeId, Position};

/// What only a follower has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Follower {
    /// Whom it takes for the leader of its term.
    pub(crate) leader: Option<NodeId>,
    /// Its log is known to be the leader's up to here. Belongs to the term: a new one starts at the commit index (L19).
    pub(crate) verified: Index,
    /// The newest round seen of this leader.
    pub(crate) round: u64,
    /// Entries came that have not been answered: the answer leaves with the write that makes them durable.
    pub(crate) owes: bool,
}

impl Follower {
    pub(crate) fn new(leader: Option<NodeId>, commit: Index) -> Self {
        Self { leader, verified: commit, round: 0, owes: false }
    }

    pub(crate) fn relabelled(&self, names: &dyn Fn(NodeId) -> NodeId) -> Self {
        Self { leader: self.leader.map(names), ..self.clone() }
    }

    /// Its leader, if it knows one.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// Its log is known to be the leader's up to here.
    #[must_use]
    pub fn verified(&self) -> Index {
        self.verified
    }

    /// The leader of the present term was heard: nobody is helped to depose it for T.
    pub(crate) fn heard(&mut self, shared: &mut Shared, leader: NodeId) {
        if let Some(known) = self.leader.filter(|known| *known != leader) {
            return shared.stop(Halt::TwoLeaders { term: shared.term, known, other: leader });
        }
        self.leader = Some(leader);
        shared.sticky = true;
        shared.disarm(Timer::Campaign);
        shared.arm(Timer::LeaderSilent, Delay::T);
    }

    pub(crate) fn append(&mut self, shared: &mut Shared, from: NodeId, append: AppendEntries) {
        self.heard(shared, from);
        if shared.halt.is_some() {
            return;
        }
        if self.is_too_much(shared, &append) {
            return shared.event(Event::AppendDropped);
        }
        let news = append.round > self.round;
        self.round = self.round.max(append.round);
        let prev = append.run.prev();
        if !fits(shared, prev) {
            return self.refuse(shared, from, prev);
        }
        let (last, commit, carries) = (append.run.last().index, append.commit, !append.run.entries().is_empty());
        if !shared.rules.truncate_only_on_conflict {
            truncate_behind(shared, prev.index);
            self.verified = self.verified.min(shared.log.last().index);
        }
        self.store(shared, append);
        if shared.halt.is_some() {
            return;
        }
        self.verified = self.verified.max(last);
        let known = if shared.rules.commit_only_verified { last } else { shared.log.last().index };
        shared.commit_to(commit.min(known), CommitRule::LeaderSaid);
        self.owes |= carries;
        if news || (self.owes && self.verified <= shared.persistence.durable()) {
            self.accept(shared, from);
        }
    }

    /// A write is durable: entries that it held are answered now.
    pub(crate) fn written(&mut self, shared: &mut Shared) {
        if let Some(leader) = self.leader.filter(|_| self.owes) {
            self.accept(shared, leader);
        }
    }

    /// T has passed without the leader: it is forgotten (P3), and after a while this node stands for election itself.
    pub(crate) fn leader_silent(&mut self, shared: &mut Shared) {
        self.leader = None;
        shared.sticky = false;
        shared.arm(Timer::Campaign, Delay::UpToT);
    }

    /// The log up to `index` came in a snapshot or was shown by one to be the leader's.
    pub(crate) fn verified_to(&mut self, index: Index) {
        self.verified = self.verified.max(index);
    }

    /// The log is full, compaction can make room, and the append can wait (rules of limits: with nothing to free it is taken,
    /// since leaders bound the uncommitted tail, L20).
    fn is_too_much(&self, shared: &Shared, append: &AppendEntries) -> bool {
        let run = &append.run;
        !run.entries().is_empty()
            && shared.commit > shared.log.base().index
            && shared.log.bytes() + run.size() > shared.config.limits.log_bytes_max
    }

    /// Keeps the entries: those that are here already stay, a conflict deletes from itself on, the rest is added (paper 5.3).
    fn store(&mut self, shared: &mut Shared, append: AppendEntries) {
        let mut first_new = append.run.last().index.next();
        for entry in append.run.entries() {
            let index = entry.index();
            match shared.log.position_at(index) {
                _ if index <= shared.log.base().index => {}
                Some(ours) if ours == entry.position() => {}
                Some(ours) if index <= shared.commit => {
                    return shared.stop(Halt::CommittedConflict { ours, theirs: entry.position() });
                }
                Some(ours) => {
                    shared.event(Event::Truncated { first: ours });
                    shared.truncate(index);
                    first_new = index;
                    break;
                }
                None => {
                    first_new = index;
                    break;
                }
            }
        }
        let new: Vec<Entry> = append.run.into_entries_from(first_new);
        new.into_iter().for_each(|entry| shared.append(entry));
    }

    fn accept(&mut self, shared: &mut Shared, to: NodeId) {
        let matched = self.verified.min(shared.persistence.durable());
        self.owes = self.verified > matched;
        self.answer(shared, to, AppendOutcome::Accepted { matched });
    }

    fn refuse(&self, shared: &mut Shared, to: NodeId, prev: Position) {
        shared.event(Event::AppendRefused { prev });
        let hint = shared.log.last_at_most(prev.index, prev.term);
        self.answer(shared, to, AppendOutcome::Refused { prev, hint: Some(hint) });
    }

    fn answer(&self, shared: &mut Shared, to: NodeId, outcome: AppendOutcome) {
        shared.send(to, Waits::HardState, Body::AppendEntriesReply(AppendEntriesReply { round: self.round, outcome }));
    }
}

/// The consistency check. What lies at or before the base is committed, so it agrees with every leader (L9).
fn fits(shared: &Shared, prev: Position) -> bool {
    let here = if shared.rules.prev_check { shared.log.holds(prev) } else { prev.index <= shared.log.last().index };
    prev.index <= shared.log.base().index || here
}

/// What a follower without the rule of conflicts does: whatever it has behind `prev` goes, but for what is committed.
fn truncate_behind(shared: &mut Shared, prev: Index) {
    let first = prev.max(shared.commit).next();
    if let Some(ours) = shared.log.position_at(first) {
        shared.event(Event::Truncated { first: ours });
        shared.truncate(first);
    }
}
