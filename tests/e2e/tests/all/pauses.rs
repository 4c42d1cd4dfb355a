//! A leader that stands still for a while (SIGSTOP) and goes on believing that it leads: nobody reads anything stale from it,
//! and nothing acknowledged is lost.

use std::time::Duration;

use e2e::{Cluster, Load, LoadPlan, Register, Settings, all_equal, alone, count};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stood_still_answers_nothing_stale() {
    let _turn = alone().await;
    let pause = Duration::from_secs(u64::from(count(3, 10)));
    let mut cluster = Cluster::start(Settings::default()).await;
    let load = Load::start("load", &cluster.clients(), LoadPlan { workers: 6, ..LoadPlan::default() });
    let register = Register::start(&cluster.clients());
    load.wait_more(100).await;

    for _ in 0..count(1, 3) {
        let leader = cluster.wait_ready().await;
        cluster.pause(leader);
        tokio::time::sleep(pause).await;
        cluster.resume(leader);
        load.wait_more(200).await;
        assert_ne!(cluster.wait_ready().await, leader, "nobody else led in {pause:?}");
    }
    let summary = register.finish().await;
    let journal = load.finish().await;
    let mut rows = all_equal(&cluster).await;
    eprintln!("the leader stood still for {pause:?}: {summary}; {journal}");
    summary.assert_holds(&mut rows);
    journal.assert_holds(&rows);
}
