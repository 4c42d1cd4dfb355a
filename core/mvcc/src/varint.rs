//! Numbers as bytes: seven bits a byte, lowest first, the high bit says that more follow (LEB128). Signed numbers are
//! folded first, so that small negative ones stay small. Only the shortest form is read back: one number, one spelling.

/// The longest spelling of a 64-bit number.
pub const BYTES_MAX: usize = 10;

/// Appends `value`.
#[inline]
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        // The low seven bits and the mark fit a byte by construction.
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// Appends a signed `value`.
#[inline]
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, fold(value));
}

/// How many bytes `value` takes.
#[inline]
#[must_use]
pub fn len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Reads a number off the front of `input` and moves behind it. `None`: it breaks off, is longer than 64 bits, or is not
/// in its shortest form; `input` is then left anywhere.
#[inline]
pub fn take(input: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for place in 0..BYTES_MAX {
        let (&byte, rest) = input.split_first()?;
        *input = rest;
        if place == BYTES_MAX - 1 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return (byte != 0 || place == 0).then_some(value);
        }
    }
    None
}

/// Reads a signed number; see [`take`].
#[inline]
pub fn take_signed(input: &mut &[u8]) -> Option<i64> {
    take(input).map(unfold)
}

/// 0, -1, 1, -2, ... become 0, 1, 2, 3, ...
#[inline]
#[must_use]
pub fn fold(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The opposite of [`fold`].
#[inline]
#[must_use]
pub fn unfold(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_know_their_length() {
        for value in [0, 1, 127, 128, 300, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put(&mut out, value);
            assert_eq!(out.len(), len(value), "{value}");
            let mut input = out.as_slice();
            assert_eq!(take(&mut input), Some(value));
            assert!(input.is_empty());
            assert_eq!(take(&mut &out[..out.len() - 1]), None, "cut short");
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(unfold(fold(value)), value);
        }
        assert_eq!((fold(0), fold(-1), fold(1)), (0, 1, 2));
    }

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(take(&mut [0x80, 0x00].as_slice()), None, "zero in two bytes");
        assert_eq!(take(&mut [0xff; 10].as_slice()), None, "more than 64 bits");
        assert_eq!(take(&mut [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02].as_slice()), None);
    }
}
