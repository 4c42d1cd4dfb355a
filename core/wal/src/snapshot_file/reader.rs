//! Reading a snapshot file: nothing is handed out before its chunk was checked, and the end only when the whole file is.

use super::format::{CHUNK_BYTES, CHUNK_HEADER_BYTES, Footer, HEADER_BYTES, Header, Kind, chunk_checksum};
use super::{SnapshotError, SnapshotInfo, position_of};
use crate::batch::Base;
use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, Failure};
use crate::record::u32_at;
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
        let expected = position_of(name).unwrap_or(chunks.header.position);
        Self::begin(chunks, group, expected)
    }

    pub(super) fn begin(chunks: Chunks<F>, group: u32, expected: Base) -> Result<Self, SnapshotError> {
        let Header { group: found, position } = chunks.header;
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
        reader.finished = reader.chunks.footer.is_some();
        Ok(reader)
    }

    /// The last entry that the snapshot covers.
    #[must_use]
    pub fn position(&self) -> Base {
        self.chunks.header.position
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
        let Footer { replica_bytes, state_bytes, .. } = self.chunks.footer.unwrap_or_default();
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
    header: Header,
    header_bytes: [u8; HEADER_BYTES],
    offset: u64,
    /// The chunk at hand, its header first.
    chunk: Vec<u8>,
    number: u32,
    replica_bytes: u64,
    state_bytes: u64,
    whole: crc32fast::Hasher,
    footer: Option<Footer>,
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
        let header = Header::decode(name, &header_bytes)?;
        let mut whole = crc32fast::Hasher::new();
        whole.update(&header_bytes);
        let (offset, chunk) = (HEADER_BYTES as u64, vec![0; CHUNK_HEADER_BYTES]);
        let (number, replica_bytes, state_bytes, footer) = (0, 0, 0, None);
        let name = name.to_owned();
        Ok(Self {
            file,
            name,
            length,
            header,
            header_bytes,
            offset,
            chunk,
            number,
            replica_bytes,
            state_bytes,
            whole,
            footer,
        })
    }

    fn payload(&self) -> &[u8] {
        &self.chunk[CHUNK_HEADER_BYTES..]
    }

    /// Reads and checks the next chunk.
    fn next(&mut self) -> Result<Kind, SnapshotError> {
        self.read_part(0, CHUNK_HEADER_BYTES)?;
        let length = usize::try_from(u32_at(&self.chunk, 4)).unwrap_or(usize::MAX);
        if length > CHUNK_BYTES {
            return Err(self.damage(format!("a chunk says that it has {length} bytes")));
        }
        self.read_part(CHUNK_HEADER_BYTES, length)?;
        if chunk_checksum(&self.header_bytes, &self.chunk[4..]) != u32_at(&self.chunk, 0) {
            return Err(self.damage("a chunk has a wrong checksum".into()));
        }
        let number = u32_at(&self.chunk, 8);
        if number != self.number {
            return Err(self.damage(format!("chunk {number} stands in the place of chunk {}", self.number)));
        }
        let kind = Kind::of(self.chunk[12])
            .filter(|kind| *kind != Kind::Replica || self.state_bytes == 0)
            .ok_or_else(|| self.damage(format!("a chunk of kind {} stands here", self.chunk[12])))?;
        match kind {
            Kind::Replica => self.replica_bytes += length as u64,
            Kind::State => self.state_bytes += length as u64,
            Kind::Footer => self.check_footer()?,
        }
        self.whole.update(&self.chunk);
        self.offset += self.chunk.len() as u64;
        self.number = self.number.saturating_add(1);
        Ok(kind)
    }

    /// Reads `length` bytes of the chunk from `start` on.
    fn read_part(&mut self, start: usize, length: usize) -> Result<(), SnapshotError> {
        let offset = self.offset + start as u64;
        if offset + length as u64 > self.length {
            return Err(self.damage(format!("the file ends inside a chunk, at byte {}", self.length)));
        }
        self.chunk.resize(start + length, 0);
        let part = &mut self.chunk[start..];
        self.file.read_exact_at(part, offset).map_err(|error| unreadable(&self.name, offset, &error))
    }

    fn check_footer(&mut self) -> Result<(), SnapshotError> {
        let read = Footer {
            replica_bytes: self.replica_bytes,
            state_bytes: self.state_bytes,
            chunks: self.number,
            checksum: self.whole.clone().finalize(),
        };
        if Footer::decode(self.payload()) != Some(read) {
            return Err(self.damage("the footer's totals are not those of the file".into()));
        }
        let end = self.offset + self.chunk.len() as u64;
        if end != self.length {
            return Err(self.damage(format!("there are {} bytes after the footer", self.length - end)));
        }
        self.footer = Some(read);
        Ok(())
    }

    fn damage(&self, what: String) -> SnapshotError {
        SnapshotError::Damaged(Damage { file: self.name.clone(), offset: self.offset, what })
    }
}

fn unreadable(file: &str, offset: u64, error: &io::Error) -> SnapshotError {
    SnapshotError::Damaged(Damage { file: file.into(), offset, what: format!("it can't be read: {error}") })
}
