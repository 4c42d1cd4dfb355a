//! What is done to the world, step by step of the script, and how all is made good in the end.

use raft::NodeId;
use replica::{Input, Timer as ReplicaTimer};
use wal::Disk as _;
use wal::memory_disk::{MemoryDisk, Operation as DiskOperation};

use super::member::Cut;
use super::{Event, World};
use crate::checkers::Checked;
use crate::lies::Lie;
use crate::run::{Act, Call, Network, Timer};

impl World {
    pub(super) fn script(&mut self, number: usize) -> Checked {
        let Some(step) = self.run.script.get(number) else { return Ok(()) };
        let act = step.act.clone();
        if self.calm {
            return Ok(());
        }
        self.act(&act)
    }

    /// Does this to the world, now.
    ///
    /// # Errors
    /// What a checker found.
    pub fn act(&mut self, act: &Act) -> Checked {
        self.note(|| format!("-- {act:?}"));
        if act.is_fault() {
            self.counters.fault(act.class());
        }
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
            Act::Restart { n } => return self.start(NodeId(n)),
            Act::Rot { n, bit } => return self.rot(NodeId(n), bit),
            Act::Cut { from, to } => {
                self.links.broken.insert((NodeId(from), NodeId(to)));
            }
            Act::Join { from, to } => {
                self.links.broken.remove(&(NodeId(from), NodeId(to)));
            }
            Act::Filter { from, to, ref kind, lost } => {
                let link = (NodeId(from), NodeId(to), kind.clone());
                if lost {
                    self.links.filtered.insert(link);
                } else {
                    self.links.filtered.remove(&link);
                }
            }
            Act::Partition { ref groups } => self.partition(groups),
            Act::IsolateLeader => {
                if let Some(leader) = self.leader() {
                    self.partition(&[self.ids().into_iter().filter(|id| *id != leader).map(|id| id.0).collect()]);
                }
            }
            Act::Heal => {
                self.links.broken.clear();
                self.links.filtered.clear();
            }
            Act::Network(network) => self.links.weather = network,
            Act::Deliver { msg } => {
                if let Some((from, to, message)) = self.links.held.get(&msg).cloned() {
                    self.deliver(from, to, message);
                }
            }
            Act::Fire { n, timer } => self.fire(NodeId(n), timer),
            Act::Timeout { n } => {
                self.fire(NodeId(n), Timer::LeaderSilent);
                self.fire(NodeId(n), Timer::Campaign);
            }
            Act::Client { to, ref op } => {
                self.ask_by_script(to, op);
            }
            Act::CrashAtCall { .. }
            | Act::Pause { .. }
            | Act::SlowDisk { .. }
            | Act::FailDisk { .. }
            | Act::FillDisk { .. }
            | Act::FreeDisk { .. }
            | Act::Drift { .. } => self.trouble(act),
        }
        Ok(())
    }

    /// What one member has to bear while it goes on.
    fn trouble(&mut self, act: &Act) {
        let now = self.now;
        let (Act::CrashAtCall { n, .. }
        | Act::Pause { n, .. }
        | Act::SlowDisk { n, .. }
        | Act::FailDisk { n, .. }
        | Act::FillDisk { n, .. }
        | Act::FreeDisk { n }
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
            Act::FillDisk { more, .. } => {
                member.full = true;
                member.disk.limit(Some(member.disk_bytes() + more));
            }
            Act::FreeDisk { .. } => {
                member.full = false;
                member.disk.limit(None);
            }
            Act::Drift { ppm, .. } => member.clock.drift(now, ppm),
            _ => {}
        }
    }

    fn partition(&mut self, groups: &[Vec<u64>]) {
        self.links.broken.clear();
        let group_of = |id: NodeId| groups.iter().position(|group| group.contains(&id.0));
        for from in self.ids() {
            for to in self.ids() {
                let same = group_of(from).is_some() && group_of(from) == group_of(to);
                if from != to && !same {
                    self.links.broken.insert((from, to));
                }
            }
        }
    }

    fn fire(&mut self, id: NodeId, timer: Timer) {
        let timer = match timer {
            Timer::LeaderSilent => raft::Timer::LeaderSilent,
            Timer::Campaign => raft::Timer::Campaign,
            Timer::Heartbeat => raft::Timer::Heartbeat,
            Timer::CheckQuorum => raft::Timer::CheckQuorum,
        };
        if let Some(running) = self.running(id) {
            running.timers.retain(|(other, _)| *other != ReplicaTimer::Raft(timer));
        }
        self.input(id, Input::TimerFired(ReplicaTimer::Raft(timer)));
    }

    /// A member goes down. With the power, of what was not synced so many in a thousand reach the platter.
    pub(super) fn go_down(&mut self, id: NodeId, keep: Option<u64>) {
        let Some(member) = self.members.get_mut(&id) else { return };
        if let Some(keep) = keep {
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
        self.mark(id.0, life, 2);
        self.note(|| format!("{id} goes down{}", if keep.is_some() { ", without power" } else { "" }));
        self.connections_break(id);
    }

    /// A bit rots while the member is cleanly stopped. A start must refuse, or lack nothing.
    fn rot(&mut self, id: NodeId, bit: u64) -> Checked {
        let t = self.t();
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        let (fails, full) = (member.disk_fails, member.full);
        let Some(mut running) = member.running.take() else { return Ok(()) };
        let clean = !fails && !full && running.log.sync().is_ok() && running.log.seal().is_ok();
        let (disk, down) = (member.disk.fork(), t / 2 + member.dice.below(2 * t));
        member.life += 1;
        member.paused_until = 0;
        member.disk.crash_process();
        self.checkers.down(id);
        self.connections_break(id);
        self.after(down, Event::Start(id));
        if clean { self.judge_rot(id, &disk, bit) } else { Ok(()) }
    }

    fn judge_rot(&mut self, id: NodeId, disk: &MemoryDisk, bit: u64) -> Checked {
        let good = disk.fork();
        let Some((name, byte, turned)) = turn_bit(disk, bit) else { return Ok(()) };
        let options = self.options(7);
        let config = self.run.replica_config();
        let rotten = replica::start(disk.clone(), id, options, config, Some(self.first()), Self::own(id));
        match rotten {
            Err(error) => {
                self.counters.path("rot refused");
                self.note(|| format!("{id} has rot in byte {byte} of {name}: {error}"));
                Ok(())
            }
            Ok(rotten) => {
                let whole = replica::start(good, id, options, config, Some(self.first()), Self::own(id));
                let Ok(whole) = whole else {
                    return Self::fail("rot", format!("{id} does not start after a clean stop"));
                };
                self.counters.path("rot that does not matter");
                let (is, was) = (rotten.replica.inspect(), whole.replica.inspect());
                let same = is.hard_state() == was.hard_state()
                    && is.log().base() == was.log().base()
                    && is.log().iter().eq(was.log().iter())
                    && is.configuration() == was.configuration()
                    && rotten.replica.machine().chain() == whole.replica.machine().chain();
                if same {
                    return Ok(());
                }
                let what =
                    format!("bit {turned} of byte {byte} of {name} rots, and {id} starts as {is}, whole it is {was}");
                Self::fail("rot", what)
            }
        }
    }

    /// All is made good.
    pub(super) fn calm_down(&mut self) -> Checked {
        self.note(|| "-- all is made good".into());
        self.calm = true;
        self.links.broken.clear();
        self.links.filtered.clear();
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
            member.clock.drift(now, 0);
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

/// Turns one bit of all files together; says in which file, byte and bit.
fn turn_bit(disk: &MemoryDisk, bit: u64) -> Option<(String, usize, u64)> {
    let mut names = disk.list().unwrap_or_default();
    names.sort();
    let length = |name: &String| disk.contents(name).map_or(0, |bytes| bytes.len() as u64);
    let total: u64 = names.iter().map(length).sum();
    let mut byte = (bit / 8).checked_rem(total)?;
    for name in names {
        let length = length(&name);
        if byte < length {
            let at = usize::try_from(byte).ok()?;
            disk.rot(&name, |bytes| {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (bit % 8);
                }
            });
            return Some((name, at, bit % 8));
        }
        byte -= length;
    }
    None
}
