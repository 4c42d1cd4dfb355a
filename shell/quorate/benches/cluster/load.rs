//! The load: clients that each have one request under way, several on a connection, all on one thread. Each connection is the
//! HTTP/2 library itself under the generated stub: what a client library adds (a queue, balancing, reconnecting) would only be
//! CPU that the members do not get.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use server::api::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use server::api::etcdserverpb::kv_client::KvClient;
use server::api::etcdserverpb::request_op::Request;
use server::api::etcdserverpb::{Compare, PutRequest, RangeRequest, RequestOp, ResponseHeader, TxnRequest};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::metadata::MetadataValue;

use crate::cpu::{Sample, Used};
use crate::members::{Members, origin};
use crate::scenario::{Operation, Scenario, To};

const VALUE_BYTES: usize = 256;
const KEYS: usize = 10_000;
const CLIENTS_A_CONNECTION: usize = 16;
/// Before counting begins.
const WARM_UP: Duration = Duration::from_millis(500);

/// One HTTP/2 connection; clones share it.
#[derive(Clone)]
pub(crate) struct Connection(SendRequest<Body>);

impl Connection {
    pub(crate) async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (send, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        Ok(Self(send))
    }
}

impl Service<http::Request<Body>> for Connection {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// What a scenario showed.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// For one operation, all members together.
    pub(crate) members: Used,
    /// Likewise, by the threads' names.
    pub(crate) threads: Vec<(String, Used)>,
    /// CPU of this process for one operation, in microseconds.
    pub(crate) client_us: f64,
    /// Of all processors, how much others took, in percent.
    pub(crate) others_percent: f64,
    pub(crate) errors: usize,
}

