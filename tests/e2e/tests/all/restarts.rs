//! Members that are stopped in good order and started again, one after the other, while clients write.

use std::time::Instant;

use e2e::{Cluster, Distribution, Load, LoadPlan, Settings, all_equal, alone, beside_others, count, soon, wait_until};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_member_advertises_may_change() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings::default()).await;
    cluster.client(0).put("a", "1").await.expect("a put");
    assert_eq!(cluster.stop(1).await, Some(0));
    let moved = "http://elsewhere.example:2379".to_owned();
    let flags = [format!("--advertise-client-urls={moved}"), "--snapshot-count=77".to_owned()];
    cluster.start_member_with(1, &flags);
    cluster.wait_ready().await;
    for client in cluster.clients() {
        wait_until("every member tells the new URL", soon(), async || {
            let members = client.members().await.ok()?;
            let of_n2 = members.iter().find(|member| member.name == "n2")?;
            (of_n2.client_ur_ls == [moved.clone()]).then_some(())
        })
        .await;
    }
    // All in good order, and all back: nothing is torn, nothing is lost.
    for place in 0..3 {
        assert_eq!(cluster.stop(place).await, Some(0));
    }
    (0..3).for_each(|place| cluster.start_member(place));
    cluster.wait_ready().await;
    assert_eq!(all_equal(&cluster).await.len(), 1);
}
