//! All scenarios of the repository are played, and each becomes a run that ends in the same place.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use quorate_sim::scenario::{Scenario, play};
use quorate_sim::world::World;

fn all() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "scn")).collect();
    files.sort();
    files
}

#[test]
fn every_scenario_goes_as_it_says() {
    let mut wrong = Vec::new();
    for path in all() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match Scenario::parse(&fs::read_to_string(&path).unwrap()) {
            Err(error) => wrong.push(format!("{name}:{error}")),
            Ok(scenario) => wrong.extend(play(&scenario, false).verdict.err().map(|error| format!("{name}:{error}"))),
        }
    }
    assert!(all().len() > 20 && wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_scenario_says_first_which_statements_it_shows() {
    for path in all() {
        let text = fs::read_to_string(&path).unwrap();
        let first = text.lines().next().unwrap_or_default();
        let ids = first.strip_prefix("# ").and_then(|rest| rest.split_once(':')).map_or("", |(ids, _)| ids);
        let is_id = |word: &str| word.starts_with(|letter: char| letter.is_ascii_uppercase()) && word.len() <= 3;
        assert!(!ids.is_empty() && ids.split(' ').all(is_id), "{}: {first}", path.display());
    }
}

#[test]
fn a_scenario_as_a_run_ends_in_the_same_place() {
    for path in all() {
        let scenario = Scenario::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        let played = play(&scenario, false);
        let mut world = World::new(played.run).unwrap();
        let (end, status) = played.end;
        assert_eq!(world.run_until(end).err(), played.found, "{}", path.display());
        assert_eq!(world.status(), status, "{}", path.display());
    }
}

#[test]
fn a_scenario_that_does_not_go_so_names_the_line() {
    let text = "cluster members=3\nwait leader\nput X 1\nget X is 2\n";
    let error = play(&Scenario::parse(text).unwrap(), false).verdict.unwrap_err();
    assert_eq!(error.line, 4);
    assert!(error.to_string().contains("`get X is 2`: the client is told: 1"), "{error}");
    let text = "cluster members=3\nexpect leader\n";
    assert_eq!(play(&Scenario::parse(text).unwrap(), false).verdict.unwrap_err().line, 2);
}
