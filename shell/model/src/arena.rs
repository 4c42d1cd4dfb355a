//! Everything that states are made of, each once: states of nodes, packets, histories, and what comes of each input in each
//! state of a node. A search asks the core once for each pair of them, however many states of the whole they occur in.

use std::collections::HashMap;

use raft::invariants::check_cluster;
use raft::{Configuration, Index, NodeId, Timer};

use crate::configuration::Model;
use crate::fingerprint::{self, Quick};
use crate::history::History;
use crate::local::{Input, Local, Step};
use crate::packet::{Claim, Packet};
use crate::symmetry::{Renamings, place};
use crate::trails::Trails;
use crate::witness::Witnesses;

/// Something that can happen to one node, as a small number: a packet to deliver, or one of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Deliver(u32),
    Fire(Timer),
    Written,
    Crash,
    CrashKept,
    Propose(u8),
    Read(u8),
    Compact,
    SnapshotEnded(NodeId),
    Change(u8),
    Transfer(NodeId),
    /// A step of time at one node, whose clock is slow.
    Pass {
        slow: bool,
    },
    /// A step of time for all: each bit is one node whose clock is slow.
    Time(u8),
}

/// What comes of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) local: u32,
    pub(crate) sent: Vec<u32>,
    pub(crate) reads: Vec<(u8, Option<Index>)>,
    pub(crate) witnesses: Witnesses,
    pub(crate) problem: Option<String>,
}

pub(crate) struct LocalInfo {
    pub(crate) local: Local,
    /// A fingerprint that is the same for all renamings.
    pub(crate) key: u64,
    /// What other nodes and the history are compared with.
    pub(crate) face: u32,
    /// What its disk has of the log.
    pub(crate) disk: u32,
    /// It would serve a read by its lease, at this index.
    pub(crate) lease: Option<Index>,
    /// What can happen to it besides deliveries.
    pub(crate) actions: Vec<Action>,
}

pub(crate) struct PacketInfo {
    pub(crate) packet: Packet,
    pub(crate) to: usize,
    /// A fingerprint that is the same for all renamings.
    pub(crate) key: u64,
    pub(crate) claim: Option<Claim>,
    /// An answer of this term; the greatest number for what is none.
    pub(crate) answers_in: u64,
}

pub(crate) struct Arena<'a> {
    pub(crate) model: &'a Model,
    pub(crate) renamings: Renamings,
    pub(crate) locals: Vec<LocalInfo>,
    pub(crate) packets: Vec<PacketInfo>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) histories: Vec<History>,
    pub(crate) history_prints: Vec<u128>,
    /// The newest committed configuration of each history.
    pub(crate) configurations: Vec<Configuration>,
    /// What the nodes are and have sent.
    pub(crate) trails: Trails,
    /// Fingerprints of states of nodes and of packets, under each renaming.
    pub(crate) local_prints: Vec<Vec<u128>>,
    pub(crate) packet_prints: Vec<Vec<u128>>,
    /// One node for each face, and the terms that it ever led by what it sent.
    faces: Vec<(u32, u64)>,
    known_locals: HashMap<u128, u32, Quick>,
    known_packets: HashMap<u128, u32, Quick>,
    known_histories: HashMap<u128, u32, Quick>,
    known_faces: HashMap<u128, u32, Quick>,
    known_disks: HashMap<u128, u32, Quick>,
    memo: HashMap<u64, u32, Quick>,
    /// Whether two faces agree.
    pairs: HashMap<u64, bool, Quick>,
    /// The history after a look at a face, or [`NOTHING`] if it breaks a property.
    looked: HashMap<u64, u32, Quick>,
}

/// Nothing comes of it, or it would leave the bounds.
pub(crate) const NOTHING: u32 = u32::MAX;

