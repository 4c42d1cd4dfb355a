//! `quorate dev` and `quorate ctl`, as somebody meets them who has just built the program.

use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{Client, Process, beside_others, free_dev_base_port, free_ports, run_in, soon, wait_until};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

/// A running `dev` in a folder of its own.
struct Dev {
    folder: TempDir,
    base_port: u16,
    process: Process,
    /// Where the output of this start begins.
    from: usize,
}

/// A member as the table shows it.
struct Row {
    name: String,
    pid: Pid,
    client_url: String,
}

fn command(base_port: u16) -> Vec<String> {
    ["dev".to_owned(), "--base-port".to_owned(), base_port.to_string()].into()
}

impl Dev {
    async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("quorate-e2e-dev-").tempdir().expect("a folder");
        let base_port = free_dev_base_port();
        let process = spawn(folder.path(), base_port);
        let dev = Self { folder, base_port, process, from: 0 };
        dev.wait_said("leads in term").await;
        dev
    }

    /// The same once more, on the same folder.
    async fn start_again(&mut self) {
        self.from = self.process.said().len();
        self.process = spawn(self.folder.path(), self.base_port);
        self.wait_said("leads in term").await;
    }

    fn said(&self) -> String {
        self.process.said()[self.from..].to_owned()
    }

    async fn wait_said(&self, words: &str) -> String {
        wait_until(&format!("dev says {words:?}"), soon(), async || {
            let said = self.said();
            said.contains(words).then_some(said)
        })
        .await
    }

    fn rows(&self) -> Vec<Row> {
        let said = self.said();
        let lines = said.lines().skip_while(|line| !line.starts_with("MEMBER")).skip(1).take(3);
        let row = |line: &str| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            let pid = cells[1].parse().ok().and_then(Pid::from_raw).expect("a process");
            Row { name: cells[0].to_owned(), pid, client_url: cells[2].to_owned() }
        };
        lines.map(row).collect()
    }

    /// `quorate ctl` with these words: exit code, output and errors.
    fn ctl(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let ports = [0, 10, 20].map(|offset| format!("127.0.0.1:{}", self.base_port + offset));
        let endpoints = ports.join(",");
        let all: Vec<&str> = ["ctl", "--endpoints", &endpoints].iter().chain(words).copied().collect();
        run_in(self.folder.path(), &all)
    }
}

fn spawn(folder: &Path, base_port: u16) -> Process {
    Process::quorate_in(folder, &command(base_port), &folder.join("dev.out"))
}

fn runs(pid: Pid) -> bool {
    test_kill_process(pid).is_ok()
}