/// Writes every key once, so that gets find something.
pub(crate) async fn fill(members: &Members) {
    let leader = members.leader().await;
    let mut writers = JoinSet::new();
    for (number, connection) in connect(members, &[leader], 64).await.into_iter().enumerate() {
        let mut client = Client::new(number, 64, connection);
        writers.spawn(async move {
            for _ in 0..=KEYS / 64 {
                client.call(Operation::Put).await.expect("an idle cluster takes a put");
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.expect("a writer ends");
    }
}

/// Runs one scenario for `time`, after a moment of warming up.
pub(crate) async fn measure(members: &Members, scenario: &Scenario, time: Duration) -> Measured {
    let leader = members.leader().await;
    let targets = match scenario.to {
        To::Leader => vec![leader],
        To::All => vec![0, 1, 2],
    };
    let start = Instant::now() + WARM_UP;
    let end = start + time;
    let mut clients = JoinSet::new();
    for (number, connection) in connect(members, &targets, scenario.clients).await.into_iter().enumerate() {
        let client = Client::new(number, scenario.clients, connection);
        clients.spawn(client.run(scenario.operation, start, end));
    }
    let pids = members.pids();
    sleep_until(start).await;
    let before = Sample::take(&pids);
    sleep_until(end).await;
    let after = Sample::take(&pids);
    let (mut times, mut errors) = (Vec::new(), 0);
    while let Some(ended) = clients.join_next().await {
        let tally = ended.expect("a client ends");
        times.extend(tally.times);
        errors += tally.errors;
    }
    assert_eq!(members.leader().await, leader, "another member leads than before: this measured an election");
    summary(times, errors, &before, &after, time)
}

fn summary(mut times: Vec<Duration>, errors: usize, before: &Sample, after: &Sample, time: Duration) -> Measured {
    times.sort_unstable();
    let percentile = |percent: usize| {
        let place = times.len().saturating_sub(1) * percent / 100;
        times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    let operations = times.len() as f64;
    let each = |used: Used| Used {
        user_us: used.user_us / operations,
        system_us: used.system_us / operations,
        sleeps: used.sleeps / operations,
    };
    let thread = |(name, used): (&String, &Used)| {
        let earlier = before.threads.get(name).copied().unwrap_or_default();
        (name.clone(), each(used.since(earlier)))
    };
    let (members, client) = (after.members.since(before.members), after.client.since(before.client));
    let others_us = after.machine_us - before.machine_us - members.cpu_us() - client.cpu_us();
    let processors = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
    Measured {
        per_second: operations / time.as_secs_f64(),
        p50_ms: percentile(50),
        p99_ms: percentile(99),
        members: each(members),
        threads: after.threads.iter().map(thread).collect(),
        client_us: client.cpu_us() / operations,
        others_percent: (others_us / time.as_secs_f64() / 1e6 / processors * 100.0).max(0.0),
        errors,
    }
}

/// A connection for each client, shared by several.
async fn connect(members: &Members, targets: &[usize], clients: usize) -> Vec<Peer> {
    let mut connections = Vec::new();
    for number in 0..clients.div_ceil(CLIENTS_A_CONNECTION).max(targets.len()) {
        let address = members.addresses[targets[number % targets.len()]].clone();
        let connection = Connection::open(&address).await.expect("the member takes a connection");
        connections.push(Peer { connection, address });
    }
    (0..clients).map(|client| connections[client % connections.len()].clone()).collect()
}

/// A connection and what it leads to.
#[derive(Clone)]
struct Peer {
    connection: Connection,
    address: String,
}

/// One client of a scenario.
struct Client {
    number: usize,
    /// How many there are: each has its own share of the keys.
    of: usize,
    sent: usize,
    stub: KvClient<Connection>,
    value: Bytes,
    /// Of its own key, for compare and swap.
    revision: Option<i64>,
}

#[derive(Default)]
struct Tally {
    times: Vec<Duration>,
    errors: usize,
}

impl Client {
    fn new(number: usize, of: usize, peer: Peer) -> Self {
        let stub = KvClient::with_origin(peer.connection, origin(&peer.address));
        Self { number, of, sent: 0, stub, value: vec![b'v'; VALUE_BYTES].into(), revision: None }
    }

    /// Counts what ends between `start` and `end`.
    async fn run(mut self, operation: Operation, start: Instant, end: Instant) -> Tally {
        let mut tally = Tally::default();
        loop {
            let begun = Instant::now();
            let result = self.call(operation).await;
            let ended = Instant::now();
            if ended > end {
                return tally;
            }
            if result.is_err() {
                tally.errors += 1;
                sleep(Duration::from_millis(10)).await;
            } else if ended >= start {
                tally.times.push(ended - begun);
            }
        }
    }

    async fn call(&mut self, operation: Operation) -> Result<(), Status> {
        self.sent += 1;
        let key = Bytes::from(format!("bench/{:08}", (self.number + self.sent * self.of) % KEYS));
        match operation {
            Operation::Put => self.stub.put(put(key, &self.value)).await.map(drop),
            Operation::Get => self.get(key, None).await,
            Operation::BoundedGet => self.get(key, Some("500ms")).await,
            Operation::SerializableGet => self.get(key, Some("")).await,
            Operation::CompareAndSwap => self.compare_and_swap().await,
        }
    }

    /// With an age it is serializable; none is too old where that is empty.
    async fn get(&mut self, key: Bytes, age: Option<&'static str>) -> Result<(), Status> {
        let request = RangeRequest { key, serializable: age.is_some(), ..RangeRequest::default() };
        let mut request = tonic::Request::new(request);
        if let Some(age) = age.filter(|age| !age.is_empty()) {
            request.metadata_mut().insert("quorate-max-staleness", MetadataValue::from_static(age));
        }
        let answer = self.stub.range(request).await?;
        let found = answer.get_ref().kvs.first().is_some_and(|pair| pair.value.len() == VALUE_BYTES);
        if found { Ok(()) } else { Err(Status::not_found("a key that was written is not there")) }
    }

    async fn compare_and_swap(&mut self) -> Result<(), Status> {
        let key = Bytes::from(format!("swapped/{:08}", self.number));
        let Some(revision) = self.revision else {
            let answer = self.stub.put(put(key, &self.value)).await?;
            self.revision = Some(revision(answer.get_ref().header.as_ref()));
            return Ok(());
        };
        let condition = Compare {
            result: CompareResult::Equal.into(),
            target: CompareTarget::Mod.into(),
            key: key.clone(),
            target_union: Some(TargetUnion::ModRevision(revision)),
            ..Compare::default()
        };
        let success = vec![RequestOp { request: Some(Request::RequestPut(put(key, &self.value))) }];
        let request = TxnRequest { compare: vec![condition], success, failure: Vec::new() };
        let answer = self.stub.txn(request).await?.into_inner();
        self.revision = Some(self::revision(answer.header.as_ref()));
        if answer.succeeded { Ok(()) } else { Err(Status::aborted("somebody else has written this client's key")) }
    }
}

fn put(key: Bytes, value: &Bytes) -> PutRequest {
    PutRequest { key, value: value.clone(), ..PutRequest::default() }
}

fn revision(header: Option<&ResponseHeader>) -> i64 {
    header.map_or(0, |header| header.revision)
}
