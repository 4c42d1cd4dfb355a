//! What is committed: an entry of the leader's own term that a majority has on disk, and with it all before it (paper 5.3,
//! 5.4.2). The same answers confirm rounds, which serve reads.

use super::Leader;
use crate::event::CommitRule;
use crate::quorum;
use crate::shared::Shared;
use crate::types::{Index, NodeId};

impl Leader {
    /// The commit rule. An entry of an earlier term is never committed by counting (Figure 8, E12): terms never fall along
    /// the log, so if the entry that a majority has is of an earlier term, so are all before it.
    pub(super) fn advance_commit(&mut self, shared: &mut Shared) {
        let matched = |node: NodeId| self.matched(shared, node).0;
        let reached = Index(quorum::reached(shared.configuration(), matched));
        let own_term = shared.log.term_at(reached) == Some(shared.term) || !shared.rules.old_term_count;
        if reached <= shared.commit || !own_term {
            return;
        }
        let mut index = shared.commit;
        while index < reached {
            index = index.next();
            let size = shared.log.entry(index).map_or(0, crate::Entry::size);
            self.uncommitted_bytes = self.uncommitted_bytes.saturating_sub(size);
        }
        shared.commit_to(reached, CommitRule::Majority);
    }

    /// How far a node's log is known to be durable and the leader's: its own counts like any other (A13).
    fn matched(&self, shared: &Shared, node: NodeId) -> Index {
        if node == shared.id {
            shared.persistence.durable()
        } else {
            self.progress.get(&node).map_or(Index::ZERO, crate::progress::Progress::matched)
        }
    }

    /// Releases the reads of rounds that a majority answered.
    pub(super) fn advance_rounds(&mut self, shared: &mut Shared) {
        let answered = |node| {
            if node == shared.id { self.round } else { self.progress.get(&node).map_or(0, |one| one.round_answered) }
        };
        let confirmed = quorum::reached(shared.configuration(), answered);
        if confirmed > self.confirmed {
            self.confirmed = confirmed;
            shared.out.0.confirmed_round = Some(confirmed);
            self.reads.confirmed(confirmed, &mut shared.out.0.reads);
        }
    }
}
