//! Members come and go: by etcdctl and by `quorate ctl member`, under load, with wrong words and wiped disks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use client::{Client, Config};
use e2e::{Cluster, Etcdctl, Load, LoadPlan, Settings, alone, beside_others, contents, soon, wait_until};

/// Exit code of a process whose member was removed.
const REMOVED: i32 = 3;

fn settings(spares: usize) -> Settings {
    Settings { spares, ..Settings::default() }
}

/// `quorate ctl` with all endpoints.
fn ctl(cluster: &Cluster, words: &[&str]) -> (Option<i32>, String, String) {
    let endpoints = cluster.endpoints();
    let all: Vec<&str> = ["ctl", "--endpoints", &endpoints].into_iter().chain(words.iter().copied()).collect();
    e2e::run(&all)
}

/// The same, when all must go well.
fn good(cluster: &Cluster, words: &[&str]) -> String {
    let (code, out, err) = ctl(cluster, words);
    assert_eq!(code, Some(0), "ctl {words:?}: {out}{err}");
    out
}

/// Lines `NAME ROLE STATE` of all members.
fn roster(cluster: &Cluster) -> Option<Vec<String>> {
    let (code, out, _) = ctl(cluster, &["member", "list"]);
    let line = |line: &str| line.split_whitespace().skip(1).take(3).collect::<Vec<_>>().join(" ");
    (code == Some(0)).then(|| out.lines().skip(1).take_while(|one| !one.is_empty()).map(line).collect())
}

async fn wait_roster(cluster: &Cluster, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
    wait_until("the list of members", soon(), async || roster(cluster).filter(|lines| wanted(lines))).await
}

fn votes(lines: &[String], name: &str) -> bool {
    lines.iter().any(|line| line.starts_with(&format!("{name} voter ")) && !line.ends_with("silent"))
}

/// The id in `Member 8e9e05c52164694d added to cluster ...`.
fn id_in(said: &str) -> String {
    said.split_whitespace().nth(1).expect("an id").to_owned()
}

