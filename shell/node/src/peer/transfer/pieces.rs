//! The pieces of a snapshot on their way from a connection to a file: one thread reads them, one checks and writes them, one
//! syncs what was written. So neither the line nor the disk waits for the other, as long as not much is between them.
//!
//! What a piece must be to count is known to the file (`wal`), and who may send to `replica`.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::{Buf, Bytes};
use wal::DiskFile;
use wal::folder_disk::{FolderDisk, FolderFile};
use wal::snapshot_file::{IncomingSnapshot, SnapshotError};

use super::{PIECE_BYTES_MAX, read_frame};
use crate::peer::frame;

/// Pieces that were read and are not written yet: about as many bytes as a sync takes along.
const AHEAD_MAX: usize = 32;
/// Syncs that are due beside the one that is under way.
const SYNCS_MAX: usize = 1;

/// Why no more of a file is taken from this connection.
pub(super) enum PieceError {
    /// It broke, or what came is no piece.
    Connection(io::Error),
    /// The piece is not what was to come, or the disk refused.
    File(SnapshotError),
    /// Another connection took its place.
    Replaced,
}

type Piece = (u64, Bytes);

/// Takes all that is missing of the file.
pub(super) fn take_all(
    stream: &TcpStream,
    incoming: &mut IncomingSnapshot<FolderDisk>,
    is_present: impl Fn() -> bool,
) -> Result<(), PieceError> {
    let (at, length) = (incoming.go_on(), incoming.id().length);
    let stream = stream.try_clone().map_err(PieceError::Connection)?;
    std::thread::scope(|scope| {
        let (ahead, pieces) = sync_channel(AHEAD_MAX);
        let (due, dues) = sync_channel(SYNCS_MAX);
        scope.spawn(move || read(stream, at..length, &ahead));
        let syncs = scope.spawn(move || sync(&dues));
        let written = write(incoming, at, &pieces, due, is_present);
        // The reader ends with the next piece that nobody takes.
        drop(pieces);
        let synced = syncs.join().unwrap_or_else(|_| Err(io::Error::other("the thread that syncs it is gone")));
        // First of all what a sync said: it is said only once, and the file is worth nothing after it.
        synced.map_err(|error| PieceError::File(incoming.not_synced(&error))).and(written)
    })
}

fn read(mut stream: TcpStream, bytes: std::ops::Range<u64>, ahead: &SyncSender<io::Result<Piece>>) {
    let mut at = bytes.start;
    while at < bytes.end {
        let piece = read_piece(&mut stream);
        at = piece.as_ref().map_or(bytes.end, |(offset, piece)| at.max(offset.saturating_add(piece.len() as u64)));
        if ahead.send(piece).is_err() {
            return;
        }
    }
}

fn read_piece(stream: &mut TcpStream) -> io::Result<Piece> {
    let mut piece = read_frame(stream, PIECE_BYTES_MAX)?;
    let offset = piece.try_get_u64_le();
    let offset = offset.map_err(|_| frame::invalid("a piece of the snapshot can't be read".into()))?;
    Ok((offset, piece))
}

fn write(
    incoming: &mut IncomingSnapshot<FolderDisk>,
    mut at: u64,
    pieces: &Receiver<io::Result<Piece>>,
    due: SyncSender<Arc<FolderFile>>,
    is_present: impl Fn() -> bool,
) -> Result<(), PieceError> {
    while at < incoming.id().length {
        let piece = pieces.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
        if !is_present() {
            return Err(PieceError::Replaced);
        }
        let (offset, piece) = piece.map_err(PieceError::Connection)?;
        incoming.append(offset, &piece).map_err(PieceError::File)?;
        at = at.max(offset.saturating_add(piece.len() as u64));
        if let Some(file) = incoming.take_due_sync()
            && due.send(file).is_err()
        {
            // A sync failed, which its thread tells.
            return Ok(());
        }
    }
    Ok(())
}

fn sync(dues: &Receiver<Arc<FolderFile>>) -> io::Result<()> {
    dues.iter().try_for_each(|file| file.sync_data())
}
