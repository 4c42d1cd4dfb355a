//! A leader that stands still for a while (SIGSTOP) and goes on believing that it leads: nobody reads anything stale from it,
//! and nothing acknowledged is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use e2e::{Client, Cluster, Load, LoadPlan, Settings, all_equal, alone, count};
use tokio::task::JoinSet;

/// A number that one writer raises. Whoever begins a read must see at least what was acknowledged before.
#[derive(Debug, Default)]
struct Register {
    acknowledged: AtomicI64,
    reads: AtomicU64,
    stop: AtomicBool,
}

const KEY: &str = "register";

impl Register {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }
}

async fn write(register: Arc<Register>, clients: Vec<Client>) -> i64 {
    let (mut next, mut at) = (1, 0_usize);
    while register.goes_on() {
        let client = &clients[at % clients.len()];
        // A member that stands still is left alone, as a client with a deadline would.
        match tokio::time::timeout(Duration::from_secs(2), client.put(KEY, next.to_string())).await {
            Ok(Ok(_)) => register.acknowledged.store(next, Ordering::SeqCst),
            Ok(Err(_)) | Err(_) => at += 1,
        }
        // A failed write may come late: no number is ever sent twice, so a late one can only be smaller.
        next += 1;
    }
    register.acknowledged.load(Ordering::SeqCst)
}

/// Begins a read every few milliseconds, whether the earlier ones were answered or not: those that wait in the sockets of a
/// member that stands still are answered when it goes on.
async fn read(register: Arc<Register>, client: Client) -> Vec<String> {
    let mut reads = JoinSet::new();
    while register.goes_on() {
        let (register, client) = (register.clone(), client.clone());
        reads.spawn(async move {
            let floor = register.acknowledged.load(Ordering::SeqCst);
            let value = client.get(KEY).await.ok()?;
            register.reads.fetch_add(1, Ordering::Relaxed);
            let value: i64 = value.map_or(0, |value| String::from_utf8_lossy(&value).parse().unwrap_or(-1));
            (value < floor).then(|| format!("read {value} after {floor} was acknowledged"))
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    reads.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stood_still_answers_nothing_stale() {
    let _turn = alone().await;
    let pause = Duration::from_secs(u64::from(count(3, 10)));
    let mut cluster = Cluster::start(Settings::default()).await;
    let load = Load::start("load", &cluster.clients(), LoadPlan { workers: 6, ..LoadPlan::default() });
    let register = Arc::new(Register::default());
    let writer = tokio::spawn(write(register.clone(), cluster.clients()));
    let readers: Vec<_> =
        cluster.clients().into_iter().map(|client| tokio::spawn(read(register.clone(), client))).collect();
    load.wait_more(100).await;

    for _ in 0..count(1, 3) {
        let leader = cluster.wait_ready().await;
        cluster.pause(leader);
        tokio::time::sleep(pause).await;
        cluster.resume(leader);
        load.wait_more(200).await;
        assert_ne!(cluster.wait_ready().await, leader, "nobody else led in {pause:?}");
    }
    register.stop.store(true, Ordering::SeqCst);
    let mut stale = Vec::new();
    for reader in readers {
        stale.extend(reader.await.expect("readers do not panic"));
    }
    let last = writer.await.expect("the writer does not panic");
    let journal = load.finish().await;
    let mut rows = all_equal(&cluster).await;
    let reads = register.reads.load(Ordering::Relaxed);
    eprintln!("the leader stood still for {pause:?}: {reads} linearizable reads, {last} the last number; {journal}");
    assert!(stale.is_empty(), "{} stale reads, such as {}", stale.len(), stale[0]);
    assert!(reads > 100, "only {reads} reads were answered");
    let register = rows.remove(KEY.as_bytes()).expect("the register");
    let value: i64 = String::from_utf8_lossy(&register.value).parse().expect("a number");
    assert!(value >= last, "{value} is there, {last} was acknowledged");
    journal.assert_holds(&rows);
}
