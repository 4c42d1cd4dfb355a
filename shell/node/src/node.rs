//! Starting and stopping a member: its folder, its threads, its sockets.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, mpsc as threads};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use raft::{NodeId, Switches};
use replica::transfers::{Pace, Sending};
use replica::{First, LeaseState, Own, SendSnapshot, Started, StateMachine};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::{LocalSet, spawn_local};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use wal::folder_disk::FolderDisk;

use crate::arrival::{Done, Traffic};
use crate::clocks::Clocks;
use crate::folder::{Folder, FolderError, Identity};
use crate::handle::Handle;
use crate::log_thread::{LogJob, LogThread};
use crate::look::Watched;
use crate::met::{self, Met};
use crate::node_loop::NodeLoop;
use crate::peer::Circle;
use crate::peer::accept::{self, Door};
use crate::peer::connect::Line;
use crate::peer::hello::Purpose;
use crate::peer::links::{Dial, Links, Watch};
use crate::peer::transfer::receive::Receiver;
use crate::peer::transfer::send::Sender;
use crate::published::Published;
use crate::snapshot_thread::Snapshots;
use crate::storeroom_thread::{StoreroomJob, StoreroomThread};
use crate::timers::Timers;
use crate::turn_times::TurnTimes;

/// Requests and messages that wait for the loop; who sends more waits.
const TRAFFIC_MAX: usize = 4096;

/// Half of what a line of a gigabit carries: the other half is for the appends that a follower needs to keep up afterwards. A
/// gigabyte takes a quarter of a minute.
pub const SNAPSHOT_RATE: u64 = 64 << 20;

/// Finds a member's peer address (`host:port`) in what the configuration keeps for it.
pub type AddressOf = fn(&raft::Member) -> Option<String>;

/// Whom one who left the configuration is still spoken to, so that it hears of its removal.
const PARTING: Duration = Duration::from_secs(5);

/// How to run a member.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which node of the cluster this is.
    pub node: NodeId,
    /// Names the cluster; members of another are refused.
    pub cluster: u64,
    /// The member's folder; made if need be.
    pub data_dir: PathBuf,
    /// How often a leader says that it is there.
    pub heartbeat: Duration,
    /// T, the least election timeout; the greatest is twice that.
    pub election_timeout: Duration,
    /// Bytes of a segment of the log: three of them are made ahead.
    pub segment_bytes: u64,
    /// Bytes of snapshots that may leave this member in a second while clients write, all peers together; 0: no bound. While nobody
    /// writes they leave as fast as they go.
    pub snapshot_bytes_per_second: u64,
    /// Limits of the member.
    pub replica: replica::Config,
    /// Finds the peers' addresses in the configuration.
    pub address_of: AddressOf,
    /// What the configuration is to keep for this member, if that is not known to those who write the first one: the cluster
    /// is told once this member runs.
    pub info: Option<Bytes>,
    /// What is to be kept for this member, from what is kept and from `info`. As it is made by [`Config::new`], it is `info`.
    pub merge: replica::Merge,
    /// Whether the member that the configuration keeps this of is the one that a process without a folder says it is
    /// ([`crate::join`]). As it is made by [`Config::new`], both are the same bytes.
    pub is_it: fn(&raft::Member, &[u8]) -> bool,
}

impl Config {
    /// Node `node` of cluster `cluster` in `data_dir`: heartbeats every 100 ms, election timeouts of 1 to 2 s, and members
    /// whose `info` is their address in plain text.
    #[must_use]
    pub fn new(node: NodeId, cluster: u64, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            node,
            cluster,
            data_dir: data_dir.into(),
            heartbeat: Duration::from_millis(100),
            election_timeout: Duration::from_secs(1),
            segment_bytes: 16 << 20,
            snapshot_bytes_per_second: SNAPSHOT_RATE,
            replica: replica::Config::default(),
            address_of: |member| String::from_utf8(member.info.to_vec()).ok(),
            info: None,
            merge: |_, own| own.clone(),
            is_it: |member, claim| member.info == claim,
        }
    }
}

/// Why a member had to end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndError {
    /// It was removed from its cluster, for good.
    #[error("{0}")]
    Removed(String),
    /// Its cluster knows it by another disk, for good: its folder was wiped or replaced, and with it what it voted.
    #[error("{0}")]
    AnotherDisk(String),
    /// It could not go on safely.
    #[error("{0}")]
    Failed(String),
}

