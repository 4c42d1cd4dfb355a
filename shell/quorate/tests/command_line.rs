//! The program as a shell sees it: what it prints, where, and its exit code. Clusters of real members are tested elsewhere.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

/// Exit code, standard output, standard error.
fn quorate(words: &[&str], folder: &Path, variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(words).current_dir(folder).stdin(Stdio::null());
    // The variables of whoever runs this test are not part of it.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ETCD_")) {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn here() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Six ports in a row that nobody has: found by asking for one and looking at its neighbours.
fn free_base_port() -> u16 {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let free = |offset: u16| {
            port.checked_add(offset).is_some_and(|port| offset == 0 || TcpListener::bind(("127.0.0.1", port)).is_ok())
        };
        if [0, 1, 10, 11, 20, 21].into_iter().all(free) {
            return port;
        }
    }
}

#[test]
fn version_begins_with_the_line_that_scripts_parse() {
    for words in [["--version"].as_slice(), &["-version"], &["serve", "--version"], &["--name", "n1", "--version"]] {
        let (code, out, err) = quorate(words, here().path(), &[]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{words:?}");
        let lines: Vec<&str> = out.lines().collect();
        let version = lines[0].strip_prefix("etcd Version: ").expect("etcd's line first");
        assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "{version}");
        assert_eq!(lines[1], format!("Quorate Version: {}", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn help_lists_what_there_is() {
    let (code, out, _) = quorate(&["--help"], here().path(), &[]);
    assert_eq!(code, Some(0));
    for command in ["dev", "serve", "ctl", "check-history", "model", "sim", "explore"] {
        assert!(out.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))), "{command}: {out}");
    }
    let serve = quorate(&["serve", "-help"], here().path(), &[]);
    assert_eq!((serve.0, serve.1.lines().next()), (Some(0), Some("Run one member of a cluster")));
    assert_eq!(quorate(&["help", "serve"], here().path(), &[]).1.trim_end(), serve.1.trim_end());
    for command in ["dev", "ctl", "check-history", "model", "sim"] {
        assert_eq!(quorate(&[command, "--help"], here().path(), &[]).0, Some(0), "{command}");
    }
}

#[test]
fn nonsense_is_a_usage_error_with_a_way_out() {
    for (words, part) in [
        (["--datadir=x"].as_slice(), "unknown flag --datadir: did you mean --data-dir?"),
        (&["serve", "--election-timeout=100"], "must be at least 5 times --heartbeat-interval (100 ms)"),
        (&["serve", "--cert-file=server.crt"], "--cert-file asks for TLS"),
        (&["serve", "--log-outputs=no/such/folder/log"], "the log file no/such/folder/log can't be opened"),
        (&["starve"], "unrecognized subcommand 'starve'"),
        (&["ctl", "put", "X"], "<VALUE>"),
        (&["ctl", "--endpoints=https://a:1", "get", "X"], "--endpoints: \"https://a:1\" asks for TLS"),
        (&["ctl", "get", "X", "--limit=-1"], "--limit"),
        (&[], "Usage: quorate"),
    ] {
        let (code, out, err) = quorate(words, here().path(), &[]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{words:?}: {err}");
        assert!(err.contains(part), "{words:?}: {err}");
    }
    let (code, _, err) = quorate(&["serve"], here().path(), &[("ETCD_LISTEN_PEER_URLS", "https://[::1]:1")]);
    assert!(code == Some(2) && err.contains("ETCD_LISTEN_PEER_URLS: \"https://[::1]:1\" asks for TLS"), "{err}");
}

#[test]
fn ctl_without_a_cluster_fails_and_says_where_it_looked() {
    let port = free_base_port();
    let (code, out, err) =
        quorate(&["ctl", "--endpoints", &format!("127.0.0.1:{port}"), "put", "X", "3"], here().path(), &[]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.starts_with(&format!("quorate ctl: no member answered: http://127.0.0.1:{port}: ")), "{err}");
}

#[test]
fn dev_names_a_port_in_use_before_it_starts_anything() {
    let folder = here();
    let base = free_base_port();
    let taken = TcpListener::bind(("127.0.0.1", base + 11)).expect("the second member's peer port");
    let (code, out, err) = quorate(&["dev", "--base-port", &base.to_string()], folder.path(), &[]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    let sentence =
        format!("quorate dev: port {} (peers of n2) is in use: stop what listens there, or choose", base + 11);
    assert!(err.starts_with(&sentence), "{err}");
    assert!(!folder.path().join("quorate-data/n1").exists());
    drop(taken);
}

#[test]
fn dev_refuses_a_folder_that_another_dev_has() {
    let folder = here();
    let data = folder.path().join("quorate-data");
    std::fs::create_dir(&data).expect("a folder");
    std::fs::write(data.join("dev.lock"), "4711").expect("written");
    let lock = std::fs::File::open(data.join("dev.lock")).expect("the lock");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).expect("free");
    let (code, _, err) = quorate(&["dev", "--base-port", &free_base_port().to_string()], folder.path(), &[]);
    assert_eq!(code, Some(1));
    assert!(
        err.starts_with("quorate dev: another `quorate dev` (pid 4711) runs on quorate-data: stop it first"),
        "{err}"
    );
}
