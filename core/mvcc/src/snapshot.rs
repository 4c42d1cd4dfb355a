//! A frozen store, streamed while the original goes on. Freezing copies nothing: rows are never rewritten, so all rows up
//! to the frozen revision are the frozen store; a view keeps compaction from taking any of them away.
//!
//! The stream (version 1; numbers are varints, see [`crate::varint`]):
//!
//! | part | content |
//! |---|---|
//! | head | magic `QUORMVCC` · version, 2 bytes, little end first · revision · compact revision (signed) |
//! | each row | 1 · main revision · sub revision · length · the row's bytes |
//! | end | 0 · number of rows · hash of all before it, 8 bytes, little end first |
//!
//! Rows that compaction has let go of are left out, whether already swept or not: members that applied the same commands
//! write the same stream.

use std::ops::ControlFlow;

use crate::backend::{Backend, StorageError};
use crate::hash::Hasher;
use crate::revision::Revision;
use crate::row::Row;
use crate::store::Store;
use crate::varint;
use crate::view::View;

pub(crate) const MAGIC: [u8; 8] = *b"QUORMVCC";
pub(crate) const VERSION: u16 = 1;
/// Rows looked at for one piece, whether they go into it or not: whoever holds a lock for a piece holds it for a bounded time, also
/// where nothing but garbage lies.
const PIECE_ROWS_MAX: usize = 2048;
pub(crate) const TAG_END: u8 = 0;
pub(crate) const TAG_ROW: u8 = 1;

/// A store frozen at one revision, and how far it was streamed.
#[derive(Debug)]
pub struct Frozen {
    view: View,
    /// Whether rows may be met that compaction has let go of.
    has_garbage: bool,
    state: State,
    rows: u64,
    hasher: Hasher,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Rows { from: Revision },
    Done,
}

impl<B: Backend> Store<B> {
    /// Freezes the store as it is. Until the frozen one is dropped, compaction drops no rows that it needs.
    #[must_use]
    pub fn freeze(&self) -> Frozen {
        let has_garbage = !self.is_swept();
        Frozen { view: self.view(), has_garbage, state: State::Head, rows: 0, hasher: Hasher::new() }
    }
}

impl Frozen {
    /// What is frozen.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Streams from the beginning again.
    pub fn rewind(&mut self) {
        (self.state, self.rows, self.hasher) = (State::Head, 0, Hasher::new());
    }

    /// Appends the next piece of the stream to `out`: about `bytes_max`, of a bounded number of rows; at least one is looked at, and
    /// the piece is empty if none of them is part of the frozen store any more. `store` is the one that was frozen. True: the stream is complete.
    ///
    /// # Errors
    /// When storage fails.
    pub fn next_piece<B: Backend>(
        &mut self,
        store: &Store<B>,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, StorageError> {
        if self.state == State::Head {
            self.put_head(out);
            self.state = State::Rows { from: Revision::ZERO };
        }
        if let State::Rows { from } = self.state {
            self.state = match self.put_rows(store, from, bytes_max, out)? {
                Some(from) => State::Rows { from },
                None => State::Done,
            };
            if self.state == State::Done {
                self.put_end(out);
            }
        }
        Ok(self.state == State::Done)
    }

    fn put_head(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        for number in [self.view.revision(), self.view.compact_revision()] {
            varint::put_signed(out, number);
            self.hasher.signed(number);
        }
    }

    /// Where to go on, if there is more.
    fn put_rows<B: Backend>(
        &mut self,
        store: &Store<B>,
        from: Revision,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<Revision>, StorageError> {
        let begun_at = out.len();
        let (mut go_on, mut seen) = (None, 0);
        store.backend.scan(from, &mut |revision, row| {
            if revision.main > self.view.revision() {
                return ControlFlow::Break(());
            }
            if out.len() > begun_at && out.len() - begun_at >= bytes_max || seen == PIECE_ROWS_MAX {
                go_on = Some(revision);
                return ControlFlow::Break(());
            }
            seen += 1;
            if !self.is_garbage(store, revision, row) {
                self.put_row(revision, row, out);
            }
            ControlFlow::Continue(())
        })?;
        Ok(go_on)
    }

    fn is_garbage<B: Backend>(&self, store: &Store<B>, revision: Revision, row: &Row) -> bool {
        let compact_revision = self.view.compact_revision();
        self.has_garbage
            && revision.main <= compact_revision
            && store.index.history(row.key()).is_some_and(|history| history.is_garbage(revision, compact_revision))
    }

    fn put_row(&mut self, revision: Revision, row: &Row, out: &mut Vec<u8>) {
        out.push(TAG_ROW);
        varint::put(out, revision.main.cast_unsigned());
        varint::put(out, revision.sub.into());
        varint::put(out, row.as_bytes().len() as u64);
        out.extend_from_slice(row.as_bytes());
        hash_row(&mut self.hasher, revision, row.as_bytes());
        self.rows += 1;
    }

    fn put_end(&mut self, out: &mut Vec<u8>) {
        out.push(TAG_END);
        varint::put(out, self.rows);
        self.hasher.number(self.rows);
        out.extend_from_slice(&self.hasher.finish().to_le_bytes());
    }
}

pub(crate) fn hash_row(hasher: &mut Hasher, revision: Revision, row: &[u8]) {
    hasher.signed(revision.main);
    hasher.number(revision.sub.into());
    hasher.bytes(row);
}
