//! The thread that writes snapshots. A large state takes long, and the log needs its next segments meanwhile: so this is not the
//! storeroom's thread, which prepares them. And a member that stops does not wait for it.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use replica::{Freeze, StateMachine, Storeroom, TakeSnapshot};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use wal::folder_disk::FolderDisk;

use crate::arrival::Done;

/// The thread, as long as it runs.
pub(crate) struct Snapshots<S: StateMachine> {
    pub(crate) jobs: Sender<TakeSnapshot<S::Frozen>>,
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

impl<S: StateMachine> Snapshots<S> {
    pub(crate) fn start(storeroom: Storeroom<FolderDisk>, done: UnboundedSender<Done<S>>) -> io::Result<Self> {
        let ((jobs, orders), stop) = (channel(), CancellationToken::new());
        let thread = SnapshotThread { storeroom, jobs: orders, done, stop: stop.clone() };
        let thread = std::thread::Builder::new().name("snapshots".into()).spawn(move || thread.run())?;
        Ok(Self { jobs, stop, thread })
    }

    /// Ends it, whatever it is at.
    pub(crate) fn end(self) {
        self.stop.cancel();
        drop(self.jobs);
        let _it_ends_by_itself = self.thread.join();
    }
}

struct SnapshotThread<S: StateMachine> {
    storeroom: Storeroom<FolderDisk>,
    jobs: Receiver<TakeSnapshot<S::Frozen>>,
    done: UnboundedSender<Done<S>>,
    /// The member stops: what is being written is given up, since the log has all of it.
    stop: CancellationToken,
}

impl<S: StateMachine> SnapshotThread<S> {
    /// Writes one after the other until nobody asks for more.
    fn run(self) {
        while let Ok(snapshot) = self.jobs.recv() {
            let done = self.take(snapshot);
            let _the_loop_may_be_gone = self.done.send(done);
        }
    }

    fn take(&self, snapshot: TakeSnapshot<S::Frozen>) -> Done<S> {
        let (position, began) = (snapshot.position, Instant::now());
        debug!(%position, "writing a snapshot");
        let TakeSnapshot { position, section, frozen } = snapshot;
        let frozen = UnlessStopped { frozen, stop: self.stop.clone() };
        match self.storeroom.take(TakeSnapshot { position, section, frozen }) {
            Ok(()) => {
                info!(%position, ms = began.elapsed().as_millis(), "wrote a snapshot");
                Done::SnapshotTaken(position.index)
            }
            Err(_) if self.stop.is_cancelled() => {
                debug!(%position, "a snapshot was given up, since the member stops");
                Done::SnapshotFailed
            }
            Err(error) => {
                warn!(%error, %position, "a snapshot could not be written; it is tried again");
                Done::SnapshotFailed
            }
        }
    }
}

/// A frozen state that is written out no further once the member stops.
struct UnlessStopped<F> {
    frozen: F,
    stop: CancellationToken,
}

impl<F: Freeze> Freeze for UnlessStopped<F> {
    fn write_to(&mut self, out: &mut dyn io::Write) -> io::Result<()> {
        self.frozen.write_to(&mut Stoppable { out, stop: &self.stop })
    }
}

struct Stoppable<'a> {
    out: &'a mut dyn io::Write,
    stop: &'a CancellationToken,
}

impl io::Write for Stoppable<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() { Err(io::Error::other("the member stops")) } else { self.out.write(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raft::{Configuration, NodeId, Position};
    use replica::{Section, Sessions};
    use wal::Disk;

    /// Large without end, or so it would be; asks for a stop when so much was written.
    struct Large(CancellationToken);

    impl Freeze for Large {
        fn write_to(&mut self, out: &mut dyn io::Write) -> io::Result<()> {
            for piece in 0..1000 {
                if piece == 3 {
                    self.0.cancel();
                }
                assert!(piece <= 3, "it was stopped after three");
                out.write_all(&[7; 70_000])?;
            }
            Ok(())
        }
    }

    #[test]
    fn a_snapshot_is_given_up_when_the_member_stops_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let disk = FolderDisk::open(folder.path()).unwrap();
        let stop = CancellationToken::new();
        let frozen = UnlessStopped { frozen: Large(stop.clone()), stop };
        let configuration = Configuration::of_voters([NodeId(1)]);
        let section = Section { time: 0, digest: 0, sessions: Sessions::default(), configuration };
        let snapshot = TakeSnapshot { position: Position::new(3, 1), section, frozen };
        let error = Storeroom::new(disk.clone()).take(snapshot).unwrap_err();
        assert_eq!(error.to_string(), "the member stops");
        assert_eq!(disk.list().unwrap(), Vec::<String>::new());
    }
}
