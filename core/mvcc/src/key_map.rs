//! A sorted map from keys to values, laid out for memory: keys lie side by side in leaves of up to 64, so that finding one
//! touches few cache lines and costs no allocation of its own. It does not know what the values are.
//!
//! A tree of the standard library holds the leaves, each under a separator: no key of a leaf is below its separator or
//! reaches the next one. The first separator is empty, so every key has its leaf.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};

use crate::key_range::Bounds;

/// Keys in a leaf at most.
const LEAF_KEYS: usize = 64;
/// A leaf with more bytes of keys than this is split too, so that inserting among large keys moves little.
const LEAF_BYTES: usize = 1 << 14;

#[derive(Debug)]
pub(crate) struct KeyMap<V> {
    leaves: BTreeMap<Box<[u8]>, Leaf<V>>,
    len: usize,
    /// Of all keys together.
    key_bytes: usize,
}

/// A run of keys and their values.
#[derive(Debug)]
struct Leaf<V> {
    /// The keys, one after the other.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    values: Vec<V>,
}

impl<V> Default for KeyMap<V> {
    fn default() -> Self {
        Self { leaves: BTreeMap::new(), len: 0, key_bytes: 0 }
    }
}

impl<V> KeyMap<V> {
    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        let (_, leaf) = self.leaves.range::<[u8], _>(up_to(key)).next_back()?;
        leaf.find(key).ok().map(|at| &leaf.values[at])
    }

    pub(crate) fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        let (_, leaf) = self.leaves.range_mut::<[u8], _>(up_to(key)).next_back()?;
        leaf.find(key).ok().map(|at| &mut leaf.values[at])
    }

    /// Gives the present value to `change`, or puts that of `new` in if there is none; one search either way.
    pub(crate) fn upsert<T>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut V) -> T,
        new: impl FnOnce() -> (V, T),
    ) -> T {
        let Some((_, leaf)) = self.leaves.range_mut::<[u8], _>(up_to(key)).next_back() else {
            let (value, answer) = new();
            self.leaves.insert(Box::default(), Leaf::of(key, value));
            self.count_in(key);
            return answer;
        };
        let at = match leaf.find(key) {
            Ok(at) => return change(&mut leaf.values[at]),
            Err(at) => at,
        };
        let (value, answer) = new();
        if let Some(right) = leaf.insert(at, key, value) {
            self.leaves.insert(right.key(0).into(), right);
        }
        self.count_in(key);
        answer
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<V> {
        let (separator, leaf) = self.leaves.range_mut::<[u8], _>(up_to(key)).next_back()?;
        let at = leaf.find(key).ok()?;
        let value = leaf.remove(at);
        let small = leaf.values.len() <= LEAF_KEYS / 4;
        self.len -= 1;
        self.key_bytes -= key.len();
        if small {
            let separator = separator.clone();
            self.join(&separator);
        }
        Some(value)
    }

    /// The keys within `bounds`, in order.
    pub(crate) fn range<'a>(&'a self, bounds: Bounds<'a>) -> impl Iterator<Item = (&'a [u8], &'a V)> {
        let first = self.leaves.range::<[u8], _>(up_to(lower(bounds))).next_back();
        let begin = first.map_or(Bound::Unbounded, |(separator, _)| Bound::Included(separator.as_ref()));
        let leaves = self.leaves.range::<[u8], _>((begin, Bound::Unbounded));
        let mut ended = false;
        let runs = leaves.map_while(move |(_, leaf)| (!ended).then(|| (leaf, leaf.within(bounds, &mut ended))));
        runs.flat_map(|(leaf, run)| run.map(move |at| (leaf.key(at), &leaf.values[at])))
    }

    /// Shows the keys within `bounds` in order, to be changed, until `visit` fails.
    pub(crate) fn visit_mut<E>(
        &mut self,
        bounds: Bounds<'_>,
        mut visit: impl FnMut(&[u8], &mut V) -> Result<(), E>,
    ) -> Result<(), E> {
        let first = self.leaves.range::<[u8], _>(up_to(lower(bounds))).next_back();
        let Some(begin) = first.map(|(separator, _)| separator.clone()) else { return Ok(()) };
        let mut ended = false;
        for (_, leaf) in self.leaves.range_mut::<[u8], _>((Bound::Included(begin.as_ref()), Bound::Unbounded)) {
            for at in leaf.within(bounds, &mut ended) {
                let key = &leaf.bytes[begin_of(&leaf.ends, at)..leaf.ends[at]];
                visit(key, &mut leaf.values[at])?;
            }
            if ended {
                break;
            }
        }
        Ok(())
    }

    /// About how many bytes it takes, what the values point to not counted.
    pub(crate) fn footprint(&self) -> usize {
        // Leaves have about a quarter of slack, and are about three quarters full.
        let leaves = self.leaves.len() * (size_of::<Leaf<V>>() + size_of::<Box<[u8]>>()) * 3 / 2;
        leaves + (self.len * (size_of::<V>() + size_of::<usize>()) + self.key_bytes) * 9 / 8
    }

    fn count_in(&mut self, key: &[u8]) {
        self.len += 1;
        self.key_bytes += key.len();
    }

    /// Joins the leaf under `separator`, which has become small, with the next one if both fit in one with room to grow.
    fn join(&mut self, separator: &[u8]) {
        let Some(len) = self.leaves.get(separator).map(|leaf| leaf.values.len()) else { return };
        if len == 0 && !separator.is_empty() {
            self.leaves.remove(separator);
            return;
        }
        let behind = (Bound::Excluded(separator), Bound::Unbounded);
        let Some((next, right)) = self.leaves.range::<[u8], _>(behind).next() else { return };
        if len > 0 && len + right.values.len() > LEAF_KEYS * 3 / 4 {
            return;
        }
        let next = next.clone();
        let right = self.leaves.remove(&next);
        if let (Some(left), Some(right)) = (self.leaves.get_mut(separator), right) {
            left.append(right);
        }
    }
}

