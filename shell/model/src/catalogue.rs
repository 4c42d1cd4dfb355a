//! The configurations that are searched. Each exists for something, says what it must have met, and is small enough to be
//! closed: what makes it small is in its bounds and in what is off.

mod leases;
mod memberships;

use raft::Switches;

use crate::configuration::{Bounds, Image, Model, Start, Traffic};
use crate::planted::Planted;
use crate::witness::Witness as W;

/// The plain algorithm of the paper.
const PLAIN: Switches = Switches { pre_vote: false, check_quorum: false, stickiness: false, noop: false };
/// As the server runs, but for the no-op.
const GUARDED: Switches = Switches { pre_vote: true, check_quorum: true, stickiness: true, noop: false };
/// A leader begins with an entry of its own.
const WITH_NOOP: Switches = Switches { noop: true, ..PLAIN };
/// One term and nothing in it.
const NARROW: Bounds = Bounds {
    terms: 1,
    proposals: 0,
    crashes: 0,
    heartbeats: 0,
    reads: 0,
    compactions: 0,
    campaigns: 0,
    changes: 0,
    transfers: 0,
};
/// What each configuration changes: three nodes, plain, disks at once.
const BASE: Model = Model {
    name: "",
    purpose: "",
    nodes: 3,
    members: None,
    clocks: None,
    switches: PLAIN,
    start: Start::Fresh,
    slow_disk: false,
    traffic: Traffic::Batched,
    bounds: NARROW,
    expected: &[],
    small: true,
    planted: None,
};

/// All of them, small ones first.
#[must_use]
pub fn all() -> Vec<Model> {
    let mut all = few_nodes();
    all.extend(elections());
    all.extend(one_term());
    all.extend(reads_and_snapshots());
    all.extend(two_terms());
    all.extend(transfers());
    all.extend(memberships::all());
    all.extend(leases::all());
    all.sort_by_key(|model| !model.small);
    all
}

/// The one of this name.
#[must_use]
pub fn named(name: &str) -> Option<Model> {
    all().into_iter().find(|model| model.name == name)
}

/// The configuration that finds this bug, with the bug planted.
#[must_use]
pub fn with(planted: Planted) -> Model {
    let name = match planted {
        Planted::VoteForgotten => "elections-crash",
        Planted::WrittenTooEarly | Planted::HardStateSkipped | Planted::TailForgotten => "two-nodes",
        Planted::TruncationSkipped => "old-term-crash",
        Planted::AnswersTooMuch | Planted::CommitsTooMuch | Planted::TruncateOnlyOnConflict => "one-term",
        Planted::RefusalsAccepted => "heartbeats",
        Planted::AnswersOutlive | Planted::UpToDate | Planted::CommitOnlyVerified => "old-term",
        Planted::PrevCheck => "conflict",
        Planted::OldTermCount => "figure-8",
        Planted::RoundsForged => "read-index",
        Planted::VotesForged | Planted::VotesOutlive | Planted::OneVote => "elections-3",
        Planted::SnapshotLost => "snapshot",
        Planted::Joint => "alone",
        Planted::HandOverUnnoticed => "lease-transfer",
        Planted::PromiseForgotten => "lease-crashes",
        Planted::LeaseFromAnswer
        | Planted::LeaseBeforeCommit
        | Planted::ClockReadEarly
        | Planted::ClockBeyondBound
        | Planted::ShorterTimeout => "lease",
    };
    let model = all().into_iter().find(|model| model.name == name);
    Model { planted: Some(planted), ..model.unwrap_or(BASE) }
}

