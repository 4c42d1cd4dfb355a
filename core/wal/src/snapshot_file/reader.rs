//! Reading a snapshot file: nothing is handed out before its chunk was checked, and the end only when the whole file is.

use super::check::{Check, payload_length};
use super::format::{CHUNK_HEADER_BYTES, Footer, HEADER_BYTES, Kind};
use super::{SnapshotError, SnapshotInfo, position_of};
use crate::batch::Base;
use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, Failure};
use std::io::{self, Read};

/// A snapshot that is being read: `std::io::Read` gives the state machine's stream.
///
/// An error of `read` holds a [`SnapshotError`]. Only a `read` that returned 0 says that all was good: what was restored counts
/// from then on.
#[derive(Debug)]
pub struct SnapshotReader<F: DiskFile> {
    chunks: Chunks<F>,
    replica_section: Vec<u8>,
    /// How much of the chunk at hand was given out.
    given: usize,
    finished: bool,
    failed: Option<SnapshotError>,
}

impl<F: DiskFile> SnapshotReader<F> {
    /// Opens a file and reads the replica's section.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn open<D: Disk<File = F>>(disk: &D, name: &str, group: u32) -> Result<Self, SnapshotError> {
        let chunks = Chunks::open(disk, name)?;
        let expected = position_of(name).unwrap_or(chunks.check.header.position);
        Self::begin(chunks, group, expected)
    }

    pub(super) fn begin(chunks: Chunks<F>, group: u32, expected: Base) -> Result<Self, SnapshotError> {
        let (found, position) = (chunks.check.header.group, chunks.check.header.position);
        if found != group {
            return Err(SnapshotError::OtherGroup { file: chunks.name, found, expected: group });
        }
        if position != expected {
            return Err(SnapshotError::OtherPosition { file: chunks.name, found: position, expected });
        }
        let mut reader = Self { chunks, replica_section: Vec::new(), given: 0, finished: false, failed: None };
        while reader.chunks.next()? == Kind::Replica {
            reader.replica_section.extend_from_slice(reader.chunks.payload());
        }
        reader.finished = reader.chunks.check.footer.is_some();
        Ok(reader)
    }

    /// The last entry that the snapshot covers.
    #[must_use]
    pub fn position(&self) -> Base {
        self.chunks.check.header.position
    }

    /// The replica's section.
    #[must_use]
    pub fn replica_section(&self) -> &[u8] {
        &self.replica_section
    }

    /// Reads what is left and says what the file holds.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn verify(mut self) -> Result<SnapshotInfo, SnapshotError> {
        while !self.finished {
            self.advance()?;
        }
        let Footer { replica_bytes, state_bytes, .. } = self.chunks.check.footer.unwrap_or_default();
        let (position, bytes) = (self.position(), self.chunks.length);
        Ok(SnapshotInfo { name: self.chunks.name, position, bytes, replica_bytes, state_bytes })
    }

    fn advance(&mut self) -> Result<(), SnapshotError> {
        let kind = self.chunks.next()?;
        self.given = 0;
        self.finished = kind == Kind::Footer;
        Ok(())
    }
}

impl<F: DiskFile> Read for SnapshotReader<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = &self.failed {
            return Err(error.clone().into());
        }
        while !self.finished && self.given == self.chunks.payload().len() {
            if let Err(error) = self.advance() {
                self.failed = Some(error.clone());
                return Err(error.into());
            }
        }
        if self.finished {
            return Ok(0);
        }
        let rest = &self.chunks.payload()[self.given..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.given += length;
        Ok(length)
    }
}

/// Reads all of a file and says what it holds.
///
/// # Errors
/// [`SnapshotError`].
pub fn verify<D: Disk>(disk: &D, name: &str, group: u32) -> Result<SnapshotInfo, SnapshotError> {
    SnapshotReader::open(disk, name, group)?.verify()
}

/// The chunks of a file, each checked as it is read, the whole checked at the footer.
#[derive(Debug)]
pub(super) struct Chunks<F> {
    file: F,
    name: String,
    length: u64,
    pub(super) check: Check,
    /// The chunk at hand, its header first.
    pub(super) chunk: Vec<u8>,
}

impl<F: DiskFile> Chunks<F> {
    pub(super) fn open<D: Disk<File = F>>(disk: &D, name: &str) -> Result<Self, SnapshotError> {
        let io = |error: io::Error| SnapshotError::Io(Failure::new("open", name, &error));
        let file = disk.open(name).map_err(io)?;
        let length = file.length().map_err(io)?;
        let mut header_bytes = [0; HEADER_BYTES];
        if length < HEADER_BYTES as u64 {
            let what = "the file ends inside its header".into();
            return Err(SnapshotError::Damaged(Damage { file: name.into(), offset: length, what }));
        }
        file.read_exact_at(&mut header_bytes, 0).map_err(|error| unreadable(name, 0, &error))?;
        let check = Check::begin(name, header_bytes)?;
        Ok(Self { file, name: name.to_owned(), length, check, chunk: vec![0; CHUNK_HEADER_BYTES] })
    }

    fn payload(&self) -> &[u8] {
        &self.chunk[CHUNK_HEADER_BYTES..]
    }

    /// Reads and checks the next chunk.
    pub(super) fn next(&mut self) -> Result<Kind, SnapshotError> {
        self.read_part(0, CHUNK_HEADER_BYTES)?;
        let length = payload_length(&self.chunk).map_err(|what| self.damage(what))?;
        self.read_part(CHUNK_HEADER_BYTES, length)?;
        let kind = self.check.chunk(&self.chunk).map_err(|what| self.damage(what))?;
        if kind == Kind::Footer && self.check.offset != self.length {
            return Err(self.damage(format!("there are {} bytes after the footer", self.length - self.check.offset)));
        }
        Ok(kind)
    }

    /// Reads `length` bytes of the chunk from `start` on.
    fn read_part(&mut self, start: usize, length: usize) -> Result<(), SnapshotError> {
        let offset = self.check.offset + start as u64;
        if offset + length as u64 > self.length {
            return Err(self.damage(format!("the file ends inside a chunk, at byte {}", self.length)));
        }
        self.chunk.resize(start + length, 0);
        let part = &mut self.chunk[start..];
        self.file.read_exact_at(part, offset).map_err(|error| unreadable(&self.name, offset, &error))
    }

    fn damage(&self, what: String) -> SnapshotError {
        SnapshotError::Damaged(Damage { file: self.name.clone(), offset: self.check.offset, what })
    }
}

fn unreadable(file: &str, offset: u64, error: &io::Error) -> SnapshotError {
    SnapshotError::Damaged(Damage { file: file.into(), offset, what: format!("it can't be read: {error}") })
}
