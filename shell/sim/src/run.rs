//! A run: everything that decides what happens in a world, as one value that can be written down, edited and played again.
//!
//! It knows the words of a run and their bounds, not what comes of them. Its text form is JSON with a version; a file of another
//! version is refused.

mod act;
mod class;
mod measure;
mod order;
mod usual;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lies::Lie;
use crate::rules::Rule;

pub use act::{Act, Ask, Call, Mode, Step, Timer};
pub use order::Order;

/// The version of the format that this program reads and writes.
pub const VERSION: u32 = 1;

/// One world, from its first event to its last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The version of this format.
    pub v: u32,
    /// All chance comes from it.
    pub seed: u64,
    /// How many members, with the ids 1 and up, all of them voters.
    pub members: u64,
    /// Clocks and durations.
    pub timing: Timing,
    /// How bad the network is.
    pub network: Network,
    /// Which refinements of the plain algorithm are on.
    pub features: Features,
    /// Bounds of the members.
    #[serde(default, skip_serializing_if = "Limits::is_roomy")]
    pub limits: Limits,
    /// What clients do by themselves.
    #[serde(default, skip_serializing_if = "Clients::is_none")]
    pub clients: Clients,
    /// The members have described themselves to each other before: no entries about that come first.
    #[serde(default, skip_serializing_if = "is_off")]
    pub described: bool,
    /// Disks that members start with; the others' are empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initial: Vec<Image>,
    /// What is done to the world, in the order of time.
    pub script: Vec<Step>,
    /// A mistake of a driver, a disk or a client that is made on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lie: Option<Lie>,
    /// Rules of consensus that all members leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules_off: Vec<Rule>,
}

/// Clocks and durations, in microseconds of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// T, the least election timeout.
    pub election_timeout: u64,
    /// Between two heartbeats.
    pub heartbeat: u64,
    /// From then on nothing bad happens any more; 0: there is no such time, and the run ends 2 T after the last step of its script.
    pub calm_at: u64,
    /// An ordinary write or sync.
    pub disk: u64,
    /// How far the members agreed that two of their clocks may drift apart, in millionths, for reads by lease; 0: they did not.
    #[serde(default, skip_serializing_if = "is_zero_64")]
    pub drift_bound: u64,
    /// No timer fires by itself, only by [`Act::Fire`].
    #[serde(default)]
    pub timers_by_hand: bool,
    /// No disk works at a member's log by itself, only by [`Act::Write`] and [`Act::Sync`].
    #[serde(default, skip_serializing_if = "is_off")]
    pub disks_by_hand: bool,
    /// When members start for the first time, so many thousandths of T have passed already: something happens soon.
    #[serde(default, skip_serializing_if = "is_zero_64")]
    pub elapsed_at_start: u64,
    /// Each member's timers have a chance of their own, so that a timeout can be known before it is drawn.
    #[serde(default, skip_serializing_if = "is_off")]
    pub timeouts_known: bool,
    /// The most that a client's request or its answer takes on its way, and at least half of it; 0: some hundred microseconds.
    #[serde(default, skip_serializing_if = "is_zero_64")]
    pub client_delay: u64,
}

/// How bad the network is. Chances are in a thousand messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The least delay of a message, in microseconds.
    pub delay_min: u64,
    /// The most, in microseconds.
    pub delay_max: u64,
    /// Lost.
    pub loss: u64,
    /// Delivered twice.
    pub doubled: u64,
    /// A message of long ago comes once more.
    pub replayed: u64,
    /// Takes very long, up to a few heartbeats, so that others overtake it.
    pub late: u64,
    /// Pieces of a snapshot: the connection breaks there.
    pub snapshot_cut: u64,
    /// Pieces of a snapshot: a bit is turned.
    pub snapshot_damage: u64,
    /// Bytes of snapshots that leave a member in a second; 0: as fast as they go.
    #[serde(default, skip_serializing_if = "is_no_rate")]
    pub snapshot_rate: u64,
    /// No message arrives by itself, only by [`Act::Deliver`].
    #[serde(default)]
    pub by_hand: bool,
}

