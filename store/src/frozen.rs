//! A frozen store, written out by another thread while the store goes on: the lock is taken for one piece at a time.

use std::io;
use std::sync::Arc;

use mvcc::Frozen;
use replica::Freeze;

use crate::kv_store::put_stream_head;
use crate::shared::Shared;

/// Bytes copied while the lock is held: about 50 microseconds' worth.
const PIECE_BYTES: usize = 256 * 1024;

/// The store as it was when it was frozen.
#[derive(Debug)]
pub struct FrozenStore {
    shared: Arc<Shared>,
    frozen: Frozen,
}

impl FrozenStore {
    pub(crate) fn new(shared: Arc<Shared>, frozen: Frozen) -> Self {
        Self { shared, frozen }
    }

    /// The revision that is frozen.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.frozen.view().revision()
    }
}

impl Freeze for FrozenStore {
    fn write_to(&mut self, out: &mut dyn io::Write) -> io::Result<()> {
        put_stream_head(out)?;
        self.frozen.rewind();
        let mut piece = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
        loop {
            piece.clear();
            let complete = {
                let store = self.shared.read();
                self.frozen.next_piece(&store, PIECE_BYTES, &mut piece).map_err(io::Error::other)?
            };
            out.write_all(&piece)?;
            if complete {
                return Ok(());
            }
        }
    }
}
