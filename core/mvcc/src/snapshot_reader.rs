//! Reads the stream of a frozen store (`snapshot.rs` says its layout) and builds a store from it. The stream comes from
//! another machine: nothing in it is believed, and lengths in it never decide how much memory is taken.

use std::io::{self, BufRead, Read};

use bytes::Bytes;

use crate::backend::Backend;
use crate::error::RestoreError;
use crate::hash::Hasher;
use crate::index::{Change, Index};
use crate::revision::Revision;
use crate::row::Row;
use crate::snapshot::{MAGIC, TAG_END, TAG_ROW, VERSION, hash_row};
use crate::store::{NEVER_COMPACTED, Store};
use crate::varint;

/// Builds a store over `backend`, which has no rows, from the stream of a frozen one. Reads up to the end mark, no
/// further.
///
/// # Errors
/// When the stream can't be read, breaks off, is of a version not known here, or differs in anything from what was
/// written.
pub fn restore<B: Backend>(stream: &mut dyn BufRead, backend: B) -> Result<Store<B>, RestoreError> {
    let mut reader = Reader { stream, hasher: Hasher::new(), rows: 0 };
    let (revision, compact_revision) = reader.head()?;
    let mut builder =
        Builder { store: Store::at(revision, compact_revision, Index::default(), backend), last: Revision::ZERO };
    let mut scratch = Vec::new();
    while let Some(at) = reader.row(&mut scratch)? {
        builder.add(at, &scratch).map_err(|what| reader.damaged(what))?;
    }
    Ok(builder.store)
}

struct Reader<'a> {
    stream: &'a mut dyn BufRead,
    hasher: Hasher,
    /// Rows read so far.
    rows: u64,
}

impl Reader<'_> {
    /// Revision and compact revision.
    fn head(&mut self) -> Result<(i64, i64), RestoreError> {
        let mut magic = [0; 8];
        self.fill(&mut magic)?;
        if magic != MAGIC {
            return Err(RestoreError::Unknown(format!("it begins with {magic:02x?}")));
        }
        let mut version = [0; 2];
        self.fill(&mut version)?;
        let version = u16::from_le_bytes(version);
        if version != VERSION {
            return Err(RestoreError::Unknown(format!("it has version {version}, known is {VERSION}")));
        }
        let revision = varint::unfold(self.number()?);
        let compact_revision = varint::unfold(self.number()?);
        if revision < 1 || compact_revision < NEVER_COMPACTED || compact_revision > revision {
            return Err(self.damaged("its revision and compact revision can't be"));
        }
        self.hasher.signed(revision);
        self.hasher.signed(compact_revision);
        Ok((revision, compact_revision))
    }

    /// The next row: its bytes in `row`. `None`: the end, which fits what was read.
    fn row(&mut self, row: &mut Vec<u8>) -> Result<Option<Revision>, RestoreError> {
        match self.byte()? {
            TAG_ROW => {}
            TAG_END => return self.end().map(|()| None),
            _ => return Err(self.damaged("neither a row nor the end follows")),
        }
        let (main, sub) = (i64::try_from(self.number()?), u32::try_from(self.number()?));
        let (Ok(main), Ok(sub)) = (main, sub) else { return Err(self.damaged("a revision out of range")) };
        let revision = Revision::new(main, sub);
        let len = self.number()?;
        row.clear();
        // The vector grows with what really comes, not with what the length claims.
        let read = Read::take(&mut *self.stream, len).read_to_end(row)?;
        if read as u64 != len {
            return Err(self.damaged("it breaks off"));
        }
        hash_row(&mut self.hasher, revision, row);
        self.rows += 1;
        Ok(Some(revision))
    }

    fn end(&mut self) -> Result<(), RestoreError> {
        let rows = self.number()?;
        if rows != self.rows {
            return Err(self.damaged("the number of rows is another one"));
        }
        self.hasher.number(rows);
        let mut hash = [0; 8];
        self.fill(&mut hash)?;
        if u64::from_le_bytes(hash) != self.hasher.finish() {
            return Err(self.damaged("the hash is another one"));
        }
        Ok(())
    }

    fn number(&mut self) -> Result<u64, RestoreError> {
        let mut bytes = [0; varint::BYTES_MAX];
        for len in 1..=varint::BYTES_MAX {
            bytes[len - 1] = self.byte()?;
            if bytes[len - 1] & 0x80 == 0 {
                return varint::take(&mut &bytes[..len])
                    .ok_or_else(|| self.damaged("a number in a spelling of its own"));
            }
        }
        Err(self.damaged("a number that does not end"))
    }

    fn byte(&mut self) -> Result<u8, RestoreError> {
        let mut byte = [0];
        self.fill(&mut byte)?;
        Ok(byte[0])
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RestoreError> {
        self.stream.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("it breaks off"),
            _ => error.into(),
        })
    }

    fn damaged(&self, what: &str) -> RestoreError {
        RestoreError::Damaged(format!("after {} rows: {what}", self.rows))
    }
}

struct Builder<B> {
    store: Store<B>,
    last: Revision,
}

impl<B: Backend> Builder<B> {
    /// Adds a row if it can follow those before it in the history of a store.
    fn add(&mut self, at: Revision, bytes: &[u8]) -> Result<(), &'static str> {
        if at <= self.last || at.main > self.store.revision {
            return Err("a row out of order");
        }
        let row = Row::parse(Bytes::copy_from_slice(bytes)).map_err(|_| "bytes that are no row")?;
        let (created, version) = row.origin();
        let before = self.store.index.newest(row.key());
        let compact_revision = self.store.compact_revision;
        let fits = match before {
            _ if row.is_tombstone() => before.is_some() || at.main == compact_revision,
            Some(before) => created == before.created && version == before.version + 1,
            // What stood before it was compacted, or it is the first.
            None if at.main <= compact_revision => created == at.main || created < at.main && version > 1,
            None => created == at.main && version == 1,
        };
        if !fits {
            return Err("a row that can't follow those before it");
        }
        let change = Change::new(at, row.is_tombstone());
        self.store.index.restore(row.key(), change, created, version);
        self.store.backend.put(at, row);
        self.last = at;
        Ok(())
    }
}
