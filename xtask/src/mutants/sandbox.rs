//! A copy of the tracked files in which bugs are planted, built and played: the working tree itself is never touched. The copy is kept
//! between runs, and a file of it is written only where it differs, so that only what a bug changes is built anew.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::patch::Patch;
use super::table::Verdict;
use crate::stage::say;

/// The runner: an example of the simulator, for it needs nothing of the server.
const RUNNER: &str = "until_failure";

/// A world that does not end is no world that a checker failed.
const PATIENCE: Duration = Duration::from_secs(1200);

/// Quick to build and quick enough to run: most worlds that are played end at their first seed.
const ENVIRONMENT: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_INCREMENTAL", "true"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
];

/// The copy, and where it is built.
pub(super) struct Sandbox {
    root: PathBuf,
    tree: PathBuf,
    target: PathBuf,
}

impl Sandbox {
    /// Makes the copy, or makes it the same again.
    ///
    /// # Errors
    /// When the tracked files can't be listed or copied.
    pub(super) fn new(root: &Path) -> Result<Self, String> {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
        let folder = target.join("mutants");
        let sandbox = Self { root: root.to_owned(), tree: folder.join("tree"), target: folder.join("build") };
        let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output();
        let listed = listed.map_err(|error| format!("`git` could not be started: {error}"))?;
        if !listed.status.success() {
            return Err(format!("`git ls-files` ended with {}", listed.status));
        }
        for file in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|file| !file.is_empty()) {
            sandbox.copy(file)?;
        }
        Ok(sandbox)
    }

    /// The file as it is in the working tree.
    fn copy(&self, file: &str) -> Result<(), String> {
        let (from, to) = (self.root.join(file), self.tree.join(file));
        let problem = |error: std::io::Error| format!("{file} can't be copied: {error}");
        if !from.is_file() {
            // Removed and not yet committed.
            return if to.is_file() { std::fs::remove_file(to).map_err(problem) } else { Ok(()) };
        }
        let text = std::fs::read(&from).map_err(problem)?;
        if std::fs::read(&to).is_ok_and(|there| there == text) {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).map_err(problem)?;
        }
        std::fs::write(&to, text).map_err(problem)
    }

    /// Plants the bug.
    ///
    /// # Errors
    /// When the patch does not apply any more.
    pub(super) fn apply(&self, patch: &Patch) -> Result<(), String> {
        git_apply(&self.tree, patch, &[])
    }

    /// Takes the bug out again.
    ///
    /// # Errors
    /// When a file can't be copied.
    pub(super) fn restore(&self, patch: &Patch) -> Result<(), String> {
        patch.files.iter().try_for_each(|file| self.copy(file))
    }

    /// Builds the runner.
    ///
    /// # Errors
    /// The compiler's words.
    pub(super) fn build(&self) -> Result<(), String> {
        let mut command = Command::new("cargo");
        command.args(["build", "--quiet", "--release", "--locked", "--package", "quorate-sim", "--example", RUNNER]);
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target).envs(ENVIRONMENT);
        // Warnings about what a bug leaves unused are of no interest.
        command.env("RUSTFLAGS", "--cap-lints=allow");
        let output = command.output().map_err(|error| format!("`cargo` could not be started: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        say(&words);
        let first = words.lines().find(|line| line.starts_with("error")).unwrap_or("the build failed");
        Err(format!("it does not compile: {first}"))
    }

    /// Runs a test of a package, whole or filtered; says whether it passed, and all that it printed.
    ///
    /// # Errors
    /// When it can't be started.
    pub(super) fn test(&self, package: &str, test: &str, filter: &str) -> Result<(bool, String), String> {
        let mut command = Command::new("cargo");
        command.args(["test", "--quiet", "--locked", "--package", package, "--test", test, filter]);
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target).env("RUSTFLAGS", "--cap-lints=allow");
        let output = command.output().map_err(|error| format!("`cargo` could not be started: {error}"))?;
        let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok((output.status.success(), printed.concat()))
    }

    /// What the simulator says of its own lies and rules.
    ///
    /// # Errors
    /// When the runner does not say it.
    pub(super) fn list(&self) -> Result<Value, String> {
        match self.run(&["list".to_owned()])? {
            Ran::Ended(list) => Ok(list),
            Ran::TooLong => Err("the runner does not end".to_owned()),
        }
    }

    /// Plays seeds from 0 on until a checker fails.
    pub(super) fn play(&self, seeds: u64, more: &[&str]) -> Verdict {
        let mut words = vec!["0".to_owned(), seeds.to_string()];
        words.extend(more.iter().map(|&word| word.to_owned()));
        let begun = Instant::now();
        let ran = self.run(&words);
        let seconds = begun.elapsed().as_secs_f64();
        match ran {
            Ok(Ran::Ended(found)) => Verdict::of(&found, seconds),
            Ok(Ran::TooLong) => Verdict::Endless { seconds },
            Err(problem) => Verdict::Unplayed(problem),
        }
    }

    fn run(&self, words: &[String]) -> Result<Ran, String> {
        let program = self.target.join("release/examples").join(RUNNER);
        let mut command = Command::new(program);
        command.args(words).current_dir(&self.tree).stdin(Stdio::null()).stdout(Stdio::piped());
        let problem = |error: std::io::Error| format!("the runner could not be started: {error}");
        let mut child = command.spawn().map_err(problem)?;
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().map_err(problem)? {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                let _ended_meanwhile = child.kill();
                let _ended_meanwhile = child.wait();
                return Ok(Ran::TooLong);
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut printed = String::new();
        if let Some(mut out) = child.stdout.take() {
            out.read_to_string(&mut printed).map_err(problem)?;
        }
        if !status.success() {
            return Err(format!("the runner ended with {status}"));
        }
        serde_json::from_str(&printed).map(Ran::Ended).map_err(|error| format!("the runner printed no JSON: {error}"))
    }
}

