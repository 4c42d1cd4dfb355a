//! Small file systems of one's own, where the system lets us: a disk that is full, or that can't be written.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted tmpfs; gone when dropped.
#[derive(Debug)]
pub struct Mount {
    path: PathBuf,
}

impl Mount {
    /// A file system of so many bytes. Nothing, and a word, where mounting is not allowed.
    ///
    /// # Panics
    /// When the folder can't be made.
    #[must_use]
    pub fn tmpfs(path: &Path, bytes: u64) -> Option<Self> {
        std::fs::create_dir_all(path).expect("a folder to mount on");
        let size = format!("size={bytes}");
        let mount = Self { path: path.to_owned() };
        if mount.call("mount", &["-t", "tmpfs", "-o", &size, "quorate-e2e"]) {
            return Some(mount);
        }
        std::mem::forget(mount);
        eprintln!("skipped: mounting a tmpfs is not allowed here (it needs root)");
        None
    }

    /// Mounts it again with other options, such as `ro`, `rw` or `size=BYTES`.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn remount(&self, options: &str) {
        assert!(self.call("mount", &["-o", &format!("remount,{options}")]), "remounting with {options}");
    }

    fn call(&self, program: &str, words: &[&str]) -> bool {
        let output = Command::new(program).args(words).arg(&self.path).output();
        output.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: what still has files open there ends with the test.
        self.call("umount", &["--lazy"]);
    }
}
