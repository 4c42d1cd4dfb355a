//! The checker judged from outside: by hand-made histories, by brute force, by legal histories that must pass and by mutations of
//! them that must not.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop when a test is written wrongly")]

mod brute_force;
mod brute_force_store;
mod dice;
mod format;
mod legal;
mod limits;
mod literature;
mod make;
mod mutate_registers;
mod mutate_store;
mod mutations;
mod shorthand;
mod stores;
