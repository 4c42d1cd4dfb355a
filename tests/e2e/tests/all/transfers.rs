//! The leadership is handed over while clients write: by etcdctl, by our own ctl, and by a leader that is told to stop. Nobody waits for
//! an election timeout, and no write fails by it.

use std::time::{Duration, Instant};

use e2e::{
    Cluster, Distribution, Etcdctl, Journal, Load, LoadPlan, Settings, all_equal, alone, beside_others, count, run,
    soon, wait_until,
};

/// T is long, so that a pause of an election can't be mistaken for one of a hand-over.
const T: Duration = Duration::from_secs(2);

fn settings() -> Settings {
    Settings { times: (Duration::from_millis(100), T), ..Settings::default() }
}

fn until_next_write(moment: &Instant, journal: &Journal) -> Duration {
    Distribution::until_next_write(&[*moment], &journal.acknowledged).percentile(100)
}

/// The member of this place as etcd's API names it.
async fn id(cluster: &Cluster, place: usize) -> String {
    let status = wait_until("a status", soon(), async || cluster.client(place).status().await.ok()).await;
    format!("{:x}", status.header.expect("a header").member_id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etcdctl_moves_the_leader_and_no_write_fails() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(settings()).await;
    let Some(etcdctl) = Etcdctl::find(&cluster.endpoints()) else { return };
    let load = Load::start("load", &cluster.clients(), LoadPlan::default());
    load.wait_more(100).await;
    let mut moments = Vec::new();
    for _ in 0..count(4, 30) {
        let leader = cluster.wait_ready().await;
        let (from, to) = (id(&cluster, leader).await, id(&cluster, (leader + 1) % 3).await);
        moments.push(Instant::now());
        let (code, out, err) = etcdctl.run(&["move-leader", &to]);
        assert_eq!((code, out.trim()), (Some(0), &*format!("Leadership transferred from {from} to {to}")), "{err}");
        load.wait_write_after(Instant::now()).await;
        assert_eq!(cluster.wait_ready().await, (leader + 1) % 3);
        load.wait_more(50).await;
    }
    let journal = load.finish().await;
    let rows = all_equal(&cluster).await;
    let distribution = Distribution::until_next_write(&moments, &journal.acknowledged);
    eprintln!("etcdctl move-leader under load: {journal}\n    until the next write: {distribution}");
    journal.assert_holds(&rows);
    assert!(journal.errors.is_empty(), "writes failed: {:?}", journal.errors);
    assert!(distribution.percentile(100) < T, "{distribution}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_told_to_stop_hands_over_first() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(settings()).await;
    let load = Load::start("load", &cluster.clients(), LoadPlan::default());
    load.wait_more(100).await;
    let (mut stops, mut stories) = (Vec::new(), Vec::new());
    for _ in 0..count(3, 20) {
        let leader = cluster.wait_ready().await;
        let before = [0, 1, 2].map(|place| cluster.log(place).len());
        stops.push(Instant::now());
        assert_eq!(cluster.stop(leader).await, Some(0));
        load.wait_write_after(Instant::now()).await;
        let said = [0, 1, 2].map(|place| cluster.log(place)[before[place]..].to_owned());
        let (last, all) = (said[leader].clone(), said.join("----\n"));
        assert!(last.contains("handed the leadership over before stopping"), "n{} stopped:\n{all}", leader + 1);
        assert!(!last.contains("no other member came to lead in time"), "n{} stopped:\n{all}", leader + 1);
        stories.push(all);
        cluster.start_member(leader);
        cluster.wait_ready().await;
        cluster.wait_caught_up(leader).await;
    }
    let journal = load.finish().await;
    let rows = all_equal(&cluster).await;
    let distribution = Distribution::until_next_write(&stops, &journal.acknowledged);
    eprintln!("SIGTERM of the leader under load: {journal}\n    until the next write: {distribution}");
    journal.assert_holds(&rows);
    let slowest = stops.iter().zip(stories).max_by_key(|(stop, _)| until_next_write(stop, &journal));
    let story = slowest.map_or(String::new(), |(_, story)| story);
    assert!(
        distribution.percentile(100) < T / 2,
        "nobody waits for the silence of who stopped: {distribution}\n{story}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctl_moves_the_leader_and_says_why_it_can_not() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(settings()).await;
    let leader = cluster.wait_ready().await;
    let endpoints = cluster.endpoints();
    let ctl = |words: &[&str]| run(&[&["ctl", "--endpoints", &endpoints, "transfer"], words].concat());
    let (n, to) = (|place: usize| format!("n{}", place + 1), (leader + 1) % 3);
    let named = |place: usize, id: &str| format!("{} ({id})", n(place));
    let (from_id, to_id) = (id(&cluster, leader).await, id(&cluster, to).await);
    let (code, out, err) = ctl(&["--to", &n(to)]);
    let told = format!("{} leads now; {} led before\n", named(to, &to_id), named(leader, &from_id));
    assert_eq!((code, out.as_str()), (Some(0), told.as_str()), "{err}");
    assert_eq!(cluster.wait_ready().await, to);
    let (code, out, _) = ctl(&["--to", &to_id]);
    assert_eq!((code, out), (Some(0), format!("{} leads already\n", named(to, &to_id))));
    let (code, _, err) = ctl(&["--to", "n9"]);
    assert_eq!(code, Some(1));
    assert!(err.starts_with("quorate ctl: there is no member n9; members are n1 ("), "{err}");
    // Without a name it is whoever has the longest log.
    let (code, out, err) = ctl(&["--json"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains(&format!("\"from\":{{\"name\":\"{}\"", n(to))), "{out}");
    assert_ne!(cluster.wait_ready().await, to);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etcdctl_is_told_in_etcds_words() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings::default()).await;
    let Some(etcdctl) = Etcdctl::find(&cluster.endpoints()) else { return };
    let leader = cluster.wait_ready().await;
    let said = |answer: (Option<i32>, String, String)| {
        let error = answer.2.lines().find(|line| line.starts_with("Error: ")).unwrap_or_default().to_owned();
        (answer.0, error)
    };
    let bad = (Some(1), "Error: etcdserver: bad leader transferee".to_owned());
    assert_eq!(said(etcdctl.run(&["move-leader", "1234"])), bad);
    let (own, gone) = (id(&cluster, leader).await, (leader + 1) % 3);
    let (code, out, _) = etcdctl.run(&["move-leader", &own]);
    assert_eq!((code, out.trim()), (Some(0), &*format!("Leadership transferred from {own} to {own}")));
    // One that can't be reached: etcd waits until its time is over, and says that.
    let target = id(&cluster, gone).await;
    cluster.kill(gone);
    let others: Vec<String> = (0..3)
        .filter(|place| *place != gone)
        .map(|place| format!("127.0.0.1:{}", cluster.client_port(place)))
        .collect();
    let etcdctl = Etcdctl::find(&others.join(",")).expect("it was there");
    let late = "Error: rpc error: code = Unknown desc = etcdserver: request timed out, leader transfer took too long";
    assert_eq!(said(etcdctl.run(&["move-leader", &target])).1, late);
    let client = cluster.client(leader);
    wait_until("a write", soon(), async || client.put("k", "v").await.ok()).await;
}
