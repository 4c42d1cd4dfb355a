//! From a world to what is shown of it: each node as it is, and what changed since the last look. It decides nothing: all is
//! read from the members themselves, or from the disks of those that are down.

use std::collections::BTreeMap;

use raft::candidate::{Candidate, Phase};
use raft::log::Log;
use raft::progress::{Mode, Progress};
use raft::{Configuration, Entry, Index, NodeId, Position, View};
use sim::world::{Kept, Standing, World};

use crate::trace::{
    ClientState, ClientView, ConfigView, LinkView, LogDelta, LogView, Membership, NodeDelta, NodeView, PeerState,
    PeerView, Role, TimerKind, TimerView,
};
use crate::words;

/// A page lists so many requests.
const REQUESTS: usize = 24;

/// All nodes as they were when they were looked at last.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    seen: BTreeMap<u64, NodeView>,
    /// With a rule left out, a position does not name what is before it: each entry is compared.
    careful: bool,
}

impl Nodes {
    pub(crate) fn new(careful: bool) -> Self {
        Self { seen: BTreeMap::new(), careful }
    }

    /// All of them as they were at the last look.
    pub(crate) fn all(&self) -> Vec<NodeView> {
        self.seen.values().cloned().collect()
    }

    /// One as it was at the last look.
    pub(crate) fn get(&self, id: NodeId) -> Option<&NodeView> {
        self.seen.get(&id.0)
    }

    /// Looks at all of them.
    pub(crate) fn look_at_all(&mut self, world: &World) -> Vec<NodeDelta> {
        world.members().into_iter().filter_map(|id| self.look(world, id)).collect()
    }

    /// Looks at one: what changed since the last look, if anything did.
    pub(crate) fn look(&mut self, world: &World, id: NodeId) -> Option<NodeDelta> {
        let is_new = !self.seen.contains_key(&id.0);
        let seen = self.seen.entry(id.0).or_insert_with(|| NodeView::blank(id.0));
        let kept = if world.view(id).is_some() { None } else { Some(world.kept(id).unwrap_or_default()) };
        let mut head = match (world.view(id), &kept) {
            (Some(view), _) => live(world, view),
            (None, kept) => down(world, id, kept.as_ref().unwrap_or(&Kept::default())),
        };
        let log = {
            let source = match (world.view(id), &kept) {
                (Some(view), _) => Source::Live(view.log()),
                (None, Some(kept)) => Source::Kept(kept),
                (None, None) => return None,
            };
            log_delta(&mut seen.log, &source, self.careful)
        };
        let same_state = (seen.up, seen.life, seen.applied) == (head.up, head.life, head.applied) && !is_new;
        let (old_log, old_kv) = (std::mem::take(&mut seen.log), std::mem::take(&mut seen.kv));
        let mut delta = seen.changed(&head);
        delta.log = log;
        if same_state {
            head.kv = old_kv;
        } else {
            head.kv = state(world, id);
            delta.kv = (head.kv != old_kv).then(|| head.kv.clone());
        }
        head.log = old_log;
        *seen = head;
        (!delta.is_empty()).then_some(delta)
    }
}

impl NodeView {
    /// A node of which nothing is known: what it is before its first change.
    #[must_use]
    pub fn blank(id: u64) -> Self {
        Self {
            id,
            log: LogView { first: 1, ..LogView::default() },
            up: false,
            life: 0,
            member: Membership::Outside,
            role: Role::Follower,
            term: 0,
            vote: None,
            leader: None,
            timer: None,
            durable: 0,
            commit: 0,
            applied: 0,
            snapshot: 0,
            config: ConfigView::default(),
            peers: BTreeMap::new(),
            votes: BTreeMap::new(),
            transfer: None,
            kv: BTreeMap::new(),
        }
    }
}

