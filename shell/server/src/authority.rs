//! Paints over the `:authority` of HTTP/2 requests before the HTTP library sees it. Clients of etcd send there what is no
//! authority (`http://host:port`, `#initially=[...]`, the path of a socket); etcd never looks at it and neither do we, but the
//! library refuses such requests (PROTOCOL_ERROR), and rightly so.
//!
//! What the client sends is followed just far enough to find the value: frames (RFC 9113, 4.1), and in header blocks the
//! fields (RFC 7541, 6). A value written out under the name `:authority` (index 1 of the static table) is overwritten in place
//! with as many letters, so no length changes, and the library's table of headers stays that of the client. Nothing is decoded,
//! kept or refused here: what is malformed passes as it is, for the library to judge. HTTP/1 passes untouched.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What an HTTP/2 client sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The place of `:authority` in the static table.
const AUTHORITY: usize = 1;
/// What stands in place of each byte: as plain text, any number of them is a host name.
const PAINT: u8 = b'x';

const FRAME_HEADERS: u8 = 1;
const FRAME_CONTINUATION: u8 = 9;
const FLAG_PADDED: u8 = 0x8;
const FLAG_PRIORITY: u8 = 0x20;
const PRIORITY_BYTES: usize = 5;

/// A client's connection, read through the painter.
pub(crate) struct Painted<S> {
    stream: S,
    painter: Painter,
}

impl<S> Painted<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, painter: Painter::new() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Painted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.painter.paint(&mut buffer.filled_mut()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Painted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Where in the frames the stream is.
struct Painter {
    place: Place,
    block: Block,
}

enum Place {
    /// So many bytes of the preface have come.
    Preface(usize),
    /// In a frame's head of nine bytes: those that have come.
    Head { head: [u8; 9], filled: usize },
    /// At the byte that says how much padding ends a frame of header block. `rest` bytes of payload follow it.
    PadLength { priority: bool, rest: usize },
    /// In the payload of a frame: what to skip, how much header block follows it, and what to skip then.
    Payload { before: usize, block: usize, after: usize },
    /// Not HTTP/2, or malformed.
    Off,
}

impl Place {
    const FRAME: Self = Self::Head { head: [0; 9], filled: 0 };
}

impl Painter {
    fn new() -> Self {
        Self { place: Place::Preface(0), block: Block::new() }
    }

    /// Follows the next bytes of the stream, wherever it was cut, and overwrites what is to be.
    fn paint(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let used = self.step(bytes);
            bytes = &mut bytes[used..];
        }
    }

    /// How many bytes it has dealt with: none where one frame ended and the next begins.
    fn step(&mut self, bytes: &mut [u8]) -> usize {
        match &mut self.place {
            Place::Off => return bytes.len(),
            Place::Preface(seen) => {
                let matches = bytes[0] == PREFACE[*seen];
                *seen += 1;
                if !matches {
                    self.place = Place::Off;
                } else if *seen == PREFACE.len() {
                    self.place = Place::FRAME;
                }
            }
            Place::Head { head, filled } => {
                head[*filled] = bytes[0];
                *filled += 1;
                if *filled == head.len() {
                    let head = *head;
                    self.begin_frame(head);
                }
            }
            Place::PadLength { priority, rest } => {
                let before = if *priority { PRIORITY_BYTES } else { 0 };
                self.place = payload(before, *rest, usize::from(bytes[0]));
            }
            Place::Payload { before, block, after } => {
                if *before > 0 {
                    return take(before, bytes);
                }
                if *block > 0 {
                    let used = take(block, bytes);
                    self.block.paint(&mut bytes[..used]);
                    return used;
                }
                if *after > 0 {
                    return take(after, bytes);
                }
                self.place = Place::FRAME;
                return 0;
            }
        }
        1
    }

    fn begin_frame(&mut self, head: [u8; 9]) {
        let [a, b, c, kind, flags, ..] = head;
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.place = match kind {
            FRAME_HEADERS => {
                self.block = Block::new();
                let priority = flags & FLAG_PRIORITY != 0;
                match (flags & FLAG_PADDED != 0, length.checked_sub(1)) {
                    (true, Some(rest)) => Place::PadLength { priority, rest },
                    (true, None) => Place::Off,
                    (false, _) => payload(if priority { PRIORITY_BYTES } else { 0 }, length, 0),
                }
            }
            FRAME_CONTINUATION => payload(0, length, 0),
            _ => Place::Payload { before: length, block: 0, after: 0 },
        };
    }
}

