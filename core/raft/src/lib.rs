//! (being built)
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;
pub mod types;
pub use types::{Index, NodeId, Position, Term};
