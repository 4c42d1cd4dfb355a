//! What members do with their disks, call by call: starting, writing and syncing the log, the storeroom's jobs. Write and sync
//! are two events; and at any call to the disk, and between the sectors of one, a member may go down.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use raft::{Configuration, NodeId};
use replica::transfers::{Pace, Receiving, Sending};
use replica::{ClockWatch, First, Input, Own, StartError, Started};
use wal::memory_disk::MemoryDisk;
use wal::snapshot_file;
use wal::{Options, Wal, WriteError};

use super::member::Cut;
use super::transfers::CHUNK_BYTES;
use super::{Event, Job, Running, Sight, World};
use crate::checkers::Checked;
use crate::lies::Lie;
use crate::machine::{Machine, Wrong};
use crate::rules;

impl World {
    /// How long a call to the disk takes.
    pub(super) fn disk_delay(&mut self, id: NodeId, usual: u64) -> u64 {
        let now = self.now;
        let Some(member) = self.members.get_mut(&id) else { return 0 };
        let (until, micros) = member.slow;
        let most = if until > now { micros } else { 3 * usual };
        member.dice.between(usual / 4, most.max(usual / 4))
    }

    /// Perhaps the member goes down in the middle of what comes now: then its disk as it is before is given.
    pub(super) fn cut_ahead(&mut self, id: NodeId) -> Option<MemoryDisk> {
        let member = self.members.get_mut(&id)?;
        member.cut?;
        member.note_steps();
        let before = member.disk.fork();
        member.disk.record();
        Some(before)
    }

    /// If the call to go down at was among those made since `before`: the disk is as it was then, and true.
    pub(super) fn cut_behind(&mut self, id: NodeId, before: &Option<MemoryDisk>) -> bool {
        let Some(before) = before else { return false };
        let t = self.t();
        let Some(member) = self.members.get_mut(&id) else { return false };
        let Some(Cut { calls, keep }) = member.cut else { return false };
        let tape = member.disk.tape();
        let Some(step) = usize::try_from(calls).ok().and_then(|calls| tape.get(calls)) else {
            member.cut = Some(Cut { calls: calls - tape.len() as u64, keep });
            return false;
        };
        for made in tape.iter().take(usize::try_from(calls).unwrap_or(0)) {
            before.play(made);
        }
        if step.sectors() > 1 {
            before.play_cut(step, member.dice.place(step.sectors()));
        }
        member.disk = before.clone();
        member.cut = None;
        member.forget_bad_write();
        let down = t / 10 + member.dice.below(4 * t);
        self.counters.path("crash inside disk work");
        self.go_down(id, keep);
        self.after(down, Event::Start(id));
        true
    }

    pub(super) fn options(&self, life_seed: u64) -> Options {
        Options { segment_bytes: self.run.limits.segment_bytes, ..Options::new(life_seed) }
    }

    pub(super) fn own(id: NodeId) -> Own {
        Own::new(1000 + id.0, Some(Bytes::from(format!("member {id}"))))
    }

    /// What a member starts with in an empty folder.
    pub(super) fn first(&self, id: NodeId) -> First<Machine> {
        let told = self.members.get(&id).and_then(|member| member.told.clone());
        let founders = || Configuration::of_voters((1..=self.run.members).map(NodeId));
        let mut configuration = told.unwrap_or_else(founders);
        configuration.settings = self.run.settings();
        if self.run.described || !self.run.initial.is_empty() {
            // Members that ran before have described themselves: no entry of their own is in the way of a figure.
            for (id, member) in &mut configuration.members {
                let Own { disk, info, .. } = Self::own(*id);
                *member = raft::Member { disk, info: info.unwrap_or_default() };
            }
        }
        First { configuration, machine: Machine::default() }
    }

    // ---- start --------------------------------------------------------------------------------------------------------

