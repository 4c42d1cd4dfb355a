//! A member that was away while the log was compacted comes back by a snapshot, also when it is killed while it receives it.

use std::time::Duration;

use bytes::Bytes;
use e2e::{
    BadLine, Cluster, Journal, Load, LoadPlan, Settings, all_equal, alone, beside_others, count, soon, wait_until,
};

const RECEIVING: &str = "receiving a snapshot";
const RECEIVED: &str = "received a snapshot";
const TAKEN: &str = "wrote a snapshot";

/// Snapshots often, and keeps few entries behind them.
fn settings() -> Settings {
    Settings::default().with("--snapshot-count=200")
}

/// Writes so much that a member that is away now needs a snapshot: until the others took two, of which the second holds 200 entries
/// more than the first.
async fn leave_it_behind(cluster: &Cluster, away: usize, name: &str) -> Journal {
    let others: Vec<usize> = (0..cluster.len()).filter(|place| *place != away).collect();
    let before: Vec<usize> = others.iter().map(|place| marks(cluster, *place, TAKEN)).collect();
    let plan = LoadPlan { pause: Duration::ZERO, ..LoadPlan::default() };
    let load = Load::start(name, &cluster.clients(), plan);
    load.wait_more(1000).await;
    wait_until("the others took two snapshots", soon(), async || {
        let more = others.iter().zip(&before).all(|(place, before)| marks(cluster, *place, TAKEN) >= before + 2);
        more.then_some(())
    })
    .await;
    load.finish().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_was_away_comes_back_by_snapshot() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(settings()).await;
    let mut journal = Journal::default();
    for round in 0..count(2, 6) {
        let leader = cluster.wait_ready().await;
        let away = (leader + 1) % 3;
        cluster.kill(away);
        journal.absorb(leave_it_behind(&cluster, away, &format!("round{round}")).await);
        let before = cluster.log(away).matches(RECEIVED).count();
        cluster.start_member(away);
        cluster.wait_ready().await;
        cluster.wait_caught_up(away).await;
        assert_eq!(cluster.log(away).matches(RECEIVED).count(), before + 1, "no snapshot, or more than one");
        let rows = all_equal(&cluster).await;
        journal.assert_holds(&rows);
    }
    // What was received is also what the next start finds.
    for place in 0..3 {
        cluster.kill(place);
        cluster.start_member(place);
        cluster.wait_ready().await;
    }
    let rows = all_equal(&cluster).await;
    journal.assert_holds(&rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_is_killed_while_it_receives_a_snapshot() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(settings()).await;
    let leader = cluster.wait_ready().await;
    let away = (leader + 1) % 3;
    cluster.kill(away);
    // Large enough that a kill can hit the middle.
    let mut large = Vec::new();
    for number in 0..32_u8 {
        let (key, value) = (format!("large{number:02}"), vec![number; 1 << 20]);
        cluster.client(leader).put(key.clone(), value.clone()).await.expect("a put");
        large.push((Bytes::from(key), value));
    }
    let journal = leave_it_behind(&cluster, away, "load").await;

    let (rounds, mut in_the_middle) = (count(4, 20), 0);
    for _ in 0..rounds {
        let (begun, ended) = (marks(&cluster, away, RECEIVING), marks(&cluster, away, RECEIVED));
        cluster.start_member(away);
        wait_until("it receives a snapshot", soon(), async || {
            assert!(cluster.runs(away), "it ended by itself:\n{}", cluster.log(away));
            (marks(&cluster, away, RECEIVING) > begun).then_some(())
        })
        .await;
        cluster.kill(away);
        if marks(&cluster, away, RECEIVED) > ended {
            // It was quicker; it has the snapshot now and would need none again.
            break;
        }
        in_the_middle += 1;
    }
    eprintln!("killed {in_the_middle} times while it received a snapshot");
    assert!(in_the_middle > 0, "every kill came too late");
    cluster.start_member(away);
    cluster.wait_ready().await;
    let mut rows = all_equal(&cluster).await;
    for (key, value) in large {
        assert_eq!(rows.remove(&key).map(|row| row.value), Some(value.into()), "{key:?}");
    }
    journal.assert_holds(&rows);
}

/// Words that send all others to this member over a bad line.
fn over(line: &BadLine, cluster: &Cluster, away: usize, place: usize) -> Vec<String> {
    let port = |one: usize| if one == away { line.port } else { cluster.peer_port(one) };
    let founders: Vec<String> =
        (0..cluster.len()).map(|one| format!("n{}=http://127.0.0.1:{}", one + 1, port(one))).collect();
    vec![
        format!("--initial-cluster={}", founders.join(",")),
        format!("--initial-advertise-peer-urls=http://127.0.0.1:{}", port(place)),
    ]
}

/// S8, S17: each connection to it breaks long before the snapshot is whole, it is killed in the middle, and so is the sender.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_gets_through_a_line_on_which_no_connection_lasts() {
    const MIB: u64 = 1 << 20;
    let _turn = alone().await;
    let mut cluster = Cluster::prepare(Settings::default().with("--snapshot-count=40"));
    let away = 2;
    let line = BadLine::to(cluster.peer_port(away), 6 * MIB).await;
    let start = |cluster: &mut Cluster, place: usize| {
        let words = over(&line, cluster, away, place);
        cluster.start_member_with(place, &words);
    };
    (0..3).for_each(|place| start(&mut cluster, place));
    cluster.wait_ready().await;
    cluster.kill(away);
    let leader = cluster.wait_ready().await;
    let (values, mut large) = (count(100, 250), Vec::new());
    for number in 0..values {
        let (key, value) = (format!("large{number:03}"), vec![u8::try_from(number % 251).expect("a byte"); 1 << 20]);
        cluster.client(leader).put(key.clone(), value.clone()).await.expect("a put");
        large.push((Bytes::from(key), value));
    }
    wait_until("most of it is in a snapshot", soon(), async || {
        (covered(&cluster, leader) >= u64::from(values) - 40).then_some(())
    })
    .await;
    let (before, size) = (line.bytes(), u64::from(values) * MIB);
    start(&mut cluster, away);
    let far = soon() + soon();
    wait_until("it was cut three times", far, async || (line.cuts() >= 3).then_some(())).await;
    cluster.kill(away);
    start(&mut cluster, away);
    let cuts = line.cuts();
    wait_until("it was cut three times more", far, async || (line.cuts() >= cuts + 3).then_some(())).await;
    let carried = line.bytes() - before;
    assert!(cluster.log(away).contains("here=") && carried < size, "{carried} bytes of {size}");
    cluster.kill(leader);
    cluster.wait_ready().await;
    start(&mut cluster, leader);
    wait_until("it has the snapshot", 2 * far, async || (marks(&cluster, away, RECEIVED) > 0).then_some(())).await;
    cluster.wait_ready().await;
    cluster.wait_caught_up(away).await;
    let carried = line.bytes() - before;
    eprintln!("{} cuts, {} of {} MiB", line.cuts(), carried / MIB, size / MIB);
    assert!(line.cuts() >= 10 && carried < 5 * size / 2, "{} cuts, {carried} bytes for {size}", line.cuts());
    let mut rows = all_equal(&cluster).await;
    for (key, value) in large {
        assert_eq!(rows.remove(&key).map(|row| row.value), Some(value.into()), "{key:?}");
    }
}

/// How many entries the newest snapshot of a member covers.
fn covered(cluster: &Cluster, place: usize) -> u64 {
    let log = cluster.log(place);
    let newest = log.rsplit_once(TAKEN).and_then(|(_, rest)| rest.split_once("position="));
    newest.and_then(|(_, rest)| rest.split_once('@')).and_then(|(index, _)| index.parse().ok()).unwrap_or(0)
}

fn marks(cluster: &Cluster, place: usize, mark: &str) -> usize {
    cluster.log(place).matches(mark).count()
}
