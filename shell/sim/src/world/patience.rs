//! How long clients and their members take, and how long is too long.

use raft::NodeId;

use super::{Event, World, hand_overs};
use crate::checkers::Checked;

impl World {
    /// How long a client's request, or its answer, is on its way.
    pub(super) fn client_delay(&mut self) -> u64 {
        match self.run.timing.client_delay {
            _ if self.calm => 100,
            0 => self.client_dice.between(50, 800),
            most => self.client_dice.between(most / 2, most),
        }
    }

    /// The deadline has passed by so much that there must be an answer.
    pub(super) fn overdue(&mut self, number: u64) -> Checked {
        if number >= hand_overs::FIRST {
            return self.hand_over_overdue(number);
        }
        let Some(operation) = self.operations.get(&number).filter(|one| one.answer.is_none()) else { return Ok(()) };
        if !self.is_life(operation.node, operation.life) {
            return Ok(());
        }
        let late = self.lateness(operation.node);
        if late > 0 {
            self.after(late / 10, Event::Overdue(number));
            return Ok(());
        }
        let what = format!("request {number} waits at {} long after its deadline", operation.node);
        Self::fail("answers", what)
    }

    /// So much later than its deadline a request may be answered: a sweep, a turn, a clock that is a little wrong.
    pub(super) fn slack(&self, limit: u64) -> u64 {
        self.t() / 2 + limit / 4
    }

    /// A process that stood still or was busy answers later, and one whose clock is behind.
    pub(super) fn lateness(&self, id: NodeId) -> u64 {
        let Some(member) = self.members.get(&id) else { return 0 };
        let (now, t) = (self.now, self.t());
        let was = |until: u64, aftermath: u64| until > 0 && until + aftermath > now;
        // A clock that stood still or went back is behind for as long as any request lasts.
        let late = was(member.paused_until, t) || was(member.busy.0, 2 * t) || was(member.behind_until, 8 * t);
        if late { 20 * t } else { 0 }
    }
}
