//! A whole history, across crashes and restarts: who led, what was committed, who voted for whom. It remembers what a
//! single moment can't show: a leader of long ago, an entry that every copy of has been lost.

use alloc::collections::BTreeMap;

use bytes::Bytes;

use super::{Violation, ensure};
use crate::message::{Body, Message};
use crate::types::{Index, NodeId, Position, Term};
use crate::view::View;

/// What has been seen so far.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    leaders: BTreeMap<Term, NodeId>,
    votes: BTreeMap<(NodeId, Term), NodeId>,
    committed: BTreeMap<Index, Committed>,
    /// How far each node's committed entries were compared already.
    compared: BTreeMap<NodeId, Index>,
}

#[derive(Debug, Clone)]
struct Committed {
    position: Position,
    body: Bytes,
    by: NodeId,
    /// The term of the node that was first seen to know it: it was committed in this term or before.
    term: Term,
}

impl Ledger {
    /// The highest index that any node knew to be committed.
    #[must_use]
    pub fn committed(&self) -> Index {
        self.committed.last_key_value().map_or(Index::ZERO, |(index, _)| *index)
    }

    /// What was committed at `index`, if a node was seen that had it.
    #[must_use]
    pub fn committed_at(&self, index: Index) -> Option<Position> {
        self.committed.get(&index).map(|committed| committed.position)
    }

    /// How many terms had a leader.
    #[must_use]
    pub fn leaders(&self) -> usize {
        self.leaders.len()
    }

    /// A node started again: what it has committed is compared anew.
    pub fn restarted(&mut self, node: NodeId) {
        self.compared.remove(&node);
    }

    /// Looks at a node after a step of its own.
    ///
    /// # Errors
    /// When it contradicts the history.
    pub fn observe(&mut self, view: View<'_>) -> Result<(), Violation> {
        if view.halt().is_some() {
            return Ok(());
        }
        self.commits(view)?;
        if view.is_leader() { self.leads(view) } else { Ok(()) }
    }

    /// Looks at a message that leaves a node.
    ///
    /// # Errors
    /// When it grants a second vote in one term, or comes from a second leader of one term.
    pub fn sent(&mut self, message: &Message) -> Result<(), Violation> {
        let (from, to, term) = (message.from, message.to, message.term);
        match &message.body {
            Body::RequestVote(_) => self.voted(from, term, from),
            Body::RequestVoteReply(reply) if reply.granted => self.voted(from, term, to),
            Body::AppendEntries(_) | Body::TimeoutNow => self.led(from, term).map(|_| ()),
            Body::PreVote(_)
            | Body::PreVoteReply(_)
            | Body::RequestVoteReply(_)
            | Body::AppendEntriesReply(_)
            | Body::InstallSnapshotReply(_) => Ok(()),
        }
    }

    fn voted(&mut self, voter: NodeId, term: Term, candidate: NodeId) -> Result<(), Violation> {
        let first = *self.votes.entry((voter, term)).or_insert(candidate);
        ensure!(first == candidate, OneVoteATerm, &[voter], "it voted for {first} and for {candidate} in {term}");
        Ok(())
    }

    /// Says whether this is the first sight of it.
    fn led(&mut self, node: NodeId, term: Term) -> Result<bool, Violation> {
        let known = self.leaders.get(&term).copied();
        let first = known.unwrap_or(node);
        ensure!(first == node, ElectionSafety, &[first, node], "both lead {term}, at one time or another");
        self.leaders.insert(term, node);
        Ok(known.is_none())
    }

    /// A new leader has all that was committed in earlier terms. One that was slow to learn that it won may lack what a later
    /// leader has committed meanwhile.
    fn leads(&mut self, view: View<'_>) -> Result<(), Violation> {
        if !self.led(view.id(), view.term())? {
            return Ok(());
        }
        for committed in self.committed.values().filter(|committed| committed.term < view.term()) {
            let position = committed.position;
            let has = view.log().position_at(position.index);
            ensure!(
                has == Some(position) || position.index < view.log().base().index,
                LeaderCompleteness,
                &[view.id(), committed.by],
                "the leader of {} lacks {position}, which was committed",
                view.term()
            );
        }
        Ok(())
    }

