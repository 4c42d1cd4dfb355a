//! One member of the world: its disk, its clock, and while it runs its machines and what they are busy with. What happens to it
//! is decided elsewhere.

use std::collections::{BTreeMap, VecDeque};

use raft::{Configuration, NodeId, Ticket, Write};
use replica::transfers::{Pace, Receiving, Sending};
use replica::{ClockWatch, DurableLog, Input, Replica, Storeroom, TakeSnapshot, Timer};
use wal::memory_disk::{MemoryDisk, Step};
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

/// A write that goes wrong without a sign, and what is needed to say in the end what the platter holds.
pub(crate) struct BadWrite {
    /// Which: a bad write that was given up has another number than the one after it.
    pub(crate) number: u64,
    /// The disk as it was before.
    pub(crate) before: MemoryDisk,
    /// All that was done to it since.
    pub(crate) steps: Vec<Step>,
    /// Which of the writes, taken modulo their number.
    pub(crate) pick: u64,
    /// What becomes of it.
    pub(crate) fate: Fate,
    /// The member stops cleanly in the end.
    pub(crate) clean: bool,
}

/// What becomes of a write, though the disk says that it is done.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Lost,
    SectorLost(u64),
    Misdirected(u64),
}

pub(crate) struct Member {
    pub(crate) disk: MemoryDisk,
    /// Raised when it goes down: what was under way for an earlier life comes to nothing.
    pub(crate) life: u64,
    pub(crate) running: Option<Running>,
    /// Of its last start.
    pub(crate) incarnation: u64,
    /// It has started once: its folder is no new one any more.
    pub(crate) claimed: bool,
    /// It joins a cluster that runs, and was told this of its members.
    pub(crate) told: Option<Configuration>,
    /// The process stands still until then.
    pub(crate) paused_until: u64,
    /// Its disk takes so long for a call, until then.
    pub(crate) slow: (u64, u64),
    /// A call to its disk was made to fail: it may stop by itself.
    pub(crate) disk_fails: bool,
    pub(crate) full: bool,
    pub(crate) cut: Option<Cut>,
    /// A write that goes wrong without a sign.
    pub(crate) bad: Option<BadWrite>,
    pub(crate) clock: Clock,
    /// The machine's other clock: what the first one does wrong is seen by it. It goes on while the process and its clock stand still.
    pub(crate) other_clock: Clock,
    /// The other clock does not drift along.
    pub(crate) seen_drift: bool,
    /// T from the next start on, and in this life, where it is not that of the others.
    pub(crate) timeout: Option<u64>,
    /// Its clock may be behind the world's until then.
    pub(crate) behind_until: u64,
    /// Each of its turns begins up to so much later, until then.
    pub(crate) busy: (u64, u64),
    /// Of how long its own work takes.
    pub(crate) dice: Dice,
    /// Of its timers.
    pub(crate) timer_dice: Dice,
    /// Its newest snapshot covers entries up to here.
    pub(crate) snapshot: u64,
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
    /// What its driver looks at both clocks with.
    pub(crate) watch: ClockWatch,
    /// T of this life.
    pub(crate) timeout: u64,
    /// When it was woken for the next turn.
    pub(crate) woken: u64,
    /// Whom it greeted, in which of their lives.
    pub(crate) met: BTreeMap<NodeId, u64>,
    /// A turn is on its way.
    pub(crate) awake: bool,
    /// Deadlines in the world's time, few and in no order.
    pub(crate) timers: Vec<(Timer, u64)>,
    /// When each was armed last.
    pub(crate) armed: BTreeMap<Timer, u64>,
    /// Somebody set when it loses its patience, if it hears no leader until then.
    pub(crate) patience: Option<u64>,
    /// Messages that wait in the inbox.
    pub(crate) arrived: Vec<u64>,
    /// The earliest event that looks at them.
    pub(crate) look_at: u64,
    pub(crate) write: Option<Write>,
    /// It was given to the disk, and waits for its sync.
    pub(super) written: bool,
    /// The last write that was durable.
    pub(crate) completed: Option<Ticket>,
    pub(crate) jobs: VecDeque<Job>,
    pub(crate) working: bool,
    /// What the replica was told last.
    pub(crate) room: bool,
    pub(crate) sending: Sending<MemoryDisk>,
    pub(crate) receiving: Receiving<MemoryDisk>,
    pub(crate) pace: Pace,
}

