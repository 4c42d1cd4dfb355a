//! A disk in memory that crashes, tears and fails on request: for tests and the simulator.
//!
//! It models a page cache over a platter. Reads see the cache; only synced bytes and names are sure to be on the platter. Nothing is random
//! here: whoever crashes it chooses what survives. It knows nothing of the log.

mod state;
mod tape;

pub use tape::Step;

use crate::disk::{Disk, DiskFile, SECTOR_BYTES};
use bytes::Bytes;
use state::{State, input_output_error, sectors};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

/// A disk in memory. A clone is another handle to the same disk; [`MemoryDisk::fork`] makes a disk of its own.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

/// A file of a [`MemoryDisk`]. It is of no use after a crash.
#[derive(Debug)]
pub struct MemoryFile {
    disk: MemoryDisk,
    inode: u64,
    life: u64,
}

/// The calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// [`Disk::list`].
    List,
    /// [`Disk::create`].
    Create,
    /// [`Disk::open`].
    Open,
    /// [`DiskFile::read_exact_at`].
    Read,
    /// [`DiskFile::write_all_at`]: half of the sectors are written.
    Write,
    /// [`DiskFile::sync_data`]: what was not synced reads well from the cache and never reaches the platter, unless it is written again.
    Sync,
    /// [`Disk::rename`].
    Rename,
    /// [`Disk::remove`].
    Remove,
    /// [`Disk::sync_dir`].
    SyncDir,
}

/// Something that a power cut may or may not leave on the platter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Unsynced {
    /// One sector of one write, with the file's name (empty when it has none any more) and the sector's offset in bytes.
    Sector(String, u64),
    /// A creation, renaming or removal, with the name it made or took away.
    Name(String),
}

impl MemoryDisk {
    /// An empty disk without a limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy that lives on its own from now on, without a tape.
    #[must_use]
    pub fn fork(&self) -> Self {
        let mut state = self.state().clone();
        state.tape = None;
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Limits the length of all files together; `StorageFull` above it.
    pub fn limit(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Lets one call fail with an input/output error: the next one, or, with `after`, the one after so many others of its kind.
    pub fn fail(&self, operation: Operation, after: u64) {
        let mut state = self.state();
        let call = state.calls.get(&operation).copied().unwrap_or(0).saturating_add(after);
        state.faults.insert((operation, call));
    }

    /// Lets one read return a turned bit, once: the next one, or, with `after`, the one after so many others. Of the bits read it is this
    /// one, taken modulo their number.
    pub fn flip_read(&self, after: u64, bit: u64) {
        let mut state = self.state();
        let call = state.calls.get(&Operation::Read).copied().unwrap_or(0).saturating_add(after);
        state.flips.insert(call, bit);
    }

    /// Takes back the turned bits that no read has returned yet.
    pub fn heal_reads(&self) {
        self.state().flips.clear();
    }

    /// The name of the file with this inner number ([`Step::Write`]), if it has one.
    #[must_use]
    pub fn name_of(&self, inner: u64) -> Option<String> {
        self.state().names.iter().find(|(_, inode)| **inode == inner).map(|(name, _)| name.clone())
    }

    /// Takes back all failures that have not happened yet.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.flips.clear();
        state.unreadable.clear();
    }

    /// From now on, or no longer: syncs of files return and do nothing. A disk that lies.
    pub fn lose_syncs(&self, lose: bool) {
        self.state().loses_syncs = lose;
    }

    /// From now on the sector at this offset of the file can't be read.
    pub fn make_unreadable(&self, name: &str, offset: u64) {
        let mut state = self.state();
        if let Some(&inode) = state.names.get(name) {
            state.unreadable.insert((inode, offset / SECTOR_BYTES as u64));
        }
    }

    /// Changes a file's bytes, in the cache and on the platter, as rot does. Nothing if there is no such file.
    pub fn rot(&self, name: &str, change: impl Fn(&mut Vec<u8>)) {
        let mut state = self.state();
        if let Some(inode) = state.names.get(name).copied() {
            let inode = state.inode(inode);
            change(&mut inode.cache);
            change(&mut inode.platter);
        }
    }

    /// The bytes of a file as a reader sees them.
    #[must_use]
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(name).map(|inode| state.inodes[inode].cache.clone())
    }

