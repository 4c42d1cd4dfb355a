//! The thread for everything on the disk that may take long: filling spare segments, writing snapshots, small files. The log
//! never waits for it.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use replica::{StateMachine, Storeroom, TakeSnapshot};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, info, warn};
use wal::Chore;
use wal::folder_disk::FolderDisk;

use crate::arrival::Done;
use crate::folder::write_durably;
use crate::log_thread::LogJob;

/// After a chore failed (the disk is full, say) the next is tried no sooner than this.
const RETRY: Duration = Duration::from_millis(500);

pub(crate) enum StoreroomJob<S: StateMachine> {
    Chore(Chore),
    Take(Box<TakeSnapshot<S::Frozen>>),
    /// A small file of the member's own.
    Remember(&'static str, String),
    Stop,
}

pub(crate) struct StoreroomThread<S: StateMachine> {
    pub(crate) storeroom: Storeroom<FolderDisk>,
    pub(crate) folder: PathBuf,
    pub(crate) jobs: Receiver<StoreroomJob<S>>,
    pub(crate) log: Sender<LogJob>,
    pub(crate) done: UnboundedSender<Done<S>>,
}

impl<S: StateMachine> StoreroomThread<S> {
    pub(crate) fn run(self) {
        while let Ok(job) = self.jobs.recv() {
            match job {
                StoreroomJob::Chore(chore) => self.chore(chore),
                StoreroomJob::Take(snapshot) => self.take(*snapshot),
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

    fn take(&self, snapshot: TakeSnapshot<S::Frozen>) {
        let position = snapshot.position;
        debug!(%position, "writing a snapshot");
        let done = match self.storeroom.take(snapshot) {
            Ok(()) => {
                info!(%position, "wrote a snapshot");
                Done::SnapshotTaken(position.index)
            }
            Err(error) => {
                warn!(%error, %position, "a snapshot could not be written; it is tried again");
                Done::SnapshotFailed
            }
        };
        let _the_loop_may_be_gone = self.done.send(done);
    }
}
