//! The membership as its leader manages it: whom it sends to, who is heard and who has caught up, the steps of a change that
//! it takes by itself, and its own end when the new voters are others (paper section 6, thesis 4.2). Which step follows which
//! is not known here: [`membership`](crate::membership) says it.

use super::Leader;
use crate::configuration::Stage;
use crate::entry::{EntryKind, Header};
use crate::event::FollowReason;
use crate::membership::{Change, ChangeError, PromoteError, answers, direct_step, first_step, next_step};
use crate::progress::Progress;
use crate::role::Transition;
use crate::shared::Shared;
use crate::types::{Index, NodeId, Position};

/// So many heartbeats at most go to a node that is removed, so that it learns of it; then it is forgotten.
const HEARTBEATS_TO_LEAVING_MAX: u8 = 10;

impl Leader {
    /// The configuration in force is new: a node that joins is sent the log, which ended at `last` before, and one that left
    /// is sent as much as tells it so.
    pub(super) fn meet(&mut self, shared: &Shared, last: Index) {
        let configuration = shared.configuration();
        for peer in shared.peers() {
            let progress = self.progress.entry(peer).or_insert_with(|| Progress::new(last));
            progress.leaving = None;
            if configuration.is_voter(peer) {
                progress.catch_up = None;
            } else {
                progress.learns(shared.log.last().index);
            }
        }
        // Who is no member by an entry that is not committed yet has to hear of it, from a new leader as well.
        let before = shared.history.at(shared.history.current_index().previous());
        for left in before.nodes() {
            if left != shared.id && !configuration.has(left) && shared.history.current_index() > shared.commit {
                self.progress.entry(left).or_insert_with(|| Progress::new(last));
            }
        }
        for (_, progress) in self.progress.iter_mut().filter(|(node, _)| !configuration.has(**node)) {
            progress.catch_up = None;
            progress.leaving = progress.leaving.or(Some(0));
        }
    }

    /// The node answered within the last T or two. Without `CheckQuorum` nobody measures, and all count as heard.
    pub(crate) fn heard(&self, shared: &Shared, node: NodeId) -> bool {
        node == shared.id
            || !shared.config.switches.check_quorum
            || self.progress.get(&node).is_some_and(Progress::answers)
    }

    /// The learner got through a round of catching up within T, and does so still: also where nothing was written since, it has
    /// to answer.
    fn is_ready(&self, shared: &Shared, node: NodeId) -> bool {
        let ready = self.progress.get(&node).and_then(Progress::catch_up).is_some_and(|round| round.ready);
        ready && self.heard(shared, node)
    }

    /// One request for a membership as a whole: its first entry is in force when this returns.
    pub(crate) fn change(&mut self, shared: &mut Shared, change: &Change) -> Result<Option<Position>, ChangeError> {
        if let Some(transfer) = &self.transfer {
            return Err(ChangeError::Transferring(transfer.target()));
        }
        if !Self::knows_commit(shared) {
            return Err(ChangeError::NotReady);
        }
        let current = shared.configuration();
        let takes_back = current.stage() == Stage::CatchingUp && change.voters == current.voters;
        let busy = current.stage() != Stage::Plain && !takes_back;
        if busy || shared.history.current_index() > shared.commit {
            return Err(ChangeError::InProgress);
        }
        let next = if shared.rules.joint {
            first_step(current, change, &|node| self.heard(shared, node), &|node| self.is_ready(shared, node))
        } else {
            direct_step(current, change)
        };
        let next = next.map_err(ChangeError::Refused)?;
        Ok(next.map(|next| self.propose(shared, EntryKind::Configuration, Header::default(), &next.encode())))
    }

    /// Makes a voter of a learner that has caught up.
    pub(crate) fn promote(&mut self, shared: &mut Shared, learner: NodeId) -> Result<Option<Position>, PromoteError> {
        let current = shared.configuration();
        if !current.learners.contains(&learner) || current.is_voter(learner) || current.wanted.contains(&learner) {
            return Err(PromoteError::NotLearner);
        }
        let mut change =
            Change { voters: current.voters.clone(), learners: current.learners.clone(), ..Change::default() };
        change.learners.remove(&learner);
        change.voters.insert(learner);
        let (matched, of) =
            (self.progress.get(&learner).map_or(Index::ZERO, Progress::matched), shared.log.last().index);
        // etcd's bound: nine tenths of the leader's log.
        let far_behind = matched.0.saturating_mul(10) < of.0.saturating_mul(9);
        if Self::knows_commit(shared) && (far_behind || !self.is_ready(shared, learner)) {
            return Err(PromoteError::Lagging { matched, of });
        }
        self.change(shared, &change).map_err(PromoteError::Change)
    }

    /// The next step of a change that is under way, once the one before is committed (A35): also of a change that an earlier
    /// leader began. The joint phase begins when all new voters are ready and both sets answer; it ends by itself.
    pub(crate) fn next_step(&mut self, shared: &mut Shared) {
        let current = shared.configuration();
        let waits = shared.history.current_index() > shared.commit || !Self::knows_commit(shared);
        // Who hands over adds nothing more to what the other has to have first.
        if current.stage() == Stage::Plain || waits || self.transfer.is_some() {
            return;
        }
        if current.stage() == Stage::CatchingUp {
            let ready = current.wanted.iter().all(|node| current.is_voter(*node) || self.is_ready(shared, *node));
            let heard = |node| self.heard(shared, node);
            if !ready || answers(&current.voters, &heard).is_err() || answers(&current.wanted, &heard).is_err() {
                return;
            }
        }
        if let Some(next) = next_step(current) {
            self.propose(shared, EntryKind::Configuration, Header::default(), &next.encode());
        }
    }

    /// A leader that is no voter any more has managed the change to its end, without counting itself, and has sent the news
    /// of it: now it hands over and leads no more (A37, M14). Where nobody can take over within T, the others elect one.
    pub(crate) fn resigns(&mut self, shared: &mut Shared) -> Option<Transition> {
        let current = shared.configuration();
        let over = current.stage() == Stage::Plain && shared.history.current_index() <= shared.commit;
        if !over || current.is_voter(shared.id) {
            return None;
        }
        if !self.resigns && self.transfer_to(shared, None).is_ok() {
            self.hand_over(shared);
        }
        self.resigns = true;
        let waits = self.transfer.is_some_and(|transfer| transfer.told().is_none());
        (!waits).then_some(Transition::Follow { term: shared.term, leader: None, reason: FollowReason::NoVote })
    }

    /// A heartbeat is about to go out: it is one more to each node that is removed by a committed entry.
    pub(super) fn heartbeat_to_leaving(&mut self, shared: &Shared) {
        if shared.history.current_index() <= shared.commit {
            self.progress.values_mut().filter_map(|progress| progress.leaving.as_mut()).for_each(|count| *count += 1);
        }
    }

    /// A removed node that has the entry which removes it, and was told that this is committed, needs nothing any more; one
    /// that never answers is forgotten after a while.
    pub(super) fn forget_who_left(&mut self, shared: &Shared) {
        let since = shared.history.current_index();
        self.progress.retain(|_, progress| {
            let Some(heartbeats) = progress.leaving else { return true };
            let told = progress.matched() >= since && progress.commit_sent >= since;
            !told && heartbeats < HEARTBEATS_TO_LEAVING_MAX
        });
    }
}
