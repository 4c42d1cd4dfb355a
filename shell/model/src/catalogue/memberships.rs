//! Configurations in which the membership changes: in one term with a crash, and in two terms.

use super::{BASE, NARROW, WITH_NOOP};
use crate::configuration::{Bounds, Model, Start, Traffic};
use crate::membership::{Membership, Wanted};
use crate::witness::Witness as W;

/// A learner becomes the fourth voter.
const FOUR: Membership =
    Membership { voters: 3, learners: 1, changes: &[Wanted { voters: &[1, 2, 3, 4], learners: &[] }] };
/// The fourth voter is removed.
const THREE: Membership =
    Membership { voters: 4, learners: 0, changes: &[Wanted { voters: &[1, 2, 3], learners: &[] }] };
/// The leader is removed.
const OTHERS: Membership = Membership { voters: 3, learners: 0, changes: &[Wanted { voters: &[2, 3], learners: &[] }] };
/// All but the leader are removed, at once.
const ALONE: Membership = Membership { voters: 3, learners: 0, changes: &[Wanted { voters: &[1], learners: &[] }] };
/// A node that knows nothing becomes a voter.
const JOINS: Membership =
    Membership { voters: 2, learners: 0, changes: &[Wanted { voters: &[1, 2, 3], learners: &[] }] };
/// Two clients want different things.
const TWO: Membership = Membership {
    voters: 3,
    learners: 0,
    changes: &[Wanted { voters: &[1, 2], learners: &[] }, Wanted { voters: &[1, 3], learners: &[] }],
};

pub(super) fn all() -> Vec<Model> {
    let base = Model {
        switches: WITH_NOOP,
        start: Start::Led,
        traffic: Traffic::OneByOne,
        bounds: Bounds { crashes: 1, changes: 1, ..NARROW },
        ..BASE
    };
    let mut all = one_term(&base);
    all.extend(two_terms(&base));
    all
}

fn one_term(base: &Model) -> Vec<Model> {
    let of_four = Model { nodes: 4, ..base.clone() };
    vec![
        Model {
            name: "join",
            purpose: "a node that knows nothing becomes a voter: it learns first, with a crash",
            members: Some(JOINS),
            expected: &[W::CatchingUp, W::Joint, W::JointEnded, W::LogRead],
            ..base.clone()
        },
        Model {
            name: "three-to-four",
            purpose: "a learner becomes the fourth voter, with a crash",
            members: Some(FOUR),
            expected: &[W::Joint, W::JointEnded, W::LogRead],
            ..of_four.clone()
        },
        Model {
            name: "four-to-three",
            purpose: "one of four voters is removed, with a crash",
            members: Some(THREE),
            expected: &[W::Joint, W::JointEnded, W::Removed, W::LogRead],
            ..of_four.clone()
        },
        Model {
            name: "two-changes",
            purpose: "two changes are asked for at once, with a crash",
            members: Some(TWO),
            bounds: Bounds { crashes: 1, changes: 2, ..NARROW },
            expected: &[W::Joint, W::JointEnded, W::Removed],
            ..base.clone()
        },
    ]
}

fn two_terms(base: &Model) -> Vec<Model> {
    let terms = Bounds { terms: 2, campaigns: 1, changes: 1, ..NARROW };
    let base = Model { bounds: terms, ..base.clone() };
    let of_four = Model { nodes: 4, ..base.clone() };
    vec![
        Model {
            name: "leader-removed",
            purpose: "a leader manages a change that leaves it out, and hands over; or another leads meanwhile",
            members: Some(OTHERS),
            expected: &[
                W::Joint,
                W::JointEnded,
                W::ChangeInherited,
                W::ConfigurationReverted,
                W::LeaderLeft,
                W::Removed,
            ],
            ..base.clone()
        },
        Model {
            name: "alone",
            purpose: "two of three voters are removed at once, in two terms",
            members: Some(ALONE),
            expected: &[W::Joint, W::JointEnded, W::ChangeInherited, W::ConfigurationReverted, W::Removed],
            small: false,
            ..base.clone()
        },
        Model {
            name: "join-2",
            purpose: "a node that knows nothing becomes a voter, in two terms",
            members: Some(JOINS),
            expected: &[W::CatchingUp, W::Joint, W::JointEnded, W::ChangeInherited],
            small: false,
            ..base
        },
        Model {
            name: "three-to-four-2",
            purpose: "a learner becomes the fourth voter, in two terms",
            members: Some(FOUR),
            expected: &[W::Joint, W::JointEnded, W::ChangeInherited, W::ConfigurationReverted],
            small: false,
            ..of_four.clone()
        },
        Model {
            name: "four-to-three-2",
            purpose: "one of four voters is removed, in two terms",
            members: Some(THREE),
            expected: &[W::Joint, W::JointEnded, W::ChangeInherited, W::ConfigurationReverted, W::Removed],
            small: false,
            ..of_four
        },
    ]
}
