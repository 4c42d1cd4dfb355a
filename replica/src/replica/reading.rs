//! Reads of all modes: by what this member knows itself (its lease, its own age), else by asking the leader, which asks a majority.

use raft::{NodeId, ReadError, ReadReady};

use super::Replica;
use crate::lease::{self, LeaseOff, LeaseState};
use crate::peer::{ForwardId, ForwardedRead, ForwardedReadReply, Greeting, PeerMessage};
use crate::reads::{Asker, Read};
use crate::round_times::{NearTimeout, RoundTimes};
use crate::state_machine::StateMachine;
use crate::turn::{ReadMode, Refusal, Reply, TimerChange};

/// While a question is under way, those that wait leave as another one after T divided by this.
const PACES: u64 = 4;

impl<S: StateMachine> Replica<S> {
    /// What this member may answer by itself is answered; what is left goes to the leader, if there is one.
    pub(super) fn serve_queued_reads(&mut self) {
        if !self.reads.has_queued() {
            return;
        }
        let (now, applied) = (self.now, self.raft.inspect().applied());
        self.freshness.applied(applied);
        let fresh = |read: &Read| match read.mode {
            ReadMode::Bounded { staleness } => self.freshness.is_within(now, staleness),
            ReadMode::Linearizable | ReadMode::Lease => false,
        };
        let ready = self.reads.take_queued_if(fresh);
        self.reads.wait_for(applied, ready);
        let Some(leader) = self.leader.filter(|_| self.reads.has_queued()) else { return };
        if leader == self.raft.inspect().id() {
            self.serve_by_lease();
            let reads = self.reads.take_queued();
            if !reads.is_empty() {
                self.ask(Asker::Local(reads));
            }
        } else if let Some(number) = self.reads.question(self.term, now, self.config.election_timeout / PACES) {
            self.send_question(leader, number);
        }
    }

    /// Nobody else can have been elected yet, so all that was acknowledged anywhere is committed here.
    fn serve_by_lease(&mut self) {
        if let LeaseState::Held(_) = self.lease_state() {
            let commit = self.raft.inspect().commit();
            let reads = self.reads.take_queued_if(|read| read.mode == ReadMode::Lease);
            self.lease_reads += reads.len() as u64;
            self.reads.wait_for(commit, reads);
        }
    }

    fn send_question(&mut self, leader: NodeId, number: u64) {
        let id = ForwardId { incarnation: self.incarnation, number };
        self.out.messages.push((leader, PeerMessage::Read(ForwardedRead { id })));
    }

    /// Questions that got no answer for so long are sent again, under their number.
    pub(super) fn ask_again(&mut self, patience: u64) {
        let id = self.raft.inspect().id();
        let unanswered = self.reads.unanswered(self.now, patience);
        if let Some(leader) = self.leader.filter(|leader| *leader != id) {
            unanswered.into_iter().for_each(|number| self.send_question(leader, number));
        }
    }

    pub(super) fn forwarded_read(&mut self, from: NodeId, read: ForwardedRead) {
        if self.raft.inspect().is_leader() && !self.reads.is_asked(from, read.id) {
            self.ask(Asker::Peer(from, read.id));
        }
    }

    pub(super) fn ask(&mut self, asker: Asker) {
        let id = self.reads.ask(asker);
        match self.raft.read(id) {
            Ok(()) => {}
            Err(ReadError::NotLeader { .. }) => self.read_aborted(id),
            // A client is told at once (C4); a follower hears nothing, and asks again after T.
            Err(ReadError::Full) => {
                if let Some(Asker::Local(reads)) = self.reads.take_asked(id) {
                    reads.into_iter().for_each(|read| self.refuse(read.id, Refusal::Busy));
                }
            }
        }
    }

    /// Consensus can't answer it: local reads wait for another leader, a follower asks again by itself.
    pub(super) fn read_aborted(&mut self, id: raft::ReadId) {
        if let Some(Asker::Local(reads)) = self.reads.take_asked(id) {
            reads.into_iter().for_each(|read| self.reads.queue(Read { arrived: self.now, ..read }));
        }
    }

    pub(super) fn read_ready(&mut self, ready: ReadReady) {
        match self.reads.take_asked(ready.id) {
            Some(Asker::Local(reads)) => self.reads.wait_for(ready.index, reads),
            Some(Asker::Peer(peer, id)) => {
                let reply = ForwardedReadReply { id, index: ready.index };
                self.out.messages.push((peer, PeerMessage::ReadReply(reply)));
            }
            None => {}
        }
    }

    /// The leader confirmed that it led after the question had left: all that was acknowledged before stands up to its index.
    pub(super) fn read_reply(&mut self, reply: ForwardedReadReply) {
        if reply.id.incarnation != self.incarnation {
            return;
        }
        if let Some(asked) = self.reads.answered(reply.id.number, reply.index) {
            self.freshness.learn(asked, reply.index, self.raft.inspect().applied());
        }
    }

