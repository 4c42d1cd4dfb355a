//! kill -9 under load: nothing acknowledged is lost, nothing is applied twice, nothing appears that was never sent, and all
//! members end equal.

use std::time::Instant;

use e2e::{Cluster, Distribution, Load, LoadPlan, Settings, all_equal, alone, count, soon, wait_until};

/// Few entries between snapshots, so that kills fall into snapshots and compactions too.
fn settings() -> Settings {
    Settings::default().with("--snapshot-count=2000")
}

fn plan() -> LoadPlan {
    LoadPlan { workers: count(12, 32) as usize, ..LoadPlan::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_is_killed_again_and_again() {
    let _turn = alone().await;
    let rounds = count(5, 100);
    let mut cluster = Cluster::start(settings()).await;
    let load = Load::start("load", &cluster.clients(), plan());
    load.wait_more(100).await;

    let mut kills = Vec::new();
    for _ in 0..rounds {
        let leader = cluster.wait_ready().await;
        kills.push(Instant::now());
        cluster.kill(leader);
        load.wait_write_after(*kills.last().expect("one was pushed")).await;
        cluster.start_member(leader);
        cluster.wait_ready().await;
        cluster.wait_caught_up(leader).await;
    }
    let journal = load.finish().await;
    let rows = all_equal(&cluster).await;
    let distribution = Distribution::until_next_write(&kills, &journal.acknowledged);
    eprintln!("kill -9 of the leader, {rounds} times: {journal}\n    until the next write: {distribution}");
    assert_eq!(distribution.count(), kills.len());
    journal.assert_holds(&rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_members_are_killed_at_once() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(settings()).await;
    let mut journal = e2e::Journal::default();
    for round in 0..count(2, 10) {
        let load = Load::start(&format!("round{round}"), &cluster.clients(), plan());
        load.wait_more(400).await;
        (0..cluster.len()).for_each(|place| cluster.kill(place));
        journal.absorb(load.finish().await);
        (0..cluster.len()).for_each(|place| cluster.start_member(place));
        cluster.wait_ready().await;
        wait_until("a write after the restart", soon(), async || cluster.client(0).delete("none").await.ok()).await;
        let rows = all_equal(&cluster).await;
        journal.assert_holds(&rows);
    }
    eprintln!("kill -9 of all three: {journal}");
}
