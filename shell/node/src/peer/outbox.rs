//! What waits to be sent to one peer. Bounded: a peer that does not keep up loses messages, which consensus survives.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use bytes::BytesMut;
use replica::PeerMessage;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{codec, frame};

/// Bytes that may wait for one peer.
const BYTES_MAX: usize = 32 << 20;

/// Frames for one peer. The loop fills it, the connection empties it; both run on one thread.
#[derive(Default)]
pub(crate) struct Outbox {
    bytes: RefCell<BytesMut>,
    connected: Cell<bool>,
    filled: Notify,
    there: Notify,
    dropped: Cell<u64>,
    /// Why there is no connection; nothing while there is one, or while the first is tried.
    trouble: RefCell<Option<String>>,
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

    pub(crate) fn is_connected(&self) -> bool {
        self.connected.get()
    }

    /// There is no connection, because of this. People read it beside the peer's name, so the system's number for it and the address
    /// that was tried are left out; a log has both.
    pub(crate) fn set_trouble(&self, trouble: &str) {
        let words = trouble.split_once(" (os error").map_or(trouble, |(words, _)| words);
        let words = words
            .strip_prefix("connecting to ")
            .and_then(|tried| tried.split_once(": "))
            .map_or(words, |(_, words)| words);
        let mut letters = words.chars();
        let first = letters.next().map(|first| first.to_ascii_lowercase());
        *self.trouble.borrow_mut() = Some(first.into_iter().chain(letters).collect());
    }

    /// Why there is no connection.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone().filter(|_| !self.is_connected())
    }

    /// The peer came to us: it can be reached, so nobody needs to wait before the next try.
    pub(crate) fn peer_is_there(&self) {
        if !self.connected.get() {
            self.there.notify_one();
        }
    }

    /// Waits before the next try to connect: so long, or until the peer is known to be there.
    pub(crate) async fn pause(&self, longest: Duration) {
        let _time_over_or_not = timeout(longest, self.there.notified()).await;
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn who_came_to_us_is_dialled_at_once() {
        let outbox = Outbox::default();
        assert_eq!(outbox.pause(HOUR).now_or_never(), None);
        outbox.peer_is_there();
        assert_eq!(outbox.pause(HOUR).now_or_never(), Some(()), "also when it came while it was dialled in vain");
        assert_eq!(outbox.pause(HOUR).now_or_never(), None, "once");
        outbox.set_connected(true);
        outbox.peer_is_there();
        outbox.set_connected(false);
        assert_eq!(outbox.pause(HOUR).now_or_never(), None, "that was before");
    }
}
