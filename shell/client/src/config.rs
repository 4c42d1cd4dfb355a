//! Settings of a client. Each has a default that suits members on one network.

use std::time::Duration;

/// How a [`Client`](crate::Client) behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Write within an exactly-once session: whatever fails on the way is then sent again until its answer is here, and takes
    /// effect once. Without it a write that may have taken effect is never sent again. Plain etcd has no sessions, so this can
    /// be no default.
    pub exactly_once: bool,
    /// How long a session outlives its last sign of life, in the cluster's time. The cluster may grant less.
    pub session_time: Duration,
    /// A call ends after this, answered or not. The default is longer than a member takes to say by itself that it could not.
    pub request_time: Duration,
    /// A member that takes longer is left for another one, where asking twice does no harm.
    pub attempt_time: Duration,
    /// A connection takes no longer.
    pub connect_time: Duration,
    /// A call in which everyone was tried in vain ends after this. A program that keeps a service up waits as long as it may (the
    /// default: [`Config::request_time`] decides); a person at a terminal would rather know at once.
    pub patience: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            exactly_once: false,
            session_time: Duration::from_secs(60),
            request_time: Duration::from_secs(10),
            attempt_time: Duration::from_secs(2),
            connect_time: Duration::from_secs(1),
            patience: None,
        }
    }
}

impl Config {
    /// The defaults, with exactly-once sessions.
    #[must_use]
    pub fn exactly_once() -> Self {
        Self { exactly_once: true, ..Self::default() }
    }
}
