//! Frames: how bytes travel between members. Four bytes of length, four of checksum, then the payload; numbers are
//! little-endian. A frame that is too long or damaged ends its connection; this room does not know what a payload means.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::Decoder;

/// The largest payload taken from a peer. An append holds at most a few MiB.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 64 << 20;
pub(crate) const HEADER_BYTES: usize = 8;

/// Appends one frame whose payload `write` appends.
pub(crate) fn put_frame(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_bytes(0, HEADER_BYTES);
    write(out);
    let payload = &out[start + HEADER_BYTES..];
    let (length, checksum) = (u32::try_from(payload.len()).unwrap_or(u32::MAX), crc32fast::hash(payload));
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
}

/// The length of the payload that a header announces.
pub(crate) fn payload_length(header: &[u8], limit: usize) -> io::Result<(usize, u32)> {
    let mut header = header;
    let (length, checksum) = (header.get_u32_le() as usize, header.get_u32_le());
    if length > limit {
        return Err(invalid(format!("a frame of {length} bytes, at most {limit} are taken")));
    }
    Ok((length, checksum))
}

pub(crate) fn check(payload: &[u8], checksum: u32) -> io::Result<()> {
    if crc32fast::hash(payload) == checksum { Ok(()) } else { Err(invalid("a frame's checksum does not match".into())) }
}

pub(crate) fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Takes frames out of a stream. Memory is taken as bytes arrive, not as a header promises.
#[derive(Debug)]
pub(crate) struct Frames;

impl Decoder for Frames {
    type Item = Bytes;
    type Error = io::Error;

    fn decode(&mut self, input: &mut BytesMut) -> io::Result<Option<Bytes>> {
        if input.len() < HEADER_BYTES {
            return Ok(None);
        }
        let (length, checksum) = payload_length(&input[..HEADER_BYTES], PAYLOAD_BYTES_MAX)?;
        if input.len() < HEADER_BYTES + length {
            return Ok(None);
        }
        input.advance(HEADER_BYTES);
        let payload = input.split_to(length).freeze();
        check(&payload, checksum)?;
        Ok(Some(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let mut wire = BytesMut::new();
        put_frame(&mut wire, |out| out.put_slice(b"first"));
        put_frame(&mut wire, |_| {});
        put_frame(&mut wire, |out| out.put_slice(b"third"));
        let (mut input, mut found) = (BytesMut::new(), Vec::new());
        for byte in wire {
            input.put_u8(byte);
            found.extend(Frames.decode(&mut input).unwrap());
        }
        assert_eq!(found, [&b"first"[..], b"", b"third"]);
    }

    #[test]
    fn a_changed_bit_or_a_huge_length_is_an_error() {
        let mut wire = BytesMut::new();
        put_frame(&mut wire, |out| out.put_slice(b"payload"));
        wire[9] ^= 1;
        assert_eq!(Frames.decode(&mut wire).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let mut huge = BytesMut::from(&[0xff; 16][..]);
        assert_eq!(Frames.decode(&mut huge).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
