//! Whole clusters of members in one process, in a world of seeds: disks that lose what was not synced, a network that loses,
//! delays, doubles and reorders, crashes between any two calls to a disk, and clients whose answers are all checked.
//!
//! `REPLICA_SEEDS=5000 cargo test --release -p quorate-replica --test world` runs more seeds;
//! `REPLICA_SEED=17 ... one_seed -- --nocapture` runs one and tells all that happens in it.

mod bugs;
mod clients;
mod dice;
mod disk_work;
mod faults;
mod journal;
mod member;
mod network;
mod oracle;
mod profile;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bugs::Bug;
use world::World;

const SEEDS: u64 = 300;
/// A planted bug must be noticed within so many seeds.
const SEEDS_FOR_A_BUG: u64 = 150;

/// What must have happened somewhere, or the checks have not seen it.
const RARE: [&str; 27] = [
    "answers that came after the write was applied",
    "elections won",
    "writes forwarded",
    "forwarded writes sent again",
    "forwarded writes refused: not the leader",
    "forwarded writes refused: busy",
    "forwarded writes refused: no space",
    "refused writes sent to another leader",
    "accepted writes lost and sent to another leader",
    "read questions given up",
    "descriptions sent",
    "tails truncated",
    "snapshots sent",
    "snapshots installed",
    "snapshots ignored",
    "snapshots that failed",
    "snapshots cut on their way",
    "snapshots damaged on their way",
    "crashes while starting",
    "crashes in the middle of work on the disk",
    "logs reset at start",
    "torn batches cut",
    "times there was no room",
    "times there was room again",
    "writes that waited for room",
    "members stopped by a failed disk",
    "appends dropped: log full",
];

struct Ran {
    hash: u64,
    counters: BTreeMap<&'static str, u64>,
}

fn run(seed: u64, bug: Option<Bug>, told: bool) -> Result<Ran, String> {
    let mut world = World::new(seed, bug, told);
    let ended = catch_unwind(AssertUnwindSafe(|| world.run()));
    let ended = ended.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.unwrap_or_else(|| panic.downcast_ref::<&str>().map_or("a panic".into(), ToString::to_string)))
    });
    ended.map(|hash| Ran { hash, counters: world.counters }).map_err(|error| {
        format!(
            "seed {seed}: {error}\n  replay: REPLICA_SEED={seed} cargo test -p quorate-replica --test world one_seed -- \
             --nocapture"
        )
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn clusters_keep_their_promises_whatever_happens() {
    let (first, seeds) = (number("REPLICA_FIRST").unwrap_or(0), number("REPLICA_SEEDS").unwrap_or(SEEDS));
    let mut sums: BTreeMap<&'static str, u64> = RARE.iter().map(|name| (*name, 0)).collect();
    let mut failures = Vec::new();
    for seed in first..first + seeds {
        let runs = run(seed, None, false).and_then(|one| {
            // Every third is run twice: the same seed is the same history.
            let again = if seed % 3 > 0 { Ok(one.hash) } else { run(seed, None, false).map(|again| again.hash) };
            again.map(|hash| (one, hash))
        });
        match runs {
            Ok((one, again)) => {
                assert_eq!(one.hash, again, "seed {seed}: two runs differ");
                one.counters.into_iter().for_each(|(name, count)| *sums.entry(name).or_default() += count);
            }
            Err(error) => failures.push(error),
        }
        if failures.len() >= 5 {
            break;
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    for (name, count) in &sums {
        println!("{count:>9} {name}");
    }
    let never: Vec<&&str> = RARE.iter().filter(|name| sums[**name] == 0).collect();
    assert!(seeds < SEEDS || never.is_empty(), "these never happened, so nothing was shown of them: {never:?}");
}

#[test]
fn one_seed() {
    let Some(seed) = number("REPLICA_SEED") else { return };
    if let Err(error) = run(seed, None, true) {
        panic!("{error}");
    }
}

#[test]
fn planted_bugs_are_noticed() {
    for bug in bugs::ALL {
        let found = (0..SEEDS_FOR_A_BUG).find_map(|seed| run(seed, Some(bug), false).err());
        match found {
            Some(error) => println!("{bug:?}: {}", error.lines().next().unwrap_or_default()),
            None => panic!("{bug:?} is not noticed within {SEEDS_FOR_A_BUG} seeds"),
        }
    }
}
