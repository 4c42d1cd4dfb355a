//! What a page asks for, read from JSON: a window of a run, or a run to take away. What can't be read is refused with a sentence
//! that names the place.

use serde::Deserialize;
use serde_json::Value;
use sim::run::{Run, RunError, Step, VERSION};

use crate::limits::{self, Refusal};
use crate::story::Caption;
use crate::trace::Window;

/// A window of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRequest {
    /// What is played.
    pub run: Run,
    /// Which part of it.
    pub window: Window,
}

/// A run to take away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRequest {
    /// What is played.
    pub run: Run,
    /// Up to this time.
    pub until: u64,
    /// Where a page that plays alone begins.
    pub t: u64,
    /// What is told with it, if it is a story.
    pub story: Option<Told>,
    /// In which form.
    pub form: Form,
}

/// What a story says, as the page has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Told {
    /// Its name in links.
    pub id: String,
    /// Its name.
    pub title: String,
    /// What it shows.
    pub paper: String,
    /// What is said.
    pub captions: Vec<Caption>,
}

/// The forms of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A page that plays without a program.
    Html,
    /// The trace as JSON.
    Trace,
    /// A log for ShiViz, with vector clocks.
    Shiviz,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with run, from and until")]
struct RawTrace {
    run: Value,
    from: u64,
    until: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with run, until, t, story and as")]
struct RawExport {
    run: Value,
    until: u64,
    #[serde(default)]
    t: u64,
    #[serde(default)]
    story: Option<Told>,
    #[serde(rename = "as")]
    form: Form,
}

impl TraceRequest {
    /// Reads `{run, from, until}`.
    ///
    /// # Errors
    /// When it is none, or asks for what is not played.
    pub fn read(body: &[u8]) -> Result<Self, Refusal> {
        let raw: RawTrace = serde_json::from_slice(body).map_err(|error| no_request(&error))?;
        let window = Window { from: raw.from, until: raw.until };
        limits::check_window(window)?;
        Ok(Self { run: read_run(raw.run)?, window })
    }
}

impl ExportRequest {
    /// Reads `{run, until, t, story, as}`.
    ///
    /// # Errors
    /// When it is none, or asks for what is not played.
    pub fn read(body: &[u8]) -> Result<Self, Refusal> {
        let raw: RawExport = serde_json::from_slice(body).map_err(|error| no_request(&error))?;
        let RawExport { until, t, story, form, .. } = raw;
        if until > limits::EXPORT_MICROS_MAX {
            let seconds = limits::EXPORT_MICROS_MAX / 1_000_000;
            return Err(Refusal::Window(format!("an export holds the first {seconds} seconds of a run at most")));
        }
        Ok(Self { run: read_run(raw.run)?, until, t, story, form })
    }
}

fn no_request(error: &serde_json::Error) -> Refusal {
    Refusal::Request(error.to_string())
}

/// A run; if it can't be read, the step of its script that can't be is named.
///
/// # Errors
/// When it is of another version, can't be read, or is too large.
pub fn read_run(value: Value) -> Result<Run, Refusal> {
    match value.get("v").and_then(Value::as_u64) {
        Some(v) if v == u64::from(VERSION) => {}
        Some(found) => return Err(RunError::Version { found }.into()),
        None => return Err(RunError::Format("it names no version (\"v\")".into()).into()),
    }
    let steps = value.get("script").and_then(Value::as_array).cloned().unwrap_or_default();
    let run: Run = serde_json::from_value(value).map_err(|error| {
        let wrong =
            (1..).zip(steps).find_map(|(number, step)| Some((number, serde_json::from_value::<Step>(step).err()?)));
        Refusal::Run(RunError::Format(match wrong {
            Some((number, error)) => format!("step {number} of the script is wrong: {}", in_short(&error.to_string())),
            None => error.to_string(),
        }))
    })?;
    limits::check(&run)?;
    Ok(run)
}

/// A mistake without the list of all that it could have been, where that is long.
fn in_short(error: &str) -> &str {
    const SHORT: usize = 160;
    if error.len() <= SHORT { error } else { error.split_once(", expected").map_or(error, |(what, _)| what) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(run: &Value) -> String {
        let body = json!({ "run": run, "from": 0, "until": 1 }).to_string();
        TraceRequest::read(body.as_bytes()).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        let good = serde_json::to_value(Run::teaching(1, 3)).unwrap();
        let body = json!({ "run": good, "from": 0, "until": 1 }).to_string();
        assert_eq!(TraceRequest::read(body.as_bytes()).unwrap().run, Run::teaching(1, 3));
        let mut other = good.clone();
        other["v"] = 7.into();
        assert!(refused(&other).contains("version 7"), "{}", refused(&other));
        other["v"] = "one".into();
        assert!(refused(&other).contains("names no version"));
        other["v"] = 1.into();
        other["script"] = json!([{ "at": 1, "act": "Heal" }, { "at": 2, "act": { "Crsh": { "n": 1 } } }]);
        assert!(
            refused(&other).ends_with("step 2 of the script is wrong: unknown variant `Crsh`"),
            "{}",
            refused(&other)
        );
        other["script"] = json!([{ "at": 1, "act": { "Crash": { "m": 1 } } }]);
        let expected = "step 1 of the script is wrong: unknown field `m`, expected `n`";
        assert!(refused(&other).ends_with(expected), "{}", refused(&other));
        other["script"] = json!([{ "at": 5, "act": "Heal" }, { "at": 4, "act": "Heal" }]);
        assert!(
            refused(&other).contains("step 2 of the script is at 4 µs, and the one before it at 5"),
            "{}",
            refused(&other)
        );
        other["script"] = json!([]);
        other["members"] = "many".into();
        assert!(refused(&other).contains("invalid type"), "{}", refused(&other));
        assert!(matches!(TraceRequest::read(b"{"), Err(Refusal::Request(_))));
        let none = TraceRequest::read(b"[]").unwrap_err().to_string();
        assert!(
            none.contains("can't be read: invalid length 0, expected an object with run, from and until"),
            "{none}"
        );
        assert!(
            TraceRequest::read(b"{\"run\": {}, \"from\": 3, \"until\": 1}")
                .unwrap_err()
                .to_string()
                .contains("before it begins")
        );
    }
}
