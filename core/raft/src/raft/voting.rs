//! Who gets this node's vote, and when it stands itself (paper 5.2 and 5.4.1, thesis 4.2.3 and 9.6).

use super::Raft;
use crate::event::{Event, FollowReason, VoteRefusal};
use crate::message::{Body, PreVoteReply, RequestVote, RequestVoteReply};
use crate::role::{Role, Transition};
use crate::shared::Waits;
use crate::types::{NodeId, Term};

impl Raft {
    /// Says whether it would vote, and changes nothing by it (P5).
    pub(super) fn answer_pre_vote(&mut self, from: NodeId, term: Term, request: RequestVote) {
        let asked = term.next();
        let refusal = if asked <= self.shared.term {
            Some(VoteRefusal::OldTerm)
        } else if self.is_loyal() {
            Some(VoteRefusal::LeaderAlive)
        } else {
            self.shared.refuses(&request)
        };
        // A grant is no vote, and nothing has happened by it: the answer says it all.
        if let Some(reason) = refusal {
            self.shared.event(Event::VoteRefused { candidate: from, term: asked, reason });
        }
        let reply = PreVoteReply { asked, granted: refusal.is_none() };
        self.shared.send(from, Waits::Nothing, Body::PreVoteReply(reply));
    }

    /// One vote a term (A10), only for a log that is at least as up to date (A21). Asked again, it grants again (E8).
    pub(super) fn answer_vote(&mut self, from: NodeId, request: RequestVote) {
        let refusal = match self.shared.vote {
            Some(vote) if vote == from => None,
            Some(_) if self.shared.rules.one_vote => Some(VoteRefusal::AlreadyVoted),
            _ if matches!(&self.role, Role::Follower(follower) if follower.leader().is_some()) => {
                Some(VoteRefusal::LeaderAlive)
            }
            // Its leader wants it: nobody is to be protected (T1).
            _ if request.transfer => self.shared.refuses_log(&request),
            _ => self.shared.refuses(&request),
        };
        self.shared.event(vote_event(from, self.shared.term, refusal));
        if refusal.is_none() {
            self.shared.vote_for(from);
            if let Role::Candidate(_) = self.role {
                // It asked for pre-votes, and has just helped another to lead: going on could depose whom it elected.
                let (term, reason) = (self.shared.term, FollowReason::VotedForAnother);
                self.apply(Some(Transition::Follow { term, leader: None, reason }));
            }
            self.stand_back();
        }
        let reply = RequestVoteReply { granted: refusal.is_none() };
        self.shared.send(from, Waits::HardState, Body::RequestVoteReply(reply));
    }

    /// It helps nobody to depose the leader that it heard, or that it is.
    pub(super) fn is_loyal(&self) -> bool {
        match &self.role {
            Role::Leader(_) => self.shared.config.switches.stickiness,
            Role::Follower(_) | Role::Candidate(_) => self.shared.is_sticky(),
        }
    }

    /// The campaign timer fired. Who has no vote does not stand for election (M11); who lost it by an entry that may not be
    /// committed does. Nor does who promised its leader to help nobody else: `LeaderSilent` is armed then, and asks again. Nor is there an election after the last term.
    pub(super) fn campaign(&self) -> Option<Transition> {
        let last_term = self.shared.term.next() == self.shared.term;
        if !self.shared.may_stand() || self.shared.is_sticky() || last_term {
            return None;
        }
        Some(if self.shared.config.switches.pre_vote { Transition::PreCampaign } else { Transition::Campaign })
    }
}

pub(super) fn vote_event(candidate: NodeId, term: Term, refusal: Option<VoteRefusal>) -> Event {
    match refusal {
        None => Event::Voted { candidate, term },
        Some(reason) => Event::VoteRefused { candidate, term, reason },
    }
}
