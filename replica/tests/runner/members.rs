//! Members with disks in memory, the wire between them, and one clock. Disks do their work at once unless they are held.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use bytes::Bytes;
use quorate_replica::{
    Config, DurableLog, First, Input, LeaseState, Loaded, Output, Own, PeerMessage, ReceivedSnapshot, Replica, Reply,
    Storeroom, TakeSnapshot, Time, Timer, TimerChange,
};
use raft::{Configuration, NodeId, Position, Settings, Term, Write};
use wal::memory_disk::MemoryDisk;
use wal::{Options, WriteError};

use crate::journal::{Journal, number_at};

type Checked<T = ()> = Result<T, Box<dyn Error>>;
pub(crate) type OnTheWire = (NodeId, NodeId, PeerMessage);

/// Work that can be held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Log,
    Storeroom,
    Transfer,
}

#[derive(Default)]
pub(crate) struct Members {
    nodes: u64,
    config: Config,
    disks: BTreeMap<NodeId, MemoryDisk>,
    running: BTreeMap<NodeId, Running>,
    pub(crate) own: BTreeMap<NodeId, Own>,
    pub(crate) wire: Vec<OnTheWire>,
    pub(crate) kept: Vec<OnTheWire>,
    pub(crate) cut_off: BTreeSet<NodeId>,
    held: BTreeSet<(NodeId, Stage)>,
    pub(crate) settings: Settings,
    pub(crate) learner: Option<NodeId>,
    pub(crate) now: u64,
    pub(crate) told: Vec<String>,
}

struct Running {
    replica: Replica<Journal>,
    log: DurableLog<MemoryDisk>,
    storeroom: Storeroom<MemoryDisk>,
    sweep: Option<u64>,
    write: Option<Write>,
    snapshots: Vec<TakeSnapshot<Vec<u8>>>,
    transfers: Vec<(NodeId, Term)>,
    room: bool,
}

/// A message's kind, as commands name it.
pub(crate) fn kind(message: &PeerMessage) -> String {
    match message {
        PeerMessage::Raft(message) => message.body.name().to_string(),
        other => other.to_string().split(' ').next().unwrap_or_default().to_string(),
    }
}

