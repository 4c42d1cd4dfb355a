//! One process: started, signalled, waited for; never left behind.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::wait_until;

/// A child process whose words go to a file. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Where its standard output and error go.
    pub log: PathBuf,
}

impl Process {
    /// Starts it; what it says is appended to `log`.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        let also = file.try_clone().expect("the same file");
        let child = command.stdout(file).stderr(also).spawn().expect("the program starts");
        Self { child, log: log.to_owned() }
    }

    /// `quorate` with these words.
    #[must_use]
    pub fn quorate(words: &[String], log: &Path) -> Self {
        Self::quorate_in(Path::new("."), words, log)
    }

    /// The same with more in its environment.
    #[must_use]
    pub fn quorate_with(words: &[String], environment: &[(&str, PathBuf)], log: &Path) -> Self {
        let mut command = crate::binary::command();
        Self::start(command.args(words).envs(environment.iter().cloned()).stdin(Stdio::piped()), log)
    }

    /// The same in a folder.
    #[must_use]
    pub fn quorate_in(folder: &Path, words: &[String], log: &Path) -> Self {
        // Its standard input is a pipe that only this process holds: with --parent-pipe it does not outlive a killed test.
        Self::start(crate::binary::command().args(words).current_dir(folder).stdin(Stdio::piped()), log)
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process is gone and was waited for.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("our own child");
    }

    /// kill -9, and waits for its end.
    ///
    /// # Panics
    /// When the system does not know the child.
    pub fn kill(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("our own child");
    }

    /// How it ended, if it has.
    ///
    /// # Panics
    /// When the system does not know the child.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child")
    }

    /// Waits for its end.
    pub async fn wait_end(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the end of process {}, which logs to {}", self.pid(), self.log.display());
        wait_until(&what, limit, async || self.ended()).await
    }

    /// All that it said so far.
    #[must_use]
    pub fn said(&self) -> String {
        read(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            // Both may fail only when it ended in this moment.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

pub(crate) fn read(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
}