fn live(world: &World, view: View<'_>) -> NodeView {
    let id = view.id();
    NodeView {
        up: true,
        life: world.lives(id),
        member: membership(view.configuration(), id),
        role: role(view),
        term: view.term().0,
        vote: view.vote().map(|vote| vote.0),
        leader: view.leader().map(|leader| leader.0),
        timer: timer(world, id),
        durable: view.persistence().durable().0,
        commit: view.commit().0,
        applied: view.applied().0,
        snapshot: world.snapshot_of(id),
        config: config(view.configuration_index(), view.configuration()),
        peers: peers(view),
        votes: votes(world, view),
        transfer: view.transfer().map(|transfer| transfer.target().0),
        ..NodeView::blank(id.0)
    }
}

fn down(world: &World, id: NodeId, kept: &Kept) -> NodeView {
    NodeView {
        life: world.lives(id),
        term: kept.term,
        vote: Some(kept.vote).filter(|vote| *vote > 0),
        durable: kept.entries.last().map_or(kept.base.index.0, |entry| entry.index().0),
        commit: kept.commit,
        snapshot: kept.snapshot,
        member: membership(world.settled_configuration(), id),
        config: config(Index::ZERO, world.settled_configuration()),
        ..NodeView::blank(id.0)
    }
}

fn membership(configuration: &Configuration, id: NodeId) -> Membership {
    match (configuration.is_voter(id), configuration.learners.contains(&id)) {
        (true, _) => Membership::Voter,
        (false, true) => Membership::Learner,
        (false, false) => Membership::Outside,
    }
}

fn role(view: View<'_>) -> Role {
    match view.role() {
        raft::Role::Follower(_) => Role::Follower,
        raft::Role::Candidate(candidate) if candidate.phase() == Phase::PreVote => Role::PreCandidate,
        raft::Role::Candidate(_) => Role::Candidate,
        raft::Role::Leader(_) => Role::Leader,
    }
}

fn timer(world: &World, id: NodeId) -> Option<TimerView> {
    let countdown = world.countdown(id)?;
    let kind = if countdown.heartbeat { TimerKind::Heartbeat } else { TimerKind::Election };
    Some(TimerView { kind, from: countdown.from, until: countdown.until })
}

pub(crate) fn config(index: Index, configuration: &Configuration) -> ConfigView {
    let ids = |nodes: &std::collections::BTreeSet<NodeId>| nodes.iter().map(|id| id.0).collect::<Vec<u64>>();
    let (old, new) = if configuration.is_joint() {
        (ids(&configuration.voters_old), Some(ids(&configuration.voters)))
    } else {
        (ids(&configuration.voters), None)
    };
    ConfigView { index: index.0, old, new, learners: ids(&configuration.learners), wanted: ids(&configuration.wanted) }
}

fn peers(view: View<'_>) -> BTreeMap<u64, PeerView> {
    let raft::Role::Leader(leader) = view.role() else { return BTreeMap::new() };
    let peer = |progress: &Progress| PeerView {
        next: progress.next().0,
        matched: progress.matched().0,
        state: match progress.mode() {
            Mode::Probe { .. } => PeerState::Probe,
            Mode::Replicate => PeerState::Replicate,
            Mode::Snapshot { .. } => PeerState::Snapshot,
        },
    };
    leader.progress().iter().map(|(id, progress)| (id.0, peer(progress))).collect()
}

fn votes(world: &World, view: View<'_>) -> BTreeMap<u64, bool> {
    let raft::Role::Candidate(candidate) = view.role() else { return BTreeMap::new() };
    let said = |candidate: &Candidate, id: NodeId| candidate.votes().said(id).map(|granted| (id.0, granted));
    world.members().into_iter().filter_map(|id| said(candidate, id)).collect()
}

/// The state machine of a node, as text.
fn state(world: &World, id: NodeId) -> BTreeMap<String, String> {
    let pairs = world.pairs(id).unwrap_or_default();
    pairs.iter().map(|(key, value)| (words::text(key), words::text(value))).collect()
}

// ---- logs -------------------------------------------------------------------------------------------------------------

