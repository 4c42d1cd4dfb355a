//! A run in, a trace out: what happens in a simulated cluster, step by step, with the rule of each step.
//!
//! The members are those of the simulator, which are those of the server; this room only looks and translates.
//!
//! - [`trace()`]: the one function. [`Explorer`]: the same, and faster where windows follow each other.
//! - [`mod@trace`]: the types that a page draws from.
//! - [`limits`]: how large a run may be.
//! - [`request`]: what a page asks for. [`export()`]: what it can take away.
//! - [`story`]: runs with captions, to be told.
//!
//! It touches no file, no socket, no thread and no clock.

mod checks;
pub mod digest;
mod engine;
mod export;
pub mod limits;
pub mod request;
pub mod story;
mod told;
pub mod trace;
mod view;
mod why;
mod words;

pub use engine::{Explorer, Job, trace};
pub use export::{Asset, export};
pub use limits::Refusal;
