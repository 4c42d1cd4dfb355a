//! The Maintenance service: how a member is. `Status` and `Alarm` look and never wait. `MoveLeader` waits until the other leads.
//! Backups and the rest are not served yet.

use std::sync::Arc;

use node::{LeaseOff, LeaseState, TransferError};
use raft::NodeId;
use store::StoreHash;
use tokio::task::spawn_blocking;
use tokio_stream::Empty;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Response, Status};

use crate::api::etcdserverpb::alarm_request::AlarmAction;
use crate::api::etcdserverpb::maintenance_server::Maintenance;
use crate::api::etcdserverpb::{
    AlarmMember, AlarmRequest, AlarmResponse, AlarmType, DefragmentRequest, DefragmentResponse, DowngradeRequest,
    DowngradeResponse, HashKvRequest, HashKvResponse, HashRequest, HashResponse, MoveLeaderRequest, MoveLeaderResponse,
    SnapshotRequest, SnapshotResponse, StatusRequest, StatusResponse,
};
use crate::context::Context;
use crate::member::Member;
use crate::status::{self, Error, not_served};
use crate::version;

/// Serves `etcdserverpb.Maintenance`.
pub(crate) struct MaintenanceService<M>(pub(crate) Arc<Context<M>>);

/// Whether a leader can serve reads by its lease, in words.
const LEASE_READS: &str = "quorate-lease-reads";
/// How long a majority takes to answer it, as in `850us`.
const ROUND_TRIP: &str = "quorate-round-trip";

/// What etcd's message has no field for goes into metadata of the answer.
fn tell_of_leading(status: &node::Status, metadata: &mut MetadataMap) {
    if !status.leads {
        return;
    }
    // Where none were ever wanted nobody misses them.
    let lease = Some(status.lease).filter(|lease| *lease != LeaseState::Off(LeaseOff::NotAgreed));
    let round_trip = status.round_trip.map(|micros| format!("{micros}us"));
    for (key, text) in [(LEASE_READS, lease.map(|lease| lease.to_string())), (ROUND_TRIP, round_trip)] {
        if let Some(value) = text.and_then(|text| MetadataValue::try_from(text).ok()) {
            metadata.insert(key, value);
        }
    }
}

#[tonic::async_trait]
impl<M: Member> Maintenance for MaintenanceService<M> {
    /// Only asks: ours are raised and cleared by their reasons alone.
    async fn alarm(&self, request: Request<AlarmRequest>) -> Result<Response<AlarmResponse>, Status> {
        let context = &self.0;
        context.admit(request.metadata())?;
        let request = request.get_ref();
        if request.action != i32::from(AlarmAction::Get) {
            return Err(not_served("Alarm other than GET"));
        }
        let any = request.alarm == i32::from(AlarmType::None);
        let mut alarms = context.alarms();
        alarms.retain(|alarm| any || alarm.alarm == request.alarm);
        Ok(Response::new(AlarmResponse { alarms, header: context.header(context.member.reader().revision()) }))
    }

    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let context = &self.0;
        context.admit_anywhere(request.metadata())?;
        let (status, reader) = (context.member.status(), context.member.reader());
        let mut errors = Vec::new();
        if status.leader.is_none() {
            errors.push(Error::NoLeader.text().to_owned());
        }
        errors.extend(context.alarms().iter().map(alarm_text));
        let answer = StatusResponse {
            header: context.header(reader.revision()),
            version: version::ETCD.to_owned(),
            db_size: signed(reader.db_size()),
            leader: status.leader.map_or(0, |leader| context.api_id(leader)),
            raft_index: status.commit.0,
            raft_term: status.term.0,
            raft_applied_index: status.applied.0,
            errors,
            db_size_in_use: signed(reader.db_size_in_use()),
            is_learner: context.is_learner(),
            storage_version: String::new(),
            db_size_quota: context.config.quota_bytes.map_or(0, signed),
            downgrade_info: None,
        };
        let mut response = Response::new(answer);
        tell_of_leading(&status, response.metadata_mut());
        Ok(response)
    }

    async fn hash(&self, request: Request<HashRequest>) -> Result<Response<HashResponse>, Status> {
        self.0.admit(request.metadata())?;
        let hash = self.hash_at(0).await?;
        Ok(Response::new(HashResponse { header: self.0.header(hash.revision), hash: folded(hash.hash) }))
    }

    async fn hash_kv(&self, request: Request<HashKvRequest>) -> Result<Response<HashKvResponse>, Status> {
        self.0.admit(request.metadata())?;
        let hash = self.hash_at(request.get_ref().revision).await?;
        Ok(Response::new(HashKvResponse {
            header: self.0.header(hash.revision),
            hash: folded(hash.hash),
            compact_revision: hash.compact_revision,
            hash_revision: hash.hash_revision,
        }))
    }

    async fn defragment(&self, _: Request<DefragmentRequest>) -> Result<Response<DefragmentResponse>, Status> {
        Err(not_served("Defragment"))
    }

    type SnapshotStream = Empty<Result<SnapshotResponse, Status>>;

    async fn snapshot(&self, _: Request<SnapshotRequest>) -> Result<Response<Self::SnapshotStream>, Status> {
        Err(not_served("Snapshot"))
    }

    /// As etcd does: only the leader can be asked, and it is done when the target leads.
    async fn move_leader(&self, request: Request<MoveLeaderRequest>) -> Result<Response<MoveLeaderResponse>, Status> {
        let context = &self.0;
        context.admit(request.metadata())?;
        let status = context.member.status();
        if !status.leads {
            return Err(status::not_transferred(TransferError::NotLeader { leader: status.leader }));
        }
        let wanted = request.get_ref().target_id;
        let target =
            context.members().into_iter().find(|(_, info)| info.api_id == wanted).map(|(member, _)| member.node);
        let target = target.unwrap_or(NodeId(0));
        let time = 2 * context.config.election_timeout;
        match context.member.transfer(target, time).await {
            Ok(leader) if leader == target => Ok(Response::new(MoveLeaderResponse { header: None })),
            Ok(_) => Err(status::not_transferred(TransferError::TimedOut)),
            Err(error) => Err(status::not_transferred(error)),
        }
    }

    async fn downgrade(&self, _: Request<DowngradeRequest>) -> Result<Response<DowngradeResponse>, Status> {
        Err(not_served("Downgrade"))
    }
}

impl<M: Member> MaintenanceService<M> {
    /// Reads everything, so it gets a thread that may block.
    async fn hash_at(&self, revision: i64) -> Result<StoreHash, Status> {
        let reader = self.0.member.reader();
        let hash = spawn_blocking(move || reader.hash(revision)).await.map_err(status::unmapped)?;
        hash.map_err(status::unread)
    }
}

/// The API's hashes have half the bits of the store's.
fn folded(hash: u64) -> u32 {
    let [a, b, c, d, e, f, g, h] = hash.to_be_bytes();
    u32::from_be_bytes([a ^ e, b ^ f, c ^ g, d ^ h])
}

/// The API counts bytes with a sign.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// An alarm as `Status` tells it: protobuf's text form, as etcd writes it.
fn alarm_text(alarm: &AlarmMember) -> String {
    format!("memberID:{} alarm:{} ", alarm.member_id, alarm.alarm().as_str_name())
}
