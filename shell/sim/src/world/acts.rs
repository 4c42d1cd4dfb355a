//! What is done to the world, step by step of the script, and how all is made good in the end.

use raft::NodeId;
use replica::{Input, Timer as ReplicaTimer};
use wal::memory_disk::{MemoryDisk, Operation as DiskOperation};

use super::hand_overs::Why;
use super::member::{Cut, Fate};
use super::{Event, Sight, World};
use crate::checkers::Checked;
use crate::lies::Lie;
use crate::run::{Act, Call, Network, Timer};

impl World {
    pub(super) fn script(&mut self, number: usize) -> Checked {
        let Some(step) = self.run.script.get(number) else { return Ok(()) };
        let mut act = step.act.clone();
        if self.calm {
            return Ok(());
        }
        if self.run.timing.calm_at > 0 {
            // What was to happen to somebody who is gone happens to who took its place.
            act.members_mut().into_iter().for_each(|n| *n = self.operators.stands_for(*n));
        }
        self.act(&act)
    }

    /// Does this to the world, now.
    ///
    /// # Errors
    /// What a checker found.
    pub fn act(&mut self, act: &Act) -> Checked {
        self.note(|| format!("-- {act:?}"));
        self.see(|| Sight::Acted(act.clone()));
        if act.is_fault() && !matches!(act, Act::Order { .. }) {
            self.counters.fault(act.class());
        }
        match *act {
            Act::Crash { .. } | Act::PowerLoss { .. } | Act::PowerLossAll { .. } | Act::PowerLossLeader { .. } => {
                self.take_down(act);
            }
            Act::Restart { n } => return self.start(NodeId(n)),
            Act::Rot { n, bit } => return self.rot(NodeId(n), bit),
            Act::Wipe { n } => self.wipe(NodeId(n)),
            Act::ShortSnapshot { n } => _ = self.links.short.insert(NodeId(n)),
            Act::NoHints => self.links.no_hints = true,
            Act::FlipRead { n, read, bit } => return self.flip_read(NodeId(n), read, bit),
            Act::LoseWrite { n, pick, sector, lasts, clean } => {
                let fate = sector.map_or(Fate::Lost, Fate::SectorLost);
                self.write_goes_wrong(NodeId(n), (pick, fate), lasts, clean);
            }
            Act::MisdirectWrite { n, pick, place, lasts, clean } => {
                self.write_goes_wrong(NodeId(n), (pick, Fate::Misdirected(place)), lasts, clean);
            }
            Act::Cut { .. }
            | Act::Join { .. }
            | Act::Filter { .. }
            | Act::Partition { .. }
            | Act::Isolate { .. }
            | Act::IsolateLeader
            | Act::CutPair { .. }
            | Act::Bridge { .. }
            | Act::Ring
            | Act::Deaf { .. }
            | Act::Mute { .. }
            | Act::Flap { .. }
            | Act::Clog { .. }
            | Act::Narrow { .. } => self.shape(act),
            Act::Heal => self.links.mend(),
            Act::Network(network) => self.links.weather = network,
            Act::Deliver { .. } | Act::Drop { .. } | Act::Delay { .. } | Act::Duplicate { .. } => self.meddle(act),
            Act::Snapshot { n } => self.input(NodeId(n), Input::SnapshotWanted),
            Act::AlignTimers => self.set_patience(0),
            Act::SpreadTimers => self.set_patience(self.t() / self.run.members.max(1)),
            Act::Fire { n, timer } => self.fire(NodeId(n), timer),
            Act::Write { n } => return self.log_write(NodeId(n)),
            Act::Sync { n } => return self.log_by_hand(NodeId(n)),
            Act::Timeout { n } => {
                self.fire(NodeId(n), Timer::LeaderSilent);
                self.fire(NodeId(n), Timer::Campaign);
            }
            Act::Transfer { n, to } => self.ask_to_hand_over(n, to, Why::Moves),
            Act::Stop { n } => self.stop_well(n),
            Act::Order { ref order, wish: true, .. } => self.wish(order),
            Act::Order { at, ref order, .. } => return self.order(at, order),
            Act::Client { to, ref op } => _ = self.ask_by_script(to, op),
            Act::CrashAtCall { .. }
            | Act::Pause { .. }
            | Act::SlowDisk { .. }
            | Act::FailDisk { .. }
            | Act::Unreadable { .. }
            | Act::FillDisk { .. }
            | Act::FreeDisk { .. }
            | Act::FlipSent { .. }
            | Act::Suspend { .. }
            | Act::JumpClock { .. }
            | Act::SlowNode { .. }
            | Act::OtherTimeout { .. }
            | Act::Drift { .. } => self.trouble(act),
        }
        Ok(())
    }

    fn take_down(&mut self, act: &Act) {
        match *act {
            Act::Crash { n } => self.go_down(NodeId(n), None),
            Act::PowerLoss { n, keep } => self.go_down(NodeId(n), Some(keep)),
            Act::PowerLossAll { keep } => self.ids().into_iter().for_each(|id| self.go_down(id, Some(keep))),
            Act::PowerLossLeader { keep } => {
                if let Some(leader) = self.leader() {
                    self.go_down(leader, Some(keep));
                    let down = self.t() / 2 + self.dice.below(3 * self.t());
                    self.after(down, Event::Start(leader));
                }
            }
            _ => {}
        }
    }

