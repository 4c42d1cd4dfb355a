//! Starting from every kind of folder: where log and snapshot stand to each other, what is damaged or missing, and starts
//! that a crash cuts after any call to the disk.

#[path = "world/journal.rs"]
mod journal;

use bytes::Bytes;
use journal::{Journal, command};
use quorate_replica::{
    Config, First, Freeze, Input, LoadError, Own, Request, RequestId, Section, Sessions, StartError, Started,
    StateMachine, Storeroom, TakeSnapshot, Time, Timer,
};
use raft::{Configuration, Entry, EntryKind, Header, Index, NodeId, Position, Term};
use wal::memory_disk::{MemoryDisk, Operation};
use wal::{Base, BaseChange, Batch, Disk, HardState, Options, Wal};

const ID: NodeId = NodeId(1);
const OWN_DISK: u64 = 77;
/// Cluster time that the snapshots of these tests name.
const SNAPSHOT_TIME: u64 = 900;

type Member = Started<Journal, MemoryDisk>;

fn options() -> Options {
    Options { segment_bytes: 4096, ..Options::new(7) }
}

fn first(voters: u64) -> First<Journal> {
    First { configuration: Configuration::of_voters((1..=voters).map(NodeId)), machine: Journal::default() }
}

fn start(disk: &MemoryDisk, first: Option<First<Journal>>) -> Result<Member, StartError> {
    quorate_replica::start(disk.clone(), ID, options(), Config::default(), first, Own::new(OWN_DISK, None))
}

fn refusal(disk: &MemoryDisk) -> String {
    match start(disk, None) {
        Ok(_) => "it starts".into(),
        Err(error) => error.to_string(),
    }
}

fn entry(index: u64, term: u64) -> wal::Entry {
    let header = Header { time: index, ..Header::default() };
    let entry = Entry::new(Position::new(index, term), EntryKind::Command, header, &command(index, 0));
    wal::Entry { index, term, bytes: entry.body().clone() }
}

/// A state machine's stream with one command for each index.
fn stream(upto: u64) -> Vec<u8> {
    let mut machine = Journal::default();
    for index in 1..=upto {
        let payload = command(index, 0);
        let command = quorate_replica::Command { position: Position::new(index, 1), time: index, payload: &payload };
        machine.apply(&[command], &mut Vec::new());
    }
    machine.freeze()
}

/// What a folder holds.
struct Folder {
    base: (u64, u64),
    /// The terms of the entries behind it.
    terms: &'static [u64],
    commit: u64,
    snapshot: Option<(u64, u64)>,
}

impl Folder {
    fn disk(&self) -> MemoryDisk {
        let disk = MemoryDisk::new();
        let (mut wal, _) = Wal::create(disk.clone(), options()).expect("an empty disk takes a log");
        let base = Base { index: self.base.0, term: self.base.1 };
        let term = self.terms.iter().copied().max().unwrap_or(0).max(base.term);
        let entries = self.terms.iter().zip(base.index + 1..).map(|(term, index)| entry(index, *term)).collect();
        let mut batch = Batch::new(HardState { term, vote: 0, commit: self.commit }).with_entries(entries);
        if base.index > 0 {
            batch = batch.with_base(BaseChange::Reset(base));
        }
        wal.write(&batch).and_then(|()| wal.sync()).expect("the batch follows");
        if let Some((index, term)) = self.snapshot {
            snapshot(&disk, Position::new(index, term), stream(index));
        }
        disk
    }
}

fn snapshot(disk: &MemoryDisk, position: Position, frozen: impl Freeze) {
    snapshot_that_says(0, disk, position, frozen);
}

fn snapshot_that_says(digest: u64, disk: &MemoryDisk, position: Position, frozen: impl Freeze) {
    let configuration = Configuration::of_voters([ID]);
    let section = Section { time: SNAPSHOT_TIME, digest, sessions: Sessions::default(), configuration };
    Storeroom::new(disk.clone()).take(TakeSnapshot { position, section, frozen }).expect("there is room");
}

fn stands(member: &Member) -> (Position, Position, u64) {
    let view = member.replica.inspect();
    (view.log().base(), view.last(), view.applied().0)
}

fn snapshot_name(disk: &MemoryDisk) -> String {
    let names = disk.list().expect("it can be listed");
    names.into_iter().find(|name| name.starts_with("snapshot")).expect("there is one")
}

