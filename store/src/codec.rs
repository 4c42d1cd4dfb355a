//! The pieces that commands and outcomes are encoded from: numbers, byte strings, lists. It does not know what they mean.
//!
//! Reading believes nothing: a length is checked against what is there before anything is taken, a list grows with the
//! elements that really come, and nesting is bounded. Byte strings are slices of the input, not copies.

use std::fmt;

use bytes::{Buf, Bytes};
use mvcc::varint;

/// How deep transactions may be nested. No client of the etcd API gets that far: protobuf libraries stop at a hundred
/// messages, which is half as many transactions.
pub const DEPTH_MAX: usize = 64;

/// Room made ahead for a list whose length is only claimed.
const LIST_AHEAD_MAX: usize = 16;

/// Why some bytes are not a command or an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// They end too early, or a length reaches beyond the end.
    Truncated,
    /// They are of a version that is not known here.
    Version(u8),
    /// A mark has a value without meaning; says which.
    Unknown(&'static str),
    /// Transactions are nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// Something follows the end.
    TrailingBytes,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("it breaks off"),
            Self::Version(version) => write!(f, "it has version {version}, which is not known here"),
            Self::Unknown(what) => write!(f, "it has an unknown {what}"),
            Self::TooDeep => write!(f, "its transactions are nested deeper than {DEPTH_MAX}"),
            Self::TrailingBytes => f.write_str("something follows its end"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Appends a byte string: its length, then itself.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a list: its length, then each element.
pub(crate) fn put_list<T>(out: &mut Vec<u8>, list: &[T], mut put: impl FnMut(&mut Vec<u8>, &T)) {
    varint::put(out, list.len() as u64);
    list.iter().for_each(|element| put(out, element));
}

/// Several yes-or-no answers as one byte, the first in the lowest bit.
pub(crate) fn flags<const N: usize>(flags: [bool; N]) -> u8 {
    const { assert!(N <= 8) }
    flags.iter().rev().fold(0, |byte, &flag| byte << 1 | u8::from(flag))
}

/// What is left to read.
#[derive(Debug)]
pub(crate) struct Cursor {
    rest: Bytes,
    depth: usize,
}

impl Cursor {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        let byte = *self.rest.first().ok_or(DecodeError::Truncated)?;
        self.rest.advance(1);
        Ok(byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64, DecodeError> {
        let mut rest: &[u8] = &self.rest;
        let Some(value) = varint::take(&mut rest) else {
            let breaks_off = self.rest.len() < varint::BYTES_MAX && self.rest.iter().all(|byte| byte & 0x80 != 0);
            return Err(if breaks_off { DecodeError::Truncated } else { DecodeError::Unknown("spelling of a number") });
        };
        let read = self.rest.len() - rest.len();
        self.rest.advance(read);
        Ok(value)
    }

    pub(crate) fn signed(&mut self) -> Result<i64, DecodeError> {
        self.number().map(varint::unfold)
    }

    /// A byte string, as a slice of the input.
    pub(crate) fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        let len = usize::try_from(self.number()?).map_err(|_| DecodeError::Truncated)?;
        if len > self.rest.len() {
            return Err(DecodeError::Truncated);
        }
        Ok(self.rest.split_to(len))
    }

    /// A text; what is no UTF-8 in it is replaced.
    pub(crate) fn text(&mut self) -> Result<String, DecodeError> {
        Ok(String::from_utf8_lossy(&self.bytes()?).into_owned())
    }

    /// `N` yes-or-no answers from one byte; `what` names it.
    pub(crate) fn flags<const N: usize>(&mut self, what: &'static str) -> Result<[bool; N], DecodeError> {
        let byte = self.byte()?;
        if N < 8 && byte >> N != 0 {
            return Err(DecodeError::Unknown(what));
        }
        Ok(std::array::from_fn(|bit| byte >> bit & 1 == 1))
    }

    /// A list.
    pub(crate) fn list<T>(
        &mut self,
        mut take: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let len = usize::try_from(self.number()?).map_err(|_| DecodeError::Truncated)?;
        // Every element takes at least a byte.
        if len > self.rest.len() {
            return Err(DecodeError::Truncated);
        }
        let mut list = Vec::with_capacity(len.min(LIST_AHEAD_MAX));
        for _ in 0..len {
            list.push(take(self)?);
        }
        Ok(list)
    }

    /// Reads something that may contain its like.
    pub(crate) fn nested<T>(
        &mut self,
        take: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.depth == DEPTH_MAX {
            return Err(DecodeError::TooDeep);
        }
        self.depth += 1;
        let taken = take(self);
        self.depth -= 1;
        taken
    }

    pub(crate) fn end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes) }
    }
}