impl From<String> for EndError {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

impl From<&str> for EndError {
    fn from(reason: &str) -> Self {
        Self::Failed(reason.to_owned())
    }
}

/// Who has handed over still answers for a tenth of T, but not longer than this.
const LAST_ANSWERS: Duration = Duration::from_millis(200);

/// Why a member can't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its log or snapshots.
    #[error("{path}: {error}")]
    Data {
        /// The folder.
        path: PathBuf,
        /// What is wrong with them.
        error: replica::StartError,
    },
    /// Threads or sockets.
    #[error("{operation} failed: {error}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
}

/// A running member.
pub struct Node<S: StateMachine> {
    handle: Handle<S>,
    election_timeout: Duration,
    stop: CancellationToken,
    ended: watch::Receiver<Option<Result<(), EndError>>>,
    thread: Option<JoinHandle<()>>,
}

impl<S: StateMachine> Node<S> {
    /// Starts a member. `peers` listens for the other members; `first` is given where the operator says that the cluster is
    /// new, and not looked at when the folder holds a member already.
    ///
    /// # Errors
    /// When folder, log or snapshots can't be used, each with a sentence that says what to do.
    pub fn start(config: Config, peers: Vec<TcpListener>, first: Option<First<S>>) -> Result<Self, StartError> {
        let (folder, started) = open(&config, first)?;
        if let Some(torn) = &started.torn {
            warn!(torn, "the last write was cut short by a crash; it was never acknowledged, and is cut off");
        }
        let published = Arc::new(Published::new(&started.replica));
        let (traffic, arriving) = mpsc::channel(TRAFFIC_MAX);
        let handle = Handle { traffic, published };
        let stop = CancellationToken::new();
        let (tell_end, ended) = watch::channel(None);
        let (for_loop, on, election_timeout) = (handle.clone(), stop.clone(), config.election_timeout);
        let work = move || {
            let result = run(&config, folder, started, peers, (for_loop, arriving), on);
            match &result {
                Ok(()) => {}
                Err(EndError::Removed(reason)) => warn!(reason, "this member stops: it is not a member any more"),
                Err(EndError::AnotherDisk(reason)) => {
                    warn!(reason, "this member stops: its data folder is another one");
                }
                Err(EndError::Failed(reason)) => tracing::error!(reason, "this member stops: it can't go on safely"),
            }
            tell_end.send_replace(Some(result));
        };
        let thread = std::thread::Builder::new().name("loop".into()).spawn(work);
        let thread = thread.map_err(|error| StartError::System { operation: "starting the loop's thread", error })?;
        Ok(Self { handle, election_timeout, stop, ended, thread: Some(thread) })
    }

    /// A handle for clients of this member.
    #[must_use]
    pub fn handle(&self) -> Handle<S> {
        self.handle.clone()
    }

    /// Waits until the member has ended, and says why if it had to.
    ///
    /// # Errors
    /// The reason why it could not go on.
    pub async fn ended(&self) -> Result<(), EndError> {
        let mut ended = self.ended.clone();
        let result = ended.wait_for(Option::is_some).await.map(|result| result.clone());
        result.ok().flatten().unwrap_or_else(|| Err("the member's thread panicked".into()))
    }

    /// Where this member leads, lets another lead before it is gone: so nobody has to wait for its silence. Waits at most two
    /// election timeouts, and says who leads, if another does; then members that did not know it yet were answered.
    pub async fn hand_over(&self) -> Option<NodeId> {
        if !self.handle.status().leads {
            return None;
        }
        let time_limit = 2 * self.election_timeout;
        let handed_over = tokio::time::timeout(time_limit, self.handle.transfer(None, time_limit)).await;
        match handed_over {
            Ok(Ok(leader)) => {
                info!(%leader, "handed the leadership over before stopping");
                // What others sent here before they heard of it gets its answer, and goes there.
                tokio::time::sleep((self.election_timeout / 10).min(LAST_ANSWERS)).await;
                Some(leader)
            }
            Ok(Err(reason)) => {
                info!(%reason, "stops as leader: the others elect another");
                None
            }
            Err(_) => None,
        }
    }

