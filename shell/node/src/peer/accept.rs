//! Connections of peers to us: greeted, checked, and read until they break. A stranger gets a sentence and is cut.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::BytesMut;
use futures_util::StreamExt;
use raft::NodeId;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Sender;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{Duration, sleep, timeout};
use tokio_util::codec::FramedRead;
use tracing::{info, warn};

use super::connect::{GREETING_MAX, read_frame};
use super::frame::{self, Frames, HEADER_BYTES};
use super::hello::{self, Hello, Purpose, Refused};
use super::{Circle, codec, whoami};
use crate::arrival::Traffic;

/// Connections that have not greeted yet.
const STRANGERS_MAX: usize = 64;

/// What an accepted connection needs.
pub(crate) struct Door {
    pub(crate) circle: Rc<Circle>,
    pub(crate) traffic: Sender<Traffic>,
    /// Takes over the connection of a peer that brings a snapshot.
    pub(crate) snapshots: Box<dyn Fn(NodeId, std::net::TcpStream)>,
    /// A peer was let in.
    pub(crate) met: Box<dyn Fn(&Hello)>,
    /// The member that the configuration keeps this of is the one that claims to be known by these bytes.
    pub(crate) is_it: fn(&raft::Member, &[u8]) -> bool,
    /// The one connection of each peer: a newer one replaces it.
    pub(crate) readers: RefCell<BTreeMap<NodeId, AbortHandle>>,
}

/// Accepts for as long as the member runs.
pub(crate) async fn accept(listener: TcpListener, door: Rc<Door>) {
    let strangers = Arc::new(Semaphore::new(STRANGERS_MAX));
    loop {
        let Ok(place) = strangers.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, address)) => {
                let door = door.clone();
                spawn_local(async move {
                    let greeted = timeout(GREETING_MAX, greet(&door, stream)).await;
                    drop(place);
                    match greeted {
                        Ok(Ok(Some((stream, hello)))) => door.admit(stream, &hello),
                        Ok(Ok(None)) => {}
                        Ok(Err(error)) => warn!(%address, %error, "refused a connection to the peer port"),
                        Err(_) => warn!(%address, "refused a connection to the peer port: it did not greet in time"),
                    }
                });
            }
            Err(error) => {
                warn!(%error, "accepting a peer's connection failed; it is tried again");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// The peer that was let in; nothing where a new member only asked who it is.
async fn greet(door: &Door, mut stream: TcpStream) -> io::Result<Option<(TcpStream, Hello)>> {
    stream.set_nodelay(true)?;
    let mut greeting = read_greeting(&mut stream).await?;
    let mut bytes = BytesMut::new();
    if let Some(claim) = whoami::take(&greeting) {
        let answer = door.look_up(&claim);
        frame::put_frame(&mut bytes, |out| whoami::put_answer(&answer, out));
        stream.write_all(&bytes).await?;
        return Ok(None);
    }
    let hello = Hello::take(&mut greeting).map_err(Refused::Said);
    let checked = hello.and_then(|hello| door.circle.check(&hello).map(|()| hello));
    let answer = checked.as_ref().map(|hello| door.circle.hello(hello.purpose, hello.node)).map_err(Clone::clone);
    frame::put_frame(&mut bytes, |out| hello::put_answer(&answer, out));
    stream.write_all(&bytes).await?;
    match checked {
        Ok(hello) => Ok(Some((stream, hello))),
        Err(reason) => Err(io::Error::new(io::ErrorKind::PermissionDenied, reason)),
    }
}

/// A frame; where none can be read, bytes that are no greeting, so that the other side gets its sentence all the same.
async fn read_greeting(stream: &mut TcpStream) -> io::Result<bytes::Bytes> {
    match read_frame(stream).await {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(bytes::Bytes::new()),
        other => other,
    }
}

impl Door {
    fn look_up(&self, claim: &[u8]) -> Result<whoami::Found, whoami::NotFound> {
        let (circle, committed) = (&self.circle, self.circle.committed.borrow().clone());
        let has_started = |node| node == circle.node || circle.met.borrow().knows(node);
        let answer = whoami::look_up(circle.cluster, &committed, has_started, |member| (self.is_it)(member, claim));
        match &answer {
            Ok(found) => info!(node = %found.node, "a new member asked who it is"),
            Err(whoami::NotFound::Unknown(reason) | whoami::NotFound::Refused(reason)) => {
                warn!(reason, "a process asked which member it is, and is none");
            }
        }
        answer
    }

    fn admit(self: &Rc<Self>, stream: TcpStream, hello: &Hello) {
        let peer = hello.node;
        (self.met)(hello);
        match hello.purpose {
            Purpose::Snapshot => match stream.into_std() {
                Ok(stream) => (self.snapshots)(peer, stream),
                Err(error) => warn!(%peer, %error, "the connection for a snapshot can't be used"),
            },
            Purpose::Messages => {
                let (door, address) = (self.clone(), stream.peer_addr().ok());
                let reader = spawn_local(async move { door.read(peer, stream, address).await });
                if let Some(earlier) = self.readers.borrow_mut().insert(peer, reader.abort_handle()) {
                    earlier.abort();
                }
            }
        }
    }

    async fn read(&self, peer: NodeId, stream: TcpStream, address: Option<SocketAddr>) {
        info!(%peer, ?address, "a peer connected");
        let mut frames = FramedRead::with_capacity(stream, Frames, 64 << 10);
        let error = loop {
            let message = match frames.next().await {
                Some(Ok(payload)) => codec::decode(peer, self.circle.node, payload),
                Some(Err(error)) => break error.to_string(),
                None => break "closed".to_string(),
            };
            match message {
                Ok(message) => {
                    if self.traffic.send(Traffic::Peer(peer, message)).await.is_err() {
                        return;
                    }
                }
                Err(error) => break error.to_string(),
            }
        };
        info!(%peer, error, "the connection of a peer ended");
        let _the_loop_may_be_gone = self.traffic.send(Traffic::PeerGone(peer)).await;
    }
}

const _: () = assert!(HEADER_BYTES == 8, "docs/peer-protocol.md says so");
