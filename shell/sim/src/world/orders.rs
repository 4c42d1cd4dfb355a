//! Operators who change the membership: an order is asked of whoever leads, again and again until it is accepted or makes no sense
//! any more; new machines are started once the change that brings them is committed, and in the end all is tidied up.
//!
//! Which configuration follows which is the members' affair; whether they may is judged by the checkers.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use raft::membership::{Change, ChangeError, PromoteError};
use raft::{Configuration, Index, NodeId, Position, Stage};

use super::{Body, Event, World};
use crate::checkers::Checked;
use crate::dice::Dice;
use crate::run::{Order, Run};

/// More machines are not there at once.
const MACHINES_MAX: usize = 11;

/// Operators, what they ordered, and the machines that they look after.
pub(super) struct Operators {
    open: BTreeMap<u64, Open>,
    next: u64,
    pub(super) dice: Dice,
    /// Machines that were to be started and are not.
    idle: BTreeSet<NodeId>,
    /// Machines that are gone with their disks, so that no majority may need them.
    lost: BTreeSet<NodeId>,
    /// Members that were removed: whether their machine was seen to.
    left: BTreeSet<NodeId>,
    /// Who bears what a script does to the founder of this number: who took its place.
    slots: BTreeMap<u64, NodeId>,
    /// So many wishes were asked.
    wishes: u64,
    /// The voters that the last accepted change wanted, where nobody wished anything besides.
    goal: Option<BTreeSet<NodeId>>,
    /// The next look at it is in the queue.
    awake: bool,
    /// Since when all is as it is to be.
    quiet_since: Option<u64>,
}

/// An order that is not done.
#[derive(Debug, Clone)]
struct Open {
    order: Order,
    /// It is asked until then.
    until: u64,
    /// It was accepted, and is in the log of who accepted it.
    accepted: Option<(Position, Change)>,
}

/// What became of asking once.
enum Asked {
    Accepted(Position, Change),
    /// Nothing is to be done, or it makes no sense.
    Pointless,
    Later,
}

impl Operators {
    pub(super) fn new(run: &Run) -> Self {
        Self {
            open: BTreeMap::new(),
            next: 0,
            dice: Dice::new(run.seed, "operators", 0),
            idle: BTreeSet::new(),
            lost: BTreeSet::new(),
            left: BTreeSet::new(),
            slots: (1..=run.members).map(|n| (n, NodeId(n))).collect(),
            wishes: 0,
            goal: None,
            awake: false,
            quiet_since: None,
        }
    }

    /// Who stands where the founder of this number stood.
    pub(super) fn stands_for(&self, n: u64) -> u64 {
        self.slots.get(&n).map_or(n, |id| id.0)
    }

    /// Nobody ever ordered anything.
    fn are_idle(&self) -> bool {
        self.next == 0 && self.wishes == 0
    }

    fn keep_in_mind(&mut self, open: Open) {
        self.next += 1;
        self.open.insert(self.next, open);
    }

    /// One wish more.
    pub(super) fn wished(&mut self) -> u64 {
        self.wishes += 1;
        self.wishes
    }
}

impl World {
    /// An order is given.
    pub(super) fn order(&mut self, at: u64, order: &Order) -> Checked {
        if at != 0 {
            if let Asked::Accepted(position, change) = self.ask_for(NodeId(at), order) {
                self.open_order(order.clone(), Some((position, change)));
            }
            return Ok(());
        }
        let order = match *order {
            Order::Lose { n } => match self.lose(n) {
                Some(n) => Order::Replace { n },
                None => return Ok(()),
            },
            ref other => other.clone(),
        };
        self.open_order(order, None);
        Ok(())
    }

    fn open_order(&mut self, order: Order, accepted: Option<(Position, Change)>) {
        let until = self.now + 40 * self.t();
        self.operators.keep_in_mind(Open { order, until, accepted });
        self.operators_wake(1);
    }

    pub(super) fn operators_wake(&mut self, delay: u64) {
        if !self.operators.awake {
            self.operators.awake = true;
            self.after(delay, Event::Operators);
        }
    }

