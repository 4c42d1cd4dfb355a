//! One node: what comes in, and the one place where terms are compared and roles change.

mod commands;
mod membership;
mod relabel;
mod snapshots;
mod taking_over;
mod voting;

pub use commands::{ProposeError, ReadError};
pub use snapshots::{Installed, Snapshot};
use voting::vote_event;

use alloc::vec::Vec;

use crate::candidate::Candidate;
use crate::config::Config;
use crate::configuration::Configuration;
use crate::entry::Entry;
use crate::event::{Event, FollowReason, IgnoreReason, VoteRefusal};
use crate::follower::Follower;
use crate::leader::Leader;
use crate::message::{AppendEntries, AppendEntriesReply, AppendOutcome, Body, Message, RequestVoteReply};
use crate::output::{Delay, HardState, Output, Ticket, Timer};
use crate::role::{Role, Transition};
use crate::rules::Rules;
use crate::shared::{Shared, Waits};
use crate::types::{Index, NodeId, Position, Term};
use crate::view::View;

/// A node of a Raft cluster: a deterministic function over events. It does nothing by itself: each call changes its state,
/// and [`Raft::take_output`] says what to do in the world.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Raft {
    shared: Shared,
    role: Role,
}

/// What a node knows when it starts: read back from its disk, or of a new cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// Term, vote and a committed index, as last written.
    pub hard_state: HardState,
    /// The log begins behind this position.
    pub base: Position,
    /// Cluster time of the base.
    pub base_time: u64,
    /// The entries behind the base, dense. All of them are durable.
    pub entries: Vec<Entry>,
    /// The state machine has applied entries up to here: from a snapshot, at or behind the base.
    pub snapshot: Index,
    /// The configuration as of that snapshot; of a new cluster the first one.
    pub configuration: Configuration,
}

impl Raft {
    /// A node that starts as a follower (A8), sticky for T, since it may have promised that before it went down (R14).
    #[must_use]
    pub fn new(id: NodeId, config: Config, boot: Boot) -> Self {
        let mut shared = Shared::new(id, config, boot);
        let follower = Follower::new(None, shared.commit);
        shared.arm(Timer::LeaderSilent, Delay::T);
        Self { shared, role: Role::Follower(follower) }
    }