#[test]
fn a_snapshot_on_the_log_leaves_the_log_as_it_is() {
    let folder = Folder { base: (2, 1), terms: &[1, 1, 2, 2], commit: 0, snapshot: Some((4, 1)) };
    let member = start(&folder.disk(), None).unwrap();
    assert_eq!(stands(&member), (Position::new(2, 1), Position::new(6, 2), 4));
    assert_eq!(member.replica.machine().list.len(), 4);
    let at_its_base = Folder { base: (4, 1), terms: &[1, 2], commit: 5, snapshot: Some((4, 1)) };
    assert_eq!(stands(&start(&at_its_base.disk(), None).unwrap()), (Position::new(4, 1), Position::new(6, 2), 4));
}

#[test]
fn a_snapshot_ahead_of_the_log_or_instead_of_its_tail_resets_it_durably() {
    // S10
    let ahead = Folder { base: (0, 0), terms: &[1, 1, 1], commit: 1, snapshot: Some((7, 2)) };
    let instead = Folder { base: (0, 0), terms: &[1, 1, 2, 2], commit: 2, snapshot: Some((3, 3)) };
    for (folder, position) in [(ahead, Position::new(7, 2)), (instead, Position::new(3, 3))] {
        let disk = folder.disk();
        let member = start(&disk, None).unwrap();
        assert_eq!(stands(&member), (position, position, position.index.0));
        assert_eq!(member.replica.inspect().last_time(), SNAPSHOT_TIME, "cluster time goes on from there");
        assert!(member.replica.inspect().term() >= position.term);
        drop(member);
        disk.crash_power(|_| false);
        let (wal, recovered) = Wal::open(disk, options()).unwrap();
        assert_eq!((wal.base().index, recovered.entries.len()), (position.index.0, 0));
    }
}

#[test]
fn a_snapshot_that_contradicts_the_log_is_refused_with_a_sentence() {
    // S15
    let behind = Folder { base: (5, 1), terms: &[1], commit: 5, snapshot: Some((3, 1)) };
    let text = refusal(&behind.disk());
    assert!(text.contains("the log begins behind 5@1, and the newest snapshot only covers 3@1"), "{text}");
    assert!(text.contains("add it again with an empty folder"), "{text}");
    let other_base = Folder { base: (5, 2), terms: &[2], commit: 0, snapshot: Some((5, 1)) };
    let text = refusal(&other_base.disk());
    assert!(text.contains("the log says that 5@2 is committed, and the newest snapshot covers 5@1"), "{text}");
    let other_entry = Folder { base: (0, 0), terms: &[1, 2, 2], commit: 2, snapshot: Some((2, 1)) };
    let text = refusal(&other_entry.disk());
    assert!(text.contains("the log says that 2@2 is committed, and the newest snapshot covers 2@1"), "{text}");
}

#[test]
fn a_damaged_snapshot_is_refused_and_nothing_is_changed() {
    let folder = Folder { base: (0, 0), terms: &[1, 1, 1, 1], commit: 4, snapshot: Some((4, 1)) };
    let whole = folder.disk();
    let name = snapshot_name(&whole);
    let length = whole.contents(&name).unwrap().len();
    for at in (0..length).step_by(7) {
        let disk = whole.fork();
        disk.rot(&name, |bytes| bytes[at] ^= 8);
        let before = disk.fingerprint();
        let text = refusal(&disk);
        // In the first bytes stand version, group and position: each has its own sentence.
        assert!(text.contains(&name) && (at < 48 || text.contains("put back")), "byte {at}: {text}");
        assert_eq!(disk.fingerprint(), before, "byte {at}");
    }
    for length in (0..length).step_by(13) {
        let disk = whole.fork();
        disk.rot(&name, |bytes| bytes.truncate(length));
        assert!(refusal(&disk).contains(&name), "cut at {length}");
    }
}

#[test]
fn a_copy_of_a_snapshot_that_can_not_be_read_does_not_take_the_first_along() {
    let (disk, position) = (MemoryDisk::new(), Position::new(5, 1));
    snapshot(&disk, position, stream(5));
    let name = snapshot_name(&disk);
    let bytes = disk.contents(&name).unwrap();
    let storeroom = Storeroom::new(disk.clone());
    for after in 0..4 {
        let id = storeroom.open_newest().unwrap().id();
        let mut copy = storeroom.receive(id, None).unwrap();
        copy.append(0, &bytes).unwrap();
        disk.fail(Operation::Open, after);
        let received = storeroom.received::<Journal>(copy);
        disk.heal();
        assert!(received.is_err() || after > 0, "the failure was met");
        assert_eq!(disk.contents(&name).as_ref(), Some(&bytes), "after {after}");
    }
}

#[test]
fn a_snapshot_of_another_state_machine_is_refused() {
    let disk = Folder { base: (0, 0), terms: &[1], commit: 0, snapshot: None }.disk();
    snapshot(&disk, Position::new(1, 1), b"of something else".to_vec());
    let text = refusal(&disk);
    assert!(text.contains("not of this state machine: 17 bytes are no list"), "{text}");
}

