//! Nodes under random treatment: messages lost, repeated and reordered, timers fired in any order, disks that take their
//! time, crashes that lose what was not durable, compaction, snapshots, cut links. All invariants hold after every call, reads
//! never miss what was committed before they came, and once all is healed the nodes end equal.
//!
//! A seed is a run: the same seed does the same again. `QUORATE_SEED=7 cargo test -p quorate-raft --test random` runs one,
//! `QUORATE_SEEDS=10000` more of them.

mod support;

use std::collections::BTreeMap;

use quorate_raft::{Change, Config, Entry, EntryKind, Header, Index, NodeId, Position, ReadId, Stage, Timer, View};

use support::world::{By, Checked, Planted, World};

/// xorshift64*: enough to roll dice, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap_or(0)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len())).copied()
    }
}

/// Nodes join up to this id.
const NODES_MAX: u64 = 9;

struct Run {
    world: World,
    dice: Dice,
    /// How much was committed anywhere when a read was asked.
    reads: BTreeMap<u64, Index>,
    served: u64,
    next: u64,
}

/// Limits and switches differ from seed to seed, and are small, so that rare paths are common.
fn config(dice: &mut Dice) -> Config {
    let entry = Entry::new(Position::ZERO, EntryKind::Command, Header::default(), b"x").size();
    let mut config = Config::default();
    let switches = &mut config.switches;
    (switches.pre_vote, switches.check_quorum) = (dice.chance(70), dice.chance(70));
    (switches.stickiness, switches.noop) = (dice.chance(70), dice.chance(90));
    let limits = &mut config.limits;
    limits.append_bytes_max = entry * (1 + dice.next() % 4);
    limits.inflight_count_max = 1 + dice.below(4);
    limits.inflight_bytes_max = entry * (1 + dice.next() % 8);
    limits.write_bytes_max = entry * (1 + dice.next() % 8);
    limits.log_bytes_max = entry * (6 + dice.next() % 20);
    limits.uncommitted_bytes_max = entry * (4 + dice.next() % 8);
    limits.reads_max = 8;
    config
}

impl Run {
    fn new(seed: u64, nodes: u64, planted: Option<Planted>) -> Checked<Self> {
        let mut dice = Dice::new(seed);
        let mut world = World::new(nodes, config(&mut dice));
        (world.disks, world.planted, world.audit) = (By::Hand, planted, planted.is_none());
        world.applies = if dice.chance(50) { By::Hand } else { By::Itself };
        for id in (1..=nodes).map(NodeId) {
            world.restart(id)?;
        }
        Ok(Self { world, dice, reads: BTreeMap::new(), served: 0, next: 0 })
    }

    fn ids(&self) -> Vec<NodeId> {
        self.world.nodes.keys().copied().collect()
    }

    /// One thing happens.
    fn act(&mut self) -> Checked {
        match self.dice.next() % 100 {
            0..=42 => self.message()?,
            43..=62 => self.write()?,
            63..=71 => self.timer()?,
            72..=83 => self.client()?,
            84 => self.hand_over()?,
            85 | 86 => self.membership()?,
            87..=90 => self.apply()?,
            91..=93 => self.compact()?,
            94..=96 => self.snapshot()?,
            97 | 98 => self.life()?,
            _ => self.link(),
        }
        self.check_reads()
    }

    fn message(&mut self) -> Checked {
        if self.world.wire.is_empty() {
            return Ok(());
        }
        // Mostly in order of sending, sometimes not: late messages are part of the model.
        let at = if self.dice.chance(60) { 0 } else { self.dice.below(self.world.wire.len()) };
        let message = self.world.wire.remove(at);
        match self.dice.next() % 100 {
            0..=4 => Ok(()),
            5..=9 => {
                self.world.wire.push(message.clone());
                self.world.deliver(message)
            }
            _ => self.world.deliver(message),
        }
    }

    fn write(&mut self) -> Checked {
        let busy = |world: &World, id: &NodeId| world.nodes[id].disk.under_way.is_some();
        let ids: Vec<NodeId> = self.ids().into_iter().filter(|id| busy(&self.world, id)).collect();
        self.dice.pick(&ids).map_or(Ok(()), |id| self.world.written(id))
    }

    fn timer(&mut self) -> Checked {
        let live = self.world.live();
        let Some(id) = self.dice.pick(&live) else { return Ok(()) };
        let armed: Vec<Timer> = self.world.nodes[&id].timers.keys().copied().collect();
        let Some(timer) = self.dice.pick(&armed) else { return Ok(()) };
        // A heartbeat interval is shorter than T.
        let due = timer == Timer::Heartbeat || self.dice.chance(20);
        if due { self.world.fire(id, timer) } else { Ok(()) }
    }

