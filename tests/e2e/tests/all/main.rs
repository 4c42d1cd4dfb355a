//! The end-to-end tests: one program, so that its turnstile sees all of them. Each room is one subject.

mod amnesia;
mod bounded_reads;
mod bounds;
mod client;
mod damage;
mod dev;
mod etcdctl;
mod folders;
mod full_disk;
mod kills;
mod leases;
mod members;
mod minority;
mod pauses;
mod restarts;
mod snapshots;
mod stalls;
mod storm;
mod strangers;
mod transfers;