    /// The operators look at the cluster.
    pub(super) fn operators_look(&mut self) -> Checked {
        self.operators.awake = false;
        let numbers: Vec<u64> = self.operators.open.keys().copied().collect();
        for number in numbers {
            self.go_on_with(number)?;
        }
        self.see_to_who_left();
        self.start_who_joined();
        if self.calm {
            self.tidy_up();
        }
        let wait = self.t() / 4 + self.operators.dice.below(self.t() / 4 + 1);
        self.operators_wake(wait);
        Ok(())
    }

    fn go_on_with(&mut self, number: u64) -> Checked {
        let Some(open) = self.operators.open.get(&number).cloned() else { return Ok(()) };
        if let Some((position, change)) = open.accepted {
            return self.became_of(number, position, &change);
        }
        if self.now > open.until {
            self.counters.path("order given up");
            self.operators.open.remove(&number);
            return Ok(());
        }
        let leads = |id: &NodeId| self.view(*id).is_some_and(|view| view.is_leader());
        let leaders: Vec<NodeId> = self.ids().into_iter().filter(leads).collect();
        if leaders.is_empty() {
            return Ok(());
        }
        let at = self.operators.dice.pick(&leaders);
        match self.ask_for(at, &open.order) {
            Asked::Later => {}
            Asked::Pointless => {
                self.counters.path("order without sense");
                self.operators.open.remove(&number);
            }
            Asked::Accepted(position, change) => {
                if let Some(open) = self.operators.open.get_mut(&number) {
                    open.accepted = Some((position, change));
                }
            }
        }
        Ok(())
    }

    /// A change was accepted: it is committed sooner or later, or lost with its leader.
    fn became_of(&mut self, number: u64, position: Position, change: &Change) -> Checked {
        let membership = &self.checkers.membership;
        if membership.is_committed(position).is_none() {
            if membership.committed() >= position.index {
                self.counters.path("change of the membership lost");
                self.note(|| format!("the change at {position} is lost"));
                if let Some(open) = self.operators.open.get_mut(&number) {
                    open.accepted = None;
                }
            }
            return Ok(());
        }
        let Some(open) = self.operators.open.remove(&number) else { return Ok(()) };
        self.counters.path("change of the membership committed");
        if open.order == Order::TakeBack {
            self.counters.path("order taken back");
        }
        self.operators.goal = Some(change.voters.clone());
        if matches!(open.order, Order::Add { idle: true, .. }) {
            let new = change.voters.union(&change.learners).filter(|id| self.is_new(**id)).copied();
            let new: Vec<NodeId> = new.collect();
            self.operators.idle.extend(new);
        }
        Ok(())
    }

    /// A node of which there was never a machine, nor is to be one later.
    fn is_new(&self, id: NodeId) -> bool {
        let operators = &self.operators;
        let known = [&operators.idle, &operators.lost, &operators.left].iter().any(|known| known.contains(&id));
        !known && !self.members.contains_key(&id) && id.0 > self.run.members
    }

    /// A new machine is started once the change that brings it is committed.
    fn start_who_joined(&mut self) {
        let settled = self.checkers.membership.settled().configuration.nodes();
        for id in settled.into_iter().filter(|id| self.is_new(*id)).collect::<Vec<_>>() {
            self.new_machine(id);
        }
    }

    /// Asks a member once.
    fn ask_for(&mut self, at: NodeId, order: &Order) -> Asked {
        let Some(view) = self.view(at) else { return Asked::Later };
        let current = view.configuration().clone();
        let Some(change) = self.change_of(order, &current, at) else { return Asked::Pointless };
        if !self.makes_sense(&current, &change) {
            return Asked::Pointless;
        }
        let promoted = match order {
            Order::Promote { .. } => change.voters.difference(&current.voters).next().copied(),
            _ => None,
        };
        let answer = match promoted {
            Some(learner) => self.with_raft(at, |raft| raft.promote(learner)),
            None => self.with_raft(at, |raft| raft.change_membership(change.clone()).map_err(PromoteError::Change)),
        };
        let Some(answer) = answer else { return Asked::Later };
        self.note(|| format!("{at} is asked for {order:?}: {answer:?}"));
        match answer {
            Ok(Some(position)) => {
                self.counters.path("change of the membership accepted");
                Asked::Accepted(position, change)
            }
            Ok(None) | Err(PromoteError::NotLearner) => Asked::Pointless,
            Err(PromoteError::Lagging { .. }) => {
                self.counters.path("promotion refused: it lags");
                Asked::Later
            }
            Err(PromoteError::Change(error)) => {
                self.counters.path(match error {
                    ChangeError::InProgress => "change refused: another is under way",
                    ChangeError::NotReady => "change refused: leader is new",
                    ChangeError::Refused(_) => "change refused: too few answer",
                    _ => "change refused: no leader",
                });
                Asked::Later
            }
        }
    }

