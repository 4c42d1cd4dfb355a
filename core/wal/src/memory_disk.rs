//! A disk in memory that crashes, tears and fails on request: for tests and the simulator.
//!
//! It models a page cache over a platter. Reads see the cache; only synced bytes and names are sure to be on the platter. Nothing is random
//! here: whoever crashes it chooses what survives. It knows nothing of the log.

use crate::disk::{Disk, DiskFile, SECTOR_BYTES};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
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

/// One call that changed a disk, on a tape ([`MemoryDisk::record`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A file was created.
    Create(String),
    /// Bytes were written to the file with this inner number, at this offset.
    Write(u64, u64, Bytes),
    /// The file with this inner number was synced.
    Sync(u64),
    /// A file got another name.
    Rename(String, String),
    /// A file was removed.
    Remove(String),
    /// The names were synced.
    SyncDir,
}

impl Step {
    /// How many sectors it touches; 0 if it is not a write.
    #[must_use]
    pub fn sectors(&self) -> usize {
        match self {
            Self::Write(_, offset, bytes) => sectors(*offset, bytes).count(),
            Self::Create(_) | Self::Sync(_) | Self::Rename(..) | Self::Remove(_) | Self::SyncDir => 0,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct State {
    // Shared between forks until one of them writes.
    inodes: BTreeMap<u64, Arc<Inode>>,
    names: BTreeMap<String, u64>,
    names_on_platter: BTreeMap<String, u64>,
    unsynced_names: Vec<NameChange>,
    next_inode: u64,
    /// Raised by each crash: files opened before are refused.
    life: u64,
    capacity: Option<u64>,
    faults: BTreeSet<(Operation, u64)>,
    calls: BTreeMap<Operation, u64>,
    unreadable: BTreeSet<(u64, u64)>,
    tape: Option<Vec<Step>>,
}

#[derive(Clone, Debug, Default, Hash)]
struct Inode {
    cache: Vec<u8>,
    platter: Vec<u8>,
    unsynced: Vec<Sector>,
}

#[derive(Clone, Debug, Hash)]
struct Sector {
    offset: usize,
    bytes: Vec<u8>,
}

#[derive(Clone, Debug, Hash)]
enum NameChange {
    Create(String, u64),
    Rename(String, String, u64),
    Remove(String, u64),
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
        let call = state.calls.get(&operation).copied().unwrap_or(0) + after;
        state.faults.insert((operation, call));
    }

    /// Takes back all failures that have not happened yet.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.unreadable.clear();
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
        self.state().life += 1;
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

    /// Starts a tape of all calls that change the disk.
    pub fn record(&self) {
        self.state().tape = Some(Vec::new());
    }

    /// The tape so far.
    #[must_use]
    pub fn tape(&self) -> Vec<Step> {
        self.state().tape.clone().unwrap_or_default()
    }

    /// How many calls are on the tape.
    #[must_use]
    pub fn tape_length(&self) -> usize {
        self.state().tape.as_ref().map_or(0, Vec::len)
    }

    /// Plays a call of a tape on a disk that is as the recorded one was before it.
    pub fn play(&self, step: &Step) {
        self.play_cut(step, usize::MAX);
    }

    /// Plays a call, of a write only the first sectors.
    pub fn play_cut(&self, step: &Step, sectors_written: usize) {
        let mut state = self.state();
        match step {
            Step::Create(name) => {
                state.create(name);
            }
            Step::Write(inode, offset, bytes) => state.write(*inode, *offset, bytes, sectors_written),
            Step::Sync(inode) => state.sync(*inode),
            Step::Rename(from, to) => state.rename(from, to),
            Step::Remove(name) => state.remove(name),
            Step::SyncDir => state.sync_dir(),
        }
    }

    /// Plays a call that fails: a write is done by half, of a sync only what `keep` says reaches the platter and the rest never will,
    /// of all else nothing is done.
    pub fn play_failed(&self, step: &Step, mut keep: impl FnMut() -> bool) {
        match step {
            Step::Write(..) => self.play_cut(step, step.sectors() / 2),
            Step::Sync(inode) => self.state().inode(*inode).sync_only(|_| keep()),
            Step::Create(_) | Step::Rename(..) | Step::Remove(_) | Step::SyncDir => {}
        }
    }

    /// A number that is the same for disks that are the same: cache, platter, names, and what is not synced.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let state = self.state();
        let mut hasher = DefaultHasher::new();
        state.names.hash(&mut hasher);
        state.names_on_platter.hash(&mut hasher);
        state.unsynced_names.hash(&mut hasher);
        state.inodes.hash(&mut hasher);
        hasher.finish()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no call panics while it holds the disk")
    }

    fn file(&self, inode: u64, life: u64) -> MemoryFile {
        MemoryFile { disk: self.clone(), inode, life }
    }
}

impl State {
    /// Counts a call, and fails it if that was asked for.
    fn call(&mut self, operation: Operation) -> io::Result<()> {
        let calls = self.calls.entry(operation).or_default();
        let call = *calls;
        *calls += 1;
        if self.faults.remove(&(operation, call)) { Err(input_output_error()) } else { Ok(()) }
    }

    fn tape(&mut self, step: impl FnOnce() -> Step) {
        if let Some(tape) = &mut self.tape {
            tape.push(step());
        }
    }

