//! `quorate check-history FILE`: is a recorded history, of any system, linearizable? The exit code says it to scripts.
//!
//! Reads the file, looks at the clock and prints; what a history is and how it is judged is core/linearizability's.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use linearizability::{Limits, Report, Verdict};
use serde_json::json;

use crate::terminal::{self, Paint};

/// What follows `quorate check-history`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CheckHistoryArguments {
    /// The history: JSON, as docs/histories.md describes it
    file: PathBuf,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    /// Give up as undecided after so many attempts to place an operation
    #[arg(long, value_name = "N", default_value_t = Limits::default().steps)]
    steps: u64,
}

const AFTER_HELP: &str = "\
Exit code: 0 linearizable, 1 not linearizable, 2 no history (or no such file), 3 undecided within the steps.";

/// Checks the file, prints what was found.
pub(crate) fn main(arguments: &CheckHistoryArguments) -> ExitCode {
    let began = Instant::now();
    let limits = Limits { steps: arguments.steps };
    match check(&arguments.file, limits) {
        Ok(report) => {
            let seconds = began.elapsed().as_secs_f64();
            terminal::out(&if arguments.json { json_text(&report, seconds) } else { text(&report, seconds, limits) });
            exit_code(report.verdict)
        }
        Err(problem) => {
            terminal::err(&format!("quorate check-history: {problem}"));
            ExitCode::from(2)
        }
    }
}

fn check(file: &Path, limits: Limits) -> Result<Report, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("can't read {}: {error}", file.display()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        format!("{} is no history: byte {} is not UTF-8", file.display(), error.utf8_error().valid_up_to() + 1)
    })?;
    let history = linearizability::read(&text).map_err(|error| {
        format!("{} is no history: {error} (docs/histories.md describes the format)", file.display())
    })?;
    Ok(linearizability::check(&history, limits))
}

fn exit_code(verdict: Verdict) -> ExitCode {
    ExitCode::from(match verdict {
        Verdict::Linearizable => 0,
        Verdict::NotLinearizable => 1,
        Verdict::Undecided => 3,
    })
}

fn json_text(report: &Report, seconds: f64) -> String {
    let mut object = json!(report);
    object["seconds"] = json!(seconds);
    format!("{object}\n")
}

fn text(report: &Report, seconds: f64, limits: Limits) -> String {
    let paint = Paint::for_stdout();
    let verdict = report.verdict.to_string();
    let mut text = match report.verdict {
        Verdict::Linearizable => paint.good(&verdict),
        Verdict::NotLinearizable | Verdict::Undecided => paint.alarm(&verdict),
    };
    let counts = report.counts;
    let _ = writeln!(
        text,
        ": {} operations ({} returned, {} unknown, {} failed) on {} keys, {} steps, {seconds:.2} s",
        counts.operations, counts.returned, counts.unknown, counts.failed, counts.keys, counts.steps
    );
    if counts.unjudged > 0 {
        let _ = writeln!(text, "{} reads of states older than the history were not judged", counts.unjudged);
    }
    if let Some(explanation) = &report.explanation {
        let _ = write!(text, "\n{explanation}");
    }
    if report.verdict == Verdict::Undecided {
        let _ = writeln!(
            text,
            "{} steps did not suffice: try --steps {}",
            limits.steps,
            limits.steps.max(1_000_000).saturating_mul(10)
        );
    }
    if !report.undecided.is_empty() {
        let _ = writeln!(text, "undecided keys: {}", report.undecided.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str, limits: Limits) -> Report {
        let header = r#"{"format":"quorate-history","version":1,"model":"registers"}"#;
        let history = linearizability::read(&format!("{header}\n{text}")).expect("a history");
        linearizability::check(&history, limits)
    }

    const STALE: &str = r#"
{"id":1,"client":"a","call":0,"return":5,"kind":"write","key":"x","value":1}
{"id":2,"client":"b","call":6,"return":9,"kind":"read","key":"x","value":null}"#;

    #[test]
    fn verdict_counts_and_picture_are_told() {
        let limits = Limits::default();
        let told = text(&report(STALE, limits), 0.25, limits);
        let first = "NOT linearizable: 2 operations (2 returned, 0 unknown, 0 failed) on 1 keys, ";
        assert!(told.starts_with(first), "{told}");
        assert!(told.contains(" steps, 0.25 s\n\nkey x: read -> null (id 2, client b) has no place"), "{told}");
        assert!(told.ends_with("2  read -> null  [6..9]  <-- has no place\n"), "{told}");
    }

    #[test]
    fn undecided_is_told_with_what_to_do() {
        let limits = Limits { steps: 0 };
        let told = text(&report(STALE, limits), 0.0, limits);
        assert!(told.ends_with("0 steps did not suffice: try --steps 10000000\nundecided keys: x\n"), "{told}");
    }

    #[test]
    fn json_holds_the_same() {
        let limits = Limits::default();
        let told: serde_json::Value = serde_json::from_str(&json_text(&report(STALE, limits), 0.5)).expect("JSON");
        assert_eq!(told["verdict"], "not_linearizable");
        assert_eq!((&told["counts"]["operations"], &told["seconds"]), (&json!(2), &json!(0.5)));
        assert_eq!(told["explanation"]["misplaced"], json!(["2"]));
        assert_eq!(told["explanation"]["window"][1]["return"], json!(9));
    }

    #[test]
    fn files_that_are_no_history_say_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("h");
        let problem = || check(&file, Limits::default()).expect_err("no history");
        assert!(problem().starts_with("can't read "), "{}", problem());
        std::fs::write(&file, [b'{', 0xff]).expect("written");
        assert!(problem().ends_with("is no history: byte 2 is not UTF-8"), "{}", problem());
        std::fs::write(&file, "{}").expect("written");
        let expected = "is no history: header, field \"format\": is missing (docs/histories.md describes the format)";
        assert!(problem().ends_with(expected), "{}", problem());
    }
}
