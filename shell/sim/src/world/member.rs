//! One member of the world: its disk, its clock, and while it runs its machines and what they are busy with. What happens to it
//! is decided elsewhere.

use std::collections::VecDeque;

use raft::{NodeId, Ticket, Write};
use replica::{DurableLog, Input, Replica, Storeroom, TakeSnapshot, Timer};
use wal::memory_disk::MemoryDisk;
use wal::{Chore, Disk as _};

use crate::dice::Dice;
use crate::machine::{FrozenMachine, Machine};

/// A crash that waits for a call to the disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// So many calls from now.
    pub(crate) calls: u64,
    /// The power goes too.
    pub(crate) keep: Option<u64>,
}

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
    /// Its disk takes so long for a call, until then.
    pub(crate) slow: (u64, u64),
    /// A call to its disk was made to fail: it may stop by itself.
    pub(crate) disk_fails: bool,
    pub(crate) full: bool,
    pub(crate) cut: Option<Cut>,
    pub(crate) clock: Clock,
    /// Of its timers, and of how long its own work takes.
    pub(crate) dice: Dice,
    /// A copy of its disk of long ago, for a lie.
    pub(crate) old_disk: Option<MemoryDisk>,
}

/// A clock that runs fast or slow, from an origin of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    at: u64,
    shows: u64,
    ppm: i64,
}

pub(crate) struct Running {
    pub(crate) replica: Replica<Machine>,
    pub(crate) log: DurableLog<MemoryDisk>,
    pub(crate) storeroom: Storeroom<MemoryDisk>,
    pub(crate) inbox: Vec<Input<Machine>>,
    /// A turn is on its way.
    pub(crate) awake: bool,
    /// Deadlines in the world's time, few and in no order.
    pub(crate) timers: Vec<(Timer, u64)>,
    /// The earliest event that looks at them.
    pub(crate) look_at: u64,
    pub(crate) write: Option<Write>,
    /// The last write that was durable.
    pub(crate) completed: Option<Ticket>,
    pub(crate) jobs: VecDeque<Job>,
    pub(crate) working: bool,
    /// What the replica was told last.
    pub(crate) room: bool,
    pub(crate) receiving: bool,
}

/// For the storeroom.
pub(crate) enum Job {
    Chore(Chore),
    Take(Box<TakeSnapshot<FrozenMachine>>),
}

impl Clock {
    /// What it shows at this time of the world.
    pub(crate) fn read(&self, now: u64) -> u64 {
        self.shows + self.own(now - self.at)
    }

    /// It runs so fast from now on.
    pub(crate) fn drift(&mut self, now: u64, ppm: i64) {
        *self = Self { at: now, shows: self.read(now), ppm: ppm.clamp(-500_000, 500_000) };
    }

    fn own(&self, micros: u64) -> u64 {
        let speed = u64::try_from(1_000_000 + self.ppm).unwrap_or(1);
        u64::try_from(u128::from(micros) * u128::from(speed) / 1_000_000).unwrap_or(u64::MAX)
    }

    /// How much of the world's time passes while it counts so much: never less, for a timer must not fire early.
    pub(crate) fn wait(&self, micros: u64) -> u64 {
        let speed = u64::try_from(1_000_000 + self.ppm).unwrap_or(1);
        u64::try_from((u128::from(micros) * 1_000_000).div_ceil(u128::from(speed))).unwrap_or(u64::MAX)
    }
}

impl Member {
    pub(crate) fn new(id: NodeId, seed: u64) -> Self {
        let mut dice = Dice::new(seed, "member", id.0);
        let clock = Clock { at: 0, shows: dice.below(20_000_000), ppm: 0 };
        Self {
            id,
            disk: MemoryDisk::new(),
            life: 0,
            running: None,
            incarnation: 0,
            claimed: false,
            paused_until: 0,
            slow: (0, 0),
            disk_fails: false,
            full: false,
            cut: None,
            clock,
            dice,
            old_disk: None,
        }
    }

    /// Its files with their lengths.
    pub(crate) fn files(&self) -> Vec<(String, u64)> {
        let names = self.disk.list().unwrap_or_default();
        let length = |name: &String| self.disk.contents(name).map_or(0, |bytes| bytes.len() as u64);
        names.into_iter().map(|name| (name.clone(), length(&name))).collect()
    }

    /// Bytes of all of them.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.files().iter().map(|(_, bytes)| bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_runs_at_its_own_speed_and_timers_are_never_early() {
        let mut clock = Clock { at: 0, shows: 100, ppm: 0 };
        assert_eq!((clock.read(50), clock.wait(7)), (150, 7));
        clock.drift(50, 100_000);
        assert_eq!(clock.read(1050), 150 + 1100);
        assert!(clock.read(50 + clock.wait(333)) >= 150 + 333);
        clock.drift(1050, -100_000);
        assert_eq!(clock.read(2050), 1250 + 900);
        assert!(clock.read(1050 + clock.wait(777)) >= 1250 + 777);
    }
}