/// Where a log is read from.
enum Source<'a> {
    Live(&'a Log),
    Kept(&'a Kept),
}

impl Source<'_> {
    fn base(&self) -> Position {
        match self {
            Self::Live(log) => log.base(),
            Self::Kept(kept) => kept.base,
        }
    }

    fn last(&self) -> u64 {
        match self {
            Self::Live(log) => log.last().index.0,
            Self::Kept(kept) => kept.base.index.0 + kept.entries.len() as u64,
        }
    }

    fn entry(&self, index: u64) -> Option<&Entry> {
        match self {
            Self::Live(log) => log.entry(Index(index)),
            Self::Kept(kept) => {
                let place = index.checked_sub(kept.base.index.0 + 1)?;
                kept.entries.get(usize::try_from(place).ok()?)
            }
        }
    }
}

/// Brings the log that was seen up to date, and says how it changed.
fn log_delta(seen: &mut LogView, now: &Source<'_>, careful: bool) -> Option<LogDelta> {
    let (first, before, last) = (now.base().index.0 + 1, now.base().term.0, now.last());
    let keep = common(seen, now, careful);
    if (first, before, last, last) == (seen.first, seen.before, seen.last(), keep) {
        return None;
    }
    let new: Vec<(u64, (String, crate::trace::EntryView))> =
        (keep + 1..=last).filter_map(|index| now.entry(index)).map(|one| (one.term().0, words::entry(one))).collect();
    let delta = LogDelta {
        first,
        before,
        keep,
        terms: new.iter().map(|(term, _)| *term).collect(),
        kinds: new.iter().map(|(_, (_, kind))| *kind).collect(),
        commands: new.into_iter().map(|(_, (command, _))| command).collect(),
    };
    delta.apply(seen);
    Some(delta)
}

/// Up to which index both are the same. By the Log Matching property one position that both have says so of all before it.
fn common(seen: &LogView, now: &Source<'_>, careful: bool) -> u64 {
    let first = now.base().index.0 + 1;
    let least = first.max(seen.first);
    let most = now.last().min(seen.last());
    let term = |index: u64| seen.terms.get(usize::try_from(index.checked_sub(seen.first)?).ok()?).copied();
    let same = |index: &u64| term(*index).is_some() && now.entry(*index).map(|one| one.term().0) == term(*index);
    if seen.first > first {
        return first - 1;
    }
    let found = if careful { (least..=most).take_while(same).last() } else { (least..=most).rev().find(same) };
    found.unwrap_or(first - 1)
}

// ---- around the nodes ---------------------------------------------------------------------------------------------------

/// Links that do not carry everything.
pub(crate) fn links(world: &World) -> Vec<LinkView> {
    let (broken, filtered) = (world.broken_links(), world.filtered_links());
    let mut links: BTreeMap<(u64, u64), LinkView> = BTreeMap::new();
    for (from, to) in broken {
        links.insert((from.0, to.0), LinkView { from: from.0, to: to.0, up: false, lost: Vec::new() });
    }
    for ((from, to), kinds) in filtered {
        let link =
            links.entry((from.0, to.0)).or_insert(LinkView { from: from.0, to: to.0, up: true, lost: Vec::new() });
        link.lost = kinds;
    }
    links.into_values().collect()
}

/// The newest requests of clients.
pub(crate) fn clients(world: &World) -> Vec<ClientView> {
    world.newest_requests(REQUESTS).into_iter().filter_map(|number| client(world, number)).collect()
}

/// One request.
pub(crate) fn client(world: &World, number: u64) -> Option<ClientView> {
    let request = world.request(number)?;
    Some(ClientView {
        request: number,
        node: request.node.0,
        asks: request.asks,
        asked: request.asked,
        arrives: request.arrives,
        answered: request.answered,
        told: request.told,
        answer: request.answer,
        state: match request.standing {
            Standing::Open => ClientState::Waiting,
            Standing::Done => ClientState::Done,
            Standing::Refused => ClientState::Refused,
            Standing::Unknown => ClientState::Unknown,
        },
    })
}
