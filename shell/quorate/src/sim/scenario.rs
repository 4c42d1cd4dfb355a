//! One scenario, told as it happens.

use std::path::Path;

use serde_json::json;
use sim::scenario::{Scenario, play as play_scenario};

use crate::terminal;

pub(super) fn play(file: &Path, as_json: bool) -> Result<bool, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("can't read {}: {error}", file.display()))?;
    let scenario = Scenario::parse(&text).map_err(|error| format!("{}:{error}", file.display()))?;
    let played = play_scenario(&scenario, true);
    if as_json {
        let run = serde_json::from_str::<serde_json::Value>(&played.run.to_json()).unwrap_or_default();
        let object = json!({
            "passed": played.verdict.is_ok(),
            "failure": played.verdict.as_ref().err().map(ToString::to_string),
            "lines": played.lines,
            "run": run,
        });
        terminal::out(&format!("{object}\n"));
        return Ok(played.verdict.is_ok());
    }
    for line in &played.lines {
        terminal::out(&format!("{line}\n"));
    }
    match &played.verdict {
        Ok(()) => terminal::out("passed\n"),
        Err(error) => terminal::out(&format!("FAILED, {}:{error}\n", file.display())),
    }
    Ok(played.verdict.is_ok())
}
