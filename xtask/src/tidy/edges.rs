//! The dependency order that the folders promise: shell -> store -> replica -> core, core crates alone, and no clock, socket,
//! thread pool or dice below the shell.
//!
//! Looks at manifests only; clippy's `disallowed-types` watches what the code itself touches of the standard library.

use std::collections::BTreeMap;

use super::Violation;
use crate::manifest::{Dependency, Kind, Manifest};
use crate::tree::Tree;

/// All that a core crate may be built on, besides the standard library.
const CORE_MAY_USE: [(&str, &[&str]); 4] = [
    ("core/raft", &["bytes"]),
    ("core/wal", &["bytes", "crc32fast"]),
    ("core/mvcc", &["bytes"]),
    ("core/linearizability", &["serde", "serde_json"]),
];

/// What touches the world, by the first word of the package's name: only the shell may.
const WORLDLY: [&str; 28] = [
    "async",
    "axum",
    "chrono",
    "crossbeam",
    "fastrand",
    "futures",
    "getrandom",
    "hyper",
    "libc",
    "mio",
    "nix",
    "parking_lot",
    "prost",
    "rand",
    "rand_chacha",
    "rand_core",
    "rayon",
    "reqwest",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "time",
    "tokio",
    "tonic",
    "tower",
    "tracing",
    "uuid",
];

/// The only arrows between two crates of the shell. `sim` and `node` are equals: two drivers of the same member.
const SHELL_ARROWS: [(&str, &str); 11] = [
    ("shell/server", "shell/node"),
    ("shell/server", "shell/api"),
    ("shell/client", "shell/api"),
    ("shell/explorer", "shell/sim"),
    ("shell/quorate", "shell/server"),
    ("shell/quorate", "shell/node"),
    ("shell/quorate", "shell/client"),
    ("shell/quorate", "shell/api"),
    ("shell/quorate", "shell/sim"),
    ("shell/quorate", "shell/model"),
    ("shell/quorate", "shell/explorer"),
];

/// Folders that may know protobuf's runtime.
const KNOWS_PROTOBUF: [&str; 2] = ["shell/api", "shell/server"];

pub(super) fn violations(tree: &Tree) -> Vec<Violation> {
    let manifests = Manifest::members(tree);
    let folders: BTreeMap<&str, &str> = manifests.iter().map(|m| (m.name.as_str(), m.folder.as_str())).collect();
    let mut found = Vec::new();
    for manifest in &manifests {
        let mut report =
            |sentence: String| found.push(Violation::file(&format!("{}/Cargo.toml", manifest.folder), sentence));
        if layer(&manifest.folder).is_none() {
            report(format!("{} has no place in the order shell -> store -> replica -> core", manifest.folder));
        }
        for dependency in &manifest.dependencies {
            let refusal = match folders.get(dependency.package.as_str()) {
                Some(to) => inner_edge(&manifest.folder, to),
                None => outer_edge(&manifest.folder, dependency),
            };
            refusal.into_iter().for_each(&mut report);
        }
    }
    found
}

/// Height of a folder; an arrow may only point down. The developer tools stand above all.
fn layer(folder: &str) -> Option<u8> {
    match folder.split('/').next()? {
        "core" => Some(0),
        "replica" => Some(1),
        "store" => Some(2),
        "shell" => Some(3),
        "tests" | "xtask" => Some(4),
        _ => None,
    }
}

/// Why a crate of ours may not depend on another of ours, if so. Dev-dependencies count: a test that needs an upward arrow
/// belongs to the upper crate.
fn inner_edge(from: &str, to: &str) -> Option<String> {
    let allowed = SHELL_ARROWS.contains(&(from, to)) || layer(from)? > layer(to)?;
    if allowed && from != "xtask" {
        return None;
    }
    Some(format!(
        "{from} must not depend on {to}: arrows only point shell -> store -> replica -> core (or as tidy lists)"
    ))
}

