//! Nodes differ in their names only, so of all states that are one but for names a single one needs to be looked at. Its
//! fingerprint is the least one over all renamings that bring the nodes into the order of a key that does not depend on
//! names: mostly that is one renaming, and only ties have more.

use raft::NodeId;

use crate::configuration::NODES_MAX;

/// Renamings of nodes: the node at place `i` gets the name of place `permutation[i]`.
#[derive(Debug, Clone)]
pub(crate) struct Renamings {
    all: Vec<Vec<usize>>,
}

impl Renamings {
    /// All renamings of `nodes` nodes; the first changes nothing.
    pub(crate) fn all(nodes: usize) -> Self {
        let mut all = vec![Vec::new()];
        for _ in 0..nodes {
            all = all.iter().flat_map(|begun| longer(begun, nodes)).collect();
        }
        Self { all }
    }

    /// Only the one that changes nothing: every state counts.
    pub(crate) fn none(nodes: usize) -> Self {
        Self { all: vec![(0..nodes).collect()] }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// What a renaming calls a node.
    pub(crate) fn name(&self, renaming: usize, node: NodeId) -> NodeId {
        let place = self.all[renaming][place(node)];
        NodeId(place as u64 + 1)
    }

    /// Those that bring the nodes, whose keys these are, into rising order of their keys.
    pub(crate) fn sorting(&self, keys: &[u128]) -> impl Iterator<Item = usize> {
        let mut sorted = [0u128; NODES_MAX];
        sorted[..keys.len()].copy_from_slice(keys);
        sorted[..keys.len()].sort_unstable();
        let single = self.all.len() == 1;
        let sorts = move |permutation: &[usize]| permutation.iter().zip(keys).all(|(to, key)| sorted[*to] == *key);
        self.all
            .iter()
            .enumerate()
            .filter(move |(_, permutation)| single || sorts(permutation))
            .map(|(renaming, _)| renaming)
    }
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
        let order = |keys: &[u128]| -> Vec<Vec<u64>> {
            let names = |renaming| (1..=3).map(|node| renamings.name(renaming, NodeId(node)).0).collect();
            renamings.sorting(keys).map(names).collect()
        };
        assert_eq!(order(&[30, 10, 20]), [[3, 1, 2]]);
        assert_eq!(order(&[30, 10, 10]), [[3, 1, 2], [3, 2, 1]]);
        assert_eq!(order(&[5, 5, 5]).len(), 6);
        assert_eq!(Renamings::none(3).sorting(&[30, 10, 20]).collect::<Vec<_>>(), [0]);
        assert_eq!(Renamings::all(5).len(), 120);
    }
}
