//! A planted bug as a file: a head that says which claim it breaks and who must notice, then a unified diff.
//!
//! ```text
//! Breaks: A vote is granted only once it is on disk.
//! Statements: E1 A10
//! Figure 2: persistent state
//! Killed-by: persist before send, monotonic
//! ```
//!
//! `Figure 2` is there where it is a rule of the paper's figure 2. Behind an empty line anything may be said up to the diff. `Killed-by`
//! names checkers, or `scenario FILE` for what only that scenario of scenarios/ shows, or `core random` and `core FOLDER/SCRIPT` for
//! what the random runs or that golden script of core/raft show, or `replica FOLDER/SCRIPT` for what one of replica shows, or
//! `model NAME` for what the search of that configuration shows, or `explorer FILE/TEST` for what that test of shell/explorer shows.

use std::fmt;

/// A planted bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Patch {
    /// The file's name without its end.
    pub(super) name: String,
    /// The claim that does not hold with it.
    pub(super) breaks: String,
    /// Ids of docs/testing.md; `none` for the store's own rules.
    pub(super) statements: String,
    /// The line of the paper's figure 2.
    pub(super) figure: Option<String>,
    pub(super) killers: Vec<Killer>,
    /// The files that it changes.
    pub(super) files: Vec<String>,
    pub(super) text: String,
}

/// Who must notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Killer {
    Checker(String),
    Scenario(String),
    /// The random runs of core/raft, or one of its golden scripts.
    Core(String),
    /// A golden script of replica.
    Replica(String),
    /// The search of a configuration of the model.
    Model(String),
    /// A test of the explorer.
    Explorer(String),
}

/// Tests that take seconds, where worlds take minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suite {
    /// Of core/raft.
    Core,
    /// Of replica.
    Replica,
    /// Of the model.
    Model,
    /// Of the explorer.
    Explorer,
}

impl Suite {
    /// The package that has them.
    pub(super) fn package(self) -> &'static str {
        match self {
            Self::Core => "quorate-raft",
            Self::Replica => "quorate-replica",
            Self::Model => "quorate-model",
            Self::Explorer => "quorate-explorer",
        }
    }

    /// Its folder of golden scripts, below the root.
    #[cfg(test)]
    pub(super) fn scripts(self) -> Option<&'static str> {
        match self {
            Self::Core => Some("core/raft/tests/scripts"),
            Self::Replica => Some("replica/tests/scripts"),
            Self::Model | Self::Explorer => None,
        }
    }

    /// As the head of a patch calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Replica => "replica",
            Self::Model => "model",
            Self::Explorer => "explorer",
        }
    }
}

impl Killer {
    /// The scenario's file below the root.
    pub(super) fn scenario(&self) -> Option<String> {
        match self {
            Self::Scenario(file) => Some(format!("scenarios/{file}")),
            Self::Checker(_) | Self::Core(_) | Self::Replica(_) | Self::Model(_) | Self::Explorer(_) => None,
        }
    }

    /// Whose own tests notice it, and which: `random`, or a script as `FOLDER/SCRIPT`, or a configuration of the model, or a test of
    /// the explorer as `FILE/TEST`.
    pub(super) fn tests(&self) -> Option<(Suite, &str)> {
        match self {
            Self::Core(name) => Some((Suite::Core, name)),
            Self::Replica(name) => Some((Suite::Replica, name)),
            Self::Model(name) => Some((Suite::Model, name)),
            Self::Explorer(name) => Some((Suite::Explorer, name)),
            Self::Checker(_) | Self::Scenario(_) => None,
        }
    }
}

impl fmt::Display for Killer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checker(name) => write!(f, "{name}"),
            Self::Scenario(file) => write!(f, "scenario {file}"),
            Self::Core(name) => write!(f, "core {name}"),
            Self::Replica(name) => write!(f, "replica {name}"),
            Self::Model(name) => write!(f, "model {name}"),
            Self::Explorer(name) => write!(f, "explorer {name}"),
        }
    }
}

/// Bugs are planted in what is shipped, never in what looks for them.
const MAY_CHANGE: [&str; 4] = ["core/", "replica/", "store/", "shell/explorer/src/"];

