//! The only door to a file system: one flat folder of files, as two small traits.
//!
//! It knows nothing of logs. A real folder (`folder_disk`) and a disk in memory with crashes (`memory_disk`) stand behind it.
//! What is expected of a disk is written in `docs/wal-format.md`.

use std::io;

/// The unit in which a disk is assumed to write: a sector is old or new after a power cut, never a mixture.
pub const SECTOR_BYTES: usize = 512;

/// One flat folder of files. A clone is another handle to the same folder.
pub trait Disk: Clone {
    /// An open file. It stays usable when its name changes.
    type File: DiskFile;

    /// The names of all files in the folder, in any order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Creates an empty file. `AlreadyExists` when the name is taken.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens an existing file for reading and writing. `NotFound` when there is none.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Gives a file another name, replacing what had that name. Durable only after [`Disk::sync_dir`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Deletes a file. Durable only after [`Disk::sync_dir`].
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes all creations, renames and removals so far durable.
    fn sync_dir(&self) -> io::Result<()>;
}

/// An open file of a [`Disk`], read and written at offsets in bytes.
pub trait DiskFile {
    /// The file's length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Fills the buffer from `offset` on. `UnexpectedEof` when the file is shorter.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all bytes at `offset`, growing the file when needed. Durable only after [`DiskFile::sync_data`].
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the file's bytes and length durable (fdatasync). After an error nobody knows what is.
    fn sync_data(&self) -> io::Result<()>;
}

/// How much is zero-filled or read by one call.
pub(crate) const CHUNK_BYTES: usize = 1 << 20;

/// Writes zeros over `[from, to)`.
pub(crate) fn write_zeros<F: DiskFile>(file: &F, from: u64, to: u64) -> io::Result<()> {
    let longest = usize::try_from(to.saturating_sub(from)).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
    let zeros = vec![0; longest];
    let mut at = from;
    while at < to {
        let length = usize::try_from(to - at).unwrap_or(longest).min(longest);
        file.write_all_at(&zeros[..length], at)?;
        at += length as u64;
    }
    Ok(())
}
