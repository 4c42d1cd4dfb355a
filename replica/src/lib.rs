//! (being built)
pub mod state_machine;
pub use state_machine::{Command, Freeze, RestoreError, StateMachine};