    pub(super) fn serve_reads(&mut self) {
        let applied = self.raft.inspect().applied();
        for read in self.reads.take_ready(applied) {
            self.out.replies.push((read.id, Reply::Readable(applied)));
        }
    }

    // ---- lease and age ------------------------------------------------------------------------------------------------

    /// The turn's messages are about to leave: what its rounds mean for lease and age.
    pub(super) fn watch_rounds(&mut self, confirmed: Option<u64>) {
        let view = self.raft.inspect();
        self.lease.turn_ends(self.now, view, confirmed);
        if !view.is_leader() {
            return self.round_times.forget();
        }
        if let (Some(_), Some(sent)) = (confirmed, self.lease.confirmed()) {
            let near = self.round_times.confirmed(self.now, sent, self.config.election_timeout);
            self.near_timeout = near.or(self.near_timeout);
        }
        // Nobody acknowledged anything before a confirmed round that this leader does not have, and once it has committed an entry
        // of its own term it knows of all of that.
        if let (Some(moment), true) = (self.lease.confirmed(), lease::knows_commit(view)) {
            self.freshness.learn(moment, view.commit(), view.applied());
        }
        if self.held {
            self.forget_times();
        }
    }

    /// How long the rounds of this leader take.
    #[must_use]
    pub fn round_times(&self) -> &RoundTimes {
        &self.round_times
    }

    /// That T is near the time that rounds take, when an operator is to hear of it: each warning is given once.
    pub fn take_near_timeout(&mut self) -> Option<NearTimeout> {
        self.near_timeout.take()
    }

    /// Whether reads can be served by a lease now, and if not, why.
    #[must_use]
    pub fn lease_state(&self) -> LeaseState {
        if !self.raft.inspect().is_leader() {
            return LeaseState::NotLeader;
        }
        if let Some(reason) = self.lease_off() {
            return LeaseState::Off(reason);
        }
        match self.lease.held(self.now, self.raft.inspect()) {
            Some(until) => LeaseState::Held(until),
            None => LeaseState::Waiting,
        }
    }

    fn lease_off(&self) -> Option<LeaseOff> {
        let configuration = self.raft.inspect().configuration();
        let (settings, switches) = (&configuration.settings, &self.config.raft.switches);
        let agreed = |greeting: &Greeting| {
            greeting.election_timeout == settings.election_timeout && greeting.stickiness && greeting.check_quorum
        };
        let other = self.greetings.iter().find(|(peer, one)| configuration.is_voter(**peer) && !agreed(one));
        if lease::length(settings).is_none() {
            Some(LeaseOff::NotAgreed)
        } else if settings.election_timeout.saturating_mul(1000) != self.config.election_timeout {
            Some(LeaseOff::OwnTimeout)
        } else if !switches.stickiness || !switches.check_quorum {
            Some(LeaseOff::OwnSwitches)
        } else if let Some((peer, _)) = other {
            Some(LeaseOff::PeerDiffers(*peer))
        } else {
            self.lease.over()
        }
    }

    /// What a peer keeps its promises by. What it promised in an earlier life it keeps, too (`keep_promises`). It may have been
    /// added by a change that this member has not heard of yet, and vote when this member leads; only who has left is of no account.
    /// And there is a connection now: what it was asked before may have been lost for want of one.
    pub(super) fn peer_met(&mut self, peer: NodeId, greeting: Greeting) {
        let configuration = self.raft.inspect().configuration();
        if configuration.has(peer) || peer.0 >= configuration.next_node {
            self.greetings.insert(peer, greeting);
        }
        self.gone.remove(&peer);
        self.forward_again_to(peer);
        if self.leader == Some(peer) {
            self.ask_again(0);
        }
    }

    /// Nothing that was measured by this clock counts, and the silence of a leader begins anew.
    pub(super) fn clock_suspected(&mut self) {
        self.forget_times();
        // Without lease reads nobody relies on it, and a clock that is always caught would never stand for election.
        if self.raft.inspect().is_sticky() && self.agreed_timeout().is_some() {
            self.silence_for_agreed();
        }
    }

    /// What is measured by this clock, now and before, says nothing.
    pub(super) fn forget_times(&mut self) {
        self.lease.clock_suspected();
        self.freshness.forget();
        self.reads.forget_times();
    }

    /// A member that starts may have promised in its last life to help nobody for the cluster's T, however short its own is now
    /// (R14, R16). Called when the first turn's timers are known.
    pub(super) fn keep_promises(&mut self) {
        if self.agreed_timeout().is_some_and(|agreed| agreed > self.config.election_timeout) {
            self.silence_for_agreed();
        }
    }

    fn silence_for_agreed(&mut self) {
        let longest = self.agreed_timeout().unwrap_or(0).max(self.config.election_timeout);
        self.out.timers.push(TimerChange::Silence(longest));
    }

    /// T as the cluster agreed on it for lease reads, in microseconds.
    fn agreed_timeout(&self) -> Option<u64> {
        let settings = &self.raft.inspect().configuration().settings;
        lease::length(settings).map(|_| settings.election_timeout.saturating_mul(1000))
    }
}
