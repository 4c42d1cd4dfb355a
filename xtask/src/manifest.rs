//! Reads what tidy needs of a Cargo manifest: the package's name, and every dependency with its kind and real package name.
//!
//! Reads the plain forms of TOML that this repository writes (`name = "x"`, `name.workspace = true`, `name = { ... }`,
//! `[dependencies.name]`), not TOML in general; a crate for that would make `cargo x` slow to start.

use std::collections::BTreeMap;

use crate::tree::Tree;

/// What a dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Part of what is shipped.
    Normal,
    /// Only the crate's build script.
    Build,
    /// Only its tests, benches and examples.
    Dev,
}

/// One dependency of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The package's own name, whatever it is called in the manifest.
    pub package: String,
    /// What it is for.
    pub kind: Kind,
}

/// One package of this repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The folder below the root, such as `core/raft`.
    pub folder: String,
    /// The package's name, such as `quorate-raft`.
    pub name: String,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
}

impl Manifest {
    /// Every package of the workspace that the root manifest describes, and packages that lie in the tree without being members
    /// (so that a forgotten one is judged too). Workspaces of their own are left out.
    #[must_use]
    pub fn members(tree: &Tree) -> Vec<Self> {
        let real_names = workspace_names(tree.text("Cargo.toml").unwrap_or_default());
        let mut found = Vec::new();
        for (path, text) in tree.files() {
            let Some(folder) = path.strip_suffix("/Cargo.toml") else { continue };
            let own_workspace = text.lines().any(|line| line.trim() == "[workspace]");
            if own_workspace {
                continue;
            }
            found.push(Self::parse(folder, text, &real_names));
        }
        found
    }

    fn parse(folder: &str, text: &str, real_names: &BTreeMap<String, String>) -> Self {
        let mut manifest = Self { folder: folder.to_owned(), name: String::new(), dependencies: Vec::new() };
        for (section, key, value) in entries(text) {
            if section == "package" && key == "name" {
                manifest.name = unquoted(value).to_owned();
            } else if let Some((kind, rest)) = dependency_section(section) {
                // `[dependencies]` lists names as keys; `[dependencies.name]` has the name in the section.
                let alias = if rest.is_empty() { key.split('.').next().unwrap_or(key) } else { rest };
                let package = renamed(value)
                    .or_else(|| (key == "package").then(|| unquoted(value).to_owned()))
                    .or_else(|| real_names.get(alias).cloned())
                    .unwrap_or_else(|| alias.to_owned());
                let dependency = Dependency { package, kind };
                if !manifest.dependencies.contains(&dependency) {
                    manifest.dependencies.push(dependency);
                }
            }
        }
        manifest
    }
}

/// Names in `[workspace.dependencies]` that stand for a package of another name.
fn workspace_names(text: &str) -> BTreeMap<String, String> {
    entries(text)
        .filter(|(section, _, _)| *section == "workspace.dependencies")
        .filter_map(|(_, key, value)| renamed(value).map(|package| (key.to_owned(), package)))
        .collect()
}

/// Section, key and value of every `key = value` line.
fn entries(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut section = "";
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
            return None;
        }
        if line.starts_with('#') {
            return None;
        }
        line.split_once('=').map(|(key, value)| (section, key.trim(), value.trim()))
    })
}

/// The kind that a section's dependencies have, and what follows the word `dependencies.` in its name.
fn dependency_section(section: &str) -> Option<(Kind, &str)> {
    if section.starts_with("workspace.") {
        return None;
    }
    // `target.'cfg(unix)'.dependencies` is judged like `dependencies`.
    let (before, rest) = section.split_once("dependencies")?;
    let kind = match before.rsplit('.').next().unwrap_or(before) {
        "dev-" => Kind::Dev,
        "build-" => Kind::Build,
        _ => Kind::Normal,
    };
    Some((kind, rest.trim_start_matches('.')))
}

/// `{ package = "real-name", ... }` names the real package.
fn renamed(value: &str) -> Option<String> {
    let inner = value.strip_prefix('{')?;
    inner.split(',').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        (key.trim() == "package").then(|| unquoted(value.trim().trim_end_matches('}').trim()).to_owned())
    })
}

fn unquoted(value: &str) -> &str {
    value.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_a_dependency_are_read() {
        let tree = Tree::of(&[
            ("Cargo.toml", "[workspace.dependencies]\nraft = { package = \"quorate-raft\", path = \"core/raft\" }\n"),
            (
                "replica/Cargo.toml",
                "[package]\nname = \"quorate-replica\"\n[dependencies]\nraft.workspace = true\nbytes = \"1\"\n\
                 log = { path = \"..\", package = \"quorate-wal\" }\n[target.'cfg(unix)'.dependencies]\nrustix = \"1\"\n\
                 [dependencies.serde]\nversion = \"1\"\nfeatures = []\n[dev-dependencies]\nrand.workspace = true\n\
                 [build-dependencies]\ncc = \"1\"\n",
            ),
        ]);
        let manifests = Manifest::members(&tree);
        assert_eq!(manifests.len(), 1);
        assert_eq!(manifests[0].name, "quorate-replica");
        let read: Vec<_> = manifests[0].dependencies.iter().map(|d| (d.package.as_str(), d.kind)).collect();
        let normal = ["quorate-raft", "bytes", "quorate-wal", "rustix", "serde"].map(|name| (name, Kind::Normal));
        assert_eq!(read[..5], normal);
        assert_eq!(read[5..], [("rand", Kind::Dev), ("cc", Kind::Build)]);
    }

    #[test]
    fn a_workspace_of_its_own_is_not_ours() {
        let tree = Tree::of(&[("codegen/Cargo.toml", "[workspace]\n[package]\nname = \"codegen\"\n")]);
        assert_eq!(Manifest::members(&tree), []);
    }
}
