//! Operators: they ask a member to hand its leadership over, and stop members the way a service is stopped: who leads hands over
//! first. Each gets one answer, in time; whether the leadership changes by the rules is decided by the checkers.

use raft::NodeId;
use replica::{Input, Reply, Request, RequestId, Time};

use super::{Event, World};
use crate::checkers::Checked;

/// Requests of operators are numbered from here, far above those of clients.
pub(super) const FIRST: u64 = 1 << 40;
/// How many times T an operator waits for an answer.
const PATIENCE: u64 = 2;

/// What an operator asked of a member.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandOver {
    node: NodeId,
    life: u64,
    /// It must be answered by then.
    deadline: u64,
    why: Why,
}

/// What an operator has in mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Another is to lead.
    Moves,
    /// The member stops when it has the answer.
    Stops,
    /// All is well, so another must lead when it has the answer.
    Must,
}

impl World {
    /// Whom an act means that names a member, or with 0 who leads.
    fn meant(&self, n: u64) -> Option<NodeId> {
        if n == 0 { self.leader() } else { Some(NodeId(n)) }
    }

    /// A member is asked to hand over to another one, or with 0 to whom it likes.
    pub(super) fn ask_to_hand_over(&mut self, n: u64, to: u64, why: Why) {
        let Some(node) = self.meant(n).filter(|node| self.is_life(*node, self.life(*node))) else { return };
        let Some(member) = self.members.get(&node) else { return };
        let wait = PATIENCE * self.t();
        let deadline = Time(member.clock.read(self.now)).after(wait);
        self.next_hand_over += 1;
        let number = FIRST + self.next_hand_over;
        let late = wait + self.slack(wait);
        let asked = HandOver { node, life: member.life, deadline: self.now + late, why };
        self.hand_overs.insert(number, asked);
        self.after(late, Event::Overdue(number));
        let target = (to > 0).then_some(NodeId(to));
        self.input(node, Input::Request(RequestId(number), Request::Transfer { target, deadline }));
    }

    /// A member is stopped the way a service is: who leads hands over first, then its log is sealed.
    pub(super) fn stop_well(&mut self, n: u64) {
        let Some(node) = self.meant(n) else { return };
        if self.running(node).is_some_and(|running| running.replica.inspect().is_leader()) {
            self.ask_to_hand_over(node.0, 0, Why::Stops);
        } else {
            let _nobody_looks_at_it = self.stop_for_a_look(node, true);
        }
    }

    /// In the end, where there are voters enough, the leadership moves once more. False: it did already, or can't.
    pub(super) fn last_hand_over(&mut self) -> bool {
        let voters = self.checkers.membership.settled().configuration.voters.len();
        let begins = voters > 1 && !self.handed_over_last;
        if begins {
            self.handed_over_last = true;
            self.ask_to_hand_over(0, 0, Why::Must);
        }
        begins
    }

    /// What the operator is told.
    pub(super) fn handed_over(&mut self, id: NodeId, number: u64, reply: &Reply) -> Checked {
        let Some(asked) = self.hand_overs.remove(&number).filter(|asked| asked.node == id) else {
            return Self::fail(
                "answers",
                format!("hand-over {number} is answered {reply:?}, and nobody waits for that"),
            );
        };
        let late = self.now > asked.deadline + self.lateness(id);
        let moved = matches!(reply, Reply::Transferred(leader) if *leader != id);
        match reply {
            _ if asked.why == Why::Must && !moved => {
                return Self::fail("liveness", format!("all is well, and {id} can't hand over: {reply:?}"));
            }
            _ if late => {
                return Self::fail("answers", format!("hand-over {number} is answered {reply:?} far too late"));
            }
            Reply::Transferred(leader) if *leader == id => self.counters.path("transfer to oneself"),
            Reply::Transferred(_) => self.counters.path("transfer done"),
            Reply::Refused(replica::Refusal::TimedOut { .. }) => self.counters.path("transfer not done in time"),
            Reply::Refused(_) => self.counters.path("transfer refused"),
            other => return Self::fail("answers", format!("hand-over {number} is answered {other:?}")),
        }
        if asked.why == Why::Stops {
            self.counters.path("leader stopped after it handed over");
            // What else this turn answers is answered first.
            self.after(1, Event::Stopped(id, asked.life));
        }
        Ok(())
    }

    /// An operator waits still.
    pub(super) fn hand_over_overdue(&mut self, number: u64) -> Checked {
        let Some(asked) = self.hand_overs.get(&number).copied() else { return Ok(()) };
        if !self.is_life(asked.node, asked.life) {
            self.hand_overs.remove(&number);
            return Ok(());
        }
        let late = self.lateness(asked.node);
        if late > 0 {
            self.after(late / 10, Event::Overdue(number));
            return Ok(());
        }
        Self::fail("answers", format!("hand-over {number} waits at {} long after its deadline", asked.node))
    }

    /// A member had a turn and leads.
    pub(super) fn watch_leader(&self, id: NodeId) -> Checked {
        let running = self.members.get(&id).and_then(|member| member.running.as_ref());
        running.map_or(Ok(()), |running| self.checkers.transfers.leads(running.replica.inspect()))
    }

    /// A member had a turn and hands over still.
    pub(super) fn watch_transfer(&mut self, id: NodeId) -> Checked {
        let (now, t, late) = (self.now, self.t(), self.lateness(id));
        let Some(running) = self.members.get(&id).and_then(|member| member.running.as_ref()) else { return Ok(()) };
        self.checkers.transfers.observe(running.replica.inspect(), now, (t, late))
    }
}
