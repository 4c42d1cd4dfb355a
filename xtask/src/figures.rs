//! `cargo x figures`: plays the campaign and the searches that docs/testing.md quotes, and writes what came of it between two marks
//! of that page, with the commit and the date. A figure there that no command printed can't be.
//!
//! Knows the shape of what `quorate sim --json` and `quorate model --json` print; nothing of what they do.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::stage::{Stages, Verdict, say};

const PAGE: &str = "docs/testing.md";
const BEGIN: &str = "<!-- figures: written by `cargo x figures` -->";
const END: &str = "<!-- end of figures -->";

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Seeds of the campaign.
    pub seeds: u64,
    /// The first of them.
    pub first: u64,
    /// The large configurations of the model too.
    pub large: bool,
}

impl Wanted {
    /// From the words behind `figures`; what is wrong with them otherwise.
    ///
    /// # Errors
    /// A word that is not known, or a number that is none.
    pub fn read(words: &[&str]) -> Result<Self, String> {
        let mut wanted = Self { seeds: 2000, first: 0, large: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words.next().ok_or_else(|| format!("{word} needs a number"))?;
                value.parse().map_err(|_| format!("{word} needs a number, not {value:?}"))
            };
            match *word {
                "--seeds" => wanted.seeds = number()?,
                "--first" => wanted.first = number()?,
                "--large" => wanted.large = true,
                _ => return Err(format!("figures does not know {word:?}")),
            }
        }
        Ok(wanted)
    }
}

/// Measures and writes. Fails when something that is measured fails: there is nothing to quote then.
#[must_use]
pub fn figures(root: &Path, wanted: &Wanted) -> bool {
    let mut stages = Stages::default();
    stages.run("figures", || match measured(root, wanted).and_then(|text| write(root, &text)) {
        Ok(()) => Verdict::Good,
        Err(problem) => Verdict::Failed(problem),
    });
    stages.finish()
}

fn measured(root: &Path, wanted: &Wanted) -> Result<String, String> {
    let commit = output(root, "git", &["rev-parse", "--short=12", "HEAD"])?;
    let changed = output(root, "git", &["status", "--porcelain", "--untracked-files=no"])?;
    if !changed.trim().is_empty() {
        return Err("there are changes that are not committed: the figures would be of no commit".to_owned());
    }
    let date = output(root, "git", &["log", "-1", "--format=%cs"])?;
    let (seeds, first) = (wanted.seeds.to_string(), wanted.first.to_string());
    let sim = ["sim", "--seeds", seeds.as_str(), "--seed", first.as_str(), "--json"];
    let campaign = quorate(root, &sim)?;
    let model: &[&str] = if wanted.large { &["model", "--all", "--json"] } else { &["model", "--json"] };
    let searches = quorate(root, model)?;
    let mut text = format!(
        "Measured at commit {} of {} with `cargo x figures{}`.\n\n",
        commit.trim(),
        date.trim(),
        if wanted.large { " --large" } else { "" }
    );
    text.push_str(&of_campaign(&json(&campaign)?, wanted, &sim)?);
    text.push('\n');
    let searches: Vec<Value> = searches.lines().map(json).collect::<Result<_, _>>()?;
    text.push_str(&of_searches(&searches, model)?);
    Ok(text)
}

