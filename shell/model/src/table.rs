//! The states that were reached: 24 bytes each, the fingerprint of the state and the first half of that of the state it was
//! reached from first. Open addressing; it doubles when three quarters are full.

/// See the module.
pub(crate) struct Table {
    slots: Vec<Slot>,
    len: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    one: u64,
    two: u64,
    parent: u64,
}

const EMPTY: Slot = Slot { one: 0, two: 0, parent: 0 };
const SLOTS_MIN: usize = 1 << 10;

/// The two halves of a fingerprint, the first never 0.
fn halves(fingerprint: u128) -> (u64, u64) {
    let low = fingerprint & u128::from(u64::MAX);
    let high = fingerprint >> 64;
    let half = |part: u128| u64::try_from(part).unwrap_or(u64::MAX);
    (half(high).max(1), half(low))
}

/// How a parent is written down.
pub(crate) fn short(fingerprint: u128) -> u64 {
    halves(fingerprint).0
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { slots: vec![EMPTY; SLOTS_MIN], len: 0 }
    }

    /// States in it.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that it takes, or takes for a moment when it grows next.
    pub(crate) fn bytes_when_grown(&self) -> u64 {
        let grows = if self.is_full() { 3 } else { 1 };
        self.bytes() * grows
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> u64 {
        (self.slots.len() * size_of::<Slot>()) as u64
    }

    fn is_full(&self) -> bool {
        self.len * 4 >= self.slots.len() * 3
    }

    /// Says whether the state is new.
    pub(crate) fn insert(&mut self, fingerprint: u128, parent: u64) -> bool {
        if self.is_full() {
            self.grow();
        }
        let (one, two) = halves(fingerprint);
        let new = Self::put(&mut self.slots, Slot { one, two, parent });
        self.len += usize::from(new);
        new
    }

    /// What `state` was reached from first.
    pub(crate) fn parent(&self, state: u64) -> Option<u64> {
        let mask = self.slots.len() - 1;
        let mut at = home(state, mask);
        loop {
            let slot = self.slots[at];
            match slot.one {
                0 => return None,
                one if one == state => return Some(slot.parent),
                _ => at = (at + 1) & mask,
            }
        }
    }

    fn put(slots: &mut [Slot], new: Slot) -> bool {
        let mask = slots.len() - 1;
        let mut at = home(new.one, mask);
        loop {
            let slot = slots[at];
            if slot.one == 0 {
                slots[at] = new;
                return true;
            }
            if (slot.one, slot.two) == (new.one, new.two) {
                return false;
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let mut slots = vec![EMPTY; self.slots.len() * 2];
        for slot in self.slots.iter().filter(|slot| slot.one != 0) {
            Self::put(&mut slots, *slot);
        }
        self.slots = slots;
    }
}

fn home(one: u64, mask: usize) -> usize {
    usize::try_from(one & mask as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint;

    #[test]
    fn what_was_put_in_is_found_with_its_parent_also_after_growth() {
        let mut table = Table::new();
        let state = |number: u64| fingerprint::of(&number);
        for number in 1..5000 {
            assert!(table.insert(state(number), short(state(number - 1))));
            assert!(!table.insert(state(number), 7), "it is there already, and keeps its first parent");
        }
        assert_eq!(table.len(), 4999);
        assert_eq!(table.parent(short(state(4999))), Some(short(state(4998))));
        assert_eq!(table.parent(short(state(0))), None);
    }
}
