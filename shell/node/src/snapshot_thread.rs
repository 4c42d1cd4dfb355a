//! The thread that writes snapshots. A large state takes long, and the log needs its next segments meanwhile: so this is not the
//! storeroom's thread, which prepares them.

use std::sync::mpsc::Receiver;
use std::time::Instant;

use replica::{StateMachine, Storeroom, TakeSnapshot};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, info, warn};
use wal::folder_disk::FolderDisk;

use crate::arrival::Done;

pub(crate) struct SnapshotThread<S: StateMachine> {
    pub(crate) storeroom: Storeroom<FolderDisk>,
    pub(crate) jobs: Receiver<TakeSnapshot<S::Frozen>>,
    pub(crate) done: UnboundedSender<Done<S>>,
}

impl<S: StateMachine> SnapshotThread<S> {
    /// Writes one after the other until nobody asks for more.
    pub(crate) fn run(self) {
        while let Ok(snapshot) = self.jobs.recv() {
            let done = self.take(snapshot);
            let _the_loop_may_be_gone = self.done.send(done);
        }
    }

    fn take(&self, snapshot: TakeSnapshot<S::Frozen>) -> Done<S> {
        let (position, began) = (snapshot.position, Instant::now());
        debug!(%position, "writing a snapshot");
        match self.storeroom.take(snapshot) {
            Ok(()) => {
                info!(%position, ms = began.elapsed().as_millis(), "wrote a snapshot");
                Done::SnapshotTaken(position.index)
            }
            Err(error) => {
                warn!(%error, %position, "a snapshot could not be written; it is tried again");
                Done::SnapshotFailed
            }
        }
    }
}
