//! What an act is, besides what it does: whom it names, whether it is a fault, and of which kind.

use super::{Act, Call, Order};
use crate::run::{DAY, HOUR};

impl Act {
    /// Whom it names.
    pub(crate) fn members(&self) -> Vec<u64> {
        self.clone().members_mut().into_iter().map(|n| *n).collect()
    }

    /// Whom it names, to be given other names.
    pub(crate) fn members_mut(&mut self) -> Vec<&mut u64> {
        match self {
            Self::Crash { n }
            | Self::PowerLoss { n, .. }
            | Self::Restart { n }
            | Self::CrashAtCall { n, .. }
            | Self::Pause { n, .. }
            | Self::SlowDisk { n, .. }
            | Self::FailDisk { n, .. }
            | Self::Unreadable { n }
            | Self::FillDisk { n, .. }
            | Self::FreeDisk { n }
            | Self::Rot { n, .. }
            | Self::LoseWrite { n, .. }
            | Self::MisdirectWrite { n, .. }
            | Self::FlipRead { n, .. }
            | Self::FlipSent { n, .. }
            | Self::Suspend { n, .. }
            | Self::JumpClock { n, .. }
            | Self::OtherTimeout { n, .. }
            | Self::SlowNode { n, .. }
            | Self::Wipe { n }
            | Self::ShortSnapshot { n }
            | Self::Drift { n, .. }
            | Self::Isolate { n }
            | Self::Bridge { n }
            | Self::Deaf { n }
            | Self::Mute { n }
            | Self::Fire { n, .. }
            | Self::Write { n }
            | Self::Sync { n }
            | Self::Timeout { n }
            | Self::Stop { n }
            | Self::Snapshot { n }
            | Self::Client { to: n, .. } => vec![n],
            Self::Cut { from, to }
            | Self::Join { from, to }
            | Self::Filter { from, to, .. }
            | Self::Clog { from, to, .. }
            | Self::Narrow { from, to, .. }
            | Self::CutPair { a: from, b: to }
            | Self::Flap { a: from, b: to, .. }
            | Self::Transfer { n: from, to } => vec![from, to],
            Self::Partition { groups } => groups.iter_mut().flatten().collect(),
            Self::Order { at, order, .. } => order.members_mut().into_iter().chain([at]).collect(),
            Self::PowerLossAll { .. }
            | Self::PowerLossLeader { .. }
            | Self::IsolateLeader
            | Self::Ring
            | Self::Heal
            | Self::NoHints
            | Self::Network(_)
            | Self::AlignTimers
            | Self::SpreadTimers
            | Self::Drop { .. }
            | Self::Delay { .. }
            | Self::Duplicate { .. }
            | Self::Deliver { .. } => Vec::new(),
        }
    }

    /// Its numbers that others are added to, each with the most that it may be.
    pub(crate) fn numbers(&self) -> Vec<(&'static str, u64, u64)> {
        match *self {
            Self::Pause { micros, .. } | Self::Suspend { micros, .. } | Self::Clog { micros, .. } => {
                vec![("micros of an act", micros, DAY)]
            }
            Self::JumpClock { micros, .. } => vec![("micros of an act", micros.unsigned_abs(), DAY)],
            Self::SlowDisk { micros, lasts, .. } | Self::SlowNode { micros, lasts, .. } => {
                vec![("micros of an act", micros, HOUR), ("lasts of an act", lasts, DAY)]
            }
            Self::LoseWrite { lasts, .. } | Self::MisdirectWrite { lasts, .. } | Self::Narrow { lasts, .. } => {
                vec![("lasts of an act", lasts, DAY)]
            }
            Self::Delay { by, .. } => vec![("by of an act", by, HOUR)],
            Self::Flap { every, .. } => vec![("every of an act", every, HOUR)],
            Self::OtherTimeout { micros, .. } => vec![("micros of an act", micros, HOUR)],
            Self::Network(network) => vec![("delay_max of an act", network.delay_max, HOUR)],
            Self::Order { ref order, .. } => vec![("the new members of an order", order.newcomers(), 9)],
            _ => Vec::new(),
        }
    }

    /// It makes something worse.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        if let Self::Order { order, .. } = self {
            return matches!(order, Order::Lose { .. });
        }
        !matches!(
            self,
            Self::Join { .. }
                | Self::Heal
                | Self::Restart { .. }
                | Self::FreeDisk { .. }
                | Self::Deliver { .. }
                | Self::AlignTimers
                | Self::SpreadTimers
                | Self::Snapshot { .. }
                | Self::Fire { .. }
                | Self::Write { .. }
                | Self::Sync { .. }
                | Self::Timeout { .. }
                | Self::Transfer { .. }
                | Self::Stop { .. }
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
            Self::FailDisk { call: Call::Read | Call::Open, .. } | Self::Unreadable { .. } => "read error",
            Self::FailDisk { call: Call::Sync | Call::SyncDir, .. } => "sync error",
            Self::FailDisk { .. } => "write error",
            Self::FillDisk { .. } => "full disk",
            Self::FreeDisk { .. } => "room again",
            Self::Rot { .. } => "bit rot",
            Self::LoseWrite { .. } => "lost write",
            Self::MisdirectWrite { .. } => "misdirected write",
            Self::FlipRead { .. } => "bit flipped in a read of a start",
            Self::FlipSent { .. } => "bit flipped in a read while running",
            Self::Suspend { .. } => "suspended with its clock",
            Self::JumpClock { .. } => "clock jump",
            Self::SlowNode { .. } => "slow member",
            Self::OtherTimeout { .. } => "another T",
            Self::Wipe { .. } => "disk wiped",
            Self::ShortSnapshot { .. } => "snapshot sent short",
            Self::NoHints => "hints taken away",
            Self::Drift { .. } => "clock drift",
            Self::Cut { .. } => "one-way cut",
            Self::Join { .. } => "join",
            Self::Filter { .. } => "kind of message lost",
            Self::Partition { .. } => "partition",
            Self::IsolateLeader => "leader isolated",
            Self::Isolate { .. } => "member isolated",
            Self::CutPair { .. } => "partial partition",
            Self::Bridge { .. } => "bridge",
            Self::Ring => "ring",
            Self::Deaf { .. } => "deaf member",
            Self::Mute { .. } => "mute member",
            Self::Flap { .. } => "link that flaps",
            Self::Clog { .. } => "clogged link",
            Self::Narrow { .. } => "narrow link",
            Self::Heal => "heal",
            Self::Network(_) => "bad network for a while",
            Self::Deliver { .. } | Self::Drop { .. } | Self::Delay { .. } | Self::Duplicate { .. } => "message by hand",
            Self::Fire { .. } | Self::Timeout { .. } | Self::AlignTimers | Self::SpreadTimers => "timer by hand",
            Self::Write { .. } | Self::Sync { .. } => "disk by hand",
            Self::Transfer { .. } => "transfer",
            Self::Stop { .. } => "stop",
            Self::Snapshot { .. } => "snapshot by hand",
            Self::Client { .. } => "request",
            Self::Order { order: Order::Lose { .. }, .. } => "machine lost for ever",
            Self::Order { .. } => "change of the membership ordered",
        }
    }
}
