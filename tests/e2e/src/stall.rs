//! Disks that stand still for as long as a test wants, and fail in nothing: a small library stands between a member and its
//! system's `fsync` and `fdatasync`. What a member makes of it is not known here.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The library: built where a C compiler is.
#[derive(Debug, Clone)]
pub struct StallLibrary(PathBuf);

impl StallLibrary {
    /// Builds it in this folder. Nothing, and a word, where there is no C compiler.
    ///
    /// # Panics
    /// When the folder can't be written, or the compiler refuses the library.
    #[must_use]
    pub fn build(folder: &Path) -> Option<Self> {
        let (source, library) = (folder.join("stall.c"), folder.join("stall.so"));
        std::fs::write(&source, include_str!("stall.c")).expect("a source file");
        let words = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"];
        let Ok(output) = Command::new("cc").args(words).args([&library, &source]).arg("-ldl").output() else {
            eprintln!("skipped: there is no C compiler here (cc) to build what makes disks stand still");
            return None;
        };
        assert!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
        Some(Self(library))
    }

    /// What a process is told in its environment, so that its disks stand still while `file` is there.
    #[must_use]
    pub fn environment(&self, file: &Path) -> [(&'static str, PathBuf); 2] {
        [("LD_PRELOAD", self.0.clone()), ("QUORATE_E2E_STALL", file.to_owned())]
    }
}

/// A disk stands still; it goes on when this is dropped.
#[derive(Debug)]
pub struct Stall(PathBuf);

impl Stall {
    /// From now on.
    ///
    /// # Panics
    /// When the file can't be made that tells the library.
    #[must_use]
    pub fn begin(file: PathBuf) -> Self {
        std::fs::write(&file, "").expect("a file");
        Self(file)
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        // The whole folder may be gone with its test.
        let _ = std::fs::remove_file(&self.0);
    }
}
