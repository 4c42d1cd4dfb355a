//! The numbers of a new cluster and its founders, made from what all founders are told alike: so they agree without a word.
//!
//! Pure. Clients see 64-bit ids that look random, as etcd's do; inside, nodes are counted from 1 in the order of their names.

use super::config::ServeConfig;

/// A cluster as its founders' flags describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Founders {
    /// Never 0. Another token, name or URL makes another cluster.
    pub(crate) cluster_id: u64,
    /// In the order of their names.
    pub(crate) members: Vec<Founder>,
    /// This member's place among them.
    pub(crate) own: usize,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Founder {
    /// Counted from 1.
    pub(crate) node: u64,
    /// What clients know it by; never 0.
    pub(crate) api_id: u64,
    /// Its `--name`.
    pub(crate) name: String,
    /// In the order of their texts.
    pub(crate) peer_urls: Vec<String>,
}

impl Founders {
    /// The same on every founder, whatever the order in which its flags list them.
    pub(crate) fn of(config: &ServeConfig) -> Self {
        let mut members: Vec<Founder> = config
            .initial_cluster
            .iter()
            .map(|member| {
                let mut peer_urls: Vec<String> = member.peer_urls.iter().map(ToString::to_string).collect();
                peer_urls.sort();
                let mut told = vec![config.initial_cluster_token.as_str(), member.name.as_str()];
                told.extend(texts(&peer_urls));
                let api_id = digest(&told);
                Founder { node: 0, api_id, name: member.name.clone(), peer_urls }
            })
            .collect();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        for (node, member) in (1..).zip(&mut members) {
            member.node = node;
        }
        let ids: Vec<String> = members.iter().map(|member| member.api_id.to_string()).collect();
        let own = members.iter().position(|member| member.name == config.name);
        Self { cluster_id: digest(&texts(&ids)), members, own: own.expect("checked when the flags were read") }
    }

    /// This member.
    pub(crate) fn own(&self) -> &Founder {
        &self.members[self.own]
    }
}

fn texts(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

/// FNV-1a over the texts and their lengths, then mixed so that like texts give unlike numbers. Not against an attacker: whoever
/// may write the flags may choose the ids anyway.
fn digest(texts: &[&str]) -> u64 {
    let mut state: u64 = 0xcbf2_9ce4_8422_2325;
    let mut take = |byte: u8| state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for text in texts {
        (text.len() as u64).to_le_bytes().into_iter().chain(text.bytes()).for_each(&mut take);
    }
    state ^= state >> 33;
    state = state.wrapping_mul(0xff51_afd7_ed55_8ccd);
    state ^= state >> 33;
    state.max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn founders(name: &str, peer: &str, cluster: &str, token: &str) -> Founders {
        let words = [
            format!("--name={name}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster={cluster}"),
            format!("--initial-cluster-token={token}"),
        ];
        let words: Vec<std::ffi::OsString> = words.into_iter().map(Into::into).collect();
        Founders::of(&super::super::read_config(&words, &[]).expect("good flags"))
    }

    #[test]
    fn all_founders_agree() {
        let first = founders("b", "http://h:2", "b=http://h:2,a=http://h:1,c=http://h:3", "t");
        let second = founders("c", "http://h:3", "a=http://h:1,b=http://h:2,c=http://h:3", "t");
        assert_eq!((first.cluster_id, &first.members), (second.cluster_id, &second.members));
        let nodes: Vec<(u64, &str)> = first.members.iter().map(|member| (member.node, member.name.as_str())).collect();
        assert_eq!(nodes, [(1, "a"), (2, "b"), (3, "c")]);
        assert_eq!((first.own().name.as_str(), second.own().name.as_str()), ("b", "c"));
    }

    #[test]
    fn several_urls_in_any_order_are_the_same_member() {
        let one = founders("a", "http://h:1,http://i:1", "a=http://h:1,a=http://i:1", "t");
        let other = founders("a", "http://h:1,http://i:1", "a=http://i:1,a=http://h:1", "t");
        assert_eq!(one, other);
    }

    #[test]
    fn another_token_name_or_url_is_another_cluster() {
        let ids: BTreeSet<u64> = [
            founders("a", "http://h:1", "a=http://h:1", "t"),
            founders("a", "http://h:1", "a=http://h:1", "u"),
            founders("b", "http://h:1", "b=http://h:1", "t"),
            founders("a", "http://h:2", "a=http://h:2", "t"),
        ]
        .iter()
        .flat_map(|founders| [founders.cluster_id, founders.own().api_id])
        .collect();
        assert_eq!(ids.len(), 8);
        assert!(!ids.contains(&0));
    }

    /// A change of these numbers is a change of who a running cluster is: a member would refuse its own folder.
    #[test]
    fn the_numbers_never_change() {
        let founders = founders("n1", "http://127.0.0.1:2380", "n1=http://127.0.0.1:2380", "etcd-cluster");
        assert_eq!(
            format!("{:016x} {:016x}", founders.cluster_id, founders.own().api_id),
            "2b4e94bb227094d4 1ce4e030ef9d5d6f"
        );
    }
}