    pub(super) fn start(&mut self, id: NodeId) -> Checked {
        let mut config = self.run.replica_config();
        if self.lies(Lie::LimitForgotten) {
            config.requests_max = 100_000;
        }
        if let Some(timeout) = self.members.get(&id).and_then(|member| member.timeout) {
            config.election_timeout = timeout;
        }
        let lie = self.lies(Lie::OldDisk);
        let first = self.first(id);
        let Some(member) = self.members.get_mut(&id).filter(|member| member.running.is_none()) else { return Ok(()) };
        if lie {
            let old = member.old_disk.get_or_insert_with(|| member.disk.fork());
            if member.incarnation > 2 {
                member.disk = old.fork();
            } else if member.incarnation == 2 {
                *old = member.disk.fork();
            }
        }
        let first = (!member.claimed).then_some(first);
        let (life_seed, disk) = (member.dice.roll(), member.disk.clone());
        let options = self.options(life_seed);
        let reset = is_reset_due(&disk, options);
        let before = self.cut_ahead(id);
        let started = replica::start(disk, id, options, config, first, Self::own(id));
        if self.cut_behind(id, &before) {
            self.counters.path("crash while starting");
            return Ok(());
        }
        match started {
            Ok(started) => {
                if reset {
                    self.counters.path("log reset at start");
                }
                self.begin(id, started)
            }
            Err(error) => self.start_failed(id, &error),
        }
    }

    fn begin(&mut self, id: NodeId, mut started: Started<Machine, MemoryDisk>) -> Checked {
        let rules = rules::without(&self.run.rules_off);
        started.replica = started.replica.with_raft(|raft| raft.with_rules(rules));
        self.note(|| format!("{id} starts, life {}: {}", started.incarnation, started.replica.inspect()));
        self.mark(id.0, started.incarnation, 1);
        if started.torn.is_some() {
            self.counters.path("torn tail cut");
        }
        let t = self.t();
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        let timeout = member.timeout.unwrap_or(t);
        if started.incarnation <= member.incarnation {
            let (is, was) = (started.incarnation, member.incarnation);
            return Self::fail("start", format!("{id} starts as life {is} of its disk, and was {was} before"));
        }
        member.incarnation = started.incarnation;
        member.snapshot = started.replica.inspect().log().base().index.0.max(newest_snapshot(&member.disk));
        member.claimed = true;
        self.checkers.started(&started.replica)?;
        let storeroom = started.storeroom.with_chunks_of(CHUNK_BYTES);
        member.running = Some(Running {
            replica: started.replica,
            log: started.log,
            sending: Sending::new(storeroom.clone()),
            storeroom,
            inbox: Vec::new(),
            watch: ClockWatch::default(),
            timeout,
            woken: 0,
            met: BTreeMap::new(),
            awake: false,
            timers: Vec::with_capacity(5),
            armed: BTreeMap::new(),
            patience: None,
            arrived: Vec::new(),
            look_at: u64::MAX,
            write: None,
            written: false,
            completed: None,
            jobs: VecDeque::new(),
            working: false,
            room: true,
            receiving: Receiving::default(),
            pace: Pace::new(self.run.network.snapshot_rate),
        });
        self.see(|| Sight::Started(id));
        self.plant(id);
        self.chores(id);
        self.wake(id);
        Ok(())
    }

    /// Lies of a state machine.
    fn plant(&mut self, id: NodeId) {
        let wrong = match self.run.lie {
            Some(Lie::CommandSkipped) if id == NodeId(2) => Wrong::Skip,
            Some(Lie::CommandTwice) if id == NodeId(2) => Wrong::Twice,
            Some(Lie::RevisionTwice) => Wrong::TwiceAlways,
            _ => return,
        };
        if let Some(running) = self.running(id) {
            running.replica.machine().lie.set(Some(wrong));
        }
    }

    fn start_failed(&mut self, id: NodeId, error: &StartError) -> Checked {
        self.note(|| format!("{id} can't start: {error}"));
        self.see(|| Sight::NotStarted(id, error.to_string()));
        let t = self.t();
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        if !member.full && !member.disk_fails {
            return Self::fail("start", format!("{id} can't start: {error}"));
        }
        // Somebody looks at it: the failure was for once, and room is made sooner or later.
        member.disk.heal();
        if !member.full || member.dice.chance(300) {
            member.full = false;
            member.disk.limit(None);
        }
        self.counters.path("start refused by a full or failing disk");
        self.after(t / 2, Event::Start(id));
        Ok(())
    }

