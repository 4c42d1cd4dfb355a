//! Wishes about the membership that any member is asked for, as programs ask: a member passes them on to its leader, tries again while
//! another change is under way, and answers when the change is committed.

use bytes::Bytes;
use raft::NodeId;
use replica::{Alter, Input, MemberAnswer, Question, Reply, Request, RequestId, Time};

use super::World;
use crate::checkers::Checked;
use crate::run::Order;

/// Numbers of wishes begin behind those of all other requests.
const FIRST: u64 = 1 << 50;

impl World {
    /// A wish is asked of some member. What is no wish is nothing.
    pub(super) fn wish(&mut self, order: &Order) {
        let runs = |id: &NodeId| self.view(*id).is_some();
        let all: Vec<NodeId> = self.ids().into_iter().filter(runs).collect();
        let Some(leader) = self.leader().filter(|_| self.can_wish(order)) else { return };
        let settled = self.checkers.membership.settled().configuration.clone();
        let named = |n: u64| if n == 0 { leader } else { NodeId(n) };
        let info = Bytes::from_static(b"joins");
        let alter = match *order {
            Order::Add { learner: false, .. } => Alter::AddVoter { info },
            Order::Add { learner: true, .. } => Alter::AddLearner { info },
            Order::Remove { n } => Alter::Remove(named(n)),
            Order::Replace { n } => Alter::Replace { old: named(n), info },
            Order::Promote { n: 0 } => match settled.learners.first() {
                Some(first) => Alter::Promote(*first),
                None => return,
            },
            Order::Promote { n } => Alter::Promote(NodeId(n)),
            Order::Resize { .. } | Order::Demote { .. } | Order::Lose { .. } | Order::Set { .. } | Order::TakeBack => {
                return;
            }
        };
        let sensible =
            self.change_of(order, &settled, leader).is_some_and(|change| self.makes_sense(&settled, &change));
        if !sensible {
            return;
        }
        let at = self.operators.dice.pick(&all);
        let number = self.operators.wished();
        self.note(|| format!("{at} is asked for wish {number}: {alter:?}"));
        let (now, lasts) = (self.now, self.operators.dice.between(self.t(), 10 * self.t()));
        let Some(member) = self.members.get(&at) else { return };
        let deadline = Time(member.clock.read(now) + lasts);
        let question = Question::Alter { alter, seen: None };
        self.operators_wake(1);
        self.input(at, Input::Request(RequestId(FIRST + number), Request::Member { question, deadline }));
        self.counters.path("wish about the membership");
    }

    /// Where nobody measures who answers, only what takes nobody away is wished.
    fn can_wish(&self, order: &Order) -> bool {
        self.run.features.check_quorum || matches!(order, Order::Add { .. } | Order::Promote { .. })
    }

    /// Whether this is the number of a wish.
    pub(super) fn is_wish(number: u64) -> bool {
        number > FIRST
    }

    /// What a member says to be committed is.
    pub(super) fn wish_answered(&mut self, at: NodeId, answer: &Reply) -> Checked {
        let settled = &self.checkers.membership.settled().configuration;
        self.counters.path(match answer {
            Reply::Member(Ok(_)) => "membership request answered",
            _ => "membership request refused",
        });
        match answer {
            Reply::Member(Ok(MemberAnswer::Altered(told))) if told.next_node > settled.next_node => {
                let what = format!("{at} says that {told} is committed, and nothing newer than {settled} is");
                Self::fail("membership", what)
            }
            _ => Ok(()),
        }
    }
}