impl Patch {
    /// Reads a patch.
    ///
    /// # Errors
    /// What is missing in its head, or wrong with what it changes.
    pub(super) fn read(name: &str, text: &str) -> Result<Self, String> {
        let (mut breaks, mut statements, mut figure, mut killed_by) = (None, None, None, None);
        for line in text.lines().take_while(|line| !line.trim().is_empty() && !line.starts_with("--- ")) {
            let (key, value) =
                line.split_once(": ").ok_or_else(|| format!("{line:?} in its head is no `Key: value`"))?;
            let place = match key {
                "Breaks" => &mut breaks,
                "Statements" => &mut statements,
                "Figure 2" => &mut figure,
                "Killed-by" => &mut killed_by,
                other => {
                    return Err(format!("its head has {other:?}; known are Breaks, Statements, Figure 2, Killed-by"));
                }
            };
            *place = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
        let missing = |key: &str| format!("its head lacks `{key}:`");
        let statements = statements.ok_or_else(|| missing("Statements"))?;
        if let Some(word) = statements.split_whitespace().find(|word| !is_id(word) && *word != "none") {
            return Err(format!("{word:?} is no id of a statement, such as E1, and not `none`"));
        }
        let killed_by = killed_by.ok_or_else(|| missing("Killed-by"))?;
        let patch = Self {
            name: name.to_owned(),
            breaks: breaks.ok_or_else(|| missing("Breaks"))?,
            statements,
            figure,
            killers: killed_by.split(", ").map(killer).collect(),
            files: text.lines().filter_map(|line| line.strip_prefix("+++ b/")).map(str::to_owned).collect(),
            text: text.to_owned(),
        };
        patch.check_files()?;
        Ok(patch)
    }

    fn check_files(&self) -> Result<(), String> {
        if self.files.is_empty() {
            return Err("it changes nothing: no `+++ b/FILE`".to_owned());
        }
        for file in &self.files {
            let shipped = MAY_CHANGE.iter().any(|folder| file.starts_with(folder));
            if !shipped || file.contains("/tests/") || file.contains("/invariants/") {
                return Err(format!(
                    "it changes {file}: bugs are planted in {} and not in tests",
                    MAY_CHANGE.join(", ")
                ));
            }
        }
        Ok(())
    }
}

fn killer(word: &str) -> Killer {
    let word = word.trim();
    match word.split_once(' ') {
        Some(("scenario", file)) => Killer::Scenario(file.to_owned()),
        Some(("core", name)) => Killer::Core(name.to_owned()),
        Some(("replica", name)) => Killer::Replica(name.to_owned()),
        Some(("model", name)) => Killer::Model(name.to_owned()),
        Some(("explorer", name)) => Killer::Explorer(name.to_owned()),
        Some(_) | None => Killer::Checker(word.to_owned()),
    }
}

fn is_id(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|first| first.is_ascii_uppercase())
        && word.len() > 1
        && letters.all(|letter| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "\n--- a/core/raft/src/raft.rs\n+++ b/core/raft/src/raft.rs\n@@ -1 +1 @@\n-a\n+b\n";

    fn read(head: &str) -> Result<Patch, String> {
        Patch::read("a_bug", &format!("{head}\n{DIFF}"))
    }

    #[test]
    fn a_head_is_read() {
        let patch =
            read("Breaks: One vote.\nStatements: E1 A10\nFigure 2: x: y\nKilled-by: figure 3, scenario a.scn\n\nWhy.")
                .unwrap();
        assert_eq!((patch.breaks.as_str(), patch.figure.as_deref()), ("One vote.", Some("x: y")));
        assert_eq!(patch.killers[0], Killer::Checker("figure 3".to_owned()));
        assert_eq!(patch.killers[1].scenario().as_deref(), Some("scenarios/a.scn"));
        assert_eq!(patch.killers.iter().find_map(Killer::tests), None);
        assert_eq!(patch.files, ["core/raft/src/raft.rs"]);
        let of_core = read("Breaks: x\nStatements: M5\nKilled-by: core commit/a_claim").unwrap();
        assert_eq!(of_core.killers.iter().find_map(Killer::tests), Some((Suite::Core, "commit/a_claim")));
        assert_eq!(of_core.killers[0].to_string(), "core commit/a_claim");
        let of_replica = read("Breaks: x\nStatements: M5\nKilled-by: replica membership/a_claim").unwrap();
        assert_eq!(of_replica.killers[0].tests(), Some((Suite::Replica, "membership/a_claim")));
        let of_model = read("Breaks: x\nStatements: R6\nKilled-by: model lease").unwrap();
        assert_eq!(of_model.killers[0].tests(), Some((Suite::Model, "lease")));
        let of_explorer = read("Breaks: x\nStatements: B15\nKilled-by: explorer traces/a_claim").unwrap();
        assert_eq!(of_explorer.killers[0].tests(), Some((Suite::Explorer, "traces/a_claim")));
    }

    #[test]
    fn a_head_that_lacks_something_is_refused() {
        let refused = |head: &str, part: &str| {
            let error = read(head).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        refused("Statements: E1\nKilled-by: x", "lacks `Breaks:`");
        refused("Breaks: x\nKilled-by: x", "lacks `Statements:`");
        refused("Breaks: x\nStatements: E1", "lacks `Killed-by:`");
        refused("Breaks: x\nStatements: e1\nKilled-by: x", "\"e1\" is no id");
        refused("Breaks: x\nTitle: y", "its head has \"Title\"");
        refused("a bug", "is no `Key: value`");
    }

    #[test]
    fn what_looks_for_bugs_is_not_changed() {
        let head = "Breaks: x\nStatements: E1\nKilled-by: x\n\n";
        assert!(Patch::read("a", head).unwrap_err().contains("changes nothing"));
        for file in [
            "core/raft/tests/random.rs",
            "shell/sim/src/lies.rs",
            "core/raft/src/invariants/mod.rs",
            "shell/explorer/tests/x.rs",
        ] {
            let error = Patch::read("a", &format!("{head}+++ b/{file}\n")).unwrap_err();
            assert!(error.contains(file), "{error}");
        }
    }
}
