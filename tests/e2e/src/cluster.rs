//! Three members (or as many as one likes) under one temporary folder, started as an operator starts them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::client::Client;
use crate::ports::free_ports;
use crate::process::{Process, read};
use crate::stall::{Stall, StallLibrary};
use crate::wait::{soon, wait_until};

/// Lines of each member's log that a failed test shows.
const TAIL: usize = 40;

/// What a cluster is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many members found the cluster.
    pub members: usize,
    /// How many more there are to join it later: they have folders and ports, and are not started.
    pub spares: usize,
    /// `--heartbeat-interval` and `--election-timeout`.
    pub times: (Duration, Duration),
    /// `--initial-cluster-token`.
    pub token: String,
    /// More flags, for all members.
    pub flags: Vec<String>,
    /// Where the members' folders are made; nothing: in the cluster's own folder.
    pub data_root: Option<PathBuf>,
    /// Disks can be made to stand still.
    pub stalls: Option<StallLibrary>,
}

impl Default for Settings {
    /// Three members with short timeouts, so that tests are quick.
    fn default() -> Self {
        Self {
            members: 3,
            spares: 0,
            times: (Duration::from_millis(50), Duration::from_millis(300)),
            token: "e2e".to_owned(),
            flags: Vec::new(),
            data_root: None,
            stalls: None,
        }
    }
}

impl Settings {
    /// With one more flag for all members.
    #[must_use]
    pub fn with(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }
}

/// The members, running or not. Dropping it kills them, and shows the ends of their logs when the test failed.
#[derive(Debug)]
pub struct Cluster {
    /// For whatever a test keeps beside the members.
    pub folder: TempDir,
    settings: Settings,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    name: String,
    client_port: u16,
    peer_port: u16,
    data_dir: PathBuf,
    log: PathBuf,
    process: Option<Process>,
    client: Client,
}

impl Cluster {
    /// Starts all members and waits until they follow one leader.
    pub async fn start(settings: Settings) -> Self {
        let mut cluster = Self::prepare(settings);
        (0..cluster.settings.members).for_each(|place| cluster.start_member(place));
        cluster.wait_ready().await;
        cluster
    }

    /// Chooses folders and ports; starts nothing.
    ///
    /// # Panics
    /// When the system gives no temporary folder.
    #[must_use]
    pub fn prepare(settings: Settings) -> Self {
        let folder = tempfile::Builder::new().prefix("quorate-e2e-").tempdir().expect("a temporary folder");
        let root = settings.data_root.clone().unwrap_or_else(|| folder.path().to_owned());
        let ports = free_ports(2 * (settings.members + settings.spares));
        let member = |(place, ports): (usize, &[u16])| {
            let name = format!("n{}", place + 1);
            Member {
                data_dir: root.join(&name),
                log: folder.path().join(format!("{name}.log")),
                client_port: ports[0],
                peer_port: ports[1],
                process: None,
                client: Client::of(ports[0]),
                name,
            }
        };
        let members = ports.chunks(2).enumerate().map(member).collect();
        Self { folder, settings, members }
    }

    /// How many members, spares included.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is no cluster without members")]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The words after `quorate` that start a member.
    #[must_use]
    pub fn words(&self, place: usize) -> Vec<String> {
        let member = &self.members[place];
        let (heartbeat, election) = self.settings.times;
        // A spare is told all founders and itself, as one is that was added.
        let told =
            self.members[..self.settings.members].iter().chain((place >= self.settings.members).then_some(member));
        let founders: Vec<String> =
            told.map(|one| format!("{}=http://127.0.0.1:{}", one.name, one.peer_port)).collect();
        let state = if place < self.settings.members { "new" } else { "existing" };
        let client = format!("http://127.0.0.1:{}", member.client_port);
        let peer = format!("http://127.0.0.1:{}", member.peer_port);
        let flags = [
            ("name", member.name.clone()),
            ("data-dir", member.data_dir.display().to_string()),
            ("listen-client-urls", client.clone()),
            ("advertise-client-urls", client),
            ("listen-peer-urls", peer.clone()),
            ("initial-advertise-peer-urls", peer),
            ("initial-cluster", founders.join(",")),
            ("initial-cluster-state", state.to_owned()),
            ("initial-cluster-token", self.settings.token.clone()),
            ("heartbeat-interval", heartbeat.as_millis().to_string()),
            ("election-timeout", election.as_millis().to_string()),
        ];
        let flags = flags.into_iter().map(|(name, value)| format!("--{name}={value}"));
        let own = ["serve".to_owned(), "--parent-pipe".to_owned()];
        own.into_iter().chain(flags).chain(self.settings.flags.iter().cloned()).collect()
    }

    /// Starts a member that does not run.
    ///
    /// # Panics
    /// When it runs.
    pub fn start_member(&mut self, place: usize) {
        self.start_member_with(place, &[]);
    }

    /// Starts a member with more flags. Of one that comes twice, the later one counts.
    ///
    /// # Panics
    /// When it runs.
    pub fn start_member_with(&mut self, place: usize, flags: &[String]) {
        let mut words = self.words(place);
        words.extend_from_slice(flags);
        let stall = self.stall_file(place);
        let member = &mut self.members[place];
        assert!(member.process.is_none(), "{} runs already", member.name);
        member.process = Some(match &self.settings.stalls {
            Some(library) => Process::quorate_with(&words, &library.environment(&stall), &member.log),
            None => Process::quorate(&words, &member.log),
        });
    }

    /// Starts a member that is told that some of its peers are where members of another cluster are.
    pub fn start_beside(&mut self, place: usize, elsewhere: &[(usize, &Self)]) {
        for (other, cluster) in elsewhere {
            self.members[*other].peer_port = cluster.members[*other].peer_port;
        }
        self.start_member(place);
    }