/// Which refinements are on (each is safe without).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "they are switches")]
pub struct Features {
    /// Thesis 9.6.
    pub pre_vote: bool,
    /// Thesis 6.2.
    pub check_quorum: bool,
    /// Thesis 4.2.3.
    pub stickiness: bool,
    /// Paper section 8.
    pub noop: bool,
}

/// Bounds of the members, in bytes where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "they are those of `raft::Limits`, `replica::Config` and `wal::Options`")]
pub struct Limits {
    pub append_bytes_max: u64,
    pub inflight_count_max: usize,
    pub inflight_bytes_max: u64,
    pub write_bytes_max: u64,
    pub uncommitted_bytes_max: u64,
    pub log_bytes_max: u64,
    pub reads_max: usize,
    pub command_bytes_max: usize,
    pub requests_max: usize,
    pub request_bytes_max: u64,
    pub apply_bytes_max: u64,
    pub snapshot_entries: u64,
    pub snapshot_log_bytes: u64,
    pub snapshot_tail: u64,
    pub segment_bytes: u64,
    #[serde(default)]
    pub sessions: Sessions,
}

/// Bounds of sessions, as `replica::SessionLimits` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "they are those of `replica::SessionLimits`")]
pub struct Sessions {
    pub sessions_max: u64,
    pub outstanding_max: u64,
    pub session_bytes_max: u64,
    pub bytes_max: u64,
    pub ttl_max: u64,
}

impl Default for Sessions {
    fn default() -> Self {
        let replica::SessionLimits { sessions_max, outstanding_max, session_bytes_max, bytes_max, ttl_max } =
            replica::SessionLimits::default();
        Self { sessions_max, outstanding_max, session_bytes_max, bytes_max, ttl_max }
    }
}

/// What clients do by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clients {
    /// How many; 0: only the script asks.
    pub count: u64,
    /// Between an answer and the next request, in microseconds, on average.
    pub pause: u64,
    /// Of how many keys they speak.
    pub keys: u64,
    /// In a thousand requests, reads.
    pub reads: u64,
    /// In a thousand requests, a burst of many at once.
    pub bursts: u64,
    /// Bytes of a value, at most.
    pub value_bytes_max: u64,
    /// In a thousand reads, by the leader's lease.
    #[serde(default, skip_serializing_if = "is_zero_64")]
    pub lease_reads: u64,
    /// In a thousand reads, not older than some bound.
    #[serde(default, skip_serializing_if = "is_zero_64")]
    pub bounded_reads: u64,
    /// In a thousand reads, of what is there, however old.
    #[serde(default, skip_serializing_if = "is_zero_64")]
    pub serializable_reads: u64,
    /// How many more have sessions.
    #[serde(default, skip_serializing_if = "is_zero_64")]
    pub sessions: u64,
}

/// A disk at the start of a run: as if the member had run before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Whose.
    pub n: u64,
    /// Its term.
    pub term: u64,
    /// Its vote in that term; 0: none.
    #[serde(default)]
    pub vote: u64,
    /// Its commit index.
    #[serde(default)]
    pub commit: u64,
    /// Its log from index 1.
    pub log: Vec<Record>,
    /// Index and term of its newest snapshot, beside one of the beginning; the store in it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<(u64, u64)>,
    /// Of which group its files are; the members' is 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub group: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero_64(number: &u64) -> bool {
    *number == 0
}

/// One entry of an [`Image`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its term.
    pub term: u64,
    /// The key that it puts; without: an empty entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value that it puts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// Why a text is no run that can be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunError {
    /// It is of another version.
    Version {
        /// The one that the file names.
        found: u64,
    },
    /// It can't be read; the sentence says line and column.
    Format(String),
    /// It asks for what can't be.
    Bounds(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { found } => write!(
                f,
                "the run has version {found} of the format, this program plays version {VERSION}: use the program that wrote it"
            ),
            Self::Format(what) => write!(f, "this is no run: {what}"),
            Self::Bounds(what) => write!(f, "the run can't be played: {what}"),
        }
    }
}

impl std::error::Error for RunError {}

impl Run {
    /// What the members agreed on.
    #[must_use]
    pub fn settings(&self) -> raft::Settings {
        raft::Settings {
            election_timeout: self.timing.election_timeout / 1000,
            drift_bound: self.timing.drift_bound,
            ..raft::Settings::default()
        }
    }

