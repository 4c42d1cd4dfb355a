//! Many writes at once, each met by faults that dice choose: what the client said of each must be what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quorate_client::{Config, Outcome};

use super::support::{Dice, Fake, FakeCluster, Fault, client, quick, quick_once};

const SEEDS: u64 = 6;
const WORKERS: u64 = 12;
const WRITES: u64 = 25;

/// A plan for each member: mostly well, now and then anything.
fn plan(dice: &mut Dice, fake: &Fake) {
    let faults = (0..WORKERS * WRITES).map(|_| match dice.below(14) {
        0 => Fault::NoLeader,
        1 => Fault::Lost,
        2 | 3 => Fault::AnswerLost,
        4 => Fault::Late,
        5 if dice.below(4) == 0 => Fault::Hangs,
        6 if dice.below(4) == 0 => Fault::DoneAndHangs,
        _ => Fault::None,
    });
    fake.next(faults);
}

/// How each write ended, by key.
type Ends = BTreeMap<String, Result<i64, Outcome>>;

async fn storm(seed: u64, config: Config) -> (Arc<FakeCluster>, Ends) {
    let (cluster, fakes) = FakeCluster::start(3).await;
    let mut dice = Dice(seed);
    fakes.iter().for_each(|fake| plan(&mut dice, fake));
    let client = client(&fakes.iter().collect::<Vec<_>>(), config);
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..WORKERS {
        let client = client.clone();
        workers.spawn(async move {
            let mut ends = Ends::new();
            for number in 0..WRITES {
                let key = format!("{worker}/{number}");
                let answer = client.put(key.clone(), "1").await;
                let end = answer.map(|answer| answer.header.unwrap().revision).map_err(|error| error.outcome);
                ends.insert(key, end);
            }
            ends
        });
        if worker % 4 == 3 {
            cluster.elect(1 + dice.below(3));
        }
    }
    let mut ends = Ends::new();
    while let Some(worker) = workers.join_next().await {
        ends.extend(worker.unwrap());
    }
    cluster.nothing_is_late().await;
    (cluster, ends)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_sessions_every_write_is_acknowledged_and_takes_effect_once() {
    let mut repeated = 0;
    for seed in 0..SEEDS {
        let (cluster, ends) = storm(seed, Config { attempt_time: Duration::from_millis(60), ..quick_once() }).await;
        let store = cluster.store();
        for (key, end) in &ends {
            let row = &store.rows[key.as_bytes()];
            assert_eq!((row.version, Ok(row.revision)), (1, *end), "seed {seed}, {key}");
        }
        repeated += store.repeated;
    }
    assert!(repeated > SEEDS * 10, "copies came only {repeated} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_sessions_an_error_says_truly_what_became_of_the_write() {
    let (mut acknowledged, mut unknown, mut lost) = (0, 0, 0);
    for seed in 0..SEEDS {
        let (cluster, ends) = storm(seed, Config { request_time: Duration::from_millis(300), ..quick() }).await;
        let store = cluster.store();
        for (key, end) in &ends {
            let version = store.version(key);
            match end {
                Ok(_) => assert_eq!(version, 1, "seed {seed}, {key}"),
                Err(Outcome::NotApplied) => assert_eq!(version, 0, "seed {seed}, {key}"),
                Err(Outcome::Unknown) => assert!(version <= 1, "seed {seed}, {key}"),
                Err(Outcome::Applied) => panic!("seed {seed}, {key}: nothing here went astray"),
            }
            acknowledged += u32::from(end.is_ok());
            unknown += u32::from(*end == Err(Outcome::Unknown) && version == 1);
            lost += u32::from(*end == Err(Outcome::Unknown) && version == 0);
        }
    }
    assert!(acknowledged > 500 && unknown > 50 && lost > 20, "{acknowledged}, {unknown}, {lost}");
}
