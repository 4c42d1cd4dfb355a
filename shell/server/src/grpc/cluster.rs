//! The Cluster service: who are members. Changing them is not served yet.

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
use crate::status::not_served;

/// Serves `etcdserverpb.Cluster`.
pub(crate) struct ClusterService<M>(pub(crate) Arc<Context<M>>);

#[tonic::async_trait]
impl<M: Member> Cluster for ClusterService<M> {
    /// Its header has no revision: it does not look at the store.
    async fn member_list(&self, request: Request<MemberListRequest>) -> Result<Response<MemberListResponse>, Status> {
        let context = &self.0;
        let deadline = context.admit(request.metadata())?;
        if request.get_ref().linearizable {
            context.linearize(deadline.left()).await?;
        }
        let listed = context.members().into_iter().map(|(member, info)| ListedMember {
            id: info.api_id,
            name: info.name,
            peer_ur_ls: info.peer_urls,
            client_ur_ls: info.client_urls,
            is_learner: !member.voter,
        });
        Ok(Response::new(MemberListResponse { members: listed.collect(), header: context.header(0) }))
    }

    async fn member_add(&self, _: Request<MemberAddRequest>) -> Result<Response<MemberAddResponse>, Status> {
        Err(not_served("MemberAdd"))
    }

    async fn member_remove(&self, _: Request<MemberRemoveRequest>) -> Result<Response<MemberRemoveResponse>, Status> {
        Err(not_served("MemberRemove"))
    }

    async fn member_update(&self, _: Request<MemberUpdateRequest>) -> Result<Response<MemberUpdateResponse>, Status> {
        Err(not_served("MemberUpdate"))
    }

    async fn member_promote(
        &self,
        _: Request<MemberPromoteRequest>,
    ) -> Result<Response<MemberPromoteResponse>, Status> {
        Err(not_served("MemberPromote"))
    }
}
