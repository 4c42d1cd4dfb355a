//! What every service shares: the member behind the API, its settings, and the few things done for each request before and
//! after its own work. It does not know any single call.

use std::time::Duration;

use node::{AlterError, MemberError, ReadMode};
use raft::NodeId;
use store::{Command, Limits, PutRequest, Quota};
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::api::etcdserverpb::{AlarmMember, AlarmType, ResponseHeader};
use crate::config::ServerConfig;
use crate::deadline::Deadline;
use crate::fresh::Fresh;
use crate::member::Member;
use crate::member_info::MemberInfo;
use crate::membership::{Roster, Wish, described};
use crate::status::{self, Error};

/// Shared by all services of one member.
#[derive(Debug)]
pub(crate) struct Context<M> {
    pub(crate) member: M,
    pub(crate) config: ServerConfig,
}

impl<M: Member> Context<M> {
    /// Lets a request in, and says until when it may run. A client can ask (metadata `hasleader: true`) to be refused at once
    /// where no leader is known. A learner serves only what comes through [`Context::admit_anywhere`].
    pub(crate) fn admit(&self, metadata: &MetadataMap) -> Result<Deadline, Error> {
        let deadline = self.admit_anywhere(metadata)?;
        if self.is_learner() { Err(Error::NotForLearner) } else { Ok(deadline) }
    }

    /// This member has no vote, and gets none by itself.
    pub(crate) fn is_learner(&self) -> bool {
        let own = self.member.status().node;
        self.member.members().iter().any(|member| member.node == own && !member.voter && !member.joining)
    }

    /// The same also on a learner.
    pub(crate) fn admit_anywhere(&self, metadata: &MetadataMap) -> Result<Deadline, Error> {
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
        let mode = if self.config.lease_reads { ReadMode::Lease } else { ReadMode::Linearizable };
        self.member.read(mode, time).await.map(|_| ()).map_err(Error::from)
    }

    /// Waits until this member has what a read asks for: all that was acknowledged before; or, where it is serializable, what is
    /// here; or not older than its metadata say.
    pub(crate) async fn see(&self, fresh: Fresh, time: Duration) -> Result<(), Error> {
        match fresh {
            Fresh::Linearizable => self.linearize(time).await,
            Fresh::Serializable => Ok(()),
            Fresh::Within(age) => {
                let staleness = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
                self.member.read(ReadMode::Bounded { staleness }, time).await.map(|_| ()).map_err(Error::from)
            }
        }
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
        self.member.members().into_iter().map(described).collect()
    }

    /// The id that clients know a node by; 0 for one that is no member.
    pub(crate) fn api_id(&self, node: NodeId) -> u64 {
        let found = self.member.members().into_iter().find(|member| member.node == node);
        found.map_or(0, |member| described(member).1.api_id)
    }

    /// The membership as the leader sees it.
    pub(crate) async fn survey(&self, deadline: Deadline) -> Result<Roster, Status> {
        self.member.survey(deadline.left()).await.map(Roster::new).map_err(status::no_answer)
    }

    /// Changes the membership. What is checked here still holds when the leader makes the change: if not, it is checked anew.
    pub(crate) async fn alter(&self, wish: &Wish, deadline: Deadline) -> Result<Altered, Status> {
        wish.check()?;
        let new = rand::random::<u64>().max(1);
        loop {
            let roster = self.survey(deadline).await?;
            let alter = wish.against(&roster, &self.config, new)?;
            match self.member.alter(alter, roster.survey.index, deadline.left()).await {
                Ok(members) => return Ok(Altered { members: members.into_iter().map(described).collect(), new }),
                Err(MemberError::Refused(AlterError::Changed)) if !deadline.passed() => {}
                Err(error) => return Err(status::no_answer(error)),
            }
        }
    }
}

/// The membership after a change.
#[derive(Debug)]
pub(crate) struct Altered {
    pub(crate) members: Vec<(node::Member, MemberInfo)>,
    /// The id of the member that the change made, if it made one.
    pub(crate) new: u64,
}
