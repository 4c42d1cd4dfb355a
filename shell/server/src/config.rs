//! What one member's API is told at its start: who it is and where its limits lie. It knows nothing of flags or files; the
//! binary turns those into this.

use std::time::Duration;

use crate::dashboard::Pages;

/// The numbers that clients know this member by. They stand in the header of every answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The same on every member of the cluster.
    pub cluster_id: u64,
    /// This member's; clients print it in hex.
    pub member_id: u64,
}

/// Settings of the client side of one member. Begin with [`ServerConfig::new`] and change what differs.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Who this member is.
    pub identity: Identity,
    /// The cluster's election timeout. A request may take five seconds and two of these.
    pub election_timeout: Duration,
    /// The largest command, in bytes (etcd's `--max-request-bytes`). A gRPC message may be 512 KiB larger.
    pub request_bytes_max: usize,
    /// How many compares or operations one branch of a transaction may have, nesting included (etcd's `--max-txn-ops`).
    pub txn_ops_max: usize,
    /// How many learners the cluster may have (etcd's `--max-learners`).
    pub learners_max: usize,
    /// Members are only added and removed while enough others have started (etcd's `--strict-reconfig-check`).
    pub strict_reconfig_check: bool,
    /// Above so many bytes of data nothing is put any more (etcd's `--quota-backend-bytes`). `None`: no bound.
    pub quota_bytes: Option<u64>,
    /// How many client connections are open at once; more wait to be accepted.
    pub connections_max: usize,
    /// Linearizable reads are served by the leader's lease where it has one (docs/reads.md).
    pub lease_reads: bool,
    /// How long a stop waits for requests under way.
    pub stop_time: Duration,
    /// The dashboard's files. `None`: only what they ask for is served (`/api/cluster/`).
    pub pages: Option<Pages>,
}

impl ServerConfig {
    /// What a gRPC message may hold beyond [`ServerConfig::request_bytes_max`], as in etcd.
    pub const MESSAGE_OVERHEAD_BYTES: usize = 512 * 1024;

    /// etcd's defaults: 1.5 MiB a request, 128 operations a transaction, 2 GiB of data.
    #[must_use]
    pub fn new(identity: Identity, election_timeout: Duration) -> Self {
        Self {
            identity,
            election_timeout,
            request_bytes_max: 3 * 512 * 1024,
            txn_ops_max: 128,
            learners_max: 1,
            strict_reconfig_check: true,
            quota_bytes: Some(2 * 1024 * 1024 * 1024),
            connections_max: 8192,
            lease_reads: false,
            stop_time: Duration::from_secs(3),
            pages: None,
        }
    }

    /// The longest that any request takes, whatever its client asks (etcd's rule).
    #[must_use]
    pub fn request_time_max(&self) -> Duration {
        Duration::from_secs(5) + 2 * self.election_timeout
    }

    /// The largest gRPC message taken, in bytes.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        self.request_bytes_max.saturating_add(Self::MESSAGE_OVERHEAD_BYTES)
    }
}