impl<V> Leaf<V> {
    fn of(key: &[u8], value: V) -> Self {
        Self { bytes: key.to_vec(), ends: vec![key.len()], values: vec![value] }
    }

    fn key(&self, at: usize) -> &[u8] {
        &self.bytes[begin_of(&self.ends, at)..self.ends[at]]
    }

    /// Where `key` is, or would have to be put in.
    fn find(&self, key: &[u8]) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.key(middle).cmp(key) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// The places whose keys lie within `bounds`; `ended` if they do not go on in the next leaf.
    fn within(&self, (lower, upper): Bounds<'_>, ended: &mut bool) -> Range<usize> {
        let first_at_least = |key: &[u8]| self.find(key).unwrap_or_else(|at| at);
        let first_above = |key: &[u8]| self.find(key).map_or_else(|at| at, |at| at + 1);
        let last = self.ends.len().checked_sub(1).map(|at| self.key(at));
        let begin = match lower {
            Bound::Included(key) => first_at_least(key),
            Bound::Excluded(key) => first_above(key),
            Bound::Unbounded => 0,
        };
        let end = match upper {
            Bound::Included(key) if last.is_some_and(|last| last >= key) => first_above(key),
            Bound::Excluded(key) if last.is_some_and(|last| last >= key) => first_at_least(key),
            Bound::Included(_) | Bound::Excluded(_) | Bound::Unbounded => return begin..self.ends.len(),
        };
        *ended = true;
        begin..end.max(begin)
    }

    /// Puts a key in. When the leaf is full its upper half comes back as another leaf; keys that come in order leave full
    /// leaves behind.
    fn insert(&mut self, at: usize, key: &[u8], value: V) -> Option<Self> {
        let full = self.values.len() >= LEAF_KEYS || self.bytes.len() + key.len() > LEAF_BYTES;
        if !full || self.values.is_empty() {
            self.insert_here(at, key, value);
            return None;
        }
        if at == self.values.len() {
            return Some(Self::of(key, value));
        }
        let middle = self.values.len() / 2;
        let mut right = self.split_off(middle);
        if at <= middle {
            self.insert_here(at, key, value);
        } else {
            right.insert_here(at - middle, key, value);
        }
        Some(right)
    }

    fn insert_here(&mut self, at: usize, key: &[u8], value: V) {
        let (begin, len) = (begin_of(&self.ends, at), self.bytes.len());
        make_room(&mut self.bytes, key.len());
        self.bytes.resize(len + key.len(), 0);
        self.bytes.copy_within(begin..len, begin + key.len());
        self.bytes[begin..begin + key.len()].copy_from_slice(key);
        make_room(&mut self.ends, 1);
        self.ends.insert(at, begin);
        self.ends[at..].iter_mut().for_each(|end| *end += key.len());
        make_room(&mut self.values, 1);
        self.values.insert(at, value);
    }

    fn split_off(&mut self, middle: usize) -> Self {
        let begin = begin_of(&self.ends, middle);
        let bytes = self.bytes[begin..].to_vec();
        self.bytes.truncate(begin);
        let ends = self.ends[middle..].iter().map(|end| end - begin).collect();
        self.ends.truncate(middle);
        let values = self.values.split_off(middle);
        self.shrink();
        Self { bytes, ends, values }
    }

    fn remove(&mut self, at: usize) -> V {
        let (begin, end) = (begin_of(&self.ends, at), self.ends.remove(at));
        self.bytes.drain(begin..end);
        self.ends[at..].iter_mut().for_each(|later| *later -= end - begin);
        self.values.remove(at)
    }

    fn append(&mut self, right: Self) {
        let base = self.bytes.len();
        self.bytes.extend_from_slice(&right.bytes);
        self.ends.extend(right.ends.iter().map(|end| base + end));
        self.values.extend(right.values);
        self.shrink();
    }

    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.values.shrink_to_fit();
    }
}

fn begin_of(ends: &[usize], at: usize) -> usize {
    at.checked_sub(1).map_or(0, |before| ends[before])
}