    /// Stops the member: a leader hands over first, what it has begun to write is finished, and its log is sealed.
    ///
    /// # Errors
    /// The reason why it had to end before.
    pub async fn stop(mut self) -> Result<(), EndError> {
        let _nobody_may_be_there = self.hand_over().await;
        self.stop.cancel();
        let result = self.ended().await;
        if let Some(thread) = self.thread.take() {
            let _it_has_ended = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        result
    }
}

impl<S: StateMachine> Drop for Node<S> {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Locks the folder, checks whose it is, and reads it.
fn open<S: StateMachine>(
    config: &Config,
    first: Option<First<S>>,
) -> Result<(Folder, Started<S, FolderDisk>), StartError> {
    let mut folder = Folder::open(&config.data_dir)?;
    folder.check(config.cluster, config.node)?;
    let path = || config.data_dir.clone();
    let data = |error| StartError::Data { path: path(), error };
    let disk = folder.disk()?;
    let has_log = replica::boot::exists(&disk).map_err(data)?;
    match (&folder.identity, has_log, &first) {
        (Some(_), false, _) => return Err(FolderError::LogGone { path: path() }.into()),
        (None, false, None) => return Err(FolderError::Empty { path: path() }.into()),
        (Some(_) | None, _, _) => {}
    }
    let options = wal::Options { segment_bytes: config.segment_bytes, ..wal::Options::new(rand::random()) };
    let first = first.filter(|_| folder.identity.is_none());
    let disk_id = folder.identity.as_ref().map_or_else(rand::random, |identity| identity.disk);
    let own = Own { merge: config.merge, ..Own::new(disk_id, config.info.clone()) };
    let mut replica_config = config.replica;
    replica_config.election_timeout = u64::try_from(config.election_timeout.as_micros()).unwrap_or(u64::MAX);
    let started = replica::start(disk, config.node, options, replica_config, first, own).map_err(data)?;
    if folder.identity.is_none() {
        let info = config.info.clone().unwrap_or_default();
        folder.claim(Identity { cluster: config.cluster, node: config.node, disk: disk_id, info })?;
    }
    Ok((folder, started))
}

/// The loop's thread: starts the other threads and the sockets' tasks, runs the loop, and ends them all.
fn run<S: StateMachine>(
    config: &Config,
    folder: Folder,
    started: Started<S, FolderDisk>,
    peers: Vec<TcpListener>,
    (handle, arriving): (Handle<S>, mpsc::Receiver<Traffic>),
    stop: CancellationToken,
) -> Result<(), EndError> {
    let (tell_done, done) = mpsc::unbounded_channel::<Done<S>>();
    let (log, log_jobs) = threads::channel();
    let (storeroom, storeroom_jobs) = threads::channel();
    let log_thread = LogThread {
        log: started.log,
        jobs: log_jobs,
        done: tell_done.clone(),
        storeroom: storeroom.clone(),
        measured: handle.published.measured.clone(),
        room: true,
        stopping: false,
    };
    let storeroom_thread = StoreroomThread {
        storeroom: started.storeroom.clone(),
        folder: folder.path().to_path_buf(),
        jobs: storeroom_jobs,
        log: log.clone(),
    };
    let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
        std::thread::Builder::new().name(name.into()).spawn(work).map_err(|error| format!("no thread: {error}"))
    };
    let log_thread = spawn("log", Box::new(move || log_thread.run()))?;
    let storeroom_thread = spawn("storeroom", Box::new(move || storeroom_thread.run()))?;
    let snapshots = Snapshots::start(started.storeroom.clone(), tell_done.clone())
        .map_err(|error| format!("no thread: {error}"))?;

