//! Run files come from anybody: whatever number one holds, it is refused or played, and never a panic.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use quorate_sim::campaign::play;
use quorate_sim::draw::run_of_seed;
use quorate_sim::run::Run;
use serde_json::Value;

/// Where the numbers of `value` are.
fn numbers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(at.to_owned()),
        Value::Array(all) => (0..).zip(all).for_each(|(n, one): (u32, _)| numbers(one, &format!("{at}/{n}"), found)),
        Value::Object(all) => all.iter().for_each(|(key, one)| numbers(one, &format!("{at}/{key}"), found)),
        _ => {}
    }
}

/// A second of a world with one act of each kind that `seed` drew.
fn short(seed: u64) -> Run {
    let mut run = run_of_seed(seed);
    let mut kinds = Vec::new();
    run.script.retain(|step| {
        let new = !kinds.contains(&step.act.class());
        kinds.push(step.act.class());
        new
    });
    (0..).zip(&mut run.script).for_each(|(n, step)| step.at = 200_000 + 20_000 * n);
    (run.timing.calm_at, run.clients.count) = (0, 2);
    run
}

#[test]
fn no_number_of_a_run_file_makes_a_panic() {
    let (mut played, mut wrong) = (0, BTreeMap::new());
    for seed in 0..6 {
        let whole: Value = serde_json::from_str(&short(seed).to_json()).unwrap();
        let mut places = Vec::new();
        numbers(&whole, "", &mut places);
        for place in places {
            for number in [0, 1, u64::MAX / 2, u64::MAX] {
                let mut changed = whole.clone();
                *changed.pointer_mut(&place).unwrap() = number.into();
                let Ok(run) = Run::from_json(&changed.to_string()) else { continue };
                let Ok(outcome) = play(run) else { continue };
                played += 1;
                let failure = outcome.verdict.err().filter(|failure| failure.checker == "panic");
                wrong.extend(failure.map(|failure| (place.clone(), format!("seed {seed}, {number}: {failure}"))));
            }
        }
    }
    assert!(played > 100 && wrong.is_empty(), "{played} played, {wrong:#?}");
}