    /// Clients ask whoever thinks that it leads, two in doubt.
    fn client(&mut self) -> Checked {
        let Some(id) = self.some_leader() else { return Ok(()) };
        self.next += 1;
        let (number, count) = (self.next, 1 + self.dice.below(3));
        if self.dice.chance(25) {
            let committed = self.world.ledger.committed();
            if self.world.step(id, |raft| raft.read(ReadId(number)))?.is_ok() {
                self.reads.insert(number, committed);
            }
            return Ok(());
        }
        let payload = format!("{number}");
        self.world.step(id, |raft| {
            for _ in 0..count {
                let _ = raft.propose(Header { time: number, ..Header::default() }, payload.as_bytes());
            }
        })
    }

    /// Somebody asks a leader for another membership, whatever it is like, and whether or not another change is under way.
    fn membership(&mut self) -> Checked {
        let Some(id) = self.some_leader() else { return Ok(()) };
        let configuration = self.world.view(id)?.configuration().clone();
        if self.dice.chance(20) {
            let learners: Vec<NodeId> = configuration.learners.iter().copied().collect();
            let Some(learner) = self.dice.pick(&learners) else { return Ok(()) };
            return self.world.step(id, |raft| raft.promote(learner)).map(|_| ());
        }
        let mut change = Change::default();
        let takes_back = configuration.stage() == Stage::CatchingUp && self.dice.chance(50);
        for node in configuration.nodes() {
            match self.dice.next() % 100 {
                _ if takes_back => drop(configuration.is_voter(node).then(|| change.voters.insert(node))),
                0..=64 => drop(change.voters.insert(node)),
                65..=79 => drop(change.learners.insert(node)),
                _ => {}
            }
        }
        let next = NodeId(configuration.next_node);
        if next.0 <= NODES_MAX && !takes_back && self.dice.chance(40) {
            let set = if self.dice.chance(70) { &mut change.voters } else { &mut change.learners };
            set.insert(next);
        }
        self.world.step(id, |raft| raft.change_membership(change))?.ok();
        // Who is asked to join starts at some time; here at once, and once only, whatever becomes of the change.
        let joins = self.world.view(id)?.configuration().has(next) && !self.world.nodes.contains_key(&next);
        if joins { self.world.join(next) } else { Ok(()) }
    }

    /// Somebody asks a leader to make way, for a certain node or for whom it thinks best.
    fn hand_over(&mut self) -> Checked {
        let Some(id) = self.some_leader() else { return Ok(()) };
        let ids = self.ids();
        let target = if self.dice.chance(70) { self.dice.pick(&ids) } else { None };
        let _ = self.world.step(id, |raft| raft.transfer_leadership(target))?;
        Ok(())
    }

    fn some_leader(&mut self) -> Option<NodeId> {
        let leads = |world: &World, id: &NodeId| world.view(*id).is_ok_and(|view| view.is_leader());
        let leaders: Vec<NodeId> = self.ids().into_iter().filter(|id| leads(&self.world, id)).collect();
        self.dice.pick(&leaders)
    }

    fn apply(&mut self) -> Checked {
        let live = self.world.live();
        self.dice.pick(&live).map_or(Ok(()), |id| self.world.apply(id, None))
    }

    fn compact(&mut self) -> Checked {
        let live = self.world.live();
        let Some(id) = self.dice.pick(&live) else { return Ok(()) };
        let applied = self.world.view(id)?.applied();
        let tail = self.dice.next() % 4;
        self.world.compact(id, Some(Index(applied.0.saturating_sub(tail)))).map(|_| ())
    }

    /// Snapshots that are due arrive, late and sometimes of an earlier term, or are lost.
    fn snapshot(&mut self) -> Checked {
        let due = |(id, node): (&NodeId, &support::world::Node)| {
            node.snapshots.iter().map(|to| (*id, *to)).collect::<Vec<_>>()
        };
        let due: Vec<(NodeId, NodeId)> = self.world.nodes.iter().flat_map(due).collect();
        let Some((from, to)) = self.dice.pick(&due) else { return Ok(()) };
        if let Some(node) = self.world.nodes.get_mut(&from) {
            node.snapshots.remove(&to);
        }
        let arrives = self.dice.chance(80) && self.world.view(to).is_ok();
        if arrives {
            let (term, file) = (self.world.view(from)?.term(), self.world.snapshot(from)?);
            // Only a leader speaks as one.
            if self.world.view(from)?.is_leader() {
                self.world.install(from, to, term, file)?;
            }
        }
        self.world.step(from, |raft| raft.snapshot_sent(to))
    }

