//! The client itself: each call of the API, in a line or two. How a call comes to its answer is in `call`.

use std::sync::Arc;
use std::time::Duration;

use api::etcdserverpb::cluster_client::ClusterClient;
use api::etcdserverpb::kv_client::KvClient;
use api::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, Member, MemberListRequest,
    PutRequest, PutResponse, RangeRequest, RangeResponse, StatusResponse, TxnRequest, TxnResponse,
};
use api::mvccpb::KeyValue;
use bytes::Bytes;
use tokio::time::Instant;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::attempt::{Attempt, max_staleness};
use crate::call::{Answer, Kind, call};
use crate::config::Config;
use crate::directory::For;
use crate::endpoint::parse_all;
use crate::error::{EndpointError, Error, Outcome, Reason};
use crate::look;
use crate::prefix::prefix;
use crate::shared::{Shared, SharedClient};
use crate::txn::Txn;
use crate::verdict::words;

/// How new an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consistency {
    /// It holds everything that was acknowledged to anyone before the read began.
    #[default]
    Linearizable,
    /// Whatever the member has that happens to be asked: also without a leader, and maybe old. Two such reads may go back in
    /// time.
    Serializable,
    /// Everything that was acknowledged so long before the read began, by any member that knows itself to be no older; to the
    /// microsecond. Quorate's own: plain etcd takes it for [`Consistency::Serializable`].
    Bounded(Duration),
}

/// What one endpoint says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberStatus {
    /// As in `http://127.0.0.1:2379`.
    pub endpoint: String,
    /// Its answer, or why none came.
    pub answer: Result<StatusResponse, String>,
}

/// A client of one cluster. Cheap to clone; clones share connections and session. Everything runs inside a tokio runtime.
#[derive(Debug, Clone)]
pub struct Client {
    shared: SharedClient,
}

impl Client {
    /// A client with default settings: see [`Client::with`].
    ///
    /// # Errors
    /// When a text names no endpoint.
    pub fn new<T: AsRef<str>>(endpoints: impl IntoIterator<Item = T>) -> Result<Self, EndpointError> {
        Self::with(endpoints, Config::default())
    }

    /// A client of the cluster whose members are at `endpoints`, each `HOST:PORT` or `http://HOST:PORT`. One is enough, the
    /// others are asked for; more help when that one is down. Connects when first used.
    ///
    /// # Errors
    /// When a text names no endpoint.
    pub fn with<T: AsRef<str>>(endpoints: impl IntoIterator<Item = T>, config: Config) -> Result<Self, EndpointError> {
        Ok(Self { shared: Arc::new(Shared::new(config, parse_all(endpoints)?)) })
    }

    /// Reads one key: nothing when it is not there.
    ///
    /// # Errors
    /// When no answer could be had.
    pub async fn get(&self, key: impl Into<Bytes>) -> Result<Option<KeyValue>, Error> {
        let request = RangeRequest { key: key.into(), ..RangeRequest::default() };
        Ok(self.range(request, Consistency::Linearizable).await?.kvs.into_iter().next())
    }

    /// Reads all keys that begin with `start`, in their order, all at one revision.
    ///
    /// # Errors
    /// When no answer could be had.
    pub async fn get_prefix(&self, start: impl Into<Bytes>) -> Result<Vec<KeyValue>, Error> {
        let (key, range_end) = prefix(start.into());
        let request = RangeRequest { key, range_end, ..RangeRequest::default() };
        Ok(self.range(request, Consistency::Linearizable).await?.kvs)
    }

    /// Any read of the API. Its field `serializable` is set by `consistency`.
    ///
    /// # Errors
    /// When no answer could be had.
    pub async fn range(&self, request: RangeRequest, consistency: Consistency) -> Result<RangeResponse, Error> {
        let serializable = consistency != Consistency::Linearizable;
        let (wanted, metadata) = match consistency {
            Consistency::Linearizable => (For::Leader, Vec::new()),
            Consistency::Serializable => (For::Anyone, Vec::new()),
            Consistency::Bounded(age) => (For::Anyone, vec![max_staleness(age)]),
        };
        let request = RangeRequest { serializable, ..request };
        self.read(Kind::Read(wanted, metadata), |channel, attempt| {
            let request = attempt.request(request.clone());
            async move { kv(channel).range(request).await }
        })
        .await
    }

    /// Sets a key.
    ///
    /// # Errors
    /// When it was not acknowledged; [`Error::outcome`] says what that means.
    pub async fn put(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<PutResponse, Error> {
        self.put_request(PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() }).await
    }

    /// Sets a key, with everything that the API can say about it.
    ///
    /// # Errors
    /// When it was not acknowledged; [`Error::outcome`] says what that means.
    pub async fn put_request(&self, request: PutRequest) -> Result<PutResponse, Error> {
        self.write(|channel, attempt| {
            let request = attempt.request(request.clone());
            async move { kv(channel).put(request).await }
        })
        .await
    }

    /// Deletes a key. Answers whether it was there.
    ///
    /// # Errors
    /// When it was not acknowledged; [`Error::outcome`] says what that means.
    pub async fn delete(&self, key: impl Into<Bytes>) -> Result<bool, Error> {
        let request = DeleteRangeRequest { key: key.into(), ..DeleteRangeRequest::default() };
        Ok(self.delete_range(request).await?.deleted > 0)
    }