    // ---- the log ------------------------------------------------------------------------------------------------------

    /// A script says that the write under way is durable now.
    pub(super) fn log_by_hand(&mut self, id: NodeId) -> Checked {
        match self.running(id).map(|running| (running.write.is_some(), running.written)) {
            Some((true, false)) => self.log_write(id).and_then(|()| self.log_sync(id)),
            Some((true, true)) => self.log_sync(id),
            Some((false, _)) | None => Ok(()),
        }
    }

    pub(super) fn log_write(&mut self, id: NodeId) -> Checked {
        if let Some(lie) = self.run.lie
            && self.log_write_with(id, lie)
        {
            return Ok(());
        }
        let before = self.cut_ahead(id);
        let life = self.life(id);
        let Some(running) = self.running(id) else { return Ok(()) };
        let Some(write) = &running.write else { return Ok(()) };
        let result = running.log.write(write);
        if self.cut_behind(id, &before) {
            return Ok(());
        }
        self.tell_room(id);
        match result {
            Ok(()) => {
                let delay = self.disk_delay(id, self.run.timing.disk);
                if let Some(running) = self.running(id) {
                    running.written = true;
                }
                if !self.run.timing.disks_by_hand {
                    self.after(delay, Event::LogSync(id, life));
                }
                self.tell_again(id);
                Ok(())
            }
            Err(WriteError::NoRoom) => {
                self.counters.path("write that waited for room");
                let wait = self.t() / 5;
                self.after(wait, Event::LogWrite(id, life));
                Ok(())
            }
            Err(error) => self.log_failed(id, &error),
        }
    }

    /// Once in a while an earlier completion is told once more while the next write is under way: it says nothing.
    fn tell_again(&mut self, id: NodeId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let due = member.dice.chance(125);
        let Some(running) = &mut member.running else { return };
        if let Some(ticket) = running.completed.filter(|_| due) {
            running.inbox.push(Input::Written(ticket));
            self.counters.path("completion told twice");
            self.wake(id);
        }
    }

    /// The same by a driver that makes a mistake. Says whether there is nothing left to do.
    fn log_write_with(&mut self, id: NodeId, lie: Lie) -> bool {
        let Some(running) = self.running(id) else { return true };
        let Some(write) = &mut running.write else { return true };
        let ticket = write.ticket;
        match lie {
            Lie::TruncationDropped => {
                write.truncate = None;
                return false;
            }
            Lie::VoteNotWritten if write.entries.is_empty() && write.base.is_none() && write.truncate.is_none() => {}
            Lie::WrittenBeforeSync => {
                let written = running.log.sync().and_then(|_| running.log.write(write));
                if written.is_err() {
                    return false;
                }
            }
            _ => return false,
        }
        running.write = None;
        running.inbox.push(Input::Written(ticket));
        self.wake(id);
        true
    }

    pub(super) fn log_sync(&mut self, id: NodeId) -> Checked {
        let lie = self.lies(Lie::SyncDoesNothing);
        let before = self.cut_ahead(id);
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        let Some(running) = member.running.as_mut() else { return Ok(()) };
        if lie {
            // The call returns and nothing reaches the platter: what the log believes then is the disk's lie.
            member.disk.lose_syncs(true);
        }
        let result = running.log.sync();
        member.disk.lose_syncs(false);
        if self.cut_behind(id, &before) {
            return Ok(());
        }
        let Some(running) = self.running(id) else { return Ok(()) };
        match result {
            Ok(ticket) => {
                let write = running.write.take();
                running.written = false;
                let last = write.as_ref().and_then(|write| write.entries.last()).map(raft::Entry::position);
                let view = running.replica.inspect();
                let stale = last.is_some_and(|last| view.log().position_at(last.index) != Some(last));
                running.completed = ticket.or(running.completed);
                running.inbox.extend(ticket.map(Input::Written));
                if stale {
                    self.counters.path("stale completion ignored");
                }
                self.wake(id);
                self.tell_room(id);
                self.chores(id);
                Ok(())
            }
            Err(error) => self.log_failed(id, &error),
        }
    }

