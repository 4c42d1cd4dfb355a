//! Three members as processes on loopback, under one folder that goes with them, and light clients that put.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use server::api::etcdserverpb::kv_client::KvClient;
use server::api::etcdserverpb::maintenance_client::MaintenanceClient;
use server::api::etcdserverpb::{CompactionRequest, PutRequest, StatusRequest, StatusResponse};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};

/// Whatever a busy machine needs.
const LONG: Duration = Duration::from_secs(600);
/// Values of the state that is large.
const FILL_BYTES: usize = 256 << 10;

/// What was measured under load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) longest_ms: f64,
}

/// What a member takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    pub(crate) memory_mib: u64,
    pub(crate) disk_mib: u64,
}

/// A running cluster.
pub(crate) struct Members {
    processes: Vec<Option<Child>>,
    words: Vec<Vec<String>>,
    addresses: Vec<String>,
    folder: TempDir,
    program: PathBuf,
}

impl Members {
    /// Starts them and waits until all follow one leader.
    pub(crate) async fn start(folder: &Path, flags: &[String]) -> Self {
        let folder = tempfile::tempdir_in(folder).expect("a folder for the members");
        let ports = free_ports();
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let cluster: Vec<String> = (0..3).map(|member| format!("m{member}={}", url(ports[3 + member]))).collect();
        let words = |member: usize| {
            let (client, peer) = (url(ports[member]), url(ports[3 + member]));
            let own = [
                "serve".to_string(),
                format!("--name=m{member}"),
                format!("--data-dir={}", folder.path().join(format!("m{member}")).display()),
                format!("--listen-client-urls={client}"),
                format!("--advertise-client-urls={client}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster={}", cluster.join(",")),
                "--log-level=debug".to_string(),
            ];
            own.into_iter().chain(flags.iter().cloned()).collect()
        };
        let program =
            std::env::var_os("QUORATE_BIN").map_or_else(|| env!("CARGO_BIN_EXE_quorate").into(), PathBuf::from);
        let addresses = ports[..3].iter().map(|port| url(*port)).collect();
        let words: Vec<Vec<String>> = (0..3).map(words).collect();
        let mut members = Self { processes: vec![None, None, None], words, addresses, folder, program };
        (0..3).for_each(|member| members.restart(member));
        members.leader().await;
        members
    }

    fn log(&self, member: usize) -> PathBuf {
        self.folder.path().join(format!("m{member}.log"))
    }

    /// Starts one that does not run.
    pub(crate) fn restart(&mut self, member: usize) {
        let log = || File::options().create(true).append(true).open(self.log(member)).expect("a file for the log");
        let mut command = Command::new(&self.program);
        command.args(&self.words[member]).stdin(Stdio::null()).stdout(log()).stderr(log());
        self.processes[member] = Some(command.spawn().expect("the member starts"));
    }

    /// kill -9.
    pub(crate) fn kill(&mut self, member: usize) {
        if let Some(mut process) = self.processes[member].take() {
            let _it_may_have_ended = process.kill();
            let _likewise = process.wait();
        }
    }

    fn text(&self, member: usize) -> String {
        std::fs::read_to_string(self.log(member)).unwrap_or_default()
    }

    /// How many snapshots all members together wrote, and how long the longest took, in milliseconds.
    pub(crate) fn snapshots_taken(&self) -> (usize, u64) {
        let text: String = (0..3).map(|member| self.text(member)).collect();
        let times = text.lines().filter(|line| line.contains("wrote a snapshot")).map(|line| number(line, " ms="));
        times.fold((0, 0), |(count, longest), ms| (count + 1, longest.max(ms.unwrap_or(0))))
    }

    /// The longest turn of any loop that froze the state, that took a snapshot in, and of any kind, in milliseconds.
    pub(crate) fn longest_turns_ms(&self) -> [f64; 3] {
        let text: String = (0..3).map(|member| self.text(member)).collect();
        let longest = |kind: &str| {
            let lines = text.lines().filter(|line| line.contains("longest turn of its kind") && line.contains(kind));
            lines.filter_map(|line| number(line, "micros=")).max().unwrap_or(0) as f64 / 1e3
        };
        ["doing=Freezing", "doing=Installing", "doing="].map(longest)
    }