    /// Deletes all keys that begin with `start`. Answers how many they were.
    ///
    /// # Errors
    /// When it was not acknowledged; [`Error::outcome`] says what that means.
    pub async fn delete_prefix(&self, start: impl Into<Bytes>) -> Result<i64, Error> {
        let (key, range_end) = prefix(start.into());
        Ok(self.delete_range(DeleteRangeRequest { key, range_end, ..DeleteRangeRequest::default() }).await?.deleted)
    }

    /// Any deletion of the API.
    ///
    /// # Errors
    /// When it was not acknowledged; [`Error::outcome`] says what that means.
    pub async fn delete_range(&self, request: DeleteRangeRequest) -> Result<DeleteRangeResponse, Error> {
        self.write(|channel, attempt| {
            let request = attempt.request(request.clone());
            async move { kv(channel).delete_range(request).await }
        })
        .await
    }

    /// Any transaction: a [`Txn`], or the API's own message. One that only reads is linearizable, and retried like a read.
    ///
    /// # Errors
    /// When it was not acknowledged; [`Error::outcome`] says what that means.
    pub async fn txn(&self, txn: impl Into<TxnRequest>) -> Result<TxnResponse, Error> {
        let txn = txn.into();
        let ask = |channel: Channel, attempt: Attempt| {
            let request = attempt.request(txn.clone());
            async move { kv(channel).txn(request).await }
        };
        if Txn::writes(&txn) {
            self.write(ask).await
        } else {
            self.read(Kind::Read(For::Leader, Vec::new()), ask).await
        }
    }

    /// Has the cluster forget what keys were before `revision`. Waits until it has.
    ///
    /// # Errors
    /// When it was not acknowledged; [`Error::outcome`] says what that means.
    pub async fn compact(&self, revision: i64) -> Result<CompactionResponse, Error> {
        self.write(|channel, attempt| {
            let request = attempt.request(CompactionRequest { revision, physical: true });
            async move { kv(channel).compact(request).await }
        })
        .await
    }

    /// Who are members.
    ///
    /// # Errors
    /// When no answer could be had.
    pub async fn members(&self) -> Result<Vec<Member>, Error> {
        let answer = self.read(Kind::Read(For::Leader, Vec::new()), |channel, attempt| {
            let request = attempt.request(MemberListRequest { linearizable: true });
            async move { ClusterClient::new(channel).member_list(request).await }
        });
        Ok(answer.await?.members)
    }

    /// How every endpoint is that this client knows of, all asked at once: its answer, or why there is none. Nobody waits for a
    /// leader, and nothing is asked twice.
    pub async fn status(&self) -> Vec<MemberStatus> {
        // Whoever was given one endpoint learns of the others by any call; this one needs none before it.
        let urls = self.shared.directory().urls();
        let asked: Vec<_> = urls.into_iter().map(|url| tokio::spawn(look::ask(self.shared.clone(), url))).collect();
        let mut statuses = Vec::new();
        for answer in asked {
            let Ok((url, answer)) = answer.await else { continue };
            let answer = answer.map(Response::into_inner).map_err(|status| words(&status));
            statuses.push(MemberStatus { endpoint: url.to_string(), answer });
        }
        statuses
    }

    /// The leader's id, and its endpoint as far as this client knows it: from answers that have come, without asking anybody.
    #[must_use]
    pub fn leader(&self) -> Option<(u64, Option<String>)> {
        let (id, url) = self.shared.directory().leader()?;
        Some((id, url.map(|url| url.to_string())))
    }

    /// Has the cluster forget this client's session, if it has one. Without it the session ends by itself, a while after the
    /// last clone of the client is gone. The client stays usable: its next write opens another session.
    ///
    /// # Errors
    /// When nobody could be told; the session then ends by itself.
    pub async fn close(&self) -> Result<(), Error> {
        self.shared.close_session().await
    }

    async fn read<T, F, R>(&self, kind: Kind<'_>, request: R) -> Result<T, Error>
    where
        T: Answer,
        R: Fn(Channel, Attempt) -> F,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        call(&self.shared, kind, self.deadline(), request).await
    }

    /// Writes, within a session if there is to be one. A session that the cluster forgot before anything was sent in it costs
    /// nothing but another one.
    async fn write<T, F, R>(&self, request: R) -> Result<T, Error>
    where
        T: Answer,
        R: Fn(Channel, Attempt) -> F,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let (shared, deadline) = (&self.shared, self.deadline());
        if !shared.config.exactly_once {
            return call(shared, Kind::Write, deadline, request).await;
        }
        loop {
            let slot = shared.slot(deadline).await?;
            let error = match call(shared, Kind::Once(&slot), deadline, &request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if error.reason == Reason::SessionLost {
                shared.forget(&slot).await;
                if error.outcome == Outcome::NotApplied && Instant::now() < deadline {
                    continue;
                }
            }
            return Err(error);
        }
    }

    fn deadline(&self) -> Instant {
        // A time beyond what clocks can hold is as good as a century.
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
        let time = self.shared.config.request_time.min(CENTURY);
        Instant::now() + time
    }
}

/// Answers may be larger than gRPC's usual four megabytes; how large is the member's to say.
fn kv(channel: Channel) -> KvClient<Channel> {
    KvClient::new(channel).max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX)
}