    /// The process dies: open files are gone, the cache stays.
    pub fn crash_process(&self) {
        self.state().crash_process();
    }

    /// The power goes: the cache is lost, and of all that was not synced only what `keep` says is on the platter. It is asked in the order
    /// of the calls; a later write of the same sector wins over an earlier one.
    pub fn crash_power(&self, keep: impl FnMut(&Unsynced) -> bool) {
        self.state().crash_power(keep);
    }

    /// All that a power cut may lose now, in the order of the calls to `keep`.
    #[must_use]
    pub fn unsynced(&self) -> Vec<Unsynced> {
        let mut all = Vec::new();
        let mut state = self.state().clone();
        state.crash_power(|what| {
            all.push(what.clone());
            false
        });
        all
    }

    /// A number that is the same for disks that are the same: cache, platter, names, and what is not synced.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.state().fingerprint()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no call panics while it holds the disk")
    }

    fn file(&self, state: &mut State, inode: u64) -> MemoryFile {
        state.opened(inode);
        MemoryFile { disk: self.clone(), inode, life: state.life }
    }
}

impl Disk for MemoryDisk {
    type File = MemoryFile;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.call(Operation::List)?;
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        let mut state = self.state();
        state.call(Operation::Create)?;
        if state.names.contains_key(name) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("there is a file {name} already")));
        }
        state.tape(|| Step::Create(name.to_owned()));
        let inode = state.create(name);
        Ok(self.file(&mut state, inode))
    }

    fn open(&self, name: &str) -> io::Result<MemoryFile> {
        let mut state = self.state();
        state.call(Operation::Open)?;
        let inode = state.inode_of(name)?;
        Ok(self.file(&mut state, inode))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.call(Operation::Rename)?;
        state.inode_of(from)?;
        state.tape(|| Step::Rename(from.to_owned(), to.to_owned()));
        state.rename(from, to);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.call(Operation::Remove)?;
        state.inode_of(name)?;
        state.tape(|| Step::Remove(name.to_owned()));
        state.remove(name);
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.state();
        state.call(Operation::SyncDir)?;
        state.tape(|| Step::SyncDir);
        state.sync_dir();
        Ok(())
    }
}

impl MemoryFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.life == self.life { Ok(state) } else { Err(io::Error::other("the file was opened before a crash")) }
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        if let Ok(mut state) = self.state() {
            state.closed(self.inode);
        }
    }
}

impl DiskFile for MemoryFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.state()?.length(self.inode))
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.state()?;
        state.call(Operation::Read)?;
        let sectors = offset / SECTOR_BYTES as u64..(offset + buffer.len() as u64).div_ceil(SECTOR_BYTES as u64);
        if sectors.into_iter().any(|sector| state.unreadable.contains(&(self.inode, sector))) {
            return Err(input_output_error());
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = start.checked_add(buffer.len()).and_then(|end| state.cache(self.inode).get(start..end));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        state.flip(buffer);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.state()?;
        if let Err(error) = state.call(Operation::Write) {
            let half = sectors(offset, bytes).count() / 2;
            state.write(self.inode, offset, bytes, half);
            return Err(error);
        }
        let growth = (offset + bytes.len() as u64).saturating_sub(state.length(self.inode));
        if growth > 0 && state.capacity.is_some_and(|capacity| state.used() + growth > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.tape(|| Step::Write(self.inode, offset, Bytes::copy_from_slice(bytes)));
        state.write(self.inode, offset, bytes, usize::MAX);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state()?;
        if let Err(error) = state.call(Operation::Sync) {
            state.inode(self.inode).sync_only(|_| false);
            return Err(error);
        }
        if state.loses_syncs {
            return Ok(());
        }
        state.tape(|| Step::Sync(self.inode));
        state.sync(self.inode);
        Ok(())
    }
}
