//! Runs one member of a Raft cluster on tokio: real disk, real sockets, real clock.
mod arrival;
mod folder;
pub mod handle;
mod log_thread;
mod met;
mod node;
mod node_loop;
mod peer;
mod published;
mod storeroom_thread;
mod timers;

pub use folder::FolderError;
pub use handle::{Handle, Member, ReadError, Status, WriteError, Written};
pub use node::{AddressOf, Config, Node, StartError};
