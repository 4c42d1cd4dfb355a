//! The Cluster service: who are members, and changing that. What is wrong with a change lies in `membership`, how it is made
//! in the member.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::api::etcdserverpb::cluster_server::Cluster;
use crate::api::etcdserverpb::{
    Member as ListedMember, MemberAddRequest, MemberAddResponse, MemberListRequest, MemberListResponse,
    MemberPromoteRequest, MemberPromoteResponse, MemberRemoveRequest, MemberRemoveResponse, MemberUpdateRequest,
    MemberUpdateResponse,
};
use crate::context::Context;
use crate::member::Member;
use crate::member_info::MemberInfo;
use crate::membership::Wish;

/// Serves `etcdserverpb.Cluster`.
pub(crate) struct ClusterService<M>(pub(crate) Arc<Context<M>>);

/// One member as etcd lists it: a learner that is to become a voter by itself is a voter that has not started.
fn listed((member, info): (node::Member, MemberInfo)) -> ListedMember {
    ListedMember {
        id: info.api_id,
        name: info.name,
        peer_ur_ls: info.peer_urls,
        client_ur_ls: info.client_urls,
        is_learner: !member.voter && !member.joining,
    }
}

#[tonic::async_trait]
impl<M: Member> Cluster for ClusterService<M> {
    /// Its header has no revision: it does not look at the store.
    async fn member_list(&self, request: Request<MemberListRequest>) -> Result<Response<MemberListResponse>, Status> {
        let context = &self.0;
        let deadline = context.admit(request.metadata())?;
        if request.get_ref().linearizable {
            context.linearize(deadline.left()).await?;
        }
        let members = context.members().into_iter().map(listed).collect();
        Ok(Response::new(MemberListResponse { members, header: context.header(0) }))
    }

    async fn member_add(&self, request: Request<MemberAddRequest>) -> Result<Response<MemberAddResponse>, Status> {
        let deadline = self.0.admit(request.metadata())?;
        let MemberAddRequest { peer_ur_ls, is_learner } = request.into_inner();
        let wish = if is_learner { Wish::AddLearner(peer_ur_ls) } else { Wish::Add(peer_ur_ls) };
        let altered = self.0.alter(&wish, deadline).await?;
        let members: Vec<ListedMember> = altered.members.into_iter().map(listed).collect();
        let member = members.iter().find(|member| member.id == altered.new).cloned();
        Ok(Response::new(MemberAddResponse { header: self.0.header(0), member, members }))
    }

    async fn member_remove(
        &self,
        request: Request<MemberRemoveRequest>,
    ) -> Result<Response<MemberRemoveResponse>, Status> {
        let deadline = self.0.admit(request.metadata())?;
        let altered = self.0.alter(&Wish::Remove(request.get_ref().id), deadline).await?;
        let members = altered.members.into_iter().map(listed).collect();
        Ok(Response::new(MemberRemoveResponse { header: self.0.header(0), members }))
    }

    async fn member_update(
        &self,
        request: Request<MemberUpdateRequest>,
    ) -> Result<Response<MemberUpdateResponse>, Status> {
        let deadline = self.0.admit(request.metadata())?;
        let MemberUpdateRequest { id, peer_ur_ls } = request.into_inner();
        let altered = self.0.alter(&Wish::Update(id, peer_ur_ls), deadline).await?;
        let members = altered.members.into_iter().map(listed).collect();
        Ok(Response::new(MemberUpdateResponse { header: self.0.header(0), members }))
    }

    async fn member_promote(
        &self,
        request: Request<MemberPromoteRequest>,
    ) -> Result<Response<MemberPromoteResponse>, Status> {
        let deadline = self.0.admit(request.metadata())?;
        let altered = self.0.alter(&Wish::Promote(request.get_ref().id), deadline).await?;
        let members = altered.members.into_iter().map(listed).collect();
        Ok(Response::new(MemberPromoteResponse { header: self.0.header(0), members }))
    }
}
