//! What one member needs to know to run, made from flags and checked as a whole.
//!
//! Pure: knows no disk, no socket, no clock. What only the disk can tell (is the folder empty?) is asked in `run`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use server::{PEER_URLS_BYTES_MAX, peer_urls_bytes};
use thiserror::Error;

use super::flags::Flags;
use super::known::{LEASE_READS, PARENT_PIPE};
use crate::logging::{LogConfig, LogFormat, LogLevel, LogOutput};
use crate::url::{Url, UrlError, joined};

/// Everything that `serve` was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServeConfig {
    /// The member's name, as `initial_cluster` has it.
    pub(crate) name: String,
    /// Where all its files are.
    pub(crate) data_dir: PathBuf,
    /// Where clients are served.
    pub(crate) listen_client_urls: Vec<Url>,
    /// What clients are told to connect to.
    pub(crate) advertise_client_urls: Vec<Url>,
    /// Where peers are served.
    pub(crate) listen_peer_urls: Vec<Url>,
    /// What peers are told to connect to.
    pub(crate) initial_advertise_peer_urls: Vec<Url>,
    /// The members of a new cluster, by name.
    pub(crate) initial_cluster: Vec<InitialMember>,
    /// Whether this start may found a cluster.
    pub(crate) initial_cluster_state: ClusterState,
    /// Tells clusters apart that have the same names and URLs.
    pub(crate) initial_cluster_token: String,
    /// Between two heartbeats of a leader.
    pub(crate) heartbeat_interval: Duration,
    /// Silence of a leader before the others look for a new one; the real one is random between this and twice this.
    pub(crate) election_timeout: Duration,
    /// Bytes of data above which writes are refused; nothing when there is no bound.
    pub(crate) quota_backend_bytes: Option<u64>,
    /// Applied entries between two snapshots.
    pub(crate) snapshot_count: u64,
    /// Bytes of snapshots that are sent in a second while clients write; 0: no bound.
    pub(crate) snapshot_rate: u64,
    /// Largest client request, in bytes.
    pub(crate) max_request_bytes: u32,
    /// Largest number of operations in one transaction.
    pub(crate) max_txn_ops: u32,
    /// How many learners the cluster may have.
    pub(crate) max_learners: u32,
    /// Members are only added and removed while enough others have started.
    pub(crate) strict_reconfig_check: bool,
    /// Linearizable reads are served by the leader's lease; and a cluster that this start founds agrees on a drift bound for it.
    pub(crate) lease_reads: bool,
    /// What is logged, how and where.
    pub(crate) log: LogConfig,
    /// Stop when standard input ends.
    pub(crate) parent_pipe: bool,
}

/// One member of a cluster that is founded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InitialMember {
    /// Its `--name`.
    pub(crate) name: String,
    /// Its `--initial-advertise-peer-urls`.
    pub(crate) peer_urls: Vec<Url>,
}

/// What `--initial-cluster-state` says. On a folder with data it has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClusterState {
    /// Found a cluster with the others.
    New,
    /// Join one that runs.
    Existing,
}

