//! Folders and ports that a member must not or can't use: one sentence, exit code 1, and what is there stays as it is.

use std::net::TcpListener;

use e2e::{Cluster, Mount, Process, Settings, all_equal, beside_others, free_ports, soon};

fn flag(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}

/// The one sentence of a member that does not start.
async fn refusal(cluster: &mut Cluster, place: usize, flags: &[String]) -> String {
    let (code, said) = cluster.start_in_vain(place, flags).await;
    assert_eq!(code, Some(1), "{said}");
    let errors: Vec<&str> = said.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "one sentence, not {said}");
    errors[0].to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_for_one_member_of_one_cluster_and_one_process() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings::default()).await;
    cluster.client(0).put("a", "1").await.expect("a put");
    (0..3).for_each(|place| cluster.kill(place));

    let others = cluster.data_dir(1).display().to_string();
    let said = refusal(&mut cluster, 0, &[flag("data-dir", &others)]).await;
    let sentence = format!("the data folder {others} belongs to the member \"n2\"");
    assert!(said.contains(&sentence) && said.contains("choose this member's own --data-dir"), "{said}");

    // Flags about the founding mean nothing once there is a folder.
    cluster.start_member_with(0, &[flag("initial-cluster-token", "another"), flag("initial-cluster", "n9=http://h:1")]);
    (1..3).for_each(|place| cluster.start_member(place));
    cluster.wait_ready().await;
    cluster.kill(0);
    let empty = cluster.folder.path().join("empty");
    let flags = [flag("data-dir", empty.display()), flag("initial-cluster-state", "existing")];
    let said = refusal(&mut cluster, 0, &flags).await;
    assert!(said.contains("n1 has started before, on another disk"), "{said}");
    assert!(said.contains("`quorate ctl member remove`") && said.contains("`quorate ctl member add`"), "{said}");
    assert!(!empty.exists(), "a folder was made for nothing");

    cluster.start_member(0);
    cluster.wait_ready().await;
    let ports = free_ports(2);
    let [client, peer] = [0, 1].map(|place| format!("http://127.0.0.1:{}", ports[place]));
    let mut words = cluster.words(0);
    words.extend([flag("listen-client-urls", client), flag("listen-peer-urls", peer)]);
    let mut second = Process::quorate(&words, &cluster.folder.path().join("second.log"));
    let (status, said) = (second.wait_end(soon()).await, second.said());
    assert_eq!(status.code(), Some(1), "{said}");
    let sentence = format!("the data folder {} is in use by another process", cluster.data_dir(0).display());
    assert!(said.contains(&sentence) && said.contains("choose another --data-dir"), "{said}");
    cluster.client(0).put("b", "1").await.expect("all is well");
    assert_eq!(all_equal(&cluster).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_named() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::prepare(Settings::default());
    for (name, port) in [("--listen-client-urls", cluster.client_port(0)), ("--listen-peer-urls", cluster.peer_port(0))]
    {
        let taken = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let said = refusal(&mut cluster, 0, &[]).await;
        let sentence =
            format!("{name}: http://127.0.0.1:{port} is in use: stop what listens there, or choose another port");
        assert!(said.contains(&sentence), "{said}");
        assert!(!cluster.data_dir(0).exists(), "the folder was made for nothing");
        drop(taken);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_cannot_be_written_is_named() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::prepare(Settings { members: 1, ..Settings::default() });
    let file = cluster.folder.path().join("file");
    std::fs::write(&file, "no folder").expect("written");
    let below = file.join("n1").display().to_string();
    let said = refusal(&mut cluster, 0, &[flag("data-dir", &below)]).await;
    assert!(said.contains(&format!("the data folder {below} can't be used: making it failed")), "{said}");

    // Even root can't write to a file system that is mounted read-only.
    let Some(mount) = Mount::tmpfs(cluster.data_dir(0), 256 << 20) else { return };
    mount.remount("ro");
    let folder = cluster.data_dir(0).display().to_string();
    let said = refusal(&mut cluster, 0, &[]).await;
    let sentence = format!("the data folder {folder} can't be used: opening its lock for writing failed: Read-only");
    assert!(said.contains(&sentence), "{said}");
    mount.remount("rw");
    cluster.start_member(0);
    cluster.wait_ready().await;
    cluster.kill(0);
    mount.remount("ro");
    assert!(refusal(&mut cluster, 0, &[]).await.contains(&sentence));
    mount.remount("rw");
    cluster.start_member(0);
    cluster.wait_ready().await;
}
