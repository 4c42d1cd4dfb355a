//! `quorate sim` as a user meets it: a few seeds, run files, scenarios, and what it says to files that are none.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quorate")).arg("sim").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_few_seeds_pass_and_are_the_same_twice() {
    let folder = tempfile::tempdir().unwrap();
    let output = sim(&["--seeds", "2", "--seed", "3", "--twice", "--out", folder.path().to_str().unwrap()]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.ends_with("2 passed, 0 failed\n"), "{out}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let output = sim(&["--seed", "3", "--json"]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((object["passed"].as_u64(), object["failed"].as_u64()), (Some(1), Some(0)));
    assert!(object["simulated_micros"].as_u64().unwrap() >= 60_000_000, "{object}");
    assert_eq!((object["first_seed"].as_u64(), object["seeds"].as_u64()), (Some(3), Some(1)), "{object}");
    for figure in ["seconds", "events", "events_per_thread_second", "simulated_seconds", "requests"] {
        assert!(object[figure].as_f64().unwrap() > 0.0, "{figure}: {object}");
    }
    assert_eq!(object["failures"], serde_json::json!([]));
    assert!(object["faults"].as_object().unwrap().len() > 3 && object["paths"].as_object().unwrap().len() > 10);
    assert!(output.stderr.is_empty(), "progress is for people: {}", text(&output.stderr));
}

#[test]
fn hashes_of_seeds_are_told_and_are_those_of_the_library() {
    let output = sim(&["--seeds", "2", "--seed", "5", "--hashes"]);
    let out = text(&output.stdout);
    for seed in [5, 6] {
        let hash = sim::campaign::play_seed(seed).unwrap().ended.hash;
        assert!(out.contains(&format!("\nseed {seed} hash {hash:016x}\n")), "{out}");
    }
    let output = sim(&["--seed", "5", "--hashes", "--json"]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(object["hashes"]["5"].as_str().unwrap().len(), 16, "{object}");
}

/// What a scenario or a counterexample becomes: nothing is made good in the end.
#[test]
fn a_run_without_a_peaceful_end_ends_with_its_script() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.run.json");
    let mut run = sim::run::Run::quiet(1, 3);
    run.script.push(sim::run::Step { at: 5_000, act: sim::run::Act::Timeout { n: 2 } });
    fs::write(&file, run.to_json()).unwrap();
    let output = sim(&["--run", file.to_str().unwrap(), "--tell"]);
    let out = text(&output.stdout);
    assert!(output.status.success() && out.ends_with("passed\n") && out.contains("n2 asks for pre-votes"), "{out}");
}

#[test]
fn flags_that_make_no_sense_are_refused_with_a_sentence() {
    for (arguments, word) in [
        (&["--seeds", "0"][..], "--seeds"),
        (&["--seeds", "many"], "--seeds"),
        (&["--minutes", "nan"], "--minutes"),
        (&["--minutes", "-1"], "--minutes"),
        (&["--minutes", "0"], "--minutes"),
        (&["--jobs", "0"], "--jobs"),
        (&["--seed", "-3"], "--seed"),
        (&["--tell", "--seeds", "3"], "--tell"),
        (&["--run", "a", "--scenario", "b"], "--run"),
        (&["--run", "a", "--seed", "3"], "--seed"),
        (&["--out", "/no/such/folder"], "/no/such/folder is no folder"),
        (&["--run", "/no/such/file"], "can't read /no/such/file"),
    ] {
        let output = sim(arguments);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {err}");
        assert!(err.contains(word) && output.stdout.is_empty(), "{arguments:?}: {err}");
    }
}

#[test]
fn a_run_that_fails_says_by_which_checker_and_what_is_no_run_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.run.json");
    let run = sim::draw::run_with_lie(1, sim::lies::Lie::RepliedTwice);
    fs::write(&file, run.to_json()).unwrap();
    let output = sim(&["--run", file.to_str().unwrap()]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(out.contains("FAILED, answers: request "), "{out}");
    for (wrong, words) in [
        (run.to_json().replace("\"members\"", "\"nembers\""), "line 4"),
        (run.to_json().replace("\"heartbeat\": ", "\"heartbeat\": 999"), "does not fit T"),
        (String::from("scenario"), "this is no run"),
        (String::from("{}"), "names no version"),
    ] {
        fs::write(&file, wrong).unwrap();
        let output = sim(&["--run", file.to_str().unwrap()]);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains(words) && err.contains("a.run.json"), "{words}: {err}");
    }
}

#[test]
fn a_run_file_is_played_and_another_version_is_refused_with_both() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.run.json");
    let mut run = sim::run::Run::quiet(1, 3);
    run.timing.calm_at = 1_000_000;
    fs::write(&file, run.to_json()).unwrap();
    let output = sim(&["--run", file.to_str().unwrap(), "--tell"]);
    let out = text(&output.stdout);
    assert!(output.status.success() && out.ends_with("passed\n") && out.contains(" leads t1, 5.2\n"), "{out}");
    fs::write(&file, run.to_json().replace("\"v\": 1,", "\"v\": 2,")).unwrap();
    let output = sim(&["--run", file.to_str().unwrap()]);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("version 2") && err.contains("version 1"), "{err}");
}

#[test]
fn a_scenario_is_told_and_its_mistakes_have_a_place() {
    let story = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../scenarios/a_cut_off_leader_commits_nothing_and_steps_down.scn");
    let output = sim(&["--scenario", story.to_str().unwrap()]);
    let out = text(&output.stdout);
    assert!(output.status.success() && out.ends_with("passed\n") && out.contains("> isolate old\n"), "{out}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.scn");
    fs::write(&file, "cluster members=3\n  leap n1\n").unwrap();
    let output = sim(&["--scenario", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("wrong.scn:2:3: `leap` is no statement"), "{}", text(&output.stderr));
    fs::write(&file, "cluster members=3\nexpect leader\n").unwrap();
    let output = sim(&["--scenario", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("FAILED"), "{}", text(&output.stdout));
    // Several, or a folder: a line each.
    let output = sim(&["--scenario", story.to_str().unwrap(), file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).ends_with("1 passed, 1 failed\n"), "{}", text(&output.stdout));
    fs::write(&file, "cluster members=0\n").unwrap();
    let output = sim(&["--scenario", folder.path().to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&object["passed"], &object["failed"]), (&0.into(), &1.into()), "{object}");
    assert!(object["scenarios"][0]["failure"].as_str().unwrap().contains("wrong.scn:1:9: "), "{object}");
}

#[test]
fn elections_are_held_and_counted() {
    // F9
    let output = sim(&["--elections", "30", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = object["rows"].as_array().unwrap();
    assert_eq!((&rows[0]["split_share"], &rows[0]["endless"]), (&1.0.into(), &30.into()), "{object}");
    assert!(rows.last().unwrap()["split_share"].as_f64().unwrap() < 0.3, "{object}");
    let out = sim(&["--elections", "30"]);
    assert!(text(&out.stdout).contains("split votes, by the width of the range"), "{}", text(&out.stdout));
    assert_eq!(sim(&["--elections", "0"]).status.code(), Some(2));
}
