//! Reads by the leader's lease, while the leader stands still (SIGSTOP) and goes on believing that it leads: nobody reads anything
//! stale from it.

use std::time::Duration;

use e2e::{Cluster, Load, LoadPlan, Register, Settings, all_equal, alone, count};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stood_still_reads_nothing_stale_by_its_lease() {
    let _turn = alone().await;
    let pause = Duration::from_millis(u64::from(count(1500, 3000)));
    let mut cluster = Cluster::start(Settings::default().with("--lease-reads")).await;
    let load = Load::start("load", &cluster.clients(), LoadPlan { workers: 6, ..LoadPlan::default() });
    let register = Register::start(&cluster.clients());
    load.wait_more(100).await;

    for _ in 0..count(2, 6) {
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
    eprintln!("leaders stood still for {pause:?}: {summary}; {journal}");
    summary.assert_holds(&mut rows);
    journal.assert_holds(&rows);
}
