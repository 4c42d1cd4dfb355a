//! (being built)
mod accepted;
pub mod boot;
mod durable;
pub mod peer;
mod reads;
mod replica;
pub mod section;
mod snapshots;
pub mod state_machine;
mod storeroom;
pub mod turn;
mod writes;

pub use boot::{First, StartError, Started, start};
pub use durable::DurableLog;
pub use peer::PeerMessage;
pub use replica::{Config, Own, Replica};
pub use section::Section;
pub use state_machine::{Command, Freeze, RestoreError, StateMachine};
pub use storeroom::{LoadError, Loaded, Storeroom};
pub use turn::{
    Input, Output, ReceivedSnapshot, Refusal, Reply, Request, RequestId, TakeSnapshot, Time, Timer, TimerChange,
};
