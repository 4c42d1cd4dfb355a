//! All keys that begin with a word, as the API wants a range. It knows nothing else.

use bytes::Bytes;

/// In the API a zero byte as end is "all keys from there on".
const ALL: Bytes = Bytes::from_static(b"\0");

/// First key and end of the range of all keys that begin with `start`.
#[must_use]
pub fn prefix(start: Bytes) -> (Bytes, Bytes) {
    // The end is the first key after all of them: the last byte that can be raised is, and the rest dropped.
    let end = start.iter().rposition(|byte| *byte < u8::MAX).map_or(ALL, |place| {
        let mut end = start[..=place].to_vec();
        end[place] += 1;
        end.into()
    });
    (if start.is_empty() { ALL } else { start }, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_one() {
        for (start, first, end) in [
            (b"a".as_slice(), b"a".as_slice(), b"b".as_slice()),
            (b"a\xff\xff", b"a\xff\xff", b"b"),
            (b"\xff", b"\xff", b"\0"),
            (b"", b"\0", b"\0"),
        ] {
            assert_eq!(prefix(Bytes::from_static(start)), (Bytes::from_static(first), Bytes::from_static(end)));
        }
    }
}
