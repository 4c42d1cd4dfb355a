//! What came of each planted bug: a line for people while it goes on, its cells of a table, rows as JSON, and the sum.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// One planted bug and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The claim that it breaks, or what is done wrong.
    pub(super) text: String,
    pub(super) statements: String,
    /// Who was to notice.
    pub(super) expected: String,
    pub(super) verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nothing,
    Lie,
    Rule,
    Patch,
}

/// What came of a bug.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// A checker failed, in the last of so many seeds; in so many of those before it the code itself panicked, which counts for
    /// nothing.
    Killed { checker: String, what: String, seeds: u64, panics: u64, seconds: f64 },
    /// No checker failed; in so many seeds the code itself panicked.
    Survived { seeds: u64, panics: u64, panic: Option<String>, seconds: f64 },
    /// A world did not end.
    Endless { seconds: f64 },
    /// It could not be planted, built or played.
    Unplayed(String),
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Lie => "lie",
            Self::Rule => "rule",
            Self::Patch => "patch",
        }
    }
}

impl Verdict {
    /// From what the runner printed.
    pub(super) fn of(found: &Value, seconds: f64) -> Self {
        let number = |key: &str| found[key].as_u64().unwrap_or(0);
        let word = |key: &str| found[key].as_str().map(str::to_owned);
        let (seeds, panics) = (number("seeds"), number("panics"));
        match (word("checker"), word("what")) {
            (Some(checker), what) => Self::Killed { checker, what: what.unwrap_or_default(), seeds, panics, seconds },
            (None, _) if found["seeds"].is_u64() => Self::Survived { seeds, panics, panic: word("panic"), seconds },
            (None, _) => Self::Unplayed("the runner does not say how many seeds it played".to_owned()),
        }
    }

    pub(super) fn cells(&self) -> [String; 3] {
        match self {
            Self::Killed { checker, seeds, seconds, .. } => {
                [checker.clone(), seeds.to_string(), format!("{seconds:.1}")]
            }
            Self::Survived { seeds, panics: 0, seconds, .. } => {
                ["**nobody**".to_owned(), seeds.to_string(), format!("{seconds:.1}")]
            }
            Self::Survived { seeds, panics, seconds, .. } => {
                [format!("**nobody**, {panics} panics"), seeds.to_string(), format!("{seconds:.1}")]
            }
            Self::Endless { seconds } => ["**endless**".to_owned(), "-".to_owned(), format!("{seconds:.1}")],
            Self::Unplayed(_) => ["**not played**".to_owned(), "-".to_owned(), "-".to_owned()],
        }
    }
}

impl Row {
    /// All is as it should be: the code as it is passes, what is planted is killed.
    pub(super) fn is_good(&self) -> bool {
        match (self.kind, &self.verdict) {
            (Kind::Nothing, verdict) => matches!(verdict, Verdict::Survived { panics: 0, .. }),
            (Kind::Lie | Kind::Rule | Kind::Patch, verdict) => matches!(verdict, Verdict::Killed { .. }),
        }
    }

    /// For people, as it happens.
    pub(super) fn line(&self) -> String {
        let Self { name, expected, verdict, .. } = self;
        let text = match verdict {
            Verdict::Killed { checker, what, seeds, panics, seconds } => {
                let panics = if *panics > 0 { format!(", {panics} panics before") } else { String::new() };
                let as_said = expected.split(", ").any(|one| one == checker || one.starts_with("scenario "));
                let other =
                    if as_said || expected.is_empty() { String::new() } else { format!(" (expected: {expected})") };
                let what: String = what.chars().take(120).collect();
                format!("{checker}{other} after {seeds} seeds, {seconds:.1} s{panics}: {what}")
            }
            Verdict::Survived { seeds, panics: 0, seconds, .. } => format!("nobody in {seeds} seeds, {seconds:.1} s"),
            Verdict::Survived { seeds, panics, panic, seconds } => {
                let first = panic.as_deref().unwrap_or_default();
                format!(
                    "nobody in {seeds} seeds, {seconds:.1} s, but {panics} panics, which count for nothing: {first}"
                )
            }
            Verdict::Endless { seconds } => format!("a world does not end ({seconds:.0} s)"),
            Verdict::Unplayed(problem) => format!("FAILED, {problem}"),
        };
        let mark = if self.is_good() { "  " } else { "! " };
        format!("{mark}{name}: {text}")
    }
}

