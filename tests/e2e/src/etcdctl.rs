//! etcd's own programs, as packaged: the client, and a server to compare answers with.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::client::Client;
use crate::ports::free_ports;
use crate::process::Process;
use crate::wait::{soon, wait_until};

/// `etcdctl` (or `$ETCDCTL`) for one list of endpoints.
#[derive(Debug, Clone)]
pub struct Etcdctl {
    program: String,
    endpoints: String,
}

impl Etcdctl {
    /// Nothing where etcdctl is not installed; then a word says what is skipped.
    #[must_use]
    pub fn find(endpoints: &str) -> Option<Self> {
        let program = std::env::var("ETCDCTL").unwrap_or_else(|_| "etcdctl".to_owned());
        if !answers(&program, &["version"]) {
            eprintln!("skipped: no etcdctl (Debian has it in etcd-client)");
            return None;
        }
        Some(Self { program, endpoints: endpoints.to_owned() })
    }

    /// Exit code, standard output, standard error.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        self.run_with(words, "")
    }

    /// The same with words on its standard input.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn run_with(&self, words: &[&str], input: &str) -> (Option<i32>, String, String) {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ETCDCTL_")) {
            command.env_remove(name);
        }
        command.env("ETCDCTL_API", "3").arg("--endpoints").arg(&self.endpoints).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("etcdctl starts");
        let mut pipe = child.stdin.take().expect("piped");
        // One that does not read its input ends before it is written; its exit code tells what matters.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        let output = child.wait_with_output().expect("etcdctl ends");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Its standard output, when all must go well.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn good(&self, words: &[&str]) -> String {
        let (code, out, err) = self.run(words);
        assert_eq!(code, Some(0), "etcdctl {words:?}: {out}{err}");
        out
    }
}

/// A real etcd of one member, `etcd` or `$ETCD_JUDGE`: what it answers is right.
#[derive(Debug)]
pub struct Judge {
    _process: Process,
    /// Where it serves clients.
    pub endpoint: String,
}

impl Judge {
    /// Starts it in a folder. Nothing where etcd is not installed; then a word says that nothing is compared.
    pub async fn start(folder: &Path) -> Option<Self> {
        let program = std::env::var("ETCD_JUDGE").unwrap_or_else(|_| "etcd".to_owned());
        if !answers(&program, &["--version"]) {
            eprintln!("not compared: no etcd to judge (Debian has it in etcd-server)");
            return None;
        }
        let ports = free_ports(2);
        let [client, peer] = [ports[0], ports[1]].map(|port| format!("http://127.0.0.1:{port}"));
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ETCD_")) {
            command.env_remove(name);
        }
        command.arg("--data-dir").arg(folder.join("judge"));
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("default={peer}")]);
        command.env("ETCD_UNSUPPORTED_ARCH", std::env::consts::ARCH);
        let process = Process::start(&mut command, &folder.join("judge.log"));
        let reader = Client::of(ports[0]);
        wait_until("the judge answers", soon(), async || reader.get("any").await.ok()).await;
        Some(Self { _process: process, endpoint: format!("127.0.0.1:{}", ports[0]) })
    }
}

fn answers(program: &str, words: &[&str]) -> bool {
    let output = Command::new(program).args(words).env("ETCDCTL_API", "3").output();
    output.is_ok_and(|output| output.status.success())
}
