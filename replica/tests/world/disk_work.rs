//! What members do with their disks, call by call: starting, writing and syncing the log, the storeroom's jobs. Between any
//! two calls, and between the sectors of one, a member may go down.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use quorate_replica::{First, Input, Own, StartError, Started};
use raft::{Configuration, NodeId};
use wal::memory_disk::MemoryDisk;
use wal::snapshot_file;
use wal::{Options, Wal, WriteError};

use crate::bugs::Bug;
use crate::journal::Journal;
use crate::member::{Job, Running};
use crate::oracle::Checked;
use crate::profile::T;
use crate::world::{Event, World};

impl World {
    /// How long a call to the disk takes.
    pub(crate) fn disk_delay(&mut self, id: NodeId, usual: u64) -> u64 {
        let slow = self.members.get(&id).is_some_and(|member| member.slow_until > self.now);
        let most = if slow { 3 * T / 2 } else { 3 * usual };
        self.dice.between(usual / 4, most)
    }

    /// Perhaps the member goes down in the middle of what comes now: then its disk as it is before is given.
    pub(crate) fn cut_ahead(&mut self, id: NodeId) -> Option<MemoryDisk> {
        if self.calm || !self.dice.chance(self.profile.cut) {
            return None;
        }
        let disk = &self.members.get(&id)?.disk;
        let before = disk.fork();
        disk.record();
        Some(before)
    }