/// Why the flags make no member. Each says what to change.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ConfigError {
    /// A URL that can't be used.
    #[error("{flag}: {error}")]
    Url {
        /// The flag or variable.
        flag: String,
        /// What is wrong with it.
        error: UrlError,
    },
    /// The same URL twice.
    #[error("{flag} names {url} twice")]
    DuplicateUrl {
        /// The flag or variable.
        flag: String,
        /// The URL.
        url: Url,
    },
    /// A name to listen on, instead of an address.
    #[error("{flag}: {url} must have an IP address or localhost: a socket is bound to an address, not to a name")]
    ListenName {
        /// The flag or variable.
        flag: String,
        /// The URL.
        url: Url,
    },
    /// Not a number, or out of range.
    #[error("{flag}={value:?} must be a whole number {range}")]
    Number {
        /// The flag or variable.
        flag: String,
        /// What was given.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// Not one of the words that a flag takes.
    #[error("{flag}={value:?} must be {choices}")]
    Choice {
        /// The flag or variable.
        flag: String,
        /// What was given.
        value: String,
        /// What is allowed.
        choices: &'static str,
    },
    /// A name that can't stand in `initial-cluster`.
    #[error("{flag}={value:?} must not be empty nor contain '=' or ','")]
    Name {
        /// The flag or variable.
        flag: String,
        /// What was given.
        value: String,
    },
    /// More than fits into what members say of themselves to each other.
    #[error("{flag} has {bytes} bytes, and {bytes_max} at most: it stands in every greeting between members")]
    TooLong {
        /// The flag or variable.
        flag: String,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// A value that may not be empty.
    #[error("{0} must not be empty")]
    Empty(String),
    /// An element of `initial-cluster` without `=`.
    #[error("{flag}: {part:?} must have the form NAME=http://HOST:PORT")]
    InitialClusterForm {
        /// The flag or variable.
        flag: String,
        /// The element.
        part: String,
    },
    /// This member is not among the founders.
    #[error("--name {name:?} is not in --initial-cluster, which lists {}: the two must agree", listed.join(", "))]
    NotInInitialCluster {
        /// This member's name.
        name: String,
        /// The names that are.
        listed: Vec<String>,
    },
    /// The two flags that tell this member's peer URLs disagree.
    #[error(
        "--initial-cluster says {name} is at {listed}, but --initial-advertise-peer-urls says {advertised}: make them equal"
    )]
    AdvertisedElsewhere {
        /// This member's name.
        name: String,
        /// As in `initial-cluster`.
        listed: String,
        /// As advertised.
        advertised: String,
    },
    /// Clients are served somewhere, and told nothing.
    #[error("--advertise-client-urls is required when --listen-client-urls is set: it tells clients where to connect")]
    ListenWithoutAdvertise,
    /// Clients are told of another machine, but served on loopback only.
    #[error(
        "--advertise-client-urls tells clients to use {0}, but without --listen-client-urls only this machine is served"
    )]
    AdvertiseWithoutListen(Url),
    /// etcd's rule.
    #[error("--election-timeout ({election} ms) must be at least 5 times --heartbeat-interval ({heartbeat} ms)")]
    ElectionTooShort {
        /// Milliseconds.
        election: u64,
        /// Milliseconds.
        heartbeat: u64,
    },
    /// The same address for two kinds of traffic.
    #[error("{0} is in both --listen-client-urls and --listen-peer-urls: one port can't serve both")]
    SharedPort(Url),
}

const DEFAULT_CLIENT_URL: &str = "http://localhost:2379";
const DEFAULT_PEER_URL: &str = "http://localhost:2380";
const QUOTA_DEFAULT: u64 = 2 << 30;
const SNAPSHOT_COUNT_DEFAULT: u64 = 100_000;
const ELECTION_MILLISECONDS_MAX: u64 = 50_000;
const NAME_BYTES_MAX: usize = 255;

impl ServeConfig {
    /// Makes sense of the flags. `holds_member` says whether a member was made in a folder: then it is not asked whether the
    /// flags would found one.
    pub(crate) fn from_flags(flags: &Flags, holds_member: impl Fn(&Path) -> bool) -> Result<Self, ConfigError> {
        let name = name(flags)?;
        let data_dir = flags.value("data-dir").map_or_else(|| format!("{name}.quorate"), str::to_owned);
        if data_dir.is_empty() {
            return Err(ConfigError::Empty(flags.origin("data-dir")));
        }
        let initial_advertise_peer_urls = urls(flags, "initial-advertise-peer-urls", DEFAULT_PEER_URL)?;
        let initial_cluster = match initial_cluster(flags, &name, &initial_advertise_peer_urls) {
            Err(_) if holds_member(Path::new(&data_dir)) => alone(&name, &initial_advertise_peer_urls),
            founders => founders?,
        };
        let (heartbeat_interval, election_timeout) = times(flags)?;
        let config = Self {
            data_dir: PathBuf::from(data_dir),
            listen_client_urls: listen_urls(flags, "listen-client-urls", DEFAULT_CLIENT_URL)?,
            advertise_client_urls: urls(flags, "advertise-client-urls", DEFAULT_CLIENT_URL)?,
            listen_peer_urls: listen_urls(flags, "listen-peer-urls", DEFAULT_PEER_URL)?,
            initial_advertise_peer_urls,
            initial_cluster,
            initial_cluster_state: cluster_state(flags)?,
            initial_cluster_token: flags.value("initial-cluster-token").unwrap_or("etcd-cluster").to_owned(),
            heartbeat_interval,
            election_timeout,
            quota_backend_bytes: quota(flags)?,
            snapshot_rate: number(flags, "snapshot-rate", node::SNAPSHOT_RATE, "from 0 (no bound) up")?,
            snapshot_count: match number(flags, "snapshot-count", SNAPSHOT_COUNT_DEFAULT, "from 0 (the default) up")? {
                0 => SNAPSHOT_COUNT_DEFAULT,
                count => count,
            },
            max_request_bytes: small(flags, "max-request-bytes", 1_572_864)?,
            max_txn_ops: small(flags, "max-txn-ops", 128)?,
            max_learners: small(flags, "max-learners", 1)?,
            strict_reconfig_check: flags.value("strict-reconfig-check") != Some("false"),
            lease_reads: flags.value(LEASE_READS) == Some("true"),
            log: log(flags)?,
            parent_pipe: flags.value(PARENT_PIPE) == Some("true"),
            name,
        };
        config.check_client_urls(flags)?;
        config.check_lengths(flags)?;
        Ok(config)
    }

