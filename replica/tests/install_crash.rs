//! Crashes at every call to the disk while a member receives a snapshot, installs it, goes on behind it, takes one of its own and
//! forgets its log: whatever the crash keeps, tears or loses, the member starts, has all that it ever acknowledged, and the
//! transfer goes on (S10, S11, S13, figure 13).

#[path = "world/journal.rs"]
mod journal;

use bytes::Bytes;
use journal::{Journal, command};
use quorate_replica::{
    Config, First, Input, Loaded, Own, PeerMessage, ReceivedSnapshot, Section, Sessions, Started, StateMachine,
    Storeroom, TakeSnapshot, Time,
};
use raft::{
    AppendEntries, AppendOutcome, Body, Configuration, Entry, EntryKind, Header, Index, Message, NodeId, Position,
    Slice, Term,
};
use wal::Options;
use wal::memory_disk::{MemoryDisk, Step};

const ID: NodeId = NodeId(1);
const LEADER: NodeId = NodeId(2);
const TERM: Term = Term(4);
/// What the snapshot covers that comes from the leader.
const SENT: Position = Position { index: Index(9), term: Term(3) };

type Member = Started<Journal, MemoryDisk>;

fn start(disk: &MemoryDisk) -> Member {
    let first = First { configuration: Configuration::of_voters([ID, LEADER, NodeId(3)]), machine: Journal::default() };
    let config = Config { snapshot_entries: 4, snapshot_tail: 1, ..Config::default() };
    let options = Options { segment_bytes: 1024, ..Options::new(7) };
    let own = Own::new(77, None);
    quorate_replica::start(disk.clone(), ID, options, config, Some(first), own).expect("every crash leaves what starts")
}

fn entry(index: u64, term: u64) -> Entry {
    let header = Header { time: index, ..Header::default() };
    Entry::new(Position::new(index, term), EntryKind::Command, header, &command(index, 60))
}

fn append(prev: Position, upto: u64, commit: u64) -> Input<Journal> {
    let entries = (prev.index.0 + 1..=upto).map(|index| entry(index, TERM.0)).collect();
    let run = Slice::new(prev, entries).expect("they follow each other");
    let body = Body::AppendEntries(AppendEntries { round: upto, commit: Index(commit), run });
    Input::Message(LEADER, PeerMessage::Raft(Message { from: LEADER, to: ID, term: TERM, body }))
}

/// The leader's disk, with the snapshot that it sends, of many chunks.
fn leader() -> MemoryDisk {
    let mut machine = Journal::default();
    for index in 1..=SENT.index.0 {
        let payload: Bytes = command(index, 0);
        let one = quorate_replica::Command { position: Position::new(index, 1), time: index, payload: &payload };
        machine.apply(&[one], &mut Vec::new());
    }
    let disk = MemoryDisk::new();
    let configuration = Configuration::of_voters([ID, LEADER, NodeId(3)]);
    let section = Section { time: 9, digest: 0, sessions: Sessions::default(), configuration };
    let frozen = machine.freeze();
    let storeroom = Storeroom::new(disk.clone()).with_chunks_of(100);
    storeroom.take(TakeSnapshot { position: SENT, section, frozen }).expect("there is room");
    disk
}

/// One member at work, and what it told its leader so far.
struct Work {
    member: Member,
    disk: MemoryDisk,
    /// So many calls to the disk were made when it said that it has so much.
    acknowledged: Vec<(usize, u64)>,
}

impl Work {
    fn new(disk: &MemoryDisk) -> Self {
        disk.record();
        Self { member: start(disk), disk: disk.clone(), acknowledged: Vec::new() }
    }

    fn input(&mut self, input: Input<Journal>) {
        let mut inputs = vec![input];
        for _ in 0..20 {
            let output = self.member.replica.turn(Time(0), inputs.drain(..));
            for (_, message) in &output.messages {
                self.notice(message);
            }
            if let Some(snapshot) = output.take_snapshot {
                let index = snapshot.position.index;
                self.member.storeroom.take(snapshot).expect("there is room");
                inputs.push(Input::SnapshotTaken(index));
            }
            if let Some(write) = output.write {
                self.member.log.write(&write).expect("the log follows");
                inputs.extend(self.member.log.sync().expect("the disk works").map(Input::Written));
                while let Some(chore) = self.member.log.next_chore() {
                    let done = self.member.storeroom.perform(&chore).is_ok();
                    self.member.log.chore_ended(&chore, done);
                }
            }
            if inputs.is_empty() && !output.again {
                return;
            }
        }
        panic!("it never rests");
    }

    fn notice(&mut self, message: &PeerMessage) {
        let PeerMessage::Raft(message) = message else { return };
        let matched = match &message.body {
            Body::AppendEntriesReply(reply) => match reply.outcome {
                AppendOutcome::Accepted { matched } => matched,
                AppendOutcome::Refused { .. } => return,
            },
            Body::InstallSnapshotReply(reply) => reply.matched,
            _ => return,
        };
        self.acknowledged.push((self.disk.tape_length(), matched.0));
    }

