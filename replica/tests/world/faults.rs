//! What goes wrong, and how it is made good in the end.

use raft::NodeId;
use wal::memory_disk::Operation;

use crate::profile::T;
use crate::world::{Event, World};

impl World {
    /// One more thing goes wrong, or right again.
    pub(crate) fn fault(&mut self) {
        if self.calm {
            return;
        }
        let pace = self.profile.fault_pace;
        let delay = self.dice.between(pace / 4, 2 * pace);
        self.after(delay, Event::Fault);
        let ids = self.ids();
        let id = self.dice.pick(&ids);
        match self.dice.below(16) {
            0 | 1 => self.crash(id, false),
            2 | 3 => self.crash(id, true),
            4 => self.crash_leader(),
            5 => self.crash_all(),
            6 | 7 => self.split(),
            8 => self.break_link(id),
            9 => self.break_one_way(id),
            10 | 11 => {
                self.note(|_| "links are whole".into());
                self.network.broken.clear();
            }
            12 => self.pause(id),
            13 => self.slow_down(id),
            14 => self.fill_disk(id),
            _ => self.fail_disk(id),
        }
    }

    pub(crate) fn crash(&mut self, id: NodeId, power: bool) {
        let down = self.dice.between(T / 10, 4 * T);
        let (all, none) = (self.dice.chance(200), self.dice.chance(300));
        let Some(member) = self.members.get_mut(&id) else { return };
        let life = member.life;
        member.running = None;
        member.life += 1;
        member.paused_until = 0;
        if power {
            let dice = &mut self.dice;
            member.disk.crash_power(|_| all || (!none && dice.chance(500)));
        } else {
            member.disk.crash_process();
        }
        self.oracle.down(id, life);
        self.note(|_| format!("{id} goes down{}", if power { ", without power" } else { "" }));
        self.count(if power { "crashes by power" } else { "crashes of the process" });
        self.after(down, Event::Start(id));
    }

    fn crash_leader(&mut self) {
        let leads = |world: &mut Self, id| world.running(id).is_some_and(|one| one.replica.inspect().is_leader());
        if let Some(leader) = self.ids().into_iter().find(|id| leads(self, *id)) {
            let power = self.dice.chance(500);
            self.crash(leader, power);
        }
    }

    fn crash_all(&mut self) {
        self.count("crashes of all members");
        let power = self.dice.chance(700);
        for id in self.ids() {
            self.crash(id, power);
        }
    }

    fn split(&mut self) {
        let ids = self.ids();
        let side: Vec<NodeId> = ids.iter().copied().filter(|_| self.dice.chance(500)).collect();
        self.note(|_| format!("{side:?} are cut off"));
        self.network.broken.clear();
        for one in &ids {
            for other in ids.iter().filter(|other| side.contains(one) != side.contains(other)) {
                self.network.broken.insert((*one, *other));
            }
        }
        self.count("partitions");
    }

    fn break_link(&mut self, id: NodeId) {
        let ids = self.ids();
        let other = self.dice.pick(&ids);
        self.note(|_| format!("no link between {id} and {other}"));
        self.network.broken.extend([(id, other), (other, id)]);
    }

    fn break_one_way(&mut self, id: NodeId) {
        let ids = self.ids();
        let deaf = self.dice.chance(500);
        self.note(|_| format!("{id} {}", if deaf { "hears nothing" } else { "is not heard" }));
        let links = ids.into_iter().map(|other| if deaf { (other, id) } else { (id, other) });
        self.network.broken.extend(links);
        self.count("one-way partitions");
    }

    fn pause(&mut self, id: NodeId) {
        let pause = self.dice.between(T / 4, 3 * T);
        self.note(|_| format!("{id} stands still"));
        if let Some(member) = self.members.get_mut(&id) {
            member.paused_until = member.paused_until.max(self.now + pause);
            self.count("processes stopped for a while");
        }
    }

    fn slow_down(&mut self, id: NodeId) {
        let slow = self.dice.between(T, 5 * T);
        self.note(|_| format!("{id} has a slow disk"));
        if let Some(member) = self.members.get_mut(&id) {
            member.slow_until = self.now + slow;
            self.count("slow disks");
        }
    }

    fn fill_disk(&mut self, id: NodeId) {
        let more = self.dice.below(2 * self.profile.segment_bytes);
        if !self.profile.full_disks {
            return;
        }
        let Some(member) = self.members.get_mut(&id) else { return };
        member.full = !member.full;
        let limit = member.disk_bytes() + more;
        member.disk.limit(member.full.then_some(limit));
        let full = member.full;
        self.note(|_| format!("{id} has a disk that is {}", if full { "nearly full" } else { "large enough" }));
        self.count("disks nearly full");
    }

    fn fail_disk(&mut self, id: NodeId) {
        let operation = self.dice.pick(&[Operation::Write, Operation::Sync, Operation::Rename, Operation::SyncDir]);
        let after = self.dice.below(12);
        self.note(|_| format!("{id} has a disk that fails {operation:?} after {after}"));
        if let Some(member) = self.members.get_mut(&id) {
            member.disk_fails = true;
            member.disk.fail(operation, after);
            self.count("disks that fail");
        }
    }

    /// All is made good.
    pub(crate) fn calm_down(&mut self) {
        self.note(|_| "all is well".into());
        self.calm = true;
        self.network.broken.clear();
        for id in self.ids() {
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.disk.limit(None);
            member.full = false;
            member.slow_until = 0;
            if member.disk_fails {
                // It may have met the failure already and not know it yet.
                member.disk.heal();
            }
            self.wake(id);
            self.after(T / 10, Event::Start(id));
        }
        self.after(12 * T, Event::LastRequests);
    }
}
