//! etcd's own client drives a cluster of three, and is answered what a real etcd answers.
//!
//! `scripts/*.txt` hold commands and answers as recorded from a real etcd (`UPDATE_GOLDENFILES=1` records them again, from
//! nobody else). Where etcd is installed, it is asked once more beside us.

use std::path::{Path, PathBuf};

use e2e::{Cluster, Etcdctl, Judge, Settings, alone, beside_others, is_full, soon, wait_until};
use serde_json::Value;

/// One command, what it reads, and what it answered when it was recorded.
struct Step {
    words: String,
    input: String,
    answer: String,
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/scripts");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the scripts").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// `# comment`, `> words`, `< a line of input`; all else is the answer.
fn parse(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(words) = line.strip_prefix("> ") {
            steps.push(Step { words: words.to_owned(), input: String::new(), answer: String::new() });
            continue;
        }
        let step = steps.last_mut().expect("a script begins with a command");
        match line.strip_prefix('<') {
            Some(input) => step.input.push_str(&format!("{}\n", input.trim_start())),
            None => step.answer.push_str(&format!("{line}\n")),
        }
    }
    steps
}

/// Runs a step: what a person sees, without what differs between any two clusters. `''` is an empty word.
fn answer(etcdctl: &Etcdctl, step: &Step) -> String {
    let words: Vec<&str> = step.words.split_whitespace().map(|word| if word == "''" { "" } else { word }).collect();
    let (code, out, err) = etcdctl.run_with(&words, &step.input);
    let own = ["\"ClusterID\"", "\"MemberID\"", "\"RaftTerm\""];
    let mut text = String::new();
    for line in out.lines().filter(|line| !own.iter().any(|name| line.starts_with(name))) {
        let line = if line.starts_with('{') { without_ids(line) } else { line.to_owned() };
        text.push_str(&format!("{line}\n"));
    }
    // Besides the error, some versions of etcdctl log how often they tried.
    err.lines().filter(|line| line.starts_with("Error: ")).for_each(|line| text.push_str(&format!("{line}\n")));
    if code != Some(0) {
        text.push_str(&format!("exit {}\n", code.unwrap_or(-1)));
    }
    text
}

fn without_ids(line: &str) -> String {
    let mut value: Value = serde_json::from_str(line).expect("JSON");
    if let Some(header) = value.get_mut("header").and_then(Value::as_object_mut) {
        for name in ["cluster_id", "member_id", "raft_term"] {
            assert!(header.remove(name).is_some_and(|id| id != 0), "no {name} in {line}");
        }
    }
    value.to_string()
}

