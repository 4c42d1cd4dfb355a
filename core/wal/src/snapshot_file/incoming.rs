//! A snapshot file between two members: its bytes as they stand on the sender's disk, and their arrival on another.

use super::reader::Chunks;
use super::{INCOMING, SnapshotError, SnapshotInfo, SnapshotReader, UNFINISHED, snapshot_name};
use crate::batch::Base;
use crate::disk::{Disk, DiskFile};
use crate::error::Failure;
use crate::spare::remove_if_there;
use std::io;

/// The bytes of a snapshot file, for sending. They are checked by the receiver.
#[derive(Debug)]
pub struct SnapshotBytes<F: DiskFile> {
    file: F,
    length: u64,
}

impl<F: DiskFile> SnapshotBytes<F> {
    /// Opens the file. It can be read to its end even if it is removed meanwhile.
    ///
    /// # Errors
    /// What the disk said.
    pub fn open<D: Disk<File = F>>(disk: &D, name: &str) -> io::Result<Self> {
        let file = disk.open(name)?;
        let length = file.length()?;
        Ok(Self { file, length })
    }

    /// The file's length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Up to `bytes_max` bytes from `offset` on; empty at the end.
    ///
    /// # Errors
    /// What the disk said.
    pub fn read(&self, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        let rest = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; rest.min(bytes_max)];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// A snapshot file that is being received.
#[derive(Debug)]
pub struct IncomingSnapshot<D: Disk> {
    disk: D,
    file: D::File,
    group: u32,
    position: Base,
    received: u64,
}

impl<D: Disk> IncomingSnapshot<D> {
    /// Begins to receive the snapshot of this position; what was received of it before is dropped.
    ///
    /// # Errors
    /// What the disk said.
    pub fn start(disk: D, group: u32, position: Base) -> io::Result<Self> {
        let name = unfinished_name(position);
        remove_if_there(&disk, &name)?;
        let file = disk.create(&name)?;
        Ok(Self { disk, file, group, position, received: 0 })
    }

    /// How many bytes are there: the offset of the next ones.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The last entry that it covers.
    #[must_use]
    pub fn position(&self) -> Base {
        self.position
    }

    /// Adds the next bytes.
    ///
    /// # Errors
    /// What the disk said; `StorageFull` when there is no room.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.received)?;
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// Makes the file durable, verifies all of it and gives it its name. A file that does not pass is removed.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn finish(self) -> Result<SnapshotInfo, SnapshotError> {
        let unfinished = unfinished_name(self.position);
        let io = |operation, error: io::Error| SnapshotError::Io(Failure::new(operation, &unfinished, &error));
        let verified = self.file.sync_data().map_err(|error| io("sync", error)).and_then(|()| {
            let chunks = Chunks::open(&self.disk, &unfinished)?;
            SnapshotReader::begin(chunks, self.group, self.position)?.verify()
        });
        let info = match verified {
            Ok(info) => info,
            Err(error) => {
                self.abandon();
                return Err(error);
            }
        };
        let name = snapshot_name(self.position);
        if let Err(error) = self.disk.rename(&unfinished, &name) {
            self.abandon();
            return Err(io("rename", error));
        }
        self.disk.sync_dir().map_err(|error| io("sync the name of", error))?;
        Ok(SnapshotInfo { name, ..info })
    }

    /// Gives it up and removes what was received.
    pub fn abandon(self) {
        let _left_for_the_next_start = self.disk.remove(&unfinished_name(self.position));
    }
}

fn unfinished_name(position: Base) -> String {
    format!("{INCOMING}{}{UNFINISHED}", snapshot_name(position))
}