    fn inode_of(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no file {name}")))
    }

    fn inode(&mut self, inode: u64) -> &mut Inode {
        Arc::make_mut(self.inodes.entry(inode).or_default())
    }

    fn create(&mut self, name: &str) -> u64 {
        let inode = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(inode, Arc::default());
        self.names.insert(name.to_owned(), inode);
        self.unsynced_names.push(NameChange::Create(name.to_owned(), inode));
        inode
    }

    fn write(&mut self, inode: u64, offset: u64, bytes: &[u8], sectors_written: usize) {
        let file = self.inode(inode);
        for (start, part) in sectors(offset, bytes).take(sectors_written) {
            let end = start + part.len();
            if file.cache.len() < end {
                file.cache.resize(end, 0);
            }
            file.cache[start..end].copy_from_slice(part);
            let offset = start / SECTOR_BYTES * SECTOR_BYTES;
            let sector = file.cache[offset..file.cache.len().min(offset + SECTOR_BYTES)].to_vec();
            file.unsynced.push(Sector { offset, bytes: sector });
        }
    }

    fn sync(&mut self, inode: u64) {
        let file = self.inode(inode);
        file.sync_only(|_| true);
        let length = file.cache.len();
        file.platter.resize(length, 0);
    }

    fn rename(&mut self, from: &str, to: &str) {
        if let Some(inode) = self.names.remove(from) {
            self.names.insert(to.to_owned(), inode);
            self.unsynced_names.push(NameChange::Rename(from.to_owned(), to.to_owned(), inode));
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(inode) = self.names.remove(name) {
            self.unsynced_names.push(NameChange::Remove(name.to_owned(), inode));
        }
    }

    fn sync_dir(&mut self) {
        self.names_on_platter = self.names.clone();
        self.unsynced_names.clear();
    }

    fn length(&self, inode: u64) -> u64 {
        self.inodes.get(&inode).map_or(0, |inode| inode.cache.len() as u64)
    }

    fn used(&self) -> u64 {
        self.names.values().map(|inode| self.length(*inode)).sum()
    }

    fn crash_power(&mut self, mut keep: impl FnMut(&Unsynced) -> bool) {
        let names: BTreeMap<u64, String> = self.names.iter().map(|(name, inode)| (*inode, name.clone())).collect();
        for (number, inode) in &mut self.inodes {
            if inode.unsynced.is_empty() && inode.cache == inode.platter {
                continue;
            }
            let inode = Arc::make_mut(inode);
            let name = names.get(number).cloned().unwrap_or_default();
            inode.sync_only(|sector| keep(&Unsynced::Sector(name.clone(), sector.offset as u64)));
            inode.cache.clone_from(&inode.platter);
        }
        for change in std::mem::take(&mut self.unsynced_names) {
            let (NameChange::Create(name, _) | NameChange::Rename(_, name, _) | NameChange::Remove(name, _)) = &change;
            if keep(&Unsynced::Name(name.clone())) {
                change.apply(&mut self.names_on_platter);
            }
        }
        self.names = self.names_on_platter.clone();
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        self.inodes.retain(|inode, _| named.contains(inode));
        self.life += 1;
    }
}

impl Inode {
    fn sync_only(&mut self, mut keep: impl FnMut(&Sector) -> bool) {
        for sector in std::mem::take(&mut self.unsynced) {
            if keep(&sector) {
                self.reach_platter(&sector);
            }
        }
    }

    fn reach_platter(&mut self, sector: &Sector) {
        let end = sector.offset + sector.bytes.len();
        if self.platter.len() < end {
            self.platter.resize(end, 0);
        }
        self.platter[sector.offset..end].copy_from_slice(&sector.bytes);
    }
}

impl NameChange {
    /// A change of a name that never reached the platter does nothing.
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Create(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Rename(from, to, inode) if names.get(from) == Some(inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
            Self::Remove(name, inode) if names.get(name) == Some(inode) => {
                names.remove(name);
            }
            Self::Rename(..) | Self::Remove(..) => {}
        }
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
        Ok(self.file(inode, state.life))
    }

    fn open(&self, name: &str) -> io::Result<MemoryFile> {
        let mut state = self.state();
        state.call(Operation::Open)?;
        let inode = state.inode_of(name)?;
        Ok(self.file(inode, state.life))
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
        let cache = state.inodes.get(&self.inode).map_or(&[][..], |inode| &inode.cache);
        let bytes = start.checked_add(buffer.len()).and_then(|end| cache.get(start..end));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
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
            state.inode(self.inode).unsynced.clear();
            return Err(error);
        }
        state.tape(|| Step::Sync(self.inode));
        state.sync(self.inode);
        Ok(())
    }
}

fn input_output_error() -> io::Error {
    io::Error::from_raw_os_error(5)
}

/// The parts of a write that lie in one sector each, with their offsets.
fn sectors(offset: u64, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = usize::try_from(offset).unwrap_or(usize::MAX);
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = rest.len().min(SECTOR_BYTES - start % SECTOR_BYTES);
        let (part, more) = rest.split_at(length);
        let at = start;
        (start, rest) = (start + length, more);
        (length > 0).then_some((at, part))
    })
}
