//! Files prepared ahead of need, and files that are no longer needed: work that the log's thread hands out as values.
//!
//! Filling a file with zeros takes long and removing one may; so both are `Chore`s that another thread performs over its own handle to
//! the disk. Why zeros: a sync of bytes that were written before only flushes, while one of a growing file also commits the file system's
//! journal, for which all its users wait.

use crate::disk::{CHUNK_BYTES, Disk, DiskFile, write_zeros};
use crate::segment::{spare_name, unfinished_name};
use std::collections::VecDeque;
use std::io;

/// How many files are kept beyond those that are wanted ready, when segments become obsolete.
const RECYCLED_MAX: usize = 2;

/// Work on files that need not be done by the log's thread. Hand it back with [`crate::Wal::chore_done`] or
/// [`crate::Wal::chore_failed`]; it is of no use to a log that was opened later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Prepare a spare segment.
    Fill(SpareOrder),
    /// Remove a file that is no longer needed.
    Remove(String),
}

/// A spare segment to be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpareOrder {
    number: u64,
    bytes: u64,
}

impl Chore {
    /// Does all of it at once. After an error nothing is left of it.
    ///
    /// # Errors
    /// What the disk said; `StorageFull` when there is no room.
    pub fn perform<D: Disk>(&self, disk: &D) -> io::Result<()> {
        match self {
            Self::Fill(order) => fill(disk, *order),
            Self::Remove(name) => remove_if_there(disk, name),
        }
    }
}

pub(crate) fn remove_if_there<D: Disk>(disk: &D, name: &str) -> io::Result<()> {
    match disk.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

pub(crate) fn fill<D: Disk>(disk: &D, order: SpareOrder) -> io::Result<()> {
    let mut filling = Filling::start(disk, order)?;
    loop {
        match filling.step() {
            Ok(Progress::More) => {}
            Ok(Progress::Ready) => return Ok(()),
            Err(error) => {
                filling.abandon();
                return Err(error);
            }
        }
    }
}

/// Whether a file is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Call [`Filling::step`] again.
    More,
    /// The spare is there and durable.
    Ready,
}

/// A spare that is being filled in small steps, for a thread that must not crowd the disk.
#[derive(Debug)]
pub struct Filling<D: Disk> {
    disk: D,
    file: D::File,
    order: SpareOrder,
    filled: u64,
}

impl<D: Disk> Filling<D> {
    /// Creates the file under the name of an unfinished one.
    ///
    /// # Errors
    /// What the disk said.
    pub fn start(disk: &D, order: SpareOrder) -> io::Result<Self> {
        let name = unfinished_name(&spare_name(order.number));
        remove_if_there(disk, &name)?;
        let file = disk.create(&name)?;
        Ok(Self { disk: disk.clone(), file, order, filled: 0 })
    }

    /// Writes up to one MiB of zeros, or, after the last, syncs the file and gives it its name.
    ///
    /// # Errors
    /// What the disk said; `StorageFull` when there is no room. Then call [`Filling::abandon`].
    pub fn step(&mut self) -> io::Result<Progress> {
        if self.filled < self.order.bytes {
            let to = self.order.bytes.min(self.filled + CHUNK_BYTES as u64);
            write_zeros(&self.file, self.filled, to)?;
            self.filled = to;
            return Ok(Progress::More);
        }
        self.file.sync_data()?;
        let name = spare_name(self.order.number);
        self.disk.rename(&unfinished_name(&name), &name)?;
        self.disk.sync_dir()?;
        Ok(Progress::Ready)
    }

    /// Removes what was prepared so far. What can't be removed now is removed at the next start.
    pub fn abandon(self) {
        let _left_for_the_next_start = self.disk.remove(&unfinished_name(&spare_name(self.order.number)));
    }
}

/// The spares that the log knows, and the chores that it has to hand out.
#[derive(Debug)]
pub(crate) struct Spares {
    ready: VecDeque<u64>,
    next_number: u64,
    bytes: u64,
    wanted: usize,
    ordered: bool,
    /// The last attempt to make a spare found no room.
    starved: bool,
    obsolete: VecDeque<String>,
}

impl Spares {
    pub(crate) fn new(ready: Vec<u64>, next_number: u64, bytes: u64, wanted: usize) -> Self {
        let ready = VecDeque::from(ready);
        Self { ready, next_number, bytes, wanted, ordered: false, starved: false, obsolete: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.ready.len()
    }

    pub(crate) fn is_starved(&self) -> bool {
        self.starved
    }

    /// There was no room to make one.
    pub(crate) fn starve(&mut self) {
        self.starved = true;
    }

    /// Takes a spare if at least `reserve` others stay.
    pub(crate) fn take(&mut self, reserve: usize) -> Option<u64> {
        if self.ready.len() > reserve { self.ready.pop_front() } else { None }
    }

    /// An order that the caller carries out itself.
    pub(crate) fn order(&mut self, bytes: u64) -> SpareOrder {
        let number = self.next_number;
        self.next_number += 1;
        SpareOrder { number, bytes }
    }

    /// A spare that is in its place.
    pub(crate) fn add(&mut self, number: u64) {
        self.ready.push_back(number);
        self.starved = false;
    }

    /// Whether one more file would be kept, and the spare number that it gets.
    pub(crate) fn recycle(&mut self, bytes: u64) -> Option<u64> {
        let keep = bytes == self.bytes && self.ready.len() < self.wanted + RECYCLED_MAX;
        keep.then(|| self.order(bytes).number)
    }

    pub(crate) fn give_up(&mut self, name: String) {
        self.obsolete.push_back(name);
    }

    pub(crate) fn next_chore(&mut self) -> Option<Chore> {
        if let Some(name) = self.obsolete.pop_front() {
            return Some(Chore::Remove(name));
        }
        if self.ordered || self.ready.len() >= self.wanted {
            return None;
        }
        self.ordered = true;
        Some(Chore::Fill(self.order(self.bytes)))
    }

    pub(crate) fn done(&mut self, chore: &Chore) {
        if let Chore::Fill(order) = chore {
            self.ordered = false;
            self.add(order.number);
        }
    }

    pub(crate) fn failed(&mut self, chore: &Chore) {
        match chore {
            Chore::Fill(_) => self.ordered = false,
            Chore::Remove(_) => {}
        }
    }
}

impl SpareOrder {
    /// The spare's number, part of its name.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How many zeros it takes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}
