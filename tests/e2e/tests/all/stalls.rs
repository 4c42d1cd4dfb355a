//! A disk that stands still: no call fails, none returns. Its member goes on with all that needs no disk; if it leads, it
//! makes way.

use std::time::{Duration, Instant};

use e2e::{Cluster, Load, LoadPlan, Settings, StallLibrary, all_equal, alone, count, soon, wait_until};

const T: Duration = Duration::from_secs(1);
/// So long the disk stands still.
const STALL: Duration = T.saturating_mul(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_disk_stands_still_makes_way() {
    // P12
    let _turn = alone().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(library) = StallLibrary::build(folder.path()) else { return };
    let times = (Duration::from_millis(100), T);
    let mut cluster = Cluster::start(Settings { times, stalls: Some(library), ..Settings::default() }).await;
    let load = Load::start("load", &cluster.clients(), LoadPlan::default());
    load.wait_more(100).await;

    let mut pauses = Vec::new();
    for _ in 0..count(1, 10) {
        let leader = cluster.wait_ready().await;
        let before = [0, 1, 2].map(|place| cluster.log(place).len());
        let stalled = cluster.stall(leader);
        let begin = Instant::now();
        let other = wait_until("another leads", soon(), async || {
            let led = cluster.client((leader + 1) % 3).status().await.ok()?.leader;
            let old = cluster.client(leader).status().await.ok()?.header?.member_id;
            (led != 0 && led != old).then_some(led)
        })
        .await;
        let moved = begin.elapsed();
        load.wait_write_after(Instant::now()).await;
        load.wait_more(200).await;
        // It follows, though nothing that it would have to write is on its disk.
        wait_until("who led follows", soon(), async || {
            (cluster.client(leader).status().await.ok()?.leader == other).then_some(())
        })
        .await;
        tokio::time::sleep_until((begin + STALL).into()).await;
        drop(stalled);

        let said = [0, 1, 2].map(|place| cluster.log(place)[before[place]..].to_owned());
        let all = said.join("----\n");
        // Its heartbeats never waited for its disk: whoever leads now was told to, and no member missed them.
        assert!(said.iter().any(|said| said.contains("to stand at once")), "nobody was told to lead:\n{all}");
        assert!(!all.contains("asks for pre-votes"), "somebody missed the leader:\n{all}");
        assert!(moved < 3 * T, "the leadership moved after {moved:?}; T is {T:?}:\n{all}");
        pauses.push(moved.as_millis());
        assert_ne!(cluster.wait_ready().await, leader);
        cluster.wait_caught_up(leader).await;
    }
    let journal = load.finish().await;
    let rows = all_equal(&cluster).await;
    eprintln!("the leader's disk stood still for {STALL:?}, T is {T:?}: another led after {pauses:?} ms; {journal}");
    journal.assert_holds(&rows);
}
