//! The services of a made-up member: as much of them as a client asks for.

use std::sync::atomic::Ordering;
use std::time::Duration;

use api::etcdserverpb::cluster_server::Cluster;
use api::etcdserverpb::kv_server::Kv;
use api::etcdserverpb::maintenance_server::Maintenance;
use api::etcdserverpb::*;
use api::mvccpb::KeyValue;
use api::quorate_v1::sessions_server::Sessions;
use api::quorate_v1::*;
use quorate_client::api;
use tonic::{Request, Response, Status};

use super::{Fake, Fault};

/// When a late write comes after all.
const LATE: Duration = Duration::from_millis(40);

fn unasked<T>() -> Result<T, Status> {
    Err(Status::unimplemented("not part of these tests"))
}

fn timed_out() -> Status {
    Status::unavailable("etcdserver: request timed out, possibly due to previous leader failure")
}

async fn never<T>() -> T {
    std::future::pending().await
}

#[tonic::async_trait]
impl Kv for Fake {
    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeResponse>, Status> {
        match self.fault() {
            Fault::None => {}
            Fault::NoLeader => return Err(Status::unavailable("etcdserver: no leader")),
            Fault::Hangs | Fault::DoneAndHangs => return never().await,
            Fault::Lost | Fault::AnswerLost | Fault::Late => return Err(timed_out()),
            Fault::Refused(code, text) => return Err(Status::new(code, text)),
        }
        let age = request.metadata().get("quorate-max-staleness").map(|age| age.to_str().unwrap().to_owned());
        *self.asked_to_be.lock().unwrap() = (age, request.get_ref().serializable);
        let store = self.cluster.store();
        let key = request.into_inner().key;
        let row = store.rows.get(&key).cloned();
        let kvs: Vec<KeyValue> = row
            .map(|row| KeyValue {
                key,
                value: row.value,
                version: row.version,
                mod_revision: row.revision,
                ..KeyValue::default()
            })
            .into_iter()
            .collect();
        let count = i64::try_from(kvs.len()).unwrap();
        Ok(self.answer(RangeResponse { header: self.header(store.revision), kvs, more: false, count }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let named = self.cluster.store().named(request.metadata())?;
        let PutRequest { key, value, .. } = request.into_inner();
        let cluster = self.cluster.clone();
        let done = async move || cluster.store().put(named, &key, &value);
        match self.fault() {
            Fault::None => {
                let revision = done().await?;
                Ok(self.answer(PutResponse { header: self.header(revision), prev_kv: None }))
            }
            Fault::NoLeader => Err(Status::unavailable("etcdserver: no leader")),
            Fault::Lost => Err(timed_out()),
            Fault::AnswerLost => done().await.and_then(|_| Err(timed_out())),
            Fault::Late => {
                let late = self.cluster.late();
                tokio::spawn(async move {
                    tokio::time::sleep(LATE).await;
                    // Whatever comes of it, nobody is there to be told.
                    drop(done().await);
                    drop(late);
                });
                Err(timed_out())
            }
            Fault::Hangs => never().await,
            Fault::DoneAndHangs => {
                done().await?;
                never().await
            }
            Fault::Refused(code, text) => Err(Status::new(code, text)),
        }
    }

    async fn delete_range(&self, _: Request<DeleteRangeRequest>) -> Result<Response<DeleteRangeResponse>, Status> {
        unasked()
    }

    async fn txn(&self, _: Request<TxnRequest>) -> Result<Response<TxnResponse>, Status> {
        unasked()
    }

    async fn compact(&self, _: Request<CompactionRequest>) -> Result<Response<CompactionResponse>, Status> {
        unasked()
    }
}

#[tonic::async_trait]
impl Sessions for Fake {
    async fn open(&self, _: Request<SessionOpenRequest>) -> Result<Response<SessionOpenResponse>, Status> {
        if !self.cluster.serves_sessions.load(Ordering::SeqCst) {
            return unasked();
        }
        let mut store = self.cluster.store();
        let token = store.open();
        let (ttl_ms, outstanding_max) = (store.ttl_ms, store.outstanding_max);
        Ok(Response::new(SessionOpenResponse { token, ttl_ms, outstanding_max }))
    }

    async fn keep_alive(
        &self,
        request: Request<SessionKeepAliveRequest>,
    ) -> Result<Response<SessionKeepAliveResponse>, Status> {
        let mut store = self.cluster.store();
        store.session(&request.get_ref().token)?;
        store.kept_alive += 1;
        Ok(Response::new(SessionKeepAliveResponse { ttl_ms: store.ttl_ms }))
    }

    async fn close(&self, request: Request<SessionCloseRequest>) -> Result<Response<SessionCloseResponse>, Status> {
        let mut store = self.cluster.store();
        let id = store.session(&request.get_ref().token)?;
        store.sessions.remove(&id);
        Ok(Response::new(SessionCloseResponse {}))
    }
}

#[tonic::async_trait]
impl Maintenance for Fake {
    type SnapshotStream = tokio_stream::Empty<Result<SnapshotResponse, Status>>;

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        self.looked_at.fetch_add(1, Ordering::SeqCst);
        let header = self.header(0);
        let leader = self.cluster.leader.load(Ordering::SeqCst);
        let raft_term = self.cluster.term.load(Ordering::SeqCst);
        let is_learner = self.cluster.learner.load(Ordering::SeqCst) == self.id;
        Ok(self.answer(StatusResponse { header, leader, raft_term, is_learner, ..StatusResponse::default() }))
    }

    async fn alarm(&self, _: Request<AlarmRequest>) -> Result<Response<AlarmResponse>, Status> {
        unasked()
    }

    async fn defragment(&self, _: Request<DefragmentRequest>) -> Result<Response<DefragmentResponse>, Status> {
        unasked()
    }

    async fn hash(&self, _: Request<HashRequest>) -> Result<Response<HashResponse>, Status> {
        unasked()
    }

    async fn hash_kv(&self, _: Request<HashKvRequest>) -> Result<Response<HashKvResponse>, Status> {
        unasked()
    }

    async fn snapshot(&self, _: Request<SnapshotRequest>) -> Result<Response<Self::SnapshotStream>, Status> {
        unasked()
    }

    async fn move_leader(&self, _: Request<MoveLeaderRequest>) -> Result<Response<MoveLeaderResponse>, Status> {
        unasked()
    }

    async fn downgrade(&self, _: Request<DowngradeRequest>) -> Result<Response<DowngradeResponse>, Status> {
        unasked()
    }
}

#[tonic::async_trait]
impl Cluster for Fake {
    async fn member_list(&self, _: Request<MemberListRequest>) -> Result<Response<MemberListResponse>, Status> {
        let advertised = self.cluster.advertised.lock().unwrap().clone();
        let member = |(id, url)| Member { id, client_ur_ls: vec![url], ..Member::default() };
        self.cluster.lists.fetch_add(1, Ordering::SeqCst);
        Ok(self.answer(MemberListResponse {
            header: self.header(0),
            members: advertised.into_iter().map(member).collect(),
        }))
    }

    async fn member_add(&self, _: Request<MemberAddRequest>) -> Result<Response<MemberAddResponse>, Status> {
        unasked()
    }

    async fn member_remove(&self, _: Request<MemberRemoveRequest>) -> Result<Response<MemberRemoveResponse>, Status> {
        unasked()
    }

    async fn member_update(&self, _: Request<MemberUpdateRequest>) -> Result<Response<MemberUpdateResponse>, Status> {
        unasked()
    }

    async fn member_promote(
        &self,
        _: Request<MemberPromoteRequest>,
    ) -> Result<Response<MemberPromoteResponse>, Status> {
        unasked()
    }
}
