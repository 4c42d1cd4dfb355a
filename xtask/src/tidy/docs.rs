//! Links in the pages: each relative one leads to a file, and each `#part` to a heading of it.
//!
//! Does not know the network: links to other sites are never followed.

use super::Violation;
use crate::tree::Tree;

pub(super) fn violations(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| is_page(path)) {
        for (number, target) in links(text) {
            if let Some(sentence) = broken(tree, path, target) {
                found.push(Violation::line(path, number, sentence));
            }
        }
    }
    found
}

/// The pages at the root and all below docs/.
fn is_page(path: &str) -> bool {
    path.ends_with(".md") && (!path.contains('/') || path.starts_with("docs/"))
}

/// Line number and target of every `[text](target)` outside code blocks.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut in_code = false;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code || line.starts_with("    ") {
            continue;
        }
        let after_brackets = line.split("](").skip(1);
        found.extend(after_brackets.filter_map(|rest| rest.split_once(')')).map(|(target, _)| (number, target)));
    }
    found
}

fn broken(tree: &Tree, page: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, part) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { Some(page.to_owned()) } else { resolve(page, file) };
    let Some(path) = path.filter(|path| tree.contains(path)) else {
        return Some(format!("the link `{target}` leads to no file"));
    };
    let text = tree.text(&path).unwrap_or_default();
    let has_part = part.is_empty() || headings(text).any(|heading| heading == part);
    (!has_part).then(|| format!("the link `{target}` leads to no heading of {path}"))
}

/// `file` as seen from the folder of `page`, below the root; nothing when it leaves the repository.
fn resolve(page: &str, file: &str) -> Option<String> {
    let mut steps: Vec<&str> = page.split('/').collect();
    steps.pop();
    for step in file.trim_end_matches('/').split('/') {
        match step {
            "." => {}
            ".." => {
                steps.pop()?;
            }
            name => steps.push(name),
        }
    }
    Some(steps.join("/"))
}

/// Anchors of the headings, made as the usual renderers make them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let tree =
            Tree::of(&[(path, text), ("docs/reads.md", "# Reads\n## Why one round?\n"), ("core/raft/src/lib.rs", "")]);
        violations(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn good_links_are_silent() {
        let text = "# Map\n[a](docs/reads.md) [b](core/raft) [c](docs/reads.md#why-one-round) [d](https://raft.github.io) [e](#map)\n\
                    ```\n[x](nowhere.md)\n```\n";
        assert_eq!(found("README.md", text), [] as [String; 0]);
        assert_eq!(found("docs/testing.md", "[up](../core/raft/src/lib.rs) [beside](reads.md)\n"), [] as [String; 0]);
    }

    #[test]
    fn broken_links_are_caught() {
        for (target, part) in [
            ("docs/rites.md", "leads to no file"),
            ("../outside.md", "leads to no file"),
            ("docs/reads.md#lease", "leads to no heading of docs/reads.md"),
            ("#lease", "leads to no heading of README.md"),
        ] {
            let found = found("README.md", &format!("# Map\n\nSee [it]({target}).\n"));
            assert!(found.len() == 1 && found[0].starts_with("README.md:3: ") && found[0].contains(part), "{found:?}");
        }
    }
}
