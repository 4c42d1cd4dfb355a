//! Which member of which cluster this process is: what its folder says; else, by its flags, a founder of a new cluster, or one
//! that was added to a cluster that runs and asks it.
//!
//! Flags about the founding mean nothing once there is a folder, as in etcd.

use std::time::Duration;

use bytes::Bytes;
use node::{Identity, JoinError};
use raft::{Configuration, Member, NodeId, Settings};
use server::MemberInfo;
use thiserror::Error;

use super::config::{ClusterState, ServeConfig};
use super::founders::{Founder, Founders};
use crate::url::{Url, joined};

/// How long the peers are asked which member this is, when none of them answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// A member, before it starts.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub(crate) cluster: u64,
    pub(crate) node: NodeId,
    /// What it says of itself: its name and client URLs by its flags, the rest as the cluster knows it.
    pub(crate) info: MemberInfo,
    /// What it begins with; nothing where its folder says it.
    pub(crate) first: Option<Configuration>,
}

/// Why a process is no member.
#[derive(Debug, Error)]
pub(crate) enum WhoError {
    /// The folder can't be read.
    #[error(transparent)]
    Folder(#[from] node::FolderError),
    /// The folder is another member's.
    #[error(
        "the data folder {folder} belongs to the member {found:?} (node {node} of cluster {cluster:016x}), and --name is {name:?}: \
         choose this member's own --data-dir, or its own --name"
    )]
    OtherName {
        /// The folder.
        folder: String,
        /// Whose it is.
        found: String,
        /// Which node.
        node: NodeId,
        /// Of which cluster.
        cluster: u64,
        /// What was given.
        name: String,
    },
    /// The cluster does not take it in.
    #[error("this member can't join (--initial-cluster-state existing): {0}")]
    Join(#[from] JoinError),
    /// The cluster keeps nothing that can be read of it.
    #[error("what the cluster keeps of this member can't be read: {0}; run the same version everywhere")]
    Info(#[from] server::MemberInfoError),
}

impl Who {
    /// Looks into the folder, at the flags, and asks the peers if need be.
    pub(crate) async fn find(config: &ServeConfig) -> Result<Self, WhoError> {
        match node::identity(&config.data_dir)? {
            Some(identity) if !identity.info.is_empty() => Self::of_folder(config, &identity),
            // Of a folder that says less, the flags must say the rest: the member checks that they fit.
            Some(_) => Ok(Self { first: None, ..Self::founder(config) }),
            None if config.initial_cluster_state == ClusterState::New => Ok(Self::founder(config)),
            None => Self::invited(config).await,
        }
    }

    fn of_folder(config: &ServeConfig, identity: &Identity) -> Result<Self, WhoError> {
        let kept = MemberInfo::decode(&identity.info)?;
        if kept.name != config.name {
            return Err(WhoError::OtherName {
                folder: config.data_dir.display().to_string(),
                found: kept.name,
                node: identity.node,
                cluster: identity.cluster,
                name: config.name.clone(),
            });
        }
        let info = MemberInfo { client_urls: texts(&config.advertise_client_urls), ..kept };
        Ok(Self { cluster: identity.cluster, node: identity.node, info, first: None })
    }

    fn founder(config: &ServeConfig) -> Self {
        let founders = Founders::of(config);
        let own = founders.own();
        Self {
            cluster: founders.cluster_id,
            node: NodeId(own.node),
            info: info(own, &config.advertise_client_urls),
            first: Some(first_configuration(&founders, config)),
        }
    }

    async fn invited(config: &ServeConfig) -> Result<Self, WhoError> {
        let others = config.initial_cluster.iter().filter(|member| member.name != config.name);
        let peers: Vec<String> = others.flat_map(|member| &member.peer_urls).map(Url::host_and_port).collect();
        let peer_urls = texts(&config.initial_advertise_peer_urls);
        tracing::info!(
            peers = peers.join(","),
            peer_urls = joined(&config.initial_advertise_peer_urls),
            "asking which member this is"
        );
        let claim = MemberInfo { peer_urls, ..MemberInfo::default() }.encode();
        let invitation = node::join(&peers, &claim, PATIENCE).await?;
        let kept = invitation.configuration.members.get(&invitation.node).cloned().unwrap_or_default();
        let kept = MemberInfo::decode(&kept.info)?;
        let info = MemberInfo { name: config.name.clone(), client_urls: texts(&config.advertise_client_urls), ..kept };
        Ok(Self { cluster: invitation.cluster, node: invitation.node, info, first: Some(invitation.configuration) })
    }
}

/// The host and port of a member's first peer URL.
pub(crate) fn address_of(member: &Member) -> Option<String> {
    let info = MemberInfo::decode(&member.info).ok()?;
    Url::parse(info.peer_urls.first()?).ok().map(|url| url.host_and_port())
}

/// The member has the peer URLs of the claim.
pub(crate) fn is_it(member: &Member, claim: &[u8]) -> bool {
    let urls = |bytes: &[u8]| {
        let mut urls = MemberInfo::decode(bytes).map(|info| info.peer_urls).unwrap_or_default();
        urls.sort();
        urls
    };
    let claimed = urls(claim);
    !claimed.is_empty() && urls(&member.info) == claimed
}

/// Id and peer URLs are the cluster's to say (`MemberUpdate` changes the latter), name and client URLs the member's own.
pub(crate) fn merge(kept: &[u8], own: &Bytes) -> Bytes {
    match (MemberInfo::decode(kept), MemberInfo::decode(own)) {
        (Ok(kept), Ok(own)) if kept.api_id != 0 => {
            MemberInfo { api_id: kept.api_id, peer_urls: kept.peer_urls, ..own }.encode()
        }
        _ => own.clone(),
    }
}

/// How far two clocks of a cluster with reads by lease may drift apart, in millionths. Clocks of real machines keep a thousandth of
/// it; the lease is shorter by so much of the election timeout.
const DRIFT_BOUND: u64 = 50_000;

/// All founders vote. Where clients reach them is not in the flags of the others: each says it of itself once it runs.
fn first_configuration(founders: &Founders, config: &ServeConfig) -> Configuration {
    let mut configuration = Configuration::of_voters(founders.members.iter().map(|founder| NodeId(founder.node)));
    configuration.settings = Settings {
        election_timeout: u64::try_from(config.election_timeout.as_millis()).unwrap_or(u64::MAX),
        drift_bound: if config.lease_reads { DRIFT_BOUND } else { 0 },
        ..Settings::default()
    };
    for founder in &founders.members {
        if let Some(member) = configuration.members.get_mut(&NodeId(founder.node)) {
            member.info = info(founder, &[]).encode();
        }
    }
    configuration
}

fn info(founder: &Founder, client_urls: &[Url]) -> MemberInfo {
    MemberInfo {
        name: founder.name.clone(),
        api_id: founder.api_id,
        peer_urls: founder.peer_urls.clone(),
        client_urls: texts(client_urls),
    }
}

fn texts(urls: &[Url]) -> Vec<String> {
    urls.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, api_id: u64, peer: &[&str], client: &[&str]) -> MemberInfo {
        let texts = |urls: &[&str]| urls.iter().map(ToString::to_string).collect();
        MemberInfo { name: name.into(), api_id, peer_urls: texts(peer), client_urls: texts(client) }
    }

    #[test]
    fn a_member_changes_its_name_and_client_urls_only() {
        let kept = member("", 7, &["http://new:1"], &[]).encode();
        let own = member("n4", 8, &["http://old:1"], &["http://c:1"]).encode();
        let merged = MemberInfo::decode(&merge(&kept, &own)).unwrap();
        assert_eq!(merged, member("n4", 7, &["http://new:1"], &["http://c:1"]));
        assert_eq!(merge(b"", &own), own, "nothing is kept yet");
    }

    #[test]
    fn a_member_is_known_by_all_its_peer_urls_in_any_order() {
        let kept = Member { disk: 0, info: member("", 7, &["http://a:1", "http://b:1"], &[]).encode() };
        let claims = |urls: &[&str]| is_it(&kept, &member("", 0, urls, &[]).encode());
        assert!(claims(&["http://b:1", "http://a:1"]));
        assert!(!claims(&["http://a:1"]) && !claims(&["http://c:1"]) && !claims(&[]));
        assert!(!is_it(&Member::default(), b""), "nothing is known of either");
    }

    #[test]
    fn a_folder_says_who_it_is_whatever_the_flags_say() {
        let words = |name: &str, token: &str| {
            let flags = [
                format!("--name={name}"),
                "--initial-advertise-peer-urls=http://127.0.0.1:1".into(),
                format!("--initial-cluster-token={token}"),
                format!("--initial-cluster={name}=http://127.0.0.1:1"),
            ];
            super::super::read_config(&flags.map(Into::into), &[]).expect("good flags")
        };
        let found = Who::founder(&words("n1", "a"));
        assert_ne!(found.cluster, Who::founder(&words("n1", "b")).cluster, "founders of two clusters");
        let identity = Identity { cluster: 0xab, node: NodeId(9), disk: 7, info: found.info.encode() };
        let again = Who::of_folder(&words("n1", "b"), &identity).unwrap();
        assert_eq!((again.cluster, again.node, again.info), (0xab, NodeId(9), found.info));
        assert!(again.first.is_none());
        let refused = Who::of_folder(&words("n2", "a"), &identity).unwrap_err().to_string();
        assert!(refused.contains("belongs to the member \"n1\"") && refused.contains("--name is \"n2\""), "{refused}");
    }
}
