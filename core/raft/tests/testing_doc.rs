//! Keeps the table of `docs/testing.md` true: what it names exists, and every golden script stands in the row of each
//! statement that it says it shows.

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

/// The rows of the table: what stands in the last column for each id.
fn rows() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("docs/testing.md")).expect("docs/testing.md is there");
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let [id, _, shown] = cells[..]
            && is_id(id)
        {
            assert!(rows.insert(id.to_string(), shown.to_string()).is_none(), "{id} has two rows");
        }
    }
    rows
}

/// What stands between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_path_of_the_table_exists_and_every_row_says_something() {
    let rows = rows();
    assert!(rows.len() > 100, "the table has {} rows", rows.len());
    for (id, shown) in rows {
        let paths = quoted(&shown);
        assert!(!paths.is_empty() || shown.contains("later:"), "{id} names no test and no later part");
        for path in paths {
            let there = scripts().join(path).is_file() || root().join(path).is_file();
            assert!(there, "{id} names `{path}`, which is not there");
        }
    }
}

#[test]
fn every_script_stands_in_the_row_of_each_id_it_begins_with() {
    let rows = rows();
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
