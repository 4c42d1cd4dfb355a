//! A made-up cluster: members on real sockets over one shared store, which keep the rules of sessions and fail on demand. Below
//! it is a lock instead of consensus, so that what a test sees is the client's doing.

mod services;
mod store;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api::etcdserverpb::ResponseHeader;
use api::etcdserverpb::cluster_server::ClusterServer;
use api::etcdserverpb::kv_server::KvServer;
use api::etcdserverpb::maintenance_server::MaintenanceServer;
use api::quorate_v1::sessions_server::SessionsServer;
use quorate_client::{Client, Config, api};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Response};

pub(crate) use store::Store;

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: it is done and answered.
    None,
    /// Turned away before anything was done.
    NoLeader,
    /// Not done, but who asks is not told so.
    Lost,
    /// Done, and the answer is lost.
    AnswerLost,
    /// Done later, when who asked has long been told that time is over.
    Late,
    /// Not done, and never answered.
    Hangs,
    /// Done, and never answered.
    DoneAndHangs,
    /// Refused.
    Refused(Code, &'static str),
}

/// What the members of a made-up cluster share.
#[derive(Debug)]
pub(crate) struct FakeCluster {
    pub(crate) id: AtomicU64,
    pub(crate) term: AtomicU64,
    /// The id of the leader; 0 is none.
    pub(crate) leader: AtomicU64,
    pub(crate) store: Mutex<Store>,
    /// Who learns.
    pub(crate) learner: AtomicU64,
    /// What the members advertise, each with its id.
    advertised: Mutex<Vec<(u64, String)>>,
    /// Whether the members know sessions, as Quorate's do.
    pub(crate) serves_sessions: AtomicBool,
    /// Where the configuration stands that the members say they know; 0: they don't say it, as etcd's.
    pub(crate) configuration: AtomicU64,
    /// Lists of the members that were given.
    pub(crate) lists: AtomicUsize,
    /// Held by each write that is still to come; it is held once more here.
    late: Arc<()>,
}

/// One made-up member.
#[derive(Debug, Clone)]
pub(crate) struct Fake {
    pub(crate) id: u64,
    pub(crate) cluster: Arc<FakeCluster>,
    /// `HOST:PORT`.
    pub(crate) at: String,
    faults: Arc<Mutex<Faults>>,
    asked: Arc<AtomicUsize>,
    looked_at: Arc<AtomicUsize>,
    /// What the last read said of its age, and whether it was serializable.
    pub(crate) asked_to_be: Arc<Mutex<(Option<String>, bool)>>,
}

/// What happens to the next requests, and to those after.
#[derive(Debug)]
struct Faults {
    next: VecDeque<Fault>,
    then: Fault,
}

impl FakeCluster {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            id: 0xc1.into(),
            term: 3.into(),
            leader: 1.into(),
            store: Mutex::default(),
            learner: 0.into(),
            advertised: Mutex::default(),
            serves_sessions: true.into(),
            configuration: 0.into(),
            lists: 0.into(),
            late: Arc::default(),
        })
    }

    /// A cluster of so many members, the first of which leads.
    pub(crate) async fn start(members: u64) -> (Arc<Self>, Vec<Fake>) {
        let cluster = Self::new();
        let mut fakes = Vec::new();
        for id in 1..=members {
            fakes.push(Fake::start(&cluster, id).await);
        }
        (cluster, fakes)
    }

    pub(crate) fn store(&self) -> std::sync::MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }

    /// To be held by a write that comes later.
    fn late(&self) -> Arc<()> {
        self.late.clone()
    }

    /// Waits for the writes that come later.
    pub(crate) async fn nothing_is_late(&self) {
        until("what is late has come", async || Arc::strong_count(&self.late) == 1).await;
    }

    /// Another member leads from now on, in a term of its own.
    pub(crate) fn elect(&self, leader: u64) {
        self.term.fetch_add(1, Ordering::SeqCst);
        self.leader.store(leader, Ordering::SeqCst);
    }

    /// Members list this endpoint too.
    pub(crate) fn advertise(&self, id: u64, at: &str) {
        self.advertised.lock().unwrap().push((id, format!("http://{at}")));
    }
}

impl Fake {
    /// Starts one on a port of its own.
    pub(crate) async fn start(cluster: &Arc<FakeCluster>, id: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let faults = Arc::new(Mutex::new(Faults { next: VecDeque::new(), then: Fault::None }));
        let fake = Self {
            id,
            cluster: cluster.clone(),
            at,
            faults,
            asked: Arc::default(),
            looked_at: Arc::default(),
            asked_to_be: Arc::default(),
        };
        cluster.advertise(id, &fake.at);
        let mut server = Server::builder();
        let router = server
            .add_service(KvServer::new(fake.clone()))
            .add_service(MaintenanceServer::new(fake.clone()))
            .add_service(ClusterServer::new(fake.clone()))
            .add_service(SessionsServer::new(fake.clone()));
        tokio::spawn(router.serve_with_incoming(TcpIncoming::from(listener)));
        fake
    }

    /// What happens to the next requests of KV, one after the other.
    pub(crate) fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().next.extend(faults);
    }

    /// What happens to all requests of KV, from now on.
    pub(crate) fn always(&self, fault: Fault) {
        self.faults.lock().unwrap().then = fault;
    }

    /// Requests of KV so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Questions so far how it is.
    pub(crate) fn looked_at(&self) -> usize {
        self.looked_at.load(Ordering::SeqCst)
    }

    /// An answer, with what comes with every one.
    fn answer<T>(&self, message: T) -> Response<T> {
        let mut answer = Response::new(message);
        let configuration = self.cluster.configuration.load(Ordering::SeqCst);
        if configuration > 0 {
            answer.metadata_mut().insert("quorate-configuration", configuration.into());
        }
        answer
    }

    fn fault(&self) -> Fault {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut faults = self.faults.lock().unwrap();
        faults.next.pop_front().unwrap_or(faults.then)
    }

    #[allow(clippy::unnecessary_wraps)] // The shape of all header fields.
    fn header(&self, revision: i64) -> Option<ResponseHeader> {
        let load = |number: &AtomicU64| number.load(Ordering::SeqCst);
        let (cluster_id, raft_term) = (load(&self.cluster.id), load(&self.cluster.term));
        Some(ResponseHeader { cluster_id, member_id: self.id, revision, raft_term })
    }
}

/// Waits until something is so; a test that waits long has failed.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Short times, so that tests are quick.
pub(crate) fn quick() -> Config {
    Config { request_time: Duration::from_secs(8), attempt_time: Duration::from_millis(150), ..Config::default() }
}

/// The same, with sessions.
pub(crate) fn quick_once() -> Config {
    Config { exactly_once: true, ..quick() }
}

/// A client of these members.
pub(crate) fn client(fakes: &[&Fake], config: Config) -> Client {
    Client::with(fakes.iter().map(|fake| &fake.at), config).unwrap()
}

/// A port where nobody listens.
pub(crate) async fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string()
}

/// A small generator, seeded: SplitMix64.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