/// For the storeroom.
pub(crate) enum Job {
    Chore(Chore),
    Take(Box<TakeSnapshot<FrozenMachine>>),
}

impl Clock {
    /// What it shows at this time of the world.
    pub(crate) fn read(&self, now: u64) -> u64 {
        self.shows.saturating_add(self.own(now.saturating_sub(self.at)))
    }

    /// It runs so fast from now on.
    pub(crate) fn drift(&mut self, now: u64, ppm: i64) {
        *self = Self { at: now, shows: self.read(now), ppm: ppm.clamp(-500_000, 500_000) };
    }

    /// It stands still for so long from now on.
    pub(crate) fn stand(&mut self, now: u64, micros: u64) {
        *self = Self { at: now + micros, shows: self.read(now), ppm: self.ppm };
    }

    /// It shows so much more, or less, from now on.
    pub(crate) fn jump(&mut self, now: u64, micros: i64) {
        *self = Self { at: now, shows: self.read(now).saturating_add_signed(micros), ppm: self.ppm };
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
            disk: MemoryDisk::new(),
            life: 0,
            running: None,
            incarnation: 0,
            claimed: false,
            told: None,
            paused_until: 0,
            slow: (0, 0),
            disk_fails: false,
            full: false,
            cut: None,
            bad: None,
            clock,
            other_clock: clock,
            seen_drift: dice.chance(500),
            timeout: None,
            behind_until: 0,
            busy: (0, 0),
            dice,
            timer_dice: Dice::new(seed, "timers", id.0),
            snapshot: 0,
            old_disk: None,
        }
    }

    /// The write that goes wrong does not, as the disk went another way since.
    pub(crate) fn forget_bad_write(&mut self) {
        if self.bad.take().is_some() {
            self.disk.end_record();
        }
    }

    /// The process and its clock stand still for so long: what remained of its timers remains.
    pub(crate) fn suspend(&mut self, now: u64, micros: u64) {
        let Some(running) = &mut self.running else { return };
        self.paused_until = self.paused_until.max(now + micros);
        self.clock.stand(now, micros);
        running.timers.iter_mut().for_each(|(_, at)| *at += micros);
        self.behind_until = self.paused_until;
    }

    /// The clock shows another time. Timers go by it: forward, what is due fires; back, a deadline comes that much later, as the
    /// member holds the time that it saw.
    pub(crate) fn clock_jumps(&mut self, now: u64, micros: i64) {
        self.clock.jump(now, micros);
        let Some(running) = &mut self.running else { return };
        if micros > 0 {
            running.timers.iter_mut().for_each(|(_, at)| *at = at.saturating_sub(micros.unsigned_abs()).max(now));
        } else {
            self.behind_until = self.behind_until.max(now + micros.unsigned_abs());
        }
    }

    /// Its files with their lengths.
    pub(crate) fn files(&self) -> Vec<(String, u64)> {
        let names = self.disk.list().unwrap_or_default();
        let length = |name: &String| self.disk.contents(name).map_or(0, |bytes| bytes.len() as u64);
        names.into_iter().map(|name| (name.clone(), length(&name))).collect()
    }

    /// What was done to its disk since the last look goes to the notes about a write that goes wrong, if there is one.
    pub(crate) fn note_steps(&mut self) {
        if let Some(bad) = &mut self.bad {
            bad.steps.extend(self.disk.tape());
            self.disk.record();
        }
    }

    /// The first sector of its log's newest segment can't be read any more.
    pub(crate) fn newest_segment_is_unreadable(&self) {
        let names = self.disk.list().unwrap_or_default();
        if let Some(newest) = names.into_iter().filter(|name| name.starts_with("log-")).max() {
            self.disk.make_unreadable(&newest, 0);
        }
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
        let mut clock = Clock { at: 0, shows: 100, ppm: 0 };
        clock.stand(50, 30);
        assert_eq!((clock.read(50), clock.read(80), clock.read(90)), (150, 150, 160));
        clock.jump(90, -200);
        assert_eq!((clock.read(90), clock.read(100)), (0, 10), "no clock shows less than nothing");
    }
}