fn up_to(key: &[u8]) -> Bounds<'_> {
    (Bound::Unbounded, Bound::Included(key))
}

fn lower<'a>(bounds: Bounds<'a>) -> &'a [u8] {
    match bounds.0 {
        Bound::Included(key) | Bound::Excluded(key) => key,
        Bound::Unbounded => &[],
    }
}

/// Doubling would leave half of a leaf empty: growing by a quarter is often enough for something so small.
fn make_room<T>(vec: &mut Vec<T>, more: usize) {
    if vec.capacity() - vec.len() < more {
        vec.reserve_exact(more.max(vec.len() / 4).max(4));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(map: &KeyMap<u32>) {
        let separators: Vec<&[u8]> = map.leaves.keys().map(AsRef::as_ref).collect();
        assert!(separators.first().is_none_or(|first| first.is_empty()));
        for (at, leaf) in map.leaves.values().enumerate() {
            assert!(leaf.values.len() == leaf.ends.len() && leaf.values.len() <= LEAF_KEYS);
            assert!(at == 0 || !leaf.values.is_empty());
            for key in (0..leaf.ends.len()).map(|key| leaf.key(key)) {
                assert!(key >= separators[at] && separators.get(at + 1).is_none_or(|next| key < *next));
            }
        }
        assert_eq!(map.len, map.leaves.values().map(|leaf| leaf.values.len()).sum::<usize>());
        assert_eq!(map.key_bytes, map.leaves.values().map(|leaf| leaf.bytes.len()).sum::<usize>());
    }

    fn bound(kind: u8, key: &[u8]) -> Bound<&[u8]> {
        match kind {
            0 => Bound::Included(key),
            1 => Bound::Excluded(key),
            _ => Bound::Unbounded,
        }
    }

    fn all(map: &KeyMap<u32>) -> Vec<(Vec<u8>, u32)> {
        map.range((Bound::Unbounded, Bound::Unbounded)).map(|(key, value)| (key.to_vec(), *value)).collect()
    }

    proptest! {
        /// Many inserts, then many removals, so that leaves split and join; all along it is like a plain tree.
        #[test]
        fn it_is_like_a_tree(
            keys in prop::collection::vec(prop::collection::vec(0..5_u8, 0..6), 1..700),
            removed in prop::collection::vec(any::<prop::sample::Index>(), 0..900),
            bounds in prop::collection::vec((0..3_u8, 0..3_u8, any::<(prop::sample::Index, prop::sample::Index)>()), 20),
        ) {
            let (mut map, mut tree) = (KeyMap::default(), BTreeMap::new());
            for (key, number) in keys.iter().zip(0..) {
                let known = map.upsert(key, |value| { *value = number; true }, || (number, false));
                prop_assert_eq!(known, tree.insert(key.clone(), number).is_some());
            }
            check(&map);
            prop_assert_eq!(all(&map), tree.clone().into_iter().collect::<Vec<_>>());
            for (lower, upper, (from, to)) in bounds {
                let (mut from, mut to) = (from.get(&keys), to.get(&keys));
                if from > to {
                    std::mem::swap(&mut from, &mut to);
                }
                let within = (bound(lower, from), bound(upper, to));
                let expected = |key: &[u8]| std::ops::RangeBounds::<[u8]>::contains(&within, key);
                let expected: Vec<&Vec<u8>> = tree.keys().filter(|key| expected(key)).collect();
                prop_assert!(map.range(within).map(|(key, _)| key).eq(expected.iter().map(|key| key.as_slice())));
                let mut visited = Vec::new();
                map.visit_mut(within, |key, _| { visited.push(key.to_vec()); Ok::<_, ()>(()) }).unwrap();
                prop_assert!(visited.iter().eq(expected));
            }
            for key in removed.iter().map(|index| index.get(&keys)) {
                prop_assert_eq!(map.remove(key), tree.remove(key));
                prop_assert!(map.get(key).is_none() && map.get_mut(key).is_none());
            }
            check(&map);
            prop_assert_eq!(all(&map), tree.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn keys_in_order_fill_their_leaves() {
        let mut map = KeyMap::default();
        for number in 0..6_400_u32 {
            map.upsert(&number.to_be_bytes(), |_| (), || (number, ()));
        }
        assert_eq!(map.leaves.len(), 100);
        for number in 0..6_400_u32 {
            assert_eq!(map.remove(&number.to_be_bytes()), Some(number));
        }
        check(&map);
        assert_eq!(map.leaves.len(), 1, "an empty map has one empty leaf");
    }

    #[test]
    fn large_keys_share_a_leaf_with_one_other_at_most() {
        let mut map = KeyMap::default();
        for byte in [5, 1, 9, 3, 7, 2, 8] {
            map.upsert(&vec![byte; 10_000], |_| (), || (u32::from(byte), ()));
        }
        check(&map);
        assert!(map.leaves.values().all(|leaf| leaf.values.len() <= 2));
        assert_eq!(all(&map).into_iter().map(|(_, value)| value).collect::<Vec<_>>(), [1, 2, 3, 5, 7, 8, 9]);
    }
}