    /// What an order comes to, where this is in force. `None`: nothing.
    pub(super) fn change_of(&mut self, order: &Order, current: &Configuration, at: NodeId) -> Option<Change> {
        let dice = &mut self.operators.dice;
        let (mut voters, mut learners) = (current.voters.clone(), current.learners.clone());
        let named = |n: u64| if n == 0 { at } else { NodeId(n) };
        let mut fresh = 0;
        match order {
            Order::Resize { voters: count, fresh: new } => {
                let stays = usize::try_from(count.saturating_sub(*new)).unwrap_or(0);
                voters.retain(|id| !self.operators.lost.contains(id));
                while voters.len() > stays {
                    let all: Vec<NodeId> = voters.iter().copied().collect();
                    voters.remove(&dice.pick(&all));
                }
                fresh = *new;
            }
            Order::Add { learner: false, .. } => fresh = 1,
            Order::Add { learner: true, .. } => {
                learners.insert(NodeId(current.next_node));
            }
            Order::Remove { n } => {
                if !voters.remove(&named(*n)) && !learners.remove(&named(*n)) {
                    return None;
                }
            }
            Order::Replace { n } => {
                if voters.remove(&named(*n)) {
                    fresh = 1;
                } else if learners.remove(&named(*n)) {
                    learners.insert(NodeId(current.next_node));
                } else {
                    return None;
                }
            }
            Order::Promote { n } => {
                let first = || learners.iter().find(|id| !current.wanted.contains(id)).copied();
                let id = if *n == 0 { first()? } else { NodeId(*n) };
                if !learners.remove(&id) {
                    return None;
                }
                voters.insert(id);
            }
            Order::Demote { n } => {
                if !voters.remove(&named(*n)) {
                    return None;
                }
                learners.insert(named(*n));
            }
            Order::Set { voters: these, learners: those } => {
                (voters, learners) = (ids(these), ids(those));
            }
            Order::TakeBack => {
                if current.stage() != Stage::CatchingUp {
                    return None;
                }
                learners.retain(|id| !current.wanted.contains(id));
            }
            Order::Lose { .. } => return None,
        }
        voters.extend((current.next_node..current.next_node + fresh).map(NodeId));
        let mut change = Change { voters, learners, ..Change::default() };
        for id in change.voters.union(&change.learners).filter(|id| !current.members.contains_key(id)) {
            change.members.insert(*id, raft::Member::default());
        }
        Some(change)
    }

    /// What no operator would order: more machines than there are, or voters of whom too few can answer.
    pub(super) fn makes_sense(&self, current: &Configuration, change: &Change) -> bool {
        let known = current.nodes();
        let is_new = |id: &NodeId| !known.contains(id);
        let there = |id: &NodeId| is_new(id) || self.members.contains_key(id);
        let majority = |voters: &BTreeSet<NodeId>| 2 * voters.iter().filter(|id| there(id)).count() > voters.len();
        let fresh = change.voters.iter().chain(&change.learners).filter(|id| is_new(id)).count();
        majority(&current.voters) && majority(&change.voters) && self.members.len() + fresh <= MACHINES_MAX
    }

