//! Opening a log: read it, cut what a crash tore, and make what was read durable before anyone relies on it.
//!
//! Reading is in `replay`; nothing is changed on the disk before all of it was read and found good.

use crate::batch::{Base, Batch, Entry, HardState};
use crate::disk::{CHUNK_BYTES, Disk, DiskFile, write_zeros};
use crate::error::{Damage, Failure, OpenError, WriteError, is_no_room};
use crate::options::Options;
use crate::position::Position;
use crate::record::Stamp;
use crate::replay::{Contents, Found, Torn, replay};
use crate::segment::{
    BATCH_BYTES_MAX, Folder, Opening, Previous, Segment, Segments, life, opening_size, segment_name, spare_name,
    unfinished_name,
};
use crate::snapshot_file;
use crate::spare::{Spares, remove_if_there};
use crate::writer::{Live, Mark, Wal, encode_batch};
use std::io;

/// What a log held when it was opened. All of it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The newest hard state.
    pub hard_state: HardState,
    /// Raised, durably, by each opening; 1 after the log was created.
    pub incarnation: u64,
    /// Everything up to here is in a snapshot.
    pub base: Base,
    /// The entries after the base, without a gap.
    pub entries: Vec<Entry>,
    /// The log was sealed by a clean stop.
    pub clean: bool,
    /// The write that a crash cut short, if one can be seen.
    pub torn: Option<Torn>,
}

impl<D: Disk> Wal<D> {
    /// Whether the folder holds a log.
    ///
    /// # Errors
    /// When the folder can't be listed.
    pub fn exists(disk: &D) -> Result<bool, OpenError> {
        Ok(!folder_of(disk)?.segments.is_empty())
    }

    /// Makes a new, empty log, with incarnation 1. A crash in the middle leaves no log.
    ///
    /// # Errors
    /// [`OpenError::AlreadyThere`] and [`OpenError::Remains`] if a member ran in this folder before; `NoRoom`; `Io`.
    pub fn create(disk: D, options: Options) -> Result<(Self, Recovered), OpenError> {
        options.check()?;
        let folder = folder_of(&disk)?;
        if let Some(number) = folder.segments.last() {
            return Err(OpenError::AlreadyThere { file: segment_name(*number) });
        }
        if let Some(number) = folder.spares.last() {
            return Err(OpenError::Remains { file: spare_name(*number) });
        }
        let snapshots = snapshot_file::list(&disk).map_err(io_error("list", ""))?;
        if let Some(snapshot) = snapshots.last() {
            return Err(OpenError::Remains { file: snapshot.name.clone() });
        }
        let mut buffer = Vec::new();
        let name = segment_name(1);
        let made = first_segment(&disk, options, &mut buffer);
        let live = made.map_err(|error| {
            if is_no_room(&error) {
                let _left_for_the_next_start = disk.remove(&unfinished_name(&name));
                return OpenError::NoRoom;
            }
            io_error("create", &name)(error)
        })?;
        let position = Position { incarnation: 1, ..Position::default() };
        let mut segments = Segments::default();
        segments.push(Segment { number: 1, bytes: live.bytes, last_index: 0 });
        let spares = Spares::new(Vec::new(), 1, options.segment_bytes, options.spares);
        let recovered = recovered(&position, Vec::new(), false, None);
        let (next_batch, unsynced, failure) = (2, false, None);
        let wal = Self { disk, options, position, segments, live, next_batch, unsynced, spares, buffer, failure };
        Ok((wal, recovered))
    }

    /// Opens the log that is in the folder, and durably raises its incarnation.
    ///
    /// # Errors
    /// [`OpenError`]; on damage nothing was changed in the folder.
    pub fn open(disk: D, options: Options) -> Result<(Self, Recovered), OpenError> {
        options.check()?;
        let mut folder = folder_of(&disk)?;
        if folder.segments.is_empty() {
            return Err(OpenError::NoLog);
        }
        let leftovers = folder.split_off_leftovers();
        let found = replay(options.group, &folder.segments, |number| read_segment(&disk, number))?;
        let mut spares = usable_spares(&disk, &folder, options)?;
        let file = repair(&disk, &found, &mut spares)?;
        for name in leftovers.iter().map(|number| segment_name(*number)).chain(folder.unfinished) {
            remove_if_there(&disk, &name).map_err(io_error("remove", &name))?;
        }
        disk.sync_dir().map_err(io_error("sync", ""))?;
        let clean = found.sealed && found.torn.is_none();
        let live = Live {
            file,
            number: found.tail.contents.number,
            bytes: found.tail.contents.bytes.len() as u64,
            life: found.tail.life,
            offset: found.tail.last_batch.end as u64,
            previous: found.tail.previous,
        };
        let mut wal = Self {
            disk,
            options,
            position: found.position,
            segments: found.segments,
            live,
            next_batch: found.next_batch,
            unsynced: false,
            spares,
            buffer: Vec::new(),
            failure: None,
        };
        // All that was read is durable now, the base too: what it has passed may make room for the next batch.
        wal.recycle();
        wal.raise_incarnation()?;
        let recovered = recovered(&wal.position, found.entries, clean, found.torn);
        Ok((wal, recovered))
    }

