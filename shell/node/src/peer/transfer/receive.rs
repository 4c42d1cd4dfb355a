//! The receiver of snapshots: a thread for each connection, of which one at a time is at work.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use raft::{NodeId, Position};
use replica::transfers::{Offer, Receiving, Visit};
use replica::{Loaded, ReceivedSnapshot, StateMachine, Storeroom};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tracing::{info, warn};
use wal::folder_disk::FolderDisk;
use wal::snapshot_file::{IncomingSnapshot, SnapshotError};

use super::pieces::{self, PieceError};
use super::{PATIENCE_ASKED, SILENCE_MAX, WORDS_BYTES_MAX, Word, read_frame, take_offer, write_frame};
use crate::arrival::Done;
use crate::handle::Status;

/// What still comes from a sender that was refused is read for so long, or it would lose the refusal with its connection.
const DRAIN_MAX: Duration = Duration::from_secs(1);
/// Connections at once: one is at work, some that it replaced may not have noticed yet.
const GUESTS_MAX: usize = 8;

/// Receives snapshots.
pub(crate) struct Receiver<S: StateMachine> {
    storeroom: Storeroom<FolderDisk>,
    done: UnboundedSender<Done<S>>,
    status: watch::Receiver<Status>,
    door: Arc<Door>,
}

/// Who is let in.
#[derive(Default)]
struct Door {
    receiving: Mutex<Receiving<FolderDisk>>,
    /// The connection of who is.
    present: Mutex<Option<TcpStream>>,
    /// Held by who works at the file: whoever was replaced lets go of it before the next begins.
    file: Mutex<()>,
    /// Threads, each for a connection.
    guests: AtomicUsize,
}

impl Door {
    /// Room for one more thread, if there is.
    fn take_place(&self) -> bool {
        let more = |guests: usize| (guests < GUESTS_MAX).then_some(guests + 1);
        self.guests.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_place_back(&self) {
        self.guests.fetch_sub(1, Ordering::Relaxed);
    }
}

type Incoming = IncomingSnapshot<FolderDisk>;

impl<S: StateMachine> Receiver<S> {
    pub(crate) fn new(
        storeroom: Storeroom<FolderDisk>,
        done: UnboundedSender<Done<S>>,
        status: watch::Receiver<Status>,
    ) -> Self {
        Self { storeroom, done, status, door: Arc::default() }
    }

    /// Takes over a connection, on a thread of its own.
    pub(crate) fn start(&self, from: NodeId, stream: TcpStream) {
        if !self.door.take_place() {
            return warn!(%from, "too many connections for snapshots at once; the sender tries again");
        }
        let guest = Guest {
            storeroom: self.storeroom.clone(),
            done: self.done.clone(),
            status: self.status.clone(),
            door: self.door.clone(),
            from,
        };
        let leaving = self.door.clone();
        let work = move || {
            let mut stream = stream;
            let result = guest.run(&mut stream);
            match &result {
                Ok((position, _)) => info!(%from, %position, "received a snapshot"),
                Err(error) => warn!(%from, error, "a snapshot was not received; its sender tries again"),
            }
            let refused = result.is_err();
            let word = result.map_or_else(Word::Refused, |(_, length)| Word::GoOn(length));
            let _the_sender_tries_again = write_frame(&mut stream, |out| word.put(out));
            if refused {
                drain(&mut stream);
            }
            leaving.give_place_back();
        };
        if let Err(error) = std::thread::Builder::new().name("snapshot-in".into()).spawn(work) {
            warn!(%error, "no thread for receiving a snapshot");
            self.door.give_place_back();
        }
    }
}

/// One connection.
struct Guest<S: StateMachine> {
    storeroom: Storeroom<FolderDisk>,
    done: UnboundedSender<Done<S>>,
    status: watch::Receiver<Status>,
    door: Arc<Door>,
    from: NodeId,
}

impl<S: StateMachine> Guest<S> {
    /// Receives a snapshot and has it installed: its position and the length of its file, or a sentence for both sides.
    fn run(&self, stream: &mut TcpStream) -> Result<(Position, u64), String> {
        let text = |error: io::Error| error.to_string();
        stream.set_nonblocking(false).map_err(text)?;
        stream.set_read_timeout(Some(SILENCE_MAX)).map_err(text)?;
        stream.set_write_timeout(Some(SILENCE_MAX)).map_err(text)?;
        let offer = take_offer(read_frame(stream, WORDS_BYTES_MAX).map_err(text)?);
        let offer = offer.ok_or("the offer of the snapshot can't be read")?;
        let known = self.status.borrow().term;
        let entered = lock(&self.door.receiving).enter(self.from, offer.term, known);
        let visit = entered.map_err(|not_now| not_now.to_string())?;
        let mine = stream.try_clone().map_err(text)?;
        if let Some(before) = lock(&self.door.present).replace(mine) {
            let _it_may_be_dead = before.shutdown(Shutdown::Both);
        }
        let at_work = lock(&self.door.file);
        let mut left = None;
        let result = self.receive(stream, visit, &offer, &mut left);
        lock(&self.door.receiving).leave(visit, left);
        drop(at_work);
        result.map(|position| (position, offer.id.length))
    }

