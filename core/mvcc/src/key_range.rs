//! The range of keys that a request's `key` and `range_end` mean (etcd API).

use std::ops::Bound;

/// The first and the last key of a range, as maps take them.
pub(crate) type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// A range of keys, borrowed from a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRange<'a> {
    /// One key.
    One(&'a [u8]),
    /// All keys from this one on.
    From(&'a [u8]),
    /// All keys from the first, before the second.
    Between(&'a [u8], &'a [u8]),
    /// No key: the end does not lie behind the beginning.
    Empty,
}

impl<'a> KeyRange<'a> {
    /// What `key` and `range_end` mean: an empty end is the single key, `\0` all from `key` on; an end that does not lie
    /// behind `key` gives an empty range, which is no error.
    #[must_use]
    pub fn new(key: &'a [u8], range_end: &'a [u8]) -> Self {
        match range_end {
            [] => Self::One(key),
            [0] => Self::From(key),
            end if end <= key => Self::Empty,
            end => Self::Between(key, end),
        }
    }

    /// Whether `key` lies in it.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        match *self {
            Self::One(one) => key == one,
            Self::From(first) => key >= first,
            Self::Between(first, end) => key >= first && key < end,
            Self::Empty => false,
        }
    }

    /// The bounds of what lies in it behind `after`, or of all of it; `None` if that is nothing.
    pub(crate) fn bounds_after(&self, after: Option<&'a [u8]>) -> Option<Bounds<'a>> {
        let (first, end) = match *self {
            Self::One(one) => (one, Bound::Included(one)),
            Self::From(first) => (first, Bound::Unbounded),
            Self::Between(first, end) => (first, Bound::Excluded(end)),
            Self::Empty => return None,
        };
        let Some(after) = after else { return Some((Bound::Included(first), end)) };
        let left = match end {
            Bound::Included(end) | Bound::Excluded(end) => after < end,
            Bound::Unbounded => true,
        };
        left.then_some((Bound::Excluded(after), end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_decides_what_is_meant() {
        assert_eq!(KeyRange::new(b"a", b""), KeyRange::One(b"a"));
        assert_eq!(KeyRange::new(b"a", b"\0"), KeyRange::From(b"a"));
        assert_eq!(KeyRange::new(b"a", b"b"), KeyRange::Between(b"a", b"b"));
        assert_eq!(KeyRange::new(b"a", b"a"), KeyRange::Empty);
        assert_eq!(KeyRange::new(b"b", b"a"), KeyRange::Empty);
    }

    #[test]
    fn nothing_is_left_behind_the_last_key() {
        assert_eq!(KeyRange::new(b"a", b"").bounds_after(Some(b"a")), None);
        assert_eq!(KeyRange::new(b"a", b"c").bounds_after(Some(b"c")), None);
        let left = Some((Bound::Excluded(b"b".as_slice()), Bound::Excluded(b"c".as_slice())));
        assert_eq!(KeyRange::new(b"a", b"c").bounds_after(Some(b"b")), left);
    }
}