    /// A machine is gone with its disk, if in whatever may be in force anywhere a majority is left without it.
    fn lose(&mut self, n: u64) -> Option<u64> {
        let id = if n == 0 { self.leader()? } else { NodeId(n) };
        let member = self.members.get(&id)?;
        if !member.claimed {
            return None;
        }
        let settled = &self.checkers.membership.settled();
        let office = settled.configuration.nodes();
        let of_office = self.members.keys().filter(|id| office.contains(id));
        let in_force = of_office.clone().filter_map(|id| self.checkers.membership.in_force(*id).cloned());
        let since = settled.position.index;
        let newer = of_office.filter_map(|id| self.view(*id)).flat_map(|view| {
            let newer = view.history().iter().filter(|(index, _)| *index > since).map(|(_, one)| one.clone());
            newer.collect::<Vec<_>>()
        });
        let enough = |voters: &BTreeSet<NodeId>| {
            let left = voters.iter().filter(|one| **one != id && self.members.contains_key(one)).count();
            voters.is_empty() || 2 * left > voters.len()
        };
        let fits = |one: &Configuration| enough(&one.voters) && enough(&one.voters_old) && enough(&one.wanted);
        let all_fit = fits(&settled.configuration) && in_force.chain(newer).all(|one| fits(&one));
        if !all_fit || since == Index::ZERO || !settled.configuration.is_voter(id) {
            return None;
        }
        self.counters.fault("machine lost for ever");
        self.go_down(id, Some(0));
        self.members.remove(&id);
        self.operators.lost.insert(id);
        self.note(|| format!("the machine of {id} is lost for ever"));
        Some(id.0)
    }

    // ---- machines -----------------------------------------------------------------------------------------------------

    /// A machine with an empty disk is started as what the committed configuration says of it.
    fn new_machine(&mut self, id: NodeId) {
        let told = self.told_to_newcomer(id);
        let mut member = super::Member::new(id, self.run.seed);
        member.told = Some(told);
        self.checkers.membership.joins(id);
        self.members.insert(id, member);
        self.counters.path("member joins");
        let wait = self.operators.dice.below(3 * self.t());
        self.after(wait, Event::Start(id));
        let in_office = |holder: &NodeId| self.checkers.membership.settled().configuration.nodes().contains(holder);
        let free =
            self.operators.slots.iter().find(|(_, holder)| !in_office(holder) || !self.members.contains_key(holder));
        if let Some(slot) = free.map(|(slot, _)| *slot) {
            self.operators.slots.insert(slot, id);
        }
    }

    /// What a member in office tells a newcomer of the membership: it may be old or not committed, but it lists the newcomer.
    fn told_to_newcomer(&mut self, id: NodeId) -> Configuration {
        let lists = |one: &Configuration| one.nodes().contains(&id);
        let views = self.members.keys().filter_map(|one| self.view(*one));
        let mut known: Vec<Configuration> = views.map(|view| view.configuration().clone()).filter(lists).collect();
        known.push(self.checkers.membership.settled().configuration.clone());
        let place = self.operators.dice.place(known.len());
        known.swap_remove(place)
    }

    /// Machines of members that were removed: some are turned off, some run on, some are started again with their old disk.
    fn see_to_who_left(&mut self) {
        let settled = self.checkers.membership.settled().configuration.clone();
        let gone = |id: &NodeId| settled.next_node > id.0 && !settled.nodes().contains(id);
        let news: Vec<NodeId> =
            self.ids().into_iter().filter(|id| gone(id) && !self.operators.left.contains(id)).collect();
        let t = self.t();
        for id in news {
            self.operators.left.insert(id);
            self.counters.path("member left");
            if self.run.timing.calm_at == 0 {
                // In a story only happens what it tells.
                continue;
            }
            match self.operators.dice.below(4) {
                0 => {
                    self.go_down(id, None);
                    self.members.remove(&id);
                }
                1 => {
                    self.go_down(id, Some(500));
                    let down = self.operators.dice.between(t, 20 * t);
                    self.counters.path("removed member starts again");
                    self.after(down, Event::Start(id));
                }
                _ => self.counters.path("removed member runs on"),
            }
        }
        self.operators.idle.retain(|id| !gone(id));
    }

    // ---- the end ------------------------------------------------------------------------------------------------------

