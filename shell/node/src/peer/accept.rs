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
use super::hello::{self, Hello, Purpose};
use super::{Circle, codec};
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
                        Ok(Ok((stream, hello))) => door.admit(stream, &hello),
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

async fn greet(door: &Door, mut stream: TcpStream) -> io::Result<(TcpStream, Hello)> {
    stream.set_nodelay(true)?;
    let mut greeting = read_greeting(&mut stream).await?;
    let checked = Hello::take(&mut greeting).and_then(|hello| door.circle.check(&hello).map(|()| hello));
    let answer = checked.clone().map(|hello| door.circle.hello(hello.purpose, hello.node));
    let mut bytes = BytesMut::new();
    frame::put_frame(&mut bytes, |out| hello::put_answer(&answer, out));
    stream.write_all(&bytes).await?;
    match checked {
        Ok(hello) => Ok((stream, hello)),
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
    }
}

const _: () = assert!(HEADER_BYTES == 8, "docs/peer-protocol.md says so");
