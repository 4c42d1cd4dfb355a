//! How one member is, as JSON: what it says of itself to pages, to `curl` and to the other members that are looked at. Numbers of entries and
//! bytes of nothing: no key and no value is in it. It knows nothing of how it travels.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use node::look::{FollowerLook, Histogram, Look, PeerLook, Standing, Times, Told, Topic};
use raft::progress::Mode;
use raft::{Configuration, NodeId, Stage};
use serde::{Deserialize, Serialize};

use crate::version;

/// One member. What an older or newer member leaves out is as if it were nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MemberView {
    /// Which cluster, in hex: another may have taken an address.
    pub(crate) cluster: String,
    pub(crate) node: u64,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) term: u64,
    /// `leader`, `follower`, `candidate` or `pre-candidate`.
    pub(crate) standing: String,
    /// Whom it takes for the leader, and for how long it has (or knows of none).
    pub(crate) leader: Option<u64>,
    pub(crate) leader_ms: u64,
    pub(crate) up_ms: u64,
    pub(crate) election_timeout_ms: u64,
    pub(crate) snapshot: u64,
    pub(crate) base: u64,
    pub(crate) applied: u64,
    pub(crate) commit: u64,
    pub(crate) durable: u64,
    pub(crate) last: u64,
    pub(crate) no_space: bool,
    /// Requests of clients that wait there.
    pub(crate) waiting: u64,
    pub(crate) round_trip_us: Option<u64>,
    pub(crate) configuration: ConfigurationView,
    pub(crate) peers: Vec<PeerView>,
    pub(crate) followers: Vec<FollowerView>,
    /// Over the last ten seconds.
    pub(crate) recent: Recent,
    pub(crate) told: Vec<ToldView>,
}

/// Who votes, by the configuration in force there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ConfigurationView {
    pub(crate) index: u64,
    pub(crate) committed: bool,
    /// `plain`, `catching up` or `joint`.
    pub(crate) stage: String,
    pub(crate) voters: Vec<u64>,
    /// While joint: the voters before.
    pub(crate) voters_old: Vec<u64>,
    pub(crate) learners: Vec<u64>,
    /// The voters that are wanted, while new ones catch up.
    pub(crate) wanted: Vec<u64>,
}

/// Another member, as this one meets it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PeerView {
    pub(crate) node: u64,
    pub(crate) connected: bool,
    pub(crate) silence_ms: Option<u64>,
    pub(crate) trouble: Option<String>,
}

/// A follower, as its leader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FollowerView {
    pub(crate) node: u64,
    #[serde(rename = "match")]
    pub(crate) matched: u64,
    pub(crate) next: u64,
    /// `probe`, `replicate` or `snapshot`.
    pub(crate) state: String,
    pub(crate) heard: bool,
    pub(crate) behind: u64,
    pub(crate) behind_ms: u64,
    /// While a snapshot is on its way to it: so many bytes were sent, of so many.
    pub(crate) snapshot_sent: Option<u64>,
    pub(crate) snapshot_bytes: Option<u64>,
}

/// What was measured over the last seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Recent {
    /// Over so many seconds.
    pub(crate) seconds: u64,
    /// Entries that were committed.
    pub(crate) commits: u64,
    /// How long commits took, on a leader, and the three parts of it.
    pub(crate) total: Spread,
    pub(crate) disk: Spread,
    pub(crate) network: Spread,
    pub(crate) apply: Spread,
    /// How long writes of its own log took.
    pub(crate) sync: Spread,
}

/// The mean and percentiles, in microseconds; nothing where nothing was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Spread {
    pub(crate) mean: Option<u64>,
    pub(crate) p50: Option<u64>,
    pub(crate) p99: Option<u64>,
}

/// One thing that happened there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ToldView {
    /// Rises with each line of a process.
    pub(crate) number: u64,
    /// Milliseconds of 1970, by that machine's clock.
    pub(crate) at: u64,
    /// `election`, `membership`, `snapshot`, `disk` or `end`.
    pub(crate) topic: String,
    pub(crate) term: u64,
    /// The member leads from then on.
    pub(crate) leads: bool,
    pub(crate) text: String,
}

/// What a member knows of itself beside its look.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) cluster: u64,
    pub(crate) name: String,
    pub(crate) election_timeout: Duration,
}

