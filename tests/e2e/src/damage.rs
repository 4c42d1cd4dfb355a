//! Breaks files of members that do not run.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Turns one bit of a byte.
///
/// # Panics
/// When the file can't be changed.
pub fn flip(file: &Path, offset: u64) {
    let open = OpenOptions::new().read(true).write(true).open(file).expect("a file");
    let mut byte = [0];
    open.read_exact_at(&mut byte, offset).expect("a byte to turn");
    byte[0] ^= 0x10;
    open.write_all_at(&byte, offset).expect("written");
}

/// Writes other bytes over what is there.
///
/// # Panics
/// When the file can't be changed.
pub fn overwrite(file: &Path, offset: u64, bytes: &[u8]) {
    let open = OpenOptions::new().write(true).open(file).expect("a file");
    open.write_all_at(bytes, offset).expect("written");
}

/// Cuts a file.
///
/// # Panics
/// When the file can't be changed.
pub fn truncate(file: &Path, length: u64) {
    OpenOptions::new().write(true).open(file).and_then(|open| open.set_len(length)).expect("cut");
}

/// The last file of a folder, by name, whose name passes.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn newest(folder: &Path, passes: impl Fn(&str) -> bool) -> PathBuf {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let names = entries.filter_map(|name| name.into_string().ok()).filter(|name| passes(name));
    folder.join(names.max().unwrap_or_else(|| panic!("no such file in {}", folder.display())))
}