impl<'a> Arena<'a> {
    pub(crate) fn new(model: &'a Model, renamings: Renamings) -> Self {
        let prints = vec![Vec::new(); renamings.len()];
        let mut arena = Self {
            local_prints: prints.clone(),
            packet_prints: prints,
            model,
            renamings,
            locals: Vec::new(),
            packets: Vec::new(),
            outcomes: Vec::new(),
            histories: Vec::new(),
            history_prints: Vec::new(),
            configurations: Vec::new(),
            trails: Trails::new(),
            faces: Vec::new(),
            known_locals: HashMap::default(),
            known_packets: HashMap::default(),
            known_histories: HashMap::default(),
            known_faces: HashMap::default(),
            known_disks: HashMap::default(),
            memo: HashMap::default(),
            pairs: HashMap::default(),
            looked: HashMap::default(),
        };
        arena.history(History::default());
        arena
    }

    /// The number of a state of a node.
    pub(crate) fn local(&mut self, local: Local) -> u32 {
        let print = fingerprint::of(&local);
        if let Some(known) = self.known_locals.get(&print) {
            return *known;
        }
        let number = number(self.locals.len());
        let names = &self.renamings;
        let others = (1..names.len()).map(|to| fingerprint::of(&local.renamed(&|node| names.name(to, node))));
        let prints: Vec<u128> = std::iter::once(print).chain(others).collect();
        let key = key_of(&prints);
        let view = local.view();
        let leads = view.is_leader().then_some(view.term());
        let face = fingerprint::of(&(view.id(), view.log(), view.commit(), view.term(), leads, view.halt()));
        let face = known(&mut self.known_faces, face);
        let disk = fingerprint::of(&(&local.disk.entries, local.disk.base, local.disk.snapshot));
        let disk = known(&mut self.known_disks, disk);
        let actions = actions(&local, self.model);
        let lease = local.serves_by_lease(self.model).then_some(view.commit());
        self.known_locals.insert(print, number);
        self.local_prints.iter_mut().zip(prints).for_each(|(column, print)| column.push(print));
        self.locals.push(LocalInfo { local, key, face, disk, lease, actions });
        number
    }

    /// The number of what others and the history see of a node that sent what only leaders of these terms send.
    pub(crate) fn face(&mut self, local: u32, led: u64) -> u32 {
        let inner = self.locals[local as usize].face;
        let face = known(&mut self.known_faces, fingerprint::of(&(inner, led, "led")));
        if self.faces.len() <= face as usize {
            self.faces.resize(face as usize + 1, (NOTHING, 0));
        }
        self.faces[face as usize] = (local, led);
        face
    }

    fn packet(&mut self, packet: Packet) -> u32 {
        let print = fingerprint::of(&packet);
        if let Some(known) = self.known_packets.get(&print) {
            return *known;
        }
        let number = number(self.packets.len());
        let names = &self.renamings;
        let others = (1..names.len()).map(|to| fingerprint::of(&packet.renamed(&|node| names.name(to, node))));
        let prints: Vec<u128> = std::iter::once(print).chain(others).collect();
        let key = key_of(&prints);
        let (to, claim) = (place(packet.to()), packet.claim());
        self.known_packets.insert(print, number);
        self.packet_prints.iter_mut().zip(prints).for_each(|(column, print)| column.push(print));
        let answers_in = packet.answers_in().map_or(u64::MAX, |term| term.0);
        self.packets.push(PacketInfo { packet, to, key, claim, answers_in });
        number
    }

    fn history(&mut self, history: History) -> u32 {
        let print = fingerprint::of(&history);
        let number = known(&mut self.known_histories, print);
        if number as usize == self.histories.len() {
            let first = self.model.first(NodeId(1));
            self.configurations.push(history.configuration().unwrap_or(first));
            self.histories.push(history);
            self.history_prints.push(print);
        }
        number
    }

    /// Searches forget answers of terms that their receiver has left for good ([`crate::engine`]). That is right only if such an
    /// answer is ignored in every state: here each is tried in each, whether or not they ever met.
    pub(crate) fn check_forgotten(&self) -> Result<(), String> {
        for (number, info) in (0..).zip(&self.locals) {
            let view = info.local.view();
            let floor = info.local.disk.hard_state.term.0;
            let here = |packet: &&PacketInfo| packet.to == place(view.id()) && packet.answers_in < floor;
            for packet in self.packets.iter().filter(here) {
                let step = info.local.step(self.model, &Input::Deliver(packet.packet.clone()));
                let within = step.local.is_within(self.model);
                let same = self.known_locals.get(&fingerprint::of(&step.local)) == Some(&number);
                if step.problem.is_some() || (within && !(same && step.sent.is_empty())) {
                    let packet = &packet.packet;
                    return Err(format!(
                        "answers of older terms are ignored does not hold (5.1): {view}: it is changed by `{packet}`"
                    ));
                }
            }
        }
        Ok(())
    }

