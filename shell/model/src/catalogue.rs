//! The configurations that are searched.

use raft::Switches;

use crate::configuration::{Bounds, Model, Traffic};
use crate::witness::Witness as W;

/// The plain algorithm of the paper.
const PLAIN: Switches = Switches { pre_vote: false, check_quorum: false, stickiness: false, noop: false };
/// Nothing but elections in one term.
const NARROW: Bounds = Bounds { terms: 1, proposals: 0, crashes: 0, rounds: 1, reads: 0, compactions: 0, campaigns: 0 };

/// All of them, in the order of the documentation.
#[must_use]
pub fn all() -> Vec<Model> {
    vec![
        Model {
            name: "one-node",
            purpose: "a single voter with crashes",
            nodes: 1,
            switches: PLAIN,
            slow_disk: true,
            traffic: Traffic::Batched,
            bounds: Bounds { terms: 3, proposals: 2, crashes: 3, ..NARROW },
            expected: &[W::Leader, W::LaterLeader, W::Committed, W::VoteLost, W::EntryLost, W::WriteKept, W::LogRead],
            small: true,
            planted: None,
        },
        Model {
            name: "elections-3",
            purpose: "elections of three nodes",
            nodes: 3,
            switches: PLAIN,
            slow_disk: true,
            traffic: Traffic::Batched,
            bounds: Bounds { terms: 2, ..NARROW },
            expected: &[W::Leader, W::LaterLeader, W::VotedAlready, W::Deposed],
            small: true,
            planted: None,
        },
        Model {
            name: "one-term",
            purpose: "one term, one entry, one crash",
            nodes: 3,
            switches: PLAIN,
            slow_disk: true,
            traffic: Traffic::Batched,
            bounds: Bounds { terms: 1, proposals: 1, crashes: 1, ..NARROW },
            expected: &[W::Leader, W::Committed, W::CommittedByOthers, W::CommitTold, W::EntryLost, W::LogRead],
            small: true,
            planted: None,
        },
    ]
}

/// The one of this name.
#[must_use]
pub fn named(name: &str) -> Option<Model> {
    all().into_iter().find(|model| model.name == name)
}
