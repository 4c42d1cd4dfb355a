//! From a state to those that follow it, with every property checked on the way.

use crate::arena::{Action, Arena, NOTHING};
use crate::configuration::{Model, NODES_MAX, Start};
use crate::fingerprint;
use crate::local::Local;
use crate::symmetry::Renamings;
use crate::witness::Witnesses;
use crate::world::{Used, World};
use raft::NodeId;

/// A property that was broken by an action at a node.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) node: usize,
    pub(crate) action: Action,
    pub(crate) sentence: String,
}

/// What following an action gave.
pub(crate) enum Followed {
    /// Not taken, or nothing changed.
    Nothing,
    /// A state: it is in [`Engine::next`].
    State(Witnesses),
    /// A property was broken.
    Broken(String),
}

pub(crate) struct Engine<'a> {
    pub(crate) arena: Arena<'a>,
    /// The state that an action led to.
    pub(crate) next: World,
    model: &'a Model,
    nodes: usize,
}

impl<'a> Engine<'a> {
    pub(crate) fn new(model: &'a Model, symmetric: bool) -> Self {
        let nodes = usize::try_from(model.nodes).unwrap_or(NODES_MAX).min(NODES_MAX);
        let renamings = if symmetric { Renamings::all(nodes) } else { Renamings::none(nodes) };
        Self { arena: Arena::new(model, renamings), next: World::default(), model, nodes }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.nodes
    }

    /// What the search begins with.
    pub(crate) fn first(&mut self) -> World {
        let fresh = self.fresh();
        match self.model.start {
            Start::Fresh => fresh,
            Start::Led => self.led(fresh),
        }
    }

    /// The first node stands, and everything that was sent arrives, until nothing changes any more.
    fn led(&mut self, mut world: World) -> World {
        let mut next = (0, Action::Fire(raft::Timer::Campaign));
        while let Followed::State(_) = self.follow(&world, next.0, next.1) {
            world = self.next.clone();
            let mut actions = Vec::new();
            self.actions(&world, &mut actions);
            actions.retain(|(_, action)| matches!(action, Action::Deliver(_) | Action::Written));
            let changes = |one: &(usize, Action)| matches!(self.follow(&world, one.0, one.1), Followed::State(_));
            let Some(found) = actions.into_iter().find(changes) else { break };
            next = found;
        }
        world.used = Used::default();
        world
    }

    /// All nodes have just been started for the first time.
    fn fresh(&mut self) -> World {
        let mut world = World::default();
        for place in 0..self.nodes {
            let step = Local::start(self.model, NodeId(place as u64 + 1));
            world.locals[place] = self.arena.local(step.local);
        }
        world
    }

    /// All actions that a state has. Whether they are within the bounds shows when they are followed.
    pub(crate) fn actions(&self, world: &World, into: &mut Vec<(usize, Action)>) {
        into.clear();
        for packet in world.packets() {
            into.push((self.arena.packets[packet as usize].to, Action::Deliver(packet)));
        }
        for place in 0..self.nodes {
            let local = &self.arena.locals[world.locals[place] as usize];
            into.extend(local.actions.iter().map(|action| (place, *action)));
        }
    }

    /// Takes an action in `world`.
    pub(crate) fn follow(&mut self, world: &World, node: usize, action: Action) -> Followed {
        let Some((action, used)) = self.admit(world, action) else { return Followed::Nothing };
        let outcome = self.arena.outcome(world.locals[node], action);
        if outcome == NOTHING {
            return Followed::Nothing;
        }
        let outcome = &self.arena.outcomes[outcome as usize];
        if let Some(sentence) = &outcome.problem {
            return Followed::Broken(sentence.clone());
        }
        let news = outcome.sent.iter().any(|packet| !world.has(*packet));
        if outcome.local == world.locals[node] && !news {
            return Followed::Nothing;
        }
        self.next.copy_from(world);
        self.next.locals[node] = outcome.local;
        self.next.used = used;
        for (read, index) in &outcome.reads {
            let asked = std::mem::take(&mut self.next.reads[usize::from(*read) - 1]);
            if let Some(index) = index.filter(|index| index.0 + 1 < u64::from(asked)) {
                let committed = asked - 1;
                let sentence = format!("no stale read does not hold: served at {index}, committed was {committed}");
                return Followed::Broken(sentence);
            }
        }
        for packet in &outcome.sent {
            if self.next.has(*packet) {
                continue;
            }
            if let Some(sentence) = contradiction(&self.arena, &self.next, *packet) {
                return Followed::Broken(sentence);
            }
            self.next.add(*packet);
        }
        let witnesses = outcome.witnesses;
        if self.floor(self.next.locals[node]) > self.floor(world.locals[node]) {
            self.forget();
        }
        if let Action::Read(number) = action {
            let committed = self.arena.histories[world.history as usize].last().0;
            self.next.reads[usize::from(number) - 1] = u8::try_from(committed + 1).unwrap_or(u8::MAX);
        }
        match self.arena.look(world.history, self.next.locals[node]) {
            Ok(history) => self.next.history = history,
            Err(sentence) => return Followed::Broken(sentence),
        }
        Followed::State(witnesses)
    }

