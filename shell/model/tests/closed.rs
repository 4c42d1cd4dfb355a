//! Every small configuration is closed: each state within its bounds was looked at, all properties hold in each, and all that
//! it exists for was met. `quorate model` runs the larger ones.

use quorate_model::{Model, Options, Report, Start, Verdict, Width, catalogue, search};

/// Small ones of more than a million states: left to `quorate model --small`.
const LONGER: [&str; 7] = ["pre-vote", "old-term", "figure-8", "leader-removed", "alone", "transfer", "lease"];

fn run(name: &str, symmetry: bool) -> Report {
    let model = catalogue::named(name).unwrap_or_else(|| panic!("there is no {name}"));
    search(&model, Options { symmetry, ..Options::default() }, &mut |_| ())
}

#[test]
fn small_configurations_are_closed_and_show_what_they_are_there_for() {
    let takes_long = |model: &Model| LONGER.contains(&model.name);
    let small = catalogue::all().into_iter().filter(|model| model.small && !takes_long(model));
    let mut count = 0;
    for model in small {
        let report = search(&model, Options::default(), &mut |_| ());
        println!("{}: {} states, depth {}, {:?}", model.name, report.states, report.depth, report.elapsed);
        match report.verdict {
            Verdict::Closed => count += 1,
            Verdict::Broken(counterexample) => panic!("{}:\n{counterexample}", model.name),
            Verdict::Missed(_) | Verdict::Open(_) => panic!("{}: {:?}", model.name, report.verdict),
        }
    }
    assert!(count >= 10, "{count} small configurations");
}

#[test]
fn names_of_nodes_make_no_difference_but_for_the_number_of_states() {
    let (with, without) = (run("one-term", true), run("one-term", false));
    assert!(matches!((&with.verdict, &without.verdict), (Verdict::Closed, Verdict::Closed)));
    assert_eq!(with.depth, without.depth, "a state and its renamed copies are equally far from the beginning");
    assert_eq!(with.witnesses, without.witnesses);
    assert_eq!(with.states_named, without.states, "the count of images is that of a search which knows no symmetry");
    assert_eq!(without.states_named, without.states);
    let (few, many) = (with.states, without.states);
    assert!(few * 5 < many && many <= few * 6, "{few} with symmetry, {many} without: at most six names for each");
}

#[test]
fn names_of_nodes_that_every_configuration_treats_alike_make_no_difference() {
    let mut model = catalogue::named("join").unwrap();
    // The two founders are alike in the beginning, and may change names; who joins is another.
    (model.start, model.expected) = (Start::Fresh, &[]);
    (model.bounds.crashes, model.bounds.campaigns) = (0, 1);
    let run = |symmetry| search(&model, Options { symmetry, ..Options::default() }, &mut |_| ());
    let (with, without) = (run(true), run(false));
    assert!(matches!((&with.verdict, &without.verdict), (Verdict::Closed, Verdict::Closed)));
    assert_eq!((with.depth, &with.witnesses), (without.depth, &without.witnesses));
    assert_eq!(with.states_named, without.states, "the count of images is that of a search which knows no symmetry");
    assert!(with.states < without.states);
}

#[test]
fn threads_and_the_width_of_fingerprints_make_no_difference() {
    let model = catalogue::named("elections-crash").unwrap();
    let base = run("elections-crash", true);
    for (workers, width) in [(1, Width::Whole), (3, Width::Half), (1, Width::Half)] {
        let report = search(&model, Options { workers, width, ..Options::default() }, &mut |_| ());
        let figures = |report: &Report| (report.states, report.states_named, report.transitions, report.depth);
        assert_eq!(figures(&report), figures(&base), "{workers} {width:?}");
        assert!(matches!(report.verdict, Verdict::Closed));
    }
}

#[test]
fn a_search_that_ends_early_says_so() {
    let model = catalogue::named("elections-3").unwrap();
    let report = search(&model, Options { states_max: 100, ..Options::default() }, &mut |_| ());
    assert!(matches!(report.verdict, Verdict::Open(_)), "{:?}", report.verdict);
}