/// Its standard output; an error if it does not end well.
fn output(root: &Path, program: &str, words: &[&str]) -> Result<String, String> {
    say(&format!("    {program} {}", words.join(" ")));
    let mut command = Command::new(program);
    command.args(words).current_dir(root).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("`{program}` could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{program} {}` ended with {}", words.join(" "), output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{program}` printed what is no text"))
}

fn quorate(root: &Path, words: &[&str]) -> Result<String, String> {
    let cargo = ["run", "--quiet", "--release", "--package", "quorate", "--"];
    output(root, "cargo", &[cargo.as_slice(), words].concat())
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("what should be JSON is none: {error}"))
}

fn number(value: &Value, key: &str) -> Result<u64, String> {
    value[key].as_u64().ok_or_else(|| format!("{key} is missing in what was printed"))
}

fn seconds(value: &Value, key: &str) -> Result<f64, String> {
    value[key].as_f64().ok_or_else(|| format!("{key} is missing in what was printed"))
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn of_campaign(campaign: &Value, wanted: &Wanted, words: &[&str]) -> Result<String, String> {
    let (seeds, took) = (number(campaign, "seeds")?, seconds(campaign, "seconds")?);
    let (events, threads) = (number(campaign, "events")?, number(campaign, "threads")?);
    let mut text = format!(
        "`quorate {}`: seeds {} to {}, {} passed, {} failed, in {took:.0} s on {threads} threads ({:.1} seeds/s): {:.1} simulated \
         hours, {} requests, {} million events ({} thousand a second and thread).\n\n",
        words.join(" "),
        wanted.first,
        (wanted.first + seeds).saturating_sub(1),
        number(campaign, "passed")?,
        number(campaign, "failed")?,
        seeds as f64 / took.max(0.001),
        number(campaign, "simulated_micros")? as f64 / 3.6e9,
        with_commas(number(campaign, "requests")?),
        events / 1_000_000,
        thousands(events as f64 / took.max(0.001) / threads.max(1) as f64),
    );
    for (title, times, within) in [("fault", "faults", "seeds_with_fault"), ("rare path", "paths", "seeds_with_path")] {
        let _ = writeln!(text, "| {title} | times | seeds with it |\n|---|---:|---:|");
        let counts = campaign[times].as_object().ok_or_else(|| format!("{times} is missing in what was printed"))?;
        for (what, count) in counts {
            let count = count.as_u64().unwrap_or(0);
            let _ = writeln!(
                text,
                "| {what} | {} | {} |",
                with_commas(count),
                with_commas(number(&campaign[within], what)?)
            );
        }
        text.push('\n');
    }
    Ok(text.trim_end().to_owned() + "\n")
}

fn of_searches(searches: &[Value], words: &[&str]) -> Result<String, String> {
    let mut text = format!(
        "`quorate {}`: every state within these bounds was looked at.\n\n\
         | configuration | bounds | states | without symmetry | depth | seconds | MiB | states/s |\n\
         |---|---|---:|---:|---:|---:|---:|---:|\n",
        words.join(" ")
    );
    for search in searches {
        let word = |key: &str| search[key].as_str().ok_or_else(|| format!("{key} is missing in what was printed"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.1} | {} | {} |",
            word("configuration")?,
            word("bounds")?,
            with_commas(number(search, "states")?),
            search["states_with_names"].as_u64().map_or_else(|| "not counted".to_owned(), with_commas),
            number(search, "depth")?,
            seconds(search, "seconds")?,
            with_commas(number(search, "memory_bytes")? >> 20),
            with_commas(number(search, "states_per_second")?),
        );
    }
    Ok(text)
}

fn thousands(value: f64) -> String {
    format!("{:.0}", value / 1000.0)
}

/// `1,660,805`.
fn with_commas(value: u64) -> String {
    let digits = value.to_string();
    let parts: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|part| std::str::from_utf8(part).ok()).collect();
    parts.join(",")
}

fn write(root: &Path, figures: &str) -> Result<(), String> {
    let path = root.join(PAGE);
    let page = std::fs::read_to_string(&path).map_err(|error| format!("{PAGE} can't be read: {error}"))?;
    let page = placed(&page, figures)?;
    std::fs::write(&path, page).map_err(|error| format!("{PAGE} can't be written: {error}"))
}

/// The page with the figures between its marks.
fn placed(page: &str, figures: &str) -> Result<String, String> {
    let missing = || format!("{PAGE} lacks the marks {BEGIN:?} and {END:?} that the figures stand between");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", figures.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_read_or_refused() {
        let wanted = Wanted { seeds: 7, first: 3, large: true };
        assert_eq!(Wanted::read(&["--seeds", "7", "--first", "3", "--large"]), Ok(wanted));
        assert_eq!(Wanted::read(&["--seeds"]), Err("--seeds needs a number".to_owned()));
        assert_eq!(Wanted::read(&["--seeds", "many"]), Err("--seeds needs a number, not \"many\"".to_owned()));
        assert_eq!(Wanted::read(&["--fast"]), Err("figures does not know \"--fast\"".to_owned()));
    }

    #[test]
    fn figures_replace_what_stands_between_the_marks() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let once = placed(&page, "new\n").unwrap();
        assert_eq!(once, format!("a\n{BEGIN}\n\nnew\n\n{END}\nb\n"));
        assert_eq!(placed(&once, "new").unwrap(), once);
        assert!(placed("no marks", "new").is_err());
    }

    #[test]
    fn a_campaign_becomes_tables() {
        let campaign = json!({
            "seeds": 500, "passed": 500, "failed": 0, "seconds": 10.0, "threads": 2, "events": 20_000_000_u64,
            "simulated_micros": 7_200_000_000_u64, "requests": 250_000, "faults": {"pause": 1234}, "paths": {"torn tail cut": 5},
            "seeds_with_fault": {"pause": 100}, "seeds_with_path": {"torn tail cut": 5},
        });
        let text = of_campaign(&campaign, &Wanted { seeds: 500, first: 10, large: false }, &["sim"]).unwrap();
        assert!(
            text.contains(
                "seeds 10 to 509, 500 passed, 0 failed, in 10 s on 2 threads (50.0 seeds/s): 2.0 simulated hours"
            ),
            "{text}"
        );
        assert!(text.contains("250,000 requests, 20 million events (1000 thousand a second and thread)"), "{text}");
        assert!(text.contains("| pause | 1,234 | 100 |") && text.contains("| torn tail cut | 5 | 5 |"), "{text}");
        assert!(of_campaign(&json!({"seeds": 1}), &Wanted { seeds: 1, first: 0, large: false }, &[]).is_err());
    }

    #[test]
    fn searches_become_a_table() {
        let search = json!({
            "configuration": "one-term", "bounds": "3 nodes, 1 term", "states": 93_450, "states_with_names": 559_849, "depth": 31,
            "seconds": 0.2, "memory_bytes": 60_817_408_u64, "states_per_second": 576_442,
        });
        let text = of_searches(&[search], &["model"]).unwrap();
        assert!(
            text.ends_with("| one-term | 3 nodes, 1 term | 93,450 | 559,849 | 31 | 0.2 | 58 | 576,442 |\n"),
            "{text}"
        );
        assert!(of_searches(&[json!({"states": 1})], &[]).is_err());
    }
}
