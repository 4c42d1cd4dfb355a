//! Tables: flags and variables in, settings or a sentence out.

use std::ffi::OsString;

use super::super::flags::{self, Request};
use super::*;

fn parse(words: &[&str], environment: &[(&str, &str)]) -> Result<ServeConfig, String> {
    let words: Vec<OsString> = words.iter().map(Into::into).collect();
    let environment: Vec<(OsString, OsString)> = environment.iter().map(|(k, v)| (k.into(), v.into())).collect();
    match flags::read(&words, &environment).map_err(|error| error.to_string())? {
        Request::Serve(flags) => ServeConfig::from_flags(&flags, |_| false).map_err(|error| error.to_string()),
        other => panic!("{words:?} asks for {other:?}"),
    }
}

fn config(words: &[&str]) -> ServeConfig {
    parse(words, &[]).expect("good flags")
}

fn refusal(words: &[&str]) -> String {
    parse(words, &[]).expect_err("bad flags")
}

#[test]
fn defaults_are_etcds_but_for_the_folder() {
    let url = |text| vec![Url::parse(text).expect("a URL")];
    let expected = ServeConfig {
        name: "default".to_owned(),
        data_dir: PathBuf::from("default.quorate"),
        listen_client_urls: url("http://localhost:2379"),
        advertise_client_urls: url("http://localhost:2379"),
        listen_peer_urls: url("http://localhost:2380"),
        initial_advertise_peer_urls: url("http://localhost:2380"),
        initial_cluster: vec![InitialMember { name: "default".to_owned(), peer_urls: url("http://localhost:2380") }],
        initial_cluster_state: ClusterState::New,
        initial_cluster_token: "etcd-cluster".to_owned(),
        heartbeat_interval: Duration::from_millis(100),
        election_timeout: Duration::from_millis(1000),
        quota_backend_bytes: Some(2 * 1024 * 1024 * 1024),
        snapshot_count: 100_000,
        snapshot_rate: 64 << 20,
        max_request_bytes: 1_572_864,
        max_txn_ops: 128,
        max_learners: 1,
        strict_reconfig_check: true,
        lease_reads: false,
        log: LogConfig { level: LogLevel::Info, format: LogFormat::Human, outputs: vec![LogOutput::Stderr] },
        parent_pipe: false,
    };
    assert_eq!(config(&[]), expected);
}

/// The flags of a usual three-member cluster, as operators write them.
const THREE: [&str; 8] = [
    "--name=n2",
    "-data-dir=/var/lib/n2",
    "--listen-client-urls=http://0.0.0.0:2379",
    "--advertise-client-urls=http://10.0.0.2:2379",
    "--listen-peer-urls=http://0.0.0.0:2380",
    "--initial-advertise-peer-urls=http://10.0.0.2:2380",
    "--initial-cluster=n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380,n3=http://10.0.0.3:2380",
    "--initial-cluster-token=blue",
];

#[test]
fn a_usual_cluster() {
    let config = config(&THREE);
    assert_eq!((config.name.as_str(), config.data_dir.to_str()), ("n2", Some("/var/lib/n2")));
    let members: Vec<String> =
        config.initial_cluster.iter().map(|member| format!("{} {}", member.name, joined(&member.peer_urls))).collect();
    assert_eq!(members, ["n1 http://10.0.0.1:2380", "n2 http://10.0.0.2:2380", "n3 http://10.0.0.3:2380"]);
    assert_eq!(config.initial_cluster_token, "blue");
}

#[test]
fn the_same_cluster_from_variables_and_flags_over_them() {
    let variables: Vec<(String, &str)> = THREE
        .iter()
        .filter_map(|flag| flag.trim_start_matches('-').split_once('='))
        .map(|(name, value)| (super::super::known::variable(name), value))
        .collect();
    let environment: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(parse(&[], &environment), Ok(config(&THREE)));

    let over = parse(&["--initial-cluster-token", "green"], &environment).expect("good flags");
    assert_eq!((over.initial_cluster_token.as_str(), over.name.as_str()), ("green", "n2"));
}

#[test]
fn numbers_and_words() {
    let config = config(&[
        "--heartbeat-interval=20",
        "--election-timeout=100",
        "--quota-backend-bytes=-1",
        "--snapshot-count=0",
        "--max-request-bytes=1000",
        "--max-txn-ops=7",
        "--initial-cluster-state=existing",
        "--logger=zap",
        "--log-level=warn",
        "--log-format=json",
        "--log-outputs=stdout,member.log,stdout,default",
    ]);
    assert_eq!(
        (config.heartbeat_interval, config.election_timeout),
        (Duration::from_millis(20), Duration::from_millis(100))
    );
    assert_eq!((config.quota_backend_bytes, config.snapshot_count), (None, 100_000));
    assert_eq!((config.max_request_bytes, config.max_txn_ops), (1000, 7));
    assert_eq!(config.initial_cluster_state, ClusterState::Existing);
    let outputs = vec![LogOutput::Stdout, LogOutput::File(PathBuf::from("member.log")), LogOutput::Stderr];
    assert_eq!(config.log, LogConfig { level: LogLevel::Warn, format: LogFormat::Json, outputs });
    assert_eq!(self::config(&["--quota-backend-bytes=0"]).quota_backend_bytes, Some(QUOTA_DEFAULT));
    assert_eq!(self::config(&["--quota-backend-bytes=4096"]).quota_backend_bytes, Some(4096));
}

