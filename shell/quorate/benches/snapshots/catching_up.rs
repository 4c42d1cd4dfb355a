//! A member that was away gets the whole state: how fast, beside a plain copy of the same file, and at what cost for clients.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Options;
use crate::copy;
use crate::members::{Members, Turn};
use crate::verdict::{Claim, ELECTION_TIMEOUT_MS};

/// So much more is written before each further round, so that the log does not do.
const MORE_MIB: usize = 96;

/// Again and again away and back; the last time under load.
pub(crate) async fn measure(options: &Options) -> Vec<Claim> {
    println!("\na member that was away for {} MiB:", options.mib);
    let mut members = Members::start(&options.folder, &[]).await;
    let away = (members.leader().await + 1) % 3;
    let mut ratios = Vec::new();
    for round in 1..=options.rounds.max(1) {
        members.kill(away);
        members.fill(if round == 1 { options.mib } else { MORE_MIB }).await;
        members.settled().await;
        ratios.push(catch_up(&mut members, away, options, round).await);
    }
    ratios.sort_by(f64::total_cmp);
    let [_, installing, any] = members.longest_turns_ms();
    println!("  longest turn of a loop that took a snapshot in {installing:.1} ms, of all {any:.1} ms");
    let mut claims = vec![
        Claim::at_least("rate of a member that catches up, of a plain copy", ratios[ratios.len() / 2], 0.5),
        Claim::at_most("longest turn of a loop that took a snapshot in, ms", installing, ELECTION_TIMEOUT_MS / 2.0),
    ];
    claims.extend(under_load(&mut members, away, options).await);
    claims
}

/// The rate of the transfer, of that of a plain copy just before and just after.
async fn catch_up(members: &mut Members, away: usize, options: &Options, round: usize) -> f64 {
    let file = members.newest_snapshot(members.leader().await);
    let mib = std::fs::metadata(&file).expect("the snapshot is there").len() as f64 / 1_048_576.0;
    let before = timed_copy(&file, &options.folder);
    let begun = Instant::now();
    members.restart(away);
    let (arrived, installed) = members.received(away, round).await;
    let all = begun.elapsed();
    let after = timed_copy(&file, &options.folder);
    let copied = (before + after).as_secs_f64() / 2.0;
    let ratio = copied / (arrived as f64 / 1e3);
    println!(
        "  round {round}: {mib:.0} MiB; plain copy {:.2} s before, {:.2} s after; the bytes arrived in {:.2} s, {ratio:.2} of the rate of a \
         copy; sync, check and state machine {:.2} s; {:.1} s since the process was started; most memory: {}",
        before.as_secs_f64(),
        after.as_secs_f64(),
        arrived as f64 / 1e3,
        installed as f64 / 1e3,
        all.as_secs_f64(),
        members.peak_memory()
    );
    ratio
}

/// With its bytes in the machine's cache, as they are for the sender.
fn timed_copy(file: &Path, folder: &Path) -> Duration {
    copy::read(file);
    copy::copy(file, &folder.join("copied"))
}

/// Clients put while the member catches up, and while it has.
async fn under_load(members: &mut Members, away: usize, options: &Options) -> Vec<Claim> {
    members.kill(away);
    members.fill(MORE_MIB).await;
    members.settled().await;
    let time = Duration::from_secs_f64(options.seconds);
    let alone = members.load(options.clients, time).await;
    members.restart(away);
    let during = members.load(options.clients, time).await;
    let (arrived, _) = members.received(away, options.rounds.max(1) + 1).await;
    let after = members.load(options.clients, time).await;
    for (name, turn) in [("while it is away", alone), ("while it comes back", during), ("afterwards", after)] {
        let Turn { per_second, p50_ms, p99_ms, longest_ms } = turn;
        println!(
            "  {name:>20}: {per_second:>6.0} puts/s, p50 {p50_ms:.2} ms, p99 {p99_ms:.1} ms, longest {longest_ms:.1} ms"
        );
    }
    println!("  the bytes arrived in {:.2} s under load (at most --snapshot-rate)", arrived as f64 / 1e3);
    let what = "longest put while a member gets a snapshot, ms (T is 1000)";
    vec![Claim::at_most(what, during.longest_ms, ELECTION_TIMEOUT_MS)]
}
