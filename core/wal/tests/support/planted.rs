//! Planted bugs: disks that lie, and through which the log makes the mistakes that the crash checker must catch.

use quorate_wal::memory_disk::{MemoryDisk, MemoryFile};
use quorate_wal::{Disk, DiskFile};
use std::io;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Nothing.
    None,
    /// A sync returns at once: the log acknowledges what is not durable.
    NoSync,
    /// The same for names.
    NoSyncDir,
    /// Zeros over what is there are not written: recovery does not cut.
    NoCut,
    /// What reads the same is not written again: recovery trusts the page cache.
    NoRewrite,
    /// A write loses its last sector.
    ShortWrite,
}

#[derive(Clone, Debug)]
pub(crate) struct PlantedDisk {
    pub(crate) disk: MemoryDisk,
    pub(crate) bug: Bug,
}

#[derive(Debug)]
pub(crate) struct PlantedFile {
    file: MemoryFile,
    bug: Bug,
}

impl Disk for PlantedDisk {
    type File = PlantedFile;

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<PlantedFile> {
        Ok(PlantedFile { file: self.disk.create(name)?, bug: self.bug })
    }

    fn open(&self, name: &str) -> io::Result<PlantedFile> {
        Ok(PlantedFile { file: self.disk.open(name)?, bug: self.bug })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        if self.bug == Bug::NoSyncDir { Ok(()) } else { self.disk.sync_dir() }
    }
}

impl PlantedFile {
    /// What stands where the bytes would be written, if the file reaches that far.
    fn present(&self, length: usize, offset: u64) -> Option<Vec<u8>> {
        let mut present = vec![0; length];
        self.file.read_exact_at(&mut present, offset).ok().map(|()| present)
    }
}

impl DiskFile for PlantedFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let present = self.present(bytes.len(), offset);
        let skipped = match self.bug {
            Bug::NoCut => present.is_some() && bytes.iter().all(|byte| *byte == 0),
            Bug::NoRewrite => present.as_deref() == Some(bytes),
            Bug::None | Bug::NoSync | Bug::NoSyncDir | Bug::ShortWrite => false,
        };
        if skipped {
            return Ok(());
        }
        let short = self.bug == Bug::ShortWrite && present.is_some() && bytes.len() > 512;
        let length = if short { bytes.len() - 512 } else { bytes.len() };
        self.file.write_all_at(&bytes[..length], offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.bug == Bug::NoSync { Ok(()) } else { self.file.sync_data() }
    }
}
