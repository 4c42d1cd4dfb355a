//! Tapes: all calls that changed a disk, to be played again up to any of them.

use super::MemoryDisk;
use super::state::sectors;
use bytes::Bytes;

/// One call that changed a disk, on a tape ([`MemoryDisk::record`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A file was created.
    Create(String),
    /// Bytes were written to the file with this inner number, at this offset.
    Write(u64, u64, Bytes),
    /// The file with this inner number was synced.
    Sync(u64),
    /// A file got another name.
    Rename(String, String),
    /// A file was removed.
    Remove(String),
    /// The names were synced.
    SyncDir,
}

impl Step {
    /// How many sectors it touches; 0 if it is not a write.
    #[must_use]
    pub fn sectors(&self) -> usize {
        match self {
            Self::Write(_, offset, bytes) => sectors(*offset, bytes).count(),
            Self::Create(_) | Self::Sync(_) | Self::Rename(..) | Self::Remove(_) | Self::SyncDir => 0,
        }
    }
}

impl MemoryDisk {
    /// Starts a tape of all calls that change the disk.
    pub fn record(&self) {
        self.state().tape = Some(Vec::new());
    }

    /// Ends the tape, if there is one.
    pub fn end_record(&self) {
        self.state().tape = None;
    }

    /// The tape so far.
    #[must_use]
    pub fn tape(&self) -> Vec<Step> {
        self.state().tape.clone().unwrap_or_default()
    }

    /// How many calls are on the tape.
    #[must_use]
    pub fn tape_length(&self) -> usize {
        self.state().tape.as_ref().map_or(0, Vec::len)
    }

    /// Plays a call of a tape on a disk that is as the recorded one was before it.
    pub fn play(&self, step: &Step) {
        self.play_cut(step, usize::MAX);
    }

    /// Plays a call, of a write only the first sectors.
    pub fn play_cut(&self, step: &Step, sectors_written: usize) {
        let mut state = self.state();
        match step {
            Step::Create(name) => {
                state.create(name);
            }
            Step::Write(inode, offset, bytes) => state.write(*inode, *offset, bytes, sectors_written),
            Step::Sync(inode) => state.sync(*inode),
            Step::Rename(from, to) => state.rename(from, to),
            Step::Remove(name) => state.remove(name),
            Step::SyncDir => state.sync_dir(),
        }
    }

    /// Plays a call that fails: a write is done by half, of a sync only what `keep` says reaches the platter and the rest never will,
    /// of all else nothing is done.
    pub fn play_failed(&self, step: &Step, mut keep: impl FnMut() -> bool) {
        match step {
            Step::Write(..) => self.play_cut(step, step.sectors() / 2),
            Step::Sync(inode) => self.state().inode(*inode).sync_only(|_| keep()),
            Step::Create(_) | Step::Rename(..) | Step::Remove(_) | Step::SyncDir => {}
        }
    }
}
