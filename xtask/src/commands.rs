//! What each `cargo x` command does, mostly by calling cargo.
//!
//! Knows which tools exist and in which order they are useful; knows no rule of tidy.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::manifest::Manifest;
use crate::stage::{Stages, Verdict, run, say};
use crate::tidy::violations;
use crate::tree::Tree;

const DENY_WARNINGS: [(&str, &str); 1] = [("RUSTDOCFLAGS", "-D warnings")];

/// Everything that must hold before a commit is shared. Changes no file.
#[must_use]
pub fn check(root: &Path) -> bool {
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let mut stages = Stages::default();
    stages.run("fmt", || run(root, "cargo", &["fmt", "--all", "--", "--check"], &[]));
    stages.run("clippy", || run(root, "cargo", &clippy, &[]));
    stages.run("test", || run(root, "cargo", &["test", "--workspace"], &[]));
    stages.run("doc", || run(root, "cargo", &["doc", "--workspace", "--no-deps"], &DENY_WARNINGS));
    stages.run("tidy", || tidy_verdict(root));
    stages.run("deny", || deny(root));
    stages.finish()
}

/// Mends what a machine can mend.
#[must_use]
pub fn fix(root: &Path) -> bool {
    let clippy = ["clippy", "--fix", "--allow-dirty", "--allow-staged", "--workspace", "--all-targets"];
    let mut stages = Stages::default();
    stages.run("clippy --fix", || run(root, "cargo", &clippy, &[]));
    stages.run("fmt", || run(root, "cargo", &["fmt", "--all"], &[]));
    stages.finish()
}

/// Records the golden scripts of `crates` again (of all crates that use goldenscript when empty), then shows what changed.
#[must_use]
pub fn golden(root: &Path, crates: &[&str]) -> bool {
    let named: Vec<String> =
        if crates.is_empty() { scripted(root) } else { crates.iter().map(|&name| name.to_owned()).collect() };
    if named.is_empty() {
        say("no crate has goldenscript among its dev-dependencies");
        return false;
    }
    let mut arguments = vec!["test", "--tests"];
    for name in &named {
        arguments.extend(["-p", name.as_str()]);
    }
    let mut stages = Stages::default();
    stages.run("record", || run(root, "cargo", &arguments, &[("UPDATE_GOLDENFILES", "1")]));
    stages.run("what changed", || run(root, "git", &["--no-pager", "diff", "--stat"], &[]));
    stages.finish()
}

/// The rules of this repository that no other tool knows.
#[must_use]
pub fn tidy(root: &Path) -> bool {
    let mut stages = Stages::default();
    stages.run("tidy", || tidy_verdict(root));
    stages.finish()
}

/// Generates the checked-in code again; with `compare`, changes nothing and fails when it differs from what is checked in.
///
/// The generator is a workspace of its own, so that neither the server nor `cargo x` ever builds it.
#[must_use]
pub fn codegen(root: &Path, compare: bool) -> bool {
    let manifest = "codegen/Cargo.toml";
    let mut stages = Stages::default();
    stages.run("codegen", || {
        if !root.join(manifest).is_file() {
            return Verdict::Failed(format!("{manifest} is missing: the checkout is not complete"));
        }
        let mut arguments = vec!["run", "--quiet", "--manifest-path", manifest, "--"];
        arguments.extend(compare.then_some("--check"));
        run(root, "cargo", &arguments, &[])
    });
    stages.finish()
}

fn tidy_verdict(root: &Path) -> Verdict {
    let tree = match Tree::read(root) {
        Ok(tree) => tree,
        Err(error) => return Verdict::Failed(format!("the repository can't be read: {error}")),
    };
    let found = violations(&tree);
    for violation in &found {
        say(&violation.to_string());
    }
    match found.len() {
        0 => Verdict::Good,
        count => Verdict::Failed(format!("{count} found")),
    }
}

/// Advisories are left out on purpose: their database is fetched from the network, and `check` must work without one.
fn deny(root: &Path) -> Verdict {
    let mut probe = Command::new("cargo-deny");
    probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        return Verdict::Skipped("cargo-deny is not installed (`cargo install cargo-deny --locked`)".to_owned());
    }
    run(root, "cargo-deny", &["check", "--hide-inclusion-graph", "bans", "licenses", "sources"], &[])
}

/// Names of the crates that have golden scripts.
fn scripted(root: &Path) -> Vec<String> {
    let Ok(tree) = Tree::read(root) else { return Vec::new() };
    let manifests = Manifest::members(&tree);
    let has_scripts = |manifest: &Manifest| manifest.dependencies.iter().any(|d| d.package == "goldenscript");
    manifests.into_iter().filter(has_scripts).map(|manifest| manifest.name).collect()
}