impl MemberView {
    pub(crate) fn of(look: &Look, own: &Own, recent: Recent) -> Self {
        Self {
            cluster: format!("{:016x}", own.cluster),
            node: look.node.0,
            name: own.name.clone(),
            version: version::QUORATE.into(),
            term: look.term.0,
            standing: standing(look.standing).into(),
            leader: look.leader.map(|leader| leader.0),
            leader_ms: millis(look.leader_for),
            up_ms: millis(look.up_for),
            election_timeout_ms: millis(own.election_timeout),
            snapshot: look.snapshot.0,
            base: look.base.0,
            applied: look.applied.0,
            commit: look.commit.0,
            durable: look.durable.0,
            last: look.last.0,
            no_space: look.no_space,
            waiting: look.waiting as u64,
            round_trip_us: look.round_trip,
            configuration: ConfigurationView::of(look),
            peers: look.peers.iter().map(PeerView::of).collect(),
            followers: look.followers.iter().map(|follower| FollowerView::of(follower, look.last.0)).collect(),
            recent,
            told: look.told.iter().map(ToldView::of).collect(),
        }
    }

    pub(crate) fn leads(&self) -> bool {
        self.standing == "leader"
    }
}

impl ConfigurationView {
    fn of(look: &Look) -> Self {
        let Configuration { voters, voters_old, learners, wanted, .. } = &look.configuration;
        let numbers = |nodes: &std::collections::BTreeSet<NodeId>| nodes.iter().map(|node| node.0).collect();
        let stage = match look.configuration.stage() {
            Stage::Plain => "plain",
            Stage::CatchingUp => "catching up",
            Stage::Joint => "joint",
        };
        Self {
            index: look.configuration_index.0,
            committed: look.configuration_index <= look.commit,
            stage: stage.into(),
            voters: numbers(voters),
            voters_old: numbers(voters_old),
            learners: numbers(learners),
            wanted: numbers(wanted),
        }
    }

    /// The sets of voters that must each agree: two of them while joint.
    pub(crate) fn majorities(&self) -> impl Iterator<Item = &[u64]> {
        [self.voters_old.as_slice(), self.voters.as_slice()].into_iter().filter(|set| !set.is_empty())
    }

    pub(crate) fn is_voter(&self, node: u64) -> bool {
        self.voters.contains(&node) || self.voters_old.contains(&node)
    }
}

impl PeerView {
    fn of(peer: &PeerLook) -> Self {
        let silence_ms = peer.silence.map(millis);
        Self { node: peer.node.0, connected: peer.connected, silence_ms, trouble: peer.trouble.clone() }
    }
}

impl FollowerView {
    fn of(follower: &FollowerLook, last: u64) -> Self {
        let state = match follower.mode {
            Mode::Probe { .. } => "probe",
            Mode::Replicate => "replicate",
            Mode::Snapshot { .. } => "snapshot",
        };
        Self {
            node: follower.node.0,
            matched: follower.matched.0,
            next: follower.next.0,
            state: state.into(),
            heard: follower.heard,
            behind: last.saturating_sub(follower.matched.0),
            behind_ms: millis(follower.behind),
            snapshot_sent: follower.snapshot.map(|snapshot| snapshot.sent),
            snapshot_bytes: follower.snapshot.map(|snapshot| snapshot.length),
        }
    }
}

impl Recent {
    /// What was measured between two looks.
    pub(crate) fn between(earlier: &Look, later: &Look, time: Duration) -> Self {
        let Times { disk, network, apply, total } = &later.times;
        let spread = |now: &Histogram, then: &Histogram| Spread::of(&now.since(then));
        Self {
            seconds: (time + Duration::from_millis(500)).as_secs(),
            commits: later.commit.0.saturating_sub(earlier.commit.0),
            total: spread(total, &earlier.times.total),
            disk: spread(disk, &earlier.times.disk),
            network: spread(network, &earlier.times.network),
            apply: spread(apply, &earlier.times.apply),
            sync: spread(&later.disk, &earlier.disk),
        }
    }
}

impl Spread {
    fn of(histogram: &Histogram) -> Self {
        Self { mean: histogram.mean(), p50: histogram.permille(500), p99: histogram.permille(990) }
    }
}

impl ToldView {
    fn of(told: &Told) -> Self {
        let topic = match told.topic {
            Topic::Election => "election",
            Topic::Membership => "membership",
            Topic::Snapshot => "snapshot",
            Topic::Disk => "disk",
            Topic::End => "end",
        };
        Self {
            number: told.number,
            at: unix_millis(told.at),
            topic: topic.into(),
            term: told.term.0,
            leads: told.leads,
            text: told.text.clone(),
        }
    }
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Follower => "follower",
        Standing::PreCandidate => "pre-candidate",
        Standing::Candidate => "candidate",
        Standing::Leader => "leader",
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970.
pub(crate) fn unix_millis(at: SystemTime) -> u64 {
    millis(at.duration_since(UNIX_EPOCH).unwrap_or_default())
}
