//! A wish about the membership in the API's words: checked as etcd checks it, in its order, against the membership as the
//! leader sees it, and made into one of the member's words. Pure; it asks nobody. Whether the cluster survives a change is the
//! leader's to say.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use node::{Alter, Survey};
use raft::NodeId;

use crate::config::ServerConfig;
use crate::member_info::MemberInfo;
use crate::status::Error;

/// One wish of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A new voter that is reached at these URLs.
    Add(Vec<String>),
    /// A new learner.
    AddLearner(Vec<String>),
    /// The member of this id is to leave.
    Remove(u64),
    /// The learner of this id is to vote.
    Promote(u64),
    /// The member of this id is reached at other URLs.
    Update(u64, Vec<String>),
    /// A new member that is reached at these URLs takes the place of the one of this id.
    Replace(u64, Vec<String>),
    /// These are to be all voters, and these all learners.
    Set(Vec<u64>, Vec<u64>),
}

/// Who are members, as the leader sees it, by the ids of the API.
#[derive(Debug, Clone)]
pub(crate) struct Roster {
    pub(crate) survey: Survey,
    pub(crate) members: Vec<(node::Member, MemberInfo)>,
}

impl Roster {
    pub(crate) fn new(survey: Survey) -> Self {
        let members = node::Member::all_of(&survey.configuration).into_iter().map(described).collect();
        Self { survey, members }
    }

    fn find(&self, id: u64) -> Result<&(node::Member, MemberInfo), Error> {
        self.members.iter().find(|(_, info)| info.api_id == id).ok_or(Error::MemberNotFound)
    }

    fn node(&self, id: u64) -> Result<NodeId, Error> {
        Ok(self.find(id)?.0.node)
    }

    /// Voters other than `but`, and how many of them have started. One that is to become a voter counts as one.
    fn voters(&self, but: Option<u64>) -> (usize, usize) {
        let voters = self.members.iter().filter(|(member, _)| member.voter || member.joining);
        let others: Vec<_> = voters.filter(|(_, info)| Some(info.api_id) != but).collect();
        (others.len(), others.iter().filter(|(_, info)| !info.name.is_empty()).count())
    }

    /// The URLs are good, and nobody else's.
    fn free_urls(&self, urls: &[String], own: Option<u64>) -> Result<(), Error> {
        let others = self.members.iter().filter(|(_, info)| Some(info.api_id) != own);
        let taken: BTreeSet<&String> = others.flat_map(|(_, info)| &info.peer_urls).collect();
        if urls.iter().any(|url| taken.contains(url)) { Err(Error::PeerUrlsExist) } else { Ok(()) }
    }

    fn id_of(&self, node: NodeId) -> Option<u64> {
        self.members.iter().find(|(member, _)| member.node == node).map(|(_, info)| info.api_id)
    }

    /// The ids of these nodes; for one that is new, `new`.
    pub(crate) fn ids(&self, nodes: &BTreeSet<NodeId>, new: u64) -> Vec<u64> {
        nodes.iter().map(|node| self.id_of(*node).unwrap_or(new)).collect()
    }
}

/// A member of which nothing (readable) is known is listed as etcd lists one that has not started: without name and URLs.
/// Its id is then the one it has inside.
pub(crate) fn described(member: node::Member) -> (node::Member, MemberInfo) {
    let unknown = || MemberInfo { api_id: member.node.0, ..MemberInfo::default() };
    let info = if member.info.is_empty() {
        unknown()
    } else {
        MemberInfo::decode(&member.info).unwrap_or_else(|error| {
            tracing::warn!(node = %member.node, %error, "what clients may know of a member cannot be read");
            unknown()
        })
    };
    (member, info)
}

