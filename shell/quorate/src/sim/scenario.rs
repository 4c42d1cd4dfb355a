//! Scenarios: one is told as it happens, of several one line each.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sim::scenario::{Played, Scenario, play as play_scenario};

use crate::terminal;

/// Plays these files, and all that lie in these folders. Whether all went as they say; an error if one can't be read.
pub(super) fn play(paths: &[PathBuf], as_json: bool) -> Result<bool, String> {
    match paths {
        [file] if !file.is_dir() => play_one(file, as_json),
        _ => play_all(&files(paths)?, as_json),
    }
}

fn play_one(file: &Path, as_json: bool) -> Result<bool, String> {
    let scenario = read(file)?;
    let played = play_scenario(&scenario, true);
    let passed = played.verdict.is_ok();
    if as_json {
        let run = serde_json::from_str::<Value>(&played.run.to_json()).unwrap_or_default();
        let mut object = outcome(file, &Ok(played.clone()));
        object["lines"] = json!(played.lines);
        object["run"] = run;
        terminal::out(&format!("{object}\n"));
        return Ok(passed);
    }
    for line in &played.lines {
        terminal::out(&format!("{line}\n"));
    }
    match &played.verdict {
        Ok(()) => terminal::out("passed\n"),
        Err(error) => terminal::out(&format!("FAILED, {}:{error}\n", file.display())),
    }
    Ok(passed)
}

fn play_all(files: &[PathBuf], as_json: bool) -> Result<bool, String> {
    let (mut passed, mut unreadable, mut outcomes) = (0, 0, Vec::new());
    for file in files {
        let played = read(file).map(|scenario| play_scenario(&scenario, false));
        let line = match &played {
            Ok(Played { verdict: Ok(()), end, .. }) => {
                passed += 1;
                format!("ok      {} ({:.1} s)", file.display(), seconds(end.0))
            }
            Ok(Played { verdict: Err(error), .. }) => format!("FAILED  {}:{error}", file.display()),
            Err(error) => {
                unreadable += 1;
                format!("FAILED  {error}")
            }
        };
        if as_json {
            outcomes.push(outcome(file, &played));
        } else {
            terminal::out(&format!("{line}\n"));
        }
    }
    let failed = files.len() - passed;
    if as_json {
        let object = json!({ "passed": passed, "failed": failed, "scenarios": outcomes });
        terminal::out(&format!("{object}\n"));
    } else {
        terminal::out(&format!("{passed} passed, {failed} failed\n"));
    }
    match unreadable {
        0 => Ok(failed == 0),
        1 => Err("1 scenario can't be read".into()),
        _ => Err(format!("{unreadable} scenarios can't be read")),
    }
}

fn outcome(file: &Path, played: &Result<Played, String>) -> Value {
    let failure = match played {
        Ok(played) => played.verdict.as_ref().err().map(ToString::to_string),
        Err(error) => Some(error.clone()),
    };
    let simulated = played.as_ref().map_or(0.0, |played| seconds(played.end.0));
    let file = file.display().to_string();
    json!({ "file": file, "passed": failure.is_none(), "failure": failure, "simulated_seconds": simulated })
}

#[allow(clippy::cast_precision_loss, reason = "some digits are enough")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn read(file: &Path) -> Result<Scenario, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("can't read {}: {error}", file.display()))?;
    Scenario::parse(&text).map_err(|error| format!("{}:{error}", file.display()))
}

/// Files as they are named, and of a folder its scenarios in the order of their names.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let refuse = |error: std::io::Error| format!("can't list {}: {error}", path.display());
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(refuse)? {
            inside.push(entry.map_err(refuse)?.path());
        }
        inside.retain(|path| path.extension().is_some_and(|end| end == "scn"));
        inside.sort();
        if inside.is_empty() {
            return Err(format!("there is no scenario (*.scn) in {}", path.display()));
        }
        files.extend(inside);
    }
    Ok(files)
}
