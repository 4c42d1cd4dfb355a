//! Writing a snapshot file: chunk by chunk under an unfinished name, durable and under its own name at the end.

use super::format::{CHUNK_BYTES, CHUNK_HEADER_BYTES, Footer, HEADER_BYTES, Header, Kind, chunk_checksum};
use super::{SYNC_BYTES, SnapshotInfo, UNFINISHED, snapshot_name};
use crate::batch::Base;
use crate::disk::{Disk, DiskFile};
use crate::spare::remove_if_there;
use std::io::{self, Write};

/// A snapshot that is being written: what is written to it (`std::io::Write`) is the state machine's stream.
#[derive(Debug)]
pub struct SnapshotWriter<D: Disk> {
    disk: D,
    file: D::File,
    position: Base,
    header: [u8; HEADER_BYTES],
    offset: u64,
    /// The chunk that is being filled, its header first.
    chunk: Vec<u8>,
    /// The longest payload of a chunk.
    chunk_bytes: usize,
    footer: Footer,
    whole: crc32fast::Hasher,
    unsynced: u64,
}

impl<D: Disk> SnapshotWriter<D> {
    /// Begins a snapshot that covers the log up to `position`, with the replica's own section.
    ///
    /// # Errors
    /// What the disk said; `StorageFull` when there is no room. Then, as after a later error, call [`SnapshotWriter::abandon`] or leave
    /// the rest to [`super::remove_unfinished`].
    pub fn create(disk: D, group: u32, position: Base, replica_section: &[u8]) -> io::Result<Self> {
        Self::create_with(disk, group, position, replica_section, CHUNK_BYTES)
    }

    /// The same with chunks of at most `chunk_bytes`: small files of many chunks, for tests.
    ///
    /// # Errors
    /// As [`SnapshotWriter::create`].
    pub fn create_with(
        disk: D,
        group: u32,
        position: Base,
        replica_section: &[u8],
        chunk_bytes: usize,
    ) -> io::Result<Self> {
        let chunk_bytes = chunk_bytes.clamp(1, CHUNK_BYTES);
        let unfinished = unfinished_name(position);
        remove_if_there(&disk, &unfinished)?;
        let file = disk.create(&unfinished)?;
        let longest = u32::try_from(chunk_bytes).expect("a chunk is at most 64 KiB");
        let header = Header { group, chunk_bytes: longest, position }.encode();
        file.write_all_at(&header, 0)?;
        let mut whole = crc32fast::Hasher::new();
        whole.update(&header);
        let chunk = vec![0; CHUNK_HEADER_BYTES];
        let offset = HEADER_BYTES as u64;
        let (footer, unsynced) = (Footer::default(), 0);
        let mut writer = Self { disk, file, position, header, offset, chunk, chunk_bytes, footer, whole, unsynced };
        for part in replica_section.chunks(chunk_bytes) {
            writer.chunk.extend_from_slice(part);
            writer.write_chunk(Kind::Replica)?;
        }
        writer.footer.replica_bytes = replica_section.len() as u64;
        Ok(writer)
    }

    /// Completes the file, makes it durable and gives it its name.
    ///
    /// # Errors
    /// What the disk said; then there is no such snapshot.
    pub fn finish(mut self) -> io::Result<SnapshotInfo> {
        self.write_full_chunk()?;
        self.footer.checksum = self.whole.clone().finalize();
        let footer = self.footer;
        self.chunk.extend_from_slice(&footer.encode());
        self.write_chunk(Kind::Footer)?;
        self.file.sync_data()?;
        let name = snapshot_name(self.position);
        self.disk.rename(&unfinished_name(self.position), &name)?;
        self.disk.sync_dir()?;
        let Footer { replica_bytes, state_bytes, .. } = footer;
        Ok(SnapshotInfo { name, position: self.position, bytes: self.offset, replica_bytes, state_bytes })
    }

    /// Gives it up and removes what was written.
    pub fn abandon(self) {
        let _left_for_the_next_start = self.disk.remove(&unfinished_name(self.position));
    }

    /// The length of the file so far, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.offset
    }

    fn write_full_chunk(&mut self) -> io::Result<()> {
        if self.chunk.len() > CHUNK_HEADER_BYTES { self.write_chunk(Kind::State) } else { Ok(()) }
    }

    fn write_chunk(&mut self, kind: Kind) -> io::Result<()> {
        let length = u32::try_from(self.chunk.len() - CHUNK_HEADER_BYTES).expect("a chunk is at most 64 KiB");
        self.chunk[4..8].copy_from_slice(&length.to_le_bytes());
        self.chunk[8..12].copy_from_slice(&self.footer.chunks.to_le_bytes());
        self.chunk[12..16].copy_from_slice(&[kind as u8, 0, 0, 0]);
        let checksum = chunk_checksum(&self.header, &self.chunk[4..]);
        self.chunk[..4].copy_from_slice(&checksum.to_le_bytes());
        self.file.write_all_at(&self.chunk, self.offset)?;
        self.whole.update(&self.chunk);
        self.offset += self.chunk.len() as u64;
        let chunks = self.footer.chunks.checked_add(1);
        self.footer.chunks =
            chunks.ok_or_else(|| io::Error::other("a snapshot has more than four thousand million chunks"))?;
        self.unsynced += self.chunk.len() as u64;
        self.chunk.truncate(CHUNK_HEADER_BYTES);
        if self.unsynced >= SYNC_BYTES {
            self.unsynced = 0;
            self.file.sync_data()?;
        }
        Ok(())
    }
}

impl<D: Disk> Write for SnapshotWriter<D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_HEADER_BYTES + self.chunk_bytes - self.chunk.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.chunk.extend_from_slice(taken);
        self.footer.state_bytes += taken.len() as u64;
        if taken.len() == room {
            self.write_full_chunk()?;
        }
        Ok(taken.len())
    }

    /// Does nothing: a snapshot is durable when it is finished.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unfinished_name(position: Base) -> String {
    snapshot_name(position) + UNFINISHED
}
