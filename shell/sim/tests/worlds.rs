//! A few seeds of whole worlds, each of them twice; and each lie, which must be noticed. More seeds: `quorate sim`.

use quorate_sim::campaign::{Campaign, play, play_seed};
use quorate_sim::draw::{run_of_seed, run_with_lie};
use quorate_sim::lies::Lie;

/// Seeds that every test run plays.
const SEEDS: u64 = 24;
/// A lie must be noticed within so many seeds.
const SEEDS_FOR_A_LIE: u64 = 60;

#[test]
fn clusters_keep_their_promises_and_each_seed_is_the_same_world_twice() {
    let mut campaign = Campaign::default();
    for seed in 0..SEEDS {
        let outcome = play_seed(seed).unwrap();
        assert_eq!(outcome.verdict, Ok(()), "seed {seed}");
        if seed % 4 == 0 {
            let again = play(run_of_seed(seed)).unwrap();
            assert_eq!(outcome.ended, again.ended, "seed {seed} is another world the second time");
        }
        campaign.add(&outcome);
    }
    println!("{campaign:?}");
    for path in
        ["snapshot installed", "conflict truncated", "torn tail cut", "lost write refused", "crash inside disk work"]
    {
        assert!(campaign.counters.paths.contains_key(path), "{path} never happened");
    }
}

#[test]
fn every_lie_is_noticed_by_the_checker_for_it() {
    let mut unnoticed = Vec::new();
    for lie in Lie::ALL {
        let mut others = Vec::new();
        let found = (0..SEEDS_FOR_A_LIE).find_map(|seed| {
            let failure = play(run_with_lie(seed, *lie)).unwrap().verdict.err()?;
            let right = lie.noticed_by().contains(&failure.checker);
            others.extend((!right).then(|| failure.to_string()));
            right.then_some((seed, failure))
        });
        match found {
            Some((seed, failure)) => println!("{lie:?}: seed {seed}: {failure:.200}"),
            None => unnoticed.push(format!("{lie:?}, but {others:?}")),
        }
    }
    assert!(unnoticed.is_empty(), "not noticed within {SEEDS_FOR_A_LIE} seeds: {unnoticed:#?}");
}