    /// The same node without the rules that are off in `rules`: unsafe, and only for worlds that show what they are good for.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.shared.rules = rules;
        self
    }

    /// Everything there is to know, read only.
    #[must_use]
    pub fn inspect(&self) -> View<'_> {
        View::new(&self.shared, &self.role)
    }

    // ---- inputs: they can't fail --------------------------------------------------------------------------------------

    /// A message arrived. Late, repeated, reordered and foreign ones do no harm (A3, L16).
    pub fn receive(&mut self, message: Message) {
        if self.shared.halt.is_some() {
            return;
        }
        if message.to != self.shared.id || message.from == self.shared.id {
            return self.ignore(message.from, IgnoreReason::NotForMe);
        }
        if self.admit(&message) {
            self.dispatch(message);
            self.membership_goes_on();
        }
    }

    /// A timer fired.
    pub fn timer_fired(&mut self, timer: Timer) {
        if self.shared.halt.is_some() {
            return;
        }
        let transition = match (timer, &mut self.role) {
            (Timer::LeaderSilent, Role::Follower(follower)) => {
                follower.leader_silent(&mut self.shared);
                None
            }
            (Timer::LeaderSilent, Role::Candidate(_)) => {
                self.shared.sticky = false;
                None
            }
            (Timer::Campaign, Role::Follower(_) | Role::Candidate(_)) => self.campaign(),
            (Timer::Heartbeat, Role::Candidate(candidate)) => {
                candidate.ask(&mut self.shared);
                None
            }
            (Timer::Heartbeat, Role::Leader(leader)) => {
                leader.heartbeat(&mut self.shared);
                None
            }
            (Timer::CheckQuorum, Role::Leader(leader)) => leader.check_quorum(&mut self.shared),
            (Timer::Transfer, Role::Leader(leader)) => {
                leader.transfer_late(&mut self.shared);
                None
            }
            (Timer::LeaderSilent | Timer::Campaign, Role::Leader(_))
            | (Timer::CheckQuorum | Timer::Transfer, Role::Candidate(_))
            | (Timer::Heartbeat | Timer::CheckQuorum | Timer::Transfer, Role::Follower(_)) => None,
        };
        self.apply(transition);
        self.membership_goes_on();
    }

    /// A write is durable. Old, repeated and unknown tickets are ignored.
    pub fn written(&mut self, ticket: Ticket) {
        if self.shared.halt.is_some() || !self.shared.persistence.written(ticket) {
            return;
        }
        self.shared.release();
        let transition = match &mut self.role {
            Role::Follower(follower) => {
                follower.written(&mut self.shared);
                None
            }
            Role::Candidate(candidate) => candidate.written(&self.shared),
            Role::Leader(leader) => {
                leader.written(&mut self.shared);
                None
            }
        };
        self.apply(transition);
        self.membership_goes_on();
    }

    /// The state machine has applied everything up to `index`.
    pub fn applied(&mut self, index: Index) {
        assert!(index <= self.shared.commit, "only what is committed is applied (B10)");
        self.shared.applied = self.shared.applied.max(index);
    }

    // ---- output --------------------------------------------------------------------------------------------------------

    /// Takes what there is to do. A leader decides here what to send, so a turn of many proposals gives one write and one
    /// append for each follower.
    pub fn take_output(&mut self) -> Output {
        if self.shared.halt.is_none() {
            let hard_state = self.shared.hard_state();
            let write = self.shared.persistence.take_write(&self.shared.log, hard_state, &self.shared.config.limits);
            let mut done = None;
            if let Role::Leader(leader) = &mut self.role {
                leader.flush(&mut self.shared, write.is_some());
                done = leader.resigns(&mut self.shared);
            }
            self.apply(done);
            self.shared.out.0.write = write;
        }
        let mut output = core::mem::take(&mut self.shared.out.0);
        if let Some(halt) = self.shared.halt {
            output = Output { events: output.events, halt: Some(halt), ..Output::default() };
        }
        output
    }

    /// Whom this node takes for the leader of its term.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        self.inspect().leader()
    }

    // ---- the term rule (paper 5.1) ------------------------------------------------------------------------------------

    /// Compares the message's term with this node's. Says whether the message is to be handled, in the term that the node
    /// has then.
    fn admit(&mut self, message: &Message) -> bool {
        let (theirs, ours) = (message.term, self.shared.term);
        match &message.body {
            // Asking and being asked whether one would vote changes nobody's term (P5) ...
            Body::PreVote(_) => return true,
            // ... and a grant comes from a voter that may be in an earlier one.
            Body::PreVoteReply(_) if theirs <= ours => return true,
            // Unless its leader itself wants it, nobody helps to depose it (T1).
            Body::RequestVote(request) if theirs > ours && self.is_loyal() && !request.transfer => {
                let event =
                    Event::VoteRefused { candidate: message.from, term: theirs, reason: VoteRefusal::LeaderAlive };
                self.shared.event(event);
                return false;
            }
            Body::AppendEntries(append) => return self.admit_append(message, append),
            Body::PreVoteReply(_)
            | Body::RequestVote(_)
            | Body::RequestVoteReply(_)
            | Body::AppendEntriesReply(_)
            | Body::InstallSnapshotReply(_)
            | Body::TimeoutNow => {}
        }
        if theirs > ours {
            self.apply(Some(Transition::Follow { term: theirs, leader: None, reason: FollowReason::NewerTerm }));
        } else if theirs < ours {
            self.refuse_old(message);
        }
        theirs >= ours
    }

    /// A candidate of an older term learns the newer one from its answer (A7); any other message of an older term is over.
    fn refuse_old(&mut self, message: &Message) {
        let Body::RequestVote(_) = message.body else { return self.ignore(message.from, IgnoreReason::OldTerm) };
        self.shared.event(vote_event(message.from, message.term, Some(VoteRefusal::OldTerm)));
        let reply = Body::RequestVoteReply(RequestVoteReply { granted: false });
        self.shared.send(message.from, Waits::HardState, reply);
    }

    fn admit_append(&mut self, message: &Message, append: &AppendEntries) -> bool {
        if append.run.last().term > message.term {
            // No leader has entries of a later term than its own.
            self.ignore(message.from, IgnoreReason::Unexpected);
            return false;
        }
        if self.admit_leader(message.from, message.term) {
            return true;
        }
        // An older leader learns the newer term from the answer (A7), whatever else stands in it.
        if message.term < self.shared.term {
            let outcome = AppendOutcome::Refused { prev: append.run.prev(), hint: None };
            let reply = Body::AppendEntriesReply(AppendEntriesReply { round: 0, outcome });
            self.shared.send(message.from, Waits::HardState, reply);
        }
        false
    }

    /// Someone speaks as the leader of `term`: says whether it is to be heard, with this node as its follower.
    fn admit_leader(&mut self, from: NodeId, term: Term) -> bool {
        if term < self.shared.term {
            self.ignore(from, IgnoreReason::OldTerm);
            return false;
        }
        let reason = if term > self.shared.term { FollowReason::NewerTerm } else { FollowReason::LeaderHeard };
        let heard = Some(Transition::Follow { term, leader: Some(from), reason });
        match &self.role {
            Role::Leader(_) if term == self.shared.term => {
                self.shared.stop(crate::Halt::TwoLeaders { term, known: self.shared.id, other: from });
                return false;
            }
            Role::Follower(follower) if term == self.shared.term && follower.leader().is_some() => {}
            Role::Follower(_) | Role::Candidate(_) | Role::Leader(_) => self.apply(heard),
        }
        true
    }

    fn ignore(&mut self, from: NodeId, reason: IgnoreReason) {
        self.shared.event(Event::Ignored { from, reason });
    }

    // ---- what each message means --------------------------------------------------------------------------------------

    fn dispatch(&mut self, message: Message) {
        let Message { from, term, body, .. } = message;
        let handled = match (body, &mut self.role) {
            (Body::PreVote(request), _) => {
                self.answer_pre_vote(from, term, request);
                Ok(None)
            }
            (Body::RequestVote(request), _) => {
                self.answer_vote(from, request);
                Ok(None)
            }
            (Body::AppendEntries(append), Role::Follower(follower)) => {
                follower.append(&mut self.shared, from, append);
                Ok(None)
            }
            (Body::PreVoteReply(reply), Role::Candidate(candidate)) => {
                candidate.pre_vote_reply(&self.shared, from, reply)
            }
            (Body::RequestVoteReply(reply), Role::Candidate(candidate)) => {
                candidate.vote_reply(&self.shared, from, reply)
            }
            (Body::AppendEntriesReply(reply), Role::Leader(leader)) => {
                leader.append_reply(&mut self.shared, from, reply);
                Ok(None)
            }
            (Body::InstallSnapshotReply(reply), Role::Leader(leader)) => {
                leader.snapshot_reply(&mut self.shared, from, reply.matched);
                Ok(None)
            }
            (Body::TimeoutNow, _) => self.told_to_stand(from),
            (Body::PreVoteReply(_) | Body::RequestVoteReply(_), Role::Follower(_) | Role::Leader(_))
            | (Body::AppendEntriesReply(_) | Body::InstallSnapshotReply(_), Role::Follower(_) | Role::Candidate(_))
            | (Body::AppendEntries(_), Role::Candidate(_) | Role::Leader(_)) => Err(IgnoreReason::Unexpected),
        };
        match handled {
            Ok(transition) => self.apply(transition),
            Err(reason) => self.ignore(from, reason),
        }
    }

    // ---- roles change here --------------------------------------------------------------------------------------------

    fn apply(&mut self, transition: Option<Transition>) {
        let mut next = transition;
        while let Some(transition) = next.take() {
            self.leave(transition);
            next = match transition {
                Transition::Follow { term, leader, reason } => {
                    self.follow(term, leader, reason);
                    None
                }
                Transition::PreCampaign => {
                    self.shared.event(Event::BecamePreCandidate { term: self.shared.term });
                    self.stand(Candidate::pre_vote)
                }
                Transition::Campaign => self.campaign_in_next_term(Candidate::vote),
                Transition::TakeOver => self.campaign_in_next_term(Candidate::take_over),
                Transition::Lead => {
                    self.shared.event(Event::BecameLeader { term: self.shared.term });
                    self.role = Role::Leader(Leader::new(&mut self.shared));
                    None
                }
            };
        }
    }

    fn follow(&mut self, term: Term, leader: Option<NodeId>, reason: FollowReason) {
        if term > self.shared.term {
            self.shared.enter_term(term, None);
        }
        self.shared.event(Event::BecameFollower { term, leader, reason });
        self.shared.disarm(Timer::Heartbeat);
        self.shared.disarm(Timer::CheckQuorum);
        self.role = Role::Follower(Follower::new(leader, self.shared.commit));
        if leader.is_none() {
            self.stand_back();
        }
    }

    /// Somebody else may win now and is given the time for it (E17). Without stickiness the silence of an earlier leader
    /// means nothing any more, and must not cut that time short.
    fn stand_back(&mut self) {
        self.shared.arm(Timer::Campaign, Delay::TToTwiceT);
        if !self.shared.config.switches.stickiness && self.leader().is_none() {
            self.shared.disarm(Timer::LeaderSilent);
        }
    }

    fn campaign_in_next_term(&mut self, candidate: fn(&mut Shared) -> Candidate) -> Option<Transition> {
        self.shared.enter_term(self.shared.term.next(), Some(self.shared.id));
        self.shared.event(Event::BecameCandidate { term: self.shared.term });
        self.stand(candidate)
    }

    fn stand(&mut self, candidate: fn(&mut Shared) -> Candidate) -> Option<Transition> {
        let candidate = candidate(&mut self.shared);
        let transition = candidate.progress(&self.shared);
        self.role = Role::Candidate(candidate);
        transition
    }

    /// A leader that stops leading can't serve the reads that wait on it.
    fn leave(&mut self, transition: Transition) {
        if let Role::Leader(_) = &self.role
            && transition != Transition::Lead
        {
            let follower = Role::Follower(Follower::new(None, self.shared.commit));
            if let Role::Leader(leader) = core::mem::replace(&mut self.role, follower) {
                if leader.transfer().is_some() {
                    self.shared.disarm(Timer::Transfer);
                }
                leader.into_reads().abort(&mut self.shared.out.0.reads_aborted);
            }
        }
    }
}