fn outer_edge(from: &str, dependency: &Dependency) -> Option<String> {
    let package = dependency.package.as_str();
    if package.starts_with("prost") && !KNOWS_PROTOBUF.contains(&from) {
        return Some(format!("{package}: only {} know protobuf", KNOWS_PROTOBUF.join(", ")));
    }
    if dependency.kind == Kind::Dev || layer(from)? > 2 {
        return None;
    }
    if let Some((_, may_use)) = CORE_MAY_USE.iter().find(|(folder, _)| *folder == from) {
        let refused = !may_use.contains(&package);
        return refused.then(|| format!("{package}: {from} is built on [{}] and nothing else", may_use.join(", ")));
    }
    let worldly = WORLDLY.iter().any(|word| package == *word || package.starts_with(&format!("{word}-")));
    worldly.then(|| format!("{package}: {from} is deterministic; only shell/ touches the world"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tidies one manifest, planted beside correct ones.
    fn planted(folder: &str, body: &str) -> Vec<String> {
        let path = format!("{folder}/Cargo.toml");
        let text = format!("[package]\nname = \"planted\"\n{body}");
        let tree = Tree::of(&[
            ("core/raft/Cargo.toml", "[package]\nname = \"quorate-raft\"\n[dependencies]\nbytes = \"1\"\n"),
            ("replica/Cargo.toml", "[package]\nname = \"quorate-replica\"\n[dependencies]\nquorate-raft = \"0\"\n"),
            ("store/Cargo.toml", "[package]\nname = \"quorate-store\"\n[dependencies]\nquorate-replica = \"0\"\n"),
            ("shell/node/Cargo.toml", "[package]\nname = \"quorate-node\"\n[dependencies]\nquorate-raft = \"0\"\n"),
            (&path, &text),
        ]);
        violations(&tree).iter().map(ToString::to_string).collect()
    }

    fn assert_caught(folder: &str, body: &str, part: &str) {
        let found = planted(folder, body);
        assert!(found.len() == 1 && found[0].contains(part), "{folder} {body}: {found:?}");
    }

    #[test]
    fn arrows_that_point_down_are_good() {
        assert_eq!(planted("shell/server", "[dependencies]\nquorate-node = \"0\"\ntokio = \"1\"\n"), [] as [String; 0]);
        assert_eq!(planted("tests/e2e", "[dependencies]\nquorate-store = \"0\"\n"), [] as [String; 0]);
    }

    #[test]
    fn arrows_that_point_up_or_aside_are_caught() {
        assert_caught("core/wal", "[dependencies]\nquorate-raft = \"0\"\n", "core/wal must not depend on core/raft");
        assert_caught(
            "core/wal",
            "[dev-dependencies]\nquorate-raft = \"0\"\n",
            "core/wal must not depend on core/raft",
        );
        assert_caught("core/mvcc", "[dependencies]\nquorate-store = \"0\"\n", "core/mvcc must not depend on store");
        assert_caught("shell/sim", "[dependencies]\nquorate-node = \"0\"\n", "shell/sim must not depend on shell/node");
        assert_caught("xtask", "[dependencies]\nquorate-raft = \"0\"\n", "xtask must not depend on core/raft");
    }

    #[test]
    fn a_renamed_edge_is_seen() {
        let body = "[dependencies]\nharmless = { package = \"quorate-node\", path = \"..\" }\n";
        assert_caught("shell/sim", body, "shell/sim must not depend on shell/node");
    }

    #[test]
    fn the_world_is_kept_out_of_the_deterministic_crates() {
        assert_caught("core/linearizability", "[dependencies]\nbytes = \"1\"\n", "nothing else");
        assert_caught("core/wal", "[dependencies]\nthiserror = \"2\"\n", "built on [bytes, crc32fast]");
        for name in ["tokio", "tokio-util", "rand", "getrandom", "rustix", "tracing", "time"] {
            let tree_body = format!("[package]\nname = \"quorate-store\"\n[dependencies]\n{name}.workspace = true\n");
            let found = violations(&Tree::of(&[("store/Cargo.toml", &tree_body)]));
            assert_eq!(found.len(), 1, "{name}");
        }
        let timely = "[package]\nname = \"quorate-store\"\n[dependencies]\ntimely = \"1\"\n";
        assert_eq!(violations(&Tree::of(&[("store/Cargo.toml", timely)])), []);
    }

    #[test]
    fn protobuf_and_strange_folders_are_caught() {
        assert_caught("shell/explorer", "[dependencies]\nprost = \"0.14\"\n", "know protobuf");
        assert_caught("helpers/common", "", "has no place in the order");
    }
}
