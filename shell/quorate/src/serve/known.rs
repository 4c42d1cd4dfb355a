//! Every flag that etcd 3.4 to 3.6 knows, and what becomes of it here: in force, without effect, or refused because ignoring it
//! would serve something else than what the operator asked for.
//!
//! Knows names and effects; reads no values.

/// What a flag does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It means what it means in etcd.
    InForce,
    /// Accepted with a warning. Silent when the value is what this server does anyway.
    Without {
        /// The value that needs no warning.
        anyway: &'static str,
    },
    /// Refused, unless it only says that the thing is off.
    Refused {
        /// The value that switches it off.
        off: &'static str,
        /// Why ignoring it would be wrong, and what to do.
        because: &'static str,
    },
}

/// One flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// Without dashes.
    pub(crate) name: &'static str,
    /// Stands alone, or takes `=true` or `=false`; never the next word.
    pub(crate) boolean: bool,
    /// What it does here.
    pub(crate) effect: Effect,
}

const IN_FORCE: &[&str] = &[
    "name",
    "data-dir",
    "listen-client-urls",
    "advertise-client-urls",
    "listen-peer-urls",
    "initial-advertise-peer-urls",
    "initial-cluster",
    "initial-cluster-state",
    "initial-cluster-token",
    "heartbeat-interval",
    "election-timeout",
    "quota-backend-bytes",
    "snapshot-count",
    "snapshot-rate",
    "max-request-bytes",
    "max-txn-ops",
    "max-learners",
    "logger",
    "log-level",
    "log-format",
    "log-outputs",
];

/// A switch of etcd's that is in force.
const STRICT: &str = "strict-reconfig-check";

/// Our own: linearizable reads by the leader's lease.
pub(crate) const LEASE_READS: &str = "lease-reads";

/// Our own: stop when standard input ends. `dev` starts its members with it, so that they never outlive it.
pub(crate) const PARENT_PIPE: &str = "parent-pipe";

const TLS: &str = "asks for TLS, which Quorate does not have yet, and serving plaintext instead would be worse than not \
                   serving: leave the flag out and keep the ports on a trusted network";
const TLS_VALUES: &[&str] = &[
    "cert-file",
    "key-file",
    "client-cert-file",
    "client-key-file",
    "client-crl-file",
    "client-cert-allowed-hostname",
    "trusted-ca-file",
    "ca-file",
    "peer-cert-file",
    "peer-key-file",
    "peer-client-cert-file",
    "peer-client-key-file",
    "peer-crl-file",
    "peer-cert-allowed-cn",
    "peer-cert-allowed-hostname",
    "peer-trusted-ca-file",
    "peer-ca-file",
];
const TLS_SWITCHES: &[&str] = &["client-cert-auth", "auto-tls", "peer-client-cert-auth", "peer-auto-tls"];

const DISCOVERY: &str = "is not supported: list the members in --initial-cluster";
const REFUSED: &[(&str, bool, &str, &str)] = &[
    ("config-file", false, "", "is not read, and its settings would be lost: give them as flags or ETCD_* variables"),
    ("discovery", false, "", DISCOVERY),
    ("discovery-endpoints", false, "", DISCOVERY),
    ("discovery-srv", false, "", DISCOVERY),
    ("discovery-token", false, "", DISCOVERY),
    ("force-new-cluster", true, "false", "is not supported: it would rewrite who the members are"),
    ("host-whitelist", false, "*", "restricts who may ask, which is not done here: leave it out or set it to *"),
    ("proxy", false, "off", "is not supported: point clients at the members"),
];

/// Flags that take a value and change nothing here, with the value that is what happens anyway.
const VALUES_WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("auth-token", "simple"),
    ("auth-token-ttl", ""),
    ("auto-compaction-mode", ""),
    ("auto-compaction-retention", "0"),
    ("backend-batch-interval", ""),
    ("backend-batch-limit", ""),
    ("backend-bbolt-freelist-type", ""),
    ("bcrypt-cost", ""),
    ("bootstrap-defrag-threshold-megabytes", "0"),
    ("cipher-suites", ""),
    ("compact-hash-check-time", ""),
    ("compaction-batch-limit", ""),
    ("compaction-sleep-interval", ""),
    ("cors", ""),
    ("corrupt-check-time", ""),
    ("discovery-cacert", ""),
    ("discovery-cert", ""),
    ("discovery-dial-timeout", ""),
    ("discovery-fallback", ""),
    ("discovery-keepalive-time", ""),
    ("discovery-keepalive-timeout", ""),
    ("discovery-key", ""),
    ("discovery-password", ""),
    ("discovery-proxy", ""),
    ("discovery-request-timeout", ""),
    ("discovery-srv-name", ""),
    ("discovery-user", ""),
    ("distributed-tracing-address", ""),
    ("distributed-tracing-instance-id", ""),
    ("distributed-tracing-sampling-rate", ""),
    ("distributed-tracing-service-name", ""),
    ("downgrade-check-time", ""),
    ("experimental-bootstrap-defrag-threshold-megabytes", "0"),
    ("experimental-compact-hash-check-time", ""),
    ("experimental-compaction-batch-limit", ""),
    ("experimental-compaction-sleep-interval", ""),
    ("experimental-corrupt-check-time", ""),
    ("experimental-distributed-tracing-address", ""),
    ("experimental-distributed-tracing-instance-id", ""),
    ("experimental-distributed-tracing-sampling-rate", ""),
    ("experimental-distributed-tracing-service-name", ""),
    ("experimental-downgrade-check-time", ""),
    ("experimental-enable-v2v3", ""),
    ("experimental-max-learners", ""),
    ("experimental-snapshot-catchup-entries", ""),
    ("experimental-snapshot-catch-up-entries", ""),
    ("experimental-wait-cluster-ready-timeout", ""),
    ("experimental-warning-apply-duration", ""),
    ("experimental-warning-unary-request-duration", ""),
    ("experimental-watch-progress-notify-interval", ""),
    ("feature-gates", ""),
    ("grpc-keepalive-interval", ""),
    ("grpc-keepalive-min-time", ""),
    ("grpc-keepalive-timeout", ""),
    ("listen-client-http-urls", ""),
    ("listen-metrics-urls", ""),
    ("log-output", ""),
    ("log-package-levels", ""),
    ("log-rotation-config-json", ""),
    ("max-concurrent-streams", ""),
    ("max-snapshots", ""),
    ("max-wals", ""),
    ("metrics", "basic"),
    ("proxy-dial-timeout", ""),
    ("proxy-failure-wait", ""),
    ("proxy-read-timeout", ""),
    ("proxy-refresh-interval", ""),
    ("proxy-write-timeout", ""),
    ("raft-read-timeout", ""),
    ("raft-write-timeout", ""),
    ("self-signed-cert-validity", ""),
    ("snapshot-catchup-entries", ""),
    ("tls-max-version", ""),
    ("tls-min-version", ""),
    ("v2-deprecation", ""),
    ("wal-dir", ""),
    ("warning-apply-duration", ""),
    ("warning-unary-request-duration", ""),
    ("watch-progress-notify-interval", ""),
];