    fn log_failed(&mut self, id: NodeId, error: &WriteError) -> Checked {
        self.note(|| format!("{id}: {error}"));
        let t = self.t();
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        if !member.disk_fails {
            return Self::fail("disk", format!("{id}: {error}"));
        }
        let down = t + member.dice.below(4 * t);
        self.counters.path("member stopped by a failed disk");
        self.go_down(id, None);
        self.after(down, Event::Start(id));
        Ok(())
    }

    fn tell_room(&mut self, id: NodeId) {
        let Some(running) = self.running(id) else { return };
        let room = running.log.has_room();
        if running.room != room {
            running.room = room;
            running.inbox.push(Input::Room(room));
            self.wake(id);
            self.counters.path(if room { "room for the log again" } else { "no room for the log" });
        }
    }

    // ---- the storeroom ------------------------------------------------------------------------------------------------

    pub(super) fn chores(&mut self, id: NodeId) {
        while let Some(chore) = self.running(id).and_then(|running| running.log.next_chore()) {
            self.employ(id, Job::Chore(chore));
        }
    }

    pub(super) fn employ(&mut self, id: NodeId, job: Job) {
        let Some(running) = self.running(id) else { return };
        running.jobs.push_back(job);
        if !running.working {
            running.working = true;
            self.next_job(id, 2 * self.run.timing.disk);
        }
    }

    pub(super) fn snapshot_is_here(&mut self, id: NodeId, index: raft::Index) {
        if let Some(member) = self.members.get_mut(&id) {
            member.snapshot = member.snapshot.max(index.0);
        }
    }

    fn next_job(&mut self, id: NodeId, usual: u64) {
        let delay = self.disk_delay(id, usual);
        let life = self.life(id);
        self.after(delay, Event::Job(id, life));
    }

    pub(super) fn job(&mut self, id: NodeId) -> Checked {
        let before = self.cut_ahead(id);
        let Some(running) = self.running(id) else { return Ok(()) };
        let Some(job) = running.jobs.pop_front() else { return Ok(()) };
        let (mut path, mut taken) = (None, None);
        let done = match job {
            Job::Chore(chore) => {
                let done = running.storeroom.perform(&chore).is_ok();
                running.log.chore_ended(&chore, done);
                done
            }
            Job::Take(snapshot) => {
                let index = snapshot.position.index;
                let done = running.storeroom.take(*snapshot).is_ok();
                running.inbox.push(if done { Input::SnapshotTaken(index) } else { Input::SnapshotFailed });
                path = Some(if done { "snapshot taken" } else { "snapshot failed" });
                taken = done.then_some(index);
                done
            }
        };
        if self.cut_behind(id, &before) {
            return Ok(());
        }
        if let Some(index) = taken {
            self.snapshot_is_here(id, index);
            self.see(|| Sight::SnapshotTaken(id, index));
        }
        if let Some(path) = path {
            self.counters.path(path);
            self.wake(id);
        }
        self.tell_room(id);
        self.chores(id);
        let (t, usual) = (self.t(), 2 * self.run.timing.disk);
        let Some(running) = self.running(id) else { return Ok(()) };
        running.working = !running.jobs.is_empty();
        if running.working {
            self.next_job(id, if done { usual } else { t / 4 });
        }
        Ok(())
    }
}

/// What the newest snapshot of this disk covers.
fn newest_snapshot(disk: &MemoryDisk) -> u64 {
    snapshot_file::newest(disk).ok().flatten().map_or(0, |newest| newest.position.index)
}

/// Whether a start on this disk finds a snapshot that is not on its log.
fn is_reset_due(disk: &MemoryDisk, options: Options) -> bool {
    let copy = disk.fork();
    copy.limit(None);
    copy.heal();
    let Ok(Some(newest)) = snapshot_file::newest(&copy) else { return false };
    let Ok((_, recovered)) = Wal::open(copy, options) else { return false };
    let snapshot = newest.position;
    let is_it = |entry: &wal::Entry| (entry.index, entry.term) == (snapshot.index, snapshot.term);
    recovered.base != snapshot && !recovered.entries.iter().any(is_it)
}
