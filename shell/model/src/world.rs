//! A state of the whole: which state each node is in, which packets were ever sent, what was committed, and what the bounds
//! have left. All of it are small numbers; what they stand for is in the arena.

use crate::configuration::{NODES_MAX, READS_MAX};

/// How much of what is bounded was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Used {
    pub(crate) proposals: u8,
    pub(crate) crashes: u8,
    pub(crate) reads: u8,
    pub(crate) compactions: u8,
    pub(crate) campaigns: u8,
}

/// One state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct World {
    pub(crate) locals: [u32; NODES_MAX],
    pub(crate) history: u32,
    pub(crate) used: Used,
    /// For each read under way one more than the index that had been committed when it was asked; 0 when it has ended.
    pub(crate) reads: [u8; READS_MAX],
    /// Which packets were sent: one bit each.
    pub(crate) packets: Vec<u64>,
}

impl World {
    pub(crate) fn has(&self, packet: u32) -> bool {
        let (word, bit) = (packet as usize / 64, packet % 64);
        self.packets.get(word).is_some_and(|bits| bits & (1 << bit) != 0)
    }

    pub(crate) fn add(&mut self, packet: u32) {
        let (word, bit) = (packet as usize / 64, packet % 64);
        if self.packets.len() <= word {
            self.packets.resize(word + 1, 0);
        }
        self.packets[word] |= 1 << bit;
    }

    pub(crate) fn remove(&mut self, packet: u32) {
        let (word, bit) = (packet as usize / 64, packet % 64);
        self.packets[word] &= !(1 << bit);
    }

    pub(crate) fn packets(&self) -> impl Iterator<Item = u32> {
        let words = (0u32..).zip(&self.packets);
        words.flat_map(|(at, bits)| Bits(*bits).map(move |bit| at * 64 + bit))
    }

    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.locals = other.locals;
        self.history = other.history;
        self.used = other.used;
        self.reads = other.reads;
        self.packets.clone_from(&other.packets);
    }
}

/// The bits of a word that are set.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

/// States that are still to be looked at, packed one behind the other.
#[derive(Default)]
pub(crate) struct Frontier {
    words: Vec<u64>,
    len: usize,
}

impl Frontier {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn bytes(&self) -> u64 {
        (self.words.capacity() * 8) as u64
    }

    pub(crate) fn clear(&mut self) {
        self.words.clear();
        self.len = 0;
    }

    pub(crate) fn push(&mut self, world: &World, nodes: usize) {
        let used = world.used;
        let used = [used.proposals, used.crashes, used.reads, used.compactions, used.campaigns];
        let mut header = [0; 8];
        header[..used.len()].copy_from_slice(&used);
        let length = u16::try_from(world.packets.len()).expect("there are fewer than four million packets");
        header[6..].copy_from_slice(&length.to_le_bytes());
        self.words.push(u64::from_le_bytes(header));
        self.words.push(pair(world.history, u32::from_le_bytes(world.reads)));
        self.words.extend(world.locals[..nodes].chunks(2).map(|two| pair(two[0], two.get(1).copied().unwrap_or(0))));
        self.words.extend_from_slice(&world.packets);
        self.len += 1;
    }

    /// Reads the state at `at` into `world`; says where the next one begins.
    pub(crate) fn read(&self, at: usize, nodes: usize, world: &mut World) -> Option<usize> {
        let header = self.words.get(at)?.to_le_bytes();
        let [proposals, crashes, reads, compactions, campaigns, _, low, high] = header;
        world.used = Used { proposals, crashes, reads, compactions, campaigns };
        let (history, reads) = halves(self.words[at + 1]);
        (world.history, world.reads) = (history, reads.to_le_bytes());
        let locals = at + 2;
        for place in 0..nodes {
            let (even, odd) = halves(self.words[locals + place / 2]);
            world.locals[place] = if place % 2 == 0 { even } else { odd };
        }
        let packets = locals + nodes.div_ceil(2);
        let end = packets + usize::from(u16::from_le_bytes([low, high]));
        world.packets.clear();
        world.packets.extend_from_slice(&self.words[packets..end]);
        Some(end)
    }
}

fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | (u64::from(high) << 32)
}

fn halves(word: u64) -> (u32, u32) {
    let bytes = word.to_le_bytes();
    let half = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    (half(0), half(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_read_back_is_the_state_that_was_packed() {
        let mut one = World { locals: [1, 2, 3, 0, 0], history: 9, reads: [1, 0, 3, 0], ..World::default() };
        one.used = Used { proposals: 1, crashes: 2, reads: 3, compactions: 4, campaigns: 5 };
        let mut two = one.clone();
        [0, 63, 64, 200].into_iter().for_each(|packet| two.add(packet));
        assert_eq!(two.packets().collect::<Vec<_>>(), [0, 63, 64, 200]);
        assert!(two.has(200) && !two.has(201) && !two.has(5000));
        let mut frontier = Frontier::default();
        frontier.push(&one, 3);
        frontier.push(&two, 3);
        let mut read = World::default();
        let next = frontier.read(0, 3, &mut read).unwrap();
        assert_eq!(read, one);
        let end = frontier.read(next, 3, &mut read).unwrap();
        assert_eq!(read, two);
        assert_eq!((frontier.read(end, 3, &mut read), frontier.len()), (None, 2));
    }
}
