//! What `cargo x mutants` asks of the model when a bug is planted in the code that is searched (`Killed-by: model NAME`): the first
//! states, among which a bug that is there at all is found. `quorate model` looks at the others.

use quorate_model::{Options, Verdict, catalogue, search};

/// So many states a search looks at here.
const STATES: u64 = 400_000;

fn look_at(name: &str) {
    let model = catalogue::named(name).unwrap_or_else(|| panic!("there is no {name}"));
    let report = search(&model, Options { states_max: STATES, ..Options::default() }, &mut |_| ());
    eprintln!("{name}: {} states, depth {}, {:?}", report.states, report.depth, report.elapsed);
    if let Verdict::Broken(counterexample) = report.verdict {
        panic!("{name}:\n{counterexample}");
    }
}

#[test]
fn first_states_of_lease() {
    look_at("lease");
}

#[test]
fn first_states_of_lease_transfer() {
    look_at("lease-transfer");
}
