//! Everything at once, by dice: members are killed, stopped, paused and started again, also while they start, while clients
//! write and read. The seed is printed, and QUORATE_SEED sets it.

use std::time::Duration;

use e2e::{Cluster, Dice, Load, LoadPlan, Register, Settings, all_equal, alone, count};

/// What a member is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Runs,
    Gone,
    Paused,
}

/// One blow, or one repair.
async fn strike(cluster: &mut Cluster, health: &mut [Health], dice: &mut Dice) {
    let place = dice.below(health.len());
    health[place] = match (health[place], dice.below(4)) {
        (Health::Gone, _) => {
            cluster.start_member(place);
            Health::Runs
        }
        (Health::Paused, 0) => {
            cluster.kill(place);
            Health::Gone
        }
        (Health::Paused, _) => {
            cluster.resume(place);
            Health::Runs
        }
        (Health::Runs, 0) => {
            cluster.pause(place);
            Health::Paused
        }
        (Health::Runs, 1) => {
            let code = cluster.stop(place).await;
            assert_eq!(code, Some(0), "{}", cluster.log(place));
            Health::Gone
        }
        (Health::Runs, _) => {
            cluster.kill(place);
            Health::Gone
        }
    };
}

async fn storm(members: usize, strikes: u32, dice: &mut Dice) {
    let settings = Settings { members, ..Settings::default() };
    let mut cluster = Cluster::start(settings.with("--snapshot-count=300")).await;
    let load = Load::start("load", &cluster.clients(), LoadPlan { workers: 8, ..LoadPlan::default() });
    let register = Register::start(&cluster.clients());
    let mut health = vec![Health::Runs; members];
    for round in 0..strikes {
        strike(&mut cluster, &mut health, dice).await;
        tokio::time::sleep(Duration::from_millis(dice.below(400) as u64)).await;
        // Now and then all are well for a moment, so that there is something to lose.
        if round % 8 == 7 {
            mend(&mut cluster, &mut health).await;
            load.wait_more(50).await;
        }
    }
    mend(&mut cluster, &mut health).await;
    load.wait_more(50).await;
    let journal = load.finish().await;
    let summary = register.finish().await;
    let mut rows = all_equal(&cluster).await;
    eprintln!("{strikes} strikes on {members} members: {summary}; {journal}");
    summary.assert_holds(&mut rows);
    journal.assert_holds(&rows);
}

async fn mend(cluster: &mut Cluster, health: &mut [Health]) {
    for (place, health) in health.iter_mut().enumerate() {
        match health {
            Health::Runs => {}
            Health::Gone => cluster.start_member(place),
            Health::Paused => cluster.resume(place),
        }
        *health = Health::Runs;
    }
    cluster.wait_ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_weather_a_storm() {
    let _turn = alone().await;
    let mut dice = Dice::from_environment();
    storm(3, count(16, 160), &mut dice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_members_weather_a_storm() {
    let _turn = alone().await;
    let mut dice = Dice::from_environment();
    storm(5, count(8, 80), &mut dice).await;
}
