//! A real folder behind the `Disk` trait, with nothing but the standard library.
//!
//! It neither locks the folder nor creates it: that is for whoever owns the data folder.

use crate::disk::{Disk, DiskFile};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder of the file system.
#[derive(Clone, Debug)]
pub struct FolderDisk {
    path: Arc<PathBuf>,
    // Open for as long as the disk is used: syncing it makes names durable.
    folder: Arc<File>,
}

/// A file in the folder.
#[derive(Debug)]
pub struct FolderFile(File);

impl FolderDisk {
    /// Uses an existing folder.
    ///
    /// # Errors
    /// When it does not exist, is no folder or can't be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let folder = File::open(path)?;
        if !folder.metadata()?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, format!("{} is not a folder", path.display())));
        }
        Ok(Self { path: Arc::new(path.to_owned()), folder: Arc::new(folder) })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Disk for FolderDisk {
    type File = FolderFile;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.path.as_path())? {
            let entry = entry?;
            // Folders and names that are not UTF-8 are not ours.
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<FolderFile> {
        OpenOptions::new().read(true).write(true).create_new(true).open(self.path.join(name)).map(FolderFile)
    }

    fn open(&self, name: &str) -> io::Result<FolderFile> {
        OpenOptions::new().read(true).write(true).open(self.path.join(name)).map(FolderFile)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.folder.sync_all()
    }
}

impl DiskFile for FolderFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
