//! How often what happened: faults by kind, and the rare paths that a campaign must have seen or it has shown nothing of them.

use std::collections::BTreeMap;
use std::fmt;

/// Counts of one world, or of many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// What was done to the world, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// What came of it.
    pub paths: BTreeMap<&'static str, u64>,
}

/// Kinds of faults that each campaign must have seen in one of a hundred seeds.
pub const FAULTS: &[&str] = &[
    "another T",
    "bad network for a while",
    "bit flipped in a read of a start",
    "bit flipped in a read while running",
    "bit rot",
    "bridge",
    "clock drift",
    "clock jump",
    "clogged link",
    "deaf member",
    "full disk",
    "kind of message lost",
    "leader isolated",
    "link that flaps",
    "lost write",
    "machine lost for ever",
    "member isolated",
    "message doubled",
    "message late",
    "message lost",
    "message of an earlier life",
    "message of long ago",
    "misdirected write",
    "mute member",
    "narrow link",
    "one-way cut",
    "partial partition",
    "partition",
    "pause",
    "power loss",
    "power loss inside a disk call",
    "power loss of all",
    "process crash",
    "process crash inside a disk call",
    "read error",
    "ring",
    "slow disk",
    "slow member",
    "snapshot cut on its way",
    "snapshot damaged on its way",
    "suspended with its clock",
    "sync error",
    "write error",
];

/// Faults that happen to single messages, by chance.
const BY_CHANCE: &[&str] = &[
    "message doubled",
    "message late",
    "message lost",
    "message of an earlier life",
    "message of long ago",
    "snapshot cut on its way",
    "snapshot damaged on its way",
];

/// Rare paths that each campaign must have taken in one of a hundred seeds.
pub const PATHS: &[&str] = &[
    "append dropped: log full",
    "append refused",
    "bounded read",
    "chunk of a snapshot came twice",
    "chunk of a snapshot refused",
    "chunk of a snapshot was missing",
    "clock caught",
    "change of the membership committed",
    "change of the membership lost",
    "change refused: another is under way",
    "change refused: leader is new",
    "change refused: too few answer",
    "completion told twice",
    "copy of an answered command",
    "configuration reverted",
    "conflict truncated",
    "crash inside disk work",
    "crash while starting",
    "election won",
    "flipped read refused",
    "forwarded write refused",
    "joint configuration in force",
    "last write before a loss of power lost unseen",
    "late answer to a forwarded write",
    "leader stopped after it handed over",
    "leader with a lease deposed",
    "lease ended: a peer differs",
    "lease ended: clock caught",
    "lease ran out",
    "leader without a vote stepped down",
    "log reset at start",
    "lost write refused",
    "member joins",
    "member removed",
    "membership request answered",
    "membership request refused",
    "member stopped by a failed disk",
    "message of another time ignored",
    "misdirected write refused",
    "named command asked again",
    "named command given up",
    "new voters catch up",
    "no room for the log",
    "order taken back",
    "pre-candidate voted for another",
    "read by lease",
    "promotion refused: it lags",
    "removed member runs on",
    "removed member starts again",
    "request asked again elsewhere",
    "request refused: busy",
    "request refused: by its session",
    "request refused: no leader",
    "request refused: too large",
    "request timed out",
    "room for the log again",
    "rot refused",
    "serializable read",
    "session closed",
    "session expired under its client",
    "session opened",
    "snapshot failed",
    "snapshot held back by its rate",
    "snapshot ignored",
    "snapshot installed",
    "snapshot needed",
    "snapshot refused by its receiver",
    "snapshot resumed",
    "snapshot resumed in another life",
    "snapshot unreadable for its sender",
    "snapshot waits: enough are sent",
    "stale completion ignored",
    "start refused by a full or failing disk",
    "step-down by CheckQuorum",
    "told to stand",
    "torn tail cut",
    "transfer begun",
    "transfer done",
    "transfer given up",
    "transfer not done in time",
    "transfer refused",
    "vote refused",
    "write forwarded",
];

/// Where a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Between members.
    Network,
    /// To a process or its power.
    Members,
    /// To a disk.
    Disks,
    /// To a clock.
    Clocks,
}

impl Layer {
    /// That of a kind of faults.
    #[must_use]
    pub fn of(fault: &str) -> Self {
        let any = |words: &[&str]| words.iter().any(|word| fault.contains(word));
        if any(&["clock"]) {
            Self::Clocks
        } else if any(&["disk", "write", "read", "sync", "rot"]) && !any(&["crash", "power"]) {
            Self::Disks
        } else if any(&["crash", "power", "pause", "slow", "for ever"]) {
            Self::Members
        } else {
            Self::Network
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "network",
            Self::Members => "members",
            Self::Disks => "disks",
            Self::Clocks => "clocks",
        })
    }
}

impl Counters {
    /// A fault.
    pub fn fault(&mut self, what: &'static str) {
        *self.faults.entry(what).or_default() += 1;
    }

    /// A path.
    pub fn path(&mut self, what: &'static str) {
        *self.paths.entry(what).or_default() += 1;
    }

    /// How many faults of a script there were: those that chance makes of single messages left out.
    #[must_use]
    pub fn fault_acts(&self) -> u64 {
        self.faults.iter().filter(|(what, _)| !BY_CHANCE.contains(what)).map(|(_, count)| count).sum()
    }

    /// How many faults there were.
    #[must_use]
    pub fn fault_count(&self) -> u64 {
        self.faults.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_faults_has_its_layer() {
        let of = |layer| FAULTS.iter().filter(|what| Layer::of(what) == layer).copied().collect::<Vec<&str>>();
        assert_eq!(of(Layer::Clocks), ["clock drift", "clock jump", "suspended with its clock"]);
        let down = ["power loss", "power loss inside a disk call", "power loss of all", "process crash"];
        let members =
            [&["machine lost for ever", "pause"], &down[..], &["process crash inside a disk call", "slow member"]];
        assert_eq!(of(Layer::Members), members.concat());
        let disks = ["bit flipped in a read of a start", "bit flipped in a read while running", "bit rot", "full disk"];
        let lies = ["lost write", "misdirected write", "read error", "slow disk", "sync error", "write error"];
        assert_eq!(of(Layer::Disks), [&disks[..], &lies].concat());
        assert!(of(Layer::Network).contains(&"bridge") && of(Layer::Network).contains(&"snapshot damaged on its way"));
    }

    #[test]
    fn what_chance_makes_is_no_fault_of_a_script() {
        assert!(BY_CHANCE.iter().all(|what| FAULTS.contains(what)));
        let mut counters = Counters::default();
        counters.fault("message lost");
        counters.fault("pause");
        assert_eq!((counters.fault_count(), counters.fault_acts()), (2, 1));
    }
}