/// The payload of a frame of header block, `length` bytes of it, of which `before` and `after` are something else.
fn payload(before: usize, length: usize, after: usize) -> Place {
    match length.checked_sub(before + after) {
        Some(block) => Place::Payload { before, block, after },
        None => Place::Off,
    }
}

/// Takes as much of `left` as there are bytes.
fn take(left: &mut usize, bytes: &[u8]) -> usize {
    let used = bytes.len().min(*left);
    *left -= used;
    used
}

/// Where in a header block the stream is.
enum Block {
    /// At the first byte of a field.
    Field,
    /// In a number: that of a field.
    Index { number: Number, then: Field },
    /// At the first byte of a text.
    Text(Text),
    /// In the length of a text.
    Length { number: Number, text: Text },
    /// In a text.
    Bytes { left: usize, text: Text },
    /// Malformed.
    Off,
}

/// What a field consists of, beside its number.
#[derive(Clone, Copy)]
enum Field {
    /// Nothing: both name and value are in a table, or it is no header.
    Whole,
    /// The value, and the name before it where the number is 0.
    Literal,
}

/// What a text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Name,
    Value,
    Authority,
}

/// An integer whose prefix was full (RFC 7541, 5.1).
#[derive(Clone, Copy)]
struct Number {
    value: usize,
    shift: u32,
}

impl Number {
    /// The number in the low bits of `byte` under `mask`; `Err` where it goes on.
    fn begin(byte: u8, mask: u8) -> Result<usize, Self> {
        let value = usize::from(byte & mask);
        if byte & mask == mask { Err(Self { value, shift: 0 }) } else { Ok(value) }
    }

    /// Takes the next byte in. `Some(Err)` where the number goes on, `None` where it is larger than any header.
    fn next(self, byte: u8) -> Option<Result<usize, Self>> {
        const SHIFT_MAX: u32 = 21;
        if self.shift > SHIFT_MAX {
            return None;
        }
        let value = self.value + (usize::from(byte & 0x7f) << self.shift);
        Some(if byte & 0x80 == 0 { Ok(value) } else { Err(Self { value, shift: self.shift + 7 }) })
    }
}

impl Block {
    fn new() -> Self {
        Self::Field
    }

