//! Handing the leadership over (thesis 3.10): because a client asks for it, because this leader's own disk has stalled, or
//! because it has no room for what clients want to write. Consensus does it; here is when, and what becomes of those who wait.
//!
//! While it is under way writes wait: they go to the new leader, or on as before if there is none. Whether another member's
//! disk is better is not known here; so a member that hands over by itself does not do so again for a while.

use raft::{NodeId, Term, Ticket};

use super::Replica;
use crate::state_machine::StateMachine;
use crate::turn::{Refusal, Reply, RequestId, Time};

/// So many election timeouts lie between two times that a member hands over by itself, and before it does so for want of
/// room after it came to lead: where all disks are full the leadership must not go round and round.
const PAUSE: u64 = 5;

/// So many clients may wait for a transfer; they are people.
const WAITING_MAX: usize = 64;

/// Hand-overs that this member has to do with.
#[derive(Debug, Default)]
pub(super) struct Transferring {
    waiting: Vec<Waiting>,
    /// The write that the own disk works on, and since when.
    writing: Option<(Ticket, Time)>,
    /// When this member last handed over by itself.
    own: Option<Time>,
}

/// A client that waits for the end of a transfer.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    id: RequestId,
    /// This node led it when the transfer began.
    term: Term,
    deadline: Time,
}

impl Transferring {
    pub(super) fn somebody_waits(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl<S: StateMachine> Replica<S> {
    /// A client wants another leader.
    pub(super) fn transfer(&mut self, id: RequestId, target: Option<NodeId>, deadline: Time) {
        if self.transferring.waiting.len() >= WAITING_MAX {
            return self.refuse(id, Refusal::Busy);
        }
        let me = self.raft.inspect().id();
        match self.raft.transfer_leadership(target) {
            Ok(target) if target == me => self.out.replies.push((id, Reply::Transferred(me))),
            Ok(_) => self.transferring.waiting.push(Waiting { id, term: self.raft.inspect().term(), deadline }),
            Err(refused) => self.refuse(id, Refusal::NoTransfer(refused)),
        }
    }

    /// No write is given to this leader while it hands over.
    pub(super) fn is_handing_over(&self) -> bool {
        self.raft.inspect().transfer().is_some()
    }

    /// Tells those who wait for a transfer what became of it.
    pub(super) fn settle_transfers(&mut self) {
        let (view, now) = (self.raft.inspect(), self.now);
        let (term, leader, me, under_way) = (view.term(), view.leader(), view.id(), view.transfer().is_some());
        for waiting in std::mem::take(&mut self.transferring.waiting) {
            let ended = Refusal::TimedOut { leader_changed: term > waiting.term };
            match leader {
                Some(leader) if term > waiting.term && leader != me => {
                    self.out.replies.push((waiting.id, Reply::Transferred(leader)));
                }
                // It leads on, or again: nothing came of it.
                Some(_) if !under_way => self.refuse(waiting.id, ended),
                Some(_) | None if waiting.deadline <= now => self.refuse(waiting.id, ended),
                Some(_) | None => self.transferring.waiting.push(waiting),
            }
        }
    }

    /// A leader whose own disk has worked on one write for T hands over to the voter with the longest log (P12): everything
    /// of consensus goes on without that disk, but what the disk must answer for in the next term would not.
    pub(super) fn mind_own_disk(&mut self) {
        let writing = self.raft.inspect().persistence().in_flight();
        self.transferring.writing = match (writing, self.transferring.writing) {
            (Some(ticket), Some((known, since))) if ticket == known => Some((known, since)),
            (writing, _) => writing.map(|ticket| (ticket, self.now)),
        };
        let t = self.config.election_timeout;
        let stalled = self.transferring.writing.is_some_and(|(_, since)| self.now.since(since) >= t);
        if stalled && self.raft.inspect().is_leader() && self.may_hand_over() {
            self.transferring.own = Some(self.now);
            let _nobody_may_be_fit = self.raft.transfer_leadership(None);
        }
    }

    /// This leader's disk has no room for a write. Another's may have: says whether it hands over, to the next voter by number,
    /// so that after a while each had its turn.
    pub(super) fn make_way_for_room(&mut self) -> bool {
        if self.is_handing_over() {
            return true;
        }
        let pause = PAUSE * self.config.election_timeout;
        let led_long = self.reign.is_some_and(|(_, since)| self.now.since(since) >= pause);
        if !led_long || !self.may_hand_over() {
            return false;
        }
        self.transferring.own = Some(self.now);
        let view = self.raft.inspect();
        let me = view.id();
        let (before, after): (Vec<NodeId>, Vec<NodeId>) =
            view.configuration().nodes().into_iter().filter(|node| *node != me).partition(|node| *node < me);
        after.into_iter().chain(before).any(|node| self.raft.transfer_leadership(Some(node)).is_ok())
    }

    fn may_hand_over(&self) -> bool {
        let pause = PAUSE * self.config.election_timeout;
        !self.is_handing_over() && self.transferring.own.is_none_or(|last| self.now.since(last) >= pause)
    }
}
