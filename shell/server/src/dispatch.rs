//! One request, whatever its protocol: to the gRPC service that its path names, or to plain HTTP. A call is a `match` on a
//! name, so that it costs nothing beside the service itself. It knows no sockets.

use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};

use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, Service, StdError};
use tonic::{Code, Status};
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use crate::api::etcdserverpb::cluster_server::ClusterServer;
use crate::api::etcdserverpb::kv_server::KvServer;
use crate::api::etcdserverpb::maintenance_server::MaintenanceServer;
use crate::api::quorate_v1::members_server::MembersServer;
use crate::api::quorate_v1::sessions_server::SessionsServer;
use crate::context::Context;
use crate::dashboard::Dashboard;
use crate::grpc::{ClusterService, KvService, MaintenanceService, MembersService, SessionsService};
use crate::http as plain;
use crate::member::Member;
use crate::status;

/// What comes with every answer: where the configuration stands that the member knows, so that a client notices when the members
/// change.
const CONFIGURATION: HeaderName = HeaderName::from_static("quorate-configuration");

/// Everything that one member serves.
pub(crate) struct Services<M> {
    context: Arc<Context<M>>,
    kv: KvServer<KvService<M>>,
    cluster: ClusterServer<ClusterService<M>>,
    maintenance: MaintenanceServer<MaintenanceService<M>>,
    sessions: SessionsServer<SessionsService<M>>,
    members: MembersServer<MembersService<M>>,
    health: HealthServer<HealthService>,
    dashboard: Arc<Dashboard<M>>,
}

impl<M: Member> Services<M> {
    /// Streams that would go on for ever end with `stop`.
    pub(crate) fn new(context: Arc<Context<M>>, stop: CancellationToken) -> Self {
        let message_bytes_max = context.config.message_bytes_max();
        Self {
            kv: KvServer::new(KvService(context.clone())).max_decoding_message_size(message_bytes_max),
            cluster: ClusterServer::new(ClusterService(context.clone())).max_decoding_message_size(message_bytes_max),
            maintenance: MaintenanceServer::new(MaintenanceService(context.clone()))
                .max_decoding_message_size(message_bytes_max),
            sessions: SessionsServer::new(SessionsService(context.clone())),
            members: MembersServer::new(MembersService(context.clone())),
            health: HealthServer::new(HealthService::from_health_reporter(HealthReporter::new())),
            dashboard: Dashboard::new(context.clone(), stop),
            context,
        }
    }

    pub(crate) fn dashboard(&self) -> Arc<Dashboard<M>> {
        self.dashboard.clone()
    }

    /// Answers any request; what nobody serves is answered so too.
    pub(crate) async fn answer<B>(self: Arc<Self>, request: Request<B>) -> Result<Response<Body>, Infallible>
    where
        B: HttpBody + Send + 'static,
        B::Error: Into<StdError> + Send + 'static,
    {
        if !is_grpc(request.headers()) {
            let (head, _) = request.into_parts();
            let (path, query) = (head.uri.path(), head.uri.query());
            let shown = self.dashboard.answer(&head.method, path, query.unwrap_or(""), &head.headers).await;
            return Ok(match shown {
                Some(answer) => answer,
                None => plain::answer(&self.context, &head.method, path, query).await,
            });
        }
        // Before the answer is made: a list of members in it is no older.
        let configuration = self.context.member.configuration_index();
        let mut response = match service_name(request.uri().path()) {
            "etcdserverpb.KV" => self.kv.clone().call(request).await?,
            "etcdserverpb.Cluster" => self.cluster.clone().call(request).await?,
            "etcdserverpb.Maintenance" => self.maintenance.clone().call(request).await?,
            "quorate.v1.Sessions" => self.sessions.clone().call(request).await?,
            "quorate.v1.Members" => self.members.clone().call(request).await?,
            "grpc.health.v1.Health" => self.health.clone().call(request).await?,
            name => status::not_served(name).into_http(),
        };
        if let Some(refusal) = message_too_large(response.headers(), self.context.config.message_bytes_max()) {
            response = refusal.into_http();
        }
        response.headers_mut().insert(CONFIGURATION, configuration.0.into());
        Ok(response)
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// `package.Service` of `/package.Service/Method`.
fn service_name(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or("")
}

/// A message above the transport's limit: tonic says `OutOfRange`, which in etcd means a revision; every other gRPC library
/// says `ResourceExhausted`, and so do we.
fn message_too_large(headers: &HeaderMap, limit: usize) -> Option<Status> {
    const OUT_OF_RANGE: HeaderValue = HeaderValue::from_static("11");
    if headers.get(Status::GRPC_STATUS)? != OUT_OF_RANGE {
        return None;
    }
    let status = Status::from_header_map(headers)?;
    let by_transport = status.message().starts_with("Error, decoded message length too large");
    by_transport.then(|| {
        Status::new(Code::ResourceExhausted, format!("grpc: received message larger than max ({limit} bytes)"))
    })
}
