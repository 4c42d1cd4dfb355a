//! Starting a member from its folder: log and newest snapshot are read, checked against each other, and made into a
//! [`Replica`] and the machines beside it.
//!
//! A new member first makes its log, then a snapshot of the empty state machine at `0@0`, which holds the first
//! configuration. So a folder with a log that says something, but without a snapshot, has lost one.

use std::fmt;

use raft::{Boot, Configuration, Entry, HardState, Index, NodeId, Position, Raft, Slice, Term};
use wal::{Disk, Options, Recovered, Wal};

use crate::durable::DurableLog;
use crate::replica::{Config, Own, Replica};
use crate::section::Section;
use crate::sessions::Sessions;
use crate::state_machine::StateMachine;
use crate::storeroom::{LoadError, Loaded, Storeroom};
use crate::turn::TakeSnapshot;

/// What a member starts with when its folder is new.
pub struct First<S> {
    /// The configuration of the new cluster, the same on all its members.
    pub configuration: Configuration,
    /// The empty state machine.
    pub machine: S,
}

/// A member that has started.
pub struct Started<S: StateMachine, D: Disk> {
    /// Consensus, state machine and clients.
    pub replica: Replica<S>,
    /// The log's machine.
    pub log: DurableLog<D>,
    /// The machine for everything else on the disk.
    pub storeroom: Storeroom<D>,
    /// Which life of this disk it is; peers refuse an earlier one.
    pub incarnation: u64,
    /// A write that a crash cut short was cut off; what it was.
    pub torn: Option<String>,
}