    let circle = circle(config, &folder, started.incarnation, &handle.published)?;
    let sending = Sending::new(started.storeroom.clone());
    let pace = Pace::new(config.snapshot_bytes_per_second);
    let (status, measured) = (handle.published.status.subscribe(), handle.published.measured.clone());
    let sender = Arc::new(Sender::new(sending, pace, status, measured));
    let sockets = Sockets { circle, storeroom: started.storeroom, remember: storeroom.clone(), done: tell_done };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let result = LocalSet::new().block_on(&runtime, async {
        sockets.open(config.is_it, peers, &handle)?;
        let peers = Watch::new(sockets.circle.clone());
        let mut links = Links::new(sockets.dialler(), PARTING);
        links.follow(&peers.peers(), Instant::now());
        info!(node = %config.node, "the member runs");
        let node_loop = NodeLoop {
            replica: started.replica,
            timers: Timers::new(config.heartbeat, config.election_timeout),
            clocks: Clocks::new(),
            lease: LeaseState::NotLeader,
            traffic: arriving,
            done,
            log: log.clone(),
            snapshots: snapshots.jobs.clone(),
            turn_times: TurnTimes::new(config.election_timeout),
            watched: Watched::new(Instant::now(), config.election_timeout),
            links,
            peers,
            leaves: None,
            send_snapshot: sockets.snapshot_sender(&sender),
            snapshot_sender: sender,
            published: handle.published.clone(),
            stop,
            waiting: std::collections::HashMap::new(),
            next_request: 0,
            inputs: Vec::new(),
            taken_in: Vec::new(),
        };
        node_loop.run().await
    });
    let _they_end_by_themselves = (log.send(LogJob::Seal), log_thread.join());
    let _likewise = (storeroom.send(StoreroomJob::Stop), storeroom_thread.join());
    snapshots.end();
    result
}

fn circle<S: StateMachine>(
    config: &Config,
    folder: &Folder,
    incarnation: u64,
    published: &Published<S>,
) -> Result<Rc<Circle>, String> {
    let Switches { pre_vote, check_quorum, stickiness, noop: _ } = config.replica.raft.switches;
    let identity = folder.identity.as_ref().ok_or("the folder has no identity")?;
    let met = Met::read(folder.path()).map_err(|error| format!("the file {} can't be read: {error}", met::FILE))?;
    Ok(Rc::new(Circle {
        cluster: config.cluster,
        node: config.node,
        incarnation,
        birth: rand::random(),
        disk: identity.disk,
        election_timeout: u64::try_from(config.election_timeout.as_millis()).unwrap_or(u64::MAX),
        switches: u8::from(pre_vote) | u8::from(check_quorum) << 1 | u8::from(stickiness) << 2,
        info: config.info.clone().unwrap_or_default(),
        address_of: config.address_of,
        configuration: published.configuration.subscribe(),
        committed: published.committed.subscribe(),
        met: met.into(),
        told: BTreeMap::new().into(),
    }))
}

/// What the tasks of the sockets share.
struct Sockets<S: StateMachine> {
    circle: Rc<Circle>,
    storeroom: replica::Storeroom<FolderDisk>,
    remember: threads::Sender<StoreroomJob>,
    done: mpsc::UnboundedSender<Done<S>>,
}

impl<S: StateMachine> Sockets<S> {
    fn open(
        &self,
        is_it: fn(&raft::Member, &[u8]) -> bool,
        listeners: Vec<TcpListener>,
        handle: &Handle<S>,
    ) -> Result<(), String> {
        let receiver = Receiver::new(self.storeroom.clone(), self.done.clone(), handle.watch_status());
        let door = Rc::new(Door {
            circle: self.circle.clone(),
            traffic: handle.traffic.clone(),
            snapshots: Box::new(move |from, stream| receiver.start(from, stream)),
            met: Box::new(self.meeter()),
            is_it,
            readers: BTreeMap::new().into(),
        });
        for listener in listeners {
            listener.set_nonblocking(true).map_err(|error| format!("the peer port can't be used: {error}"))?;
            let listener = tokio::net::TcpListener::from_std(listener);
            let listener = listener.map_err(|error| format!("the peer port can't be used: {error}"))?;
            spawn_local(accept::accept(listener, door.clone()));
        }
        Ok(())
    }

    /// Makes connections to peers, and keeps them.
    fn dialler(&self) -> Dial {
        let (circle, meeter, done) = (self.circle.clone(), self.meeter(), self.done.clone());
        Box::new(move |peer, outbox| {
            let (for_address, done) = (circle.clone(), done.clone());
            let line = Line {
                circle: circle.clone(),
                peer,
                outbox,
                address: Box::new(move |attempt| for_address.address(peer, attempt)),
                met: Box::new(meeter.clone()),
                over: Box::new(move |reason| {
                    let _the_loop_may_be_gone = done.send(Done::Over(reason));
                }),
            };
            spawn_local(line.keep()).abort_handle()
        })
    }

    /// Remembers a peer that was let in; what is new of it also on disk.
    fn meeter(&self) -> impl Fn(&crate::peer::hello::Hello) + Clone + use<S> {
        let (circle, remember, done) = (self.circle.clone(), self.remember.clone(), self.done.clone());
        move |hello| {
            circle.remember_told(hello);
            let _the_loop_may_be_gone = done.send(Done::PeerMet(hello.node, hello.greeting()));
            let news = circle.met.borrow_mut().remember(hello.node, hello.life());
            if let Some(text) = news {
                let _the_thread_may_be_gone = remember.send(StoreroomJob::Remember(met::FILE, text));
            }
        }
    }

    /// Sends snapshots, each on a thread of its own.
    fn snapshot_sender(&self, sender: &Arc<Sender>) -> Box<dyn Fn(SendSnapshot)> {
        let (circle, sender, done) = (self.circle.clone(), sender.clone(), self.done.clone());
        Box::new(move |snapshot| {
            let hello = circle.hello(Purpose::Snapshot, snapshot.to);
            let address = circle.address(snapshot.to, 0);
            sender.start(snapshot, hello, address, done.clone());
        })
    }
}
