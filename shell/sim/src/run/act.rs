//! What can be done to a world, step by step: the words of a script of faults and requests.
//!
//! It knows the words, not what comes of them.

use serde::{Deserialize, Serialize};

use super::Network;

/// One thing that is done to the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When, in microseconds of the world.
    pub at: u64,
    /// What.
    pub act: Act,
}

/// What can be done to a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Act {
    /// The process dies; the disk's cache stays.
    Crash {
        /// Whose.
        n: u64,
    },
    /// The power goes: of what was not synced, so many in a thousand sectors and names reach the platter, each by its own chance.
    PowerLoss {
        /// Whose.
        n: u64,
        /// In a thousand.
        keep: u64,
    },
    /// All members lose power at once.
    PowerLossAll {
        /// In a thousand.
        keep: u64,
    },
    /// Who leads loses power.
    PowerLossLeader {
        /// In a thousand.
        keep: u64,
    },
    /// A member that is down starts.
    Restart {
        /// Which.
        n: u64,
    },
    /// The process or the power goes at the so-many-th call to the disk from now, between two sectors of a write if it is one;
    /// also during a start.
    CrashAtCall {
        /// Whose.
        n: u64,
        /// The how-many-th call.
        call: u64,
        /// The power goes too; of what was not synced so many in a thousand are kept.
        keep: Option<u64>,
    },
    /// The process stands still; then goes on as if nothing were.
    Pause {
        /// Whose.
        n: u64,
        /// How long.
        micros: u64,
    },
    /// Calls to the disk take long for a while.
    SlowDisk {
        /// Whose.
        n: u64,
        /// A call takes up to this.
        micros: u64,
        /// For how long.
        lasts: u64,
    },
    /// One call to the disk fails.
    FailDisk {
        /// Whose.
        n: u64,
        /// Which kind.
        call: Call,
        /// After so many others of its kind.
        after: u64,
    },
    /// The disk has room for so many bytes more.
    FillDisk {
        /// Whose.
        n: u64,
        /// Bytes.
        more: u64,
    },
    /// The disk is large enough again.
    FreeDisk {
        /// Whose.
        n: u64,
    },
    /// The member stops cleanly, and a bit rots in one of its files while it is down. A start on that disk must be refused, or
    /// show that nothing was lost; then an undamaged copy is put back.
    Rot {
        /// Whose.
        n: u64,
        /// Which bit, of all bits of all files (taken modulo their number).
        bit: u64,
    },
    /// Its clock runs fast or slow by so many millionths.
    Drift {
        /// Whose.
        n: u64,
        /// Millionths, at most 500000.
        ppm: i64,
    },
    /// Nothing gets from one to the other.
    Cut {
        /// The sender.
        from: u64,
        /// The receiver.
        to: u64,
    },
    /// The opposite of [`Act::Cut`].
    Join {
        /// The sender.
        from: u64,
        /// The receiver.
        to: u64,
    },
    /// Only members of the same group hear each other; who stands in none is alone.
    Partition {
        /// The groups.
        groups: Vec<Vec<u64>>,
    },
    /// Who leads is alone.
    IsolateLeader,
    /// Messages of one kind are lost on a link, or no longer.
    Filter {
        /// The sender.
        from: u64,
        /// The receiver.
        to: u64,
        /// As in the paper: `AppendEntries`, `RequestVoteReply` ...
        kind: String,
        /// Lost, or delivered again.
        lost: bool,
    },
    /// All links are whole.
    Heal,
    /// The network is like this from now on.
    Network(Network),
    /// A message arrives, once more if it did already. Messages are numbered from 1 in the order in which they were sent.
    Deliver {
        /// Which.
        msg: u64,
    },
    /// A timer fires.
    Fire {
        /// Whose.
        n: u64,
        /// Which.
        timer: Timer,
    },
    /// T passes in silence on this member and it stands for election at once.
    Timeout {
        /// Which.
        n: u64,
    },
    /// A client asks.
    Client {
        /// Which member; 0: who leads, else the first that runs.
        #[serde(default)]
        to: u64,
        /// What.
        op: Ask,
    },
}

