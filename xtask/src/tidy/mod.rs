//! The rules of this repository that rustc, clippy and rustfmt do not know. Each is a pure function over the files, with a
//! test that plants a violation and sees it caught.
//!
//! `violations` on the real files is an ordinary test, so `cargo test --workspace` fails on an untidy tree.

mod docs;
mod edges;
mod sources;
mod statements;

use std::fmt;

use crate::tree::Tree;

/// One broken rule: where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path below the root.
    pub path: String,
    /// Line number from 1, when the rule is about a line.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub sentence: String,
}

impl Violation {
    fn file(path: &str, sentence: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, sentence: sentence.into() }
    }

    fn line(path: &str, line: usize, sentence: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: Some(line), sentence: sentence.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.sentence),
            None => write!(f, "{}: {}", self.path, self.sentence),
        }
    }
}

/// Every broken rule in `tree`.
#[must_use]
pub fn violations(tree: &Tree) -> Vec<Violation> {
    let mut found = edges::violations(tree);
    found.extend(sources::violations(tree));
    found.extend(docs::violations(tree));
    found.extend(statements::violations(tree));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_is_tidy() {
        let tree = Tree::read(&crate::root()).expect("the repository can be read");
        let found: Vec<String> = violations(&tree).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "\n{}\n", found.join("\n"));
        assert!(tree.contains("core/raft/src/lib.rs"), "tidy looked at the wrong folder");
    }
}