    /// What is missing of the leader's snapshot arrives, unless it is here.
    fn receive(&mut self, leader: &MemoryDisk) {
        let file = Storeroom::new(leader.clone()).open_newest().expect("it is there");
        let storeroom = &self.member.storeroom;
        if let Some(loaded) = storeroom.load_instead(file.id()).expect("it can be read") {
            return self.take_in(loaded);
        }
        let mut incoming = storeroom.receive(file.id(), None).expect("there is room");
        let mut at = incoming.go_on();
        while at < file.id().length {
            let piece = file.read(at, 250).expect("it is whole");
            incoming.append(at, &piece).expect("there is room");
            at += piece.len() as u64;
        }
        let loaded = storeroom.received::<Journal>(incoming).expect("it is whole");
        self.take_in(loaded);
    }

    fn take_in(&mut self, Loaded { position, section, machine }: Loaded<Journal>) {
        let received = ReceivedSnapshot { from: LEADER, term: TERM, position, section, machine };
        self.input(Input::SnapshotReceived(Box::new(received)));
    }

    fn all(&mut self, leader: &MemoryDisk) {
        self.input(append(Position::ZERO, 3, 3));
        self.receive(leader);
        self.input(append(SENT, 11, 11));
        self.input(append(Position::new(11, TERM.0), 14, 14));
    }
}

/// Every entry up to what was acknowledged is there, once, and nothing else.
fn check(member: &Member, acknowledged: u64, what: &str) {
    let view = member.replica.inspect();
    assert!(view.last().index.0 >= acknowledged, "{what}: {acknowledged} was acknowledged: {view}");
    assert!(view.commit() >= view.applied() && view.applied() >= view.log().base().index, "{what}: {view}");
    let list: Vec<u64> = member.replica.machine().list.iter().map(|applied| applied.id).collect();
    let applied: Vec<u64> = (1..=view.applied().0).collect();
    assert_eq!(list, applied, "{what}: {view}");
}

/// What a crash in this call may leave.
fn crashes(before: &MemoryDisk, step: &Step) -> Vec<(MemoryDisk, String)> {
    let mut disks = Vec::new();
    for sectors in 0..=step.sectors().min(4) {
        let torn = before.fork();
        match sectors {
            0 if step.sectors() > 0 => {}
            0 => torn.play(step),
            sectors => torn.play_cut(step, sectors),
        }
        let process = torn.fork();
        process.crash_process();
        disks.push((process, format!("{step:?}, {sectors} sectors, process")));
        let unsynced = torn.unsynced().len();
        for mask in 0..1_u64 << unsynced.min(6) {
            let power = torn.fork();
            let mut thing = 0;
            power.crash_power(|_| {
                thing += 1;
                mask >> (thing % 6) & 1 == 1
            });
            disks.push((power, format!("{step:?}, {sectors} sectors, power, {mask:b}")));
        }
    }
    disks
}

#[test]
fn a_crash_at_any_call_of_a_received_snapshot_loses_nothing_and_the_transfer_goes_on() {
    let leader = leader();
    let fresh = MemoryDisk::new();
    drop(start(&fresh));
    let recorded = fresh.fork();
    let mut work = Work::new(&recorded);
    work.all(&leader);
    check(&work.member, 14, "without a crash");
    let (tape, acknowledged) = (recorded.tape(), work.acknowledged);
    assert_eq!(acknowledged.last().map(|(_, matched)| *matched), Some(14));
    let (mut states, mut resumed, mut nested) = (0, 0, 0);
    let world = fresh.fork();
    for (calls, step) in tape.iter().enumerate() {
        let had = acknowledged.iter().filter(|(at, _)| *at <= calls).map(|(_, matched)| *matched).max().unwrap_or(0);
        for (number, (disk, what)) in crashes(&world, step).into_iter().enumerate() {
            states += 1;
            let again = disk.fork();
            let mut work = Work::new(&disk);
            check(&work.member, had, &what);
            let starts = disk.tape();
            let names = wal::Disk::list(&disk).expect("it can be listed");
            resumed += u64::from(names.iter().any(|name| name.starts_with("incoming")));
            work.all(&leader);
            check(&work.member, 14, &format!("in the end, after {what}"));
            if number % 5 == 0 {
                nested += check_starts(&again, &starts, had, &what);
            }
        }
        world.play(step);
    }
    println!("{} calls, {states} crashes, {resumed} in a transfer, {nested} in the start after one", tape.len());
    assert!(states > 1000 && resumed > 100 && nested > 1000, "{states}, {resumed}, {nested}");
}

/// A second crash, in the start after the first.
fn check_starts(disk: &MemoryDisk, tape: &[Step], had: u64, what: &str) -> u64 {
    let mut count = 0;
    let world = disk.fork();
    for step in tape {
        for (crashed, second) in crashes(&world, step).into_iter().step_by(3) {
            check(&start(&crashed), had, &format!("{what}, then {second}"));
            count += 1;
        }
        world.play(step);
    }
    count
}