fn few_nodes() -> Vec<Model> {
    vec![
        Model {
            name: "one-node",
            purpose: "a single voter with crashes",
            nodes: 1,
            slow_disk: true,
            bounds: Bounds { terms: 4, proposals: 3, crashes: 3, ..NARROW },
            expected: &[W::Leader, W::LaterLeader, W::CommittedIndirectly, W::VoteLost, W::EntryLost, W::WriteKept],
            ..BASE
        },
        Model {
            name: "two-nodes",
            purpose: "two voters: each is needed for everything",
            nodes: 2,
            slow_disk: true,
            bounds: Bounds { terms: 2, proposals: 2, crashes: 2, ..NARROW },
            expected: &[
                W::LaterLeader,
                W::CommittedIndirectly,
                W::VoteLost,
                W::EntryLost,
                W::LogRead,
                W::AppendRefused,
            ],
            ..BASE
        },
        Model {
            name: "two-nodes-3",
            purpose: "two voters in three terms",
            nodes: 2,
            slow_disk: true,
            bounds: Bounds { terms: 3, proposals: 1, crashes: 1, ..NARROW },
            expected: &[W::LaterLeader, W::Committed, W::Deposed, W::VoteLost, W::EntryLost, W::LogRead],
            ..BASE
        },
    ]
}

fn elections() -> Vec<Model> {
    vec![
        Model {
            name: "elections-3",
            purpose: "elections of three nodes in two terms",
            slow_disk: true,
            bounds: Bounds { terms: 2, ..NARROW },
            expected: &[W::Leader, W::LaterLeader, W::VotedAlready, W::Deposed, W::LeaderAlive, W::OldTerm],
            ..BASE
        },
        Model {
            name: "elections-crash",
            purpose: "elections with two crashes",
            slow_disk: true,
            bounds: Bounds { terms: 1, crashes: 2, ..NARROW },
            expected: &[W::Leader, W::VotedAlready, W::VoteLost, W::WriteKept],
            ..BASE
        },
        Model {
            name: "elections-5",
            purpose: "elections of five nodes, two campaigns",
            nodes: 5,
            bounds: Bounds { terms: 1, campaigns: 2, ..NARROW },
            expected: &[W::Leader, W::VotedAlready, W::LeaderAlive],
            ..BASE
        },
        Model {
            name: "pre-vote",
            purpose: "pre-votes, CheckQuorum and stickiness in two terms",
            switches: GUARDED,
            bounds: Bounds { terms: 2, campaigns: 2, ..NARROW },
            expected: &[W::PreVoteWon, W::LeaderAlive, W::NoQuorum, W::LaterLeader, W::Deposed, W::OldTerm],
            ..BASE
        },
    ]
}

fn one_term() -> Vec<Model> {
    vec![
        Model {
            name: "one-term",
            purpose: "one term, one entry, one crash",
            slow_disk: true,
            bounds: Bounds { proposals: 1, crashes: 1, ..NARROW },
            expected: &[W::Committed, W::CommittedByOthers, W::CommitTold, W::VoteLost, W::EntryLost, W::LogRead],
            ..BASE
        },
        Model {
            name: "heartbeats",
            purpose: "one term, one entry, one heartbeat of its leader",
            bounds: Bounds { proposals: 1, heartbeats: 1, campaigns: 1, ..NARROW },
            expected: &[W::Committed, W::CommitTold, W::AppendRefused],
            ..BASE
        },
        Model {
            name: "three-entries",
            purpose: "one term, three entries, one crash",
            traffic: Traffic::OneByOne,
            bounds: Bounds { proposals: 3, crashes: 1, campaigns: 1, ..NARROW },
            expected: &[W::Committed, W::CommitTold, W::AppendRefused, W::LogRead],
            small: false,
            ..BASE
        },
    ]
}

fn reads_and_snapshots() -> Vec<Model> {
    vec![
        Model {
            name: "read-index",
            purpose: "a read while leaders change",
            switches: WITH_NOOP,
            start: Start::Led,
            traffic: Traffic::OneByOne,
            bounds: Bounds { terms: 2, reads: 1, campaigns: 1, ..NARROW },
            expected: &[W::ReadServed, W::ReadServedLater, W::ReadAborted, W::Deposed],
            small: false,
            ..BASE
        },
        Model {
            name: "snapshot",
            purpose: "a follower behind a compacted log, with a crash",
            bounds: Bounds { proposals: 1, crashes: 1, compactions: 1, campaigns: 1, ..NARROW },
            expected: &[
                W::Compacted,
                W::SnapshotNeeded,
                W::SnapshotInstalled,
                W::SnapshotIgnored,
                W::SnapshotCommitted,
            ],
            ..BASE
        },
        Model {
            name: "snapshot-2",
            purpose: "a follower behind a compacted log, in two terms",
            bounds: Bounds { terms: 2, proposals: 1, compactions: 1, campaigns: 2, ..NARROW },
            expected: &[W::SnapshotInstalled, W::SnapshotIgnored, W::SnapshotCommitted, W::LaterLeader],
            small: false,
            ..BASE
        },
    ]
}