impl Members {
    pub(crate) fn new(nodes: u64, config: Config) -> Self {
        let disks = (1..=nodes).map(|id| (NodeId(id), MemoryDisk::new())).collect();
        Self { nodes, config, disks, ..Self::default() }
    }

    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.disks.keys().copied().collect()
    }

    /// Those that run and are not cut off.
    pub(crate) fn live(&self) -> Vec<NodeId> {
        self.running.keys().filter(|id| !self.cut_off.contains(id)).copied().collect()
    }

    pub(crate) fn own(&mut self, id: NodeId, disk: Option<u64>, info: Option<String>) {
        let own = self.own.entry(id).or_insert(Own::new(id.0, None));
        own.disk = disk.unwrap_or(own.disk);
        own.info = info.map(Bytes::from).or(own.info.take());
    }

    fn get(&mut self, id: NodeId) -> Checked<&mut Running> {
        Ok(self.running.get_mut(&id).ok_or(format!("{id} does not run"))?)
    }

    /// A new member begins with an empty disk and the committed configuration of `from`.
    pub(crate) fn join(&mut self, id: NodeId, from: NodeId, disk: u64) -> Checked {
        let view = self.get(from)?.replica.inspect();
        let configuration = view.history().at(view.commit()).clone();
        self.disks.insert(id, MemoryDisk::new());
        self.own(id, Some(disk), None);
        self.start_with(id, configuration)
    }

    pub(crate) fn start(&mut self, id: NodeId) -> Checked {
        let mut configuration = Configuration::of_voters((1..=self.nodes).map(NodeId));
        configuration.settings = self.settings;
        if let Some(learner) = self.learner {
            configuration.voters.remove(&learner);
            configuration.learners.insert(learner);
        }
        self.start_with(id, configuration)
    }

    fn start_with(&mut self, id: NodeId, configuration: Configuration) -> Checked {
        let disk = self.disks.get(&id).ok_or("there is no such member")?.clone();
        let options = Options { segment_bytes: 2048, ..Options::new(self.now + 1) };
        let first = First { configuration, machine: Journal::default() };
        let own = self.own.get(&id).cloned();
        // Without a word about itself a member says what is kept already.
        let own = own.unwrap_or(Own::new(0, None));
        let is_new = !quorate_replica::boot::exists(&disk)?;
        let started = quorate_replica::start(disk, id, options, self.config, is_new.then_some(first), own)?;
        let running = Running {
            replica: started.replica,
            log: started.log,
            storeroom: started.storeroom,
            sweep: None,
            write: None,
            snapshots: Vec::new(),
            transfers: Vec::new(),
            room: true,
        };
        self.running.insert(id, running);
        self.chores(id)?;
        self.turn(id, Vec::new())
    }

    pub(crate) fn crash(&mut self, id: NodeId) -> Checked {
        self.running.remove(&id).ok_or("it does not run")?;
        self.disks.get(&id).ok_or("there is no such member")?.crash_power(|_| false);
        Ok(())
    }

    pub(crate) fn input(&mut self, id: NodeId, input: Input<Journal>) -> Checked {
        self.turn(id, vec![input])
    }

    fn turn(&mut self, id: NodeId, inputs: Vec<Input<Journal>>) -> Checked {
        let now = Time(self.now);
        let output = self.get(id)?.replica.turn(now, inputs.into_iter());
        let again = output.again;
        self.carry_out(id, output)?;
        self.work(id)?;
        if again && self.running.contains_key(&id) { self.turn(id, Vec::new()) } else { Ok(()) }
    }

    fn carry_out(&mut self, id: NodeId, output: Output<Journal>) -> Checked {
        if let Some(halt) = output.halt {
            Err(halt.to_string())?;
        }
        for (to, message) in output.messages {
            if !matches!(message, PeerMessage::Raft(_)) {
                self.told.push(format!("{id} -> {to} {message}"));
            }
            self.wire.push((id, to, message));
        }
        for (request, reply) in output.replies {
            let text = match reply {
                Reply::Written { position, result } if result.len() != 8 => format!("{position}"),
                Reply::Written { position, result } => format!("{position} is command {}", number_at(&result, 0)),
                Reply::Readable(index) => format!("readable at {index}"),
                Reply::Transferred(leader) => format!("{leader} leads"),
                Reply::Refused(refusal) => format!("refused, {refusal:?}"),
                Reply::Member(Ok(answer)) => super::membership::told(&answer),
                Reply::Member(Err(error)) => format!("refused, {error}"),
            };
            self.told.push(format!("{id} answers {}: {text}", request.0));
        }
        if output.replaced_machine.is_some() {
            self.told.push(format!("{id} has the state of a snapshot"));
        }
        let now = self.now;
        let mut silences = Vec::new();
        let running = self.get(id)?;
        for change in output.timers {
            match change {
                TimerChange::Sweep(delay) => running.sweep = Some(now + delay),
                // Only sweeps are due by time; that this one is longer than T is what there is to see.
                TimerChange::Silence(micros) => silences.push(micros / 1000),
                TimerChange::Raft(_) => {}
            }
        }
        running.write = running.write.take().or(output.write);
        running.snapshots.extend(output.take_snapshot);
        running.transfers.extend(output.send_snapshots.iter().map(|snapshot| (snapshot.to, snapshot.term)));
        for millis in silences {
            self.told.push(format!("{id} helps nobody depose a leader for {millis} ms"));
        }
        Ok(())
    }

    // ---- disks --------------------------------------------------------------------------------------------------------

    pub(crate) fn hold(&mut self, id: NodeId, stage: Stage, held: bool) -> Checked {
        if held {
            self.held.insert((id, stage));
            return Ok(());
        }
        self.held.remove(&(id, stage));
        self.work(id)
    }

    fn work(&mut self, id: NodeId) -> Checked {
        let free = |members: &Self, stage| !members.held.contains(&(id, stage));
        if free(self, Stage::Log) {
            self.write_log(id)?;
        }
        if free(self, Stage::Storeroom) && self.running.contains_key(&id) {
            let running = self.get(id)?;
            for snapshot in std::mem::take(&mut running.snapshots) {
                let position = snapshot.position;
                let taken = self.get(id)?.storeroom.take(snapshot);
                self.told.push(match &taken {
                    Ok(()) => format!("{id} took snapshot {position}"),
                    Err(error) => format!("{id} could not take snapshot {position}: {}", error.kind()),
                });
                let ended = if taken.is_ok() { Input::SnapshotTaken(position.index) } else { Input::SnapshotFailed };
                self.input(id, ended)?;
            }
        }
        if free(self, Stage::Transfer) && self.running.contains_key(&id) {
            for (to, term) in std::mem::take(&mut self.get(id)?.transfers) {
                self.transfer(id, to, term)?;
            }
        }
        Ok(())
    }

    fn write_log(&mut self, id: NodeId) -> Checked {
        let Some(write) = self.get(id)?.write.take() else { return Ok(()) };
        let running = self.get(id)?;
        match running.log.write(&write) {
            Ok(()) => {}
            Err(WriteError::NoRoom) => {
                running.write = Some(write);
                self.told.push(format!("{id} waits for room"));
                return self.tell_room(id);
            }
            Err(error) => Err(error.to_string())?,
        }
        let ticket = running.log.sync()?;
        self.chores(id)?;
        self.tell_room(id)?;
        self.turn(id, ticket.map(Input::Written).into_iter().collect())
    }

    fn chores(&mut self, id: NodeId) -> Checked {
        let running = self.get(id)?;
        while let Some(chore) = running.log.next_chore() {
            let done = running.storeroom.perform(&chore).is_ok();
            running.log.chore_ended(&chore, done);
            if !done {
                break;
            }
        }
        Ok(())
    }

    fn tell_room(&mut self, id: NodeId) -> Checked {
        let running = self.get(id)?;
        let room = running.log.has_room();
        if room == running.room {
            return Ok(());
        }
        running.room = room;
        self.told.push(format!("{id} has {}", if room { "room again" } else { "no room" }));
        self.input(id, Input::Room(room))
    }

    /// The disk takes `more` bytes than it has, or any number.
    pub(crate) fn limit(&mut self, id: NodeId, more: Option<u64>) -> Checked {
        use wal::Disk;
        let disk = self.disks.get(&id).ok_or("there is no such member")?.clone();
        let length = |name: &String| disk.contents(name).map_or(0, |bytes| bytes.len() as u64);
        let has: u64 = disk.list()?.iter().map(length).sum();
        disk.limit(more.map(|more| has + more));
        self.chores(id)?;
        self.tell_room(id)?;
        self.work(id)
    }

    fn transfer(&mut self, from: NodeId, to: NodeId, term: Term) -> Checked {
        let file = self.get(from)?.storeroom.open_newest()?;
        let id = file.id();
        let position = Position::new(id.position.index, id.position.term);
        let bytes = file.read(0, usize::MAX)?;
        let arrives = self.running.contains_key(&to) && !self.cut_off.contains(&from) && !self.cut_off.contains(&to);
        let what = if arrives { "sends" } else { "can't send" };
        self.told.push(format!("{from} {what} snapshot {position} to {to}"));
        if arrives {
            let storeroom = &self.get(to)?.storeroom;
            let mut incoming = storeroom.receive(id, None)?;
            incoming.append(0, &bytes)?;
            let Loaded { position, section, machine } = storeroom.received::<Journal>(incoming)?;
            let received = ReceivedSnapshot { from, term, position, section, machine };
            self.input(to, Input::SnapshotReceived(Box::new(received)))?;
        }
        self.input(from, Input::SnapshotSent(to))
    }

    // ---- wire and time ------------------------------------------------------------------------------------------------

    pub(crate) fn deliver(&mut self, (from, to, message): OnTheWire) -> Checked {
        let cut = self.cut_off.contains(&from) != self.cut_off.contains(&to) || self.cut_off.len() > 1;
        if cut || !self.running.contains_key(&to) {
            return Ok(());
        }
        self.input(to, Input::Message(from, message))
    }

    /// Delivers until nobody says anything any more.
    pub(crate) fn settle(&mut self) -> Checked {
        for _ in 0..10_000 {
            if self.wire.is_empty() {
                return Ok(());
            }
            let first = self.wire.remove(0);
            self.deliver(first)?;
        }
        Err("they never stop talking")?
    }

    /// Time passes; only sweeps are due by it, all other timers fire by hand.
    pub(crate) fn pass(&mut self, micros: u64) -> Checked {
        let end = self.now + micros;
        loop {
            let due = self.running.iter().filter_map(|(id, running)| Some((running.sweep?, *id)));
            let Some((at, id)) = due.min().filter(|(at, _)| *at <= end) else { break };
            self.now = self.now.max(at);
            self.get(id)?.sweep = None;
            self.input(id, Input::TimerFired(Timer::Sweep))?;
        }
        self.now = end;
        Ok(())
    }

    // ---- what there is to see -----------------------------------------------------------------------------------------

    pub(crate) fn status(&mut self, id: NodeId) -> Checked {
        let line = match self.running.get(&id) {
            Some(running) => {
                let view = running.replica.inspect();
                let waiting = running.replica.waiting() + running.replica.questions_waiting();
                let waiting = if waiting > 0 { format!(" waiting={waiting}") } else { String::new() };
                format!("{view}{waiting}")
            }
            None => format!("{id} down"),
        };
        self.told.push(line);
        Ok(())
    }

    pub(crate) fn journal(&mut self, id: NodeId) -> Checked {
        let list = &self.get(id)?.replica.machine().list;
        let list: Vec<String> = list.iter().map(|one| format!("{}:{}", one.position, one.id)).collect();
        self.told.push(format!("{id} applied {}", list.join(" ")));
        Ok(())
    }

    pub(crate) fn sessions(&mut self, id: NodeId) -> Checked {
        let sessions = self.get(id)?.replica.sessions();
        let ids: Vec<String> = sessions.ids().map(|id| id.to_string()).collect();
        let line = format!("{id} has sessions [{}], at most {} results", ids.join(" "), sessions.outstanding());
        self.told.push(line);
        Ok(())
    }

    pub(crate) fn log(&mut self, id: NodeId) -> Checked {
        let view = self.get(id)?.replica.inspect();
        let line = format!("{id} log begins behind {}, ends with {}", view.log().base(), view.last());
        self.told.push(line);
        Ok(())
    }

    pub(crate) fn lease(&mut self, id: NodeId) -> Checked {
        self.turn(id, Vec::new())?;
        let (now, state) = (self.now, self.get(id)?.replica.lease_state());
        self.told.push(match state {
            LeaseState::Held(Time(until)) => {
                format!("{id} has a lease for {} ms more", until.saturating_sub(now) / 1000)
            }
            other => format!("{id} has no lease: {other}"),
        });
        Ok(())
    }

    pub(crate) fn kept_of_members(&mut self, id: NodeId) -> Checked {
        let configuration = self.get(id)?.replica.inspect().configuration().clone();
        for (node, member) in &configuration.members {
            let info = String::from_utf8_lossy(&member.info);
            self.told.push(format!("{id} keeps of {node}: disk={} info={info}", member.disk));
        }
        Ok(())
    }
}
