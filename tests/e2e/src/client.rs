//! A client of one member, and what an error means for a write: surely not done, or unknown.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use server::api::etcdserverpb::cluster_client::ClusterClient;
use server::api::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use server::api::etcdserverpb::kv_client::KvClient;
use server::api::etcdserverpb::maintenance_client::MaintenanceClient;
use server::api::etcdserverpb::request_op::Request as Operation;
use server::api::etcdserverpb::{
    CompactionRequest, Compare, DeleteRangeRequest, DeleteRangeResponse, HashKvRequest, HashKvResponse, Member,
    MemberListRequest, PutRequest, PutResponse, RangeRequest, RangeResponse, RequestOp, StatusRequest, StatusResponse,
    TxnRequest, TxnResponse,
};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

const CONNECT_TIME: Duration = Duration::from_secs(1);
/// Longer than a member takes (five seconds and two election timeouts): its own words arrive first.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// Asks one member. Cheap to clone; connects when first used, and again after a loss.
#[derive(Debug, Clone)]
pub struct Client {
    channel: Channel,
}

/// What a client knows of a write.
#[derive(Debug, Clone)]
pub enum Outcome<T> {
    /// It was acknowledged.
    Done(T),
    /// It was refused, and surely took no effect, now or later.
    Refused(Status),
    /// Nobody can say yet.
    Unknown(Status),
}

/// Refusals that promise that nothing was, or ever will be, applied.
const NOT_APPLIED: [&str; 3] =
    ["etcdserver: no leader", "etcdserver: too many requests", "etcdserver: mvcc: database space exceeded"];

/// Sorts an answer.
pub fn classify<T>(answer: Result<T, Status>) -> Outcome<T> {
    match answer {
        Ok(answer) => Outcome::Done(answer),
        Err(status) => {
            let refused = NOT_APPLIED.contains(&status.message())
                || status.code() == Code::InvalidArgument
                || was_never_connected(&status);
            if refused { Outcome::Refused(status) } else { Outcome::Unknown(status) }
        }
    }
}

/// A transaction that sets so many keys.
#[must_use]
pub fn puts(count: usize) -> TxnRequest {
    let put = |number| PutRequest { key: format!("put{number}").into(), value: "1".into(), ..PutRequest::default() };
    let success = (0..count).map(|number| RequestOp { request: Some(Operation::RequestPut(put(number))) });
    TxnRequest { success: success.collect(), ..TxnRequest::default() }
}

fn was_never_connected(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}

impl Client {
    /// Of the member whose clients' port this is.
    ///
    /// # Panics
    /// Never: the address is well formed.
    #[must_use]
    pub fn of(port: u16) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).expect("a good address");
        let endpoint = endpoint.connect_timeout(CONNECT_TIME).timeout(ANSWER_TIME).tcp_nodelay(true);
        Self { channel: endpoint.connect_lazy() }
    }

    fn kv(&self) -> KvClient<Channel> {
        KvClient::new(self.channel.clone()).max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX)
    }

    /// Sets a key.
    ///
    /// # Errors
    /// The member's.
    pub async fn put(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<PutResponse, Status> {
        let request = PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() };
        self.kv().put(request).await.map(tonic::Response::into_inner)
    }

    /// The same with the metadata `hasleader: true`: refused at once where no leader is known.
    ///
    /// # Errors
    /// The member's.
    pub async fn put_if_led(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<PutResponse, Status> {
        let put = PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() };
        let mut request = Request::new(put);
        request.metadata_mut().insert("hasleader", MetadataValue::from_static("true"));
        self.kv().put(request).await.map(tonic::Response::into_inner)
    }

    /// Reads one key linearizably: its value, if it is there.
    ///
    /// # Errors
    /// The member's.
    pub async fn get(&self, key: impl Into<Bytes>) -> Result<Option<Bytes>, Status> {
        let answer = self.range(RangeRequest { key: key.into(), ..RangeRequest::default() }).await?;
        Ok(answer.kvs.into_iter().next().map(|row| row.value))
    }

    /// Reads one key from this member alone.
    ///
    /// # Errors
    /// The member's.
    pub async fn get_serializable(&self, key: impl Into<Bytes>) -> Result<Option<Bytes>, Status> {
        let request = RangeRequest { key: key.into(), serializable: true, ..RangeRequest::default() };
        Ok(self.range(request).await?.kvs.into_iter().next().map(|row| row.value))
    }

    /// Any read.
    ///
    /// # Errors
    /// The member's.
    pub async fn range(&self, request: RangeRequest) -> Result<RangeResponse, Status> {
        self.kv().range(request).await.map(tonic::Response::into_inner)
    }

    /// Deletes one key.
    ///
    /// # Errors
    /// The member's.
    pub async fn delete(&self, key: impl Into<Bytes>) -> Result<DeleteRangeResponse, Status> {
        let request = DeleteRangeRequest { key: key.into(), ..DeleteRangeRequest::default() };
        self.kv().delete_range(request).await.map(tonic::Response::into_inner)
    }

    /// Any transaction.
    ///
    /// # Errors
    /// The member's.
    pub async fn txn(&self, request: TxnRequest) -> Result<TxnResponse, Status> {
        self.kv().txn(request).await.map(tonic::Response::into_inner)
    }

    /// Sets a key if its newest revision is still `mod_revision` (0: if it is not there).
    ///
    /// # Errors
    /// The member's.
    pub async fn put_if_unchanged(
        &self,
        key: &[u8],
        value: impl Into<Bytes>,
        mod_revision: i64,
    ) -> Result<TxnResponse, Status> {
        let key = Bytes::copy_from_slice(key);
        let compare = Compare {
            result: CompareResult::Equal.into(),
            target: CompareTarget::Mod.into(),
            key: key.clone(),
            target_union: Some(TargetUnion::ModRevision(mod_revision)),
            ..Compare::default()
        };
        let put = PutRequest { key, value: value.into(), ..PutRequest::default() };
        let success = vec![RequestOp { request: Some(Operation::RequestPut(put)) }];
        self.txn(TxnRequest { compare: vec![compare], success, failure: Vec::new() }).await
    }

    /// Forgets what was before `revision`.
    ///
    /// # Errors
    /// The member's.
    pub async fn compact(&self, revision: i64) -> Result<(), Status> {
        self.kv().compact(CompactionRequest { revision, physical: true }).await.map(|_| ())
    }

    /// How the member is; never waits for others.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn status(&self) -> Result<StatusResponse, Status> {
        MaintenanceClient::new(self.channel.clone()).status(StatusRequest {}).await.map(tonic::Response::into_inner)
    }

    /// A hash of all that it holds.
    ///
    /// # Errors
    /// The member's.
    pub async fn hash(&self) -> Result<HashKvResponse, Status> {
        let mut client = MaintenanceClient::new(self.channel.clone());
        client.hash_kv(HashKvRequest { revision: 0 }).await.map(tonic::Response::into_inner)
    }

    /// Who are members, as this one knows.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn members(&self) -> Result<Vec<Member>, Status> {
        let mut client = ClusterClient::new(self.channel.clone());
        Ok(client.member_list(MemberListRequest { linearizable: false }).await?.into_inner().members)
    }
}