/// Switches that change nothing here, with the setting that is what happens anyway.
const SWITCHES_WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("debug", "false"),
    ("disable-log-sampling", ""),
    ("discovery-insecure-skip-tls-verify", ""),
    ("discovery-insecure-transport", ""),
    ("enable-distributed-tracing", "false"),
    ("enable-grpc-gateway", "false"),
    ("enable-log-rotation", "false"),
    ("enable-pprof", "false"),
    ("enable-v2", "false"),
    ("experimental-compact-hash-check-enabled", "false"),
    ("experimental-enable-distributed-tracing", "false"),
    ("experimental-enable-lease-checkpoint", ""),
    ("experimental-enable-lease-checkpoint-persist", ""),
    ("experimental-initial-corrupt-check", "false"),
    ("experimental-memory-mlock", "false"),
    ("experimental-peer-skip-client-san-verification", ""),
    ("experimental-stop-grpc-service-on-defrag", "false"),
    ("experimental-txn-mode-write-with-shared-buffer", ""),
    ("initial-election-tick-advance", ""),
    ("memory-mlock", "false"),
    ("peer-skip-client-san-verification", ""),
    ("pre-vote", "true"),
    ("socket-reuse-address", ""),
    ("socket-reuse-port", "false"),
    ("unsafe-no-fsync", "false"),
];

/// Every flag that is understood.
pub(crate) fn all() -> impl Iterator<Item = Known> {
    let known = |name, boolean, effect| Known { name, boolean, effect };
    let in_force = IN_FORCE.iter().map(move |&name| known(name, false, Effect::InForce));
    let own = [STRICT, LEASE_READS, PARENT_PIPE].into_iter().map(move |name| known(name, true, Effect::InForce));
    let tls_values = TLS_VALUES.iter().map(move |&name| known(name, false, Effect::Refused { off: "", because: TLS }));
    let tls_switches =
        TLS_SWITCHES.iter().map(move |&name| known(name, true, Effect::Refused { off: "false", because: TLS }));
    let refused = REFUSED
        .iter()
        .map(move |&(name, boolean, off, because)| known(name, boolean, Effect::Refused { off, because }));
    let values =
        VALUES_WITHOUT_EFFECT.iter().map(move |&(name, anyway)| known(name, false, Effect::Without { anyway }));
    let switches =
        SWITCHES_WITHOUT_EFFECT.iter().map(move |&(name, anyway)| known(name, true, Effect::Without { anyway }));
    in_force.chain(own).chain(tls_values).chain(tls_switches).chain(refused).chain(values).chain(switches)
}

/// The flag of that name.
pub(crate) fn find(name: &str) -> Option<Known> {
    all().find(|known| known.name == name)
}

/// The environment variable that stands for a flag: `ETCD_DATA_DIR` for `data-dir`.
pub(crate) fn variable(name: &str) -> String {
    format!("ETCD_{}", name.to_ascii_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_flag_is_listed_twice() {
        let names: Vec<&str> = all().map(|known| known.name).collect();
        let set: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), set.len());
    }

    #[test]
    fn variables_are_etcds() {
        assert_eq!(variable("initial-cluster-token"), "ETCD_INITIAL_CLUSTER_TOKEN");
    }

    #[test]
    fn what_protects_a_cluster_is_never_without_effect() {
        for name in
            ["cert-file", "client-cert-auth", "peer-auto-tls", "trusted-ca-file", "host-whitelist", "config-file"]
        {
            assert!(matches!(find(name).map(|known| known.effect), Some(Effect::Refused { .. })), "{name}");
        }
    }
}