    /// Starts a member of which it is expected that it ends by itself: exit code and what it said.
    pub async fn start_in_vain(&mut self, place: usize, flags: &[String]) -> (Option<i32>, String) {
        let before = self.log(place).len();
        self.start_member_with(place, flags);
        let status = self.process(place).wait_end(soon()).await;
        self.members[place].process = None;
        (status.code(), self.log(place)[before..].to_owned())
    }

    /// Waits until a member has ended by itself: exit code and all that it said.
    pub async fn wait_ended(&mut self, place: usize) -> (Option<i32>, String) {
        let status = self.process(place).wait_end(soon()).await;
        self.members[place].process = None;
        (status.code(), self.log(place))
    }

    /// A member's peer URL.
    #[must_use]
    pub fn peer_url(&self, place: usize) -> String {
        format!("http://127.0.0.1:{}", self.peer_port(place))
    }

    /// kill -9.
    pub fn kill(&mut self, place: usize) {
        self.process(place).kill();
        self.members[place].process = None;
    }

    /// SIGTERM, and waits until it has stopped by itself. Answers its exit code.
    pub async fn stop(&mut self, place: usize) -> Option<i32> {
        self.process(place).signal(Signal::TERM);
        let status = self.process(place).wait_end(soon()).await;
        self.members[place].process = None;
        status.code()
    }

    /// SIGSTOP: it stands still, its connections stay.
    pub fn pause(&mut self, place: usize) {
        self.process(place).signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&mut self, place: usize) {
        self.process(place).signal(Signal::CONT);
    }

    /// Its disk stands still until what this gives is dropped: nothing fails, nothing becomes durable. Only with
    /// [`Settings::stalls`].
    ///
    /// # Panics
    /// Without it.
    #[must_use]
    pub fn stall(&self, place: usize) -> Stall {
        assert!(self.settings.stalls.is_some(), "these members' disks can't be made to stand still");
        Stall::begin(self.stall_file(place))
    }

    fn stall_file(&self, place: usize) -> PathBuf {
        self.folder.path().join(format!("{}.stall", self.members[place].name))
    }

    /// A running member's process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn process(&mut self, place: usize) -> &mut Process {
        let member = &mut self.members[place];
        member.process.as_mut().unwrap_or_else(|| panic!("{} does not run", member.name))
    }

    /// Whether the member was started and has not ended.
    pub fn runs(&mut self, place: usize) -> bool {
        self.members[place].process.as_mut().is_some_and(|process| process.ended().is_none())
    }

    /// A client of one member.
    #[must_use]
    pub fn client(&self, place: usize) -> Client {
        self.members[place].client.clone()
    }

    /// Clients of all members.
    #[must_use]
    pub fn clients(&self) -> Vec<Client> {
        self.members.iter().map(|member| member.client.clone()).collect()
    }

    /// The port that a member serves clients on.
    #[must_use]
    pub fn client_port(&self, place: usize) -> u16 {
        self.members[place].client_port
    }

    /// The port that a member serves peers on.
    #[must_use]
    pub fn peer_port(&self, place: usize) -> u16 {
        self.members[place].peer_port
    }

    /// A member's `--data-dir`.
    #[must_use]
    pub fn data_dir(&self, place: usize) -> &Path {
        &self.members[place].data_dir
    }

    /// `HOST:PORT,..` of all members.
    #[must_use]
    pub fn endpoints(&self) -> String {
        let endpoints: Vec<String> =
            self.members.iter().map(|member| format!("127.0.0.1:{}", member.client_port)).collect();
        endpoints.join(",")
    }

    /// All that a member has logged.
    #[must_use]
    pub fn log(&self, place: usize) -> String {
        read(&self.members[place].log).unwrap_or_default()
    }

    /// The least election timeout.
    #[must_use]
    pub fn election_timeout(&self) -> Duration {
        self.settings.times.1
    }

    /// Waits until all members that run follow one leader of one term, and answers who leads.
    pub async fn wait_ready(&mut self) -> usize {
        let running: Vec<usize> = (0..self.len()).filter(|place| self.members[*place].process.is_some()).collect();
        wait_until("a leader that all members follow", soon(), async || {
            for &place in &running {
                let said = self.log(place);
                assert!(self.runs(place), "{} ended by itself:\n{said}", self.members[place].name);
            }
            self.agreed_leader(&running).await
        })
        .await
    }

    async fn agreed_leader(&self, running: &[usize]) -> Option<usize> {
        let mut agreed = None;
        let mut leader = None;
        for &place in running {
            let status = self.members[place].client.status().await.ok()?;
            let view = (status.leader, status.raft_term);
            if status.leader == 0 || agreed.is_some_and(|agreed| agreed != view) {
                return None;
            }
            agreed = Some(view);
            if status.header.as_ref().is_some_and(|header| header.member_id == status.leader) {
                leader = Some(place);
            }
        }
        leader
    }

    /// Waits until a member has applied what the others have now.
    pub async fn wait_caught_up(&self, place: usize) {
        let mut goal = 0;
        for other in (0..self.len()).filter(|other| *other != place) {
            goal = self.members[other].client.status().await.map_or(goal, |status| goal.max(status.raft_applied_index));
        }
        let name = &self.members[place].name;
        wait_until(&format!("{name} applies index {goal}"), soon(), async || {
            let applied = self.members[place].client.status().await.ok()?.raft_applied_index;
            (applied >= goal).then_some(())
        })
        .await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for member in &self.members {
            let text = read(&member.log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
            eprintln!("---- the end of {}'s log ({} lines) ----\n{tail}", member.name, lines.len());
        }
    }
}
