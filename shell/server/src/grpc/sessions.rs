//! The service Sessions: what makes commands take effect exactly once. Commands themselves are calls of KV with metadata
//! (`session.rs`); here a session begins, goes on and ends.

use std::sync::Arc;
use std::time::Duration;

use node::SessionId;
use tonic::{Request, Response, Status};

use crate::api::quorate_v1::sessions_server::Sessions;
use crate::api::quorate_v1::{
    SessionCloseRequest, SessionCloseResponse, SessionKeepAliveRequest, SessionKeepAliveResponse, SessionOpenRequest,
    SessionOpenResponse,
};
use crate::context::Context;
use crate::member::Member;
use crate::session::Token;
use crate::status::Error;

/// How long a session lives without being renewed, where its client does not say.
const TTL: Duration = Duration::from_secs(60);

/// Serves `quorate.v1.Sessions`.
pub(crate) struct SessionsService<M>(pub(crate) Arc<Context<M>>);

impl<M: Member> SessionsService<M> {
    fn session(&self, token: &str) -> Result<SessionId, Error> {
        Token::read(token, self.0.config.identity.cluster_id)
    }
}

#[tonic::async_trait]
impl<M: Member> Sessions for SessionsService<M> {
    async fn open(&self, request: Request<SessionOpenRequest>) -> Result<Response<SessionOpenResponse>, Status> {
        let context = &self.0;
        let deadline = context.admit(request.metadata())?;
        let asked = Duration::from_millis(request.into_inner().ttl_ms);
        let ttl = if asked.is_zero() { TTL } else { asked };
        let opened = context.member.open_session(ttl, deadline.left()).await.map_err(Error::from)?;
        let token = Token { cluster_id: context.config.identity.cluster_id, session: opened.id };
        Ok(Response::new(SessionOpenResponse {
            token: token.to_string(),
            ttl_ms: opened.granted.ttl,
            outstanding_max: u32::try_from(opened.granted.outstanding_max).unwrap_or(u32::MAX),
        }))
    }

    async fn keep_alive(
        &self,
        request: Request<SessionKeepAliveRequest>,
    ) -> Result<Response<SessionKeepAliveResponse>, Status> {
        let deadline = self.0.admit(request.metadata())?;
        let session = self.session(&request.into_inner().token)?;
        let granted = self.0.member.keep_session_alive(session, deadline.left()).await.map_err(Error::from)?;
        Ok(Response::new(SessionKeepAliveResponse { ttl_ms: granted.ttl }))
    }

    async fn close(&self, request: Request<SessionCloseRequest>) -> Result<Response<SessionCloseResponse>, Status> {
        let deadline = self.0.admit(request.metadata())?;
        let session = self.session(&request.into_inner().token)?;
        self.0.member.close_session(session, deadline.left()).await.map_err(Error::from)?;
        Ok(Response::new(SessionCloseResponse {}))
    }
}