    fn life(&mut self) -> Checked {
        let ids = self.ids();
        let Some(id) = self.dice.pick(&ids) else { return Ok(()) };
        if self.world.view(id).is_err() {
            return self.world.restart(id);
        }
        let kept = self.dice.chance(50);
        self.world.crash(id, kept)
    }

    fn link(&mut self) {
        if self.dice.chance(50) {
            return self.world.cut.clear();
        }
        let ids = self.ids();
        if let (Some(from), Some(to)) = (self.dice.pick(&ids), self.dice.pick(&ids)) {
            self.world.cut.insert((from, to));
        }
    }

    /// A read sees at least what was committed anywhere when it was asked (R1).
    fn check_reads(&mut self) -> Checked {
        for (id, node) in &mut self.world.nodes {
            for (read, index) in std::mem::take(&mut node.reads) {
                let floor =
                    self.reads.remove(&read).ok_or_else(|| format!("{id} serves read {read}, which nobody asked"))?;
                if index < floor {
                    return Err(format!("{id} serves read {read} at {index}; {floor} was committed when it came"));
                }
                self.served += 1;
            }
        }
        Ok(())
    }

    // ---- the end: all is well, and so it must become -------------------------------------------------------------------

    fn heal(&mut self) -> Checked {
        self.world.cut.clear();
        self.world.disks = By::Itself;
        self.world.applies = By::Itself;
        for id in self.ids() {
            if self.world.view(id).is_err() {
                self.world.restart(id)?;
            } else if self.world.nodes[&id].disk.under_way.is_some() {
                self.world.written(id)?;
            }
            self.world.apply(id, None)?;
        }
        Ok(())
    }

    /// Time passes: what is on the wire arrives, snapshots too, logs are compacted, and either the leader's heartbeat goes out
    /// or, in silence, the node with this number stands first.
    fn quiet_round(&mut self, first: usize) -> Checked {
        self.world.settle()?;
        for id in self.ids() {
            let due: Vec<NodeId> = self.world.nodes[&id].snapshots.iter().copied().collect();
            for to in due {
                self.world.nodes.get_mut(&id).ok_or("it is there")?.snapshots.remove(&to);
                let (term, file) = (self.world.view(id)?.term(), self.world.snapshot(id)?);
                if self.world.view(id)?.is_leader() && self.world.nodes.contains_key(&to) {
                    self.world.install(id, to, term, file)?;
                }
                self.world.step(id, |raft| raft.snapshot_sent(to))?;
            }
            self.world.compact(id, None)?;
        }
        self.world.settle()?;
        self.check_reads()?;
        let ids = self.ids();
        if let Some(leader) = self.newest_leader() {
            return self.world.fire(leader, Timer::Heartbeat);
        }
        for id in &ids {
            if self.world.nodes[id].timers.contains_key(&Timer::LeaderSilent) {
                self.world.fire(*id, Timer::LeaderSilent)?;
            }
        }
        let stands = ids[first % ids.len()];
        if self.world.nodes[&stands].timers.contains_key(&Timer::Campaign) {
            self.world.fire(stands, Timer::Campaign)?;
        }
        self.world.settle()
    }

    /// Without pre-votes and loyalty, removed nodes that don't know of it raise terms for ever (thesis 4.2.3): somebody stops
    /// them.
    fn stop_who_is_removed(&mut self) {
        let switches = self.world.config.switches;
        let views = self.ids().into_iter().filter_map(|id| self.world.view(id).ok());
        let Some(knows) = views.max_by_key(View::commit) else { return };
        let committed = knows.history().at(knows.commit()).clone();
        if !switches.pre_vote || !switches.stickiness {
            self.world.nodes.retain(|id, _| committed.has(*id) || committed.next_node <= id.0);
        }
    }

    fn newest_leader(&self) -> Option<NodeId> {
        let views = self.ids().into_iter().filter_map(|id| self.world.view(id).ok());
        views.filter(View::is_leader).max_by_key(View::term).map(|view| view.id())
    }

    /// After all faults ended: within bounded rounds a new proposal is committed and applied everywhere.
    fn converge(&mut self) -> Checked {
        self.heal()?;
        self.stop_who_is_removed();
        for round in 0..100 {
            self.quiet_round(round)?;
            if let Some(leader) = self.newest_leader().filter(|_| round >= 10) {
                let _ = self.world.step(leader, |raft| raft.propose(Header::default(), b"last"))?;
                self.world.settle()?;
                if self.is_equal(leader)? {
                    return Ok(());
                }
            }
        }
        let views = self.ids().into_iter().filter_map(|id| Some(story(self.world.view(id).ok()?)));
        Err(format!("does not converge:\n  {}", views.collect::<Vec<_>>().join("\n  ")))
    }

