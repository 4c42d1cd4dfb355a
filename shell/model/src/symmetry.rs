//! Nodes differ in their names only, so of all states that are one but for names a single one needs to be looked at. Its
//! fingerprint is the least one over all renamings that bring the nodes into the order of a key that does not depend on
//! names: mostly that is one renaming, and only ties have more.

use raft::NodeId;

use crate::configuration::NODES_MAX;

/// Renamings of nodes: the node at place `i` gets the name of place `permutation[i]`.
#[derive(Debug, Clone)]
pub(crate) struct Renamings {
    all: Vec<Vec<usize>>,
    /// Which one it is, by the permutation read as digits.
    numbers: Vec<usize>,
    /// Nodes change names only within their class; classes are in rising order.
    classes: Vec<usize>,
}

impl Renamings {
    /// All renamings of `nodes` nodes; the first changes nothing.
    pub(crate) fn all(nodes: usize) -> Self {
        Self::within(vec![0; nodes])
    }

    /// All renamings within classes, which stand in rising order.
    pub(crate) fn within(classes: Vec<usize>) -> Self {
        let nodes = classes.len();
        let mut all = vec![Vec::new()];
        for _ in 0..nodes {
            all = all.iter().flat_map(|begun| longer(begun, nodes)).collect();
        }
        all.retain(|permutation: &Vec<usize>| (0..nodes).all(|place| classes[permutation[place]] == classes[place]));
        let mut numbers = vec![0; NODES_MAX.pow(u32::try_from(nodes).unwrap_or(0))];
        for (number, permutation) in all.iter().enumerate() {
            numbers[digits(permutation.iter().copied())] = number;
        }
        Self { all, numbers, classes }
    }

    /// Only the one that changes nothing: every state counts.
    pub(crate) fn none(nodes: usize) -> Self {
        Self { all: vec![(0..nodes).collect()], numbers: Vec::new(), classes: (0..nodes).collect() }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// What a renaming calls a node.
    pub(crate) fn name(&self, renaming: usize, node: NodeId) -> NodeId {
        let place = self.all[renaming][place(node)];
        NodeId(place as u64 + 1)
    }

    /// The one that brings the nodes, whose keys these are, into rising order of their keys; `None` if two keys are the same.
    pub(crate) fn sorting(&self, keys: &[u64]) -> Option<usize> {
        if self.all.len() == 1 {
            return Some(0);
        }
        let mut number = 0;
        let keys = || self.classes.iter().zip(keys);
        for (at, key) in keys().enumerate() {
            let mut rank = 0;
            for (other, theirs) in keys().enumerate() {
                if theirs == key && other != at {
                    return None;
                }
                rank += usize::from(theirs < key);
            }
            number = number * NODES_MAX + rank;
        }
        Some(self.numbers[number])
    }

    /// All that bring them into rising order, for keys of which some are the same.
    pub(crate) fn sorting_ties<'a>(&'a self, keys: &'a [u64]) -> impl Iterator<Item = usize> + 'a {
        let mut sorted = [(0, 0); NODES_MAX];
        let classed = || self.classes.iter().copied().zip(keys.iter().copied());
        sorted.iter_mut().zip(classed()).for_each(|(to, key)| *to = key);
        sorted[..keys.len()].sort_unstable();
        let sorts = move |permutation: &[usize]| {
            let mut pairs = permutation.iter().zip(self.classes.iter().copied().zip(keys.iter().copied()));
            pairs.all(|(to, key)| sorted[*to] == key)
        };
        self.all.iter().enumerate().filter(move |(_, permutation)| sorts(permutation)).map(|(renaming, _)| renaming)
    }
}

fn digits(permutation: impl Iterator<Item = usize>) -> usize {
    permutation.fold(0, |number, digit| number * NODES_MAX + digit)
}

/// Where a node stands in arrays.
pub(crate) fn place(node: NodeId) -> usize {
    usize::try_from(node.0).unwrap_or(usize::MAX).saturating_sub(1)
}

fn longer(begun: &[usize], nodes: usize) -> Vec<Vec<usize>> {
    let free = (0..nodes).filter(|place| !begun.contains(place));
    free.map(|place| begun.iter().copied().chain([place]).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_keys_have_one_renaming_and_ties_have_all_of_theirs() {
        let renamings = Renamings::all(3);
        assert_eq!(renamings.len(), 6);
        assert_eq!(renamings.name(0, NodeId(2)), NodeId(2), "the first changes nothing");
        let names = |renaming| -> Vec<u64> { (1..=3).map(|node| renamings.name(renaming, NodeId(node)).0).collect() };
        assert_eq!(renamings.sorting(&[30, 10, 20]).map(names).unwrap(), [3, 1, 2]);
        assert_eq!(renamings.sorting(&[30, 10, 10]), None);
        let order = |keys: &[u64]| -> Vec<Vec<u64>> { renamings.sorting_ties(keys).map(names).collect() };
        assert_eq!(order(&[30, 10, 10]), [[3, 1, 2], [3, 2, 1]]);
        assert_eq!(order(&[5, 5, 5]).len(), 6);
        let classes = Renamings::within(vec![0, 1, 1]);
        let of_class = |renaming| -> Vec<u64> { (1..=3).map(|node| classes.name(renaming, NodeId(node)).0).collect() };
        assert_eq!(classes.len(), 2, "the first keeps its name");
        assert_eq!(classes.sorting(&[30, 20, 10]).map(of_class).unwrap(), [1, 3, 2]);
        assert_eq!(classes.sorting(&[10, 10, 20]).map(of_class).unwrap(), [1, 2, 3], "no tie between classes");
        assert_eq!(classes.sorting_ties(&[5, 7, 7]).map(of_class).collect::<Vec<_>>(), [[1, 2, 3], [1, 3, 2]]);
        assert_eq!(Renamings::none(3).sorting(&[30, 10, 10]), Some(0));
        let five = Renamings::all(5);
        assert_eq!(five.len(), 120);
        let found = five.sorting(&[50, 10, 40, 20, 30]).unwrap();
        assert_eq!((1..=5).map(|node| five.name(found, NodeId(node)).0).collect::<Vec<_>>(), [5, 1, 4, 2, 3]);
    }
}
