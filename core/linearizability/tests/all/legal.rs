//! Legal histories pass, in every shape, also after a way through JSON.

use quorate_linearizability::{History, Verdict, read, write};

use crate::dice::Dice;
use crate::make::{self, Shape};
use crate::shorthand::judge;

fn assert_passes(seed: u64, history: &History) {
    let report = judge(history);
    assert_eq!(report.verdict, Verdict::Linearizable, "seed {seed}: {:?}\n{}", report.explanation, write(history));
    assert_eq!(read(&write(history)).as_ref(), Ok(history), "seed {seed}");
}

#[test]
fn a_thousand_legal_histories_of_registers_pass() {
    let mut unknown = 0;
    for seed in 0..1000 {
        let mut dice = Dice::new(seed);
        let shape = Shape::any(&mut dice);
        let history = make::register_history(make::registers(&mut dice, shape));
        unknown += judge(&history).counts.unknown;
        assert_passes(seed, &history);
    }
    assert!(unknown > 1000, "only {unknown} operations of unknown outcome in a thousand histories");
}

#[test]
fn a_thousand_legal_histories_of_a_store_pass() {
    let (mut unknown, mut revisions) = (0, 0);
    for seed in 0..1000 {
        let mut dice = Dice::new(seed);
        let shape = Shape::any(&mut dice);
        let made = make::store(&mut dice, shape);
        revisions += made.states.len();
        let history = made.history();
        unknown += judge(&history).counts.unknown;
        assert_passes(seed, &history);
    }
    assert!(unknown > 1000 && revisions > 10_000, "{unknown} of unknown outcome, {revisions} revisions");
}
