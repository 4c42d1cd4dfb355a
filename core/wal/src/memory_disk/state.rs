//! What a disk in memory holds: files in the cache and on the platter, names in the cache and on the platter.

use super::{Operation, Step, Unsynced};
use crate::disk::SECTOR_BYTES;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::{Arc, OnceLock};

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    // Shared between forks until one of them writes.
    pub(super) inodes: BTreeMap<u64, Arc<Inode>>,
    pub(super) names: BTreeMap<String, u64>,
    pub(super) names_on_platter: BTreeMap<String, u64>,
    pub(super) unsynced_names: Vec<NameChange>,
    next_inode: u64,
    /// Raised by each crash: files opened before are refused.
    pub(super) life: u64,
    pub(super) capacity: Option<u64>,
    pub(super) faults: BTreeSet<(Operation, u64)>,
    pub(super) calls: BTreeMap<Operation, u64>,
    pub(super) unreadable: BTreeSet<(u64, u64)>,
    /// Reads that turn a bit, by their number.
    pub(super) flips: BTreeMap<u64, u64>,
    pub(super) tape: Option<Vec<Step>>,
    pub(super) loses_syncs: bool,
    /// How many open files there are to an inode: without a name, it lives as long as they do.
    open: BTreeMap<u64, usize>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    pub(super) cache: Vec<u8>,
    pub(super) platter: Vec<u8>,
    unsynced: Vec<Sector>,
    /// Of the three above, until one of them changes.
    fingerprint: OnceLock<u64>,
}

#[derive(Clone, Debug, Hash)]
pub(super) struct Sector {
    offset: usize,
    bytes: Vec<u8>,
}

#[derive(Clone, Debug, Hash)]
pub(super) enum NameChange {
    Create(String, u64),
    Rename(String, String, u64),
    Remove(String, u64),
}

impl State {
    /// Equal for equal disks.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.names, &self.names_on_platter, &self.unsynced_names).hash(&mut hasher);
        for (number, inode) in &self.inodes {
            (number, inode.fingerprint()).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Counts a call, and fails it if that was asked for.
    pub(super) fn call(&mut self, operation: Operation) -> io::Result<()> {
        let calls = self.calls.entry(operation).or_default();
        let call = *calls;
        *calls += 1;
        if self.faults.remove(&(operation, call)) { Err(input_output_error()) } else { Ok(()) }
    }

    /// Turns a bit of what the latest read call returns, if that was asked for.
    pub(super) fn flip(&mut self, buffer: &mut [u8]) {
        let call = self.calls.get(&Operation::Read).copied().unwrap_or(0).saturating_sub(1);
        let bit = self.flips.remove(&call).and_then(|bit| bit.checked_rem(8 * buffer.len() as u64));
        if let Some(bit) = bit
            && let Some(byte) = usize::try_from(bit / 8).ok().and_then(|byte| buffer.get_mut(byte))
        {
            *byte ^= 1 << (bit % 8);
        }
    }

    pub(super) fn tape(&mut self, step: impl FnOnce() -> Step) {
        if let Some(tape) = &mut self.tape {
            tape.push(step());
        }
    }

    pub(super) fn inode_of(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no file {name}")))
    }

    pub(super) fn inode(&mut self, inode: u64) -> &mut Inode {
        Inode::to_change(self.inodes.entry(inode).or_default())
    }

    pub(super) fn create(&mut self, name: &str) -> u64 {
        let inode = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(inode, Arc::default());
        self.names.insert(name.to_owned(), inode);
        self.unsynced_names.push(NameChange::Create(name.to_owned(), inode));
        inode
    }

    pub(super) fn write(&mut self, inode: u64, offset: u64, bytes: &[u8], sectors_written: usize) {
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

    pub(super) fn sync(&mut self, inode: u64) {
        let file = self.inode(inode);
        file.sync_only(|_| true);
        let length = file.cache.len();
        file.platter.resize(length, 0);
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) {
        if let Some(inode) = self.names.remove(from) {
            self.names.insert(to.to_owned(), inode);
            self.unsynced_names.push(NameChange::Rename(from.to_owned(), to.to_owned(), inode));
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(inode) = self.names.remove(name) {
            self.unsynced_names.push(NameChange::Remove(name.to_owned(), inode));
        }
    }

    pub(super) fn sync_dir(&mut self) {
        self.names_on_platter = self.names.clone();
        self.unsynced_names.clear();
        self.forget_unnamed();
    }

    /// The bytes of a file as a reader sees them.
    pub(super) fn cache(&self, inode: u64) -> &[u8] {
        self.inodes.get(&inode).map_or(&[], |inode| &inode.cache)
    }

    pub(super) fn opened(&mut self, inode: u64) {
        *self.open.entry(inode).or_default() += 1;
    }

    pub(super) fn closed(&mut self, inode: u64) {
        let count = self.open.entry(inode).or_default();
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.open.remove(&inode);
        }
    }

    /// Drops what no name, in the cache or on the platter, and no open file leads to.
    fn forget_unnamed(&mut self) {
        let named: BTreeSet<u64> = self.names.values().chain(self.names_on_platter.values()).copied().collect();
        self.inodes.retain(|inode, _| named.contains(inode) || self.open.contains_key(inode));
    }

    pub(super) fn crash_process(&mut self) {
        self.life += 1;
        self.open.clear();
    }

    pub(super) fn length(&self, inode: u64) -> u64 {
        self.cache(inode).len() as u64
    }

    pub(super) fn used(&self) -> u64 {
        self.names.values().map(|inode| self.length(*inode)).sum()
    }

    pub(super) fn crash_power(&mut self, mut keep: impl FnMut(&Unsynced) -> bool) {
        let names: BTreeMap<u64, String> = self.names.iter().map(|(name, inode)| (*inode, name.clone())).collect();
        for (number, inode) in &mut self.inodes {
            if inode.unsynced.is_empty() && inode.cache == inode.platter {
                continue;
            }
            let inode = Inode::to_change(inode);
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
        self.crash_process();
        self.forget_unnamed();
    }
}

impl Inode {
    /// The inode for its one owner, who may change it.
    fn to_change(shared: &mut Arc<Self>) -> &mut Self {
        let inode = Arc::make_mut(shared);
        inode.fingerprint = OnceLock::new();
        inode
    }

    fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| {
            let mut hasher = DefaultHasher::new();
            (&self.cache, &self.platter, &self.unsynced).hash(&mut hasher);
            hasher.finish()
        })
    }

    pub(super) fn sync_only(&mut self, mut keep: impl FnMut(&Sector) -> bool) {
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

pub(super) fn input_output_error() -> io::Error {
    io::Error::from_raw_os_error(5)
}

/// The parts of a write that lie in one sector each, with their offsets.
pub(super) fn sectors(offset: u64, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
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