    /// The member went down in the middle: of its calls to the disk since `before` only some were made.
    pub(crate) fn cut(&mut self, id: NodeId, before: MemoryDisk) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let tape = member.disk.tape();
        let made = self.dice.place(tape.len() + 1);
        tape[..made].iter().for_each(|step| before.play(step));
        if let Some(step) = tape.get(made)
            && step.sectors() > 1
        {
            before.play_cut(step, self.dice.place(step.sectors()));
        }
        member.disk = before;
        self.count("crashes in the middle of work on the disk");
        let power = self.dice.chance(600);
        self.crash(id, power);
    }

    // ---- start --------------------------------------------------------------------------------------------------------

    pub(crate) fn start(&mut self, id: NodeId) -> Checked {
        let nodes: Vec<NodeId> = self.ids();
        let life_seed = self.dice.roll();
        let (segment_bytes, config) = (self.profile.segment_bytes, self.profile.config);
        let Some(member) = self.members.get_mut(&id).filter(|member| member.running.is_none()) else { return Ok(()) };
        member.clock = self.dice.below(1_000_000);
        let first = || First { configuration: Configuration::of_voters(nodes), machine: Journal::default() };
        let first = (!member.claimed).then(first);
        let options = Options { segment_bytes, ..Options::new(life_seed) };
        let own = Own::new(1000 + id.0, Some(Bytes::from(format!("member {id}"))));
        let disk = member.disk.clone();
        let reset = is_reset_due(&disk, options);
        let before = self.cut_ahead(id);
        let started = quorate_replica::start(disk, id, options, config, first, own);
        if let Some(before) = before {
            drop(started);
            self.count("crashes while starting");
            self.cut(id, before);
            return Ok(());
        }
        match started {
            Ok(started) => {
                if reset {
                    self.count("logs reset at start");
                }
                self.begin(id, started)
            }
            Err(error) => self.start_failed(id, &error),
        }
    }

    fn begin(&mut self, id: NodeId, started: Started<Journal, MemoryDisk>) -> Checked {
        self.note(|_| format!("{id} starts, life {}: {}", started.incarnation, started.replica.inspect()));
        if started.torn.is_some() {
            self.count("torn batches cut");
        }
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        if started.incarnation <= member.incarnation {
            return Err(format!("{id} starts as {}, and was {} before", started.incarnation, member.incarnation));
        }
        member.incarnation = started.incarnation;
        member.claimed = true;
        member.running = Some(Running {
            replica: started.replica,
            log: started.log,
            storeroom: started.storeroom,
            inbox: Vec::new(),
            awake: false,
            timers: BTreeMap::new(),
            write: None,
            jobs: VecDeque::new(),
            working: false,
            room: true,
            compared: 0,
            receiving: false,
            question: None,
        });
        self.oracle.ledger.restarted(id);
        self.count("starts");
        self.chores(id);
        self.wake(id);
        Ok(())
    }

    fn start_failed(&mut self, id: NodeId, error: &StartError) -> Checked {
        self.note(|_| format!("{id} can't start: {error}"));
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        if !member.full && !member.disk_fails {
            return Err(format!("{id} can't start: {error}"));
        }
        member.disk.heal();
        if !member.full || self.dice.chance(300) {
            member.full = false;
            member.disk.limit(None);
        }
        self.count("starts refused by a full or failing disk");
        self.after(T / 2, Event::Start(id));
        Ok(())
    }

    // ---- the log ------------------------------------------------------------------------------------------------------

    pub(crate) fn log_write(&mut self, id: NodeId) -> Checked {
        if let Some(bug) = self.bug
            && self.log_write_with(id, bug)
        {
            return Ok(());
        }
        let before = self.cut_ahead(id);
        let life = self.members.get(&id).map_or(0, |member| member.life);
        let Some(running) = self.running(id) else { return Ok(()) };
        let Some(write) = &running.write else { return Ok(()) };
        let result = running.log.write(write);
        if let Some(before) = before {
            self.cut(id, before);
            return Ok(());
        }
        self.tell_room(id);
        match result {
            Ok(()) => {
                let delay = self.disk_delay(id, 400);
                self.after(delay, Event::LogSync(id, life));
                Ok(())
            }
            Err(WriteError::NoRoom) => {
                self.count("writes that waited for room");
                self.after(T / 5, Event::LogWrite(id, life));
                Ok(())
            }
            Err(error) => self.log_failed(id, &error),
        }
    }

    /// The same by a driver that makes a mistake. Says whether there is nothing left to do.
    fn log_write_with(&mut self, id: NodeId, bug: Bug) -> bool {
        let Some(running) = self.running(id) else { return true };
        let Some(write) = &mut running.write else { return true };
        let ticket = write.ticket;
        match bug {
            Bug::TruncationDropped => {
                write.truncate = None;
                return false;
            }
            Bug::VoteNotWritten if write.entries.is_empty() && write.base.is_none() && write.truncate.is_none() => {}
            Bug::WrittenBeforeSync => {
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

    pub(crate) fn log_sync(&mut self, id: NodeId) -> Checked {
        let before = self.cut_ahead(id);
        let Some(running) = self.running(id) else { return Ok(()) };
        let result = running.log.sync();
        if let Some(before) = before {
            self.cut(id, before);
            return Ok(());
        }
        match result {
            Ok(ticket) => {
                running.write = None;
                running.inbox.extend(ticket.map(Input::Written));
                self.wake(id);
                self.tell_room(id);
                self.chores(id);
                Ok(())
            }
            Err(error) => self.log_failed(id, &error),
        }
    }

    fn log_failed(&mut self, id: NodeId, error: &WriteError) -> Checked {
        self.note(|_| format!("{id}: {error}"));
        if !self.members.get(&id).is_some_and(|member| member.disk_fails) {
            return Err(format!("{id}: {error}"));
        }
        self.count("members stopped by a failed disk");
        self.crash(id, false);
        Ok(())
    }

    fn tell_room(&mut self, id: NodeId) {
        let Some(running) = self.running(id) else { return };
        let room = running.log.has_room();
        if running.room != room {
            running.room = room;
            running.inbox.push(Input::Room(room));
            self.wake(id);
            self.count(if room { "times there was room again" } else { "times there was no room" });
        }
    }

    // ---- the storeroom ------------------------------------------------------------------------------------------------

    fn chores(&mut self, id: NodeId) {
        while let Some(chore) = self.running(id).and_then(|running| running.log.next_chore()) {
            self.employ(id, Job::Chore(chore));
        }
    }

    pub(crate) fn employ(&mut self, id: NodeId, job: Job) {
        let Some(running) = self.running(id) else { return };
        running.jobs.push_back(job);
        if !running.working {
            running.working = true;
            self.next_job(id, 800);
        }
    }

    fn next_job(&mut self, id: NodeId, usual: u64) {
        let delay = self.disk_delay(id, usual);
        let life = self.members.get(&id).map_or(0, |member| member.life);
        self.after(delay, Event::Job(id, life));
    }

    pub(crate) fn job(&mut self, id: NodeId) {
        let before = self.cut_ahead(id);
        let Some(running) = self.running(id) else { return };
        let Some(job) = running.jobs.pop_front() else { return };
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
                self.count(if done { "snapshots taken" } else { "snapshots that failed" });
                self.wake(id);
                done
            }
        };
        if let Some(before) = before {
            return self.cut(id, before);
        }
        self.tell_room(id);
        self.chores(id);
        let Some(running) = self.running(id) else { return };
        running.working = !running.jobs.is_empty();
        if running.working {
            self.next_job(id, if done { 800 } else { T / 4 });
        }
    }
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