    /// All of it goes into one greeting, with room to spare.
    fn check_lengths(&self, flags: &Flags) -> Result<(), ConfigError> {
        let bytes = |urls: &[Url]| peer_urls_bytes(&urls.iter().map(Url::to_string).collect::<Vec<_>>());
        let (peer, client) = (bytes(&self.initial_advertise_peer_urls), bytes(&self.advertise_client_urls));
        for (flag, bytes, bytes_max) in [
            ("name", self.name.len(), NAME_BYTES_MAX),
            ("initial-advertise-peer-urls", peer, PEER_URLS_BYTES_MAX),
            ("advertise-client-urls", client, PEER_URLS_BYTES_MAX / 2),
        ] {
            if bytes > bytes_max {
                return Err(ConfigError::TooLong { flag: flags.origin(flag), bytes, bytes_max });
            }
        }
        Ok(())
    }

    fn check_client_urls(&self, flags: &Flags) -> Result<(), ConfigError> {
        let (listen, advertise) = (flags.value("listen-client-urls"), flags.value("advertise-client-urls"));
        if listen.is_some() && advertise.is_none() {
            return Err(ConfigError::ListenWithoutAdvertise);
        }
        let elsewhere = self.advertise_client_urls.iter().find(|url| !url.is_loopback());
        if let (None, Some(url)) = (listen, elsewhere) {
            return Err(ConfigError::AdvertiseWithoutListen(url.clone()));
        }
        match self.listen_client_urls.iter().find(|url| url.port != 0 && self.listen_peer_urls.contains(url)) {
            Some(url) => Err(ConfigError::SharedPort(url.clone())),
            None => Ok(()),
        }
    }
}

fn name(flags: &Flags) -> Result<String, ConfigError> {
    let name = flags.value("name").unwrap_or("default");
    if name.is_empty() || name.contains(['=', ',']) {
        return Err(ConfigError::Name { flag: flags.origin("name"), value: name.to_owned() });
    }
    Ok(name.to_owned())
}

fn urls(flags: &Flags, flag: &str, default: &str) -> Result<Vec<Url>, ConfigError> {
    let text = flags.value(flag).unwrap_or(default);
    let urls = Url::parse_list(text).map_err(|error| ConfigError::Url { flag: flags.origin(flag), error })?;
    let mut seen = BTreeSet::new();
    match urls.iter().find(|url| !seen.insert(*url)) {
        Some(twice) => Err(ConfigError::DuplicateUrl { flag: flags.origin(flag), url: twice.clone() }),
        None => Ok(urls),
    }
}

fn listen_urls(flags: &Flags, flag: &str, default: &str) -> Result<Vec<Url>, ConfigError> {
    let urls = urls(flags, flag, default)?;
    match urls.iter().find(|url| url.address().is_none()) {
        Some(url) => Err(ConfigError::ListenName { flag: flags.origin(flag), url: url.clone() }),
        None => Ok(urls),
    }
}

/// `n1=http://a:2380,n2=http://b:2380`; a name that comes again adds a URL to its member. Alone when not given.
fn initial_cluster(flags: &Flags, name: &str, advertised: &[Url]) -> Result<Vec<InitialMember>, ConfigError> {
    let flag = flags.origin("initial-cluster");
    let Some(text) = flags.value("initial-cluster") else {
        return Ok(alone(name, advertised));
    };
    let mut members: Vec<InitialMember> = Vec::new();
    let mut seen = BTreeSet::new();
    for part in text.split(',').map(str::trim) {
        let form = || ConfigError::InitialClusterForm { flag: flag.clone(), part: part.to_owned() };
        let (member, url) = part.split_once('=').filter(|(member, _)| !member.is_empty()).ok_or_else(form)?;
        let url = Url::parse(url).map_err(|error| ConfigError::Url { flag: flag.clone(), error })?;
        if !seen.insert(url.clone()) {
            return Err(ConfigError::DuplicateUrl { flag, url });
        }
        match members.iter_mut().find(|known| known.name == member) {
            Some(known) => known.peer_urls.push(url),
            None => members.push(InitialMember { name: member.to_owned(), peer_urls: vec![url] }),
        }
    }
    let Some(own) = members.iter().find(|member| member.name == name) else {
        let listed = members.iter().map(|member| member.name.clone()).collect();
        return Err(ConfigError::NotInInitialCluster { name: name.to_owned(), listed });
    };
    let set = |urls: &[Url]| urls.iter().cloned().collect::<BTreeSet<_>>();
    if set(&own.peer_urls) != set(advertised) {
        return Err(ConfigError::AdvertisedElsewhere {
            name: name.to_owned(),
            listed: joined(&own.peer_urls),
            advertised: joined(advertised),
        });
    }
    Ok(members)
}