    fn commits(&mut self, view: View<'_>) -> Result<(), Violation> {
        let from = self.compared.get(&view.id()).copied().unwrap_or(Index::ZERO);
        let base = view.log().base();
        if let Some(committed) = self.committed.get(&base.index) {
            let (was, by) = (committed.position, committed.by);
            let nodes = &[view.id(), by];
            ensure!(was == base, StateMachineSafety, nodes, "the log begins behind {base}, committed was {was}");
        }
        let mut index = from.max(base.index).next();
        while index <= view.commit() {
            let Some(entry) = view.log().entry(index) else { break };
            let new =
                Committed { position: entry.position(), body: entry.body().clone(), by: view.id(), term: view.term() };
            let first = self.committed.entry(index).or_insert_with(|| new.clone());
            ensure!(
                first.position == new.position && first.body == new.body,
                StateMachineSafety,
                &[view.id(), first.by],
                "committed is {} and was {}",
                new.position,
                first.position
            );
            index = index.next();
        }
        self.compared.insert(view.id(), view.commit());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::{Property, tests::*};
    use crate::message::{RequestVote, RequestVoteReply};

    fn message(from: u64, to: u64, body: Body) -> Message {
        Message { from: NodeId(from), to: NodeId(to), term: Term(3), body }
    }

    #[test]
    fn a_second_vote_in_one_term_is_found_also_a_long_time_after() {
        let mut ledger = Ledger::default();
        let grant = Body::RequestVoteReply(RequestVoteReply { granted: true });
        assert_eq!(ledger.sent(&message(1, 2, grant.clone())), Ok(()));
        assert_eq!(ledger.sent(&message(1, 2, grant.clone())), Ok(()), "the same again (E8)");
        assert_eq!(ledger.sent(&message(1, 3, grant.clone())).unwrap_err().property, Property::OneVoteATerm);
        let ask = Body::RequestVote(RequestVote { last: Position::ZERO, transfer: false });
        assert_eq!(ledger.sent(&message(1, 3, ask.clone())).unwrap_err().property, Property::OneVoteATerm);
        assert_eq!(ledger.sent(&message(4, 3, ask)), Ok(()));
        assert_eq!(ledger.sent(&message(4, 3, grant)).unwrap_err().property, Property::OneVoteATerm);
    }

    #[test]
    fn a_second_leader_of_a_term_is_found_after_the_first_is_gone() {
        let (mut one, mut two) = (shared(1, &[1]), shared(2, &[1]));
        let mut ledger = Ledger::default();
        let (first, second) = (leader_of(&mut one), leader_of(&mut two));
        assert_eq!(ledger.leaders(), 0);
        assert_eq!(ledger.observe(View::new(&one, &first)), Ok(()));
        let violation = ledger.observe(View::new(&two, &second)).unwrap_err();
        assert_eq!(violation.property, Property::ElectionSafety);
        assert_eq!(ledger.leaders(), 1);
    }

    #[test]
    fn a_committed_entry_that_changes_is_found_after_every_copy_is_gone() {
        let mut one = shared(1, &[1, 1]);
        one.commit = Index(2);
        let mut ledger = Ledger::default();
        assert_eq!(ledger.observe(View::new(&one, &follower_of(&one))), Ok(()));
        assert_eq!((ledger.committed(), ledger.committed_at(Index(2))), (Index(2), Some(Position::new(2, 1))));
        let mut other = shared(2, &[1, 2]);
        other.commit = Index(2);
        let violation = ledger.observe(View::new(&other, &follower_of(&other))).unwrap_err();
        assert_eq!(violation.property, Property::StateMachineSafety);

        let mut leader = shared(3, &[1]);
        let role = leader_of(&mut leader);
        let violation = ledger.observe(View::new(&leader, &role)).unwrap_err();
        assert_eq!(violation.property, Property::LeaderCompleteness, "a leader without a committed entry");

        let mut behind = shared(4, &[]);
        behind.log = crate::log::Log::new(Position::new(2, 7));
        (behind.commit, behind.applied) = (Index(2), Index(2));
        let violation = ledger.observe(View::new(&behind, &follower_of(&behind))).unwrap_err();
        assert_eq!(violation.property, Property::StateMachineSafety, "a snapshot of something else");
    }

    #[test]
    fn a_node_that_restarted_is_compared_from_its_beginning() {
        let mut one = shared(1, &[1, 1]);
        one.commit = Index(2);
        let mut ledger = Ledger::default();
        assert_eq!(ledger.observe(View::new(&one, &follower_of(&one))), Ok(()));
        let mut again = shared(1, &[1, 2]);
        again.commit = Index(2);
        ledger.restarted(NodeId(1));
        let violation = ledger.observe(View::new(&again, &follower_of(&again))).unwrap_err();
        assert_eq!(violation.property, Property::StateMachineSafety);
    }

    #[test]
    fn a_leader_that_learns_late_that_it_won_may_lack_what_a_later_one_committed() {
        let mut one = shared(1, &[1, 1]);
        one.commit = Index(2);
        one.term = Term(9);
        let mut ledger = Ledger::default();
        assert_eq!(ledger.observe(View::new(&one, &follower_of(&one))), Ok(()));
        let mut late = shared(3, &[1]);
        late.term = Term(8);
        let role = leader_of(&mut late);
        assert_eq!(ledger.observe(View::new(&late, &role)), Ok(()));
        let mut later = shared(2, &[1]);
        later.term = Term(10);
        let role = leader_of(&mut later);
        assert_eq!(ledger.observe(View::new(&later, &role)).unwrap_err().property, Property::LeaderCompleteness);
    }
}