    fn paint(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let used = self.step(bytes);
            bytes = &mut bytes[used..];
        }
    }

    /// How many bytes it has dealt with: at least one.
    fn step(&mut self, bytes: &mut [u8]) -> usize {
        let byte = bytes[0];
        *self = match *self {
            Self::Off => return bytes.len(),
            Self::Field => Self::field(byte),
            Self::Index { number, then } => match number.next(byte) {
                Some(Ok(index)) => Self::indexed(index, then),
                Some(Err(number)) => Self::Index { number, then },
                None => Self::Off,
            },
            Self::Text(text) => {
                if text == Text::Authority {
                    // No longer in Huffman's code: what stands there now is plain.
                    bytes[0] &= 0x7f;
                }
                Number::begin(byte, 0x7f)
                    .map_or_else(|number| Self::Length { number, text }, |length| Self::text(length, text))
            }
            Self::Length { number, text } => match number.next(byte) {
                Some(Ok(length)) => Self::text(length, text),
                Some(Err(number)) => Self::Length { number, text },
                None => Self::Off,
            },
            Self::Bytes { mut left, text } => {
                let used = take(&mut left, bytes);
                if text == Text::Authority {
                    bytes[..used].fill(PAINT);
                }
                *self = Self::text(left, text);
                return used;
            }
        };
        1
    }

    /// By the first bits of a field (RFC 7541, 6).
    fn field(byte: u8) -> Self {
        let (mask, then) = match byte {
            0x80.. => (0x7f, Field::Whole),
            0x40..0x80 => (0x3f, Field::Literal),
            0x20..0x40 => (0x1f, Field::Whole),
            0x00..0x20 => (0x0f, Field::Literal),
        };
        Number::begin(byte, mask).map_or_else(|number| Self::Index { number, then }, |index| Self::indexed(index, then))
    }

    fn indexed(index: usize, then: Field) -> Self {
        match (then, index) {
            (Field::Whole, _) => Self::Field,
            (Field::Literal, 0) => Self::Text(Text::Name),
            (Field::Literal, AUTHORITY) => Self::Text(Text::Authority),
            (Field::Literal, _) => Self::Text(Text::Value),
        }
    }

    /// In a text with `left` bytes to come.
    fn text(left: usize, text: Text) -> Self {
        match (left, text) {
            (0, Text::Name) => Self::Text(Text::Value),
            (0, Text::Value | Text::Authority) => Self::Field,
            _ => Self::Bytes { left, text },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    /// Paints `bytes` behind a preface, cut into pieces of `size`.
    fn painted(bytes: &[u8], size: usize) -> Vec<u8> {
        let mut all = [PREFACE, bytes].concat();
        let mut painter = Painter::new();
        all.chunks_mut(size).for_each(|piece| painter.paint(piece));
        assert!(all.starts_with(PREFACE));
        all.split_off(PREFACE.len())
    }

    /// `:method POST`, an authority, a header whose name is written out, one with an index above the prefix, a size update.
    fn block(authority: &[u8]) -> Vec<u8> {
        [&[0x83][..], authority, b"\x00\x02te\x08trailers", b"\x0f\x80\x01\x02ab", b"\x3f\xe1\x1f"].concat()
    }

    #[test]
    fn the_authority_is_painted_over_however_the_stream_is_cut() {
        let plain = block(b"\x41\x09http://a/");
        let expected = block(b"\x41\x09xxxxxxxxx");
        let huffman = block(b"\x01\x83abc");
        let expected_huffman = block(b"\x01\x03xxx");
        let (first, second) = plain.split_at(6);
        let padded = [&[3][..], &plain, b"pad"].concat();
        let expected_padded = [&[3][..], &expected, b"pad"].concat();
        let (left, right) = expected.split_at(6);
        let stream = [
            frame(4, 0, b"\x41\x03not"),
            frame(1, 0x4, &plain),
            frame(0, 0, b"\x41\x03not"),
            frame(1, 0x20, &[b"\x41\x03abc", &huffman[..]].concat()),
            frame(1, 0x8, &padded),
            frame(1, 0, first),
            frame(9, 0x4, second),
        ];
        let expected = [
            frame(4, 0, b"\x41\x03not"),
            frame(1, 0x4, &expected),
            frame(0, 0, b"\x41\x03not"),
            frame(1, 0x20, &[b"\x41\x03abc", &expected_huffman[..]].concat()),
            frame(1, 0x8, &expected_padded),
            frame(1, 0, left),
            frame(9, 0x4, right),
        ];
        let (stream, expected) = (stream.concat(), expected.concat());
        for size in 1..=stream.len() {
            assert_eq!(painted(&stream, size), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn a_long_authority_is_painted_to_its_end() {
        let value = [b'/'; 200];
        let length = [0x7f, 200 - 127];
        let block = [&[0x41][..], &length, &value, &[0x83]].concat();
        let expected = [&[0x41][..], &length, &[b'x'; 200], &[0x83]].concat();
        assert_eq!(painted(&frame(1, 4, &block), 7), frame(1, 4, &expected));
    }

    #[test]
    fn what_is_not_http2_passes_untouched() {
        let mut request = *b"PRI /\x41\x03abc HTTP/1.1\r\n\r\n";
        let before = request;
        Painter::new().paint(&mut request);
        assert_eq!(request, before);
    }

    #[test]
    fn what_is_malformed_passes_as_it_is() {
        let endless_number = frame(1, 4, b"\xff\xff\xff\xff\xff\xff\xff\x41\x01/");
        let too_much_padding = frame(1, 0x8, b"\xff\x41\x01/");
        let no_room_for_priority = frame(1, 0x20, b"\x41\x01/");
        for stream in [endless_number, too_much_padding, no_room_for_priority] {
            assert_eq!(painted(&stream, 3), stream);
        }
    }
}
