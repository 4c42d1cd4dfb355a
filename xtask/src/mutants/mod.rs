//! `cargo x mutants`: plants each bug that is known to it, one at a time, and says which checker of the simulator noticed, after how many
//! seeds and seconds. Bugs are lies of a driver, a disk or a client, rules of consensus that are left out (both are values of the
//! simulator), and the patches of mutants/, applied to a copy of the working tree.
//!
//! It knows how to plant, build, play and count; what is wrong with a bug, only the checkers know.

mod core_tests;
mod page;
mod patch;
mod sandbox;
mod table;
mod wanted;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

pub use wanted::Wanted;

use crate::stage::say;
use patch::{Killer, Patch};
use sandbox::Sandbox;
use table::{Kind, Row, Verdict};

/// Where the patches are.
pub const FOLDER: &str = "mutants";

/// Something that can be planted.
struct Planted {
    name: String,
    text: String,
    statements: String,
    expected: String,
    how: How,
}

impl Planted {
    /// Whether tests play it instead of worlds, and what it changes.
    fn place(&self) -> (bool, Vec<String>) {
        match &self.how {
            How::Patch(patch) => (patch.killers.iter().any(|killer| killer.tests().is_some()), patch.files.clone()),
            How::Nothing | How::Value(..) => (false, Vec::new()),
        }
    }
}

enum How {
    /// Nothing: the code as it is must pass.
    Nothing,
    /// A word for the runner, and a name behind it.
    Value(Kind, &'static str),
    Patch(Patch),
}

/// Plants what is wanted and tells what came of it. True: the code as it is passes, and all that was planted is killed.
#[must_use]
pub fn mutants(root: &Path, wanted: &Wanted) -> bool {
    match play_all(root, wanted) {
        Ok(good) => good,
        Err(problem) => {
            say(&format!("mutants: FAILED, {problem}"));
            false
        }
    }
}

fn play_all(root: &Path, wanted: &Wanted) -> Result<bool, String> {
    let commit = if wanted.write { Some(measured(root)?) } else { None };
    let patches = patches(root)?;
    let sandbox = Sandbox::new(root)?;
    sandbox.build()?;
    let mut all = values(&sandbox.list()?)?;
    all.extend(patches.into_iter().map(of_patch));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let known: BTreeSet<String> = all.iter().map(|planted| planted.name.clone()).chain([nothing().name]).collect();
    let mut chosen = wanted.choose(all, |planted| planted.name.as_str(), days())?;
    // One after the other that change the same: so the least is built anew for each.
    chosen.sort_by_key(Planted::place);
    let mut rows = Vec::new();
    // Who asks for some by name has seen the code pass.
    let first = wanted.names.is_empty().then(nothing);
    for planted in first.into_iter().chain(chosen) {
        let row = play_one(&sandbox, &planted, wanted.seeds);
        say(&row.line());
        rows.push(row);
        // After each: a run that is broken off leaves what it has found.
        if let Some(file) = &wanted.json {
            std::fs::write(file, table::json(&rows)).map_err(|error| format!("{file} can't be written: {error}"))?;
        }
        if let Some(commit) = &commit {
            page::write(root, commit, &rows, &known)?;
        }
    }
    let (summary, good) = table::summary(&rows);
    say(&summary);
    Ok(good)
}

/// The patches of the folder, in the order of their names.
fn patches(root: &Path) -> Result<Vec<Patch>, String> {
    let folder = root.join(FOLDER);
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{FOLDER}/ can't be read: {error}"))?;
    let mut patches = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("{FOLDER}/ can't be read: {error}"))?.path();
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(name) = file.strip_suffix(".patch") else { continue };
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{file} can't be read: {error}"))?;
        patches.push(Patch::read(name, &text).map_err(|problem| format!("{FOLDER}/{file}: {problem}"))?);
    }
    patches.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(patches)
}

fn nothing() -> Planted {
    let text = "nothing is planted: the code as it is".to_owned();
    let (name, statements, expected) = ("(none)".to_owned(), String::new(), String::new());
    Planted { name, text, statements, expected, how: How::Nothing }
}

fn of_patch(patch: Patch) -> Planted {
    let Patch { name, breaks, statements, .. } = &patch;
    let text = patch.figure.as_ref().map_or_else(|| breaks.clone(), |figure| format!("{breaks} (Figure 2, {figure})"));
    let expected = patch.killers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Planted { name: name.clone(), text, statements: statements.clone(), expected, how: How::Patch(patch) }
}

/// The lies and rules that the simulator has as values, from the list that it prints of itself.
fn values(list: &serde_json::Value) -> Result<Vec<Planted>, String> {
    let list = list.as_array().ok_or("the simulator lists no lies and rules")?;
    let word = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let one = |one: &serde_json::Value| {
        let (kind, flag) = match one["kind"].as_str() {
            Some("lie") => (Kind::Lie, "--lie"),
            Some("rule") => (Kind::Rule, "--rule"),
            other => return Err(format!("the simulator lists {other:?}, which is neither a lie nor a rule")),
        };
        let checkers = one["noticed_by"].as_array().into_iter().flatten();
        let expected = checkers.filter_map(|checker| checker.as_str()).collect::<Vec<_>>().join(", ");
        let statements = word(one, "statements");
        Ok(Planted {
            name: word(one, "name"),
            text: word(one, "text"),
            statements,
            expected,
            how: How::Value(kind, flag),
        })
    };
    list.iter().map(one).collect()
}

