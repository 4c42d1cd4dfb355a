//! Disks without room: writes are refused with etcd's words, reads and deletes go on, nobody dies, and all is well when there is
//! room again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{Client, Cluster, Mount, Settings, all_equal, beside_others, count, http, soon, wait_until};
use tonic::{Code, Status};

const DISK_BYTES: u64 = 160 << 20;

/// A cluster whose members have a small disk each; nothing where mounting is not allowed.
async fn on_small_disks() -> Option<(Vec<Mount>, Cluster)> {
    let mut cluster = Cluster::prepare(Settings::default());
    let mut mounts = Vec::new();
    for place in 0..cluster.len() {
        mounts.push(Mount::tmpfs(cluster.data_dir(place), DISK_BYTES)?);
    }
    (0..cluster.len()).for_each(|place| cluster.start_member(place));
    cluster.wait_ready().await;
    Some((mounts, cluster))
}

/// Takes all the room that is left.
fn fill(folder: &Path) -> PathBuf {
    let ballast = folder.join("ballast");
    let mut file = fs::File::create(&ballast).expect("a file");
    let block = vec![1; 64 << 10];
    while std::io::Write::write(&mut file, &block).is_ok_and(|written| written > 0) {}
    ballast
}

async fn put(client: &Client, number: u32) -> Result<(), Status> {
    client.put(format!("key{number:05}"), vec![b'v'; 64 << 10]).await.map(|_| ())
}

/// Writes until a write is refused for want of room; how many were taken.
async fn write_until_full(client: &Client, from: u32) -> u32 {
    for number in from..from + 2000 {
        if let Err(status) = put(client, number).await {
            let told = (status.code(), status.message());
            assert_eq!(told, (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded"));
            return number;
        }
    }
    panic!("2000 writes of 64 KiB fit on a full disk");
}

fn assert_all_run(cluster: &mut Cluster) {
    for place in 0..cluster.len() {
        let log = cluster.log(place);
        assert!(cluster.runs(place), "member {place} died of a full disk:\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_disks_are_full() {
    let _turn = beside_others().await;
    let Some((_mounts, mut cluster)) = on_small_disks().await else { return };
    let ballast: Vec<PathBuf> = (0..3).map(|place| fill(cluster.data_dir(place))).collect();
    let taken = write_until_full(&cluster.client(0), 0).await;
    eprintln!("full disks: {taken} writes of 64 KiB were taken");

    for client in cluster.clients() {
        assert_eq!(put(&client, taken).await.map_err(|status| status.code()), Err(Code::ResourceExhausted));
        let value = client.get("key00000").await.expect("a linearizable read");
        assert_eq!(value.map(|value| value.len()), Some(64 << 10));
        let last = taken - 1;
        assert!(client.get(format!("key{last:05}")).await.expect("a read").is_some(), "the last write is lost");
    }
    for number in 1..=3 {
        let gone = cluster.client(number % 3).delete(format!("key{number:05}")).await.expect("a delete");
        assert_eq!(gone.deleted, 1);
    }
    assert_all_run(&mut cluster);

    ballast.iter().for_each(|file| fs::remove_file(file).expect("room again"));
    let client = cluster.client(1);
    wait_until("writes are taken again", soon(), async || put(&client, taken).await.ok()).await;
    for number in taken + 1..taken + 50 {
        put(&client, number).await.expect("all is well");
    }
    assert_all_run(&mut cluster);
    let rows = all_equal(&cluster).await;
    assert_eq!(rows.len(), taken as usize + 50 - 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_is_started_on_a_full_disk() {
    let _turn = beside_others().await;
    let Some((_mounts, mut cluster)) = on_small_disks().await else { return };
    let ballast: Vec<PathBuf> = (0..3).map(|place| fill(cluster.data_dir(place))).collect();
    let taken = write_until_full(&cluster.client(0), 0).await;
    (0..3).for_each(|place| cluster.kill(place));
    (0..3).for_each(|place| cluster.start_member(place));
    cluster.wait_ready().await;
    let last = taken - 1;
    let value = cluster.client(2).get(format!("key{last:05}")).await.expect("a linearizable read");
    assert!(value.is_some(), "the last write is lost");
    ballast.iter().for_each(|file| fs::remove_file(file).expect("room again"));
    wait_until("writes are taken again", soon(), async || put(&cluster.client(0), taken).await.ok()).await;
    assert_eq!(all_equal(&cluster).await.len(), taken as usize + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_disk_is_full() {
    let _turn = beside_others().await;
    let Some((_mounts, mut cluster)) = on_small_disks().await else { return };
    let leader = cluster.wait_ready().await;
    for place in [(leader + 1) % 3, leader] {
        let ballast = fill(cluster.data_dir(place));
        let client = cluster.client((leader + 2) % 3);
        // Far more than what the full disk can still take.
        let mut refused = 0;
        for number in 0..count(600, 900) {
            let answer = tokio::time::timeout(Duration::from_secs(10), put(&client, number)).await.expect("an answer");
            refused += u32::from(answer.is_err());
        }
        let who = if place == leader { "leader" } else { "follower" };
        eprintln!("the {who}'s disk is full: {refused} writes were refused");
        assert_all_run(&mut cluster);
        fs::remove_file(ballast).expect("room again");
        wait_until("writes are taken again", soon(), async || put(&client, 0).await.ok()).await;
        all_equal(&cluster).await;
    }
}

/// The quota is a full disk of its own: the same words, and room is made by deleting and compacting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quota_is_full() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings::default().with("--quota-backend-bytes=4194304")).await;
    let taken = write_until_full(&cluster.client(0), 0).await;
    assert!((40..=64).contains(&taken), "{taken} writes of 64 KiB fit into 4 MiB");
    for place in 0..3 {
        let client = cluster.client(place);
        assert_eq!(put(&client, taken).await.map_err(|status| status.code()), Err(Code::ResourceExhausted));
        assert!(client.get("key00000").await.expect("a linearizable read").is_some());
    }
    // The alarm is raised when not even the smallest write has room.
    let client = cluster.client(1);
    let mut small = 0;
    while client.put("k", "").await.is_ok() {
        small += 1;
        assert!(small < 4000, "4000 small writes fit where one of 64 KiB does not");
    }
    for place in 0..3 {
        wait_until("the alarm is raised", soon(), async || {
            let (code, body) = http::get(cluster.client_port(place), "/health").await;
            (code == 503 && body == r#"{"health":"false","reason":"ALARM NOSPACE"}"#).then_some(())
        })
        .await;
    }
    let mut revision = 0;
    for number in 0..taken {
        let answer = client.delete(format!("key{number:05}")).await.expect("a delete");
        revision = answer.header.map_or(0, |header| header.revision);
    }
    client.compact(revision).await.expect("a compaction");
    wait_until("writes are taken again", soon(), async || put(&client, 0).await.ok()).await;
    assert_all_run(&mut cluster);
    assert_eq!(all_equal(&cluster).await.len(), 2);
}
