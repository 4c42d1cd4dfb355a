//! A state of the whole: what each node is and has sent, what was committed, and what the bounds have left. All of it are
//! small numbers; what they stand for is in the arena.

use crate::configuration::{NODES_MAX, READS_MAX};

/// How much of what is bounded was used: at most [`USED_MAX`] of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Used {
    pub(crate) proposals: u8,
    pub(crate) crashes: u8,
    pub(crate) reads: u8,
    pub(crate) compactions: u8,
    pub(crate) campaigns: u8,
    /// At most 3.
    pub(crate) changes: u8,
}

/// What six bits count.
pub(crate) const USED_MAX: u8 = 63;

/// One state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct World {
    /// Numbers of trails.
    pub(crate) trails: [u32; NODES_MAX],
    pub(crate) history: u32,
    pub(crate) used: Used,
    /// For each read under way one more than the index that had been committed when it was asked; 0 when it has ended.
    pub(crate) reads: [u8; READS_MAX],
}

impl Used {
    fn packed(self) -> u32 {
        let all = [self.proposals, self.crashes, self.reads, self.compactions, self.campaigns];
        all.iter().fold(u32::from(self.changes), |packed, one| (packed << 6) | u32::from(*one))
    }

    fn unpacked(packed: u32) -> Self {
        let part = |place: u32| u8::try_from((packed >> (6 * place)) & 63).unwrap_or(USED_MAX);
        Self {
            proposals: part(4),
            crashes: part(3),
            reads: part(2),
            compactions: part(1),
            campaigns: part(0),
            changes: part(5),
        }
    }
}

/// States that are still to be looked at, packed one behind the other.
pub(crate) struct Frontier {
    nodes: usize,
    words: Vec<u32>,
}

/// Words of a state besides its trails.
const HEADER: usize = 3;

impl Frontier {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { nodes, words: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.words.len() / self.stride()
    }

    pub(crate) fn bytes(&self) -> u64 {
        (self.words.capacity() * 4) as u64
    }

    pub(crate) fn push(&mut self, world: &World) {
        let header = [world.history, u32::from_le_bytes(world.reads), world.used.packed()];
        self.words.extend_from_slice(&header);
        self.words.extend_from_slice(&world.trails[..self.nodes]);
    }

    /// The state of this number, which there must be.
    pub(crate) fn read(&self, at: usize) -> World {
        let from = at * self.stride();
        let mut world = World::default();
        if let [history, reads, used, ..] = self.words[from..from + HEADER] {
            (world.history, world.reads, world.used) = (history, reads.to_le_bytes(), Used::unpacked(used));
        }
        world.trails[..self.nodes].copy_from_slice(&self.words[from + HEADER..from + self.stride()]);
        world
    }

    fn stride(&self) -> usize {
        HEADER + self.nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_read_back_is_the_state_that_was_packed() {
        let mut one = World { trails: [1, 2, 3, 0, 0], history: 9, reads: [1, 0, 3, 0], ..World::default() };
        one.used = Used { proposals: 1, crashes: 2, reads: 3, compactions: 4, campaigns: 63, changes: 3 };
        let two = World { trails: [7, 8, u32::MAX, 0, 0], ..one };
        let mut frontier = Frontier::new(3);
        frontier.push(&one);
        frontier.push(&two);
        assert_eq!((frontier.read(0), frontier.read(1), frontier.len()), (one, two, 2));
    }
}
