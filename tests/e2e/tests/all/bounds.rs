//! However much is written, a member's log on disk and its memory stay bounded: what snapshots cover is recycled, what is
//! compacted is dropped.

use std::path::Path;
use std::time::Duration;

use e2e::{Cluster, Settings, all_equal, beside_others, count};

const MIB: u64 = 1 << 20;
const VALUE_BYTES: usize = 32 << 10;
const KEYS: u32 = 64;

/// Bytes that a folder's files take.
fn folder_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    // A snapshot may be replaced while we look.
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Resident memory of a process.
fn memory_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("kilobytes") * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disk_and_memory_stay_bounded() {
    let _turn = beside_others().await;
    let rounds = count(12, 200);
    let mut cluster = Cluster::start(Settings::default().with("--snapshot-count=256")).await;
    let (mut disk, mut memory) = (0, 0);
    for round in 0..rounds {
        let clients = cluster.clients();
        let puts = (0..KEYS).map(|key| {
            let client = clients[key as usize % 3].clone();
            tokio::spawn(async move { client.put(format!("key{key}"), vec![b'v'; VALUE_BYTES]).await })
        });
        let mut revision = 0;
        for put in puts.collect::<Vec<_>>() {
            let answer = put.await.expect("no panic").expect("a put");
            revision = revision.max(answer.header.map_or(0, |header| header.revision));
        }
        if round % 4 == 3 {
            clients[0].compact(revision).await.expect("compacted");
        }
        for place in 0..3 {
            disk = disk.max(folder_bytes(cluster.data_dir(place)));
            memory = memory.max(memory_bytes(cluster.process(place).pid()));
        }
    }
    let written = u64::from(rounds * KEYS) * VALUE_BYTES as u64;
    eprintln!("{} MiB written: at most {} MiB on disk, {} MiB in memory", written / MIB, disk / MIB, memory / MIB);
    assert_eq!(all_equal(&cluster).await.len(), KEYS as usize);
    // Spares, segments that wait for a snapshot (which rests until half of the log's bound), one in use; a snapshot and the one that
    // takes its place.
    assert!(disk <= 256 * MIB, "{} MiB on disk", disk / MIB);
    assert!(memory <= 256 * MIB, "{} MiB in memory", memory / MIB);

    // A restart reads no more than that.
    let start = std::time::Instant::now();
    (0..3).for_each(|place| cluster.kill(place));
    (0..3).for_each(|place| cluster.start_member(place));
    cluster.wait_ready().await;
    eprintln!("all members are back after {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(20), "a restart takes {:?}", start.elapsed());
}
