//! Every way to spoil a legal history is noticed, each on many histories.

use quorate_linearizability::{History, Verdict};

use crate::dice::Dice;
use crate::make::{self, Shape};
use crate::shorthand::judge;
use crate::{mutate_registers, mutate_store};

/// So often each must have found a place.
const LEAST: usize = 50;
const SEEDS: u64 = 150;

fn count(counts: &mut (usize, usize), name: &str, seed: u64, spoilt: &History) {
    let report = judge(spoilt);
    counts.0 += 1;
    if report.verdict == Verdict::NotLinearizable {
        counts.1 += 1;
        let explanation = report.explanation.unwrap();
        assert!(!explanation.misplaced.is_empty(), "{name}, seed {seed}: {explanation}");
        assert!(explanation.window.iter().any(|line| line.misplaced), "{name}, seed {seed}: {explanation}");
    }
}

fn assert_caught(name: &str, (made, caught): (usize, usize)) {
    eprintln!("{caught:>4} of {made:>4} caught: {name}");
    assert!(made >= LEAST, "{name}: only {made} histories had a place for it");
    assert_eq!(caught, made, "{name}");
}

#[test]
fn spoilt_histories_of_registers_are_caught() {
    for (name, mutate) in mutate_registers::ALL {
        let mut counts = (0, 0);
        for seed in 0..SEEDS {
            let mut dice = Dice::new(seed);
            let shape = Shape { clients: 3 + dice.below(5), operations: 60, failed: 6, ..Shape::any(&mut dice) };
            let legal = make::registers(&mut dice, shape);
            if let Some(spoilt) = mutate(&mut dice, legal) {
                count(&mut counts, name, seed, &make::register_history(spoilt));
            }
        }
        assert_caught(name, counts);
    }
}

#[test]
fn spoilt_histories_of_a_store_are_caught() {
    for (name, mutate) in mutate_store::ALL {
        let mut counts = (0, 0);
        for seed in 0..SEEDS {
            let mut dice = Dice::new(seed);
            let shape = Shape { clients: 3 + dice.below(5), operations: 60, unknown: 0, ..Shape::any(&mut dice) };
            let legal = make::store(&mut dice, shape);
            if let Some(spoilt) = mutate(&mut dice, legal) {
                count(&mut counts, name, seed, &spoilt.history());
            }
        }
        assert_caught(name, counts);
    }
}