#[test]
fn a_member_may_have_several_peer_urls() {
    let config = config(&[
        "--name=a",
        "--initial-cluster=a=http://10.0.0.1:1,b=http://10.0.0.2:1,a=http://10.0.1.1:1",
        "--initial-advertise-peer-urls=http://10.0.1.1:1,http://10.0.0.1:1",
    ]);
    assert_eq!(config.initial_cluster.len(), 2);
    assert_eq!(joined(&config.initial_cluster[0].peer_urls), "http://10.0.0.1:1,http://10.0.1.1:1");
}

#[test]
fn bad_values_name_the_flag_the_value_and_what_is_allowed() {
    for (flag, part) in [
        ("--heartbeat-interval=0", "must be a whole number of milliseconds from 1 to 50000"),
        ("--heartbeat-interval=fast", "--heartbeat-interval=\"fast\" must be a whole number"),
        ("--election-timeout=50001", "from 1 to 50000"),
        ("--election-timeout=499", "must be at least 5 times --heartbeat-interval (100 ms)"),
        ("--quota-backend-bytes=2GB", "--quota-backend-bytes=\"2GB\" must be a whole number of bytes"),
        ("--snapshot-count=-1", "must be a whole number from 0"),
        ("--max-request-bytes=0", "from 1 to 4294967295"),
        ("--max-txn-ops=4294967296", "from 1 to 4294967295"),
        ("--initial-cluster-state=old", "--initial-cluster-state=\"old\" must be new or existing"),
        ("--logger=log4j", "--logger=\"log4j\" must be zap"),
        ("--log-level=loud", "must be one of debug, info"),
        ("--log-format=xml", "must be console or json"),
        ("--log-outputs=", "--log-outputs must not be empty"),
        ("--name=", "--name=\"\" must not be empty"),
        ("--name=a=b", "nor contain '='"),
        ("--data-dir=", "--data-dir must not be empty"),
        ("--listen-peer-urls=localhost:2380", "--listen-peer-urls: \"localhost:2380\" must begin with http://"),
        ("--listen-peer-urls=https://localhost:2380", "asks for TLS"),
        ("--listen-peer-urls=http://a.example.com:2380", "must have an IP address or localhost"),
        ("--listen-peer-urls=http://[::1]:1,http://[::1]:1", "--listen-peer-urls names http://[::1]:1 twice"),
        ("--listen-peer-urls=http://localhost:2379", "in both --listen-client-urls and --listen-peer-urls"),
    ] {
        let refusal = refusal(&[flag]);
        assert!(refusal.contains(part), "{flag}: {refusal}");
    }
}

#[test]
fn contradictions_name_both_sides() {
    for (words, part) in [
        (["--listen-client-urls=http://0.0.0.0:1"].as_slice(), "--advertise-client-urls is required"),
        (&["--advertise-client-urls=http://10.0.0.1:2379"], "without --listen-client-urls only this machine is served"),
        (
            &["--name=n4", "--initial-cluster=n1=http://a:1,n2=http://b:1"],
            "--name \"n4\" is not in --initial-cluster, which lists n1, n2",
        ),
        (
            &["--name=n1", "--initial-cluster=n1=http://10.0.0.1:2380"],
            "--initial-cluster says n1 is at http://10.0.0.1:2380, but --initial-advertise-peer-urls says http://localhost:2380",
        ),
        (&["--initial-cluster=default"], "\"default\" must have the form NAME=http://HOST:PORT"),
        (&["--initial-cluster==http://a:1"], "must have the form"),
        (&["--initial-cluster=a=http://a:1,b=http://a:1"], "--initial-cluster names http://a:1 twice"),
        (&["--initial-cluster=a=https://a:1"], "asks for TLS"),
    ] {
        let refusal = refusal(words);
        assert!(refusal.contains(part), "{words:?}: {refusal}");
    }
    let from_variable = parse(&[], &[("ETCD_LOG_LEVEL", "loud")]).expect_err("a bad variable");
    assert!(from_variable.starts_with("ETCD_LOG_LEVEL=\"loud\" must be"), "{from_variable}");
}

#[test]
fn advertising_this_machine_needs_no_listen_flag() {
    assert!(parse(&["--advertise-client-urls=http://127.0.0.1:2379"], &[]).is_ok());
}
