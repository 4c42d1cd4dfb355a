//! All interleavings of a lease with three members, up to a bound of time: rounds that are late or lost, voters that promise, restart
//! and elect, clocks that run apart, a process that stands still. The lease is the one of `replica`, line for line; what voters promise is
//! said anew, as simply as possible. A read by lease after somebody else was elected is stale.

// States are only asked for, never listed: their order plays no part.
#![allow(clippy::disallowed_types)]

use std::collections::HashSet;

use quorate_replica::Time;
use quorate_replica::lease::{Lease, Standing};
use raft::{Index, Settings, Term};

/// T, in milliseconds of a clock.
const T: u64 = 8;
/// A step of time: a clock that is not slow goes on by so much.
const STEP: u64 = 4;
/// So many steps are tried.
const STEPS: u64 = 3;

/// What may happen, and what is done wrong on purpose.
#[derive(Debug, Clone, Copy)]
struct Model {
    /// In a step a slow clock goes on by so much of [`STEP`].
    slow: u64,
    /// The drift bound of the settings, in millionths.
    drift_bound: u64,
    planted: Planted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planted {
    Nothing,
    /// The lease begins when answers come.
    FromTheAnswer,
    /// A voter that starts has promised nothing.
    StartIsFree,
    /// That a `TimeoutNow` left is not noticed.
    HandOverUnnoticed,
    /// The clock is read before what is served.
    ClockReadEarly,
}

/// A follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Voter {
    clock: u64,
    /// Until then, by its clock, it helps nobody.
    loyal_until: u64,
    /// The newest round on its way to it and back: 0 is none.
    coming: u64,
    answer: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    steps: u64,
    clock: u64,
    round: u64,
    /// The clock as the leader read it for its last turn.
    read: u64,
    lease: Lease,
    handed_over: bool,
    voters: [Voter; 2],
    /// Somebody else leads, and has acknowledged a write.
    elected: bool,
}

impl Model {
    fn settings(&self) -> Settings {
        Settings { election_timeout: T, drift_bound: self.drift_bound, ..Settings::default() }
    }

    fn begin() -> State {
        let voter = Voter { clock: 0, loyal_until: 0, coming: 0, answer: 0 };
        let lease = Lease::default();
        State { steps: 0, clock: 0, round: 0, read: 0, lease, handed_over: false, voters: [voter; 2], elected: false }
    }

    /// A turn of the leader ends.
    fn turn(self, state: &mut State, confirmed: Option<u64>) {
        state.read = state.clock;
        let now = Time(state.clock * 1000);
        let handed_over = state.handed_over && self.planted != Planted::HandOverUnnoticed;
        let standing = Standing { term: Term(1), configuration: Index(1), round: state.round, confirmed, handed_over };
        if self.planted == Planted::FromTheAnswer && confirmed.is_some() {
            // As if the round had left just now.
            let late = Standing { round: state.round + 1, confirmed: Some(state.round + 1), ..standing };
            state.round += 1;
            return state.lease.observe(now, &late);
        }
        state.lease.observe(now, &standing);
    }

    /// A read by lease now would be answered, and be stale.
    fn is_stale(self, state: &State) -> bool {
        let clock = if self.planted == Planted::ClockReadEarly { state.read } else { state.clock };
        state.elected && state.lease.until(&self.settings()).is_some_and(|until| Time(clock * 1000) < until)
    }

    fn next(self, state: &State) -> Vec<State> {
        let mut all = Vec::new();
        let mut add = |change: &dyn Fn(&mut State)| {
            let mut next = state.clone();
            change(&mut next);
            all.push(next);
        };
        // Time passes, for the leader and for the others as fast as it likes.
        for slow in [0, 1, 6, 7_u64] {
            add(&|next| {
                let pace = |bit: u64| if slow & bit == 0 { STEP } else { self.slow };
                next.steps += 1;
                next.clock += pace(1);
                next.voters[0].clock += pace(2);
                next.voters[1].clock += pace(4);
            });
        }
        // A round leaves; whoever has not got the one before gets this one.
        add(&|next| {
            next.round += 1;
            let round = next.round;
            next.voters.iter_mut().for_each(|voter| voter.coming = round);
            self.turn(next, None);
        });
        if !state.handed_over {
            add(&|next| {
                next.handed_over = true;
                self.turn(next, None);
            });
        }
        for at in 0..2 {
            let voter = state.voters[at];
            if voter.coming > 0 && !state.elected {
                add(&|next| {
                    let voter = &mut next.voters[at];
                    (voter.answer, voter.coming) = (voter.coming, 0);
                    voter.loyal_until = voter.clock + T;
                });
            }
            if voter.answer > 0 {
                // With the leader itself that is a majority.
                add(&|next| {
                    let answer = std::mem::take(&mut next.voters[at].answer);
                    self.turn(next, Some(answer));
                });
            }
            add(&|next| {
                let voter = &mut next.voters[at];
                let free = self.planted == Planted::StartIsFree;
                voter.loyal_until = if free { voter.clock } else { voter.clock + T };
            });
        }
        // The two others make a majority, if nobody stands in the way; who was told to stand asks for no loyalty.
        let free = |voter: &Voter| voter.clock >= voter.loyal_until;
        if state.handed_over || state.voters.iter().all(free) {
            add(&|next| next.elected = true);
        }
        all
    }

    /// Whether a stale read is possible, and in how many states it was looked.
    fn search(self) -> (bool, usize) {
        let (mut seen, mut open) = (HashSet::new(), vec![Self::begin()]);
        while let Some(state) = open.pop() {
            if self.is_stale(&state) {
                return (true, seen.len());
            }
            let within = |next: &State| next.steps <= STEPS && next.round <= 2;
            for mut next in self.next(&state).into_iter().filter(within) {
                // The two are alike.
                next.voters.sort_unstable();
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        (false, seen.len())
    }
}

/// Slow clocks keep three quarters of the others' pace, which is the bound.
const WITHIN: Model = Model { slow: 3, drift_bound: 250_000, planted: Planted::Nothing };

#[test]
fn no_read_by_lease_is_stale_while_clocks_keep_the_bound() {
    let (stale, states) = WITHIN.search();
    assert!(!stale && states > 10_000, "stale: {stale}, {states} states");
    eprintln!("{states} states");
}

#[test]
fn beyond_the_bound_one_is_found() {
    assert!(Model { slow: 1, ..WITHIN }.search().0);
    assert!(Model { drift_bound: 1, ..WITHIN }.search().0, "the bound is what is agreed on, whatever clocks do");
}

#[test]
fn each_planted_bug_is_found() {
    for planted in [Planted::FromTheAnswer, Planted::StartIsFree, Planted::HandOverUnnoticed, Planted::ClockReadEarly] {
        assert!(Model { planted, ..WITHIN }.search().0, "{planted:?}");
    }
}
