//! Snapshots between members: a file over a connection of its own, by plain blocking threads, so that messages never wait.
//!
//! After the greeting the sender says term, position and length, then the file's bytes. The receiver verifies the file, makes
//! it durable, builds the state machine, has the loop take it in, and only then answers.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use raft::{NodeId, Position, Term};
use replica::{Loaded, ReceivedSnapshot, StateMachine, Storeroom};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{info, warn};
use wal::folder_disk::FolderDisk;

use super::frame::{self, HEADER_BYTES};
use super::hello::{self, HELLO_BYTES_MAX, Hello};
use crate::arrival::Done;

const CHUNK_BYTES: usize = 256 << 10;
/// Without any byte for so long the other side is given up.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// The receiver may take long to build its state machine before it answers.
const ANSWER_MAX: Duration = Duration::from_secs(600);

/// Sends the newest snapshot. Blocks until the peer has taken it in or refused it.
pub(crate) fn send(
    storeroom: &Storeroom<FolderDisk>,
    hello: &Hello,
    address: &str,
    term: Term,
) -> io::Result<Position> {
    let (position, file) = storeroom.open_newest()?;
    let mut stream = connect(address)?;
    let mut bytes = BytesMut::new();
    frame::put_frame(&mut bytes, |out| hello.put(out));
    stream.write_all(&bytes)?;
    hello::take_answer(read_frame(&mut stream)?).map_err(io::Error::other)?;
    bytes.clear();
    frame::put_frame(&mut bytes, |out| {
        for number in [term.0, position.index.0, position.term.0, file.length()] {
            out.put_u64_le(number);
        }
    });
    stream.write_all(&bytes)?;
    let mut sent = 0;
    while sent < file.length() {
        let chunk = file.read(sent, CHUNK_BYTES)?;
        if chunk.is_empty() {
            return Err(frame::invalid("the snapshot file became shorter while it was sent".into()));
        }
        stream.write_all(&chunk)?;
        sent += chunk.len() as u64;
    }
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    let answer = read_frame(&mut stream)?;
    if answer.is_empty() { Ok(position) } else { Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned())) }
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

/// Receives snapshots, one at a time.
pub(crate) struct Receiver<S: StateMachine> {
    pub(crate) storeroom: Storeroom<FolderDisk>,
    pub(crate) done: UnboundedSender<Done<S>>,
    pub(crate) busy: Arc<AtomicBool>,
}

impl<S: StateMachine> Receiver<S> {
    /// Takes over a connection, on a thread of its own.
    pub(crate) fn start(&self, from: NodeId, stream: TcpStream) {
        let free = !self.busy.swap(true, Ordering::SeqCst);
        let (storeroom, done, busy) = (self.storeroom.clone(), self.done.clone(), self.busy.clone());
        let work = move || {
            let mut stream = stream;
            let result = if free {
                receive(&storeroom, &done, from, &mut stream)
            } else {
                Err("another snapshot is being received".to_string())
            };
            match &result {
                Ok(position) => info!(%from, %position, "received a snapshot"),
                Err(error) => warn!(%from, error, "a snapshot was not received"),
            }
            let mut bytes = BytesMut::new();
            frame::put_frame(&mut bytes, |out| out.put_slice(result.err().unwrap_or_default().as_bytes()));
            let _the_sender_tries_again = stream.write_all(&bytes);
            if free {
                busy.store(false, Ordering::SeqCst);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("snapshot-in".into()).spawn(work) {
            warn!(%error, "no thread for receiving a snapshot");
            self.busy.store(false, Ordering::SeqCst);
        }
    }
}

fn receive<S: StateMachine>(
    storeroom: &Storeroom<FolderDisk>,
    done: &UnboundedSender<Done<S>>,
    from: NodeId,
    stream: &mut TcpStream,
) -> Result<Position, String> {
    let text = |error: io::Error| error.to_string();
    stream.set_nonblocking(false).map_err(text)?;
    stream.set_read_timeout(Some(SILENCE_MAX)).map_err(text)?;
    stream.set_write_timeout(Some(SILENCE_MAX)).map_err(text)?;
    let mut header = read_frame(stream).map_err(text)?;
    if header.len() != 32 {
        return Err("the announcement of the snapshot can't be read".into());
    }
    let term = Term(header.get_u64_le());
    let position = Position::new(header.get_u64_le(), header.get_u64_le());
    let mut left = header.get_u64_le();
    info!(%from, %position, bytes = left, "receiving a snapshot");
    let mut incoming = storeroom.receive(position).map_err(text)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let taken = stream.read_exact(&mut buffer[..want]).and_then(|()| incoming.append(&buffer[..want]));
        if let Err(error) = taken {
            incoming.abandon();
            return Err(text(error));
        }
        left -= want as u64;
    }
    let Loaded { position, section, machine } = storeroom.received(incoming).map_err(|error| error.to_string())?;
    let (taken, wait) = mpsc::channel();
    let received = ReceivedSnapshot { from, term, position, section, machine };
    done.send(Done::SnapshotReceived(Box::new(received), taken)).map_err(|_| "the member is stopping")?;
    wait.recv().map_err(|_| "the member is stopping")?;
    Ok(position)
}

fn read_frame(stream: &mut TcpStream) -> io::Result<Bytes> {
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header)?;
    let (length, checksum) = frame::payload_length(&header, HELLO_BYTES_MAX)?;
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload)?;
    frame::check(&payload, checksum)?;
    Ok(payload.into())
}
