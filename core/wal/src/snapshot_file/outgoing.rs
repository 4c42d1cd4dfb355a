//! A snapshot file on its way to another member: whole chunks, each checked before it leaves, so that what rots on the sender's
//! disk is noticed there.

use super::check::{checked_kind, payload_length};
use super::format::{CHUNK_BYTES, CHUNK_HEADER_BYTES, Footer, HEADER_BYTES, Header, Kind};
use super::{SnapshotError, SnapshotId};
use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, Failure};
use std::io;

/// The length of the chunk that ends each file.
const FOOTER_CHUNK_BYTES: u64 = CHUNK_HEADER_BYTES as u64 + 24;

/// A snapshot file, opened for sending. It can be read to its end even if it is removed meanwhile.
#[derive(Debug)]
pub struct SnapshotBytes<F: DiskFile> {
    file: F,
    name: String,
    header: [u8; HEADER_BYTES],
    id: SnapshotId,
}

impl<F: DiskFile> SnapshotBytes<F> {
    /// Opens the file and reads its first and last bytes.
    ///
    /// # Errors
    /// When it can't be read, or these bytes are not those of a whole file.
    pub fn open<D: Disk<File = F>>(disk: &D, name: &str) -> Result<Self, SnapshotError> {
        let io = |error: io::Error| SnapshotError::Io(Failure::new("open", name, &error));
        let damage = |offset, what: String| SnapshotError::Damaged(Damage { file: name.into(), offset, what });
        let file = disk.open(name).map_err(io)?;
        let length = file.length().map_err(io)?;
        if length < HEADER_BYTES as u64 + FOOTER_CHUNK_BYTES {
            return Err(damage(length, "the file ends before its footer".into()));
        }
        let unreadable = |offset| move |error: io::Error| damage(offset, format!("it can't be read: {error}"));
        let (mut header, mut footer) = ([0; HEADER_BYTES], [0; CHUNK_HEADER_BYTES + 24]);
        file.read_exact_at(&mut header, 0).map_err(unreadable(0))?;
        let Header { position, .. } = Header::decode(name, &header)?;
        let end = length - FOOTER_CHUNK_BYTES;
        file.read_exact_at(&mut footer, end).map_err(unreadable(end))?;
        let kind = checked_kind(&header, &footer).map_err(|what| damage(end, what))?;
        let decoded = Footer::decode(&footer[CHUNK_HEADER_BYTES..]).filter(|_| kind == Kind::Footer);
        let Some(Footer { checksum, .. }) = decoded else {
            return Err(damage(end, "its end is no footer".into()));
        };
        let id = SnapshotId { position, length, checksum };
        Ok(Self { file, name: name.to_owned(), header, id })
    }

    /// Which file it is.
    #[must_use]
    pub fn id(&self) -> SnapshotId {
        self.id
    }

    /// Whole chunks from `offset` on, of about `bytes_max` bytes and at least one; empty at the end. The first ones begin with
    /// the file's header.
    ///
    /// # Errors
    /// When the file is damaged there, or no chunk begins there.
    pub fn read(&self, offset: u64, bytes_max: usize) -> Result<Vec<u8>, SnapshotError> {
        let mut bytes = Vec::with_capacity(bytes_max.min(4 * CHUNK_BYTES));
        if offset == 0 {
            bytes.extend_from_slice(&self.header);
        }
        while offset + (bytes.len() as u64) < self.id.length {
            let begun = bytes.len();
            self.read_chunk(offset, &mut bytes)?;
            if bytes.len() > bytes_max && begun > HEADER_BYTES {
                // One too many: it goes with the next ones.
                bytes.truncate(begun);
                break;
            }
        }
        Ok(bytes)
    }

    fn read_chunk(&self, offset: u64, bytes: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let (start, at) = (bytes.len(), offset + bytes.len() as u64);
        let damage = |what: String| SnapshotError::Damaged(Damage { file: self.name.clone(), offset: at, what });
        let unreadable = |error: io::Error| damage(format!("it can't be read: {error}"));
        bytes.resize(start + CHUNK_HEADER_BYTES, 0);
        self.file.read_exact_at(&mut bytes[start..], at).map_err(unreadable)?;
        let length = payload_length(&bytes[start..]).map_err(damage)?;
        bytes.resize(start + CHUNK_HEADER_BYTES + length, 0);
        let payload = &mut bytes[start + CHUNK_HEADER_BYTES..];
        self.file.read_exact_at(payload, at + CHUNK_HEADER_BYTES as u64).map_err(unreadable)?;
        checked_kind(&self.header, &bytes[start..]).map(|_| ()).map_err(damage)
    }
}