    /// All is made good: nothing more is ordered but what is needed for all members to be there.
    fn tidy_up(&mut self) {
        let settled = self.checkers.membership.settled().configuration.clone();
        let features = self.run.features;
        let crowded = self.members.len() >= MACHINES_MAX;
        if crowded || !(features.pre_vote && features.check_quorum && features.stickiness) {
            // There is no room for who is still to come, or nothing protects the others from who was removed and does not know it.
            let left = self.operators.left.clone();
            for id in self.ids().into_iter().filter(|id| left.contains(id)) {
                self.go_down(id, None);
                self.members.remove(&id);
            }
        }
        self.operators.open.retain(|_, open| open.accepted.is_some() || open.until == u64::MAX);
        let missing: Vec<NodeId> = settled.nodes().into_iter().filter(|id| !self.members.contains_key(id)).collect();
        let as_it_is_to_be = missing.is_empty() && settled.stage() == Stage::Plain && self.operators.open.is_empty();
        if as_it_is_to_be {
            self.operators.quiet_since.get_or_insert(self.now);
            return;
        }
        self.operators.quiet_since = None;
        if let Some(leader) = self.leader().filter(|_| !features.noop) {
            // A leader that begins with nothing changes nothing before somebody wrote.
            let value = Bytes::from(format!("t{}", self.next_operation + 1));
            let put = store::PutRequest { key: Bytes::from_static(b"tidy"), value, ..store::PutRequest::default() };
            self.ask(None, leader, Body::Write(store::Command::Put(put).encode()));
        }
        if !self.operators.open.is_empty() {
            return;
        }
        let idle = missing.iter().find(|id| self.operators.idle.contains(id)).copied();
        let Some(id) = idle.or(missing.first().copied()) else { return };
        if idle.is_some() && self.operators.dice.chance(500) {
            self.operators.idle.remove(&id);
            return self.new_machine(id);
        }
        let order = match settled.stage() {
            Stage::CatchingUp if idle.is_some() => Order::TakeBack,
            // Who is lost is being replaced.
            Stage::CatchingUp | Stage::Joint => return,
            Stage::Plain if settled.is_voter(id) => Order::Replace { n: id.0 },
            Stage::Plain => Order::Remove { n: id.0 },
        };
        self.operators.keep_in_mind(Open { order, until: u64::MAX, accepted: None });
    }

    /// Whether the membership is, and has been for a while, what it is to be in the end; else when to look again.
    pub(super) fn membership_at_rest(&mut self) -> Checked<Result<(), u64>> {
        if self.operators.are_idle() {
            return Ok(Ok(()));
        }
        let (t, now) = (self.t(), self.now);
        if self.operators.quiet_since.is_some_and(|since| now.saturating_sub(since) >= 8 * t) {
            return Ok(Ok(()));
        }
        if now > self.run.timing.calm_at + 150 * t {
            let settled = self.checkers.membership.settled();
            let what = format!(
                "all has been well for {} µs, and the membership is {} of {}; open are {:?}",
                now - self.run.timing.calm_at,
                settled.configuration,
                settled.position,
                self.operators.open
            );
            return Self::fail("membership", what);
        }
        Ok(Err(2 * t))
    }

    /// In the end the members have what was ordered last.
    pub(super) fn membership_is_as_ordered(&self) -> Checked {
        let settled = &self.checkers.membership.settled().configuration;
        let goal = self.operators.goal.as_ref().filter(|_| self.operators.wishes == 0);
        if let Some(goal) = goal.filter(|goal| **goal != settled.voters) {
            return Self::fail("membership", format!("the voters were to be {goal:?}, in the end they are {settled}"));
        }
        for id in settled.nodes() {
            let Some(view) = self.view(id) else { return Self::fail("liveness", format!("{id} does not run")) };
            if view.configuration() != settled {
                let what = format!("{settled} is committed, and in the end {id} has {}", view.configuration());
                return Self::fail("membership", what);
            }
        }
        Ok(())
    }

    /// Does this with the consensus of a member that runs.
    fn with_raft<T>(&mut self, id: NodeId, act: impl FnOnce(&mut raft::Raft) -> T) -> Option<T> {
        let member = self.members.get_mut(&id)?;
        let mut running = member.running.take()?;
        let mut answer = None;
        running.replica = running.replica.with_raft(|mut raft| {
            answer = Some(act(&mut raft));
            raft
        });
        member.running = Some(running);
        self.wake(id);
        answer
    }
}

fn ids(numbers: &[u64]) -> BTreeSet<NodeId> {
    numbers.iter().map(|n| NodeId(*n)).collect()
}
