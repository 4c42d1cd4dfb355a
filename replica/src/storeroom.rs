//! The second machine that touches the disk: snapshot files, and the chores of the log that may take long. Nothing here is
//! waited for by a write of the log.

use std::io;

use bytes::Bytes;
use raft::Position;
use wal::snapshot_file::{self, IncomingSnapshot, SnapshotBytes, SnapshotError, SnapshotReader, SnapshotWriter};
use wal::{Base, Chore, Disk};

use crate::section::{Section, SectionError};
use crate::state_machine::{Freeze, RestoreError, StateMachine};
use crate::turn::TakeSnapshot;

/// The group that all files name; there is one for now.
pub(crate) const GROUP: u32 = 0;

/// The files beside the log.
#[derive(Debug, Clone)]
pub struct Storeroom<D: Disk> {
    disk: D,
}

/// Why a snapshot can't be used.
#[derive(Debug)]
pub enum LoadError {
    /// The file is damaged, foreign or unreadable.
    File(SnapshotError),
    /// Its first part can't be read.
    Section(String, SectionError),
    /// Its second part can't be read.
    Machine(String, RestoreError),
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(error) => write!(f, "{error}"),
            Self::Section(name, error) => write!(f, "{name}: {error}"),
            Self::Machine(name, error) => write!(f, "{name}: {error}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<SnapshotError> for LoadError {
    fn from(error: SnapshotError) -> Self {
        Self::File(error)
    }
}

/// A snapshot, read and verified.
pub struct Loaded<S> {
    /// The last entry that it covers.
    pub position: Position,
    /// The replica's own part.
    pub section: Section,
    /// The state machine built from it.
    pub machine: S,
}

impl<D: Disk> Storeroom<D> {
    /// Over the member's folder.
    pub fn new(disk: D) -> Self {
        Self { disk }
    }

    /// Removes what an earlier life left unfinished.
    ///
    /// # Errors
    /// What the disk said.
    pub fn clean_up(&self) -> io::Result<()> {
        snapshot_file::remove_unfinished(&self.disk)
    }

    /// Does a chore of the log.
    ///
    /// # Errors
    /// What the disk said; nothing is left of it then.
    pub fn perform(&self, chore: &Chore) -> io::Result<()> {
        chore.perform(&self.disk)
    }

    /// Writes a snapshot. When this returns it is durable, and older ones are gone.
    ///
    /// # Errors
    /// What the disk said; nothing is left of it then, and the older ones are still there.
    pub fn take<F: Freeze>(&self, snapshot: TakeSnapshot<F>) -> io::Result<()> {
        let position = snapshot.position;
        let written = self.write(snapshot);
        if written.is_err() {
            self.remove_unfinished(position);
        }
        written?;
        self.remove_older()
    }

    fn write<F: Freeze>(&self, snapshot: TakeSnapshot<F>) -> io::Result<()> {
        let TakeSnapshot { position, section, mut frozen } = snapshot;
        let mut writer = SnapshotWriter::create(self.disk.clone(), GROUP, base(position), &section.encode())?;
        frozen.write_to(&mut writer)?;
        writer.finish().map(|_| ())
    }

    /// A disk that is full must not stay so for a snapshot that came to nothing.
    fn remove_unfinished(&self, position: Position) {
        let name = snapshot_file::snapshot_name(base(position));
        for other in self.disk.list().unwrap_or_default() {
            if other != name && other.starts_with(&name) {
                let _left_for_the_next_start = self.disk.remove(&other);
            }
        }
    }

    /// The newest snapshot's bytes, to be sent to a peer. They can be read to the end even when a newer one takes its place.
    ///
    /// # Errors
    /// What the disk said; `NotFound` when there is none.
    pub fn open_newest(&self) -> io::Result<(Position, SnapshotBytes<D::File>)> {
        let newest = snapshot_file::newest(&self.disk)?.ok_or(io::ErrorKind::NotFound)?;
        Ok((position(newest.position), SnapshotBytes::open(&self.disk, &newest.name)?))
    }

    /// Begins to receive a snapshot.
    ///
    /// # Errors
    /// What the disk said.
    pub fn receive(&self, position: Position) -> io::Result<IncomingSnapshot<D>> {
        IncomingSnapshot::start(self.disk.clone(), GROUP, base(position))
    }

    /// A snapshot was received whole: verifies it, makes it durable and builds the state machine. Older ones are gone then.
    ///
    /// # Errors
    /// When it is damaged or not of this state machine; nothing of it is left then.
    pub fn received<S: StateMachine>(&self, incoming: IncomingSnapshot<D>) -> Result<Loaded<S>, LoadError> {
        let name = snapshot_file::snapshot_name(incoming.position());
        let all = snapshot_file::list(&self.disk).map_err(|error| read_error("the folder", error))?;
        if all.iter().any(|one| one.name == name) {
            // It is here already, and the log may stand on it: its copy must not take it along when something goes wrong.
            incoming.abandon();
            return self.load(&name);
        }
        let name = incoming.finish()?.name;
        let loaded = self.load(&name);
        if loaded.is_err() {
            let _damaged_and_of_no_use = snapshot_file::remove(&self.disk, &name);
        } else {
            // A member that is always behind gets one after the other, and takes none itself.
            let _left_for_the_next = self.remove_older();
        }
        loaded
    }

    /// The newest snapshot, read, verified and built into a state machine.
    ///
    /// # Errors
    /// When it is damaged or not of this state machine.
    pub fn load_newest<S: StateMachine>(&self) -> Result<Option<Loaded<S>>, LoadError> {
        let newest = snapshot_file::newest(&self.disk).map_err(|error| read_error("the folder", error))?;
        newest.map(|newest| self.load(&newest.name)).transpose()
    }

    fn load<S: StateMachine>(&self, name: &str) -> Result<Loaded<S>, LoadError> {
        let mut reader = SnapshotReader::open(&self.disk, name, GROUP)?;
        let section = Section::decode(&Bytes::copy_from_slice(reader.replica_section()))
            .map_err(|error| LoadError::Section(name.to_string(), error))?;
        let machine = S::restore(&mut reader).map_err(|error| LoadError::Machine(name.to_string(), error))?;
        let position = position(reader.position());
        reader.verify()?;
        Ok(Loaded { position, section, machine })
    }

    /// Two may do this at once: what the other has removed is gone.
    fn remove_older(&self) -> io::Result<()> {
        let mut all = snapshot_file::list(&self.disk)?;
        all.pop();
        all.iter().try_for_each(|older| match snapshot_file::remove(&self.disk, &older.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        })
    }
}

fn read_error(name: &str, error: io::Error) -> LoadError {
    LoadError::Machine(name.to_string(), RestoreError::Read(error))
}

fn base(position: Position) -> Base {
    Base { index: position.index.0, term: position.term.0 }
}

fn position(base: Base) -> Position {
    Position::new(base.index, base.term)
}
