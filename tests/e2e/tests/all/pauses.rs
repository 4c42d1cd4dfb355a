//! A leader that stands still for a while (SIGSTOP) and goes on believing that it leads: nobody reads anything stale from it,
//! and nothing acknowledged is lost.

use std::time::Duration;

use e2e::{Cluster, Load, LoadPlan, Register, Settings, all_equal, alone, count};

/// Leaders stand still, so many one after the other, beside writers and a register that is read at every member. It goes on until
/// there were `reads` of that; then none of them was stale, and nothing is lost.
pub(crate) async fn leaders_stand_still(settings: Settings, leaders: u32, pause: Duration, reads: u64) {
    let mut cluster = Cluster::start(settings).await;
    let load = Load::start("load", &cluster.clients(), LoadPlan { workers: 6, ..LoadPlan::default() });
    let register = Register::start(&cluster.clients());
    load.wait_more(100).await;

    for round in 1..=leaders {
        let leader = cluster.wait_ready().await;
        register.wait_reads(reads * u64::from(round) / u64::from(leaders)).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stood_still_answers_nothing_stale() {
    let _turn = alone().await;
    let pause = Duration::from_secs(u64::from(count(3, 10)));
    leaders_stand_still(Settings::default(), count(1, 3), pause, 100).await;
}