async fn wait_gone(pids: &[Pid], limit: Duration) {
    wait_until("all members are gone", limit, async || pids.iter().all(|pid| !runs(*pid)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_are_started_shown_and_stopped() {
    let _turn = beside_others().await;
    let mut dev = Dev::start().await;
    let said = dev.said();
    let rows = dev.rows();
    for (place, row) in rows.iter().enumerate() {
        let port = dev.base_port + u16::try_from(place).expect("small") * 10;
        assert_eq!(row.name, format!("n{}", place + 1), "{said}");
        assert_eq!(row.client_url, format!("http://127.0.0.1:{port}"), "{said}");
        assert!(runs(row.pid), "{said}");
        assert!(dev.folder.path().join("quorate-data").join(&row.name).is_dir(), "{said}");
    }
    assert!(said.contains(&format!("Endpoints: 127.0.0.1:{}", dev.base_port)), "{said}");
    let pasted: Vec<&str> = said.lines().map(str::trim).filter(|line| line.contains(" ctl ")).collect();
    assert!(pasted.iter().any(|line| line.ends_with("put X 3")), "{said}");

    assert_eq!(dev.ctl(&["put", "X", "3"]).0, Some(0));
    let (code, out, err) = dev.ctl(&["get", "X"]);
    assert!(code == Some(0) && out.contains('3'), "{out}{err}");
    let (code, out, err) = dev.ctl(&["status"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(["n1", "n2", "n3", "leader"].iter().all(|word| out.contains(word)), "{out}");
    let (_, out, _) = dev.ctl(&["get", "X", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
    assert!(json.to_string().contains("\"3\""), "{out}");
    // What it says to paste works as pasted.
    for line in pasted {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        assert_eq!(run_in(dev.folder.path(), &words).0, Some(0), "{line}");
    }

    dev.process.signal(Signal::INT);
    let status = dev.process.wait_end(soon()).await;
    assert_eq!(status.code(), Some(0), "{}", dev.said());
    wait_gone(&rows.iter().map(|row| row.pid).collect::<Vec<_>>(), Duration::from_secs(1)).await;

    // A second one on the same folder finds the data again.
    dev.start_again().await;
    let (code, out, err) = dev.ctl(&["get", "X"]);
    assert!(code == Some(0) && out.contains('3'), "{out}{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_leader_is_told_and_so_is_the_next() {
    let _turn = beside_others().await;
    let dev = Dev::start().await;
    let said = dev.said();
    let first = said.lines().find_map(|line| line.split(" leads in term").next().filter(|name| *name != line));
    let first = first.expect("who leads").to_owned();
    let leader = dev.rows().into_iter().find(|row| row.name == first).expect("in the table");
    assert_eq!(dev.ctl(&["put", "before", "1"]).0, Some(0));
    kill_process(leader.pid, Signal::KILL).expect("a child of dev");

    dev.wait_said(&format!("{first} was killed by signal 9. 2 of 3 members run")).await;
    wait_until("the next leader is told", soon(), async || {
        dev.said().lines().any(|line| line.contains(" leads in term") && !line.starts_with(&first)).then_some(())
    })
    .await;
    let (code, out, err) = dev.ctl(&["get", "before"]);
    assert!(code == Some(0) && out.contains('1'), "{out}{err}");
    assert_eq!(dev.ctl(&["put", "after", "2"]).0, Some(0));

    // The command that it prints brings the member back.
    let said = dev.said();
    let line = said.lines().find_map(|line| line.strip_prefix("To start it again: ")).expect("how to start it again");
    let words: Vec<String> = line.split_whitespace().skip(1).map(str::to_owned).collect();
    let _by_hand = Process::quorate_in(dev.folder.path(), &words, &dev.folder.path().join("by-hand.log"));
    dev.wait_said(&format!("{first} is back, started by hand")).await;
    let port = leader.client_url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let client = Client::of(port);
    wait_until("it has what it missed", soon(), async || client.get_serializable("after").await.ok().flatten()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_do_not_outlive_a_killed_dev() {
    let _turn = beside_others().await;
    let mut dev = Dev::start().await;
    assert_eq!(dev.ctl(&["put", "X", "3"]).0, Some(0));
    let pids: Vec<Pid> = dev.rows().iter().map(|row| row.pid).collect();
    dev.process.kill();
    wait_gone(&pids, Duration::from_secs(10)).await;
    dev.start_again().await;
    let (code, out, err) = dev.ctl(&["get", "X"]);
    assert!(code == Some(0) && out.contains('3'), "{out}{err}");

    // Nor may two run on one folder, nor on the same ports.
    let (code, _, err) = run_in(dev.folder.path(), &["dev"]);
    assert!(code == Some(1) && err.contains("another `quorate dev` (pid "), "{err}");
    let elsewhere = PathBuf::from("elsewhere");
    let words = command(dev.base_port);
    let (code, _, err) = run_in(dev.folder.path(), &[words, vec!["--data-dir=elsewhere".to_owned()]].concat());
    let sentence = format!("quorate dev: port {} (clients of n1) is in use: stop what listens there", dev.base_port);
    assert!(code == Some(1) && err.contains(&sentence), "{err}");
    assert!(!dev.folder.path().join(elsewhere).join("n1").exists());
}

/// Flags of `serve` that make no member: one sentence, exit code 2, and nothing is made.
#[test]
fn flags_that_make_no_member_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_ports(1)[0];
    let url = format!("http://127.0.0.1:{port}");
    let shared = [format!("--listen-client-urls={url}"), format!("--listen-peer-urls={url}")];
    for (words, sentence) in [
        (
            vec!["--lisen-client-urls=http://a:1"],
            "unknown flag --lisen-client-urls: did you mean --listen-client-urls?",
        ),
        (vec!["--qwertyuiop"], "unknown flag --qwertyuiop: see `quorate serve --help`"),
        (vec!["--data-dir"], "--data-dir needs a value"),
        (
            vec!["--election-timeout=300"],
            "--election-timeout (300 ms) must be at least 5 times --heartbeat-interval (100 ms)",
        ),
        (vec!["--snapshot-count=many"], "--snapshot-count=\"many\" must be a whole number"),
        (vec!["--initial-cluster-state=old"], "--initial-cluster-state=\"old\" must be new or existing"),
        (
            vec!["--name=n9", "--initial-cluster=n1=http://127.0.0.1:2380"],
            "--name \"n9\" is not in --initial-cluster, which lists n1",
        ),
        (
            vec!["--name=n1", "--initial-cluster=n1=http://127.0.0.1:9"],
            "--initial-cluster says n1 is at http://127.0.0.1:9, but --initial-advertise-peer-urls says http://localhost:2380",
        ),
        (
            vec!["--listen-client-urls=http://127.0.0.1:1"],
            "--advertise-client-urls is required when --listen-client-urls is set",
        ),
        (
            vec![&shared[0], &shared[1], "--advertise-client-urls=http://127.0.0.1:1"],
            "is in both --listen-client-urls and --listen-peer-urls: one port can't serve both",
        ),
        (vec!["--cert-file=server.crt"], "--cert-file asks for TLS"),
        (vec!["--listen-peer-urls=ftp://a:1"], "--listen-peer-urls: "),
    ] {
        let words: Vec<&str> = std::iter::once("serve").chain(words).collect();
        let (code, out, err) = run_in(folder.path(), &words);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{words:?}: {err}");
        assert!(err.starts_with("quorate serve: ") && err.contains(sentence), "{words:?}: {err}");
        assert_eq!(err.lines().count(), 1, "{words:?}: more than a sentence: {err}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "something was made");
}