    /// The members' settings.
    #[must_use]
    pub fn replica_config(&self) -> replica::Config {
        let Limits { append_bytes_max, inflight_count_max, inflight_bytes_max, write_bytes_max, .. } = self.limits;
        let Limits { uncommitted_bytes_max, log_bytes_max, reads_max, .. } = self.limits;
        let (sessions, Features { pre_vote, check_quorum, stickiness, noop }) = (self.limits.sessions, self.features);
        let limits = raft::Limits {
            append_bytes_max,
            inflight_count_max,
            inflight_bytes_max,
            write_bytes_max,
            uncommitted_bytes_max,
            log_bytes_max,
            reads_max,
        };
        let switches = raft::Switches { pre_vote, check_quorum, stickiness, noop };
        replica::Config {
            raft: raft::Config { switches, limits },
            election_timeout: self.timing.election_timeout,
            command_bytes_max: self.limits.command_bytes_max,
            requests_max: self.limits.requests_max,
            request_bytes_max: self.limits.request_bytes_max,
            apply_bytes_max: self.limits.apply_bytes_max,
            snapshot_entries: self.limits.snapshot_entries,
            snapshot_log_bytes: self.limits.snapshot_log_bytes,
            snapshot_tail: self.limits.snapshot_tail,
            sessions: replica::SessionLimits {
                sessions_max: sessions.sessions_max,
                outstanding_max: sessions.outstanding_max,
                session_bytes_max: sessions.session_bytes_max,
                bytes_max: sessions.bytes_max,
                ttl_max: sessions.ttl_max,
            },
        }
    }

    /// As text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// From text.
    ///
    /// # Errors
    /// When it is of another version, no run, or asks for what can't be.
    pub fn from_json(text: &str) -> Result<Self, RunError> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| RunError::Format(error.to_string()))?;
        match value.get("v").and_then(serde_json::Value::as_u64) {
            Some(v) if v == u64::from(VERSION) => {}
            Some(found) => return Err(RunError::Version { found }),
            None => return Err(RunError::Format("it names no version (\"v\")".into())),
        }
        // Again, for the place of a mistake.
        let run: Self = serde_json::from_str(text).map_err(|error| RunError::Format(error.to_string()))?;
        run.check()?;
        Ok(run)
    }

    /// Whether it stays within what a world can do.
    ///
    /// # Errors
    /// Which bound it breaks.
    pub fn check(&self) -> Result<(), RunError> {
        let refuse = |what: String| Err(RunError::Bounds(what));
        if !(1..=9).contains(&self.members) {
            return refuse(format!("{} members, 1 to 9 are possible", self.members));
        }
        let Timing { election_timeout, heartbeat, .. } = self.timing;
        if heartbeat == 0 || heartbeat >= election_timeout {
            return refuse(format!("a heartbeat of {heartbeat} µs does not fit T = {election_timeout} µs"));
        }
        let acts = self.script.iter().flat_map(|step| step.act.numbers());
        if let Some((what, is, most)) = self.numbers().into_iter().chain(acts).find(|(_, is, most)| is > most) {
            return refuse(format!("{what} is {is}, at most {most} is possible"));
        }
        let early = (2..).zip(self.script.windows(2)).find(|(_, pair)| pair[0].at > pair[1].at);
        if let Some((number, pair)) = early {
            let (at, before) = (pair[1].at, pair[0].at);
            return refuse(format!("step {number} of the script is at {at} µs, and the one before it at {before}"));
        }
        let networks = self.script.iter().filter_map(|step| match &step.act {
            Act::Network(network) => Some(network),
            _ => None,
        });
        if networks.chain([&self.network]).any(|network| network.delay_min > network.delay_max) {
            return refuse("the least delay of a message is above the most".into());
        }
        let named = self.script.iter().flat_map(|step| step.act.members()).chain(self.initial.iter().map(|one| one.n));
        let newcomers: u64 = self.script.iter().map(|step| step.act.newcomers()).sum();
        let most = self.members.saturating_add(newcomers);
        for n in named {
            if n > most {
                return refuse(format!("it names member {n}, there are {most}"));
            }
        }
        let options = wal::Options { segment_bytes: self.limits.segment_bytes, ..wal::Options::new(1) };
        if !options.segment_bytes.is_multiple_of(512) || options.segment_bytes < 1024 {
            return refuse(format!("segments of {} bytes (a multiple of 512, at least 1024)", options.segment_bytes));
        }
        Ok(())
    }
}