#[test]
fn a_state_machine_that_has_less_than_its_snapshot_says_is_refused() {
    // S15
    let says = |upto: u64| Journal::restore(&mut stream(upto).as_slice()).unwrap().digest();
    let disk = Folder { base: (0, 0), terms: &[1], commit: 0, snapshot: None }.disk();
    snapshot_that_says(says(5), &disk, Position::new(5, 1), stream(5));
    assert_eq!(stands(&start(&disk, None).unwrap()).2, 5, "what it says is what it has");
    for has in [4, 6] {
        let disk = Folder { base: (0, 0), terms: &[1], commit: 0, snapshot: None }.disk();
        snapshot_that_says(says(5), &disk, Position::new(5, 1), stream(has));
        let before = disk.fingerprint();
        let text = refusal(&disk);
        assert!(text.contains("is not the one that was frozen") && text.contains(&snapshot_name(&disk)), "{text}");
        assert_eq!(disk.fingerprint(), before, "it is left for whoever looks into it");
    }
}

#[test]
fn a_received_snapshot_whose_state_machine_has_less_than_it_says_leaves_nothing() {
    // S15
    let (sender, receiver) = (MemoryDisk::new(), MemoryDisk::new());
    let says = Journal::restore(&mut stream(5).as_slice()).unwrap().digest();
    snapshot_that_says(says, &sender, Position::new(5, 1), stream(4));
    let bytes = sender.contents(&snapshot_name(&sender)).unwrap();
    let storeroom = Storeroom::new(receiver.clone());
    let mut copy = storeroom.receive(Storeroom::new(sender).open_newest().unwrap().id(), None).unwrap();
    copy.append(0, &bytes).unwrap();
    let refused = storeroom.received::<Journal>(copy).err().unwrap();
    assert!(matches!(refused, LoadError::Contradiction { .. }), "{refused}");
    assert_eq!(receiver.list().unwrap(), Vec::<String>::new());
}

#[test]
fn a_snapshot_of_another_cluster_is_refused() {
    let disk = Folder { base: (0, 0), terms: &[1], commit: 1, snapshot: Some((0, 0)) }.disk();
    let mut configuration = Configuration::of_voters([ID]);
    let member = raft::Member { disk: OWN_DISK + 1, ..raft::Member::default() };
    configuration.members.insert(ID, member);
    let section = Section { time: 5, digest: 0, sessions: Sessions::default(), configuration };
    let position = Position::new(9, 3);
    let theirs = TakeSnapshot { position, section, frozen: stream(9) };
    Storeroom::new(disk.clone()).take(theirs).unwrap();
    let before = disk.fingerprint();
    let text = refusal(&disk);
    assert!(text.contains("up to 9@3, is of a cluster in which n1 has the disk 000000000000004e"), "{text}");
    assert!(text.contains("another cluster's file") && text.contains("put back an undamaged copy"), "{text}");
    assert_eq!(disk.fingerprint(), before, "nothing was reset behind it");
}

#[test]
fn a_log_without_any_snapshot_is_refused_unless_it_is_untouched() {
    let used = Folder { base: (0, 0), terms: &[1], commit: 0, snapshot: None }.disk();
    for given in [None, Some(first(1))] {
        let text = start(&used, given).err().unwrap().to_string();
        assert!(text.contains("the log is there, and no snapshot, not even the first"), "{text}");
    }
    let empty = MemoryDisk::new();
    assert!(matches!(start(&empty, None), Err(StartError::Log(wal::OpenError::NoLog))));
}

#[test]
fn a_log_that_can_not_be_is_refused() {
    let entries = [
        (
            vec![wal::Entry { index: 1, term: 1, bytes: Bytes::from_static(b"abc") }],
            "entry 1@1 of the log can't be read",
        ),
        (
            vec![entry(1, 1), wal::Entry { index: 2, term: 1, bytes: Bytes::from(vec![9; 40]) }],
            "entry 2@1 of the log can't be read: unknown kind of entry: 9",
        ),
        (vec![entry(1, 2), entry(2, 1)], "the log is no log"),
    ];
    for (entries, says) in entries {
        let disk = MemoryDisk::new();
        drop(start(&disk, Some(first(1))).unwrap());
        let (mut wal, _) = Wal::open(disk.clone(), options()).unwrap();
        let hard_state = HardState { term: 2, vote: 0, commit: 0 };
        wal.write(&Batch::new(hard_state).with_entries(entries)).and_then(|()| wal.sync()).unwrap();
        let text = refusal(&disk);
        assert!(text.contains(says), "{text}");
    }
}

