//! Running one step after another, with the name, the verdict and the seconds of each where a person looks.
//!
//! Knows nothing of what the steps do.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Good,
    /// Not run, and why.
    Skipped(String),
    /// It failed, and how.
    Failed(String),
}

/// The steps of one command; remembers what failed.
#[derive(Debug, Default)]
pub struct Stages {
    failed: Vec<String>,
}

impl Stages {
    /// Runs a step and prints its verdict. Later steps run even when one failed: a developer wants the whole list.
    pub fn run(&mut self, name: &str, step: impl FnOnce() -> Verdict) {
        say(&format!("==> {name}"));
        let start = Instant::now();
        let verdict = step();
        let seconds = start.elapsed().as_secs_f64();
        match verdict {
            Verdict::Good => say(&format!("==> {name}: good ({seconds:.1} s)")),
            Verdict::Skipped(why) => say(&format!("==> {name}: skipped, {why}")),
            Verdict::Failed(how) => {
                say(&format!("==> {name}: FAILED ({seconds:.1} s), {how}"));
                self.failed.push(name.to_owned());
            }
        }
    }

    /// Prints the sum and answers whether all went well.
    #[must_use]
    pub fn finish(self) -> bool {
        if self.failed.is_empty() {
            say("all good");
            return true;
        }
        say(&format!("failed: {}", self.failed.join(", ")));
        false
    }
}

/// Runs a program in `folder`, its output going where ours goes.
#[must_use]
pub fn run(folder: &Path, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Verdict {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).envs(environment.iter().copied());
    match command.status() {
        Ok(status) if status.success() => Verdict::Good,
        Ok(status) => Verdict::Failed(format!("`{program} {}` ended with {status}", arguments.join(" "))),
        Err(error) => Verdict::Failed(format!("`{program}` could not be started: {error}")),
    }
}

/// One line for the developer.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
