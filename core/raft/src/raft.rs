//! One node: what comes in, and the one place where terms are compared and roles change.

mod relabel;

use alloc::vec::Vec;

use crate::candidate::{Candidate, Phase};
use crate::config::Config;
use crate::configuration::{Configuration, Member};
use crate::entry::{Entry, EntryKind, Header};
use crate::event::{CommitRule, Event, FollowReason, IgnoreReason, VoteRefusal};
use crate::follower::Follower;
use crate::leader::Leader;
use crate::message::{
    AppendEntries, AppendEntriesReply, AppendOutcome, Body, InstallSnapshotReply, Message, PreVoteReply, RequestVote,
    RequestVoteReply,
};
use crate::output::{Delay, HardState, Output, ReadId, Ticket, Timer};
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

/// Why a proposal is refused. It has had no effect and never will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposeError {
    /// This node does not lead; `leader` does, as far as it knows.
    NotLeader {
        /// Whom to ask.
        leader: Option<NodeId>,
    },
    /// Too much is uncommitted, or the log has reached its bound: try again when followers or compaction have caught up.
    Full,
}

/// Why a read is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// This node does not lead; `leader` does, as far as it knows.
    NotLeader {
        /// Whom to ask.
        leader: Option<NodeId>,
    },
    /// Too many reads wait.
    Full,
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
            (Timer::LeaderSilent | Timer::Campaign, Role::Leader(_))
            | (Timer::CheckQuorum, Role::Candidate(_))
            | (Timer::Heartbeat | Timer::CheckQuorum, Role::Follower(_)) => None,
        };
        self.apply(transition);
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
    }

    /// The state machine has applied everything up to `index`.
    pub fn applied(&mut self, index: Index) {
        assert!(index <= self.shared.commit, "only what is committed is applied (B10)");
        self.shared.applied = self.shared.applied.max(index);
    }

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
        if self.shared.halt.is_some() || !self.admit_leader(from, term) {
            return Installed::No;
        }
        let position = snapshot.position;
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

    // ---- commands: each may be refused --------------------------------------------------------------------------------

    /// Proposes a command. It is in the log of this leader when this returns; whether it is committed shows later.
    ///
    /// # Errors
    /// When this node does not lead, or has too much that waits.
    pub fn propose(&mut self, header: Header, payload: &[u8]) -> Result<Position, ProposeError> {
        let leader = self.leader();
        let Role::Leader(role) = &mut self.role else { return Err(ProposeError::NotLeader { leader }) };
        if self.shared.halt.is_some() {
            return Err(ProposeError::NotLeader { leader: None });
        }
        let limits = &self.shared.config.limits;
        let full =
            role.uncommitted_bytes() >= limits.uncommitted_bytes_max || self.shared.log.bytes() >= limits.log_bytes_max;
        // Without an entry of its own term a leader never commits what it inherited, and would stay full for ever: where it
        // began without a no-op, the first proposal stands for it.
        if full && self.shared.log.last().term == self.shared.term {
            return Err(ProposeError::Full);
        }
        Ok(role.propose(&mut self.shared, EntryKind::Command, header, payload))
    }

    /// Proposes what the configuration is to keep for a member: its disk and the opaque bytes of the layers above. Nobody's
    /// vote changes by it. `None` where it is kept already.
    ///
    /// # Errors
    /// When this node does not lead, or `node` is no member.
    pub fn describe_member(&mut self, node: NodeId, member: Member) -> Result<Option<Position>, ProposeError> {
        let leader = self.leader();
        let Role::Leader(role) = &mut self.role else { return Err(ProposeError::NotLeader { leader }) };
        let mut configuration = self.shared.configuration().clone();
        if self.shared.halt.is_some() || !configuration.nodes().contains(&node) {
            return Err(ProposeError::NotLeader { leader: None });
        }
        if configuration.members.insert(node, member.clone()) == Some(member) {
            return Ok(None);
        }
        Ok(Some(role.propose(&mut self.shared, EntryKind::Configuration, Header::default(), &configuration.encode())))
    }

    /// Asks for a linearizable read (thesis 6.4). [`Output::reads`] says when it may be served, or
    /// [`Output::reads_aborted`] that it can't be.
    ///
    /// # Errors
    /// When this node does not lead, or has too many reads that wait.
    pub fn read(&mut self, id: ReadId) -> Result<(), ReadError> {
        let leader = self.leader();
        let Role::Leader(role) = &mut self.role else { return Err(ReadError::NotLeader { leader }) };
        if self.shared.halt.is_some() {
            return Err(ReadError::NotLeader { leader: None });
        }
        if role.reads().len() >= self.shared.config.limits.reads_max {
            return Err(ReadError::Full);
        }
        role.read(id);
        Ok(())
    }

    /// Takes what there is to do. A leader decides here what to send, so a turn of many proposals gives one write and one
    /// append for each follower.
    pub fn take_output(&mut self) -> Output {
        if self.shared.halt.is_none() {
            let hard_state = self.shared.hard_state();
            let write = self.shared.persistence.take_write(&self.shared.log, hard_state, &self.shared.config.limits);
            if let Role::Leader(leader) = &mut self.role {
                leader.flush(&mut self.shared, write.is_some());
            }
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
            Body::RequestVote(_) if theirs > ours && self.is_loyal() => {
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
            | Body::InstallSnapshotReply(_) => {}
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

    fn is_loyal(&self) -> bool {
        match &self.role {
            Role::Leader(_) => self.shared.config.switches.stickiness,
            Role::Follower(_) | Role::Candidate(_) => self.shared.is_sticky(),
        }
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
            (Body::PreVoteReply(_) | Body::RequestVoteReply(_), Role::Follower(_) | Role::Leader(_))
            | (Body::AppendEntriesReply(_) | Body::InstallSnapshotReply(_), Role::Follower(_) | Role::Candidate(_))
            | (Body::AppendEntries(_), Role::Candidate(_) | Role::Leader(_)) => Err(IgnoreReason::Unexpected),
        };
        match handled {
            Ok(transition) => self.apply(transition),
            Err(reason) => self.ignore(from, reason),
        }
    }

    /// Says whether it would vote, and changes nothing by it (P5).
    fn answer_pre_vote(&mut self, from: NodeId, term: Term, request: RequestVote) {
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
    fn answer_vote(&mut self, from: NodeId, request: RequestVote) {
        let refusal = match self.shared.vote {
            Some(vote) if vote == from => None,
            Some(_) if self.shared.rules.one_vote => Some(VoteRefusal::AlreadyVoted),
            _ if matches!(&self.role, Role::Follower(follower) if follower.leader().is_some()) => {
                Some(VoteRefusal::LeaderAlive)
            }
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

    // ---- roles change here --------------------------------------------------------------------------------------------

    /// The campaign timer fired. Who has no vote does not stand for election (M11), nor does who promised its leader to help
    /// nobody else: `LeaderSilent` is armed then, and asks again. Nor is there an election after the last term.
    fn campaign(&self) -> Option<Transition> {
        let last_term = self.shared.term.next() == self.shared.term;
        if !self.shared.configuration().is_voter(self.shared.id) || self.shared.is_sticky() || last_term {
            return None;
        }
        Some(if self.shared.config.switches.pre_vote { Transition::PreCampaign } else { Transition::Campaign })
    }

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
                    self.stand(Phase::PreVote)
                }
                Transition::Campaign => {
                    self.shared.enter_term(self.shared.term.next(), Some(self.shared.id));
                    self.shared.event(Event::BecameCandidate { term: self.shared.term });
                    self.stand(Phase::Vote)
                }
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

    fn stand(&mut self, phase: Phase) -> Option<Transition> {
        let candidate = match phase {
            Phase::PreVote => Candidate::pre_vote(&mut self.shared),
            Phase::Vote => Candidate::vote(&mut self.shared),
        };
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
                leader.into_reads().abort(&mut self.shared.out.0.reads_aborted);
            }
        }
    }
}

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

fn vote_event(candidate: NodeId, term: Term, refusal: Option<VoteRefusal>) -> Event {
    match refusal {
        None => Event::Voted { candidate, term },
        Some(reason) => Event::VoteRefused { candidate, term, reason },
    }
}