    /// The term that a node's disk has: it never falls.
    fn floor(&self, local: u32) -> u64 {
        self.arena.locals[local as usize].local.disk.hard_state.term.0
    }

    /// Forgets answers of terms that sender and receiver have left for good: they are ignored whenever they arrive. (What a
    /// granted vote proves is not needed any more either: no node goes back to that term.)
    fn forget(&mut self) {
        let floors = self.next.locals.map(|local| self.floor(local));
        let dead = |packet: &u32| {
            let packet = &self.arena.packets[*packet as usize];
            packet.answers_in < floors[packet.to].min(floors[packet.from])
        };
        let dead: Vec<u32> = self.next.packets().filter(dead).collect();
        dead.into_iter().for_each(|packet| self.next.remove(packet));
    }

    /// Counts what is bounded; `None` if it is used up.
    fn admit(&self, world: &World, action: Action) -> Option<(Action, Used)> {
        let (mut used, bounds) = (world.used, self.model.bounds);
        let counted = match action {
            Action::Propose(_) => Some((&mut used.proposals, bounds.proposals)),
            Action::Read(_) => Some((&mut used.reads, bounds.reads)),
            Action::Crash | Action::CrashKept => Some((&mut used.crashes, bounds.crashes)),
            Action::Compact => Some((&mut used.compactions, bounds.compactions)),
            Action::Fire(raft::Timer::Campaign) if bounds.campaigns > 0 => {
                Some((&mut used.campaigns, bounds.campaigns))
            }
            Action::Deliver(_) | Action::Fire(_) | Action::Written | Action::SnapshotEnded(_) => None,
        };
        let mut number = 0;
        if let Some((count, bound)) = counted {
            if *count >= bound {
                return None;
            }
            *count += 1;
            number = *count;
        }
        let action = match action {
            Action::Propose(_) => Action::Propose(number),
            Action::Read(_) => Action::Read(number),
            other => other,
        };
        Some((action, used))
    }

    /// What must hold in the state that [`Engine::follow`] gave, after something happened at `node`.
    pub(crate) fn check(&mut self, node: usize) -> Result<(), String> {
        let (locals, history) = (self.next.locals, self.next.history);
        for place in 0..self.nodes {
            if place != node {
                self.arena.pair(locals[node.min(place)], locals[node.max(place)])?;
                let after = self.arena.look(history, locals[place])?;
                debug_assert_eq!(after, history, "nobody knows of commits before the node that commits");
            }
        }
        let needed = self.nodes / 2 + 1;
        for position in self.arena.histories[history as usize].positions() {
            let disks = locals[..self.nodes].iter().map(|local| &self.arena.locals[*local as usize].local.disk);
            let copies = disks.filter(|disk| disk.has(position)).count();
            if copies < needed {
                return Err(format!(
                    "committed on a quorum of disks does not hold: {position} is on {copies} of {}",
                    self.nodes
                ));
            }
        }
        Ok(())
    }

    /// The fingerprint of a state, the same whatever its nodes are called.
    pub(crate) fn fingerprint(&self, world: &World) -> u128 {
        let mut keys = [0; NODES_MAX];
        let keys = &mut keys[..self.nodes];
        for (key, local) in keys.iter_mut().zip(world.locals) {
            *key = self.arena.locals[local as usize].key;
        }
        if self.arena.renamings.len() > 1 && has_ties(keys) {
            for packet in world.packets() {
                let packet = &self.arena.packets[packet as usize];
                keys[packet.from] = keys[packet.from].wrapping_add(packet.keys.0);
                keys[packet.to] = keys[packet.to].wrapping_add(packet.keys.1);
            }
        }
        let print = |renaming: usize| {
            let locals = &self.arena.local_prints[renaming];
            let packets = &self.arena.packet_prints[renaming];
            let locals = world.locals[..self.nodes].iter().map(|local| locals[*local as usize]);
            let sum = locals.fold(0u128, u128::wrapping_add);
            world.packets().fold(sum, |sum, packet| sum.wrapping_add(packets[packet as usize]))
        };
        let least = self.arena.renamings.sorting(keys).map(print).min().unwrap_or(0);
        fingerprint::of(&(least, world.history, world.used, world.reads))
    }
}

fn has_ties(keys: &[u128]) -> bool {
    keys.iter().enumerate().any(|(at, key)| keys[at + 1..].contains(key))
}

/// What was sent before and this packet can't both be true.
fn contradiction(arena: &Arena<'_>, world: &World, packet: u32) -> Option<String> {
    let claim = arena.packets[packet as usize].claim?;
    let earlier = world.packets().filter_map(|earlier| arena.packets[earlier as usize].claim);
    earlier.into_iter().find_map(|earlier| claim.contradicts(earlier))
}
