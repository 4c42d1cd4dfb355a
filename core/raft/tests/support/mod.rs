//! A world for tests: nodes, their disks, the wire between them and the watch that is kept over them. What happens, and in
//! which order, is up to the caller: golden scripts say it line by line, the randomised test rolls dice.
//!
//! Each test program uses a part of this, hence the `allow`.
#![allow(dead_code)]

pub(crate) mod audit;
pub(crate) mod disk;
pub(crate) mod notation;
pub(crate) mod world;