/// Writes by the client library, each of which has to succeed; answers how many did. Those of all writers are counted in `all`.
async fn write_until(client: Client, name: String, stop: Arc<AtomicBool>, all: Arc<AtomicU64>) -> (String, u64) {
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let written = client.put(name.clone(), (count + 1).to_string()).await;
        written.unwrap_or_else(|error| panic!("write {} of {name} failed: {error}", count + 1));
        count += 1;
        all.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (name, count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_three_members_are_replaced_and_no_write_fails() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(settings(3)).await;
    let endpoints: Vec<String> = (0..3).map(|place| format!("127.0.0.1:{}", cluster.client_port(place))).collect();
    let client = Client::with(&endpoints, Config::exactly_once()).expect("endpoints");
    let (stop, all) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writer = |worker| write_until(client.clone(), format!("writer{worker}"), stop.clone(), all.clone());
    let writers: Vec<_> = (0..4).map(|worker| tokio::spawn(writer(worker))).collect();

    for place in 0..3 {
        let (old, new) = (format!("n{}", place + 1), format!("n{}", place + 4));
        let peer_url = cluster.peer_url(place + 3);
        let said = good(&cluster, &["member", "replace", &old, &new, "--peer-urls", &peer_url]);
        assert!(said.contains(&format!("quorate --name {new} --data-dir")), "{said}");
        cluster.start_member(place + 3);
        let (code, said) = cluster.wait_ended(place).await;
        assert_eq!(code, Some(REMOVED), "{said}");
        assert!(said.contains("was removed from this cluster"), "{said}");
        wait_roster(&cluster, |lines| lines.len() == 3 && votes(lines, &new)).await;
    }
    let replaced = all.load(Ordering::Relaxed);
    let more = async || (all.load(Ordering::Relaxed) >= replaced + 40).then_some(());
    wait_until("writes at the new members alone", soon(), more).await;
    stop.store(true, Ordering::Relaxed);
    let mut written = Vec::new();
    for writer in writers {
        written.push(writer.await.expect("no write fails"));
    }
    let lines = wait_roster(&cluster, |lines| lines.iter().all(|line| !line.ends_with("silent"))).await;
    assert!(["n4", "n5", "n6"].iter().all(|name| votes(&lines, name)), "{lines:?}");
    let rows = same(&cluster, &[3, 4, 5]).await;
    for (name, count) in &written {
        let row = &rows[name.as_bytes()];
        assert!(*count > 0, "{name} wrote nothing");
        assert_eq!((&row.value[..], row.version), (count.to_string().as_bytes(), i64::try_from(*count).expect("few")));
    }
    eprintln!("three of three members replaced under {written:?}");
}

/// What these members hold, once it is the same.
async fn same(cluster: &Cluster, places: &[usize]) -> e2e::Contents {
    wait_until("these members hold the same", soon(), async || {
        let first = contents(&cluster.client(places[0])).await?;
        for place in &places[1..] {
            if contents(&cluster.client(*place)).await? != first {
                return None;
            }
        }
        Some(first.1)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etcdctl_changes_the_members_under_load() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(settings(2)).await;
    let founders: Vec<_> = (0..3).map(|place| cluster.client(place)).collect();
    let endpoints: Vec<String> = (0..3).map(|place| format!("127.0.0.1:{}", cluster.client_port(place))).collect();
    let Some(etcdctl) = Etcdctl::find(&endpoints.join(",")) else { return };
    let load = Load::start("load", &founders, LoadPlan::default());
    load.wait_more(100).await;

    let peer_urls = format!("--peer-urls={}", cluster.peer_url(3));
    let said = etcdctl.good(&["member", "add", "n4", &peer_urls]);
    assert!(said.contains("ETCD_NAME=\"n4\"") && said.contains("ETCD_INITIAL_CLUSTER_STATE=\"existing\""), "{said}");
    let id = id_in(&said);
    let listed = etcdctl.good(&["member", "list"]);
    assert!(listed.contains(&format!("{id}, unstarted, , {}, , false", cluster.peer_url(3))), "{listed}");
    let (code, _, err) = etcdctl.run(&["member", "add", "again", &peer_urls]);
    assert!(code != Some(0) && err.contains("Peer URLs already exists"), "{err}");
    cluster.start_member(3);
    wait_roster(&cluster, |lines| votes(lines, "n4")).await;

    let said = etcdctl.good(&["member", "add", "n5", "--learner", &format!("--peer-urls={}", cluster.peer_url(4))]);
    let learner = id_in(&said);
    let (code, _, err) = etcdctl.run(&["member", "promote", &learner]);
    assert!(code != Some(0) && err.contains("can only promote a learner member which is in sync with leader"), "{err}");
    cluster.start_member(4);
    let promoted = async || etcdctl.run(&["member", "promote", &learner]).0.filter(|code| *code == 0);
    wait_until("the learner has caught up and is promoted", soon(), promoted).await;
    let (code, _, err) = etcdctl.run(&["member", "promote", &learner]);
    assert!(code != Some(0) && err.contains("can only promote a learner member"), "{err}");

    let elsewhere = "--peer-urls=http://127.0.0.1:1";
    let said = etcdctl.good(&["member", "update", &id, elsewhere]);
    assert!(said.contains("updated"), "{said}");
    assert!(etcdctl.good(&["member", "list"]).contains("http://127.0.0.1:1,"), "the new URL is listed");
    let _ = etcdctl.good(&["member", "update", &id, &peer_urls]);

    for (place, id) in [(3, &id), (4, &learner)] {
        let _ = etcdctl.good(&["member", "remove", id]);
        let (code, said) = cluster.wait_ended(place).await;
        assert_eq!(code, Some(REMOVED), "{said}");
        let (code, _, err) = etcdctl.run(&["member", "remove", id]);
        assert!(code != Some(0) && err.contains("member not found"), "{err}");
    }
    load.wait_more(100).await;
    let journal = load.finish().await;
    let rows = same(&cluster, &[0, 1, 2]).await;
    eprintln!("members added, promoted, updated and removed by etcdctl: {journal}");
    journal.assert_holds(&rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_with_a_wrong_url_is_taken_back() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(settings(1)).await;
    // It is started where nobody was told that it is.
    let (code, said) = cluster.start_in_vain(3, &[]).await;
    assert!(code == Some(1) && said.contains("add the member first"), "{said}");
    assert!(!cluster.data_dir(3).exists(), "a folder was made for nothing");

    let said = good(&cluster, &["member", "add", "n4", "--peer-urls", "http://127.0.0.1:1"]);
    assert!(said.starts_with("Added "), "{said}");
    cluster.client(0).put("a", "1").await.expect("one that never comes holds up nothing");
    let plan = ctl(&cluster, &["member", "plan", "remove", "n3"]);
    assert!(plan.0 == Some(1) && plan.1.contains("It would be refused"), "{plan:?}");
    let (code, _, err) = ctl(&cluster, &["member", "remove", "n3"]);
    assert!(code == Some(1) && err.contains("not enough started members"), "{err}");
    let id = id_in(&said).trim_end_matches('.').to_owned();
    good(&cluster, &["member", "remove", &id]);
    wait_roster(&cluster, |lines| lines.len() == 3).await;

    let peer_url = cluster.peer_url(3);
    good(&cluster, &["member", "add", "n4", "--peer-urls", &peer_url]);
    cluster.start_member(3);
    wait_roster(&cluster, |lines| votes(lines, "n4")).await;
    cluster.client(3).put("b", "1").await.expect("it serves");
    let (code, _, err) = ctl(&cluster, &["member", "add", "n5", "--peer-urls", "nonsense"]);
    assert!(code == Some(1) && err.contains("--peer-urls"), "{err}");
    let (code, _, err) = ctl(&cluster, &["member", "remove", "n9"]);
    assert!(code == Some(1) && err.contains("there is no member \"n9\""), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_member_comes_back_as_a_new_one() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(settings(1)).await;
    cluster.client(0).put("a", "1").await.expect("a put");
    cluster.kill(2);
    std::fs::remove_dir_all(cluster.data_dir(2)).expect("wiped");
    let (code, said) = cluster.start_in_vain(2, &["--initial-cluster-state=existing".to_owned()]).await;
    assert!(code == Some(1) && said.contains("has started before, on another disk"), "{said}");

    // One command; the new one comes to the old one's place.
    let (peer_url, plan) = (cluster.peer_url(2), "Nothing was changed");
    let planned = good(&cluster, &["member", "plan", "replace", "n3", "n3", "--peer-urls", &peer_url]);
    assert!(planned.contains("new ones catch up") && planned.contains(plan), "{planned}");
    good(&cluster, &["member", "replace", "n3", "n3", "--peer-urls", &peer_url]);
    cluster.start_member_with(2, &["--initial-cluster-state=existing".to_owned()]);
    wait_roster(&cluster, |lines| lines.len() == 3 && votes(lines, "n3")).await;
    let rows = same(&cluster, &[0, 1, 2]).await;
    assert_eq!(rows.len(), 1);

    // A member that was removed while it was down hears of it when it comes back with its old disk.
    cluster.kill(1);
    good(&cluster, &["member", "remove", "n2"]);
    cluster.start_member(1);
    let (code, said) = cluster.wait_ended(1).await;
    assert_eq!(code, Some(REMOVED), "{said}");
    assert!(said.contains("was removed from this cluster"), "{said}");
    cluster.client(0).put("b", "1").await.expect("two of two");
}
