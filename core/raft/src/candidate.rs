//! A candidate: asks for votes, first whether it would get them (paper 5.2, thesis 9.6).

use crate::event::IgnoreReason;
use crate::message::{Body, PreVoteReply, RequestVote, RequestVoteReply};
use crate::output::{Delay, Timer};
use crate::quorum::Outcome;
use crate::role::Transition;
use crate::shared::{Shared, Waits};
use crate::types::NodeId;
use crate::votes::Votes;

/// Which question is being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Would you vote for me? Nothing has changed on this node yet.
    PreVote,
    /// Vote for me: the term is new and this node has voted for itself.
    Vote,
}

/// What only a candidate has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    phase: Phase,
    votes: Votes,
    /// Its leader told it to stand.
    told: bool,
}

impl Candidate {
    /// Asks everybody for a pre-vote.
    pub(crate) fn pre_vote(shared: &mut Shared) -> Self {
        let mut votes = Votes::default();
        votes.record(shared.id, true);
        Self::start(shared, Self { phase: Phase::PreVote, votes, told: false })
    }

    /// Asks everybody for a vote; its own counts once it is durable (D20).
    pub(crate) fn vote(shared: &mut Shared) -> Self {
        Self::start(shared, Self { phase: Phase::Vote, votes: Votes::default(), told: false })
    }

    /// Asks everybody for a vote because its leader told it to (thesis 3.10): nobody protects that leader from it (T1).
    pub(crate) fn take_over(shared: &mut Shared) -> Self {
        Self::start(shared, Self { phase: Phase::Vote, votes: Votes::default(), told: true })
    }

    fn start(shared: &mut Shared, candidate: Self) -> Self {
        shared.arm(Timer::Campaign, Delay::TToTwiceT);
        candidate.ask(shared);
        candidate
    }

    pub(crate) fn relabelled(&self, names: &dyn Fn(NodeId) -> NodeId) -> Self {
        Self { votes: self.votes.relabelled(names), ..*self }
    }

    /// Which question it asks.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Its leader told it to stand.
    #[must_use]
    pub fn told(&self) -> bool {
        self.told
    }

    /// The answers.
    #[must_use]
    pub fn votes(&self) -> &Votes {
        &self.votes
    }

    /// Asks those who did not answer (A9), and again after a heartbeat interval.
    pub(crate) fn ask(&self, shared: &mut Shared) {
        let request = RequestVote { last: shared.log.last(), transfer: self.told };
        for peer in shared.peers() {
            if shared.configuration().is_voter(peer) && self.votes.said(peer).is_none() {
                match self.phase {
                    Phase::PreVote => shared.send(peer, Waits::Nothing, Body::PreVote(request)),
                    Phase::Vote => shared.send(peer, Waits::HardState, Body::RequestVote(request)),
                }
            }
        }
        shared.arm(Timer::Heartbeat, Delay::HeartbeatInterval);
    }

    pub(crate) fn pre_vote_reply(
        &mut self,
        shared: &Shared,
        from: NodeId,
        reply: PreVoteReply,
    ) -> Result<Option<Transition>, IgnoreReason> {
        if self.phase != Phase::PreVote || reply.asked != shared.term.next() {
            return Err(IgnoreReason::Unexpected);
        }
        self.votes.record(from, reply.granted);
        Ok(self.progress(shared))
    }

    pub(crate) fn vote_reply(
        &mut self,
        shared: &Shared,
        from: NodeId,
        reply: RequestVoteReply,
    ) -> Result<Option<Transition>, IgnoreReason> {
        if self.phase != Phase::Vote {
            return Err(IgnoreReason::Unexpected);
        }
        self.votes.record(from, reply.granted);
        Ok(self.progress(shared))
    }

    /// A write is durable: maybe the one with its own vote.
    pub(crate) fn written(&mut self, shared: &Shared) -> Option<Transition> {
        if self.phase == Phase::Vote && shared.persistence.hard_state_durable() {
            self.votes.record(shared.id, true);
        }
        self.progress(shared)
    }

    /// What a majority of answers leads to. A lost election is left to the timer: others may be about to win.
    pub(crate) fn progress(&self, shared: &Shared) -> Option<Transition> {
        match (self.votes.outcome(shared.configuration()), self.phase) {
            (Outcome::Won, Phase::PreVote) => Some(Transition::Campaign),
            (Outcome::Won, Phase::Vote) => Some(Transition::Lead),
            (Outcome::Lost | Outcome::Pending, Phase::PreVote | Phase::Vote) => None,
        }
    }
}
