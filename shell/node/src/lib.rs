//! (being built)
pub mod handle;
pub use handle::{Handle, Member, ReadError, Status, WriteError, Written};