/// The timers of consensus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "they are those of `raft::Timer`")]
pub enum Timer {
    LeaderSilent,
    Campaign,
    Heartbeat,
    CheckQuorum,
}

/// Calls to a disk that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "they are those of `wal::memory_disk::Operation`")]
pub enum Call {
    Read,
    Write,
    Sync,
    Rename,
    SyncDir,
    Open,
    Create,
}

/// What a client asks in a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Ask {
    /// Puts a key.
    Put {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Deletes a key.
    Delete {
        /// The key.
        key: String,
    },
    /// Puts `to` if the value is `from`, else does nothing.
    Cas {
        /// The key.
        key: String,
        /// What must stand there.
        from: String,
        /// What shall stand there.
        to: String,
    },
    /// Reads a key, linearizably.
    Get {
        /// The key.
        key: String,
    },
}

impl Act {
    /// Whom it names.
    pub(super) fn members(&self) -> Vec<u64> {
        match self {
            Self::Crash { n }
            | Self::PowerLoss { n, .. }
            | Self::Restart { n }
            | Self::CrashAtCall { n, .. }
            | Self::Pause { n, .. }
            | Self::SlowDisk { n, .. }
            | Self::FailDisk { n, .. }
            | Self::FillDisk { n, .. }
            | Self::FreeDisk { n }
            | Self::Rot { n, .. }
            | Self::Drift { n, .. }
            | Self::Fire { n, .. }
            | Self::Timeout { n }
            | Self::Client { to: n, .. } => vec![*n],
            Self::Cut { from, to } | Self::Join { from, to } | Self::Filter { from, to, .. } => vec![*from, *to],
            Self::Partition { groups } => groups.concat(),
            Self::PowerLossAll { .. }
            | Self::PowerLossLeader { .. }
            | Self::IsolateLeader
            | Self::Heal
            | Self::Network(_)
            | Self::Deliver { .. } => Vec::new(),
        }
    }

    /// It makes something worse.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(
            self,
            Self::Join { .. }
                | Self::Heal
                | Self::Restart { .. }
                | Self::FreeDisk { .. }
                | Self::Deliver { .. }
                | Self::Fire { .. }
                | Self::Timeout { .. }
                | Self::Client { .. }
        )
    }

    /// The class of faults that it belongs to, for counting and for leaving whole classes out.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Crash { .. } => "process crash",
            Self::PowerLoss { .. } | Self::PowerLossLeader { .. } => "power loss",
            Self::PowerLossAll { .. } => "power loss of all",
            Self::Restart { .. } => "restart",
            Self::CrashAtCall { keep: None, .. } => "process crash inside a disk call",
            Self::CrashAtCall { .. } => "power loss inside a disk call",
            Self::Pause { .. } => "pause",
            Self::SlowDisk { .. } => "slow disk",
            Self::FailDisk { call: Call::Read | Call::Open, .. } => "read error",
            Self::FailDisk { call: Call::Sync | Call::SyncDir, .. } => "sync error",
            Self::FailDisk { .. } => "write error",
            Self::FillDisk { .. } => "full disk",
            Self::FreeDisk { .. } => "room again",
            Self::Rot { .. } => "bit rot",
            Self::Drift { .. } => "clock drift",
            Self::Cut { .. } => "one-way cut",
            Self::Join { .. } => "join",
            Self::Filter { .. } => "kind of message lost",
            Self::Partition { .. } => "partition",
            Self::IsolateLeader => "leader isolated",
            Self::Heal => "heal",
            Self::Network(_) => "bad network for a while",
            Self::Deliver { .. } => "message by hand",
            Self::Fire { .. } | Self::Timeout { .. } => "timer by hand",
            Self::Client { .. } => "request",
        }
    }
}
