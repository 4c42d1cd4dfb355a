//! Reads by lease, with clocks that run apart as far as was agreed on. Time has no bound in them.

use raft::Switches;

use super::{BASE, NARROW};
use crate::clocks::Clocks;
use crate::configuration::{Bounds, Model, Start};
use crate::witness::Witness as W;

/// Loyal voters, and a leader that leads on whatever it hears: `CheckQuorum` would only end its lease sooner.
const LOYAL: Switches = Switches { pre_vote: false, check_quorum: false, stickiness: true, noop: true };

/// In the time in which a fast clock goes on by three a slow one goes on by two, which is the bound: T is two steps of a fast clock,
/// the lease two steps of a slow one.
const CLOCKS: Clocks = Clocks { t: 6, fast: 3, slow: 2, drift_bound: 333_334 };

const LEASE: Model = Model {
    name: "lease",
    purpose: "reads by lease, with late answers, clocks that run apart, and an election as soon as voters are free",
    clocks: Some(CLOCKS),
    switches: LOYAL,
    start: Start::Heard,
    bounds: Bounds { terms: 2, campaigns: 1, ..NARROW },
    expected: &[W::LeaseHeld, W::LeaseHeldLater, W::LeaseEnded, W::LaterLeader, W::LeaderAlive, W::Deposed],
    ..BASE
};

pub(super) fn all() -> Vec<Model> {
    vec![
        LEASE,
        Model {
            name: "lease-crash",
            purpose: "reads by lease, and a crash of anybody",
            start: Start::Led,
            bounds: Bounds { crashes: 1, ..LEASE.bounds },
            expected: &[W::LeaseHeldLater, W::LeaseEnded, W::LaterLeader, W::LogRead, W::LeaderAlive],
            small: false,
            ..LEASE
        },
        Model {
            name: "lease-crashes",
            purpose: "reads by lease, and two crashes: of all that are loyal, say",
            start: Start::Led,
            bounds: Bounds { crashes: 2, ..LEASE.bounds },
            expected: &[W::LeaseHeldLater, W::LeaseEnded, W::LaterLeader, W::LogRead, W::LeaderAlive],
            small: false,
            ..LEASE
        },
        Model {
            name: "lease-transfer",
            purpose: "reads by lease, and a leader that hands over",
            start: Start::Led,
            bounds: Bounds { transfers: 1, ..LEASE.bounds },
            expected: &[W::LeaseGivenUp, W::ToldToStand, W::TransferEnded, W::LeaseHeldLater, W::LeaseEnded],
            small: false,
            ..LEASE
        },
    ]
}