    /// What comes of an action at a node in this state: a number of an outcome, or [`NOTHING`].
    pub(crate) fn outcome(&mut self, local: u32, action: Action) -> u32 {
        let key = (u64::from(local) << 32) | u64::from(action.code());
        if let Some(known) = self.memo.get(&key) {
            return *known;
        }
        let step = self.step(local, action);
        let outcome = self.keep(local, step);
        self.memo.insert(key, outcome);
        outcome
    }

    /// Asks the core.
    pub(crate) fn step(&self, local: u32, action: Action) -> Step {
        let input = self.input(action);
        self.locals[local as usize].local.step(self.model, &input)
    }

    pub(crate) fn input(&self, action: Action) -> Input {
        match action {
            Action::Deliver(packet) => Input::Deliver(self.packets[packet as usize].packet.clone()),
            Action::Fire(timer) => Input::Fire(timer),
            Action::Written => Input::Written,
            Action::Crash => Input::Crash { kept: false },
            Action::CrashKept => Input::Crash { kept: true },
            Action::Propose(number) => Input::Propose(number),
            Action::Read(number) => Input::Read(number),
            Action::Compact => Input::Compact,
            Action::SnapshotEnded(to) => Input::SnapshotEnded(to),
            Action::Change(number) => Input::Change(number),
            Action::Transfer(to) => Input::Transfer(to),
            Action::Pass { slow } => Input::Pass(self.pace(u8::from(slow))),
            Action::Time(slow) => Input::Pass(self.pace(slow)),
        }
    }

    /// How far the first clock goes on.
    fn pace(&self, slow: u8) -> u8 {
        self.model.clocks.map_or(0, |clocks| clocks.pace(slow, 0, self.model.planted))
    }

    fn keep(&mut self, before: u32, step: Step) -> u32 {
        if step.problem.is_none() && !step.local.is_within(self.model) {
            return NOTHING;
        }
        let local = self.local(step.local);
        if local == before && step.sent.is_empty() && step.problem.is_none() {
            return NOTHING;
        }
        let sent = step.sent.into_iter().map(|packet| self.packet(packet)).collect();
        let outcome = number(self.outcomes.len());
        let (reads, witnesses, problem) = (step.reads, step.witnesses, step.problem);
        self.outcomes.push(Outcome { local, sent, reads, witnesses, problem });
        outcome
    }

    /// The history after a look at a face, if that was asked before.
    pub(crate) fn looked(&self, history: u32, face: u32) -> Option<Result<u32, String>> {
        let known = *self.looked.get(&pair(history, face))?;
        Some(if known == NOTHING { self.after(history, face).map(|_| NOTHING) } else { Ok(known) })
    }

    pub(crate) fn look(&mut self, history: u32, face: u32) {
        let after = self.after(history, face).map_or(NOTHING, |after| self.history(after));
        self.looked.insert(pair(history, face), after);
    }

    fn after(&self, history: u32, face: u32) -> Result<History, String> {
        let (local, _) = self.faces[face as usize];
        self.histories[history as usize].after(self.locals[local as usize].local.view())
    }

    /// What two faces say of each other, if that was asked before.
    pub(crate) fn compared(&self, one: u32, two: u32) -> Option<Result<(), String>> {
        let agree = *self.pairs.get(&pair(one.min(two), one.max(two)))?;
        Some(if agree { Ok(()) } else { self.agree(one, two) })
    }

    pub(crate) fn compare(&mut self, one: u32, two: u32) {
        let agree = self.agree(one, two).is_ok();
        self.pairs.insert(pair(one.min(two), one.max(two)), agree);
    }

