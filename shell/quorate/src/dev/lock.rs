//! One `dev` a folder: a file lock that the system drops when the process is gone, however it went.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::DevError;

/// A killed process holds its lock until the system has cleared it away.
const CLEARING_TIME: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Held while `dev` runs.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    /// The `dev` before this one did not get to say goodbye.
    after_a_kill: bool,
}

impl Lock {
    /// Makes the folder where there is none, and takes it.
    pub(crate) fn take(folder: &Path) -> Result<Self, DevError> {
        let path = folder.join("dev.lock");
        let wrong = |path: &Path| {
            let path = path.display().to_string();
            move |error: std::io::Error| DevError::Folder { path, error: error.to_string() }
        };
        std::fs::create_dir_all(folder).map_err(wrong(folder))?;
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(wrong(&path))?;
        let deadline = Instant::now() + CLEARING_TIME;
        let mut locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        while locked == Err(rustix::io::Errno::WOULDBLOCK) && Instant::now() < deadline {
            std::thread::sleep(LOOK_AGAIN);
            locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        }
        let mut written = String::new();
        file.read_to_string(&mut written).map_err(wrong(&path))?;
        let pid = written.trim();
        match locked {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let pid = if pid.is_empty() { "unknown" } else { pid };
                return Err(DevError::Running { folder: folder.display().to_string(), pid: pid.to_owned() });
            }
            Err(error) => return Err(wrong(&path)(error.into())),
        }
        let mut lock = Self { file, after_a_kill: !pid.is_empty() };
        lock.write(&std::process::id().to_string()).map_err(wrong(&path))?;
        Ok(lock)
    }

    /// How long ports may still be held by members of a `dev` that was killed: they stop by themselves, but not at once.
    pub(crate) fn patience(&self) -> Duration {
        if self.after_a_kill { Duration::from_secs(10) } else { Duration::ZERO }
    }

    /// Says goodbye: all members are gone.
    pub(crate) fn release(mut self) {
        // A failure costs the next `dev` nothing but patience.
        let _ = self.write("");
    }

    fn write(&mut self, text: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_dev_is_refused_with_the_first_ones_pid() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Lock::take(folder.path()).expect("the first");
        assert_eq!(first.patience(), Duration::ZERO);
        let second = Lock::take(folder.path()).expect_err("the second").to_string();
        assert!(second.contains(&format!("another `quorate dev` (pid {}) runs on", std::process::id())), "{second}");
        first.release();
        assert_eq!(Lock::take(folder.path()).expect("the third").patience(), Duration::ZERO);
    }

    #[test]
    fn after_a_kill_there_is_patience() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(Lock::take(folder.path()).expect("the first"));
        assert!(Lock::take(folder.path()).expect("the second").patience() > Duration::ZERO);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("written");
        let refusal = Lock::take(&file.join("data")).expect_err("no folder").to_string();
        assert!(refusal.contains("file/data can't be used") && refusal.contains("--data-dir"), "{refusal}");
    }
}