    /// What one member has to bear while it goes on.
    fn trouble(&mut self, act: &Act) {
        let now = self.now;
        let (Act::CrashAtCall { n, .. }
        | Act::Pause { n, .. }
        | Act::SlowDisk { n, .. }
        | Act::FailDisk { n, .. }
        | Act::Unreadable { n }
        | Act::FillDisk { n, .. }
        | Act::FreeDisk { n }
        | Act::FlipSent { n, .. }
        | Act::Suspend { n, .. }
        | Act::JumpClock { n, .. }
        | Act::SlowNode { n, .. }
        | Act::OtherTimeout { n, .. }
        | Act::Drift { n, .. }) = *act
        else {
            return;
        };
        let Some(member) = self.members.get_mut(&NodeId(n)) else { return };
        match *act {
            Act::CrashAtCall { call, keep, .. } => member.cut = Some(Cut { calls: call, keep }),
            Act::Pause { micros, .. } if member.running.is_some() => {
                member.paused_until = member.paused_until.max(now + micros);
            }
            Act::SlowDisk { micros, lasts, .. } => member.slow = (now + lasts, micros),
            Act::FailDisk { call, after, .. } => {
                member.disk_fails = true;
                member.disk.fail(operation(call), after);
            }
            Act::Unreadable { .. } => {
                member.disk_fails = true;
                member.newest_segment_is_unreadable();
            }
            Act::FillDisk { more, .. } => {
                member.full = true;
                member.disk.limit(Some(member.disk_bytes().saturating_add(more)));
            }
            Act::FreeDisk { .. } => {
                member.full = false;
                member.disk.limit(None);
            }
            Act::FlipSent { bit, .. } if member.running.is_some() => member.disk.flip_read(0, bit),
            Act::SlowNode { micros, lasts, .. } => member.busy = (now + lasts, micros),
            Act::Suspend { micros, .. } => member.suspend(now, micros),
            Act::JumpClock { micros, .. } => {
                member.clock_jumps(now, micros);
                self.look_at_timers(NodeId(n));
            }
            Act::OtherTimeout { micros, .. } => {
                member.timeout = Some(micros.max(self.run.timing.heartbeat + 1)).filter(|_| micros > 0);
            }
            Act::Drift { ppm, .. } => {
                member.clock.drift(now, ppm);
                member.other_clock.drift(now, if member.seen_drift { 0 } else { ppm });
            }
            _ => {}
        }
    }

    fn fire(&mut self, id: NodeId, timer: Timer) {
        let timer = match timer {
            Timer::LeaderSilent => raft::Timer::LeaderSilent,
            Timer::Campaign => raft::Timer::Campaign,
            Timer::Heartbeat => raft::Timer::Heartbeat,
            Timer::CheckQuorum => raft::Timer::CheckQuorum,
            Timer::Transfer => raft::Timer::Transfer,
        };
        if let Some(running) = self.running(id) {
            running.timers.retain(|(other, _)| *other != ReplicaTimer::Raft(timer));
        }
        self.input(id, Input::TimerFired(ReplicaTimer::Raft(timer)));
    }

    /// A member goes down. With the power, of what was not synced so many in a thousand reach the platter.
    pub(super) fn go_down(&mut self, id: NodeId, keep: Option<u64>) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.disk.heal_reads();
        if let Some(keep) = keep {
            // What the platter holds now is decided by another chance than what it would hold with the bad write.
            member.forget_bad_write();
            let dice = &mut member.dice;
            member.disk.crash_power(|_| dice.chance(keep));
        } else {
            member.disk.crash_process();
        }
        if member.running.is_none() {
            return;
        }
        let life = member.life;
        member.running = None;
        member.life += 1;
        member.paused_until = 0;
        self.checkers.down(id);
        self.see(|| Sight::Down { node: id, power: keep.is_some() });
        self.mark(id.0, life, 2);
        self.note(|| format!("{id} goes down{}", if keep.is_some() { ", without power" } else { "" }));
        self.connections_break(id);
    }

    /// A member loses its disk, and somebody tries to start it on the empty one again and again.
    fn wipe(&mut self, id: NodeId) {
        self.go_down(id, Some(0));
        let t = self.t();
        let Some(member) = self.members.get_mut(&id) else { return };
        member.disk = MemoryDisk::new();
        member.disk_fails = true;
        self.after(t / 2, Event::Start(id));
    }

    /// All is made good.
    pub(super) fn calm_down(&mut self) -> Checked {
        self.note(|| "-- all is made good".into());
        self.calm = true;
        self.links.mend();
        self.links.weather = Network::good();
        if self.lies(Lie::NeverHealed) {
            let last = NodeId(self.run.members);
            self.links.broken = self.ids().into_iter().map(|id| (id, last)).collect();
        }
        let now = self.now;
        for id in self.ids() {
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.disk.limit(None);
            member.disk.heal();
            (member.full, member.slow, member.cut) = (false, (0, 0), None);
            member.busy = (member.busy.0.min(now), 0);
            member.forget_bad_write();
            member.clock.drift(now, 0);
            member.other_clock.drift(now, 0);
            self.wake(id);
            self.after(self.run.timing.election_timeout / 10, Event::Start(id));
        }
        self.after(self.heal_bound(), Event::LastRequests);
        Ok(())
    }
}

fn operation(call: Call) -> DiskOperation {
    match call {
        Call::Read => DiskOperation::Read,
        Call::Write => DiskOperation::Write,
        Call::Sync => DiskOperation::Sync,
        Call::Rename => DiskOperation::Rename,
        Call::SyncDir => DiskOperation::SyncDir,
        Call::Open => DiskOperation::Open,
        Call::Create => DiskOperation::Create,
    }
}
