//! How a member is, for people who look at it: made when somebody asks, from what the loop knows anyway. Nothing here waits for a leader or
//! a majority. It does not know who looks, and holds nothing of what is replicated.

mod chronicle;
mod histogram;
mod measured;
mod stages;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use raft::candidate::Phase;
use raft::progress::Mode;
use raft::{Configuration, Event, Index, NodeId, Role, Term, View};
use replica::{Replica, StateMachine};

use chronicle::Chronicle;
pub(crate) use chronicle::{Before, is_told};
pub use chronicle::{Told, Topic};
pub use histogram::Histogram;
pub(crate) use measured::Measured;
pub use stages::Times;
use stages::{Marks, Stages};

/// So many lines of what happened come with a look.
const LINES: usize = 40;

/// What a member is to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It follows, or waits for whom to follow.
    Follower,
    /// It asks whether it could win (thesis 9.6).
    PreCandidate,
    /// It stands for election.
    Candidate,
    /// It leads.
    Leader,
}

/// How one member is, as it knows itself.
#[derive(Debug, Clone)]
pub struct Look {
    /// This node.
    pub node: NodeId,
    /// Its term.
    pub term: Term,
    /// What it is.
    pub standing: Standing,
    /// Whom it takes for the leader.
    pub leader: Option<NodeId>,
    /// For so long it has done so, or known of none.
    pub leader_for: Duration,
    /// The process runs for so long.
    pub up_for: Duration,
    /// Its newest snapshot ends here.
    pub snapshot: Index,
    /// Its log begins behind this entry.
    pub base: Index,
    /// Applied, committed as far as it knows, durable, and the last of its log.
    pub applied: Index,
    /// See `applied`.
    pub commit: Index,
    /// See `applied`.
    pub durable: Index,
    /// See `applied`.
    pub last: Index,
    /// Its disk has no room for more log.
    pub no_space: bool,
    /// The configuration in force here, and where it stands.
    pub configuration: Configuration,
    /// See `configuration`.
    pub configuration_index: Index,
    /// The others.
    pub peers: Vec<PeerLook>,
    /// On a leader: how far the others are.
    pub followers: Vec<FollowerLook>,
    /// On a leader: how long a majority takes to answer a heartbeat, in microseconds.
    pub round_trip: Option<u64>,
    /// Requests of clients that wait here for their answer.
    pub waiting: usize,
    /// How long commits took while it led.
    pub times: Times,
    /// How long writes of its log took, until they were durable.
    pub disk: Histogram,
    /// What happened lately, oldest first.
    pub told: Vec<Told>,
}

/// Another member, as this one meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerLook {
    /// Which.
    pub node: NodeId,
    /// Our connection to it stands.
    pub connected: bool,
    /// Why not.
    pub trouble: Option<String>,
    /// Its last message came so long ago; none came since the start without.
    pub silence: Option<Duration>,
}

/// A follower, as its leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowerLook {
    /// Which.
    pub node: NodeId,
    /// Its log is known to be the leader's up to here, durably.
    pub matched: Index,
    /// The next entry that is sent to it.
    pub next: Index,
    /// How the leader sends to it.
    pub mode: Mode,
    /// It answered within the last election timeout or two, and our connection to it stands. Who has only just won counts all as heard
    /// to whom it has a connection.
    pub heard: bool,
    /// The oldest entry that it is not known to have is so old; nothing where it has all.
    pub behind: Duration,
    /// A snapshot is on its way to it.
    pub snapshot: Option<SnapshotSent>,
}

/// How far a snapshot is that is being sent, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotSent {
    /// So many were sent.
    pub sent: u64,
    /// Of so many.
    pub length: u64,
}

/// What the loop keeps for whoever looks.
#[derive(Debug)]
pub(crate) struct Watched {
    started: Instant,
    election_timeout: Duration,
    heard: BTreeMap<NodeId, Instant>,
    stages: Stages,
    chronicle: Chronicle,
}

impl Watched {
    pub(crate) fn new(now: Instant, election_timeout: Duration) -> Self {
        let (heard, stages, chronicle) = (BTreeMap::new(), Stages::default(), Chronicle::new(now));
        Self { started: now, election_timeout, heard, stages, chronicle }
    }

