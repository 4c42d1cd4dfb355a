//! The sender of snapshots: a thread for each, one rate for all of them together.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use raft::{Index, NodeId, Term};
use replica::transfers::{Offer, Outgoing, Pace, SendError, Sending};
use replica::{SendSnapshot, StateMachine, Time};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tracing::{info, warn};
use wal::folder_disk::FolderDisk;

use super::{PIECE_BYTES, SILENCE_MAX, WORDS_BYTES_MAX, Word, put_offer, read_frame, write_frame};
use crate::arrival::Done;
use crate::handle::Status;
use crate::look::{Measured, SnapshotSent};
use crate::peer::frame;
use crate::peer::hello::{self, HELLO_BYTES_MAX, Hello};

/// Between two looks at whether clients write.
const LOOK: Duration = Duration::from_millis(100);
/// Before a snapshot that was cut is tried again.
const PAUSE_CUT: Duration = Duration::from_millis(100);
/// Before one that was refused is.
const PAUSE_REFUSED: Duration = Duration::from_secs(1);

/// What the threads share.
pub(crate) struct Sender {
    sending: Mutex<Sending<FolderDisk>>,
    pace: Mutex<Pace>,
    start: Instant,
    status: watch::Receiver<Status>,
    measured: Arc<Measured>,
}

/// How a transfer ended.
enum End {
    Delivered,
    /// The connection broke.
    Cut(io::Error),
    /// The receiver will not have it now.
    Refused(String),
    /// The own file can't be read.
    Unreadable(SendError),
    /// This node leads that term no more: it is the next leader's affair.
    Deposed,
}

impl Sender {
    pub(crate) fn new(
        sending: Sending<FolderDisk>,
        pace: Pace,
        status: watch::Receiver<Status>,
        measured: Arc<Measured>,
    ) -> Self {
        Self { sending: Mutex::new(sending), pace: Mutex::new(pace), start: Instant::now(), status, measured }
    }

    /// This node leads no more.
    pub(crate) fn forget(&self) {
        lock(&self.sending).forget();
    }

    /// Sends a snapshot on a thread of its own; `done` hears when that has ended, well or not, after a pause if not.
    pub(crate) fn start<S: StateMachine>(
        self: &Arc<Self>,
        snapshot: SendSnapshot,
        hello: Hello,
        address: Option<String>,
        done: UnboundedSender<Done<S>>,
    ) {
        let (sender, to, tell) = (self.clone(), snapshot.to, done.clone());
        let work = move || {
            let pause = sender.run(snapshot, &hello, address.as_deref());
            std::thread::sleep(pause);
            let _the_loop_may_be_gone = tell.send(Done::SnapshotSent(to));
        };
        if let Err(error) = std::thread::Builder::new().name("snapshot-out".into()).spawn(work) {
            warn!(peer = %to, %error, "no thread for sending a snapshot");
            let _the_loop_may_be_gone = done.send(Done::SnapshotSent(to));
        }
    }

    /// Says how long to wait before the next attempt.
    fn run(&self, SendSnapshot { to, term, base }: SendSnapshot, hello: &Hello, address: Option<&str>) -> Duration {
        let file = match lock(&self.sending).begin(to, base) {
            Ok(file) => file,
            Err(SendError::Busy) => return PAUSE_REFUSED,
            Err(error) => return tell(to, base, &End::Unreadable(error)),
        };
        let end = match address {
            Some(address) => self.send(&file, hello, address, (to, term)).unwrap_or_else(End::Cut),
            None => End::Refused("no address of it is known".into()),
        };
        self.measured.sends(to, None);
        let keep = match end {
            End::Cut(_) | End::Refused(_) => true,
            End::Delivered | End::Unreadable(_) | End::Deposed => false,
        };
        lock(&self.sending).ended(to, keep);
        tell(to, Index(file.id().position.index), &end)
    }

