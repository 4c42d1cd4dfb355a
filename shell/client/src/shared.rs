//! What all clones of a client share: settings, the directory of members, their connections, and the session. It does not
//! know any single call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::config::Config;
use crate::directory::Directory;
use crate::endpoint::Url;
use crate::session::Sessions;

/// A connection over which nothing came for so long, while something is waited for, is asked whether it still lives (etcd hangs
/// up on whoever asks more often than each five seconds) ...
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// ... and counts as broken when nothing comes within this.
const PING_TIME_MAX: Duration = Duration::from_secs(3);

/// A client in use looks at the members so often, whatever happens.
const LOOK_AGE_MAX: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    directory: Mutex<Directory>,
    channels: Mutex<BTreeMap<Url, Channel>>,
    /// How far looks at the members have come.
    pub(crate) looks: watch::Sender<Looks>,
    pub(crate) sessions: Sessions,
}

/// Looks at the members, as far as they have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Looks {
    /// Raised with every answer, and at every end.
    pub(crate) news: u64,
    /// One is under way ...
    pub(crate) looking: bool,
    /// ... and another is wanted after it.
    pub(crate) again: bool,
    /// So many have ended ...
    pub(crate) ended: u64,
    /// ... the last one then.
    pub(crate) at: Option<Instant>,
}

impl Looks {
    /// The members may have been replaced meanwhile, one by one and without an answer of a newer term.
    pub(crate) fn are_old(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| now.saturating_duration_since(at) >= LOOK_AGE_MAX)
    }
}

impl Shared {
    pub(crate) fn new(config: Config, endpoints: Vec<Url>) -> Self {
        Self {
            directory: Mutex::new(Directory::new(endpoints)),
            channels: Mutex::new(BTreeMap::new()),
            looks: watch::Sender::new(Looks::default()),
            sessions: Sessions::default(),
            config,
        }
    }

    /// The directory, for a moment: never held while anything is waited for.
    pub(crate) fn directory(&self) -> MutexGuard<'_, Directory> {
        locked(&self.directory)
    }

    /// A connection to that endpoint: made when first used, and again after a loss.
    pub(crate) fn channel(&self, url: &Url) -> Channel {
        let mut channels = locked(&self.channels);
        channels.entry(url.clone()).or_insert_with(|| self.connection(url)).clone()
    }

    /// Lets go of connections to endpoints that the directory no longer has.
    pub(crate) fn forget_connections(&self) {
        let urls = self.directory().urls();
        locked(&self.channels).retain(|url, _| urls.contains(url));
    }

    fn connection(&self, url: &Url) -> Channel {
        let uri: Uri = url.parse().expect("endpoints are parsed before they enter the directory");
        Endpoint::from(uri)
            .connect_timeout(self.config.connect_time)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIME_MAX)
            .connect_lazy()
    }
}

/// A lock whose holder panicked holds nothing half done here: each is held for single steps.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shared by clones of a client, and weakly by what runs in the background.
pub(crate) type SharedClient = Arc<Shared>;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_grows_old() {
        let (now, never) = (Instant::now(), Looks::default());
        let just = Looks { at: Some(now), ..never };
        assert!(!never.are_old(now), "the first look is the business of who needs it");
        assert!(!just.are_old(now + LOOK_AGE_MAX - Duration::from_millis(1)));
        assert!(just.are_old(now + LOOK_AGE_MAX));
    }
}