    /// The most memory that each process had, in MiB.
    pub(crate) fn peak_memory(&self) -> String {
        let peak = |process: &Option<Child>| {
            let text = std::fs::read_to_string(format!("/proc/{}/status", process.as_ref()?.id())).ok()?;
            number(&text, "VmHWM:").map(|kib| format!("{} MiB", kib >> 10))
        };
        self.processes.iter().map(|process| peak(process).unwrap_or_else(|| "-".into())).collect::<Vec<_>>().join(", ")
    }

    async fn status(&self, member: usize) -> Option<StatusResponse> {
        let channel = Endpoint::from_shared(self.addresses[member].clone()).ok()?.connect().await.ok()?;
        MaintenanceClient::new(channel).status(StatusRequest {}).await.ok().map(tonic::Response::into_inner)
    }

    /// Which of them leads; waits until one does.
    pub(crate) async fn leader(&self) -> usize {
        let begun = Instant::now();
        loop {
            for member in 0..3 {
                if let Some(status) = self.status(member).await
                    && status.leader != 0
                    && status.header.is_some_and(|header| header.member_id == status.leader)
                {
                    return member;
                }
            }
            assert!(begun.elapsed() < LONG, "no leader after {LONG:?}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn channel(&self) -> Channel {
        let leader = self.leader().await;
        Endpoint::from_shared(self.addresses[leader].clone()).expect("an address").connect().await.expect("it is there")
    }

    /// Writes so much state.
    pub(crate) async fn fill(&self, mib: usize) {
        let channel = self.channel().await;
        let puts = (mib << 20) / FILL_BYTES;
        let mut writers = JoinSet::new();
        for writer in 0..8 {
            let mut client = KvClient::new(channel.clone());
            writers.spawn(async move {
                let value = Bytes::from(vec![b'f'; FILL_BYTES]);
                for number in (writer..puts).step_by(8) {
                    let key = Bytes::from(format!("fill/{number:08}"));
                    put_until_taken(&mut client, PutRequest { key, value: value.clone(), ..PutRequest::default() })
                        .await;
                }
            });
        }
        while writers.join_next().await.is_some() {}
    }

    /// Clients that each have one put under way.
    pub(crate) async fn load(&self, clients: usize, time: Duration) -> Turn {
        let channel = self.channel().await;
        let end = Instant::now() + time;
        let mut writers = JoinSet::new();
        for writer in 0..clients {
            let mut client = KvClient::new(channel.clone());
            writers.spawn(async move {
                let (value, mut times, mut number) = (Bytes::from(vec![b'v'; 256]), Vec::new(), writer);
                while Instant::now() < end {
                    let key = Bytes::from(format!("load/{:08}", number % 10_000));
                    number += clients;
                    let begun = Instant::now();
                    client.put(PutRequest { key, value: value.clone(), ..PutRequest::default() }).await.expect("a put");
                    times.push(begun.elapsed());
                }
                times
            });
        }
        let mut times = Vec::new();
        while let Some(ended) = writers.join_next().await {
            times.extend(ended.expect("a client ends"));
        }
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
        let per_second = times.len() as f64 / time.as_secs_f64();
        Turn { per_second, p50_ms: at(50), p99_ms: at(99), longest_ms: at(100) }
    }

    /// Clients that pause after each put, for a while; then the past is compacted. Says how many puts there were.
    pub(crate) async fn soak(&self, clients: usize, pause: Duration, time: Duration) -> usize {
        let (channel, end) = (self.channel().await, Instant::now() + time);
        let mut writers = JoinSet::new();
        for writer in 0..clients {
            let client = KvClient::new(channel.clone());
            writers.spawn(put_with_pauses(client, (writer, clients), pause, end));
        }
        let mut puts = 0;
        while let Some(ended) = writers.join_next().await {
            puts += ended.expect("a client ends");
        }
        puts
    }

    /// What a member takes now.
    pub(crate) fn usage(&self, member: usize) -> Use {
        let process = self.processes[member].as_ref().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("a process has a status");
        let files = walk(&self.folder.path().join(format!("m{member}")));
        // One may be removed while we look.
        let bytes: u64 = files.iter().filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum();
        Use { memory_mib: number(&status, "VmRSS:").unwrap_or(0) >> 10, disk_mib: bytes >> 20 }
    }

    /// Waits until a member has all that the leader has.
    pub(crate) async fn caught_up(&self, member: usize) {
        let leader = self.leader().await;
        let begun = Instant::now();
        while let (Some(mine), Some(theirs)) = (self.status(member).await, self.status(leader).await)
            && mine.raft_applied_index < theirs.raft_applied_index
        {
            assert!(
                begun.elapsed() < LONG,
                "m{member} is at {} of {}",
                mine.raft_applied_index,
                theirs.raft_applied_index
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no member writes a snapshot any more.
    pub(crate) async fn settled(&self) {
        let idle = |text: String| {
            let ends = ["wrote a snapshot", "could not be written", "the member runs"];
            ends.iter().filter_map(|end| text.rfind(end)).max() >= text.rfind("writing a snapshot")
        };
        let mut quiet = 0;
        while quiet < 5 {
            sleep(Duration::from_millis(200)).await;
            let alive = (0..3).filter(|member| self.processes[*member].is_some());
            let idle = alive.into_iter().all(|member| idle(self.text(member)));
            quiet = if idle { quiet + 1 } else { 0 };
        }
    }

    /// The newest snapshot of a member.
    pub(crate) fn newest_snapshot(&self, member: usize) -> PathBuf {
        let folder = self.folder.path().join(format!("m{member}"));
        let files = walk(&folder);
        let newest = files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "snap")).max();
        newest.expect("a snapshot was taken")
    }

    /// Waits until a member has had so many snapshots, and says how long the bytes took and how long the rest, in milliseconds.
    pub(crate) async fn received(&self, member: usize, count: usize) -> (u64, u64) {
        let begun = Instant::now();
        loop {
            let text = self.text(member);
            if text.matches("installed_ms").count() >= count
                && let (Some(arrived), Some(installed)) = (number(&text, "arrived_ms"), number(&text, "installed_ms"))
            {
                return (arrived, installed);
            }
            assert!(begun.elapsed() < LONG, "no snapshot after {LONG:?}:\n{text}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        (0..3).for_each(|member| self.kill(member));
    }
}

/// One client of the soak; the first compacts the past each 10 s. Says how many of its puts were answered.
async fn put_with_pauses(
    mut client: KvClient<Channel>,
    (writer, writers): (usize, usize),
    pause: Duration,
    end: Instant,
) -> usize {
    let (value, mut puts, mut compacted) = (Bytes::from(vec![b'v'; 1024]), 0, Instant::now());
    while Instant::now() < end {
        let key = Bytes::from(format!("soak/{:08}", (writer + puts * writers) % 20_000));
        let put = client.put(PutRequest { key, value: value.clone(), ..PutRequest::default() }).await;
        sleep(pause).await;
        // On a busy machine another may come to lead meanwhile.
        let Ok(answer) = put else { continue };
        puts += 1;
        if writer == 0 && compacted.elapsed() > Duration::from_secs(10) {
            compacted = Instant::now();
            let revision = answer.into_inner().header.map_or(0, |header| header.revision);
            let request = CompactionRequest { revision, ..CompactionRequest::default() };
            let _the_next_will_do_as_well = client.compact(request).await;
        }
    }
    puts
}

async fn put_until_taken(client: &mut KvClient<Channel>, request: PutRequest) {
    while client.put(request.clone()).await.is_err() {
        sleep(Duration::from_millis(50)).await;
    }
}

fn number(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.rsplit_once(name)?;
    let digits: String =
        rest.chars().skip_while(|one| !one.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.flat_map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { vec![entry.path()] }).collect()
}

fn free_ports() -> Vec<u16> {
    let sockets: Vec<TcpListener> =
        (0..6).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port for a member")).collect();
    sockets.iter().map(|socket| socket.local_addr().expect("it is bound").port()).collect()
}