impl Wish {
    /// What is wrong with it whatever the membership is.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Add(urls) | Self::AddLearner(urls) | Self::Update(_, urls) | Self::Replace(_, urls) => {
                let good = !urls.is_empty() && urls.iter().all(|url| is_peer_url(url));
                let few = peer_urls_bytes(urls) <= PEER_URLS_BYTES_MAX;
                if good && few { Ok(()) } else { Err(Error::BadPeerUrls) }
            }
            Self::Remove(_) | Self::Promote(_) | Self::Set(..) => Ok(()),
        }
    }

    /// The member's word for it; a new member gets the id `new`.
    pub(crate) fn against(&self, roster: &Roster, config: &ServerConfig, new: u64) -> Result<Alter, Error> {
        let strict = config.strict_reconfig_check;
        let info = |peer_urls: &[String]| {
            MemberInfo { api_id: new, peer_urls: peer_urls.to_vec(), ..MemberInfo::default() }.encode()
        };
        match self {
            Self::Add(urls) => {
                let (voters, started) = roster.voters(None);
                // etcd's exception: a cluster of one may grow.
                if strict && !(voters == 1 && started == 1) {
                    enough(voters + 1, started)?;
                }
                roster.free_urls(urls, None)?;
                Ok(Alter::AddVoter { info: info(urls) })
            }
            Self::AddLearner(urls) => {
                roster.free_urls(urls, None)?;
                let learners = roster.members.iter().filter(|(member, _)| !member.voter && !member.joining).count();
                if learners >= config.learners_max {
                    return Err(Error::TooManyLearners);
                }
                Ok(Alter::AddLearner { info: info(urls) })
            }
            Self::Remove(id) => {
                let (member, _) = roster.find(*id)?;
                // Who has not joined yet may always go: that takes back what waits for it.
                if strict && member.voter {
                    let (voters, started) = roster.voters(Some(*id));
                    enough(voters, started)?;
                }
                Ok(Alter::Remove(member.node))
            }
            Self::Promote(id) => Ok(Alter::Promote(roster.node(*id)?)),
            Self::Update(id, urls) => {
                let (member, kept) = roster.find(*id)?;
                roster.free_urls(urls, Some(*id))?;
                let moved = MemberInfo { peer_urls: urls.clone(), ..kept.clone() };
                Ok(Alter::Update { node: member.node, info: moved.encode() })
            }
            Self::Replace(id, urls) => {
                let (member, _) = roster.find(*id)?;
                // The old one's URLs are free once it is gone: the new one may come to the same place.
                roster.free_urls(urls, Some(*id))?;
                Ok(Alter::Replace { old: member.node, info: info(urls) })
            }
            Self::Set(voters, learners) => {
                let nodes = |ids: &[u64]| ids.iter().map(|id| roster.node(*id)).collect::<Result<_, _>>();
                Ok(Alter::Set { voters: nodes(voters)?, learners: nodes(learners)? })
            }
        }
    }
}

fn enough(voters: usize, started: usize) -> Result<(), Error> {
    if started < voters / 2 + 1 { Err(Error::NotEnoughStarted) } else { Ok(()) }
}

/// The peer URLs of one member take at most so many bytes: they stand in every greeting between members, and one that is too
/// long for a greeting could never be sent.
pub const PEER_URLS_BYTES_MAX: usize = 2048;

/// How much peer URLs count against that.
#[must_use]
pub fn peer_urls_bytes(urls: &[String]) -> usize {
    /// Of the length of each.
    const LENGTH_BYTES: usize = 4;
    urls.iter().map(|url| url.len() + LENGTH_BYTES).sum()
}