/// Why a member can't start. Nothing was changed in its folder, except where a new one was being made.
#[derive(Debug)]
pub enum StartError {
    /// The log.
    Log(wal::OpenError),
    /// The newest snapshot.
    Snapshot(LoadError),
    /// The log and the snapshots don't fit together, or the log says what can't be.
    Mismatch(String),
    /// The folder could not be made ready.
    Create(std::io::Error),
    /// What was read back could not be mended.
    Mend(wal::WriteError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(error) => write!(f, "{error}"),
            Self::Snapshot(error) => write!(f, "{error}"),
            Self::Mismatch(what) => write!(
                f,
                "{what}: remove the member from the cluster and add it again with an empty folder, or put back an undamaged \
                 copy of the whole folder"
            ),
            Self::Create(error) => write!(f, "the folder of snapshots can't be made ready: {error}"),
            Self::Mend(error) => write!(f, "the log can't be mended: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Whether a member's log is in the folder.
///
/// # Errors
/// When the folder can't be read.
pub fn exists<D: Disk>(disk: &D) -> Result<bool, StartError> {
    Wal::exists(disk).map_err(StartError::Log)
}

/// Starts node `id` from its folder. `first` is given only for a folder that never held a member, by the operator's word;
/// `own` is what the configuration is to keep for it.
///
/// # Errors
/// See [`StartError`].
pub fn start<S: StateMachine, D: Disk>(
    disk: D,
    id: NodeId,
    options: Options,
    config: Config,
    first: Option<First<S>>,
    own: Own,
) -> Result<Started<S, D>, StartError> {
    let storeroom = Storeroom::new(disk.clone());
    // Before the log is opened, which writes to it: a start that is refused changes nothing.
    let newest = storeroom.load_newest().map_err(StartError::Snapshot)?;
    if newest.is_none() && first.is_none() && exists(&disk)? {
        return Err(no_snapshot());
    }
    newest.as_ref().map_or(Ok(()), |newest| is_ours(newest, id, own.disk))?;
    let opened = if first.is_some() && !exists(&disk)? { Wal::create(disk, options) } else { Wal::open(disk, options) };
    let (mut wal, recovered) = opened.map_err(StartError::Log)?;
    storeroom.clean_up().map_err(StartError::Create)?;
    let loaded = match newest {
        Some(loaded) => loaded,
        None => first_snapshot(&storeroom, &recovered, first)?,
    };
    let incarnation = recovered.incarnation;
    let torn = recovered.torn.as_ref().map(ToString::to_string);
    let boot = fit(recovered, &loaded, &mut wal)?;
    let raft = Raft::new(id, config.raft, boot);
    let replica = Replica::new(raft, loaded.machine, config, incarnation, own).with_sessions(loaded.section.sessions);
    Ok(Started { replica, log: DurableLog::new(wal), storeroom, incarnation, torn })
}

/// Other clusters have a node of this number too, on another disk.
fn is_ours<S>(snapshot: &Loaded<S>, id: NodeId, disk: u64) -> Result<(), StartError> {
    let Loaded { position, section, .. } = snapshot;
    let said = section.configuration.members.get(&id).map_or(0, |member| member.disk);
    if said == 0 || said == disk {
        return Ok(());
    }
    Err(StartError::Mismatch(format!(
        "the newest snapshot, which covers the log up to {position}, is of a cluster in which {id} has the disk {said:016x}, and this is \
         {disk:016x}: it is another cluster's file, or of an earlier member of that number"
    )))
}

fn no_snapshot() -> StartError {
    StartError::Mismatch("the log is there, and no snapshot, not even the first".into())
}

/// The snapshot at `0@0`, if this folder is new (or a crash fell between making its log and this).
fn first_snapshot<S: StateMachine, D: Disk>(
    storeroom: &Storeroom<D>,
    recovered: &Recovered,
    first: Option<First<S>>,
) -> Result<Loaded<S>, StartError> {
    let untouched =
        recovered.hard_state == wal::HardState::default() && recovered.base.index == 0 && recovered.entries.is_empty();
    let Some(mut first) = first.filter(|_| untouched) else {
        return Err(no_snapshot());
    };
    let (digest, configuration) = (first.machine.digest(), first.configuration);
    let section = Section { time: 0, digest, sessions: Sessions::default(), configuration };
    let frozen = first.machine.freeze();
    let snapshot = TakeSnapshot { position: Position::ZERO, section: section.clone(), frozen };
    storeroom.take(snapshot).map_err(StartError::Create)?;
    Ok(Loaded { position: Position::ZERO, section, machine: first.machine })
}

/// Fits log and snapshot together. A snapshot that is ahead of the log, or not on it, was received just before a crash: the
/// log is reset behind it, as it would have been then.
fn fit<S, D: Disk>(recovered: Recovered, loaded: &Loaded<S>, wal: &mut Wal<D>) -> Result<Boot, StartError> {
    let snapshot = loaded.position;
    let base = Position::new(recovered.base.index, recovered.base.term);
    if snapshot.index < base.index {
        let what = format!("the log begins behind {base}, and the newest snapshot only covers {snapshot}");
        return Err(StartError::Mismatch(what));
    }
    let there = recovered.entries.iter().find(|entry| entry.index == snapshot.index.0);
    let there = there.map_or(base, |entry| Position::new(entry.index, entry.term));
    let committed = base.index.0.max(recovered.hard_state.commit);
    if there.index == snapshot.index && there != snapshot && snapshot.index.0 <= committed {
        let what = format!("the log says that {there} is committed, and the newest snapshot covers {snapshot}");
        return Err(StartError::Mismatch(what));
    }
    let hard_state = HardState {
        term: Term(recovered.hard_state.term),
        vote: Some(NodeId(recovered.hard_state.vote)).filter(|vote| vote.0 != 0),
        commit: Index(recovered.hard_state.commit),
    };
    let mut boot = Boot {
        hard_state,
        base,
        base_time: 0,
        entries: entries(recovered, base)?,
        snapshot: snapshot.index,
        configuration: loaded.section.configuration.clone(),
    };
    let on_the_log = base == snapshot || boot.entries.iter().any(|entry| entry.position() == snapshot);
    if !on_the_log {
        let to = wal::Base { index: snapshot.index.0, term: snapshot.term.0 };
        let reset = wal::Batch::new(wal.hard_state()).with_base(wal::BaseChange::Reset(to));
        wal.write(&reset).and_then(|()| wal.sync()).map_err(StartError::Mend)?;
        (boot.base, boot.entries) = (snapshot, Vec::new());
    }
    if boot.base == snapshot {
        boot.base_time = loaded.section.time;
    }
    Ok(boot)
}

fn entries(recovered: Recovered, base: Position) -> Result<Vec<Entry>, StartError> {
    let read = |entry: wal::Entry| {
        let position = Position::new(entry.index, entry.term);
        Entry::from_body(position, entry.bytes)
            .map_err(|error| StartError::Mismatch(format!("entry {position} of the log can't be read: {error}")))
    };
    let entries: Vec<Entry> = recovered.entries.into_iter().map(read).collect::<Result<_, _>>()?;
    let run = Slice::new(base, entries).map_err(|error| StartError::Mismatch(format!("the log is no log: {error}")))?;
    Ok(run.entries().to_vec())
}
