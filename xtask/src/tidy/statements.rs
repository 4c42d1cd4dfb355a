//! The table of docs/testing.md: a row that begins with a statement's id (`| A22 | ... |`) names, in its last cell and in
//! backticks, the tests, scripts or scenarios that show the statement. Each must exist. And each scenario (`scenario/NAME`) stands
//! in the rows of all ids that its first line names. (core/raft/tests/testing_doc.rs does the same for the core's scripts.)
//!
//! Knows names, not meanings: whether a test shows what it claims is for the reader of the test.

use std::collections::{BTreeMap, BTreeSet};

use super::Violation;
use crate::tree::Tree;

const PAGE: &str = "docs/testing.md";

pub(super) fn violations(tree: &Tree) -> Vec<Violation> {
    let Some(text) = tree.text(PAGE) else { return Vec::new() };
    let known = known_names(tree);
    let mut rows = BTreeMap::new();
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Some((id, last_cell)) = statement(line) else { continue };
        if rows.insert(id, last_cell).is_some() {
            found.push(Violation::line(PAGE, number, format!("{id} has a row already")));
        }
        let names: Vec<&str> = last_cell.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            found.push(Violation::line(PAGE, number, format!("{id} names no test: which one shows it?")));
        }
        for name in names {
            let stem = name.rsplit(['/', ':']).next().unwrap_or(name);
            let stem = stem.split('.').next().unwrap_or(stem);
            let is_known = match name.strip_prefix("scenario/") {
                Some(scenario) => tree.contains(&format!("scenarios/{scenario}.scn")),
                None => known.contains(stem),
            };
            if !is_known {
                found.push(Violation::line(
                    PAGE,
                    number,
                    format!("{id}: there is no test, script or scenario `{name}`"),
                ));
            }
        }
    }
    found.extend(unnamed_scenarios(tree, &rows));
    found
}

/// Scenarios that say they show a statement whose row does not name them.
fn unnamed_scenarios(tree: &Tree, rows: &BTreeMap<&str, &str>) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in tree.files() {
        let Some(name) = path.strip_prefix("scenarios/").and_then(|file| file.strip_suffix(".scn")) else { continue };
        let head = text.lines().next().unwrap_or_default();
        let ids = head.strip_prefix("# ").and_then(|head| head.split_once(':')).map_or("", |(ids, _)| ids);
        let ids: Vec<&str> = ids.split_whitespace().collect();
        if ids.is_empty() {
            let what = "its first line does not say which statements it shows (`# E13 A9: ...`)";
            found.push(Violation::line(path, 1, what.to_owned()));
        }
        for id in ids {
            let what = match rows.get(id) {
                None => format!("{id} has no row in {PAGE}"),
                Some(cell) if cell.contains(&format!("`scenario/{name}`")) => continue,
                Some(_) => format!("the row of {id} in {PAGE} does not name `scenario/{name}`"),
            };
            found.push(Violation::line(path, 1, what));
        }
    }
    found
}

/// Id and last cell of a table row that begins with an id: a capital letter and a number.
fn statement(line: &str) -> Option<(&str, &str)> {
    let cells: Vec<&str> = line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let (&id, &last) = (cells.first()?, cells.last()?);
    let number = id.strip_prefix(|c: char| c.is_ascii_uppercase())?;
    let is_id = number.starts_with(|c: char| c.is_ascii_digit()) && number.chars().all(|c| c.is_ascii_alphanumeric());
    (is_id && cells.len() > 1).then_some((id, last))
}

/// Names of all functions in Rust files that hold tests, and of all files below scripts/ and scenarios/, without their ending.
fn known_names(tree: &Tree) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for (path, text) in tree.files() {
        if path.ends_with(".rs") {
            let after_fn =
                text.lines().filter_map(|line| line.trim_start().trim_start_matches("async ").strip_prefix("fn "));
            names.extend(after_fn.filter_map(|rest| rest.split(['(', '<']).next()));
        } else if path.contains("/scripts/") || path.starts_with("scenarios/") {
            let file = path.rsplit('/').next().unwrap_or(path);
            names.insert(file.split('.').next().unwrap_or(file));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The row of the one scenario, so that it is no finding of its own.
    const FIGURE_8: &str = "| E12 | Figure 8. | `scenario/figure_8` |\n";

    fn found(table: &str) -> Vec<String> {
        let tree = Tree::of(&[
            (PAGE, table),
            ("core/raft/tests/scripts/election/one_vote_a_term", ""),
            ("scenarios/figure_8.scn", "# E12: figure 8 of the paper.\ncluster members=5\n"),
            ("store/tests/model.rs", "#[test]\nfn agrees_with_a_naive_model() {}\n"),
        ]);
        violations(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rows_with_existing_tests_are_silent() {
        let table = "| id | statement | shown by |\n|---|---|---|\n| A10 | One vote a term. | `election/one_vote_a_term` |\n\
                     | E12 | Figure 8. | `scenario/figure_8`, `store::agrees_with_a_naive_model` |\n";
        assert_eq!(found(table), [] as [String; 0]);
    }

    #[test]
    fn rows_without_an_existing_test_are_caught() {
        for (row, part) in [
            ("| A10 | One vote a term. | `election/two_votes_a_term` |\n", "no test, script or scenario"),
            ("| A10 | One vote a term. | later |\n", "names no test"),
            ("| A10 | a | `figure_8` |\n| A10 | a | `figure_8` |\n", "has a row already"),
            ("| A10 | a | `scenario/one_vote_a_term` |\n", "no test, script or scenario"),
        ] {
            let found = found(&format!("{row}{FIGURE_8}"));
            assert!(found.len() == 1 && found[0].contains(part), "{row}: {found:?}");
        }
    }

    #[test]
    fn a_scenario_stands_in_the_row_of_each_id_of_its_first_line() {
        let of = |head: &str, table: &str| {
            let tree = Tree::of(&[(PAGE, table), ("scenarios/figure_8.scn", head)]);
            violations(&tree).iter().map(ToString::to_string).collect::<Vec<String>>()
        };
        assert_eq!(of("# E12: figure 8.", FIGURE_8), [] as [String; 0]);
        for (head, table, part) in [
            ("# E12 F11: figure 8.", FIGURE_8, "F11 has no row"),
            ("# E12: figure 8.", "| E12 | Figure 8. | `scenario/figure_8`, `a` |\n", "no test, script or scenario `a`"),
            ("cluster members=5", FIGURE_8, "does not say which statements"),
        ] {
            let found = of(head, table);
            assert!(found.len() == 1 && found[0].contains(part), "{head}: {found:?}");
        }
        let table = format!("{FIGURE_8}| F11 | Both. | `scenario/figure_8_e` |\n");
        let found = of("# E12 F11: figure 8.", &table);
        assert!(found.iter().any(|one| one.contains("the row of F11 in docs/testing.md does not name")), "{found:?}");
    }
}