enum Ran {
    Ended(Value),
    TooLong,
}

/// Whether the patch applies to these files; nothing is changed.
///
/// # Errors
/// When it does not.
#[cfg(test)]
pub(super) fn applies(tree: &Path, patch: &Patch) -> Result<(), String> {
    git_apply(tree, patch, &["--check"])
}

/// Tests that need git say so where there is none: a toolchain is enough for all others.
#[cfg(test)]
pub(super) fn git_is_missing() -> bool {
    let missing = Command::new("git").arg("--version").output().is_err();
    if missing {
        say("SKIPPED: git is not installed, so no patch can be applied");
    }
    missing
}

/// Applies it as a plain tool would: the copy lies inside a repository that ignores it, and git is not to look there.
fn git_apply(tree: &Path, patch: &Patch, more: &[&str]) -> Result<(), String> {
    let above = tree.parent().unwrap_or(tree);
    let mut command = Command::new("git");
    command.arg("apply").args(more).arg("-").current_dir(tree).env("GIT_CEILING_DIRECTORIES", above);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let problem = |error: std::io::Error| format!("`git apply` could not be run: {error}");
    let mut child = command.spawn().map_err(problem)?;
    if let Some(mut to) = child.stdin.take() {
        std::io::Write::write_all(&mut to, patch.text.as_bytes()).map_err(problem)?;
    }
    let output = child.wait_with_output().map_err(problem)?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let first = words.lines().next().unwrap_or_default();
    Err(format!("{}.patch does not apply any more, so it shows nothing: make it anew or drop it ({first})", patch.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(line: &str) -> Patch {
        let head = "Breaks: x\nStatements: E1\nKilled-by: figure 3\n\n";
        let diff = format!("--- a/core/a.rs\n+++ b/core/a.rs\n@@ -1,3 +1,3 @@\n one\n-{line}\n+bug\n three\n");
        Patch::read("a_bug", &format!("{head}{diff}")).unwrap()
    }

    #[test]
    fn a_patch_is_planted_and_one_that_does_not_apply_is_refused_by_name() {
        if git_is_missing() {
            return;
        }
        let tree = std::env::temp_dir().join(format!("quorate-mutants-{}", std::process::id()));
        std::fs::create_dir_all(tree.join("core")).unwrap();
        std::fs::write(tree.join("core/a.rs"), "one\ntwo\nthree\n").unwrap();
        let good = git_apply(&tree, &patch("two"), &[]);
        let text = std::fs::read_to_string(tree.join("core/a.rs")).unwrap();
        let again = git_apply(&tree, &patch("two"), &[]);
        std::fs::remove_dir_all(&tree).unwrap();
        assert_eq!((good, text.as_str()), (Ok(()), "one\nbug\nthree\n"));
        assert!(again.unwrap_err().starts_with("a_bug.patch does not apply any more"));
    }
}
