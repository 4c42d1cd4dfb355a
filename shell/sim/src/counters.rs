//! How often what happened: faults by kind, and the rare paths that a campaign must have seen or it has shown nothing of them.

use std::collections::BTreeMap;

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
    "leader isolated",
    "link that flaps",
    "lost write",
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

/// Rare paths that each campaign must have taken in one of a hundred seeds.
pub const PATHS: &[&str] = &[
    "append dropped: log full",
    "append refused",
    "completion told twice",
    "conflict truncated",
    "crash while starting",
    "crash inside disk work",
    "election won",
    "flipped read refused",
    "forwarded write refused",
    "late answer to a forwarded write",
    "last write before a loss of power lost unseen",
    "log reset at start",
    "lost write refused",
    "member stopped by a failed disk",
    "message of another time ignored",
    "misdirected write refused",
    "no room for the log",
    "pre-candidate voted for another",
    "request asked again elsewhere",
    "request refused: busy",
    "request refused: no leader",
    "request timed out",
    "room for the log again",
    "rot refused",
    "snapshot failed",
    "snapshot ignored",
    "snapshot installed",
    "snapshot needed",
    "snapshot refused by its receiver",
    "stale completion ignored",
    "step-down by CheckQuorum",
    "torn tail cut",
    "vote refused",
    "write forwarded",
];

impl Counters {
    /// A fault.
    pub fn fault(&mut self, what: &'static str) {
        *self.faults.entry(what).or_default() += 1;
    }

    /// A path.
    pub fn path(&mut self, what: &'static str) {
        *self.paths.entry(what).or_default() += 1;
    }

    /// How many faults there were.
    #[must_use]
    pub fn fault_count(&self) -> u64 {
        self.faults.values().sum()
    }
}
