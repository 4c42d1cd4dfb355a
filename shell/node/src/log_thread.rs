//! The thread that writes and syncs the log, one batch after the other, and does nothing else.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use raft::Write;
use replica::DurableLog;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{info, warn};
use wal::folder_disk::FolderDisk;
use wal::{Chore, WriteError};

use crate::arrival::Done;
use crate::look::Measured;
use crate::node::EndError;
use crate::storeroom_thread::StoreroomJob;

/// While the disk is full, a write is tried again this often (and whenever a chore has made room).
const ROOM_RETRY: Duration = Duration::from_millis(200);

pub(crate) enum LogJob {
    Write(Write),
    /// A chore ended, well or not.
    ChoreEnded(Chore, bool),
    /// Seal the log and end.
    Seal,
}

pub(crate) struct LogThread<S: replica::StateMachine> {
    pub(crate) log: DurableLog<FolderDisk>,
    pub(crate) jobs: Receiver<LogJob>,
    pub(crate) done: UnboundedSender<Done<S>>,
    pub(crate) storeroom: Sender<StoreroomJob>,
    /// How long each write took, until it was durable.
    pub(crate) measured: Arc<Measured>,
    /// What the loop was told last.
    pub(crate) room: bool,
    /// The member stops: what waits for room waits no longer.
    pub(crate) stopping: bool,
}

impl<S: replica::StateMachine> LogThread<S> {
    pub(crate) fn run(mut self) {
        self.hand_out_chores();
        while !self.stopping
            && let Ok(job) = self.jobs.recv()
        {
            let result = match job {
                LogJob::Write(write) => self.write(&write),
                LogJob::ChoreEnded(chore, done) => {
                    self.chore_ended(&chore, done);
                    Ok(())
                }
                LogJob::Seal => {
                    self.stopping = true;
                    Ok(())
                }
            };
            if let Err(error) = result {
                let _the_loop_is_gone_too = self.done.send(Done::Over(EndError::Failed(error.to_string())));
                return;
            }
        }
        self.seal();
    }

    fn write(&mut self, write: &Write) -> Result<(), WriteError> {
        let begun = Instant::now();
        loop {
            match self.log.write(write) {
                Ok(()) => break,
                Err(WriteError::NoRoom) if self.stopping => return Ok(()),
                Err(WriteError::NoRoom) => self.wait_for_room(),
                Err(error) => return Err(error),
            }
        }
        if let Some(ticket) = self.log.sync()? {
            self.measured.wrote(begun.elapsed());
            let _the_loop_may_be_gone = self.done.send(Done::Written(ticket));
        }
        self.tell_room();
        self.hand_out_chores();
        Ok(())
    }

    /// Not even the reserve is left. Nothing is lost by waiting: the write has not begun.
    fn wait_for_room(&mut self) {
        self.tell_room();
        match self.jobs.recv_timeout(ROOM_RETRY) {
            Ok(LogJob::ChoreEnded(chore, done)) => self.chore_ended(&chore, done),
            Ok(LogJob::Seal) | Err(RecvTimeoutError::Disconnected) => self.stopping = true,
            // One write is under way, so no other can come.
            Ok(LogJob::Write(_)) | Err(RecvTimeoutError::Timeout) => {}
        }
    }

    fn chore_ended(&mut self, chore: &Chore, done: bool) {
        self.log.chore_ended(chore, done);
        self.tell_room();
        self.hand_out_chores();
    }

    fn tell_room(&mut self) {
        let room = self.log.has_room();
        if room != self.room {
            self.room = room;
            if room {
                info!("the disk has room again: writes are accepted");
            } else {
                warn!("the disk has no room for the log's next segment: writes are refused until there is some");
            }
            let _the_loop_may_be_gone = self.done.send(Done::Room(room));
        }
    }

    fn hand_out_chores(&mut self) {
        while let Some(chore) = self.log.next_chore() {
            if self.storeroom.send(StoreroomJob::Chore(chore)).is_err() {
                return;
            }
        }
    }

    fn seal(self) {
        if let Err(error) = self.log.seal() {
            warn!(%error, "the log could not be sealed; nothing is lost by it");
        }
    }
}