    fn receive(
        &self,
        stream: &mut TcpStream,
        visit: Visit,
        offer: &Offer,
        left: &mut Option<Incoming>,
    ) -> Result<Position, String> {
        let (length, began) = (offer.id.length, Instant::now());
        let here = asking_for_patience(stream, || self.storeroom.load_instead(offer.id));
        if let Some(loaded) = here.map_err(|error| error.to_string())? {
            info!(from = %self.from, position = %loaded.position, "a snapshot that is here is taken in instead of one that is offered");
            return self.take_in(loaded, offer);
        }
        let parked = {
            let mut receiving = lock(&self.door.receiving);
            if !receiving.is_present(visit) {
                return Err("a newer connection took the place of this one".into());
            }
            receiving.take_parked()
        };
        let opened = asking_for_patience(stream, || self.storeroom.receive(offer.id, parked));
        let incoming = left.insert(opened.map_err(|error| error.to_string())?);
        let at = incoming.go_on();
        info!(from = %self.from, position = %offer.position(), bytes = length, here = at, "receiving a snapshot");
        write_frame(stream, |out| Word::GoOn(at).put(out)).map_err(|error| error.to_string())?;
        let taken = pieces::take_all(stream, incoming, || lock(&self.door.receiving).is_present(visit));
        if let Err(error) = taken {
            return Err(self.broken_off(left, length, error));
        }
        if !lock(&self.door.receiving).build(visit) {
            return Err("a newer connection took the place of this one".into());
        }
        let Some(incoming) = left.take() else { return Err("nothing of the snapshot is here".into()) };
        let (arrived, began) = (began.elapsed().as_millis(), Instant::now());
        let installed = asking_for_patience(stream, || self.install(incoming, offer));
        info!(arrived_ms = arrived, installed_ms = began.elapsed().as_millis(), "a snapshot that was sent is here");
        installed
    }

    /// What both sides hear, and what is kept of the file.
    fn broken_off(&self, left: &mut Option<Incoming>, length: u64, error: PieceError) -> String {
        match error {
            PieceError::Connection(error) => {
                let here = left.as_mut().map_or(0, Incoming::go_on);
                format!("{error}; {here} of {length} bytes are here and stay for the next connection")
            }
            PieceError::File(error) => given_up(left, &error),
            PieceError::Replaced => "a newer connection took the place of this one".into(),
        }
    }

    fn install(&self, incoming: Incoming, offer: &Offer) -> Result<Position, String> {
        let loaded = self.storeroom.received(incoming);
        self.take_in(loaded.map_err(|error| error.to_string())?, offer)
    }

    /// Has the loop take it in.
    fn take_in(&self, Loaded { position, section, machine }: Loaded<S>, offer: &Offer) -> Result<Position, String> {
        let (taken, wait) = mpsc::channel();
        let received = ReceivedSnapshot { from: self.from, term: offer.term, position, section, machine };
        self.done.send(Done::SnapshotReceived(Box::new(received), taken)).map_err(|_| "the member is stopping")?;
        wait.recv().map_err(|_| "the member is stopping")?;
        Ok(position)
    }
}

/// A disk that failed or is full keeps nothing of it; what was damaged on its way is only sent again.
fn given_up(left: &mut Option<Incoming>, error: &SnapshotError) -> String {
    if matches!(error, SnapshotError::Io(_))
        && let Some(incoming) = left.take()
    {
        incoming.abandon();
        return format!("{error}; what was received is removed");
    }
    error.to_string()
}

/// Does what may take long, and says to the sender now and then that it goes on.
fn asking_for_patience<T>(stream: &TcpStream, work: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        let (over, is_over) = mpsc::channel::<()>();
        if let Ok(mut stream) = stream.try_clone() {
            scope.spawn(move || {
                let goes_on = || is_over.recv_timeout(PATIENCE_ASKED) == Err(mpsc::RecvTimeoutError::Timeout);
                while goes_on() && write_frame(&mut stream, |out| Word::Wait.put(out)).is_ok() {}
            });
        }
        let result = work();
        drop(over);
        result
    })
}

fn drain(stream: &mut TcpStream) {
    let (begun, mut buffer) = (Instant::now(), [0; 16 << 10]);
    let _both_may_be_gone = (stream.shutdown(Shutdown::Write), stream.set_read_timeout(Some(DRAIN_MAX)));
    while begun.elapsed() < DRAIN_MAX && stream.read(&mut buffer).is_ok_and(|bytes| bytes > 0) {}
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
