//! The table of docs/mutants.md. Each row says at which commit its bug was played; a run of some bugs replaces their rows, leaves the
//! others, and takes out those of bugs that are gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::table::{Kind, Row};

pub(super) const PAGE: &str = "docs/mutants.md";
const BEGIN: &str = "<!-- table: written by `cargo x mutants --write` -->";
const END: &str = "<!-- end of table -->";
const HEAD: &str = "| bug | kind | what it breaks or does wrong | statements | killed by | seeds | seconds | commit |\n\
                    |---|---|---|---|---|---:|---:|---|\n";

/// Puts the rows, played at `commit`, into the page. `known` are the names of all bugs that there are.
///
/// # Errors
/// When the page is missing or lacks the marks.
pub(super) fn write(root: &Path, commit: &str, rows: &[Row], known: &BTreeSet<String>) -> Result<(), String> {
    let path = root.join(PAGE);
    let page = std::fs::read_to_string(&path).map_err(|error| format!("{PAGE} can't be read: {error}"))?;
    let page = with_rows(&page, commit, rows, known)?;
    std::fs::write(&path, page).map_err(|error| format!("{PAGE} can't be written: {error}"))
}

fn with_rows(page: &str, commit: &str, rows: &[Row], known: &BTreeSet<String>) -> Result<String, String> {
    let missing = || format!("{PAGE} lacks the marks {BEGIN:?} and {END:?} that the table stands between");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(missing)?;
    let (old, after) = rest.split_once(END).ok_or_else(missing)?;
    let of_old = |line: &str| Some((line.strip_prefix("| `")?.split_once('`')?.0.to_owned(), line.to_owned()));
    let mut lines: BTreeMap<String, String> = old.lines().filter_map(of_old).collect();
    lines.retain(|name, _| known.contains(name));
    lines.extend(rows.iter().map(|row| (row.name.clone(), line(row, commit))));
    let mut table = format!("{}.\n\n{HEAD}", sum(&lines));
    for line in lines.values() {
        let _ = writeln!(table, "{line}");
    }
    Ok(format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
}

fn line(row: &Row, commit: &str) -> String {
    let [killed_by, seeds, seconds] = row.verdict.cells();
    let killed_by =
        if row.kind == Kind::Nothing && row.is_good() { "nobody, as it should be".to_owned() } else { killed_by };
    let Row { name, kind, text, statements, .. } = row;
    let (kind, text) = (kind.word(), text.replace('|', "\\|"));
    format!("| `{name}` | {kind} | {text} | {statements} | {killed_by} | {seeds} | {seconds} | {commit} |")
}

/// How many of which kind, and how many of them are killed.
fn sum(lines: &BTreeMap<String, String>) -> String {
    let of_kind = |kind: &str| lines.values().filter(|line| line.contains(&format!("` | {kind} | "))).count();
    let (lies, rules, patches) = (of_kind("lie"), of_kind("rule"), of_kind("patch"));
    let alive = lines.values().filter(|line| line.contains("| **")).count();
    let planted = lies + rules + patches;
    format!("{planted} planted: {lies} lies, {rules} rules left out, {patches} patches. {alive} of them are not killed")
}

#[cfg(test)]
mod tests {
    use super::super::table::Verdict;
    use super::*;
    use serde_json::json;

    fn row(name: &str, found: &serde_json::Value) -> Row {
        let [text, statements, expected] = ["One | vote.", "E1", "figure 3"].map(str::to_owned);
        let verdict = Verdict::of(found, 1.5);
        Row { name: name.to_owned(), kind: Kind::Patch, text, statements, expected, verdict }
    }

    #[test]
    fn rows_are_replaced_kept_and_taken_out() {
        let known: BTreeSet<String> = ["a_bug", "b_bug"].map(str::to_owned).into();
        let (killed, alive) = (json!({"checker": "halt", "seeds": 7}), json!({"checker": null, "seeds": 500}));
        let page = format!("a\n{BEGIN}\n\n| `gone` | patch | x |\n{END}\nb\n");
        let first = [row("b_bug", &killed), row("a_bug", &alive)];
        let once = with_rows(&page, "abc", &first, &known).unwrap();
        assert!(once.starts_with("a\n") && once.ends_with("b\n") && !once.contains("gone"), "{once}");
        assert!(once.contains("2 planted: 0 lies, 0 rules left out, 2 patches. 1 of them are not killed."), "{once}");
        let twice = with_rows(&once, "def", &[row("a_bug", &killed)], &known).unwrap();
        assert!(twice.contains("| `a_bug` | patch | One \\| vote. | E1 | halt | 7 | 1.5 | def |"), "{twice}");
        assert!(twice.contains("| halt | 7 | 1.5 | abc |") && twice.contains("0 of them are not killed"), "{twice}");
        assert!(with_rows("no marks", "abc", &[], &known).is_err());
    }
}