    fn agree(&self, one: u32, two: u32) -> Result<(), String> {
        let (one, two) = (self.faces[one as usize], self.faces[two as usize]);
        let views = [one.0, two.0].map(|local| self.locals[local as usize].local.view());
        let both = one.1 & two.1;
        if both != 0 {
            let (one, two, term) = (views[0].id(), views[1].id(), both.trailing_zeros());
            return Err(format!("Election Safety (5.2) does not hold: {one} and {two} both led t{term}"));
        }
        check_cluster(&views).map_err(|violation| violation.to_string())
    }
}

impl Action {
    /// A number of its own for each.
    fn code(self) -> u32 {
        const OTHER: u32 = 1 << 31;
        match self {
            Self::Deliver(packet) => packet,
            Self::Fire(Timer::LeaderSilent) => OTHER,
            Self::Fire(Timer::Campaign) => OTHER + 1,
            Self::Fire(Timer::Heartbeat) => OTHER + 2,
            Self::Fire(Timer::CheckQuorum) => OTHER + 3,
            Self::Fire(Timer::Transfer) => OTHER + 8,
            Self::Written => OTHER + 4,
            Self::Crash => OTHER + 5,
            Self::CrashKept => OTHER + 6,
            Self::Compact => OTHER + 7,
            Self::Propose(number) => OTHER + 0x100 + u32::from(number),
            Self::Read(number) => OTHER + 0x200 + u32::from(number),
            Self::SnapshotEnded(to) => OTHER + 0x300 + number(place(to)),
            Self::Change(number) => OTHER + 0x400 + u32::from(number),
            Self::Transfer(to) => OTHER + 0x500 + number(place(to)),
            Self::Pass { slow } => OTHER + 0x600 + u32::from(slow),
            Self::Time(slow) => OTHER + 0x700 + u32::from(slow),
        }
    }
}

/// What can happen to a node in this state besides deliveries. Proposals and reads get their numbers later.
fn actions(local: &Local, model: &Model) -> Vec<Action> {
    let view = local.view();
    // In the last term nobody stands any more: it would have to leave it.
    let last_term = view.term().0 >= model.bounds.terms;
    let fires = local.due().filter(|timer| match timer {
        Timer::Campaign => !last_term,
        Timer::Heartbeat => local.may_beat(model),
        Timer::LeaderSilent | Timer::CheckQuorum | Timer::Transfer => true,
    });
    let mut actions: Vec<Action> = fires.map(Action::Fire).collect();
    actions.push(Action::Crash);
    if model.clocks.is_some() {
        actions.extend([Action::Pass { slow: false }, Action::Pass { slow: true }]);
    }
    if local.writing.is_some() {
        actions.extend([Action::Written, Action::CrashKept]);
    }
    if view.is_leader() {
        actions.extend([Action::Propose(0), Action::Read(0)]);
        actions.extend((0..).zip(model.changes()).map(|(number, _)| Action::Change(number)));
    }
    if view.is_leader() && view.transfer().is_none() && !view.timeout_now_sent() && model.bounds.transfers > 0 {
        let others = view.configuration().nodes().into_iter().filter(|node| *node != view.id());
        actions.extend(others.map(Action::Transfer));
    }
    if view.applied() > view.log().base().index {
        actions.push(Action::Compact);
    }
    actions.extend(local.sending.iter().map(|to| Action::SnapshotEnded(*to)));
    actions
}

/// The same for a thing under all its names.
fn key_of(prints: &[u128]) -> u64 {
    let sum = prints.iter().fold(0u128, |sum, print| sum.wrapping_add(*print));
    fingerprint::short(sum)
}

/// The number of a print, which may be a new one.
fn known(known: &mut HashMap<u128, u32, Quick>, print: u128) -> u32 {
    let next = number(known.len());
    *known.entry(print).or_insert(next)
}

pub(crate) fn pair(one: u32, two: u32) -> u64 {
    (u64::from(one) << 32) | u64::from(two)
}

pub(crate) fn number(len: usize) -> u32 {
    u32::try_from(len).expect("memory ends before four thousand million parts")
}