/// `http://HOST:PORT`: there is no TLS between members yet, so nothing else could be reached.
fn is_peer_url(url: &str) -> bool {
    let Some((host, port)) = url.strip_prefix("http://").and_then(|place| place.rsplit_once(':')) else { return false };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let good_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(plain),
    };
    // Written in one way only, so that two members are never at one place.
    good_host && port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Identity;
    use raft::{Configuration, Index, Member};
    use std::time::Duration;

    fn config() -> ServerConfig {
        ServerConfig::new(Identity { cluster_id: 1, member_id: 11 }, Duration::from_secs(1))
    }

    fn url(node: u64) -> String {
        format!("http://127.0.0.1:{}", 1000 + node)
    }

    /// n1 to n3 vote, n4 learns; their ids are 11 to 14.
    fn roster(change: impl FnOnce(&mut Configuration)) -> Roster {
        let mut configuration = Configuration::of_voters([1, 2, 3].map(NodeId));
        configuration.learners.insert(NodeId(4));
        configuration.next_node = 5;
        for node in 1..=4 {
            configuration.members.insert(NodeId(node), Member { disk: node, info: info(node, &format!("n{node}")) });
        }
        change(&mut configuration);
        let heard = configuration.nodes();
        Roster::new(Survey { configuration, index: Index(9), leader: NodeId(1), heard })
    }

    fn info(node: u64, name: &str) -> bytes::Bytes {
        let peer_urls = vec![url(node)];
        MemberInfo { name: name.into(), api_id: 10 + node, peer_urls, client_urls: vec![] }.encode()
    }

    fn against(wish: &Wish, roster: &Roster) -> Result<Alter, Error> {
        wish.check()?;
        wish.against(roster, &config(), 77)
    }

    #[test]
    fn each_wish_becomes_the_members_word() {
        let roster = roster(|_| {});
        let new = vec![url(9)];
        let added = MemberInfo { api_id: 77, peer_urls: new.clone(), ..MemberInfo::default() }.encode();
        let moved = MemberInfo { name: "n2".into(), api_id: 12, peer_urls: new.clone(), client_urls: vec![] }.encode();
        let set = |ids: &[u64]| ids.iter().copied().map(NodeId).collect::<BTreeSet<_>>();
        for (wish, alter) in [
            (Wish::Add(new.clone()), Alter::AddVoter { info: added.clone() }),
            (Wish::Remove(13), Alter::Remove(NodeId(3))),
            (Wish::Promote(14), Alter::Promote(NodeId(4))),
            (Wish::Update(12, new.clone()), Alter::Update { node: NodeId(2), info: moved }),
            (Wish::Replace(13, new), Alter::Replace { old: NodeId(3), info: added }),
            (Wish::Set(vec![11], vec![12, 13]), Alter::Set { voters: set(&[1]), learners: set(&[2, 3]) }),
        ] {
            assert_eq!(against(&wish, &roster), Ok(alter), "{wish:?}");
        }
        assert!(against(&Wish::Replace(13, vec![url(3)]), &roster).is_ok(), "the old one's place");
        assert!(against(&Wish::Update(12, vec![url(2)]), &roster).is_ok(), "its own URL");
    }

    #[test]
    fn refusals_are_etcds() {
        let plain = roster(|_| {});
        let unstarted = roster(|configuration| {
            for node in [2, 3] {
                configuration.members.insert(NodeId(node), Member { disk: 0, info: info(node, "") });
            }
        });
        let alone = |name: &'static str| {
            roster(move |configuration| {
                *configuration = Configuration::of_voters([NodeId(1)]);
                configuration.members.insert(NodeId(1), Member { disk: 1, info: info(1, name) });
            })
        };
        let new = || vec![url(9)];
        for (wish, roster, error) in [
            (Wish::Add(vec![]), &plain, Error::BadPeerUrls),
            (Wish::Add(vec!["http://a:b:1".into()]), &plain, Error::BadPeerUrls),
            (Wish::Add(vec!["http://[::x]:1".into()]), &plain, Error::BadPeerUrls),
            (Wish::Add(vec!["http://h:+1".into()]), &plain, Error::BadPeerUrls),
            (Wish::Add(vec!["http://h:0".into()]), &plain, Error::BadPeerUrls),
            (Wish::Add(vec!["http://h:65536".into()]), &plain, Error::BadPeerUrls),
            (Wish::Add(vec!["http://h:1/path".into()]), &plain, Error::BadPeerUrls),
            (Wish::Add(vec!["https://h:1".into()]), &plain, Error::BadPeerUrls),
            (Wish::Update(99, vec!["h:1".into()]), &plain, Error::BadPeerUrls),
            (Wish::Add(vec![url(4)]), &plain, Error::PeerUrlsExist),
            (Wish::Update(12, vec![url(3)]), &plain, Error::PeerUrlsExist),
            (Wish::Replace(12, vec![url(3)]), &plain, Error::PeerUrlsExist),
            (Wish::AddLearner(new()), &plain, Error::TooManyLearners),
            (Wish::Remove(99), &plain, Error::MemberNotFound),
            (Wish::Promote(99), &plain, Error::MemberNotFound),
            (Wish::Update(99, new()), &plain, Error::MemberNotFound),
            (Wish::Replace(99, new()), &plain, Error::MemberNotFound),
            (Wish::Set(vec![99], vec![]), &plain, Error::MemberNotFound),
            (Wish::Add(new()), &unstarted, Error::NotEnoughStarted),
            (Wish::Remove(11), &unstarted, Error::NotEnoughStarted),
            (Wish::Remove(11), &alone("n1"), Error::NotEnoughStarted),
        ] {
            assert_eq!(against(&wish, roster), Err(error), "{wish:?}");
        }
        assert!(against(&Wish::Add(new()), &alone("n1")).is_ok(), "a cluster of one may grow");
        let lax = ServerConfig { strict_reconfig_check: false, learners_max: 2, ..config() };
        assert!(Wish::Add(new()).against(&unstarted, &lax, 77).is_ok());
        assert!(Wish::AddLearner(new()).against(&plain, &lax, 77).is_ok());
    }

    #[test]
    fn urls_that_no_greeting_could_hold_are_refused() {
        let plain = roster(|_| {});
        let many: Vec<String> = (1..200).map(|port| format!("http://h:{port}")).collect();
        let long = vec![format!("http://{}:1", "h".repeat(1 << 20))];
        for urls in [many, long] {
            for wish in [Wish::Add(urls.clone()), Wish::Update(12, urls.clone()), Wish::Replace(12, urls)] {
                assert_eq!(against(&wish, &plain), Err(Error::BadPeerUrls));
            }
        }
        assert!(against(&Wish::Update(12, vec!["http://[::1]:1".into()]), &plain).is_ok());
    }

    #[test]
    fn who_is_to_become_a_voter_counts_as_one_and_may_go() {
        // M16
        let waiting = roster(|configuration| {
            configuration.wanted = [1, 2, 3, 4].map(NodeId).into();
            configuration.members.insert(NodeId(4), Member { disk: 0, info: info(4, "") });
        });
        assert!(against(&Wish::AddLearner(vec![url(9)]), &waiting).is_ok(), "n4 is no plain learner");
        assert!(against(&Wish::Remove(14), &waiting).is_ok());
        assert_eq!(waiting.voters(None), (4, 3));
    }
}