    fn send(
        &self,
        file: &Outgoing<FolderDisk>,
        hello: &Hello,
        address: &str,
        (to, term): (NodeId, Term),
    ) -> io::Result<End> {
        let mut stream = connect(address)?;
        write_frame(&mut stream, |out| hello.put(out))?;
        if let Err(reason) = hello::take_answer(read_frame(&mut stream, HELLO_BYTES_MAX)?) {
            return Ok(End::Refused(reason.to_string()));
        }
        let id = file.id();
        write_frame(&mut stream, |out| put_offer(&Offer { term, id }, out))?;
        let begun_at = match hear(&mut stream)? {
            Ok(offset) => offset,
            Err(reason) => return Ok(End::Refused(reason)),
        };
        let mut at = begun_at;
        let mut traffic = Traffic::new(&self.status);
        let mut bytes = BytesMut::new();
        while at < id.length {
            self.measured.sends(to, Some(SnapshotSent { sent: at, length: id.length }));
            if !self.leads(term) {
                return Ok(End::Deposed);
            }
            let piece = match file.read(at, PIECE_BYTES) {
                Ok(piece) => piece,
                Err(error) => return Ok(End::Unreadable(SendError::File(error))),
            };
            let wait = lock(&self.pace).wait(self.now(), piece.len() as u64, traffic.is_busy(&self.status));
            std::thread::sleep(Duration::from_micros(wait));
            bytes.clear();
            frame::put_frame(&mut bytes, |out| {
                out.put_u64_le(at);
                out.put_slice(&piece);
            });
            if let Err(error) = stream.write_all(&bytes) {
                // It may have said why before it went.
                return Ok(hear(&mut stream).ok().and_then(Result::err).map_or(End::Cut(error), End::Refused));
            }
            at += piece.len() as u64;
        }
        self.measured.sends(to, Some(SnapshotSent { sent: at, length: id.length }));
        let answer = hear(&mut stream)?;
        let _it_is_over = stream.shutdown(Shutdown::Both);
        if answer.is_ok() {
            info!(from_byte = begun_at, bytes = id.length - begun_at.min(id.length), "a snapshot was taken in");
        }
        Ok(answer.map_or_else(End::Refused, |_| End::Delivered))
    }

    fn leads(&self, term: Term) -> bool {
        let status = self.status.borrow();
        status.leads && status.term == term
    }

    fn now(&self) -> Time {
        Time(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

/// What the receiver says once it is done with its work: the byte to go on at, or why not.
fn hear(stream: &mut TcpStream) -> io::Result<Result<u64, String>> {
    loop {
        match Word::take(read_frame(stream, WORDS_BYTES_MAX)?)? {
            Word::GoOn(offset) => return Ok(Ok(offset)),
            Word::Refused(reason) => return Ok(Err(reason)),
            Word::Wait => {}
        }
    }
}

/// Whether clients write: then a snapshot keeps to its rate.
struct Traffic {
    commit: Index,
    looked: Instant,
    busy: bool,
}

impl Traffic {
    fn new(status: &watch::Receiver<Status>) -> Self {
        Self { commit: status.borrow().commit, looked: Instant::now(), busy: true }
    }

    fn is_busy(&mut self, status: &watch::Receiver<Status>) -> bool {
        if self.looked.elapsed() >= LOOK {
            let commit = status.borrow().commit;
            self.busy = commit != self.commit;
            (self.commit, self.looked) = (commit, Instant::now());
        }
        self.busy
    }
}

fn tell(peer: NodeId, upto: Index, end: &End) -> Duration {
    match end {
        End::Delivered => {
            info!(%peer, %upto, "sent a snapshot");
            Duration::ZERO
        }
        End::Cut(error) => {
            warn!(%peer, %upto, %error, "a snapshot was cut on its way; it goes on where it broke off");
            PAUSE_CUT
        }
        End::Refused(reason) => {
            warn!(%peer, %upto, reason, "a snapshot was not taken; it is tried again");
            PAUSE_REFUSED
        }
        End::Deposed => {
            info!(%peer, %upto, "a snapshot is sent no further: this member leads no more");
            Duration::ZERO
        }
        End::Unreadable(error) => {
            warn!(%peer, %error, "a snapshot can't be sent; the next one that is taken will be");
            PAUSE_REFUSED
        }
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{address} has no address"));
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(SILENCE_MAX))?;
                stream.set_read_timeout(Some(SILENCE_MAX))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
