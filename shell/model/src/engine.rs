//! From a state to those that follow it, with every property checked on the way.

use crate::arena::{Action, Arena};
use crate::configuration::{Model, NODES_MAX, Start};
use crate::fingerprint;
use crate::local::Local;
use crate::membership;
use crate::symmetry::{Renamings, place};
use crate::trails::{Move, Question};
use crate::witness::Witnesses;
use crate::world::{Used, World};
use raft::{NodeId, Timer, quorum};

/// A property that was broken by an action at a node.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) node: usize,
    pub(crate) action: Action,
    pub(crate) sentence: String,
}

/// A state that follows another.
#[derive(Debug, Clone)]
pub(crate) struct Successor {
    pub(crate) world: World,
    pub(crate) print: Print,
    pub(crate) node: usize,
    pub(crate) action: Action,
    pub(crate) witnesses: Witnesses,
}

/// Why not all that follows a state was found.
pub(crate) enum Stopped {
    /// This must be answered first.
    Asks(Question),
    Broken(Box<Broken>),
}

/// The fingerprint of a state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Print {
    /// The same whatever the nodes are called.
    pub(crate) value: u128,
    /// How many states it stands for that differ in names only.
    pub(crate) images: u64,
}

impl From<Question> for Stopped {
    fn from(question: Question) -> Self {
        Self::Asks(question)
    }
}

/// What does not change in a search.
#[derive(Clone, Copy)]
pub(crate) struct Engine<'a> {
    model: &'a Model,
    nodes: usize,
}

impl<'a> Engine<'a> {
    pub(crate) fn new(model: &'a Model) -> Self {
        Self { model, nodes: usize::try_from(model.nodes).unwrap_or(NODES_MAX).min(NODES_MAX) }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.nodes
    }