/// Plays what `work` did to the disk up to every call and sector, lets the process or the power go, and gives each disk.
fn cuts(disk: &MemoryDisk, work: impl Fn(&MemoryDisk)) -> Vec<MemoryDisk> {
    let recorded = disk.fork();
    recorded.record();
    work(&recorded);
    let (tape, mut disks) = (recorded.tape(), Vec::new());
    for made in 0..=tape.len() {
        let before = disk.fork();
        tape[..made].iter().for_each(|step| before.play(step));
        let sectors = tape.get(made).map_or(0, wal::memory_disk::Step::sectors).min(3);
        for cut in 0..=sectors {
            let torn = before.fork();
            if let Some(step) = tape.get(made).filter(|_| cut > 0) {
                torn.play_cut(step, cut);
            }
            for crash in 0..3 {
                let crashed = torn.fork();
                match crash {
                    0 => crashed.crash_process(),
                    1 => crashed.crash_power(|_| false),
                    _ => crashed.crash_power(|_| true),
                }
                disks.push(crashed);
            }
        }
    }
    disks
}

#[test]
fn a_first_start_that_a_crash_cuts_begins_anew() {
    let started = |disk: &MemoryDisk| drop(start(disk, Some(first(3))).unwrap());
    let disks = cuts(&MemoryDisk::new(), started);
    assert!(disks.len() > 30, "{}", disks.len());
    let mut with_log_only = 0;
    for disk in disks {
        let names = disk.list().unwrap();
        let has = |what: &str| names.iter().any(|name| name.starts_with(what) && !name.ends_with("tmp"));
        with_log_only += u64::from(has("log-") && !has("snapshot-"));
        let member = start(&disk, Some(first(3))).unwrap_or_else(|error| panic!("{names:?}: {error}"));
        assert_eq!(stands(&member), (Position::ZERO, Position::ZERO, 0));
        assert_eq!(member.replica.inspect().configuration().voters.len(), 3);
        assert!(disk.list().unwrap().iter().all(|name| !name.ends_with("tmp")), "{:?}", disk.list());
    }
    assert!(with_log_only > 0, "no crash fell between the log and the first snapshot");
}

#[test]
fn a_crash_between_a_received_snapshot_and_the_reset_loses_nothing() {
    // S10, S11
    let disk = Folder { base: (0, 0), terms: &[1, 1, 1], commit: 3, snapshot: Some((2, 1)) }.disk();
    snapshot(&disk, Position::new(9, 4), stream(9));
    let mut incarnation = 0;
    for crashed in cuts(&disk, |disk| drop(start(disk, None).unwrap())) {
        let member = start(&crashed, None).unwrap();
        assert_eq!(stands(&member), (Position::new(9, 4), Position::new(9, 4), 9));
        assert_eq!(member.replica.machine().list.len(), 9);
        incarnation = incarnation.max(member.incarnation);
    }
    assert_eq!(incarnation, 3, "each start that got far enough is another life");
}

#[test]
fn what_was_known_to_be_committed_is_applied_before_anybody_speaks() {
    let folder = Folder { base: (0, 0), terms: &[1, 1, 1, 1], commit: 3, snapshot: Some((1, 1)) };
    let mut member = start(&folder.disk(), None).unwrap();
    let output = member.replica.turn(Time(0), std::iter::empty());
    assert!(output.again || member.replica.applied() == Index(3));
    member.replica.turn(Time(0), std::iter::empty());
    assert_eq!(member.replica.applied(), Index(3), "and not one more");
    assert_eq!(member.replica.machine().list.len(), 3);
}

#[test]
fn cluster_time_goes_on_where_it_was_whatever_the_clock_says() {
    let folder = Folder { base: (4, 1), terms: &[], commit: 4, snapshot: Some((4, 1)) };
    let mut member = start(&folder.disk(), None).unwrap();
    let request = Request::Write { command: command(99, 0), essential: false, session: None, deadline: Time(u64::MAX) };
    let mut inputs = vec![
        Input::TimerFired(Timer::Raft(raft::Timer::LeaderSilent)),
        Input::TimerFired(Timer::Raft(raft::Timer::Campaign)),
        Input::Request(RequestId(1), request),
    ];
    for _ in 0..8 {
        let output = member.replica.turn(Time(5), inputs.drain(..));
        if let Some(write) = output.write {
            member.log.write(&write).unwrap();
            inputs.extend(member.log.sync().unwrap().map(Input::Written));
        }
    }
    let last = member.replica.machine().list.last().copied().unwrap();
    assert_eq!((last.id, last.position.term), (99, Term(2)));
    assert!(last.time >= SNAPSHOT_TIME, "{last:?}");
}
