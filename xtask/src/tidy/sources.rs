//! Rules about single source files: each says what it is for, stays readable, holds nothing unfinished, and names no place
//! outside the repository.
//!
//! Works on lines of text. Words that it looks for are written in two halves here, so that it does not find itself.

use super::Violation;
use crate::tree::Tree;

/// One idea a file; above this many lines a second one has moved in.
const LINES_MAX: usize = 600;

/// Files that a generator writes, and the page that names them.
const GENERATED: &str = "shell/api/src/";

/// Signs of unfinished work.
const UNFINISHED: [&str; 7] = [
    concat!("todo", "!("),
    concat!("unimple", "mented!("),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("TO", "DO"),
    concat!("dbg", "!("),
    concat!("#[ign", "ore"),
];

/// Paths that exist only on the machine of whoever wrote them.
const PRIVATE_PLACES: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("../sha", "red/")];

/// The one door to unsafe rules of Raft, and who may open it.
const RULES_DOOR: &str = concat!("with_", "rules");
const MAY_BREAK_RULES: [&str; 4] = ["core/raft/", "shell/sim/", "shell/model/", "shell/explorer/"];

const UNWRAP: &str = concat!(".unw", "rap()");

pub(super) fn violations(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in tree.rust() {
        if path.starts_with(GENERATED) {
            continue;
        }
        found.extend(file_rules(path, text));
        found.extend(line_rules(path, text));
    }
    for (path, text) in tree.files() {
        found.extend(private_places(path, text));
    }
    found
}

fn file_rules(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    if !text.starts_with("//!") {
        found.push(Violation::file(
            path,
            "must begin with `//!`: what it is for, and what it deliberately does not know",
        ));
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        found.push(Violation::file(path, format!("{lines} lines, at most {LINES_MAX}: which second idea moved in?")));
    }
    found
}

fn line_rules(path: &str, text: &str) -> Vec<Violation> {
    let may_break_rules = MAY_BREAK_RULES.iter().any(|folder| path.starts_with(folder));
    let mut in_tests = is_test_path(path);
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        in_tests |= line.trim() == "#[cfg(test)]";
        for word in UNFINISHED.iter().filter(|word| line.contains(**word)) {
            found.push(Violation::line(path, number, format!("`{word}`: finish it or leave it out")));
        }
        if !may_break_rules && line.contains(RULES_DOOR) {
            let sentence = format!("`{RULES_DOOR}` switches safety off: only {} may", MAY_BREAK_RULES.join(", "));
            found.push(Violation::line(path, number, sentence));
        }
        let comment = line.trim_start().starts_with("//");
        if !in_tests && !comment && line.contains(UNWRAP) {
            found.push(Violation::line(
                path,
                number,
                format!("`{UNWRAP}`: return an error, or `expect` with the reason"),
            ));
        }
    }
    found
}

/// Folders whose code is only ever a test, an example or a measurement.
fn is_test_path(path: &str) -> bool {
    path.starts_with("tests/")
        || path.ends_with("/tests.rs")
        || ["/tests/", "/benches/", "/examples/"].iter().any(|folder| path.contains(folder))
}

fn private_places(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for place in PRIVATE_PLACES.iter().filter(|place| line.contains(**place)) {
            found.push(Violation::line(
                path,
                number,
                format!("`{place}` exists on one machine only: use a relative path"),
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        violations(&Tree::of(&[(path, text)])).iter().map(ToString::to_string).collect()
    }

    fn assert_caught(path: &str, text: &str, part: &str) {
        let found = found(path, text);
        assert!(found.len() == 1 && found[0].contains(part), "{path}: {found:?}");
    }

    #[test]
    fn a_good_file_is_silent() {
        let text = "//! A room.\nfn f() {}\n#[cfg(test)]\nmod tests { fn g() { Some(1).unwrap(); } }\n";
        assert_eq!(found("replica/src/lib.rs", text), [] as [String; 0]);
    }

    #[test]
    fn a_file_without_its_first_words_is_caught_unless_generated() {
        assert_caught("store/src/lib.rs", "fn f() {}\n", "must begin with `//!`");
        assert_eq!(found("shell/api/src/kv.rs", "fn f() {}\n"), [] as [String; 0]);
    }

    #[test]
    fn a_long_file_is_caught() {
        let long = format!("//! Long.\n{}", "\n".repeat(LINES_MAX));
        assert_caught("store/src/lib.rs", &long, "601 lines");
        assert_eq!(found("store/src/lib.rs", &long[..long.len() - 1]), [] as [String; 0]);
    }

    #[test]
    fn every_sign_of_unfinished_work_is_caught() {
        for word in UNFINISHED {
            assert_caught("store/src/lib.rs", &format!("//! A room.\n    {word}\n"), "store/src/lib.rs:2: ");
        }
    }

    #[test]
    fn unwrap_is_caught_outside_tests_only() {
        let text = format!("//! A room.\nfn f() {{ g(){UNWRAP}; }}\n");
        assert_caught("store/src/lib.rs", &text, "return an error");
        for path in ["store/tests/model.rs", "core/wal/benches/append.rs", "tests/e2e/src/lib.rs"] {
            assert_eq!(found(path, &text), [] as [String; 0]);
        }
        assert_eq!(found("store/src/lib.rs", &format!("//! A room.\n/// g(){UNWRAP};\n")), [] as [String; 0]);
    }

    #[test]
    fn breaking_rafts_rules_is_for_simulator_and_model_only() {
        let text = format!("//! A room.\nlet raft = Raft::{RULES_DOOR}(config);\n");
        assert_caught("shell/node/src/lib.rs", &text, "only core/raft/");
        assert_caught("shell/node/tests/cluster.rs", &text, "only core/raft/");
        for path in ["shell/sim/src/world.rs", "shell/model/src/world.rs", "core/raft/src/raft.rs"] {
            assert_eq!(found(path, &text), [] as [String; 0]);
        }
    }

    #[test]
    fn a_private_path_is_caught_in_any_file() {
        for place in PRIVATE_PLACES {
            assert_caught("docs/operations.md", &format!("# Operations\nSee {place}x\n"), "one machine only");
        }
    }
}