fn transfers() -> Vec<Model> {
    vec![Model {
        name: "transfer",
        purpose: "a leader hands over while its followers are loyal to it, with one entry on its way",
        switches: Switches { stickiness: true, ..PLAIN },
        start: Start::Led,
        bounds: Bounds { terms: 2, proposals: 1, campaigns: 1, transfers: 1, ..NARROW },
        expected: &[W::ToldToStand, W::TransferEnded, W::LaterLeader, W::Deposed, W::Committed, W::LeaderAlive],
        ..BASE
    }]
}

fn two_terms() -> Vec<Model> {
    vec![
        Model {
            name: "old-term",
            purpose: "what a second leader does with the entry of the first",
            switches: WITH_NOOP,
            traffic: Traffic::OneByOne,
            bounds: Bounds { terms: 2, campaigns: 2, ..NARROW },
            expected: &[W::CommittedIndirectly, W::Truncated, W::LogBehind, W::AppendRefused],
            ..BASE
        },
        Model {
            name: "figure-8",
            purpose: "figure 8 of the paper, from (b) on: an entry of an old term on a majority may still be replaced",
            start: Start::Disks(&[
                Image { term: 2, vote: None, log: &[1] },
                Image { term: 2, vote: Some(2), log: &[2] },
                Image { term: 2, vote: Some(2), log: &[] },
            ]),
            bounds: Bounds { terms: 4, campaigns: 2, ..NARROW },
            expected: &[W::LaterLeader, W::LogBehind, W::Truncated, W::AppendRefused],
            ..BASE
        },
        Model {
            name: "conflict",
            purpose: "what a leader of the third term finds where logs differ",
            start: Start::Disks(&[
                Image { term: 2, vote: None, log: &[1] },
                Image { term: 2, vote: Some(2), log: &[2] },
                Image { term: 2, vote: Some(2), log: &[] },
            ]),
            switches: WITH_NOOP,
            bounds: Bounds { terms: 3, campaigns: 2, ..NARROW },
            expected: &[W::LaterLeader, W::Committed, W::CommittedIndirectly, W::Truncated, W::AppendRefused],
            ..BASE
        },
        Model {
            name: "old-term-crash",
            purpose: "the same with slow disks and a crash",
            switches: WITH_NOOP,
            slow_disk: true,
            traffic: Traffic::OneByOne,
            bounds: Bounds { terms: 2, crashes: 1, campaigns: 2, ..NARROW },
            expected: &[W::CommittedIndirectly, W::Truncated, W::StaleCompletion, W::EntryLost, W::VoteLost],
            small: false,
            ..BASE
        },
        Model {
            name: "two-entries",
            purpose: "two terms, two entries",
            traffic: Traffic::OneByOne,
            bounds: Bounds { terms: 2, proposals: 2, campaigns: 2, ..NARROW },
            expected: &[W::Committed, W::LaterLeader, W::Truncated, W::CommittedIndirectly, W::AppendRefused],
            small: false,
            ..BASE
        },
        Model {
            name: "two-terms",
            purpose: "two terms, one entry, one crash",
            slow_disk: true,
            bounds: Bounds { terms: 2, proposals: 1, crashes: 1, campaigns: 2, ..NARROW },
            expected: &[W::Committed, W::LaterLeader, W::LogBehind, W::VoteLost, W::EntryLost, W::LogRead],
            small: false,
            ..BASE
        },
    ]
}
