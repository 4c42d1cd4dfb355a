//! The arrival of a snapshot file from another member. Each chunk is checked before it is written, so the file on the disk is at
//! any time a beginning of a good one: after a cut the sender goes on behind it, also in another life of this member.

use super::check::{Check, payload_length};
use super::format::{CHUNK_HEADER_BYTES, HEADER_BYTES};
use super::reader::Chunks;
use super::{INCOMING, SYNC_BYTES, SnapshotError, SnapshotId, SnapshotName, SnapshotReader, UNFINISHED, snapshot_name};
use crate::batch::Base;
use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, Failure};
use crate::spare::remove_if_there;
use std::io;
use std::sync::Arc;

/// A snapshot file that is being received.
#[derive(Debug)]
pub struct IncomingSnapshot<D: Disk> {
    disk: D,
    file: Arc<D::File>,
    group: u32,
    id: SnapshotId,
    /// What is on the disk, once the header is.
    check: Option<Check>,
    /// The beginning of a chunk.
    pending: Vec<u8>,
    unsynced: u64,
}

impl<D: Disk> IncomingSnapshot<D> {
    /// Begins to receive a file; what was received of it before is dropped.
    ///
    /// # Errors
    /// What the disk said.
    pub fn start(disk: D, group: u32, id: SnapshotId) -> io::Result<Self> {
        let name = unfinished_name(id);
        remove_if_there(&disk, &name)?;
        let file = Arc::new(disk.create(&name)?);
        Ok(Self { disk, file, group, id, check: None, pending: Vec::new(), unsynced: 0 })
    }

    /// Goes on with what an earlier life received of this file, if it is there and fits. What was read back is not yet durable (a
    /// sync may have failed unseen), so all of it is written once more.
    ///
    /// # Errors
    /// What the disk said.
    pub fn resume(disk: D, group: u32, id: SnapshotId) -> io::Result<Option<Self>> {
        let name = unfinished_name(id);
        if !disk.list()?.contains(&name) {
            return Ok(None);
        }
        let file = disk.open(&name)?;
        if file.length()? > id.length {
            return Self::start(disk, group, id).map(Some);
        }
        let file = Arc::new(file);
        let mut incoming = Self { disk, file, group, id, check: None, pending: Vec::new(), unsynced: 0 };
        let Ok(mut chunks) = Chunks::open(&incoming.disk, &name) else { return Ok(Some(incoming)) };
        if !incoming.is_ours(&chunks.check) {
            return Ok(Some(incoming));
        }
        incoming.check = Some(chunks.check.clone());
        let mut header = [0; HEADER_BYTES];
        incoming.file.read_exact_at(&mut header, 0)?;
        incoming.write(&header, 0)?;
        // Where it ends, breaks off or is damaged the sender goes on.
        while chunks.next().is_ok() && chunks.check.footer.is_none_or(|footer| footer.checksum == id.checksum) {
            let offset = chunks.check.offset - chunks.chunk.len() as u64;
            incoming.write(&chunks.chunk, offset)?;
            if let Some(file) = incoming.take_due_sync() {
                file.sync_data()?;
            }
            incoming.check = Some(chunks.check.clone());
            if chunks.check.footer.is_some() {
                break;
            }
        }
        Ok(Some(incoming))
    }

    /// Which file it is.
    #[must_use]
    pub fn id(&self) -> SnapshotId {
        self.id
    }

    /// Bytes that are here and checked: a new connection goes on behind them. What came of a chunk before is forgotten.
    pub fn go_on(&mut self) -> u64 {
        self.pending.clear();
        self.checked()
    }

    fn checked(&self) -> u64 {
        self.check.as_ref().map_or(0, |check| check.offset)
    }

    /// Takes the bytes of the file from `offset` on. What is here already is passed over.
    ///
    /// # Errors
    /// `Gap` when bytes before these are missing, `Arrived` when they are not what was written: then nothing of the chunk counts,
    /// and the sender may go on from [`IncomingSnapshot::go_on`]. `Io` is final: give it up.
    pub fn append(&mut self, offset: u64, bytes: &[u8]) -> Result<(), SnapshotError> {
        let expected = self.checked() + self.pending.len() as u64;
        if offset > expected {
            return Err(SnapshotError::Gap { file: self.name(), expected, found: offset });
        }
        let known = usize::try_from(expected - offset).unwrap_or(usize::MAX);
        let Some(news) = bytes.get(known..) else { return Ok(()) };
        if expected + news.len() as u64 > self.id.length {
            return Err(self.arrived(format!("more arrives than the {} bytes that were announced", self.id.length)));
        }
        self.pending.extend_from_slice(news);
        let taken = self.take_pending();
        if taken.is_err() {
            self.pending.clear();
        }
        taken
    }

    /// Writes what is whole of what has arrived.
    fn take_pending(&mut self) -> Result<(), SnapshotError> {
        let mut pending = std::mem::take(&mut self.pending);
        let mut taken = 0;
        while let Some(length) = self.take_part(&pending[taken..])? {
            taken += length;
        }
        pending.drain(..taken);
        self.pending = pending;
        Ok(())
    }

