//! Which links carry what: the shapes of partitions, links that come and go, links that are clogged or narrow.

use std::collections::BTreeSet;

use raft::NodeId;

use super::network::Narrow;
use super::{Event, World};
use crate::run::Act;

impl World {
    /// Gives the network a shape.
    pub(super) fn shape(&mut self, act: &Act) {
        let now = self.now;
        match *act {
            Act::Cut { from, to } => {
                self.links.broken.insert((NodeId(from), NodeId(to)));
            }
            Act::Join { from, to } => {
                self.links.broken.remove(&(NodeId(from), NodeId(to)));
            }
            Act::Filter { from, to, ref kind, lost } => {
                let link = (NodeId(from), NodeId(to), kind.clone());
                if lost {
                    self.links.filtered.insert(link);
                } else {
                    self.links.filtered.remove(&link);
                }
            }
            Act::Partition { ref groups } => self.partition(groups),
            Act::Isolate { n } => self.isolate(NodeId(n)),
            Act::IsolateLeader => {
                if let Some(leader) = self.leader() {
                    self.isolate(leader);
                }
            }
            Act::CutPair { a, b } => self.links.broken.extend([(NodeId(a), NodeId(b)), (NodeId(b), NodeId(a))]),
            Act::Bridge { n } => self.bridge(NodeId(n)),
            Act::Ring => self.ring(),
            Act::Deaf { n } => self.one_way(n, |one, other| (other, one)),
            Act::Mute { n } => self.one_way(n, |one, other| (one, other)),
            Act::Flap { a, b, every, times } => self.flap(a, b, every.max(1), times),
            Act::Clog { from, to, micros } => {
                self.links.clogged.insert((NodeId(from), NodeId(to)), now + micros);
            }
            Act::Narrow { from, to, bytes, lasts } => {
                let narrow = Narrow { until: now + lasts, bytes: bytes.max(1), free_at: now };
                self.links.narrow.insert((NodeId(from), NodeId(to)), narrow);
            }
            _ => {}
        }
    }

    /// The link changes once more.
    pub(super) fn flap(&mut self, a: u64, b: u64, every: u64, left: u64) {
        let pair = [(NodeId(a), NodeId(b)), (NodeId(b), NodeId(a))];
        pair.iter().for_each(|link| {
            self.links.broken.remove(link);
        });
        if self.calm || left == 0 {
            return;
        }
        if !left.is_multiple_of(2) {
            self.links.broken.extend(pair);
        }
        self.after(every, Event::Flap(a, b, every, left - 1));
    }

    fn partition(&mut self, groups: &[Vec<u64>]) {
        let group_of = |id: NodeId| groups.iter().position(|group| group.contains(&id.0));
        self.only_between(|from, to| group_of(from).is_some() && group_of(from) == group_of(to));
    }

    fn isolate(&mut self, alone: NodeId) {
        self.only_between(|from, to| from != alone && to != alone);
    }

    fn bridge(&mut self, middle: NodeId) {
        let others: Vec<NodeId> = self.ids().into_iter().filter(|id| *id != middle).collect();
        let left: BTreeSet<NodeId> = others.iter().take(others.len() / 2).copied().collect();
        self.only_between(|from, to| from == middle || to == middle || left.contains(&from) == left.contains(&to));
    }

    fn ring(&mut self) {
        let count = self.ids().len() as u64;
        self.only_between(|from, to| {
            let apart = from.0.abs_diff(to.0);
            apart == 1 || apart + 1 == count
        });
    }

    /// Of all links only these carry anything.
    fn only_between(&mut self, whole: impl Fn(NodeId, NodeId) -> bool) {
        self.links.broken.clear();
        let ids = self.ids();
        for from in &ids {
            let cut = ids.iter().filter(|to| *to != from && !whole(*from, **to));
            self.links.broken.extend(cut.map(|to| (*from, *to)));
        }
    }

    fn one_way(&mut self, n: u64, link: impl Fn(NodeId, NodeId) -> (NodeId, NodeId)) {
        let one = if n == 0 { self.leader() } else { Some(NodeId(n)) };
        let Some(one) = one else { return };
        let others = self.ids().into_iter().filter(|other| *other != one);
        let links: Vec<(NodeId, NodeId)> = others.map(|other| link(one, other)).collect();
        self.links.broken.extend(links);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;

    fn world(members: u64, act: &Act) -> World {
        let mut world = World::new(Run::quiet(1, members)).unwrap();
        world.act(act).unwrap();
        world
    }

    fn hears(world: &World, to: u64, from: u64) -> bool {
        !world.links.broken.contains(&(NodeId(from), NodeId(to)))
    }

    #[test]
    fn shapes_are_what_their_names_say() {
        let ring = world(5, &Act::Ring);
        assert!(hears(&ring, 1, 5) && hears(&ring, 1, 2) && !hears(&ring, 1, 3) && !hears(&ring, 4, 1));
        let bridge = world(5, &Act::Bridge { n: 1 });
        assert!((2..=5).all(|n| hears(&bridge, 1, n) && hears(&bridge, n, 1)));
        assert!(hears(&bridge, 2, 3) && hears(&bridge, 4, 5) && !hears(&bridge, 2, 4) && !hears(&bridge, 5, 3));
        let pair = world(3, &Act::CutPair { a: 1, b: 2 });
        assert!(!hears(&pair, 1, 2) && !hears(&pair, 2, 1) && hears(&pair, 1, 3) && hears(&pair, 3, 2));
        let deaf = world(3, &Act::Deaf { n: 2 });
        assert!(!hears(&deaf, 2, 1) && !hears(&deaf, 2, 3) && hears(&deaf, 1, 2));
        let mute = world(3, &Act::Mute { n: 2 });
        assert!(!hears(&mute, 1, 2) && hears(&mute, 2, 1));
        let alone = world(4, &Act::Isolate { n: 3 });
        assert!(!hears(&alone, 3, 1) && !hears(&alone, 1, 3) && hears(&alone, 1, 4));
    }

    #[test]
    fn a_link_that_flaps_ends_whole() {
        let mut world = world(3, &Act::Flap { a: 1, b: 2, every: 1000, times: 4 });
        let mut seen = Vec::new();
        for at in 0..6 {
            world.run_until(at * 1000 + 500).unwrap();
            seen.push(hears(&world, 1, 2));
        }
        assert_eq!(seen, [true, false, true, false, true, true]);
    }

    #[test]
    fn what_goes_through_a_clogged_or_narrow_link_comes_late() {
        let id = replica::peer::ForwardId { incarnation: 1, number: 1 };
        let message = replica::PeerMessage::Read(replica::peer::ForwardedRead { id });
        let link = (NodeId(1), NodeId(2));
        let mut clogged = world(3, &Act::Clog { from: 1, to: 2, micros: 5000 });
        assert_eq!(clogged.links.waits(2000, link, &message), 3000);
        assert_eq!(clogged.links.waits(6000, link, &message), 0);
        let mut narrow = world(3, &Act::Narrow { from: 1, to: 2, bytes: 1000, lasts: 1_000_000 });
        let first = narrow.links.waits(0, link, &message);
        assert!(first > 0 && narrow.links.waits(0, link, &message) == 2 * first);
        assert_eq!(narrow.links.waits(2_000_000, link, &message), 0);
    }
}
