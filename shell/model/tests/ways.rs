//! The way to something that is met is a golden script of the core: what the core's own scripts record of it is what the
//! model says of its end.

use quorate_model::{Witness, catalogue, way_to};

const RECORDED: &str = "../../core/raft/tests/scripts/commit/the_models_shortest_way_to_an_indirect_commit";

/// The commands of a golden script, and what they print.
fn parts(script: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut commands, mut printed, mut prints) = (Vec::new(), Vec::new(), false);
    for line in script.lines().filter(|line| !line.starts_with('#')) {
        match line {
            "" => prints = false,
            "---" => prints = true,
            line if prints => printed.push(line),
            line => commands.push(line),
        }
    }
    (commands, printed)
}

#[test]
fn the_core_does_in_a_script_what_it_does_in_the_model() {
    let model = catalogue::named("old-term").unwrap();
    let way = way_to(&model, Witness::CommittedIndirectly).unwrap();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED);
    let recorded = std::fs::read_to_string(path).unwrap();
    let (commands, printed) = parts(&recorded);
    let script = way.script(&model);
    assert_eq!(parts(&script).0, commands, "record the script anew");
    for ending in &way.endings {
        let (status, _) = ending.split_once(" vote=").unwrap();
        let (_, log) = ending.split_once(" log=").unwrap();
        assert!(printed.contains(&status), "{status} in {recorded}");
        let logs = format!("{} {log}", &ending[..2]);
        assert!(printed.iter().any(|line| line.starts_with(&logs)), "{logs} in {recorded}");
    }
    assert_eq!(way.steps.len(), 3 + 10, "three starts and ten steps");
}

#[test]
fn a_way_that_is_not_there_is_none() {
    let model = catalogue::named("elections-crash").unwrap();
    assert!(way_to(&model, Witness::Committed).is_none());
}
