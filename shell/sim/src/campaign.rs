//! Playing one run to its end and saying what came of it; panics are failures like others. Many seeds are the caller's loop, and
//! their sum is here: what a campaign must have seen, or it has shown nothing of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::checkers::Failure;
use crate::counters::{Counters, FAULTS, PATHS};
use crate::draw::run_of_seed;
use crate::run::{Run, RunError};
use crate::world::{Ended, World};

/// A share of the seeds, in percent, in which each kind of fault and each rare path must have occurred.
pub const SHARE_PERCENT: u64 = 1;
/// Smaller campaigns are not judged by it.
pub const JUDGED_FROM: u64 = 500;

/// A seed in which less than this happens shows nothing, and fails: microseconds of the world, requests of clients, faults of the script.
pub const MICROS_MIN: u64 = 60_000_000;
/// Requests of clients.
pub const OPERATIONS_MIN: u64 = 200;
/// Faults of the script; what chance does to single messages does not count.
pub const FAULTS_MIN: u64 = 10;

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What a checker found; `Ok`: all is well.
    pub verdict: Result<(), Failure>,
    /// How it went up to then.
    pub ended: Ended,
    /// How often what happened.
    pub counters: Counters,
}

/// Plays a run to its end.
///
/// # Errors
/// When the run asks for what can't be.
pub fn play(run: Run) -> Result<Outcome, RunError> {
    let mut world = World::new(run)?;
    let verdict = play_on(&mut world);
    Ok(Outcome { verdict, ended: world.so_far(), counters: world.counters })
}

/// Plays the run of this seed to its end, and asks whether enough happened in it.
///
/// # Errors
/// When the run asks for what can't be.
pub fn play_seed(seed: u64) -> Result<Outcome, RunError> {
    let mut outcome = play(run_of_seed(seed))?;
    if outcome.verdict.is_ok() {
        outcome.verdict = outcome.is_enough();
    }
    Ok(outcome)
}

impl Outcome {
    /// Whether enough happened in this world to show anything.
    fn is_enough(&self) -> Result<(), Failure> {
        let (micros, operations, faults) = (self.ended.micros, self.ended.operations, self.counters.fault_acts());
        if micros >= MICROS_MIN && operations >= OPERATIONS_MIN && faults >= FAULTS_MIN {
            return Ok(());
        }
        let what = format!(
            "{micros} µs with {operations} requests and {faults} faults; at least {MICROS_MIN} µs, {OPERATIONS_MIN} requests and \
             {FAULTS_MIN} faults are needed"
        );
        Err(Failure::new("enough", what))
    }
}

/// Plays a world to its end.
///
/// # Errors
/// What a checker found, or a panic.
pub fn play_on(world: &mut World) -> Result<(), Failure> {
    match catch_unwind(AssertUnwindSafe(|| world.run())) {
        Ok(ended) => ended.map(|_| ()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            Err(Failure { checker: "panic", what: text.unwrap_or_else(|| "a panic without words".into()) })
        }
    }
}

/// The sum over many seeds.
#[derive(Debug, Clone, Default)]
pub struct Campaign {
    /// Seeds that were played.
    pub seeds: u64,
    /// Those in which all was well.
    pub passed: u64,
    /// The others.
    pub failed: u64,
    /// Events of all worlds.
    pub events: u64,
    /// Microseconds of all worlds.
    pub micros: u64,
    /// Requests of all clients.
    pub operations: u64,
    /// The least requests and faults of the script of any seed.
    pub least: Option<(u64, u64)>,
    /// How often what happened, in all.
    pub counters: Counters,
    /// In how many seeds it happened.
    pub seeds_with: Counters,
}

impl Campaign {
    /// One seed more.
    pub fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        match outcome.verdict {
            Ok(()) => self.passed += 1,
            Err(_) => self.failed += 1,
        }
        self.events += outcome.ended.events;
        self.micros += outcome.ended.micros;
        self.operations += outcome.ended.operations;
        let (operations, faults) = self.least.unwrap_or((u64::MAX, u64::MAX));
        let this = (outcome.ended.operations, outcome.counters.fault_acts());
        self.least = Some((operations.min(this.0), faults.min(this.1)));
        for (what, count) in &outcome.counters.faults {
            *self.counters.faults.entry(what).or_default() += count;
            *self.seeds_with.faults.entry(what).or_default() += 1;
        }
        for (what, count) in &outcome.counters.paths {
            *self.counters.paths.entry(what).or_default() += count;
            *self.seeds_with.paths.entry(what).or_default() += 1;
        }
    }

    /// Kinds of faults and rare paths that occurred in too few seeds, with the number of seeds. Nothing while the campaign is too
    /// small to be judged.
    #[must_use]
    pub fn too_rare(&self) -> Vec<(&'static str, u64)> {
        if self.seeds < JUDGED_FROM {
            return Vec::new();
        }
        let least = (self.seeds * SHARE_PERCENT).div_ceil(100);
        let faults = FAULTS.iter().map(|what| (*what, self.seeds_with.faults.get(what).copied().unwrap_or(0)));
        let paths = PATHS.iter().map(|what| (*what, self.seeds_with.paths.get(what).copied().unwrap_or(0)));
        faults.chain(paths).filter(|(_, seeds)| *seeds < least).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Ended;

    fn outcome(micros: u64, operations: u64, faults: u64) -> Outcome {
        let mut counters = Counters::default();
        (0..faults).for_each(|_| counters.fault("pause"));
        (0..100).for_each(|_| counters.fault("message lost"));
        Outcome { verdict: Ok(()), ended: Ended { hash: 1, events: 5, micros, operations }, counters }
    }

    #[test]
    fn a_seed_in_which_little_happens_fails() {
        assert_eq!(outcome(60_000_000, 200, 10).is_enough(), Ok(()));
        for (micros, operations, faults) in [(59_999_999, 200, 10), (60_000_000, 199, 10), (60_000_000, 200, 9)] {
            assert_eq!(outcome(micros, operations, faults).is_enough().unwrap_err().checker, "enough");
        }
    }

    #[test]
    fn a_campaign_that_never_saw_a_fault_says_so() {
        let mut campaign = Campaign::default();
        (0..JUDGED_FROM - 1).for_each(|_| campaign.add(&outcome(60_000_000, 200, 10)));
        assert!(campaign.too_rare().is_empty(), "too small to be judged");
        campaign.add(&outcome(60_000_000, 200, 10));
        let rare = campaign.too_rare();
        assert!(rare.contains(&("bit rot", 0)) && rare.contains(&("torn tail cut", 0)), "{rare:?}");
        assert!(!rare.iter().any(|(what, _)| *what == "pause"));
    }
}