fn record(path: &Path, text: &str, judge: &Etcdctl) {
    let comments: String = text.lines().filter(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let step = |step: Step| {
        let input: String = step.input.lines().map(|line| format!("< {line}").trim_end().to_owned() + "\n").collect();
        format!("> {}\n{input}{}", step.words, answer(judge, &step))
    };
    let steps: String = parse(text).into_iter().map(step).collect();
    std::fs::write(path, comments + &steps).expect("recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_etcds() {
    let _turn = beside_others().await;
    for path in scripts() {
        let cluster = Cluster::start(Settings::default()).await;
        let Some(ours) = Etcdctl::find(&cluster.endpoints()) else { return };
        let judge = Judge::start(cluster.folder.path()).await;
        let theirs = judge.as_ref().and_then(|judge| Etcdctl::find(&judge.endpoint));
        let text = std::fs::read_to_string(&path).expect("a script");
        if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
            record(&path, &text, theirs.as_ref().expect("an etcd to record from"));
            continue;
        }
        for step in parse(&text) {
            let place = format!("{}: etcdctl {}", path.display(), step.words);
            assert_eq!(answer(&ours, &step), step.answer, "{place}");
            if let Some(theirs) = &theirs {
                assert_eq!(answer(theirs, &step), step.answer, "{place}: etcd itself");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cluster_is_shown_as_etcds_is() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings::default()).await;
    // As in etcd, a member tells the others where its clients find it when it runs.
    wait_until("all members have told their client URLs", soon(), async || {
        let members = cluster.client(0).members().await.ok()?;
        members.iter().all(|member| !member.client_ur_ls.is_empty()).then_some(())
    })
    .await;
    let leader = cluster.wait_ready().await;
    // One endpoint is enough: the others are found through the members' client URLs.
    let Some(etcdctl) = Etcdctl::find(&format!("127.0.0.1:{}", cluster.client_port(0))) else { return };

    let status = etcdctl.good(&["endpoint", "status", "--cluster", "-w", "table"]);
    let rows = table(&status);
    assert_eq!(rows[0][..6], ["ENDPOINT", "ID", "VERSION", "DB SIZE", "IS LEADER", "IS LEARNER"], "{status}");
    for place in 0..3 {
        let url = format!("http://127.0.0.1:{}", cluster.client_port(place));
        let row = rows.iter().find(|row| row[0] == url).unwrap_or_else(|| panic!("no {url} in\n{status}"));
        let leads = if place == leader { "true" } else { "false" };
        assert_eq!([&row[2][..], &row[4], &row[5], &row[9]], ["3.5.21", leads, "false", ""], "{status}");
        assert!(row[7].parse::<u64>().is_ok_and(|index| index > 0), "{status}");
    }

    let health = etcdctl.good(&["endpoint", "health", "--cluster", "-w", "table"]);
    let rows = table(&health);
    assert_eq!(rows[0], ["ENDPOINT", "HEALTH", "TOOK", "ERROR"], "{health}");
    assert!(rows.len() == 4 && rows[1..].iter().all(|row| row[1] == "true" && row[3].is_empty()), "{health}");

    let members = etcdctl.good(&["member", "list", "-w", "table"]);
    let rows = table(&members);
    for (place, name) in ["n1", "n2", "n3"].into_iter().enumerate() {
        let row = rows.iter().find(|row| row[2] == name).unwrap_or_else(|| panic!("no {name} in\n{members}"));
        let [peer, client] =
            [cluster.peer_port(place), cluster.client_port(place)].map(|p| format!("http://127.0.0.1:{p}"));
        assert_eq!([&row[1][..], &row[3], &row[4], &row[5]], ["started", &peer, &client, "false"], "{members}");
    }

    let json = etcdctl.good(&["member", "list", "-w", "json"]);
    let list: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(list["members"].as_array().map(Vec::len), Some(3), "{json}");
    let json = etcdctl.good(&["endpoint", "status", "--cluster", "-w", "json"]);
    let statuses: Value = serde_json::from_str(&json).expect("JSON");
    let leaders: Vec<&Value> = (0..3).map(|place| &statuses[place]["Status"]["leader"]).collect();
    assert!(leaders.iter().all(|id| *id == leaders[0] && id.is_u64()), "{json}");
    assert!(list["members"].as_array().is_some_and(|all| all.iter().any(|one| one["ID"] == *leaders[0])), "{json}");

    // A member that is gone is shown as such, and the command fails.
    cluster.kill((leader + 1) % 3);
    let all = Etcdctl::find(&cluster.endpoints()).expect("as before");
    let (code, out, err) = all.run(&["endpoint", "health", "-w", "table"]);
    let unhealthy = table(&out).into_iter().filter(|row| row[1] == "false").count();
    assert_eq!((code, unhealthy), (Some(1), 1), "{out}{err}");
}

/// Rows of a table as etcdctl draws it, the head first.
fn table(text: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    text.lines().filter(|line| line.starts_with('|')).map(cells).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_perf_runs_to_its_end() {
    if !is_full() {
        eprintln!("skipped: etcdctl check perf takes a minute (QUORATE_E2E=full)");
        return;
    }
    let _turn = alone().await;
    // As an operator has it.
    let times = (std::time::Duration::from_millis(100), std::time::Duration::from_secs(1));
    let cluster = Cluster::start(Settings { times, ..Settings::default() }).await;
    let Some(etcdctl) = Etcdctl::find(&cluster.endpoints()) else { return };
    let (code, out, err) = etcdctl.run(&["check", "perf", "--load=m"]);
    let verdict: Vec<&str> = out.lines().chain(err.lines()).filter(|line| is_verdict(line)).collect();
    eprintln!("etcdctl check perf --load=m (exit {code:?}): {verdict:#?}");
    assert!(verdict.iter().any(|line| line.contains("Throughput")), "it did not come to its end: {out}{err}");
    assert!(!verdict.iter().any(|line| line.contains("error")), "{verdict:?}");
}

fn is_verdict(line: &str) -> bool {
    line.contains("PASS") || line.contains("FAIL") || line.to_lowercase().contains("error")
}
