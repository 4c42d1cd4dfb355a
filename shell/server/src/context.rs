//! What every service shares: the member behind the API, its settings, and the few things done for each request before and
//! after its own work. It does not know any single call.

use std::time::Duration;

use raft::NodeId;
use store::{Command, Limits, PutRequest, Quota};
use tonic::metadata::MetadataMap;

use crate::api::etcdserverpb::{AlarmMember, AlarmType, ResponseHeader};
use crate::config::ServerConfig;
use crate::deadline::Deadline;
use crate::member::Member;
use crate::member_info::MemberInfo;
use crate::status::Error;

/// Shared by all services of one member.
#[derive(Debug)]
pub(crate) struct Context<M> {
    pub(crate) member: M,
    pub(crate) config: ServerConfig,
}

impl<M: Member> Context<M> {
    /// Lets a request in, and says until when it may run. A client can ask (metadata `hasleader: true`) to be refused at once
    /// where no leader is known.
    pub(crate) fn admit(&self, metadata: &MetadataMap) -> Result<Deadline, Error> {
        if let Some(version) = metadata.get("client-api-version")
            && std::str::from_utf8(version.as_bytes()).is_err()
        {
            return Err(Error::InvalidClientApiVersion);
        }
        if metadata.get("hasleader").is_some_and(|value| value == "true") && self.member.status().leader.is_none() {
            return Err(Error::NoLeader);
        }
        Ok(Deadline::of(metadata, self.config.request_time_max()))
    }

    /// The header of an answer. `revision` is 0 where the call did not look at the store.
    pub(crate) fn header(&self, revision: i64) -> Option<ResponseHeader> {
        let identity = self.config.identity;
        Some(ResponseHeader {
            cluster_id: identity.cluster_id,
            member_id: identity.member_id,
            revision,
            raft_term: self.member.status().term.0,
        })
    }

    /// Waits until this member has everything that was acknowledged before the call.
    pub(crate) async fn linearize(&self, time: Duration) -> Result<(), Error> {
        self.member.read(time).await.map(|_| ()).map_err(Error::from)
    }

    /// How large the data may become.
    pub(crate) fn quota(&self) -> Quota {
        Quota::new(self.config.quota_bytes.unwrap_or(u64::MAX))
    }

    /// How large a transaction may be.
    pub(crate) fn limits(&self) -> Limits {
        Limits { txn_operations_max: self.config.txn_ops_max }
    }

    /// The alarms of this member, as they are now: none of ours outlives its reason.
    pub(crate) fn alarms(&self) -> Vec<AlarmMember> {
        let smallest = Command::Put(PutRequest::default());
        if self.member.status().no_space || self.quota().admit(&smallest, &self.member.reader()).is_err() {
            vec![AlarmMember { member_id: self.config.identity.member_id, alarm: AlarmType::Nospace.into() }]
        } else {
            Vec::new()
        }
    }

    /// Members with what clients may know of them.
    pub(crate) fn members(&self) -> Vec<(node::Member, MemberInfo)> {
        let described = |member: node::Member| {
            let info = describe(&member);
            (member, info)
        };
        self.member.members().into_iter().map(described).collect()
    }

    /// The id that clients know a node by; 0 for one that is no member.
    pub(crate) fn api_id(&self, node: NodeId) -> u64 {
        let found = self.member.members().into_iter().find(|member| member.node == node);
        found.map_or(0, |member| describe(&member).api_id)
    }
}

/// A member of which nothing (readable) is known is listed as etcd lists one that has not started: without name and URLs.
/// Its id is then the one it has inside.
fn describe(member: &node::Member) -> MemberInfo {
    let unknown = || MemberInfo { api_id: member.node.0, ..MemberInfo::default() };
    if member.info.is_empty() {
        return unknown();
    }
    MemberInfo::decode(&member.info).unwrap_or_else(|error| {
        tracing::warn!(node = %member.node, %error, "what clients may know of a member cannot be read");
        unknown()
    })
}
