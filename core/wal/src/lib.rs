//! A write-ahead log that knows exactly what is durable.
//!
//! One [`Batch`] at a time is written, then synced; after a crash [`Wal::open`] gives back every batch whose sync returned, perhaps the one
//! batch that was being written, and never a part of one. Damage is told from a torn write and refused with file and offset.
//! The format, and the argument why this holds, are in `docs/wal-format.md`.
//!
//! Rooms: [`disk`](Disk) is the only door to a file system ([`folder_disk`], [`memory_disk`]); `batch` is what goes in; `record`
//! and `segment` are the format; `writer` appends; `spare` prepares and removes files; `replay` reads back, `recovery` opens;
//! [`snapshot_file`] is a checksummed container for snapshots.
//!
//! This crate knows nothing of Raft: terms and indexes are numbers, entries are bytes. It has no clock, no threads and no dice.

mod batch;
mod disk;
mod error;
pub mod folder_disk;
pub mod memory_disk;
mod options;
mod position;
mod record;
mod recovery;
mod replay;
mod segment;
pub mod snapshot_file;
mod spare;
mod writer;

pub use batch::{Base, BaseChange, Batch, Entry, HardState};
pub use disk::{Disk, DiskFile, SECTOR_BYTES};
pub use error::{Damage, Failure, OpenError, WriteError};
pub use options::Options;
pub use recovery::Recovered;
pub use replay::Torn;
pub use segment::BATCH_BYTES_MAX;
pub use spare::{Chore, Filling, Progress, SpareOrder};
pub use writer::{Usage, Wal};
