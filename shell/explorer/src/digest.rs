//! FNV-1a, 64 bits: a short name for bytes, to see whether two of them are the same. It protects against nothing.

/// The digest as 16 hexadecimal digits.
#[must_use]
pub fn fnv(bytes: &[u8]) -> String {
    format!("{:016x}", number(bytes))
}

/// The digest as a number.
#[must_use]
pub fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |digest, byte| (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_come_out() {
        assert_eq!(fnv(b""), "cbf29ce484222325");
        assert_eq!(fnv(b"a"), "af63dc4c8601ec8c");
        assert_eq!(fnv(b"foobar"), "85944171f73967e8");
    }
}