fn alone(name: &str, advertised: &[Url]) -> Vec<InitialMember> {
    vec![InitialMember { name: name.to_owned(), peer_urls: advertised.to_vec() }]
}

fn cluster_state(flags: &Flags) -> Result<ClusterState, ConfigError> {
    match flags.value("initial-cluster-state") {
        None | Some("new") => Ok(ClusterState::New),
        Some("existing") => Ok(ClusterState::Existing),
        Some(_) => Err(choice(flags, "initial-cluster-state", "new or existing")),
    }
}

fn times(flags: &Flags) -> Result<(Duration, Duration), ConfigError> {
    let range = "of milliseconds from 1 to 50000";
    let milliseconds = |flag: &str, default| match number(flags, flag, default, range)? {
        milliseconds @ 1..=ELECTION_MILLISECONDS_MAX => Ok(milliseconds),
        _ => Err(wrong_number(flags, flag, range)),
    };
    let heartbeat = milliseconds("heartbeat-interval", 100)?;
    let election = milliseconds("election-timeout", 1000)?;
    if election < 5 * heartbeat {
        return Err(ConfigError::ElectionTooShort { election, heartbeat });
    }
    Ok((Duration::from_millis(heartbeat), Duration::from_millis(election)))
}

/// 0 is the default and a negative number no bound at all, as in etcd.
fn quota(flags: &Flags) -> Result<Option<u64>, ConfigError> {
    let range = "of bytes; 0 is the default (2 GiB), a negative one switches the quota off";
    let Some(text) = flags.value("quota-backend-bytes") else { return Ok(Some(QUOTA_DEFAULT)) };
    let bytes: i64 = text.parse().map_err(|_| wrong_number(flags, "quota-backend-bytes", range))?;
    Ok(if bytes == 0 { Some(QUOTA_DEFAULT) } else { u64::try_from(bytes).ok() })
}

fn small(flags: &Flags, flag: &str, default: u32) -> Result<u32, ConfigError> {
    let range = "from 1 to 4294967295";
    let value = u32::try_from(number(flags, flag, default.into(), range)?);
    value.ok().filter(|value| *value > 0).ok_or_else(|| wrong_number(flags, flag, range))
}

fn number(flags: &Flags, flag: &str, default: u64, range: &'static str) -> Result<u64, ConfigError> {
    flags.value(flag).map_or(Ok(default), |text| text.parse().map_err(|_| wrong_number(flags, flag, range)))
}

fn wrong_number(flags: &Flags, flag: &str, range: &'static str) -> ConfigError {
    let value = flags.value(flag).unwrap_or_default().to_owned();
    ConfigError::Number { flag: flags.origin(flag), value, range }
}

fn choice(flags: &Flags, flag: &str, choices: &'static str) -> ConfigError {
    let value = flags.value(flag).unwrap_or_default().to_owned();
    ConfigError::Choice { flag: flags.origin(flag), value, choices }
}

/// `logger` says how etcd writes its logs; here it only has to be a name that etcd knows.
fn log(flags: &Flags) -> Result<LogConfig, ConfigError> {
    if !matches!(flags.value("logger"), None | Some("zap" | "capnslog")) {
        return Err(choice(flags, "logger", "zap (or capnslog); --log-format chooses between json and console"));
    }
    let level = match flags.value("log-level") {
        None => LogLevel::Info,
        Some(text) => LogLevel::parse(text)
            .ok_or_else(|| choice(flags, "log-level", "one of debug, info, warn, error, panic, fatal"))?,
    };
    let format = match flags.value("log-format") {
        None | Some("console") => LogFormat::Human,
        Some("json") => LogFormat::Json,
        Some(_) => return Err(choice(flags, "log-format", "console or json")),
    };
    let mut outputs = Vec::new();
    for part in flags.value("log-outputs").unwrap_or("default").split(',').map(str::trim) {
        let output = match part {
            "" => return Err(ConfigError::Empty(flags.origin("log-outputs"))),
            "default" | "stderr" | "systemd/journal" => LogOutput::Stderr,
            "stdout" => LogOutput::Stdout,
            path => LogOutput::File(PathBuf::from(path)),
        };
        if !outputs.contains(&output) {
            outputs.push(output);
        }
    }
    Ok(LogConfig { level, format, outputs })
}

#[cfg(test)]
mod tests;