/// The sum, and whether all is well.
pub(super) fn summary(rows: &[Row]) -> (String, bool) {
    let planted = || rows.iter().filter(|row| row.kind != Kind::Nothing);
    let killed = planted().filter(|row| row.is_good()).count();
    let unplayed = planted().filter(|row| matches!(row.verdict, Verdict::Unplayed(_))).count();
    let survived = planted().count() - killed - unplayed;
    let mut text = format!("{killed} killed, {survived} survived");
    if unplayed > 0 {
        let _ = write!(text, ", {unplayed} could not be played");
    }
    if rows.iter().any(|row| row.kind == Kind::Nothing && !row.is_good()) {
        text.push_str(", and the code as it is does not pass");
    }
    (text, rows.iter().all(Row::is_good))
}

/// All rows.
pub(super) fn json(rows: &[Row]) -> String {
    let row = |row: &Row| {
        let mut value = json!({
            "bug": row.name, "kind": row.kind.word(), "breaks": row.text, "statements": row.statements,
            "expected": row.expected, "good": row.is_good(),
        });
        let more = match &row.verdict {
            Verdict::Killed { checker, what, seeds, panics, seconds } => {
                json!({"killed_by": checker, "what": what, "seeds": seeds, "panics": panics, "seconds": seconds})
            }
            Verdict::Survived { seeds, panics, panic, seconds } => {
                json!({"seeds": seeds, "panics": panics, "panic": panic, "seconds": seconds})
            }
            Verdict::Endless { seconds } => json!({"endless": true, "seconds": seconds}),
            Verdict::Unplayed(problem) => json!({"problem": problem}),
        };
        if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
            value.extend(more);
        }
        value
    };
    let rows: Vec<Value> = rows.iter().map(row).collect();
    format!("{:#}\n", Value::Array(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: Kind, found: &Value) -> Row {
        let verdict = Verdict::of(found, 1.5);
        let [name, text, statements, expected] = ["a_bug", "One | vote.", "E1", "figure 3"].map(str::to_owned);
        Row { name, kind, text, statements, expected, verdict }
    }

    fn killed(checker: &str) -> Value {
        json!({"checker": checker, "what": "two votes", "seeds": 7, "panics": 2})
    }

    #[test]
    fn a_checker_kills_and_a_panic_does_not() {
        assert_eq!(summary(&[row(Kind::Patch, &killed("figure 3"))]), ("1 killed, 0 survived".to_owned(), true));
        let panicked = row(Kind::Patch, &json!({"checker": null, "seeds": 500, "panics": 3, "panic": "dense"}));
        assert!(
            panicked.line().starts_with("! a_bug: nobody in 500 seeds, 1.5 s, but 3 panics"),
            "{}",
            panicked.line()
        );
        assert_eq!(summary(&[panicked]), ("0 killed, 1 survived".to_owned(), false));
        let unplayed =
            Row { verdict: Verdict::Unplayed("it does not apply".to_owned()), ..row(Kind::Patch, &json!({})) };
        assert_eq!(summary(&[unplayed]), ("0 killed, 0 survived, 1 could not be played".to_owned(), false));
    }

    #[test]
    fn the_code_as_it_is_must_pass() {
        let passes = json!({"checker": null, "seeds": 500, "panics": 0});
        assert!(summary(&[row(Kind::Nothing, &passes)]).1);
        let (text, good) = summary(&[row(Kind::Nothing, &killed("figure 3"))]);
        assert!(!good && text.ends_with("the code as it is does not pass"), "{text}");
        assert!(!summary(&[row(Kind::Lie, &passes)]).1);
    }

    #[test]
    fn a_killer_that_nobody_expected_is_said() {
        assert!(!row(Kind::Patch, &killed("figure 3")).line().contains("expected"));
        assert!(row(Kind::Patch, &killed("halt")).line().contains("halt (expected: figure 3) after 7 seeds"));
    }

    #[test]
    fn rows_are_json_too() {
        let rows: Value = serde_json::from_str(&json(&[row(Kind::Rule, &killed("halt"))])).unwrap();
        assert_eq!((rows[0]["killed_by"].as_str(), rows[0]["kind"].as_str()), (Some("halt"), Some("rule")));
    }
}
