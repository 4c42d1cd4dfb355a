//! What waits to be sent to one peer. Bounded: a peer that does not keep up loses messages, which consensus survives.

use std::cell::{Cell, RefCell};

use bytes::BytesMut;
use replica::PeerMessage;
use tokio::sync::Notify;

use super::{codec, frame};

/// Bytes that may wait for one peer.
const BYTES_MAX: usize = 32 << 20;

/// Frames for one peer. The loop fills it, the connection empties it; both run on one thread.
#[derive(Default)]
pub(crate) struct Outbox {
    bytes: RefCell<BytesMut>,
    connected: Cell<bool>,
    filled: Notify,
    dropped: Cell<u64>,
}

impl Outbox {
    /// Takes a message, or drops it if nobody is there or too much waits.
    pub(crate) fn push(&self, message: &PeerMessage) {
        let mut bytes = self.bytes.borrow_mut();
        if !self.connected.get() || bytes.len() > BYTES_MAX {
            self.dropped.set(self.dropped.get() + 1);
            return;
        }
        frame::put_frame(&mut bytes, |out| codec::encode(message, out));
        self.filled.notify_one();
    }

    /// A connection is there, or gone; what waited for an earlier one is gone with it.
    pub(crate) fn set_connected(&self, connected: bool) {
        self.connected.set(connected);
        *self.bytes.borrow_mut() = BytesMut::new();
    }

    /// All that waits; waits until there is something.
    pub(crate) async fn take(&self) -> BytesMut {
        loop {
            let bytes = self.bytes.borrow_mut().split();
            if !bytes.is_empty() {
                return bytes;
            }
            self.filled.notified().await;
        }
    }
}
