//! Leadership changes hands by the rules: only who has the whole log is told to stand (thesis 3.10), a transfer ends within T one
//! way or the other, and log entries flow from leaders only: nobody sends any to somebody who is to lead, or wants to (A40).

use std::collections::{BTreeMap, BTreeSet};

use raft::{Body, Event, Message, NodeId, Position, Role, Term, View};

use super::{Checked, Failure};

/// What it takes a member to give up may be longer than T by a turn of a busy one and a clock that is a little wrong.
const TIMES_T: u64 = 3;

#[derive(Default)]
pub(crate) struct Transfers {
    /// Since when a member hands over, in which term and to whom.
    under_way: BTreeMap<NodeId, (Term, NodeId, u64)>,
    /// Who was first seen to send entries in a term.
    sources: BTreeMap<Term, NodeId>,
    /// Who was told to stand by whom, in which term.
    told: BTreeSet<(Term, NodeId, NodeId)>,
}

impl Transfers {
    /// It hands over no more.
    pub(crate) fn ended(&mut self, id: NodeId) {
        self.under_way.remove(&id);
    }

    /// A member had a turn. `patience`: T, and what it may be late for reasons of its own.
    pub(crate) fn observe(&mut self, view: View<'_>, now: u64, (t, late): (u64, u64)) -> Checked {
        let id = view.id();
        let Some(transfer) = view.transfer() else {
            self.under_way.remove(&id);
            return Ok(());
        };
        let this = (view.term(), transfer.target());
        let since = match self.under_way.get(&id) {
            Some((term, target, since)) if (*term, *target) == this => *since,
            _ => now,
        };
        self.under_way.insert(id, (this.0, this.1, since));
        if now - since <= TIMES_T * t + late {
            return Ok(());
        }
        let millis = (now - since) / 1000;
        fail(format!("{id} has handed over to {} for {millis} ms, and takes no proposals meanwhile", this.1))
    }

    /// What a turn of a leader left: a word that has left is not forgotten while its term lasts (R15).
    pub(crate) fn leads(&self, view: View<'_>) -> Checked {
        let (id, term) = (view.id(), view.term());
        let told = self.told.range((term, id, NodeId(0))..=(term, id, NodeId(u64::MAX))).next();
        match told {
            Some((_, _, to)) if !view.timeout_now_sent() => {
                fail(format!("{id} has told {to} to stand in {term}, and would trust a lease again"))
            }
            _ => Ok(()),
        }
    }

    /// What happened in a turn of `id`: who stands because it was told to was told so in the term that it leaves (T4).
    pub(crate) fn stood(&self, id: NodeId, events: &[Event]) -> Checked {
        for pair in events.windows(2) {
            if let [Event::ToldToStand { leader }, Event::BecameCandidate { term }] = pair
                && !self.told.contains(&(Term(term.0 - 1), *leader, id))
            {
                return fail(format!("{id} stands in {term} at the word of {leader}, which is of another term"));
            }
        }
        Ok(())
    }

    /// A message leaves a member.
    pub(crate) fn sent(&mut self, message: &Message, view: View<'_>) -> Checked {
        match &message.body {
            Body::TimeoutNow => {
                self.told.insert((message.term, message.from, message.to));
                told_to_stand(message, view)
            }
            Body::AppendEntries(append) if !append.run.entries().is_empty() => self.entries(message, view),
            Body::AppendEntries(_)
            | Body::PreVote(_)
            | Body::PreVoteReply(_)
            | Body::RequestVote(_)
            | Body::RequestVoteReply(_)
            | Body::AppendEntriesReply(_)
            | Body::InstallSnapshotReply(_) => Ok(()),
        }
    }

    /// Entries leave only who leads, in the term that it leads.
    fn entries(&mut self, message: &Message, view: View<'_>) -> Checked {
        let (from, term) = (message.from, message.term);
        if !(view.is_leader() || resigned(view)) || view.term() != term {
            return fail(format!("{message}: entries leave {from}, which does not lead {term}"));
        }
        let first = *self.sources.entry(term).or_insert(from);
        if first == from { Ok(()) } else { fail(format!("{message}: entries of {term} came from {first} before")) }
    }
}

/// It led until the end of this turn, and has no vote any more: what leaves with this turn is its last word (thesis 4.2.2).
fn resigned(view: View<'_>) -> bool {
    view.leader().is_none() && view.vote() == Some(view.id()) && !view.configuration().is_voter(view.id())
}