    pub(crate) fn arena(&self, symmetric: bool) -> Arena<'a> {
        let renamings = match &self.model.members {
            _ if !symmetric => Renamings::none(self.nodes),
            Some(members) => Renamings::within(membership::classes(members, self.model.nodes)),
            None => Renamings::all(self.nodes),
        };
        Arena::new(self.model, renamings)
    }

    /// What the search begins with.
    pub(crate) fn first(&self, arena: &mut Arena<'_>) -> World {
        let world = self.started(arena);
        match self.model.start {
            Start::Fresh | Start::Disks(_) => world,
            Start::Led | Start::Heard => self.led(arena, world, &mut Vec::new()),
        }
    }

    /// The nodes as they are started, and what happens to them before the search begins.
    pub(crate) fn beginning(&self, arena: &mut Arena<'_>) -> (World, Vec<(usize, Action)>) {
        let (world, mut way) = (self.started(arena), Vec::new());
        if matches!(self.model.start, Start::Led | Start::Heard) {
            self.led(arena, world, &mut way);
        }
        (world, way)
    }

    fn started(&self, arena: &mut Arena<'_>) -> World {
        let mut world = World::default();
        for place in 0..self.nodes {
            let step = Local::start(self.model, NodeId(place as u64 + 1));
            let local = arena.local(step.local);
            world.trails[place] = arena.trail(local, [0; NODES_MAX]);
        }
        world
    }

    /// The first node stands, and each message arrives once, in the order in which they were sent.
    fn led(&self, arena: &mut Arena<'_>, mut world: World, way: &mut Vec<(usize, Action)>) -> World {
        let (mut arrived, mut begun) = (Vec::new(), false);
        loop {
            // Whoever is not to hear answers hears nothing any more once it leads.
            let is_deaf = self.model.start == Start::Heard
                && arena.locals[arena.trails.get(world.trails[0]).local as usize].local.view().is_leader();
            let mut next = self.successors(arena, &world).unwrap_or_default();
            next.retain(|one| match one.action {
                // Where there are clocks all of them go on until nobody is loyal to anybody.
                Action::Time(slow) => !begun && slow == 0,
                Action::Fire(Timer::LeaderSilent) => !begun,
                Action::Fire(Timer::Campaign) => !begun && one.node == 0,
                Action::Deliver(packet) => !(arrived.contains(&packet) || is_deaf && one.node == 0),
                action => action == Action::Written,
            });
            let order = |one: &Successor| match one.action {
                Action::Deliver(packet) => packet + 1,
                Action::Fire(Timer::Campaign) | Action::Time(_) => 1,
                _ => 0,
            };
            let Some(first) = next.into_iter().min_by_key(order) else { return world };
            if let Action::Deliver(packet) = first.action {
                arrived.push(packet);
            }
            begun |= !matches!(first.action, Action::Time(_) | Action::Fire(Timer::LeaderSilent));
            way.push((first.node, first.action));
            world = World { used: Used::default(), ..first.world };
        }
    }

    /// All states that follow `world`, whatever must be asked for it.
    pub(crate) fn successors(&self, arena: &mut Arena<'_>, world: &World) -> Result<Vec<Successor>, Box<Broken>> {
        loop {
            let mut found = Vec::new();
            match self.expand(arena, world, &mut found) {
                Ok(()) => return Ok(found),
                Err(Stopped::Broken(broken)) => return Err(broken),
                Err(Stopped::Asks(question)) => arena.answer(question),
            }
        }
    }

    /// Adds all states that follow `world`.
    pub(crate) fn expand(&self, arena: &Arena<'_>, world: &World, into: &mut Vec<Successor>) -> Result<(), Stopped> {
        for node in 0..self.nodes {
            let trail = world.trails[node];
            let own = arena.trails.own(trail, world.used)?;
            for one in own.iter().filter(|one| !matches!(one.action, Action::Pass { .. })) {
                self.follow(arena, world, node, one, into)?;
            }
            for from in 0..self.nodes {
                let channel = arena.trails.get(world.trails[from]).channels[node];
                if channel == 0 {
                    continue;
                }
                for one in arena.trails.arrivals(channel, trail)? {
                    self.follow(arena, world, node, one, into)?;
                }
            }
        }
        if self.model.clocks.is_some() { self.pass(arena, world, into) } else { Ok(()) }
    }

    /// A step of time: all clocks go on, slow and fast ones in all combinations.
    fn pass(&self, arena: &Arena<'_>, world: &World, into: &mut Vec<Successor>) -> Result<(), Stopped> {
        for slow in 0..1u8 << self.nodes {
            let (mut next, mut witnesses) = (*world, Witnesses::default());
            for (node, trail) in next.trails[..self.nodes].iter_mut().enumerate() {
                let action = Action::Pass { slow: slow >> node & 1 == 1 };
                let own = arena.trails.own(*trail, world.used)?;
                let Some(one) = own.iter().find(|one| one.action == action) else { continue };
                if let Some(problem) = &one.problem {
                    let (action, sentence) = (Action::Time(slow), problem.to_string());
                    return Err(Stopped::Broken(Box::new(Broken { node, action, sentence })));
                }
                *trail = one.trail;
                witnesses = witnesses.with(arena.outcomes[one.outcome as usize].witnesses);
            }
            if next != *world {
                let (print, action) = (self.fingerprint(arena, &next), Action::Time(slow));
                into.push(Successor { world: next, print, node: 0, action, witnesses });
            }
        }
        Ok(())
    }

    /// Nothing was committed that a leader with a lease does not know of.
    fn is_fresh(&self, arena: &Arena<'_>, next: &World) -> Result<(), String> {
        let committed = arena.histories[next.history as usize].last();
        for (place, trail) in next.trails[..self.nodes].iter().enumerate() {
            let lease = arena.locals[arena.trails.get(*trail).local as usize].lease;
            if let Some(index) = lease.filter(|index| *index < committed) {
                let id = place + 1;
                return Err(format!(
                    "no stale read does not hold: n{id} may serve by its lease at {index}, committed is {committed}"
                ));
            }
        }
        Ok(())
    }

    /// Takes an action at `node`.
    fn follow(
        &self,
        arena: &Arena<'_>,
        world: &World,
        node: usize,
        one: &Move,
        into: &mut Vec<Successor>,
    ) -> Result<(), Stopped> {
        let Some(used) = self.admit(world, one.action) else { return Ok(()) };
        let broken = |sentence: String| Stopped::Broken(Box::new(Broken { node, action: one.action, sentence }));
        if let Some(problem) = &one.problem {
            return Err(broken(problem.to_string()));
        }
        let mut next = World { used, ..*world };
        next.trails[node] = one.trail;
        let (before, after) = (arena.trails.get(world.trails[node]), arena.trails.get(one.trail));
        let outcome = &arena.outcomes[one.outcome as usize];
        if !outcome.reads.is_empty() {
            end_reads(&outcome.reads, &mut next).map_err(broken)?;
        }
        if after.floor > before.floor {
            self.forget(arena, &mut next)?;
        }
        if let Action::Read(number) = one.action {
            let committed = arena.histories[world.history as usize].last().0;
            next.reads[usize::from(number) - 1] = u8::try_from(committed + 1).unwrap_or(u8::MAX);
        }
        if after.face != before.face {
            self.look(arena, &mut next, node).map_err(|stopped| stopped.or(broken))?;
        }
        if after.disk != before.disk || next.history != world.history {
            self.on_quorum(arena, &next).map_err(broken)?;
        }
        if self.model.clocks.is_some() {
            self.is_fresh(arena, &next).map_err(broken)?;
        }
        let print = self.fingerprint(arena, &next);
        into.push(Successor { world: next, print, node, action: one.action, witnesses: outcome.witnesses });
        Ok(())
    }

    /// What the others and the history say to the node that changed.
    fn look(&self, arena: &Arena<'_>, next: &mut World, node: usize) -> Result<(), Wrong> {
        let face = |place: usize| arena.trails.get(next.trails[place]).face;
        let others = || (0..self.nodes).filter(|place| *place != node);
        for place in others() {
            let (one, two) = (face(node), face(place));
            arena.compared(one, two).ok_or(Question::Compare(one, two))?.map_err(Wrong::Sentence)?;
        }
        let look = |history: u32, face: u32| -> Result<u32, Wrong> {
            arena.looked(history, face).ok_or(Question::Look(history, face))?.map_err(Wrong::Sentence)
        };
        let history = look(next.history, face(node))?;
        if history != next.history {
            for place in others() {
                let after = look(history, face(place))?;
                debug_assert_eq!(after, history, "nobody knows of commits before the node that commits");
            }
            next.history = history;
        }
        Ok(())
    }

    /// What was ever committed is on a majority of disks.
    fn on_quorum(&self, arena: &Arena<'_>, next: &World) -> Result<(), String> {
        if self.model.members.is_some() {
            return self.on_quorum_of_members(arena, next);
        }
        let needed = self.nodes / 2 + 1;
        for position in arena.histories[next.history as usize].positions() {
            let locals = next.trails[..self.nodes].iter().map(|trail| arena.trails.get(*trail).local);
            let copies = locals.filter(|local| arena.locals[*local as usize].local.disk.has(position)).count();
            if copies < needed {
                return Err(format!(
                    "committed on a quorum of disks does not hold: {position} is on {copies} of {}",
                    self.nodes
                ));
            }
        }
        Ok(())
    }

    /// What was ever committed is on so many disks that no majority of the newest committed configuration (of both sets while
    /// that is joint) is without it. A configuration that follows it shares its majorities.
    fn on_quorum_of_members(&self, arena: &Arena<'_>, next: &World) -> Result<(), String> {
        let configuration = &arena.configurations[next.history as usize];
        for position in arena.histories[next.history as usize].positions() {
            let lacks = |node: raft::NodeId| {
                let trail = next.trails.get(place(node)).filter(|_| place(node) < self.nodes);
                trail
                    .is_none_or(|trail| !arena.locals[arena.trails.get(*trail).local as usize].local.disk.has(position))
            };
            if quorum::has_quorum(configuration, lacks) {
                return Err(format!(
                    "committed on a quorum of disks does not hold: a majority of {configuration} lacks {position}"
                ));
            }
        }
        Ok(())
    }

    /// Forgets answers of terms that sender and receiver have left for good: they are ignored whenever they arrive. (What a
    /// granted vote proves is not needed any more either: no node goes back to that term.)
    fn forget(&self, arena: &Arena<'_>, next: &mut World) -> Result<(), Question> {
        let mut floors = [0; NODES_MAX];
        for (floor, trail) in floors.iter_mut().zip(&next.trails[..self.nodes]) {
            *floor = u8::try_from(arena.trails.get(*trail).floor).unwrap_or(u8::MAX);
        }
        for trail in &mut next.trails[..self.nodes] {
            *trail = arena.trails.pruned(*trail, floors)?;
        }
        Ok(())
    }

    /// Counts what is bounded; `None` if it is used up.
    fn admit(&self, world: &World, action: Action) -> Option<Used> {
        let (mut used, bounds) = (world.used, self.model.bounds);
        let (count, bound) = match action {
            Action::Propose(_) => (&mut used.proposals, bounds.proposals),
            Action::Read(_) => (&mut used.reads, bounds.reads),
            Action::Crash | Action::CrashKept => (&mut used.crashes, bounds.crashes),
            Action::Compact => (&mut used.compactions, bounds.compactions),
            Action::Change(_) => (&mut used.changes, bounds.changes),
            Action::Fire(Timer::Campaign) if bounds.campaigns > 0 => (&mut used.campaigns, bounds.campaigns),
            Action::Deliver(_) | Action::Fire(_) | Action::Written | Action::SnapshotEnded(_) | Action::Transfer(_) => {
                return Some(used);
            }
            Action::Pass { .. } | Action::Time(_) => return Some(used),
        };
        if *count >= bound {
            return None;
        }
        *count += 1;
        Some(used)
    }

    /// The fingerprint of a state, the same whatever its nodes are called.
    pub(crate) fn fingerprint(&self, arena: &Arena<'_>, world: &World) -> Print {
        let (trails, renamings) = (&world.trails[..self.nodes], &arena.renamings);
        let count = renamings.len();
        let sum = |renaming: usize| {
            let prints = trails.iter().map(|trail| arena.trails.print(*trail, renaming, count));
            prints.fold(0u128, u128::wrapping_add)
        };
        let mut keys = [0; NODES_MAX];
        for (key, trail) in keys.iter_mut().zip(trails) {
            *key = arena.trails.get(*trail).key;
        }
        let keys = &mut keys[..self.nodes];
        let mut sorting = renamings.sorting(keys);
        if sorting.is_none() {
            for (to, key) in keys.iter_mut().enumerate() {
                let sent = trails.iter().map(|trail| arena.trails.get(*trail).keys_to[to]);
                let received = sent.fold(0, u64::wrapping_add);
                *key = key.wrapping_add(received.rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            }
            sorting = renamings.sorting(keys);
        }
        let (least, ties) = match sorting {
            Some(renaming) => (sum(renaming), 1),
            None => least(renamings.sorting_ties(keys).map(sum)),
        };
        let history = arena.history_prints[world.history as usize];
        let value = fingerprint::of(&(least.wrapping_add(history), world.used, world.reads));
        Print { value, images: count as u64 / ties }
    }
}

