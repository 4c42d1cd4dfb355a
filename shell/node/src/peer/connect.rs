//! Our connection to one peer: made, greeted, kept filled, and made again when it breaks: with growing, jittered
//! pauses, and at once when the peer comes to us.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use raft::NodeId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::Circle;
use super::frame::{self, HEADER_BYTES};
use super::hello::{self, HELLO_BYTES_MAX, Hello, Purpose, Refused};
use super::outbox::Outbox;
use crate::node::EndError;

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Connecting and greeting together take no longer.
pub(crate) const GREETING_MAX: Duration = Duration::from_secs(5);

/// Our end of the connection to one peer.
pub(crate) struct Line {
    pub(crate) circle: Rc<Circle>,
    pub(crate) peer: NodeId,
    pub(crate) outbox: Rc<Outbox>,
    /// Where to reach it, at the given try: it may be known by more than one address.
    pub(crate) address: Box<dyn Fn(usize) -> Option<String>>,
    /// It was let in.
    pub(crate) met: Box<dyn Fn(&Hello)>,
    /// It says that this member is none any more.
    pub(crate) over: Box<dyn Fn(EndError)>,
}

/// Why there is no connection.
#[derive(Debug)]
enum Trouble {
    Broken(io::Error),
    Over(EndError),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl Line {
    /// Keeps the connection until the task is ended.
    pub(crate) async fn keep(self) {
        let (peer, mut pause, mut told) = (self.peer, PAUSE_MIN, String::new());
        for attempt in 0_usize.. {
            let error = match self.connect(attempt).await {
                Ok((stream, hello)) => {
                    info!(%peer, "connected to the peer");
                    (self.met)(&hello);
                    pause = PAUSE_MIN;
                    told.clear();
                    self.outbox.set_connected(true);
                    let error = pump(stream, &self.outbox).await;
                    self.outbox.set_connected(false);
                    error.to_string()
                }
                Err(Trouble::Over(reason)) => {
                    (self.over)(reason.clone());
                    reason.to_string()
                }
                Err(Trouble::Broken(error)) => error.to_string(),
            };
            self.outbox.set_trouble(&error);
            // The same trouble is told once, not each time.
            if error == told {
                debug!(%peer, error, "no connection to the peer");
            } else {
                warn!(%peer, error, "no connection to the peer; it is tried again");
                told = error;
            }
            self.outbox.pause(rand::random_range(pause / 2..=pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn connect(&self, attempt: usize) -> Result<(TcpStream, Hello), Trouble> {
        let (circle, peer) = (&self.circle, self.peer);
        let address = (self.address)(attempt);
        let address = address.ok_or_else(|| frame::invalid(format!("no address of {peer} is known")))?;
        let late = || io::Error::new(io::ErrorKind::TimedOut, format!("{address} did not answer"));
        let greet = async {
            let mut stream = TcpStream::connect(&address)
                .await
                .map_err(|error| io::Error::new(error.kind(), format!("connecting to {address}: {error}")))?;
            stream.set_nodelay(true)?;
            let mut bytes = BytesMut::new();
            frame::put_frame(&mut bytes, |out| circle.hello(Purpose::Messages, peer).put(out));
            stream.write_all(&bytes).await?;
            let answer = read_frame(&mut stream).await?;
            let refused = |refused| match refused {
                Refused::Removed(reason) => Trouble::Over(EndError::Removed(reason)),
                Refused::AnotherDisk(reason) => Trouble::Over(EndError::AnotherDisk(reason)),
                Refused::Said(reason) => Trouble::Broken(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    format!("{address} refused us: {reason}"),
                )),
            };
            let hello = hello::take_answer(answer).map_err(refused)?;
            if hello.node != peer {
                return Err(frame::invalid(format!("{address} is {}, not {peer}", hello.node)).into());
            }
            circle.check(&hello).map_err(|refused| frame::invalid(refused.to_string()))?;
            Ok((stream, hello))
        };
        timeout(GREETING_MAX, greet).await.unwrap_or_else(|_| Err(late().into()))
    }
}

/// Reads one small frame, for greetings.
pub(crate) async fn read_frame(stream: &mut TcpStream) -> io::Result<Bytes> {
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await?;
    let (length, checksum) = frame::payload_length(&header, HELLO_BYTES_MAX)?;
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await?;
    frame::check(&payload, checksum)?;
    Ok(payload.into())
}

/// Sends what the loop puts into the outbox until the connection breaks; the other side says nothing more on it.
async fn pump(stream: TcpStream, outbox: &Outbox) -> io::Error {
    let (mut read, mut write) = stream.into_split();
    let send = async {
        loop {
            let bytes = outbox.take().await;
            if let Err(error) = write.write_all(&bytes).await {
                return error;
            }
        }
    };
    let closed = async {
        let mut byte = [0];
        match read.read(&mut byte).await {
            Ok(0) => io::Error::new(io::ErrorKind::ConnectionReset, "the peer closed the connection"),
            Ok(_) => frame::invalid("the peer spoke where it only listens".into()),
            Err(error) => error,
        }
    };
    tokio::select! {
        error = send => error,
        error = closed => error,
    }
}