fn told_to_stand(message: &Message, view: View<'_>) -> Checked {
    if resigned(view) && view.term() == message.term {
        return Ok(());
    }
    let Role::Leader(leader) = view.role() else {
        return fail(format!("{message}: {} does not lead", message.from));
    };
    let (last, to): (Position, NodeId) = (view.last(), message.to);
    let matched = leader.progress().get(&to).map(raft::progress::Progress::matched);
    if matched != Some(last.index) || !view.configuration().is_voter(to) {
        return fail(format!(
            "{message}: {to} is told to stand, but has the log up to {matched:?} of {last}, or no vote"
        ));
    }
    if !view.timeout_now_sent() {
        return fail(format!("{message}: and {} would go on to trust a lease", message.from));
    }
    Ok(())
}

fn fail(what: String) -> Checked {
    Err(Failure::new("transfer", what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use raft::{AppendEntries, Boot, Config, Configuration, HardState, Header, Index, Raft, RequestVoteReply, Slice};

    fn node(id: u64) -> Raft {
        let boot = Boot {
            hard_state: HardState::default(),
            base: Position::ZERO,
            base_time: 0,
            entries: Vec::new(),
            snapshot: Index::ZERO,
            configuration: Configuration::of_voters((1..=3).map(NodeId)),
        };
        let mut config = Config::default();
        config.switches.pre_vote = false;
        Raft::new(NodeId(id), config, boot)
    }

    fn message(from: u64, to: u64, body: Body) -> Message {
        Message { from: NodeId(from), to: NodeId(to), term: Term(1), body }
    }

    fn leader(id: u64) -> Raft {
        let mut node = node(id);
        node.timer_fired(raft::Timer::LeaderSilent);
        node.timer_fired(raft::Timer::Campaign);
        let write = node.take_output().write.unwrap();
        node.written(write.ticket);
        let voter = id % 3 + 1;
        node.receive(message(voter, id, Body::RequestVoteReply(RequestVoteReply { granted: true })));
        assert!(node.inspect().is_leader());
        let _ = node.take_output();
        node
    }

    #[test]
    fn who_is_told_to_stand_too_early_or_by_whom_it_may_not_is_found() {
        let mut checker = Transfers::default();
        let (leads, follows) = (leader(1), node(2));
        let early = message(1, 2, Body::TimeoutNow);
        assert!(checker.sent(&early, leads.inspect()).is_err(), "nothing is known of n2's log");
        let stranger = message(2, 3, Body::TimeoutNow);
        assert!(checker.sent(&stranger, follows.inspect()).is_err(), "n2 does not lead");
    }

    #[test]
    fn who_stands_at_an_old_word_and_who_forgets_its_word_are_found() {
        let mut checker = Transfers::default();
        let mut leads = leader(1);
        assert_eq!(checker.leads(leads.inspect()), Ok(()));
        checker.told.insert((Term(1), NodeId(1), NodeId(2)));
        assert!(checker.leads(leads.inspect()).is_err(), "it has told n2, and does not know it");
        let told = Event::ToldToStand { leader: NodeId(1) };
        let stands = |term| [told, Event::BecameCandidate { term: Term(term) }];
        assert_eq!(checker.stood(NodeId(2), &stands(2)), Ok(()));
        assert!(checker.stood(NodeId(2), &stands(4)).is_err(), "the word was of t1");
        assert!(checker.stood(NodeId(3), &stands(2)).is_err(), "n3 was not told");
        leads.transfer_leadership(None).unwrap();
    }

    #[test]
    fn entries_that_a_voter_sends_to_a_candidate_are_found() {
        // A40: what Viewstamped Replication does in a view change.
        let mut leads = leader(1);
        leads.propose(Header::default(), b"x").unwrap();
        let entries: Vec<_> = leads.inspect().log().iter().cloned().collect();
        let run = Slice::new(Position::ZERO, entries).unwrap();
        let append = Body::AppendEntries(AppendEntries { round: 1, commit: Index::ZERO, run });
        let mut checker = Transfers::default();
        assert_eq!(checker.sent(&message(1, 2, append.clone()), leads.inspect()), Ok(()));
        assert!(checker.sent(&message(2, 3, append.clone()), node(2).inspect()).is_err(), "a voter sends its log");
        assert!(checker.sent(&message(3, 2, append), leader(3).inspect()).is_err(), "a second source in one term");
    }

    #[test]
    fn a_transfer_without_end_is_found() {
        let mut leads = leader(1);
        leads.transfer_leadership(Some(NodeId(2))).unwrap();
        let mut checker = Transfers::default();
        let patience = (100, 0);
        assert_eq!(checker.observe(leads.inspect(), 1000, patience), Ok(()));
        assert_eq!(checker.observe(leads.inspect(), 1300, patience), Ok(()));
        assert!(checker.observe(leads.inspect(), 1301, patience).is_err());
        leads.timer_fired(raft::Timer::Transfer);
        assert_eq!(checker.observe(leads.inspect(), 1302, patience), Ok(()));
    }
}
