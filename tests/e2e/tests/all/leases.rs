//! Reads by the leader's lease, while the leader stands still (SIGSTOP) and goes on believing that it leads: nobody reads anything
//! stale from it.

use std::time::Duration;

use e2e::{Settings, alone, count};

use crate::pauses::leaders_stand_still;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stood_still_reads_nothing_stale_by_its_lease() {
    let _turn = alone().await;
    let pause = Duration::from_millis(u64::from(count(1500, 3000)));
    let settings = Settings::default().with("--lease-reads");
    leaders_stand_still(settings, count(2, 6), pause, u64::from(count(200, 4000))).await;
}
