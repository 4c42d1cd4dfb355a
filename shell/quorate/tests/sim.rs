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
    fs::write(&file, "cluster members=3\n  jump n1\n").unwrap();
    let output = sim(&["--scenario", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("wrong.scn:2:3: `jump` is no statement"), "{}", text(&output.stderr));
    fs::write(&file, "cluster members=3\nexpect leader\n").unwrap();
    let output = sim(&["--scenario", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("FAILED"), "{}", text(&output.stdout));
}
