//! A row: what one change of one key leaves in storage. It is encoded once, when the change is made; the same bytes lie
//! in memory, go to storage and travel in a snapshot. A row does not hold its own revision: that is its name.
//!
//! Layout: flags (one byte) · create revision · version · lease (only if not 0) · key length (all varints) · key · value.
//! A tombstone, left by a delete, has flags, key length and key only.

use std::fmt;

use bytes::{Buf, Bytes};

use crate::response::KeyValue;
use crate::varint;

const PUT: u8 = 0;
const TOMBSTONE: u8 = 1;
const LEASED: u8 = 2;

/// The bytes of one change. A clone shares them.
#[derive(Clone, PartialEq, Eq)]
pub struct Row(Bytes);

/// Why some bytes are not a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowError(&'static str);

/// What stands before the key.
struct Header {
    tombstone: bool,
    create_revision: i64,
    version: i64,
    lease: i64,
    /// Where the key begins and how long it is.
    key_at: usize,
    key_len: usize,
}

impl Row {
    /// The row of a put. Key and value are copied into one allocation of exactly their size: what they are slices of (a
    /// whole log segment, a network buffer) is not kept alive by them.
    #[must_use]
    pub fn put(key: &[u8], value: &[u8], create_revision: i64, version: i64, lease: i64) -> Self {
        let (create_revision, version) = (create_revision.cast_unsigned(), version.cast_unsigned());
        let folded = varint::fold(lease);
        let lease_len = if lease == 0 { 0 } else { varint::len(folded) };
        let head = 1 + varint::len(create_revision) + varint::len(version) + lease_len + varint::len(key.len() as u64);
        let mut out = Vec::with_capacity(head + key.len() + value.len());
        out.push(if lease == 0 { PUT } else { LEASED });
        varint::put(&mut out, create_revision);
        varint::put(&mut out, version);
        if lease != 0 {
            varint::put(&mut out, folded);
        }
        varint::put(&mut out, key.len() as u64);
        out.extend_from_slice(key);
        out.extend_from_slice(value);
        Self(out.into())
    }

    /// The row of a delete.
    #[must_use]
    pub fn tombstone(key: &[u8]) -> Self {
        let mut out = Vec::with_capacity(1 + varint::len(key.len() as u64) + key.len());
        out.push(TOMBSTONE);
        varint::put(&mut out, key.len() as u64);
        out.extend_from_slice(key);
        Self(out.into())
    }

    /// Takes bytes that were read from somewhere.
    ///
    /// # Errors
    /// When they are not a row in its one spelling.
    pub fn parse(bytes: Bytes) -> Result<Self, RowError> {
        let header = Header::parse(&bytes)?;
        if header.tombstone && header.key_at + header.key_len != bytes.len() {
            return Err(RowError("a tombstone with a value"));
        }
        Ok(Self(bytes))
    }

    /// The encoded form.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// Whether a delete left it.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.0.first() == Some(&TOMBSTONE)
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        let header = self.header();
        &self.0[header.key_at..header.key_at + header.key_len]
    }

    /// Create revision and version; both 0 in a tombstone.
    #[must_use]
    pub fn origin(&self) -> (i64, i64) {
        let header = self.header();
        (header.create_revision, header.version)
    }

    /// The pair that this row is at `mod_revision`, sharing the row's bytes. That of a tombstone has only a key.
    #[must_use]
    pub fn into_key_value(self, mod_revision: i64) -> KeyValue {
        let Header { create_revision, version, lease, key_at, key_len, .. } = self.header();
        let mut value = self.0;
        value.advance(key_at);
        let key = value.split_to(key_len);
        KeyValue { key, create_revision, mod_revision, version, value, lease }
    }

    fn header(&self) -> Header {
        Header::parse(&self.0).expect("a row is made by `put` or `tombstone`, or was checked by `parse`")
    }
}

impl Header {
    #[inline]
    fn parse(bytes: &[u8]) -> Result<Self, RowError> {
        let mut rest = bytes;
        let (&flags, after) = rest.split_first().ok_or(RowError("empty"))?;
        rest = after;
        let mut header = Self { tombstone: false, create_revision: 0, version: 0, lease: 0, key_at: 0, key_len: 0 };
        match flags {
            PUT | LEASED => {
                header.create_revision = positive(&mut rest)?;
                header.version = positive(&mut rest)?;
            }
            TOMBSTONE => header.tombstone = true,
            _ => return Err(RowError("unknown flags")),
        }
        if flags == LEASED {
            header.lease = varint::take_signed(&mut rest).filter(|&lease| lease != 0).ok_or(RowError("bad lease"))?;
        }
        let key_len = varint::take(&mut rest).ok_or(RowError("bad key length"))?;
        header.key_len = usize::try_from(key_len)
            .ok()
            .filter(|&len| len <= rest.len())
            .ok_or(RowError("a key longer than the row"))?;
        header.key_at = bytes.len() - rest.len();
        Ok(header)
    }
}

fn positive(input: &mut &[u8]) -> Result<i64, RowError> {
    let value = varint::take(input).ok_or(RowError("breaks off"))?;
    i64::try_from(value).ok().filter(|&value| value > 0).ok_or(RowError("a revision or version out of range"))
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for RowError {}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({:?})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_gives_back_what_was_put_and_is_one_allocation_of_exact_size() {
        let row = Row::put(b"key", b"value", 300, 7, -5);
        assert_eq!(row.key(), b"key");
        assert!(!row.is_tombstone());
        assert_eq!(row.as_bytes().len(), 1 + 2 + 1 + 1 + 1 + 3 + 5);
        assert_eq!(Row::parse(row.as_bytes().clone()), Ok(row.clone()));
        let pair = row.into_key_value(301);
        assert_eq!((pair.key.as_ref(), pair.value.as_ref()), (b"key".as_ref(), b"value".as_ref()));
        assert_eq!((pair.create_revision, pair.mod_revision, pair.version, pair.lease), (300, 301, 7, -5));
    }

    #[test]
    fn a_tombstone_has_only_a_key() {
        let row = Row::tombstone(b"key");
        assert!(row.is_tombstone());
        let pair = row.into_key_value(9);
        assert_eq!(pair, KeyValue { key: Bytes::from_static(b"key"), mod_revision: 9, ..KeyValue::default() });
    }

    #[test]
    fn bytes_that_are_no_row_are_refused() {
        let whole = Row::put(b"key", b"", 300, 7, 5);
        for end in 0..whole.as_bytes().len() {
            assert!(Row::parse(whole.as_bytes().slice(..end)).is_err(), "cut at {end}");
        }
        assert!(Row::parse(Bytes::from_static(&[3, 1, 1, 0])).is_err(), "unknown flags");
        assert!(Row::parse(Bytes::from_static(&[0, 0, 1, 0])).is_err(), "created at revision 0");
        assert!(Row::parse(Bytes::from_static(&[2, 1, 1, 0, 0])).is_err(), "a lease of 0 has another spelling");
        assert!(Row::parse(Bytes::from_static(&[1, 0, 9])).is_err(), "a tombstone with a value");
    }
}
