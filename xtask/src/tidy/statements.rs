//! The table of docs/testing.md: a row that begins with a statement's id (`| A22 | ... |`) names, in its last cell and in
//! backticks, the tests, scripts or scenarios that show the statement. Each must exist.
//!
//! Knows names, not meanings: whether a test shows what it claims is for the reader of the test.

use std::collections::BTreeSet;

use super::Violation;
use crate::tree::Tree;

const PAGE: &str = "docs/testing.md";

pub(super) fn violations(tree: &Tree) -> Vec<Violation> {
    let Some(text) = tree.text(PAGE) else { return Vec::new() };
    let known = known_names(tree);
    let mut ids = BTreeSet::new();
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Some((id, last_cell)) = statement(line) else { continue };
        if !ids.insert(id) {
            found.push(Violation::line(PAGE, number, format!("{id} has a row already")));
        }
        let names: Vec<&str> = last_cell.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            found.push(Violation::line(PAGE, number, format!("{id} names no test: which one shows it?")));
        }
        for name in names {
            let stem = name.rsplit(['/', ':']).next().unwrap_or(name);
            let stem = stem.split('.').next().unwrap_or(stem);
            if !known.contains(stem) {
                found.push(Violation::line(
                    PAGE,
                    number,
                    format!("{id}: there is no test, script or scenario `{name}`"),
                ));
            }
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

    fn found(table: &str) -> Vec<String> {
        let tree = Tree::of(&[
            (PAGE, table),
            ("core/raft/tests/scripts/election/one_vote_a_term", ""),
            ("scenarios/figure_8.scn", ""),
            ("store/tests/model.rs", "#[test]\nfn agrees_with_a_naive_model() {}\n"),
        ]);
        violations(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rows_with_existing_tests_are_silent() {
        let table = "| id | statement | shown by |\n|---|---|---|\n| A10 | One vote a term. | `election/one_vote_a_term` |\n\
                     | E12 | Figure 8. | `figure_8.scn`, `store::agrees_with_a_naive_model` |\n";
        assert_eq!(found(table), [] as [String; 0]);
    }

    #[test]
    fn rows_without_an_existing_test_are_caught() {
        for (row, part) in [
            ("| A10 | One vote a term. | `election/two_votes_a_term` |\n", "no test, script or scenario"),
            ("| A10 | One vote a term. | later |\n", "names no test"),
            ("| A10 | a | `figure_8` |\n| A10 | a | `figure_8` |\n", "has a row already"),
        ] {
            let found = found(row);
            assert!(found.len() == 1 && found[0].contains(part), "{row}: {found:?}");
        }
    }
}
