//! Three members as processes on loopback, under one folder that goes with them. They take etcd's flags, so etcd is started the
//! same way.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use server::api::etcdserverpb::maintenance_client::MaintenanceClient;
use server::api::etcdserverpb::{StatusRequest, StatusResponse};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::load::Connection;

/// A cluster of three has elected a leader by then.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// A program that runs members.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    program: PathBuf,
    words: &'static [&'static str],
}

impl System {
    pub(crate) fn new(name: &'static str, program: PathBuf, words: &'static [&'static str]) -> Self {
        let output = Command::new(&program).arg("--version").output();
        let output = output.unwrap_or_else(|error| panic!("{} can't be run: {error}", program.display()));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.lines().take(2).collect::<Vec<_>>().join(", ");
        Self { name, version, program, words }
    }
}

/// A running cluster.
pub(crate) struct Members {
    processes: Vec<Child>,
    /// `host:port` for clients, one a member.
    pub(crate) addresses: Vec<String>,
    _folder: TempDir,
}

impl Members {
    /// Starts them and waits until all follow one leader.
    pub(crate) async fn start(system: &System, folder: &Path) -> Self {
        let folder = tempfile::tempdir_in(folder).expect("a folder for the members");
        let ports = free_ports();
        let cluster: Vec<String> =
            (0..3).map(|member| format!("m{member}=http://127.0.0.1:{}", ports[3 + member])).collect();
        let start = |member: usize| {
            let log = || File::create(folder.path().join(format!("m{member}.log"))).expect("a file for the log");
            let (client, peer) = (url(ports[member]), url(ports[3 + member]));
            let mut command = Command::new(&system.program);
            // The variables of whoever runs this are not part of it.
            for (name, _) in std::env::vars_os() {
                if name.to_string_lossy().starts_with("ETCD_") {
                    command.env_remove(name);
                }
            }
            command.args(system.words).arg("--name").arg(format!("m{member}"));
            command.arg("--data-dir").arg(folder.path().join(format!("m{member}")));
            command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
            command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
            command.args(["--initial-cluster", &cluster.join(","), "--initial-cluster-state", "new"]);
            command.stdin(Stdio::null()).stdout(log()).stderr(log()).spawn().expect("the member starts")
        };
        let processes = (0..3).map(start).collect();
        let addresses = ports[..3].iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let members = Self { processes, addresses, _folder: folder };
        members.leader().await;
        members
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.processes.iter().map(Child::id).collect()
    }

    /// Which of them leads; waits until all agree.
    pub(crate) async fn leader(&self) -> usize {
        let begun = Instant::now();
        loop {
            let mut answers = Vec::new();
            for address in &self.addresses {
                answers.extend(status(address).await);
            }
            let leader = answers.first().map_or(0, |answer| answer.leader);
            let id = |answer: &StatusResponse| answer.header.as_ref().map_or(0, |header| header.member_id);
            if answers.len() == 3
                && answers.iter().all(|answer| answer.leader == leader)
                && let Some(place) = answers.iter().position(|answer| id(answer) == leader)
            {
                return place;
            }
            assert!(begun.elapsed() < START_TIME_MAX, "no leader for all after {START_TIME_MAX:?}: {answers:?}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until what the last scenario left behind (snapshots, spare files, garbage) has had a moment to be done.
    pub(crate) async fn settle(&self) {
        sleep(Duration::from_millis(500)).await;
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _it_may_have_ended = process.kill();
            let _likewise = process.wait();
        }
    }
}

async fn status(address: &str) -> Option<StatusResponse> {
    let connection = Connection::open(address).await.ok()?;
    let mut client = MaintenanceClient::with_origin(connection, origin(address));
    client.status(StatusRequest {}).await.ok().map(tonic::Response::into_inner)
}

pub(crate) fn origin(address: &str) -> tonic::transport::Uri {
    format!("http://{address}").parse().expect("an address")
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn free_ports() -> Vec<u16> {
    let sockets: Vec<TcpListener> =
        (0..6).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port for a member")).collect();
    sockets.iter().map(|socket| socket.local_addr().expect("it is bound").port()).collect()
}