/// An hour of the world, in microseconds.
pub(crate) const HOUR: u64 = 3_600_000_000;
/// A day of it: longer runs are none that anybody waits for.
pub(crate) const DAY: u64 = 24 * HOUR;
/// As good as no limit: disks and logs of all members are in memory.
const MUCH: u64 = 1 << 30;

/// What is left out of a file.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_off(switch: &bool) -> bool {
    !switch
}

/// What is left out of a file.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_no_rate(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_back_as_it_was_written() {
        let mut run = Run::quiet(5, 3);
        run.script.push(Step { at: 10, act: Act::Partition { groups: vec![vec![1], vec![2, 3]] } });
        run.initial.push(Image {
            n: 1,
            term: 5,
            vote: 0,
            commit: 0,
            log: vec![Record { term: 1, key: None, value: String::new() }],
            snapshot: None,
            group: 0,
        });
        run.rules_off = vec![Rule::PrevCheck, Rule::UpToDate];
        assert_eq!(Run::from_json(&run.to_json()), Ok(run));
    }

    #[test]
    fn what_is_ordinary_may_be_left_out() {
        let text = Run::teaching(5, 3).to_json();
        assert!(!text.contains("limits") && !text.contains("clients"), "{text}");
        assert_eq!(Run::from_json(&text), Ok(Run::teaching(5, 3)));
        let mut run = Run::quiet(5, 3);
        run.limits.snapshot_entries = 7;
        assert_eq!(Run::from_json(&run.to_json()), Ok(run));
    }

    #[test]
    fn another_version_is_refused_with_both() {
        let text = Run::quiet(5, 3).to_json().replace("\"v\": 1", "\"v\": 7");
        let error = Run::from_json(&text).unwrap_err();
        assert_eq!(error, RunError::Version { found: 7 });
        assert!(error.to_string().contains("version 7") && error.to_string().contains("version 1"), "{error}");
    }

    #[test]
    fn numbers_without_measure_are_refused_by_name() {
        let refused = |change: fn(&mut Run)| {
            let mut run = Run::quiet(5, 3);
            change(&mut run);
            run.check().map_err(|error| error.to_string())
        };
        assert_eq!(refused(|_| ()), Ok(()));
        let error = refused(|run| run.limits.segment_bytes = 1 << 60).unwrap_err();
        assert!(error.ends_with("segment_bytes is 1152921504606846976, at most 16777216 is possible"), "{error}");
        assert!(refused(|run| run.script.push(Step { at: u64::MAX, act: Act::Heal })).is_err());
        assert!(refused(|run| run.network.delay_max = u64::MAX).is_err());
        assert!(refused(|run| run.timing.election_timeout = u64::MAX).is_err());
    }

    #[test]
    fn what_is_no_run_is_refused_with_its_place() {
        for text in ["", "{}", "[1]", "{\"v\": 1, \"seed\": 3}", "{\"v\": 1, \"wrong\": 3}"] {
            assert!(matches!(Run::from_json(text), Err(RunError::Format(_))), "{text}");
        }
        let text = Run::quiet(5, 3).to_json().replace("\"seed\"", "\"sead\"");
        assert!(Run::from_json(&text).unwrap_err().to_string().contains("line 3"), "{text}");
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let refused = |change: fn(&mut Run)| {
            let mut run = Run::quiet(5, 3);
            change(&mut run);
            matches!(Run::from_json(&run.to_json()), Err(RunError::Bounds(_)))
        };
        assert!(!refused(|_| ()));
        assert!(refused(|run| run.members = 0));
        assert!(refused(|run| run.timing.heartbeat = run.timing.election_timeout));
        assert!(refused(|run| run.network.delay_min = 10_000));
        assert!(refused(|run| run.limits.segment_bytes = 700));
        assert!(refused(|run| run.script.push(Step { at: 0, act: Act::Crash { n: 4 } })));
        assert!(refused(|run| {
            run.script = [5, 3].map(|at| Step { at, act: Act::Heal }).to_vec();
        }));
    }
}