    fn raise_incarnation(&mut self) -> Result<(), OpenError> {
        let mark = Mark::Incarnation(self.position.incarnation + 1);
        let batch = Batch::new(self.position.hard_state);
        self.write_marked(&batch, mark).and_then(|()| self.sync()).map_err(|error| match error {
            WriteError::NoRoom => OpenError::NoRoom,
            WriteError::Failed(failure) => OpenError::Io(failure),
            WriteError::TooLarge { .. } | WriteError::Invalid(_) => OpenError::Options(error.to_string()),
        })
    }
}

fn recovered(position: &Position, entries: Vec<Entry>, clean: bool, torn: Option<Torn>) -> Recovered {
    let Position { hard_state, incarnation, base, last_index: _ } = *position;
    Recovered { hard_state, incarnation, base, entries, clean, torn }
}

fn io_error(operation: &'static str, file: &str) -> impl Fn(io::Error) -> OpenError {
    move |error| OpenError::Io(Failure::new(operation, file, &error))
}

fn folder_of<D: Disk>(disk: &D) -> Result<Folder, OpenError> {
    disk.list().map(Folder::of).map_err(io_error("list", ""))
}

/// Writes the first segment with its first batch under an unfinished name, so that a log appears whole or not at all.
fn first_segment<D: Disk>(disk: &D, options: Options, buffer: &mut Vec<u8>) -> io::Result<Live<D::File>> {
    let (number, bytes, batch) = (1, options.segment_bytes, 1);
    let stamp = Stamp { group: options.group, life: life(options.life_seed, number, batch), batch };
    let (previous, position) = (Previous::default(), Position::default());
    let opening = Opening { number, bytes, previous, position };
    encode_batch(buffer, stamp, Some(opening), &Batch::default(), Mark::Incarnation(1));
    let name = segment_name(number);
    let unfinished = unfinished_name(&name);
    remove_if_there(disk, &unfinished)?;
    let file = disk.create(&unfinished)?;
    file.write_all_at(buffer, 0)?;
    write_zeros(&file, buffer.len() as u64, bytes)?;
    file.sync_data()?;
    disk.rename(&unfinished, &name)?;
    disk.sync_dir()?;
    Ok(Live { file, number, bytes, life: stamp.life, offset: buffer.len() as u64, previous })
}

fn read_segment<D: Disk>(disk: &D, number: u64) -> Result<Contents, OpenError> {
    let name = segment_name(number);
    let file = disk.open(&name).map_err(io_error("open", &name))?;
    let length = file.length().map_err(io_error("measure", &name))?;
    let length = usize::try_from(length).map_err(|_| {
        OpenError::Damaged(Damage { file: name.clone(), offset: 0, what: format!("{length} bytes long") })
    })?;
    let mut bytes = vec![0; length];
    for (chunk, part) in bytes.chunks_mut(CHUNK_BYTES).enumerate() {
        let offset = (chunk * CHUNK_BYTES) as u64;
        // What can't be read may have been acknowledged: it is never taken for a tear.
        file.read_exact_at(part, offset).map_err(|error| {
            OpenError::Damaged(Damage { file: name.clone(), offset, what: format!("it can't be read: {error}") })
        })?;
    }
    Ok(Contents { number, bytes })
}

/// The spares of the right length; the others are removed.
fn usable_spares<D: Disk>(disk: &D, folder: &Folder, options: Options) -> Result<Spares, OpenError> {
    let mut ready = Vec::new();
    for &number in &folder.spares {
        let name = spare_name(number);
        let length = disk.open(&name).and_then(|file| file.length()).map_err(io_error("open", &name))?;
        if length == options.segment_bytes {
            ready.push(number);
        } else {
            disk.remove(&name).map_err(io_error("remove", &name))?;
        }
    }
    let next_number = folder.spares.last().map_or(1, |last| last + 1);
    Ok(Spares::new(ready, next_number, options.segment_bytes, options.spares))
}

/// Cuts what is torn, and writes the last complete batch again.
///
/// After a kill between write and sync, or after a failed sync, the page cache shows bytes that the platter may lack, and a sync alone may
/// succeed without writing them: only bytes written again are sure to be written. The same goes for zeros that an earlier recovery
/// wrote, so they are written whether or not a tear can be seen, as far as one batch can reach.
fn repair<D: Disk>(disk: &D, found: &Found, spares: &mut Spares) -> Result<D::File, OpenError> {
    if let Some((number, bytes)) = found.never_begun {
        let name = segment_name(number);
        let file = disk.open(&name).map_err(io_error("open", &name))?;
        write_zeros(&file, 0, bytes.min(opening_size() + BATCH_BYTES_MAX)).map_err(io_error("cut", &name))?;
        file.sync_data().map_err(io_error("sync", &name))?;
        match spares.recycle(bytes) {
            Some(spare) => {
                disk.rename(&name, &spare_name(spare)).map_err(io_error("rename", &name))?;
                spares.add(spare);
            }
            None => disk.remove(&name).map_err(io_error("remove", &name))?,
        }
    }
    let tail = &found.tail;
    let name = segment_name(tail.contents.number);
    let file = disk.open(&name).map_err(io_error("open", &name))?;
    let (start, end) = (tail.last_batch.start as u64, tail.last_batch.end as u64);
    let last_batch = &tail.contents.bytes[tail.last_batch.clone()];
    file.write_all_at(last_batch, start).map_err(io_error("write", &name))?;
    let reach = (end + BATCH_BYTES_MAX).min(tail.contents.bytes.len() as u64);
    write_zeros(&file, end, reach).map_err(io_error("cut", &name))?;
    file.sync_data().map_err(io_error("sync", &name))?;
    Ok(file)
}
