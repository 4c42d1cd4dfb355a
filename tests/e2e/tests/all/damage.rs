//! Files that are not as they were written. Damage is refused with file, offset and what to do, and nothing is changed; a write
//! that a crash cut short is no damage.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::{Cluster, Settings, all_equal, beside_others, flip, newest, overwrite, truncate};

/// Names and contents of a folder.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.map(|path| (path.clone(), fs::read(path).expect("a file"))).collect()
}

fn put_back(folder: &Path, files: &Files) {
    fs::remove_dir_all(folder).and_then(|()| fs::create_dir(folder)).expect("an empty folder");
    files.iter().for_each(|(path, bytes)| fs::write(path, bytes).expect("written"));
}

fn log_file(folder: &Path) -> PathBuf {
    newest(folder, |name| name.starts_with("log-"))
}

fn snapshot_file(folder: &Path) -> PathBuf {
    newest(folder, |name| name.starts_with("snapshot-") && name.ends_with(".snap"))
}

/// How much of a file is not zeros at its end.
fn used(file: &Path) -> u64 {
    let bytes = fs::read(file).expect("a file");
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |place| place as u64 + 1)
}

/// The first byte from there on that is not zero. The log fills up with zeros what its checksums leave out: a bit that turns there
/// changes nothing, and nobody looks at it.
fn byte_that_counts(file: &Path, from: u64) -> u64 {
    let bytes = fs::read(file).expect("a file");
    let from = usize::try_from(from).expect("small");
    bytes[from..]
        .iter()
        .position(|byte| *byte != 0)
        .map_or_else(|| panic!("only zeros after {from}"), |more| (from + more) as u64)
}

/// A cluster that has written much, whose first member was killed.
async fn with_a_patient() -> Cluster {
    let mut cluster = Cluster::start(Settings::default().with("--snapshot-count=100")).await;
    for number in 0..250 {
        cluster.client(number % 3).put(format!("key{number}"), vec![b'v'; 300]).await.expect("a put");
    }
    all_equal(&cluster).await;
    cluster.kill(0);
    cluster
}

/// Damages the first member's folder, and expects it to refuse to start with these words, changing nothing.
async fn refuses(cluster: &mut Cluster, what: &str, damage: impl Fn(&Path), words: &[&str]) -> String {
    let folder = cluster.data_dir(0).to_owned();
    let good = files(&folder);
    damage(&folder);
    let damaged = files(&folder);
    let (code, said) = cluster.start_in_vain(0, &[]).await;
    assert_eq!(code, Some(1), "{what}: {said}");
    let errors: Vec<&str> = said.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{what}: one sentence, not {errors:#?}");
    for word in words {
        assert!(errors[0].contains(word), "{what}: no {word:?} in {}", errors[0]);
    }
    assert!(files(&folder) == damaged, "{what}: a refused start changed the folder");
    put_back(&folder, &good);
    errors[0].to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_log_is_refused() {
    let _turn = beside_others().await;
    let mut cluster = with_a_patient().await;
    let advice = "remove the member from the cluster and add it again with an empty folder";
    let log = log_file(cluster.data_dir(0));
    let (name, end) = (log.file_name().expect("a name").to_string_lossy().into_owned(), used(&log));
    for eighth in 1..8 {
        let at = byte_that_counts(&log, end * eighth / 8);
        let said = refuses(&mut cluster, "a turned bit", |folder| flip(&log_file(folder), at), &[&name, advice]).await;
        let told = said.split("is damaged at byte ").nth(1).and_then(|rest| rest.split(':').next());
        let told: u64 = told.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no offset in {said}"));
        assert!(told <= at && at - told < 4096, "damaged at {at}, told was {told}: {said}");
    }
    for length in [0, 7, end / 2, end] {
        refuses(&mut cluster, "a cut log", |folder| truncate(&log_file(folder), length), &[&name, advice]).await;
    }
    let zeros = vec![0; usize::try_from(end / 2).expect("small")];
    let what = "zeros over the first half";
    refuses(&mut cluster, what, |folder| overwrite(&log_file(folder), 0, &zeros), &[&name, advice]).await;
    let gone = |folder: &Path| fs::remove_file(log_file(folder)).expect("removed");
    refuses(&mut cluster, "no log", gone, &["log is gone", advice]).await;

    cluster.start_member(0);
    cluster.wait_ready().await;
    assert_eq!(all_equal(&cluster).await.len(), 250);
}

/// The entries that a snapshot covers, by its name.
fn covered(file: &Path) -> u64 {
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    let index = name.split('-').nth(1).and_then(|digits| digits.parse().ok());
    index.unwrap_or_else(|| panic!("{name} says no index"))
}

/// Both clusters have a first member of the same number and the same name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_snapshot_of_another_cluster_is_refused() {
    let _turn = beside_others().await;
    let mut cluster = with_a_patient().await;
    let here = covered(&snapshot_file(cluster.data_dir(0)));
    let mut other = Cluster::start(Settings::default().with("--snapshot-count=100")).await;
    let mut puts = 0;
    while covered(&snapshot_file(other.data_dir(0))) <= here {
        other.client(0).put(format!("other{puts}"), "v").await.expect("a put");
        puts += 1;
    }
    other.kill(0);
    let theirs = snapshot_file(other.data_dir(0));
    let put_in = |folder: &Path| {
        let name = theirs.file_name().expect("a name");
        fs::copy(&theirs, folder.join(name)).expect("copied");
    };
    let words = ["another cluster's file", "empty folder"];
    refuses(&mut cluster, "another cluster's snapshot", put_in, &words).await;

    cluster.start_member(0);
    cluster.wait_ready().await;
    assert_eq!(all_equal(&cluster).await.len(), 250);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_end_of_the_log_is_cut_off() {
    let _turn = beside_others().await;
    let mut cluster = with_a_patient().await;
    // A power cut: nobody remembers what the first member had, and the last record of its last write is not all there.
    (1..3).for_each(|place| cluster.kill(place));
    let log = log_file(cluster.data_dir(0));
    overwrite(&log, used(&log) - 8, &[0; 8]);
    (0..3).for_each(|place| cluster.start_member(place));
    cluster.wait_ready().await;
    assert!(cluster.log(0).contains("cut short by a crash"), "{}", cluster.log(0));
    cluster.client(0).put("after", "1").await.expect("all is well");
    assert_eq!(all_equal(&cluster).await.len(), 251);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_snapshot_is_refused() {
    let _turn = beside_others().await;
    let mut cluster = with_a_patient().await;
    let file = snapshot_file(cluster.data_dir(0));
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    let length = fs::metadata(&file).expect("a file").len();
    let advice = "empty folder";
    for at in [0, length / 3, length / 2, length - 1] {
        refuses(&mut cluster, "a turned bit", |folder| flip(&snapshot_file(folder), at), &[&name, advice]).await;
    }
    for cut in [0, length / 2, length - 1] {
        refuses(&mut cluster, "a cut snapshot", |folder| truncate(&snapshot_file(folder), cut), &[&name, advice]).await;
    }
    let gone = |folder: &Path| fs::remove_file(snapshot_file(folder)).expect("removed");
    refuses(&mut cluster, "no snapshot", gone, &["snapshot", advice]).await;
    let identity = |folder: &Path| flip(&folder.join("identity"), 20);
    refuses(&mut cluster, "a turned bit in the identity", identity, &["identity is damaged", advice]).await;

    cluster.start_member(0);
    cluster.wait_ready().await;
    assert_eq!(all_equal(&cluster).await.len(), 250);
}
