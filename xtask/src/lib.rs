//! The developer commands behind `cargo x`, as a library, so that `cargo test --workspace` runs the tidy rules too.
//!
//! Knows cargo, git and the folders of this repository; deliberately knows nothing of Raft, and depends on a reader of JSON
//! alone, so that `cargo x` is ready seconds after a clean checkout.

pub mod commands;
pub mod figures;
pub mod manifest;
pub mod mutants;
pub mod stage;
pub mod tidy;
pub mod tree;

use std::path::PathBuf;

/// The repository's root: the folder above this crate.
#[must_use]
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.clone(), PathBuf::from)
}
