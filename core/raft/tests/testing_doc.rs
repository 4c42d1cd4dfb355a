//! Keeps the table of `docs/testing.md` true: every golden script stands in the row of each statement that it says it shows.
//! (That what the table names exists is checked by `cargo x tidy`, which sees all packages.)

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts")
}

/// An id of a statement: a letter and a number.
fn is_id(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|letter| letter.is_ascii_uppercase())
        && text.len() > 1
        && letters.all(|digit| digit.is_ascii_digit())
}

/// The rows that name tests: what stands in the last cell for each id. And the ids of the last table, which wait.
fn rows() -> (BTreeMap<String, String>, Vec<String>) {
    let text = fs::read_to_string(root().join("docs/testing.md")).expect("docs/testing.md is there");
    let (mut rows, mut waiting) = (BTreeMap::new(), Vec::new());
    for line in text.lines().filter(|line| line.starts_with('|')) {
        match line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>()[..] {
            [id, _, shown] if is_id(id) => {
                assert!(rows.insert(id.to_string(), shown.to_string()).is_none(), "{id} has two rows");
            }
            [_, id, _] if is_id(id) => waiting.push(id.to_string()),
            _ => {}
        }
    }
    (rows, waiting)
}

/// What stands between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn a_statement_is_shown_or_waits() {
    let (rows, waiting) = rows();
    assert!(rows.len() > 90, "the table has {} rows", rows.len());
    for id in waiting {
        assert!(!rows.contains_key(&id), "{id} waits and is shown");
    }
}

#[test]
fn every_script_stands_in_the_row_of_each_id_it_begins_with() {
    let (rows, _) = rows();
    for folder in fs::read_dir(scripts()).expect("there are scripts") {
        let folder = folder.expect("a folder can be listed").path();
        for script in fs::read_dir(&folder).expect("a folder of scripts") {
            let path = script.expect("a folder can be listed").path();
            let name = path.strip_prefix(scripts()).expect("it is below").display().to_string();
            let text = fs::read_to_string(&path).expect("a script is text");
            let head = text.lines().next().unwrap_or_default();
            let ids = head.strip_prefix("# ").and_then(|head| head.split_once(": ")).map(|(ids, _)| ids);
            let ids: Vec<&str> = ids.unwrap_or_default().split(", ").collect();
            assert!(ids.iter().all(|id| is_id(id)), "{name} begins with `{head}`, not with ids like `# A21, E10: ...`");
            for id in ids {
                let row = rows.get(id).unwrap_or_else(|| panic!("{name} shows {id}, which has no row"));
                assert!(quoted(row).contains(&name.as_str()), "the row of {id} does not name {name}");
            }
        }
    }
}