/// The least, and how often it is there: those renamings change nothing.
fn least(prints: impl Iterator<Item = u128>) -> (u128, u64) {
    prints.fold((u128::MAX, 1), |(least, ties), print| match print.cmp(&least) {
        std::cmp::Ordering::Less => (print, 1),
        std::cmp::Ordering::Equal => (least, ties + 1),
        std::cmp::Ordering::Greater => (least, ties),
    })
}

/// Reads end; one that is served must see what had been committed when it was asked.
fn end_reads(ended: &[(u8, Option<raft::Index>)], next: &mut World) -> Result<(), String> {
    for (read, index) in ended {
        let asked = std::mem::take(&mut next.reads[usize::from(*read) - 1]);
        if let Some(index) = index.filter(|index| index.0 + 1 < u64::from(asked)) {
            let committed = asked - 1;
            return Err(format!("no stale read does not hold: served at {index}, committed was {committed}"));
        }
    }
    Ok(())
}

/// A sentence, or a question that must be answered first.
enum Wrong {
    Sentence(String),
    Asks(Question),
}

impl From<Question> for Wrong {
    fn from(question: Question) -> Self {
        Self::Asks(question)
    }
}

impl Wrong {
    fn or(self, broken: impl FnOnce(String) -> Stopped) -> Stopped {
        match self {
            Self::Sentence(sentence) => broken(sentence),
            Self::Asks(question) => Stopped::Asks(question),
        }
    }
}