    /// Every change has ended, and all members have the same.
    fn is_equal(&self, leader: NodeId) -> Checked<bool> {
        let first = self.world.view(leader)?;
        let state = &self.world.node(leader)?.state;
        if first.is_changing() {
            return Ok(false);
        }
        for id in first.configuration().nodes() {
            let view = self.world.view(id)?;
            let same = view.last() == first.last() && view.commit() == first.last().index;
            if !same || self.world.node(id)?.state != *state {
                return Ok(false);
            }
        }
        Ok(state.last().is_some_and(|entry| entry.payload() == b"last"[..]))
    }
}

/// How a node stands, with all configurations that it knows.
fn story(view: View<'_>) -> String {
    let known = view.history().iter().map(|(index, configuration)| format!("{index}: {configuration}"));
    format!("{view} [{}]", known.collect::<Vec<_>>().join("; "))
}

const STEPS: usize = 1500;

/// The run of one seed: what was seen in it, or what broke. Clusters of one, three and five nodes take turns.
fn run(
    seed: u64,
    planted: Option<Planted>,
    traced: bool,
) -> Result<BTreeMap<&'static str, u64>, (String, Vec<String>)> {
    let nodes = [3, 5, 3, 5, 1][usize::try_from(seed % 5).unwrap_or(0)];
    let mut run = Run::new(seed, nodes, planted).map_err(|broken| (broken, Vec::new()))?;
    run.world.trace = traced.then(Vec::new);
    let mut done = Ok(());
    for _ in 0..STEPS {
        done = run.act();
        if done.is_err() {
            break;
        }
    }
    if planted.is_none() {
        done = done.and_then(|()| run.converge());
    }
    let mut seen = run.world.seen;
    seen.insert("reads served", run.served);
    seen.insert("entries committed", run.world.ledger.committed().0);
    let lines = run.world.trace.unwrap_or_default().into_iter().map(|(_, line)| line);
    done.map(|()| seen).map_err(|broken| (broken, lines.collect()))
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn nodes_under_random_treatment_stay_right_and_converge() {
    let seeds = match number("QUORATE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("QUORATE_SEEDS").unwrap_or(300),
    };
    let mut total = BTreeMap::new();
    for seed in seeds.clone() {
        match run(seed, None, false) {
            Ok(seen) => seen.into_iter().for_each(|(what, count)| *total.entry(what).or_insert(0) += count),
            Err((broken, _)) => {
                // The same again, with the story told.
                let lines = run(seed, None, true).err().map(|(_, lines)| lines).unwrap_or_default();
                let tail = lines[lines.len().saturating_sub(60)..].join("\n  ");
                panic!("seed {seed}: {broken}\nthe last that happened (QUORATE_SEED={seed} runs it again):\n  {tail}");
            }
        }
    }
    println!("{} seeds of {STEPS} steps: {total:?}", seeds.end - seeds.start);
    if seeds.end - seeds.start < 100 {
        return;
    }
    for what in [
        "leaders",
        "conflicts deleted",
        "appends refused",
        "appends dropped",
        "snapshots installed",
        "reads served",
        "new voters caught up",
        "joint configurations",
        "configurations reverted",
        "leaders that left",
        "told to stand",
        "removed nodes that learned of it",
    ] {
        assert!(
            total.get(what).is_some_and(|count| *count > 20),
            "hardly ever seen: {what}: this run shows nothing of it"
        );
    }
}

/// A run is a function of its seed: nothing in a node depends on anything but what it was told (B15).
#[test]
fn the_same_seed_is_the_same_run() {
    let told = |seed| run(seed, Some(Planted::AnswersTooMuch), true);
    let mut compared = 0;
    for seed in 0..60 {
        let (first, again) = (told(seed), told(seed));
        assert_eq!(first, again, "seed {seed}");
        compared += first.err().map_or(0, |(_, lines)| lines.len());
    }
    assert!(compared > 1000, "{compared} lines are too few to show it");
}

/// Which seed finds the planted bug, and what it says.
fn finds(planted: Planted) -> Option<(u64, String)> {
    (0..300).find_map(|seed| run(seed, Some(planted), false).err().map(|(broken, _)| (seed, broken)))
}

#[test]
fn planted_bugs_around_a_node_are_found() {
    let all = [Planted::WrittenTooEarly, Planted::VoteForgotten, Planted::TailForgotten, Planted::AnswersTooMuch];
    for planted in all {
        let (seed, broken) = finds(planted).unwrap_or_else(|| panic!("300 seeds did not find {planted:?}"));
        println!("{planted:?}: seed {seed}: {broken}");
        assert!(broken.contains("does not hold"), "found by an invariant, not by accident");
    }
}
