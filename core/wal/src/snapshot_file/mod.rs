//! Snapshot files: a checksummed container with the replica's section and the state machine's stream.
//!
//! A file appears under its name only when it is complete and durable; the name holds the position that it covers. Every chunk is checked as
//! it is read. What the two streams say is not known here.

mod check;
mod format;
mod incoming;
mod outgoing;
mod reader;
mod writer;

pub use format::CHUNK_BYTES;
pub use incoming::{CompleteSnapshot, IncomingSnapshot};
pub use outgoing::SnapshotBytes;
pub use reader::{SnapshotReader, verify};
pub use writer::SnapshotWriter;

use crate::batch::Base;
use crate::disk::Disk;
use crate::error::{Damage, Failure};
use crate::spare::remove_if_there;
use incoming::incoming_id;
use std::{fmt, io};

/// A complete snapshot file in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotName {
    /// The file's name.
    pub name: String,
    /// The last entry that it covers.
    pub position: Base,
}

/// Which file it is: two with the same of each are the same, whoever wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotId {
    /// The last entry that it covers.
    pub position: Base,
    /// Its length in bytes.
    pub length: u64,
    /// The checksum of the whole, as its footer says.
    pub checksum: u32,
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
    /// What arrived from another member is not what was written there.
    Arrived(Damage),
    /// Bytes arrived from another member, and some before them did not.
    Gap {
        /// The file in question.
        file: String,
        /// The offset of the bytes that were to come.
        expected: u64,
        /// The offset of those that came.
        found: u64,
    },
    /// The file system refused.
    Io(Failure),
}

impl SnapshotError {
    /// The folder can't be listed, or has no snapshot.
    #[must_use]
    pub fn unlisted(error: &io::Error) -> Self {
        Self::Io(Failure::new("find the newest snapshot in", "", error))
    }

    /// The disk has no room for it.
    #[must_use]
    pub fn is_no_room(&self) -> bool {
        let no_room =
            |failure: &Failure| matches!(failure.kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        matches!(self, Self::Io(failure) if no_room(failure))
    }
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
            Self::Arrived(Damage { file, offset, what }) => {
                write!(f, "what arrives of {file} is damaged at byte {offset}: {what}; it is sent again from there")
            }
            Self::Gap { file, expected, found } => {
                write!(f, "of {file} the bytes from {found} on arrive, and those from {expected} on were to come")
            }
            Self::Io(failure) if self.is_no_room() => write!(
                f,
                "the disk has no room to {} {}: free some space; until then it is tried again and again",
                failure.operation, failure.file
            ),
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

/// Removes what a crash left of snapshots that were being written or received; but not of the newest that was being received, if it
/// is ahead of all that are complete: its sender may go on there. For the start, before new ones begin.
///
/// # Errors
/// What the disk said.
pub fn remove_unfinished<D: Disk>(disk: &D) -> io::Result<()> {
    let names = disk.list()?;
    let complete = names.iter().filter_map(|name| position_of(name)).max();
    let of_use = names.iter().filter_map(|name| incoming_id(name)).map(|id| id.position).max();
    let of_use = of_use.filter(|position| Some(*position) > complete);
    remove_incoming(disk, |id| Some(id.position) != of_use)?;
    for name in names {
        if name.strip_suffix(UNFINISHED).is_some_and(|stem| position_of(stem).is_some()) {
            disk.remove(&name)?;
        }
    }
    Ok(())
}

/// Removes what was received of the snapshots that `unwanted` says.
///
/// # Errors
/// What the disk said.
pub fn remove_incoming<D: Disk>(disk: &D, unwanted: impl Fn(SnapshotId) -> bool) -> io::Result<()> {
    let names = disk.list()?;
    let unwanted = names.iter().filter(|name| incoming_id(name).is_some_and(&unwanted));
    unwanted.into_iter().try_for_each(|name| remove_if_there(disk, name))
}

/// A file is synced each time that so many bytes were written to it: all at once would make every other sync of the disk wait.
pub(crate) const SYNC_BYTES: u64 = 8 << 20;

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
        let id = SnapshotId { position, length: 77, checksum: 0xab };
        let incoming = format!("incoming-{}-{:020}-000000ab.tmp", snapshot_name(position), 77);
        assert_eq!(incoming_id(&incoming), Some(id));
        assert_eq!(incoming_id("incoming-x-1-2.tmp"), None);
    }
}
