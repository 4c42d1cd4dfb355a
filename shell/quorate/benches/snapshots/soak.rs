//! One member is away for long while clients write: what the others take of memory and disk, minute by minute, and how the member comes
//! back.

use std::time::{Duration, Instant};

use crate::Options;
use crate::members::{Members, Use};
use crate::verdict::Claim;

/// Clients, each with a pause between its puts, so that this can run beside other work.
const CLIENTS: usize = 16;
const PAUSE: Duration = Duration::from_millis(8);
/// Between two looks.
const LOOK: Duration = Duration::from_secs(60);

/// Two thirds of the time the member is away. The last look of the first half of that is compared with the most of the second: what is bounded
/// grows no more.
pub(crate) async fn measure(options: &Options) -> Vec<Claim> {
    let (time, begun) = (Duration::from_secs_f64(options.soak_minutes * 60.0), Instant::now());
    println!("\none of three members is away, {CLIENTS} clients put values of 1 KiB, compaction each 10 s:");
    println!("  minute |     puts | leader: MiB of memory | of disk | follower: MiB of memory | of disk");
    let mut members = Members::start(&options.folder, &[]).await;
    let away = (members.leader().await + 1) % 3;
    members.kill(away);
    let leader = members.leader().await;
    let other = 3 - leader - away;
    let (mut puts, mut looks) = (0, Vec::new());
    while begun.elapsed() < time {
        let look = LOOK.min(time.saturating_sub(begun.elapsed())).max(Duration::from_secs(1));
        puts += members.soak(CLIENTS, PAUSE, look).await;
        let (at_leader, at_other) = (members.usage(leader), members.usage(other));
        println!(
            "  {:>6.1} | {puts:>8} | {:>21} | {:>7} | {:>23} | {:>7}",
            begun.elapsed().as_secs_f64() / 60.0,
            at_leader.memory_mib,
            at_leader.disk_mib,
            at_other.memory_mib,
            at_other.disk_mib
        );
        looks.push(Use {
            memory_mib: at_leader.memory_mib.max(at_other.memory_mib),
            disk_mib: at_leader.disk_mib.max(at_other.disk_mib),
        });
    }
    let back = Instant::now();
    members.restart(away);
    members.received(away, 1).await;
    members.caught_up(away).await;
    println!(
        "  it is back with all of it {:.1} s after its start: {:?}",
        back.elapsed().as_secs_f64(),
        members.usage(away)
    );
    claims(&looks)
}

fn claims(looks: &[Use]) -> Vec<Claim> {
    let (first, second) = looks.split_at(looks.len() / 2);
    let most = |looks: &[Use], of: fn(&Use) -> u64| looks.iter().map(of).max().unwrap_or(0) as f64;
    let growth = |of: fn(&Use) -> u64| most(second, of) / most(first, of).max(1.0);
    vec![
        Claim::at_most("memory with a member away: second half, of the first", growth(|one| one.memory_mib), 1.25),
        Claim::at_most("disk with a member away: second half, of the first", growth(|one| one.disk_mib), 1.25),
    ]
}
