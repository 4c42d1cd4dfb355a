//! What is checked of a snapshot file, chunk by chunk, wherever its bytes come from: the own disk or another member.

use super::SnapshotError;
use super::format::{CHUNK_BYTES, CHUNK_HEADER_BYTES, Footer, HEADER_BYTES, Header, Kind, chunk_checksum};
use crate::record::u32_at;

/// A file as far as it was checked.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) header: Header,
    header_bytes: [u8; HEADER_BYTES],
    /// Bytes that were checked: where the next chunk begins.
    pub(super) offset: u64,
    number: u32,
    replica_bytes: u64,
    state_bytes: u64,
    whole: crc32fast::Hasher,
    /// Once the last chunk was met.
    pub(super) footer: Option<Footer>,
}

impl Check {
    /// Begins with the file's first bytes.
    ///
    /// # Errors
    /// When they are no header.
    pub(super) fn begin(file: &str, header_bytes: [u8; HEADER_BYTES]) -> Result<Self, SnapshotError> {
        let header = Header::decode(file, &header_bytes)?;
        let mut whole = crc32fast::Hasher::new();
        whole.update(&header_bytes);
        let offset = HEADER_BYTES as u64;
        let (number, replica_bytes, state_bytes, footer) = (0, 0, 0, None);
        Ok(Self { header, header_bytes, offset, number, replica_bytes, state_bytes, whole, footer })
    }

    /// The next chunk, its header first.
    ///
    /// # Errors
    /// What is wrong with it; nothing of it counts then.
    pub(super) fn chunk(&mut self, chunk: &[u8]) -> Result<Kind, String> {
        let kind = checked_kind(&self.header_bytes, chunk)?;
        let number = u32_at(chunk, 8);
        if number != self.number {
            return Err(format!("chunk {number} stands in the place of chunk {}", self.number));
        }
        if self.footer.is_some() || kind == Kind::Replica && self.state_bytes > 0 {
            return Err(format!("a chunk of kind {} stands here", kind as u8));
        }
        let length = (chunk.len() - CHUNK_HEADER_BYTES) as u64;
        match kind {
            Kind::Replica => self.replica_bytes += length,
            Kind::State => self.state_bytes += length,
            Kind::Footer => self.footer = Some(self.checked_footer(chunk)?),
        }
        self.whole.update(chunk);
        self.offset += chunk.len() as u64;
        self.number = self.number.saturating_add(1);
        Ok(kind)
    }

    fn checked_footer(&self, chunk: &[u8]) -> Result<Footer, String> {
        let read = Footer {
            replica_bytes: self.replica_bytes,
            state_bytes: self.state_bytes,
            chunks: self.number,
            checksum: self.whole.clone().finalize(),
        };
        if Footer::decode(&chunk[CHUNK_HEADER_BYTES..]) != Some(read) {
            return Err("the footer's totals are not those of the file".into());
        }
        Ok(read)
    }
}

/// How long the payload is that a chunk's header announces.
///
/// # Errors
/// When no chunk is so long.
pub(super) fn payload_length(chunk_header: &[u8]) -> Result<usize, String> {
    let length = usize::try_from(u32_at(chunk_header, 4)).unwrap_or(usize::MAX);
    if length > CHUNK_BYTES { Err(format!("a chunk says that it has {length} bytes")) } else { Ok(length) }
}

/// What a whole chunk holds, if its checksum says that it is as it was written for this file.
///
/// # Errors
/// What is wrong with it.
pub(super) fn checked_kind(header_bytes: &[u8; HEADER_BYTES], chunk: &[u8]) -> Result<Kind, String> {
    if chunk_checksum(header_bytes, &chunk[4..]) != u32_at(chunk, 0) {
        return Err("a chunk has a wrong checksum".into());
    }
    Kind::of(chunk[12]).ok_or_else(|| format!("a chunk of kind {} stands here", chunk[12]))
}
