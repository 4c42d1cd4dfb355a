//! What a node is together with all that it ever sent, as one number: its trail. A state of the whole is one trail for each
//! node. What may arrive at a node from another depends on its own state and on what that one sent to it, its channel; so
//! that is worked out once for each pair of a channel and a trail.

use std::collections::HashMap;

use crate::arena::{Action, Arena, NOTHING, number, pair};
use crate::configuration::NODES_MAX;
use crate::fingerprint::{self, Quick};
use crate::packet::Claim;
use crate::world::Used;

/// See the module.
pub(crate) struct Trail {
    pub(crate) local: u32,
    /// What it sent to each node. Number 0 is nothing.
    pub(crate) channels: [u32; NODES_MAX],
    /// The term that its disk has: it never falls.
    pub(crate) floor: u64,
    pub(crate) face: u32,
    pub(crate) disk: u32,
    /// The same for all renamings.
    pub(crate) key: u64,
    /// What its channel to each node adds to the key of that one where keys are the same.
    pub(crate) keys_to: [u64; NODES_MAX],
}

/// Where an action leads.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) action: Action,
    pub(crate) trail: u32,
    pub(crate) outcome: u32,
    /// The property that it breaks.
    pub(crate) problem: Option<Box<str>>,
}

/// All that was met.
pub(crate) struct Trails {
    pub(crate) all: Vec<Trail>,
    /// Fingerprints of trails: those of the first under each renaming, then those of the second, and so on.
    prints: Vec<u128>,
    /// Numbers of packets, in rising order.
    channels: Vec<Vec<u32>>,
    moves: Vec<Vec<Move>>,
    known_trails: HashMap<u128, u32, Quick>,
    known_channels: HashMap<u128, u32, Quick>,
    arrivals: HashMap<u64, u32, Quick>,
    own: HashMap<u64, u32, Quick>,
    pruned: HashMap<u64, u32, Quick>,
}

/// What was never asked before.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Question {
    /// What of a channel may arrive at a trail?
    Arrivals(u32, u32),
    /// What else may happen to a trail?
    Own(u32, Used),
    /// What is left of a trail's channels when the nodes' disks have these terms?
    Pruned(u32, Floors),
    /// What does a look at a face add to a history?
    Look(u32, u32),
    /// Do two faces agree?
    Compare(u32, u32),
}

/// The term that each disk has.
pub(crate) type Floors = [u8; NODES_MAX];

impl Trails {
    pub(crate) fn new() -> Self {
        let mut known_channels = HashMap::default();
        known_channels.insert(0, 0);
        Self {
            all: Vec::new(),
            prints: Vec::new(),
            channels: vec![Vec::new()],
            moves: vec![Vec::new()],
            known_trails: HashMap::default(),
            known_channels,
            arrivals: HashMap::default(),
            own: HashMap::default(),
            pruned: HashMap::default(),
        }
    }

    pub(crate) fn get(&self, trail: u32) -> &Trail {
        &self.all[trail as usize]
    }

    pub(crate) fn print(&self, trail: u32, renaming: usize, renamings: usize) -> u128 {
        self.prints[trail as usize * renamings + renaming]
    }

    pub(crate) fn arrivals(&self, channel: u32, trail: u32) -> Result<&[Move], Question> {
        let list = self.arrivals.get(&pair(channel, trail));
        list.map(|list| &*self.moves[*list as usize]).ok_or(Question::Arrivals(channel, trail))
    }

    pub(crate) fn own(&self, trail: u32, used: Used) -> Result<&[Move], Question> {
        let list = self.own.get(&own_key(trail, used));
        list.map(|list| &*self.moves[*list as usize]).ok_or(Question::Own(trail, used))
    }

    pub(crate) fn pruned(&self, trail: u32, floors: Floors) -> Result<u32, Question> {
        self.pruned.get(&pruned_key(trail, floors)).copied().ok_or(Question::Pruned(trail, floors))
    }