fn play_one(sandbox: &Sandbox, planted: &Planted, seeds: u64) -> Row {
    let (kind, verdict) = match &planted.how {
        How::Nothing => (Kind::Nothing, play_as_it_is(sandbox, seeds, &[])),
        How::Value(kind, flag) => (*kind, play_as_it_is(sandbox, seeds, &[flag, &planted.name])),
        How::Patch(patch) => (Kind::Patch, play_patch(sandbox, patch, seeds)),
    };
    let Planted { name, text, statements, expected, .. } = planted;
    Row {
        name: name.clone(),
        kind,
        text: text.clone(),
        statements: statements.clone(),
        expected: expected.clone(),
        verdict,
    }
}

/// What was built last may hold the patch before.
fn play_as_it_is(sandbox: &Sandbox, seeds: u64, more: &[&str]) -> Verdict {
    sandbox.build().map_or_else(Verdict::Unplayed, |()| sandbox.play(seeds, more))
}

fn play_patch(sandbox: &Sandbox, patch: &Patch, seeds: u64) -> Verdict {
    let applied = sandbox.apply(patch);
    let tests = patch.killers.iter().find_map(Killer::tests);
    let verdict = match (applied.and_then(|()| if tests.is_some() { Ok(()) } else { sandbox.build() }), tests) {
        (Err(problem), _) => Verdict::Unplayed(problem),
        (Ok(()), Some((suite, name))) => core_tests::play(sandbox, suite, name),
        (Ok(()), None) => match patch.killers.iter().find_map(Killer::scenario) {
            Some(scenario) => sandbox.play(1, &["--scenario", &scenario]),
            None => sandbox.play(seeds, &[]),
        },
    };
    match sandbox.restore(patch) {
        Ok(()) => verdict,
        Err(problem) => Verdict::Unplayed(problem),
    }
}

/// The commit that is measured.
fn measured(root: &Path) -> Result<String, String> {
    let git = |words: &[&str]| {
        let output = Command::new("git").args(words).current_dir(root).output();
        let output = output.map_err(|error| format!("`git` could not be started: {error}"))?;
        Ok::<_, String>(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    if changed.lines().any(|line| !line.ends_with(page::PAGE)) {
        return Err("there are changes that are not committed: the table would be of no commit".to_owned());
    }
    Ok(format!("{} of {}", git(&["rev-parse", "--short=10", "HEAD"])?, git(&["log", "-1", "--format=%cs"])?))
}

/// Days since 1970: what `--turn auto/N` goes by.
fn days() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400)
}

#[cfg(test)]
mod tests {
    use super::patch::Suite;
    use super::*;

    #[test]
    fn every_patch_has_a_head_and_applies() {
        let root = crate::root();
        let patches = patches(&root).unwrap();
        assert!(patches.len() >= 45, "{} patches", patches.len());
        if sandbox::git_is_missing() {
            return;
        }
        let wrong: Vec<String> = patches.iter().filter_map(|patch| sandbox::applies(&root, patch).err()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        for scenario in patches.iter().flat_map(|patch| &patch.killers).filter_map(Killer::scenario) {
            assert!(root.join(&scenario).is_file(), "{scenario} is missing");
        }
        let searches = std::fs::read_to_string(root.join("shell/model/tests/planted_in_the_code.rs")).unwrap();
        for (suite, name) in patches.iter().flat_map(|patch| &patch.killers).filter_map(Killer::tests) {
            let is_there = match suite.scripts() {
                Some(folder) => name == core_tests::RANDOM || root.join(folder).join(name).is_file(),
                None if suite == Suite::Model => searches.contains(&core_tests::first_states(name)),
                None => {
                    let (file, test) = name.split_once('/').unwrap_or_default();
                    let tests = std::fs::read_to_string(root.join(format!("shell/explorer/tests/{file}.rs")));
                    tests.unwrap_or_default().contains(&format!("fn {test}()"))
                }
            };
            assert!(is_there, "{name} is no test of {}", suite.package());
        }
    }

    #[test]
    fn the_list_of_the_simulator_becomes_bugs() {
        let list = serde_json::json!([
            {"kind": "lie", "name": "OldDisk", "text": "An old disk.", "noticed_by": ["start", "disk"], "statements": "D14"},
            {"kind": "rule", "name": "one_vote", "text": "One vote.", "noticed_by": ["figure 3"], "statements": "A10"},
        ]);
        let values = values(&list).unwrap();
        assert_eq!((values[0].name.as_str(), values[0].expected.as_str()), ("OldDisk", "start, disk"));
        assert!(matches!(values[1].how, How::Value(Kind::Rule, "--rule")));
        assert!(super::values(&serde_json::json!([{"kind": "joke"}])).is_err());
    }
}
