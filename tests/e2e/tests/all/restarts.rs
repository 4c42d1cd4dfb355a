//! Members that are stopped in good order and started again, one after the other, while clients write.

use std::time::Instant;

use e2e::{Cluster, Distribution, Load, LoadPlan, Settings, all_equal, alone, count};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_member_is_stopped_and_started_in_turn() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(Settings::default().with("--snapshot-count=2000")).await;
    let load = Load::start("load", &cluster.clients(), LoadPlan::default());
    let mut stops = Vec::new();
    for round in 0..count(1, 5) {
        for place in 0..cluster.len() {
            load.wait_more(100).await;
            stops.push(Instant::now());
            assert_eq!(cluster.stop(place).await, Some(0), "member {place} in round {round}:\n{}", cluster.log(place));
            load.wait_more(100).await;
            cluster.start_member(place);
            cluster.wait_ready().await;
            cluster.wait_caught_up(place).await;
            let log = cluster.log(place);
            assert!(!log.contains("cut short"), "a stop in good order left a torn log:\n{log}");
        }
    }
    let journal = load.finish().await;
    let rows = all_equal(&cluster).await;
    let distribution = Distribution::until_next_write(&stops, &journal.acknowledged);
    eprintln!("SIGTERM to each in turn: {journal}\n    until the next write: {distribution}");
    journal.assert_holds(&rows);
}
