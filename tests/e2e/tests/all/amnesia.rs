//! A member whose disk forgot something: it must not vote again, because it may have voted already.

use std::fs;
use std::path::Path;
use std::time::Duration;

use e2e::{Client, Cluster, Settings, all_equal, beside_others, soon, wait_until};

const WIPED: &str = "comes with another disk than before: its data folder was wiped or replaced";
/// The exit code of a member whose folder is another one.
const ANOTHER_DISK: i32 = 4;
const RESTORED: &str = "comes with an earlier state of its disk than before";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

fn replace(folder: &Path, by: &Path) {
    fs::remove_dir_all(folder).expect("wiped");
    copy(by, folder);
}

/// n1 or n2 says why it refuses n3, and n3 hears of it.
async fn is_refused(cluster: &Cluster, sentence: &str) {
    wait_until("a peer says why it refuses n3", soon(), async || {
        (cluster.log(0).contains(sentence) || cluster.log(1).contains(sentence)).then_some(())
    })
    .await;
    wait_until("n3 is told", soon(), async || cluster.log(2).contains(sentence).then_some(())).await;
}

/// n1 and n2 go on without n3; then n2 is gone.
async fn n1_is_alone(cluster: &mut Cluster) -> Client {
    // n3 may have led: a put that was passed to it then is answered "unknown", and asked again here.
    let client = cluster.client(0);
    let put = async || client.put("two of three", "1").await.ok();
    wait_until("n1 and n2 are a majority", soon(), put).await;

    cluster.kill(1);
    let lone = cluster.client(0);
    wait_until("n1 knows that nobody leads", soon(), async || {
        lone.status().await.ok().filter(|status| status.leader == 0)
    })
    .await;
    lone
}

/// Nobody leads among these, for as long as many elections take.
async fn nobody_leads(cluster: &Cluster, places: &[usize]) {
    let until = std::time::Instant::now() + 10 * cluster.election_timeout();
    while std::time::Instant::now() < until {
        for place in places {
            let status = cluster.client(*place).status().await.expect("a status");
            assert_eq!(status.leader, 0, "n1 and a forgetful n3 elected a leader");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_member_does_not_vote() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings::default()).await;
    cluster.client(0).put("a", "1").await.expect("a put");
    all_equal(&cluster).await;
    let kept = cluster.folder.path().join("kept");
    cluster.kill(2);
    copy(cluster.data_dir(2), &kept);
    fs::remove_dir_all(cluster.data_dir(2)).expect("wiped");
    // As its operator would start it again, with the flags of its first start: it ends by itself, and says what to do.
    let (code, said) = cluster.start_in_vain(2, &[]).await;
    assert_eq!(code, Some(ANOTHER_DISK), "{said}");
    assert!(said.contains(WIPED) && said.contains("put the old folder back"), "{said}");
    is_refused(&cluster, WIPED).await;
    // So it does with whomever it reaches, and however often it is started on what it wrote.
    let lone = n1_is_alone(&mut cluster).await;
    for _ in 0..3 {
        let (code, said) = cluster.start_in_vain(2, &[]).await;
        assert_eq!(code, Some(ANOTHER_DISK), "{said}");
        assert_eq!(lone.status().await.expect("a status").leader, 0, "n1 and a forgetful n3 elected a leader");
    }
    nobody_leads(&cluster, &[0]).await;
    assert!(lone.put("refused", "1").await.is_err());

    // The folder is found again, and all is well.
    replace(cluster.data_dir(2), &kept);
    cluster.start_member(1);
    cluster.start_member(2);
    cluster.wait_ready().await;
    assert_eq!(all_equal(&cluster).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_from_an_old_copy_does_not_vote() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings::default()).await;
    let old = cluster.folder.path().join("old");
    cluster.kill(2);
    copy(cluster.data_dir(2), &old);
    // One life is enough: the copy then counts its start like the life that it lacks, and only its birth is another.
    cluster.start_member(2);
    cluster.wait_ready().await;
    cluster.client(2).put("life", "1").await.expect("a put");
    cluster.kill(2);
    let newest = cluster.folder.path().join("newest");
    copy(cluster.data_dir(2), &newest);
    replace(cluster.data_dir(2), &old);
    cluster.start_member(2);
    is_refused(&cluster, RESTORED).await;
    let lone = n1_is_alone(&mut cluster).await;
    nobody_leads(&cluster, &[0, 2]).await;
    assert!(lone.put("refused", "1").await.is_err());

    cluster.kill(2);
    replace(cluster.data_dir(2), &newest);
    cluster.start_member(1);
    cluster.start_member(2);
    cluster.wait_ready().await;
    assert_eq!(all_equal(&cluster).await.len(), 2);
}