    /// A message came.
    pub(crate) fn heard(&mut self, from: NodeId) {
        self.heard.insert(from, Instant::now());
    }

    /// A turn ended.
    pub(crate) fn turned(&mut self, now: Instant, view: View<'_>) {
        let durable = view.persistence().durable();
        let marks = Marks { last: view.last().index, durable, commit: view.commit(), applied: view.applied() };
        self.stages.turned(now, view.is_leader(), marks);
        self.chronicle.follows(view.leader(), now);
    }

    /// Something happened. For how long the leader was silent is known here.
    pub(crate) fn note(&mut self, event: &Event, before: Before) {
        let silence = before.leader.and_then(|leader| self.heard.get(&leader)).map(Instant::elapsed);
        self.chronicle.note(SystemTime::now(), event, &Before { silence, ..before });
    }

    /// Whom this member took for the leader last.
    pub(crate) fn last_leader(&self) -> Option<NodeId> {
        self.chronicle.last_leader()
    }

    /// The disk has room for the log again, or has none.
    pub(crate) fn tell_room(&mut self, room: bool, term: Term) {
        let text = if room { "has room for its log again" } else { "has no room for its log: writes are refused" };
        self.chronicle.tell(SystemTime::now(), Topic::Disk, term, text.into());
    }

    /// How the member is; what other rooms know is left for them to fill in.
    pub(crate) fn look<S: StateMachine>(
        &self,
        now: Instant,
        replica: &Replica<S>,
        connections: Vec<(NodeId, (bool, Option<String>))>,
    ) -> Look {
        let view = replica.inspect();
        let peers = connections.into_iter().filter(|(node, _)| *node != view.id());
        let peers = peers.map(|(node, (connected, trouble))| {
            let silence = self.heard.get(&node).map(|heard| now.saturating_duration_since(*heard));
            PeerLook { node, connected, trouble, silence }
        });
        let peers: Vec<PeerLook> = peers.collect();
        Look {
            node: view.id(),
            term: view.term(),
            standing: standing(view),
            leader: view.leader(),
            leader_for: now.saturating_duration_since(self.chronicle.since()),
            up_for: now.saturating_duration_since(self.started),
            snapshot: replica.snapshot_index(),
            base: view.log().base().index,
            applied: view.applied(),
            commit: view.commit(),
            durable: view.persistence().durable(),
            last: view.last().index,
            no_space: replica.no_room(),
            configuration: view.configuration().clone(),
            configuration_index: view.configuration_index(),
            followers: self.followers(now, view, &peers),
            peers,
            round_trip: replica.round_times().typical(),
            waiting: 0,
            times: self.stages.times().clone(),
            disk: Histogram::default(),
            told: self.chronicle.newest(LINES),
        }
    }

    fn followers(&self, now: Instant, view: View<'_>, peers: &[PeerLook]) -> Vec<FollowerLook> {
        let Role::Leader(leader) = view.role() else { return Vec::new() };
        let idle = self.stages.grown().map_or(Duration::ZERO, |grown| now.saturating_duration_since(grown));
        let just_won = now.saturating_duration_since(self.chronicle.since()) < self.election_timeout;
        let others = leader.progress().iter().filter(|(node, one)| **node != view.id() && !one.is_leaving());
        let follower = others.map(|(node, one)| {
            let missing = one.matched().next();
            // Of what is compacted only the end's time is known: it is at least so old.
            let log = Duration::from_millis(view.last_time().saturating_sub(view.time_at(missing)));
            let behind = if missing > view.last().index { Duration::ZERO } else { log + idle };
            let connected = peers.iter().any(|peer| peer.node == *node && peer.connected);
            let heard = connected && (view.heard(*node) || just_won);
            let (matched, next, mode) = (one.matched(), one.next(), one.mode());
            FollowerLook { node: *node, matched, next, mode, heard, behind, snapshot: None }
        });
        follower.collect()
    }
}

fn standing(view: View<'_>) -> Standing {
    match view.role() {
        Role::Follower(_) => Standing::Follower,
        Role::Candidate(candidate) if candidate.phase() == Phase::PreVote => Standing::PreCandidate,
        Role::Candidate(_) => Standing::Candidate,
        Role::Leader(_) => Standing::Leader,
    }
}
