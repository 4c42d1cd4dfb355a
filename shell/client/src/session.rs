//! The exactly-once session of a client: opened with its first write, kept alive while the client lives, opened anew when the
//! cluster has forgotten it. It does not know what is written.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use api::quorate_v1::sessions_client::SessionsClient;
use api::quorate_v1::{SessionCloseRequest, SessionKeepAliveRequest, SessionOpenRequest};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::metadata::{Ascii, MetadataValue};

use crate::attempt::{ACKNOWLEDGED, SEQUENCE, SESSION};
use crate::call::{Kind, call};
use crate::error::{Error, Outcome, Reason};
use crate::shared::{Shared, SharedClient, locked};
use crate::window::Window;

/// Where a member does not say how many commands of a session may be under way.
const SPAN_UNSAID: u32 = 64;
/// A session that nothing was written in is kept alive so many times in its life.
const RENEWALS: u32 = 3;

/// The session in use, if any. Only one is opened at a time.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: tokio::sync::Mutex<Option<Arc<Session>>>,
}

/// One session of one client.
#[derive(Debug)]
pub(crate) struct Session {
    token: String,
    metadata: MetadataValue<Ascii>,
    time: Duration,
    window: Mutex<Window>,
    /// A sequence was given back.
    room: Notify,
}

/// A sequence, held until its command is answered or given up.
#[derive(Debug)]
pub(crate) struct Slot {
    session: Arc<Session>,
    sequence: u64,
}

impl Slot {
    /// What names the command. How far answers have come is told anew with each attempt.
    pub(crate) fn metadata(&self) -> Vec<(&'static str, MetadataValue<Ascii>)> {
        vec![
            (SESSION, self.session.metadata.clone()),
            (SEQUENCE, self.sequence.into()),
            (ACKNOWLEDGED, locked(&self.session.window).acknowledged().into()),
        ]
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        locked(&self.session.window).give_back(self.sequence);
        self.session.room.notify_waiters();
    }
}

impl Session {
    /// The next sequence, when there is room for it.
    async fn slot(self: &Arc<Self>, deadline: Instant) -> Option<Slot> {
        loop {
            let room = self.room.notified();
            let taken = locked(&self.window).take();
            if let Some(sequence) = taken {
                return Some(Slot { session: self.clone(), sequence });
            }
            timeout_at(deadline, room).await.ok()?;
        }
    }
}

impl Shared {
    /// A sequence of the session, which is opened if there is none.
    pub(crate) async fn slot(self: &Arc<Self>, deadline: Instant) -> Result<Slot, Error> {
        let session = {
            let mut open = self.sessions.open.lock().await;
            match &*open {
                Some(session) => session.clone(),
                None => open.insert(begin(self, deadline).await?).clone(),
            }
        };
        let late = || Error { outcome: Outcome::NotApplied, reason: Reason::OutOfTime, tried: Vec::new() };
        session.slot(deadline).await.ok_or_else(late)
    }

    /// The cluster has forgotten the session of `slot`: the next write opens another.
    pub(crate) async fn forget(&self, slot: &Slot) {
        self.forget_session(&slot.session).await;
    }

    async fn forget_session(&self, gone: &Arc<Session>) {
        let mut open = self.sessions.open.lock().await;
        if open.as_ref().is_some_and(|session| Arc::ptr_eq(session, gone)) {
            *open = None;
        }
    }

    /// Has the cluster forget the session, if there is one.
    pub(crate) async fn close_session(self: &Arc<Self>) -> Result<(), Error> {
        let Some(session) = self.sessions.open.lock().await.take() else { return Ok(()) };
        let deadline = Instant::now() + self.config.request_time;
        let closed = call(self, Kind::Repeatable, deadline, |channel, attempt| {
            let request = attempt.request(SessionCloseRequest { token: session.token.clone() });
            async move { SessionsClient::new(channel).close(request).await }
        });
        match closed.await {
            Ok(_) => Ok(()),
            // It is closed already.
            Err(error) if error.reason == Reason::SessionLost => Ok(()),
            Err(error) => Err(error),
        }
    }
}

async fn begin(shared: &SharedClient, deadline: Instant) -> Result<Arc<Session>, Error> {
    let message = SessionOpenRequest { ttl_ms: millis(shared.config.session_time) };
    let opened = call(shared, Kind::Repeatable, deadline, |channel, attempt| {
        let request = attempt.request(message);
        async move { SessionsClient::new(channel).open(request).await }
    });
    // Whatever became of the session, the write that wanted it was not sent.
    let opened = opened.await.map_err(|error| Error { outcome: Outcome::NotApplied, ..error })?;
    let Ok(metadata) = opened.token.parse() else {
        return Err(Error { outcome: Outcome::NotApplied, reason: Reason::NoSessions, tried: Vec::new() });
    };
    let span = if opened.outstanding_max == 0 { SPAN_UNSAID } else { opened.outstanding_max };
    let session = Arc::new(Session {
        token: opened.token,
        metadata,
        time: Duration::from_millis(opened.ttl_ms),
        window: Mutex::new(Window::new(span.into())),
        room: Notify::new(),
    });
    drop(tokio::spawn(keep_alive(Arc::downgrade(shared), Arc::downgrade(&session))));
    Ok(session)
}

/// Runs as long as client and session do.
async fn keep_alive(client: Weak<Shared>, session: Weak<Session>) {
    let Some(period) = session.upgrade().map(|session| session.time / RENEWALS) else { return };
    loop {
        sleep(period.max(Duration::from_millis(10))).await;
        let (Some(shared), Some(session)) = (client.upgrade(), session.upgrade()) else { return };
        let renewed = call(&shared, Kind::Repeatable, Instant::now() + session.time, |channel, attempt| {
            let request = attempt.request(SessionKeepAliveRequest { token: session.token.clone() });
            async move { SessionsClient::new(channel).keep_alive(request).await }
        });
        if renewed.await.is_err_and(|error| error.reason == Reason::SessionLost) {
            shared.forget_session(&session).await;
            return;
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
