//! Snapshot files: a checksummed container with the replica's section and the state machine's stream.
//!
//! A file appears under its name only when it is complete and durable; the name holds the position that it covers. Every chunk is checked as
//! it is read. What the two streams say is not known here.

mod format;
mod incoming;
mod reader;
mod writer;

pub use incoming::{IncomingSnapshot, SnapshotBytes};
pub use reader::{SnapshotReader, verify};
pub use writer::SnapshotWriter;

use crate::batch::Base;
use crate::disk::Disk;
use crate::error::{Damage, Failure};
use std::{fmt, io};

/// A complete snapshot file in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotName {
    /// The file's name.
    pub name: String,
    /// The last entry that it covers.
    pub position: Base,
}

/// What a verified or just written file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// The file's name.
    pub name: String,
    /// The last entry that it covers.
    pub position: Base,
    /// The file's length.
    pub bytes: u64,
    /// The length of the replica's section.
    pub replica_bytes: u64,
    /// The length of the state machine's stream.
    pub state_bytes: u64,
}

/// Why a snapshot file can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The file is cut or changed.
    Damaged(Damage),
    /// Written by a version of the format that this program does not know.
    OtherVersion {
        /// The file in question.
        file: String,
        /// The version it names.
        found: u16,
    },
    /// The snapshot of another group.
    OtherGroup {
        /// The file in question.
        file: String,
        /// The group it names.
        found: u32,
        /// The group that was asked for.
        expected: u32,
    },
    /// The file covers another position than its name or its sender said.
    OtherPosition {
        /// The file in question.
        file: String,
        /// The position it names.
        found: Base,
        /// The position that was expected.
        expected: Base,
    },
    /// The file system refused.
    Io(Failure),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(damage) => write!(
                f,
                "{damage}; the state can't be restored from it: put back an undamaged copy of the file, or remove the member from \
                 the cluster and add it again with an empty folder"
            ),
            Self::OtherVersion { file, found } => write!(
                f,
                "{file} has version {found} of the snapshot format, this program knows version {}: use the program that wrote it",
                format::VERSION
            ),
            Self::OtherGroup { file, found, expected } => {
                write!(f, "{file} belongs to group {found}, not to group {expected}: this is another group's file")
            }
            Self::OtherPosition { file, found, expected } => {
                write!(f, "{file} covers the log up to {found}, not up to {expected}: it was renamed or mixed up")
            }
            Self::Io(failure) => write!(f, "{failure}"),
        }
    }
}

impl std::error::Error for SnapshotError {}

impl From<SnapshotError> for io::Error {
    fn from(error: SnapshotError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// The name of the snapshot that covers the log up to `position`.
#[must_use]
pub fn snapshot_name(position: Base) -> String {
    format!("snapshot-{:020}-{:020}.snap", position.index, position.term)
}

/// The complete snapshots in the folder, oldest position first. Their contents are not looked at.
///
/// # Errors
/// When the folder can't be listed.
pub fn list<D: Disk>(disk: &D) -> io::Result<Vec<SnapshotName>> {
    let names = disk.list()?;
    let mut snapshots: Vec<SnapshotName> = names
        .into_iter()
        .filter_map(|name| position_of(&name).map(|position| SnapshotName { name, position }))
        .collect();
    snapshots.sort_by_key(|snapshot| snapshot.position);
    Ok(snapshots)
}

/// The complete snapshot with the highest position.
///
/// # Errors
/// When the folder can't be listed.
pub fn newest<D: Disk>(disk: &D) -> io::Result<Option<SnapshotName>> {
    Ok(list(disk)?.pop())
}

/// Removes a snapshot, durably.
///
/// # Errors
/// What the disk said.
pub fn remove<D: Disk>(disk: &D, name: &str) -> io::Result<()> {
    disk.remove(name)?;
    disk.sync_dir()
}

/// Removes what a crash left of snapshots that were being written or received. For the start, before new ones begin.
///
/// # Errors
/// What the disk said.
pub fn remove_unfinished<D: Disk>(disk: &D) -> io::Result<()> {
    for name in disk.list()? {
        let stem = name.strip_suffix(UNFINISHED);
        if stem.is_some_and(|stem| position_of(stem.strip_prefix(INCOMING).unwrap_or(stem)).is_some()) {
            disk.remove(&name)?;
        }
    }
    Ok(())
}

const UNFINISHED: &str = ".tmp";
const INCOMING: &str = "incoming-";

fn position_of(name: &str) -> Option<Base> {
    let (index, term) = name.strip_prefix("snapshot-")?.strip_suffix(".snap")?.split_once('-')?;
    let number = |digits: &str| {
        (digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.parse().ok())?
    };
    Some(Base { index: number(index)?, term: number(term)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_its_position() {
        let position = Base { index: 1234, term: 7 };
        assert_eq!(position_of(&snapshot_name(position)), Some(position));
        assert_eq!(position_of("snapshot-1-2.snap"), None);
        assert_eq!(position_of(&format!("{}.tmp", snapshot_name(position))), None);
    }
}
