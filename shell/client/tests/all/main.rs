//! The client against members that are made up: what is asked again, what is not, and what takes effect how often.

#![allow(clippy::unwrap_used)] // The helpers are tests, too.

mod calls;
mod sessions;
mod storm;
mod support;
