//! The thread for work on the disk that may take long and that the log needs soon: filling spare segments, removing old ones;
//! and small files. The log never waits for it, and it does not wait for snapshots, which have a thread of their own.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use replica::Storeroom;
use tracing::warn;
use wal::Chore;
use wal::folder_disk::FolderDisk;

use crate::folder::write_durably;
use crate::log_thread::LogJob;

/// After a chore failed (the disk is full, say) the next is tried no sooner than this.
const RETRY: Duration = Duration::from_millis(500);

pub(crate) enum StoreroomJob {
    Chore(Chore),
    /// A small file of the member's own.
    Remember(&'static str, String),
    Stop,
}

pub(crate) struct StoreroomThread {
    pub(crate) storeroom: Storeroom<FolderDisk>,
    pub(crate) folder: PathBuf,
    pub(crate) jobs: Receiver<StoreroomJob>,
    pub(crate) log: Sender<LogJob>,
}

impl StoreroomThread {
    pub(crate) fn run(self) {
        while let Ok(job) = self.jobs.recv() {
            match job {
                StoreroomJob::Chore(chore) => self.chore(chore),
                StoreroomJob::Remember(name, text) => {
                    if let Err(error) = write_durably(&self.folder, name, &text) {
                        warn!(%error, name, "a file could not be written; it is tried again at the next start");
                    }
                }
                StoreroomJob::Stop => return,
            }
        }
    }

    fn chore(&self, chore: Chore) {
        let result = self.storeroom.perform(&chore);
        if let Err(error) = &result {
            warn!(%error, ?chore, "work ahead on the log's files failed; it is tried again");
            std::thread::sleep(RETRY);
        }
        let _the_log_thread_may_be_gone = self.log.send(LogJob::ChoreEnded(chore, result.is_ok()));
    }
}
