//! The second machine that touches the disk: snapshot files, and the chores of the log that may take long. Nothing here is
//! waited for by a write of the log.

use std::io;

use bytes::Bytes;
use raft::Position;
use wal::snapshot_file::{
    self, IncomingSnapshot, SnapshotBytes, SnapshotError, SnapshotId, SnapshotName, SnapshotReader, SnapshotWriter,
};
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
    chunk_bytes: usize,
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
    /// The state machine made from it is not the one that was frozen: it has less, or more.
    Contradiction {
        /// The file.
        name: String,
        /// What the file says that the state machine said.
        frozen: u64,
        /// What it says now.
        restored: u64,
    },
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(error) => write!(f, "{error}"),
            Self::Section(name, error) => write!(f, "{name}: {error}"),
            Self::Machine(name, error) => write!(f, "{name}: {error}"),
            Self::Contradiction { name, frozen, restored } => write!(
                f,
                "{name}: the state machine made from it is not the one that was frozen ({restored:016x}, not {frozen:016x}): this \
                 program reads or writes its state wrongly; use one that does not, or remove the member from the cluster and \
                 add it again with an empty folder"
            ),
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
        Self { disk, chunk_bytes: snapshot_file::CHUNK_BYTES }
    }

    /// The same, and the snapshots that it takes consist of chunks of so many bytes: tests have small snapshots of many chunks.
    #[must_use]
    pub fn with_chunks_of(self, chunk_bytes: usize) -> Self {
        Self { chunk_bytes, ..self }
    }

    /// Removes what an earlier life left unfinished, but for the newest snapshot that was being received: its sender may go on.
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
        let (disk, section) = (self.disk.clone(), section.encode());
        let mut writer = SnapshotWriter::create_with(disk, GROUP, base(position), &section, self.chunk_bytes)?;
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
    /// When there is none, or it can't be read.
    pub fn open_newest(&self) -> Result<SnapshotBytes<D::File>, SnapshotError> {
        let newest = snapshot_file::newest(&self.disk).map_err(|error| SnapshotError::unlisted(&error))?;
        let newest = newest.ok_or_else(|| SnapshotError::unlisted(&io::ErrorKind::NotFound.into()))?;
        SnapshotBytes::open(&self.disk, &newest.name)
    }

    /// A snapshot is offered, and one is here that reaches as far: nothing needs to be sent. (It may have come from a leader that
    /// had been replaced when it was whole, so that it is on the disk and was not installed.)
    ///
    /// # Errors
    /// When it can't be read.
    pub fn load_instead<S: StateMachine>(&self, id: SnapshotId) -> Result<Option<Loaded<S>>, LoadError> {
        self.newest_from(id.position)?.map(|newest| self.load(&newest.name)).transpose()
    }

    fn newest_from(&self, position: Base) -> Result<Option<SnapshotName>, LoadError> {
        let newest = snapshot_file::newest(&self.disk).map_err(|error| read_error("the folder", error))?;
        Ok(newest.filter(|newest| newest.position >= position))
    }

    /// Begins to receive a snapshot, or goes on with what is here of it: `parked` from an earlier connection, or on the disk from
    /// an earlier life. What is here of any other is removed.
    ///
    /// # Errors
    /// What the disk said.
    pub fn receive(&self, id: SnapshotId, parked: Option<IncomingSnapshot<D>>) -> io::Result<IncomingSnapshot<D>> {
        let same = |other: SnapshotId| other == id;
        snapshot_file::remove_incoming(&self.disk, |other| !same(other))?;
        if let Some(parked) = parked.filter(|parked| same(parked.id())) {
            return Ok(parked);
        }
        match IncomingSnapshot::resume(self.disk.clone(), GROUP, id)? {
            Some(begun) => Ok(begun),
            None => IncomingSnapshot::start(self.disk.clone(), GROUP, id),
        }
    }

    /// A snapshot was received whole: makes it durable, builds the state machine from it, and gives it its name. Older ones are
    /// gone then.
    ///
    /// # Errors
    /// When it is not whole or not of this state machine; nothing of it is left then.
    pub fn received<S: StateMachine>(&self, incoming: IncomingSnapshot<D>) -> Result<Loaded<S>, LoadError> {
        let complete = incoming.complete()?;
        let name = snapshot_file::snapshot_name(complete.position());
        if let Some(newest) = self.newest_from(complete.position())? {
            // The log may stand on it: its copy must not take it along when something goes wrong.
            complete.abandon();
            return self.load(&newest.name);
        }
        let loaded = complete.reader().map_err(LoadError::File).and_then(|reader| load(&name, reader));
        match loaded {
            Ok(loaded) => {
                complete.publish()?;
                // A member that is always behind gets one after the other, and takes none itself.
                let _left_for_the_next = self.remove_older();
                Ok(loaded)
            }
            Err(error) => {
                complete.abandon();
                Err(error)
            }
        }
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
        load(name, SnapshotReader::open(&self.disk, name, GROUP)?)
    }

    /// Two may do this at once: what the other has removed is gone.
    fn remove_older(&self) -> io::Result<()> {
        let mut all = snapshot_file::list(&self.disk)?;
        let newest = all.pop().map(|newest| newest.position);
        snapshot_file::remove_incoming(&self.disk, |id| Some(id.position) <= newest)?;
        all.iter().try_for_each(|older| match snapshot_file::remove(&self.disk, &older.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        })
    }
}

fn load<S: StateMachine, F: wal::DiskFile>(name: &str, mut reader: SnapshotReader<F>) -> Result<Loaded<S>, LoadError> {
    let section = Section::decode(&Bytes::copy_from_slice(reader.replica_section()))
        .map_err(|error| LoadError::Section(name.to_string(), error))?;
    let machine = S::restore(&mut reader).map_err(|error| LoadError::Machine(name.to_string(), error))?;
    let position = position(reader.position());
    reader.verify()?;
    let (frozen, restored) = (section.digest, machine.digest());
    if frozen != 0 && restored != 0 && frozen != restored {
        return Err(LoadError::Contradiction { name: name.to_owned(), frozen, restored });
    }
    Ok(Loaded { position, section, machine })
}

fn read_error(name: &str, error: io::Error) -> LoadError {
    LoadError::Machine(name.to_string(), RestoreError::Read(error))
}

fn base(position: Position) -> Base {
    Base { index: position.index.0, term: position.term.0 }
}

pub(crate) fn position(base: Base) -> Position {
    Position::new(base.index, base.term)
}