    fn channel(&mut self, packets: Vec<u32>) -> u32 {
        let print = if packets.is_empty() { 0 } else { fingerprint::of(&packets) };
        let next = number(self.channels.len());
        let channel = *self.known_channels.entry(print).or_insert(next);
        if channel == next {
            self.channels.push(packets);
        }
        channel
    }

    fn list(&mut self, moves: Vec<Move>) -> u32 {
        if moves.is_empty() {
            return 0;
        }
        self.moves.push(moves);
        number(self.moves.len() - 1)
    }
}

/// Only what gives proposals and reads their numbers.
fn own_key(trail: u32, used: Used) -> u64 {
    pair(trail, (u32::from(used.proposals) << 8) | u32::from(used.reads))
}

fn pruned_key(trail: u32, floors: Floors) -> u64 {
    pair(trail, floors.iter().fold(0, |key, floor| (key << 6) | u32::from(*floor)))
}

impl Arena<'_> {
    /// Finds it out.
    pub(crate) fn answer(&mut self, question: Question) {
        match question {
            Question::Arrivals(channel, trail) => {
                let actions = self.trails.channels[channel as usize].iter().map(|packet| Action::Deliver(*packet));
                let moves = self.moves(trail, &actions.collect::<Vec<_>>());
                let list = self.trails.list(moves);
                self.trails.arrivals.insert(pair(channel, trail), list);
            }
            Question::Own(trail, used) => {
                let actions = &self.locals[self.trails.get(trail).local as usize].actions;
                let numbered = actions.iter().map(|action| match action {
                    Action::Propose(_) => Action::Propose(used.proposals + 1),
                    Action::Read(_) => Action::Read(used.reads + 1),
                    other => *other,
                });
                let bounds = self.model.bounds;
                let within = |action: &Action| match action {
                    Action::Propose(number) => *number <= bounds.proposals,
                    Action::Read(number) => *number <= bounds.reads,
                    Action::Crash | Action::CrashKept => bounds.crashes > 0,
                    Action::Compact => bounds.compactions > 0,
                    Action::Change(_) => bounds.changes > 0,
                    Action::Transfer(_) => bounds.transfers > 0,
                    Action::Deliver(_) | Action::Fire(_) | Action::Written | Action::SnapshotEnded(_) => true,
                    Action::Pass { .. } | Action::Time(_) => true,
                };
                let moves = self.moves(trail, &numbered.filter(within).collect::<Vec<_>>());
                let list = self.trails.list(moves);
                self.trails.own.insert(own_key(trail, used), list);
            }
            Question::Pruned(trail, floors) => {
                let left = self.prune(trail, floors);
                self.trails.pruned.insert(pruned_key(trail, floors), left);
            }
            Question::Look(history, face) => self.look(history, face),
            Question::Compare(one, two) => self.compare(one, two),
        }
    }

    /// Where these actions lead, those left out that change nothing and those that do what an earlier one does.
    fn moves(&mut self, trail: u32, actions: &[Action]) -> Vec<Move> {
        let mut moves: Vec<Move> = Vec::new();
        for action in actions {
            let outcome = self.outcome(self.trails.get(trail).local, *action);
            if outcome == NOTHING {
                continue;
            }
            let (to, problem) = self.moved(trail, outcome);
            let one = Move { action: *action, trail: to, outcome, problem };
            let is_known =
                matches!(action, Action::Deliver(_)) && moves.iter().any(|earlier| self.is_as(&one, earlier));
            if (to != trail && !is_known) || one.problem.is_some() {
                moves.push(one);
            }
        }
        moves
    }

    /// A delivery that leads where another does, and shows nothing else.
    fn is_as(&self, one: &Move, other: &Move) -> bool {
        let outcomes = [one, other].map(|one| &self.outcomes[one.outcome as usize]);
        let same = one.trail == other.trail && outcomes[0].reads == outcomes[1].reads;
        same && other.problem.is_none() && outcomes[0].witnesses.within(outcomes[1].witnesses)
    }

    /// The trail after an outcome, and why it must not be.
    fn moved(&mut self, trail: u32, outcome: u32) -> (u32, Option<Box<str>>) {
        let outcome = &self.outcomes[outcome as usize];
        let mut problem = outcome.problem.as_deref().map(Box::from);
        let (local, mut channels, mut added) = (outcome.local, self.trails.get(trail).channels, Vec::new());
        for packet in &outcome.sent {
            let to = self.packets[*packet as usize].to;
            let mut packets = self.trails.channels[channels[to] as usize].clone();
            if let Err(place) = packets.binary_search(packet) {
                packets.insert(place, *packet);
                channels[to] = self.trails.channel(packets);
                added.push(*packet);
            }
        }
        for packet in added {
            problem = problem.or_else(|| self.contradiction(&channels, packet).map(String::into_boxed_str));
        }
        (self.trail(local, channels), problem)
    }

    /// What was sent before and this packet can't both be true.
    fn contradiction(&self, channels: &[u32; NODES_MAX], packet: u32) -> Option<String> {
        let claim = self.packets[packet as usize].claim?;
        let packets = channels.iter().flat_map(|channel| &self.trails.channels[*channel as usize]);
        let mut earlier = packets.filter_map(|earlier| self.packets[*earlier as usize].claim);
        earlier.find_map(|earlier| claim.contradicts(earlier))
    }

    /// The number of a trail.
    pub(crate) fn trail(&mut self, local: u32, channels: [u32; NODES_MAX]) -> u32 {
        let print = fingerprint::of(&(local, channels));
        if let Some(known) = self.trails.known_trails.get(&print) {
            return *known;
        }
        let trail = number(self.trails.all.len());
        let info = &self.locals[local as usize];
        let (disk, floor) = (info.disk, info.local.disk.hard_state.term.0);
        let (mut key, mut keys_to, mut led) = (fingerprint::of(&info.key), [0u64; NODES_MAX], 0);
        for (to, channel) in channels.iter().enumerate() {
            for packet in &self.trails.channels[*channel as usize] {
                let packet = &self.packets[*packet as usize];
                key = key.wrapping_add(u128::from(packet.key));
                keys_to[to] = keys_to[to].wrapping_add(packet.key);
                if let Some(Claim::Leads { term, .. }) = packet.claim {
                    led |= 1u64 << term.0.min(63);
                }
            }
        }
        let packets = || channels.iter().flat_map(|channel| &self.trails.channels[*channel as usize]);
        let print_of = |renaming: usize| {
            let prints = &self.packet_prints[renaming];
            let begun = self.local_prints[renaming][local as usize];
            packets().fold(begun, |sum, packet| sum.wrapping_add(prints[*packet as usize]))
        };
        let prints: Vec<u128> = (0..self.renamings.len()).map(print_of).collect();
        let face = self.face(local, led);
        let key = fingerprint::short(key);
        self.trails.prints.extend(prints);
        self.trails.all.push(Trail { local, channels, floor, face, disk, key, keys_to });
        self.trails.known_trails.insert(print, trail);
        trail
    }

    /// Forgets answers of terms that sender and receiver have left for good.
    fn prune(&mut self, trail: u32, floors: Floors) -> u32 {
        let Trail { local, mut channels, floor, .. } = self.trails.all[trail as usize];
        for (to, channel) in channels.iter_mut().enumerate() {
            let left = floor.min(u64::from(floors[to]));
            let live = |packet: &&u32| self.packets[**packet as usize].answers_in >= left;
            let packets: Vec<u32> = self.trails.channels[*channel as usize].iter().filter(live).copied().collect();
            *channel = self.trails.channel(packets);
        }
        self.trail(local, channels)
    }
}
