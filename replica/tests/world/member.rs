//! One member of the world: its disk, and while it runs its machines and what they are busy with. What happens to it is
//! decided elsewhere.

use std::collections::{BTreeMap, VecDeque};

use quorate_replica::{DurableLog, Input, Replica, Storeroom, TakeSnapshot, Timer};
use raft::{NodeId, Write};
use wal::Chore;
use wal::memory_disk::MemoryDisk;

use crate::journal::Journal;

pub(crate) struct Member {
    pub(crate) id: NodeId,
    pub(crate) disk: MemoryDisk,
    /// Raised when it goes down: what was under way for an earlier life comes to nothing.
    pub(crate) life: u64,
    pub(crate) running: Option<Running>,
    /// Of its last start.
    pub(crate) incarnation: u64,
    /// It has started once: its folder is no new one any more.
    pub(crate) claimed: bool,
    /// The process stands still until then.
    pub(crate) paused_until: u64,
    /// Its disk takes long until then.
    pub(crate) slow_until: u64,
    /// Its clock says so much more than the world's.
    pub(crate) clock: u64,
    /// A call to its disk was made to fail: it may stop by itself.
    pub(crate) disk_fails: bool,
    pub(crate) full: bool,
}

pub(crate) struct Running {
    pub(crate) replica: Replica<Journal>,
    pub(crate) log: DurableLog<MemoryDisk>,
    pub(crate) storeroom: Storeroom<MemoryDisk>,
    pub(crate) inbox: Vec<Input<Journal>>,
    /// A turn is on its way.
    pub(crate) awake: bool,
    pub(crate) timers: BTreeMap<Timer, u64>,
    pub(crate) write: Option<Write>,
    pub(crate) jobs: VecDeque<Job>,
    pub(crate) working: bool,
    /// What the replica was told last.
    pub(crate) room: bool,
    /// So many applied commands were compared with the others'.
    pub(crate) compared: usize,
    pub(crate) receiving: bool,
    /// The read question that left last, while it is not answered.
    pub(crate) question: Option<u64>,
}

/// For the storeroom.
pub(crate) enum Job {
    Chore(Chore),
    Take(Box<TakeSnapshot<Vec<u8>>>),
}

impl Member {
    pub(crate) fn new(id: NodeId) -> Self {
        Self {
            id,
            disk: MemoryDisk::new(),
            life: 0,
            running: None,
            incarnation: 0,
            claimed: false,
            paused_until: 0,
            slow_until: 0,
            clock: 0,
            disk_fails: false,
            full: false,
        }
    }

    /// Its files with their lengths.
    pub(crate) fn files(&self) -> Vec<(String, u64)> {
        use wal::Disk;
        let names = self.disk.list().unwrap_or_default();
        let length = |name: &String| self.disk.contents(name).map_or(0, |bytes| bytes.len() as u64);
        names.into_iter().map(|name| (name.clone(), length(&name))).collect()
    }

    /// Bytes of all of them.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.files().iter().map(|(_, bytes)| bytes).sum()
    }
}
