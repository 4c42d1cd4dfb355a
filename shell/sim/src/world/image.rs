//! Disks that members start with, as if they had run before: written with the real log and the real snapshot files, so that the
//! start is an ordinary one.

use bytes::Bytes;
use raft::{Entry, EntryKind, Header, NodeId, Position};
use replica::Storeroom;
use replica::{Freeze as _, Section, StateMachine as _};
use store::PutRequest;
use wal::snapshot_file::SnapshotWriter;
use wal::{Base, Batch, HardState, Wal};

use super::World;
use crate::run::{Image, Record, RunError};

impl World {
    pub(super) fn lay_down(&mut self, image: &Image) -> Result<(), RunError> {
        let refuse = |what: String| RunError::Bounds(format!("the disk of n{} can't be laid down: {what}", image.n));
        let entries: Vec<Entry> = (1..).zip(&image.log).map(|(index, record)| entry(index, record)).collect();
        for entry in entries.iter().filter(|entry| entry.kind() == EntryKind::Command) {
            self.checkers.sequence.issued_before(&entry.payload());
        }
        let options = wal::Options { group: image.group, ..self.options(u64::MAX - image.n) };
        let first = self.first(NodeId(image.n));
        let Some(member) = self.members.get_mut(&NodeId(image.n)) else { return Ok(()) };
        let disk = member.disk.clone();
        let (mut log, _) = Wal::create(disk.clone(), options).map_err(|error| refuse(error.to_string()))?;
        let sessions = replica::Sessions::default();
        let section = Section { time: 0, digest: 0, sessions, configuration: first.configuration };
        let mut machine = first.machine;
        let mut write_snapshot = |base| -> std::io::Result<()> {
            let mut writer = SnapshotWriter::create(disk.clone(), image.group, base, &section.encode())?;
            machine.freeze().write_to(&mut writer)?;
            writer.finish()?;
            Ok(())
        };
        let snapshots = std::iter::once((0, 0)).chain(image.snapshot);
        snapshots
            .map(|(index, term)| Base { index, term })
            .try_for_each(&mut write_snapshot)
            .and_then(|()| Storeroom::new(disk.clone()).clean_up())
            .map_err(|error| refuse(error.to_string()))?;
        let hard_state = HardState { term: image.term, vote: image.vote, commit: image.commit };
        let to_wal =
            |entry: &Entry| wal::Entry { index: entry.index().0, term: entry.term().0, bytes: entry.body().clone() };
        let batch = Batch::new(hard_state).with_entries(entries.iter().map(to_wal).collect());
        log.write(&batch).and_then(|()| log.sync()).map_err(|error| refuse(error.to_string()))?;
        drop(log);
        member.disk.crash_process();
        (member.claimed, member.incarnation) = (true, 1);
        Ok(())
    }
}

fn entry(index: u64, record: &Record) -> Entry {
    let position = Position::new(index, record.term);
    let Some(key) = &record.key else { return Entry::new(position, EntryKind::Noop, Header::default(), b"") };
    let key = Bytes::from(key.clone().into_bytes());
    let value = Bytes::from(record.value.clone().into_bytes());
    let put = store::Command::Put(PutRequest { key, value, ..PutRequest::default() });
    Entry::new(position, EntryKind::Command, Header::default(), &put.encode())
}
