//! The end-to-end tests: one program, so that its turnstile sees all of them. Each room is one subject.

mod etcdctl;
mod kills;
mod minority;
mod pauses;
mod restarts;
mod snapshots;
