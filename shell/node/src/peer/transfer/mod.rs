//! Snapshots between members: a file over a connection of its own, by plain blocking threads, so that messages never wait.
//! What is sent, where it goes on after a cut and how fast is decided in [`replica::transfers`]; here are frames, sockets and
//! threads, and nobody holds more of a file in memory than a few chunks.
//!
//! After the greeting the sender offers a file; the receiver says how much of it is here, durably or not; chunks follow from there,
//! each with its offset and checksum. The receiver makes the file durable, builds the state machine, has the loop take it in, and
//! only then answers. While it works at that it says so now and then: a side that hears nothing gives the other up.

mod pieces;
pub(crate) mod receive;
pub(crate) mod send;

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use raft::Term;
use replica::transfers::Offer;
use wal::Base;
use wal::snapshot_file::SnapshotId;

use super::frame::{self, HEADER_BYTES};

/// About so many bytes of a file are one frame.
const PIECE_BYTES: usize = 256 << 10;
/// A frame of a file holds whole chunks and its offset.
const PIECE_BYTES_MAX: usize = PIECE_BYTES + (128 << 10);
/// Offers and answers.
const WORDS_BYTES_MAX: usize = 4096;
/// Without any byte for so long the other side is given up.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// So often who works says that it does.
const PATIENCE_ASKED: Duration = Duration::from_secs(2);

const OFFER_BYTES: usize = 36;

fn put_offer(offer: &Offer, out: &mut BytesMut) {
    let SnapshotId { position, length, checksum } = offer.id;
    for number in [offer.term.0, position.index, position.term, length] {
        out.put_u64_le(number);
    }
    out.put_u32_le(checksum);
}

fn take_offer(mut bytes: Bytes) -> Option<Offer> {
    if bytes.len() != OFFER_BYTES {
        return None;
    }
    let term = Term(bytes.get_u64_le());
    let position = Base { index: bytes.get_u64_le(), term: bytes.get_u64_le() };
    let id = SnapshotId { position, length: bytes.get_u64_le(), checksum: bytes.get_u32_le() };
    Some(Offer { term, id })
}

/// What a receiver says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// Send from this byte on; at the end of the file: all is taken in.
    GoOn(u64),
    /// No more of it now, and why.
    Refused(String),
    /// It is at work: have patience.
    Wait,
}

impl Word {
    fn put(&self, out: &mut BytesMut) {
        match self {
            Self::GoOn(offset) => {
                out.put_u8(0);
                out.put_u64_le(*offset);
            }
            Self::Refused(reason) => {
                out.put_u8(1);
                let end = reason.floor_char_boundary(WORDS_BYTES_MAX - 1);
                out.put_slice(&reason.as_bytes()[..end]);
            }
            Self::Wait => out.put_u8(2),
        }
    }

    fn take(mut bytes: Bytes) -> io::Result<Self> {
        match bytes.try_get_u8() {
            Ok(0) if bytes.len() == 8 => Ok(Self::GoOn(bytes.get_u64_le())),
            Ok(1) => Ok(Self::Refused(String::from_utf8_lossy(&bytes).into_owned())),
            Ok(2) if bytes.is_empty() => Ok(Self::Wait),
            Ok(_) | Err(_) => Err(frame::invalid("what came is no answer to a snapshot".into())),
        }
    }
}

fn write_frame(stream: &mut TcpStream, put: impl FnOnce(&mut BytesMut)) -> io::Result<()> {
    let mut bytes = BytesMut::new();
    frame::put_frame(&mut bytes, put);
    stream.write_all(&bytes)
}

fn read_frame(stream: &mut TcpStream, bytes_max: usize) -> io::Result<Bytes> {
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header)?;
    let (length, checksum) = frame::payload_length(&header, bytes_max)?;
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload)?;
    frame::check(&payload, checksum)?;
    Ok(payload.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_and_words_are_read_back_and_nothing_else_is() {
        let id = SnapshotId { position: Base { index: 7, term: 3 }, length: 900, checksum: 5 };
        let offer = Offer { term: Term(4), id };
        let mut out = BytesMut::new();
        put_offer(&offer, &mut out);
        let bytes = out.freeze();
        assert_eq!(take_offer(bytes.clone()), Some(offer));
        assert!((0..bytes.len()).all(|length| take_offer(bytes.slice(..length)).is_none()));
        for word in [Word::GoOn(u64::MAX), Word::Refused("the disk is full".into()), Word::Wait] {
            let mut out = BytesMut::new();
            word.put(&mut out);
            assert_eq!(Word::take(out.freeze()).unwrap(), word);
        }
        let mut out = BytesMut::new();
        Word::Refused("ä".repeat(5000)).put(&mut out);
        assert!(out.len() <= WORDS_BYTES_MAX, "a long sentence is cut, and not inside a letter");
        assert!(
            matches!(Word::take(out.freeze()), Ok(Word::Refused(text)) if text.chars().all(|letter| letter == 'ä'))
        );
        for junk in [&b""[..], &[0, 1], &[2, 2], &[9]] {
            assert!(Word::take(Bytes::copy_from_slice(junk)).is_err());
        }
    }
}