    /// The length of the header or chunk at the beginning of these bytes, once it is whole, checked and written.
    fn take_part(&mut self, bytes: &[u8]) -> Result<Option<usize>, SnapshotError> {
        let Some(check) = &mut self.check else {
            let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
            let check = Check::begin(&unfinished_name(self.id), *header)?;
            if !self.is_ours(&check) {
                return Err(self.arrived("it is not the snapshot that was announced".into()));
            }
            self.write(header, 0).map_err(|error| self.failed("write", &error))?;
            self.check = Some(check);
            return Ok(Some(HEADER_BYTES));
        };
        let Some(head) = bytes.get(..CHUNK_HEADER_BYTES) else { return Ok(None) };
        let offset = check.offset;
        let length = payload_length(head).map(|length| CHUNK_HEADER_BYTES + length);
        if let Ok(length) = length
            && offset + length as u64 > self.id.length
        {
            return Err(self.arrived(format!("a chunk of {length} bytes has no place before its end")));
        }
        let Some(chunk) = length.as_ref().ok().and_then(|length| bytes.get(..*length)) else {
            return length.map(|_| None).map_err(|what| self.arrived(what));
        };
        let mut next = check.clone();
        next.chunk(chunk).map_err(|what| self.arrived(what))?;
        if next.footer.is_some_and(|footer| footer.checksum != self.id.checksum || next.offset != self.id.length) {
            return Err(self.arrived("it ends as another file than the one that was announced".into()));
        }
        self.write(chunk, offset).map_err(|error| self.failed("write", &error))?;
        self.check = Some(next);
        Ok(Some(chunk.len()))
    }

    fn is_ours(&self, check: &Check) -> bool {
        (check.header.group, check.header.position) == (self.group, self.id.position)
    }

    /// The file, when so much was written to it that it should be synced: a whole file at once would make every other sync of
    /// this disk wait. Another thread may do that while more is written. Nothing depends on it but that others get their turn,
    /// for [`IncomingSnapshot::complete`] syncs what is left; but an error means that this file came to nothing.
    pub fn take_due_sync(&mut self) -> Option<Arc<D::File>> {
        let is_due = self.unsynced >= SYNC_BYTES;
        is_due.then(|| {
            self.unsynced = 0;
            self.file.clone()
        })
    }

    /// Such a sync failed.
    #[must_use]
    pub fn not_synced(&self, error: &io::Error) -> SnapshotError {
        self.failed("sync", error)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)?;
        self.unsynced += bytes.len() as u64;
        Ok(())
    }

    /// Makes the file durable, if all of it is here. It has no name yet.
    ///
    /// # Errors
    /// [`SnapshotError`]: nothing is left of it then.
    pub fn complete(self) -> Result<CompleteSnapshot<D>, SnapshotError> {
        let done = if self.check.as_ref().is_some_and(|check| check.footer.is_some()) {
            self.file.sync_data().map_err(|error| self.failed("sync", &error))
        } else {
            Err(self.arrived(format!("it ends before the {} bytes that were announced", self.id.length)))
        };
        match done {
            Ok(()) => Ok(CompleteSnapshot { disk: self.disk, group: self.group, id: self.id }),
            Err(error) => {
                self.abandon();
                Err(error)
            }
        }
    }

    /// Gives it up and removes what was received.
    pub fn abandon(self) {
        let _left_for_the_next_start = self.disk.remove(&unfinished_name(self.id));
    }

    fn name(&self) -> String {
        snapshot_name(self.id.position)
    }

    fn arrived(&self, what: String) -> SnapshotError {
        SnapshotError::Arrived(Damage { file: self.name(), offset: self.checked(), what })
    }

    fn failed(&self, operation: &'static str, error: &io::Error) -> SnapshotError {
        SnapshotError::Io(Failure::new(operation, &unfinished_name(self.id), error))
    }
}

/// A received file that is whole, checked and durable, and has no name yet: who builds a state machine from it may find that it
/// is of no use.
#[derive(Debug)]
pub struct CompleteSnapshot<D: Disk> {
    disk: D,
    group: u32,
    id: SnapshotId,
}

impl<D: Disk> CompleteSnapshot<D> {
    /// The last entry that it covers.
    #[must_use]
    pub fn position(&self) -> Base {
        self.id.position
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn reader(&self) -> Result<SnapshotReader<D::File>, SnapshotError> {
        let chunks = Chunks::open(&self.disk, &unfinished_name(self.id))?;
        SnapshotReader::begin(chunks, self.group, self.id.position)
    }

    /// Gives it its name, durably.
    ///
    /// # Errors
    /// What the disk said; nothing is left of it then.
    pub fn publish(self) -> Result<SnapshotName, SnapshotError> {
        let (unfinished, name) = (unfinished_name(self.id), snapshot_name(self.id.position));
        let io = |operation, error: io::Error| SnapshotError::Io(Failure::new(operation, &unfinished, &error));
        if let Err(error) = self.disk.rename(&unfinished, &name) {
            self.abandon();
            return Err(io("rename", error));
        }
        self.disk.sync_dir().map_err(|error| io("sync the name of", error))?;
        Ok(SnapshotName { name, position: self.id.position })
    }

    /// Gives it up and removes it.
    pub fn abandon(&self) {
        let _left_for_the_next_start = self.disk.remove(&unfinished_name(self.id));
    }
}

/// The name says which file it is to become: its beginning is of use for no other.
fn unfinished_name(id: SnapshotId) -> String {
    format!("{INCOMING}{}-{:020}-{:08x}{UNFINISHED}", snapshot_name(id.position), id.length, id.checksum)
}

/// Which file an unfinished one was to become.
pub(super) fn incoming_id(name: &str) -> Option<SnapshotId> {
    let (rest, checksum) = name.strip_prefix(INCOMING)?.strip_suffix(UNFINISHED)?.rsplit_once('-')?;
    let (snapshot, length) = rest.rsplit_once('-')?;
    let position = super::position_of(snapshot)?;
    let digits = (length.len() == 20 && checksum.len() == 8).then_some((length, checksum));
    let (length, checksum) = digits?;
    Some(SnapshotId { position, length: length.parse().ok()?, checksum: u32::from_str_radix(checksum, 16).ok()? })
}
