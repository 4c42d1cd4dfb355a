//! Writes that take effect exactly once, for programs that embed a node: open a session, name each command by it, and ask again
//! with the same name for as long as you like. What sessions promise is in [`replica::sessions`].

use std::time::Duration;

use bytes::Bytes;
use replica::{Granted, SessionAct, SessionCommand, SessionId, StateMachine};

use super::{Handle, ReadError, WriteError, Written};
use crate::arrival::What;

/// A session that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSession {
    /// Its name.
    pub id: SessionId,
    /// What it was granted.
    pub granted: Granted,
}

impl<S: StateMachine> Handle<S> {
    /// Opens a session that ends when nothing of it is heard for `ttl` (in time that passes in the log; at most what the
    /// cluster allows).
    ///
    /// # Errors
    /// See [`WriteError`]. One that was opened without the caller hearing of it ends by itself.
    pub async fn open_session(&self, ttl: Duration, time_limit: Duration) -> Result<OpenSession, WriteError> {
        let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let word = rand::random();
        let opened = self.write_with(What::Session(SessionAct::Open { ttl, word }), time_limit).await?;
        let granted = Granted::decode(opened.result).ok_or(WriteError::TimedOut { leader_changed: false })?;
        Ok(OpenSession { id: SessionId { index: opened.position.index.0, word }, granted })
    }

    /// Renews a session, as each of its commands does.
    ///
    /// # Errors
    /// [`WriteError::Session`] when it has ended.
    pub async fn keep_session_alive(&self, session: SessionId, time_limit: Duration) -> Result<Granted, WriteError> {
        let renewed = self.write_with(What::Session(SessionAct::KeepAlive(session)), time_limit).await?;
        Granted::decode(renewed.result).ok_or(WriteError::TimedOut { leader_changed: false })
    }

    /// Ends a session; one that has ended before is no error.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn close_session(&self, session: SessionId, time_limit: Duration) -> Result<(), WriteError> {
        self.write_with(What::Session(SessionAct::Close(session)), time_limit).await.map(|_| ())
    }

    /// Replicates a command of a session. Asked again with the same name, here or at another member, it takes effect once, and
    /// the answer is the first one.
    ///
    /// # Errors
    /// See [`WriteError`]. All but [`WriteError::Session`] may be answered by asking again.
    pub async fn write_once(
        &self,
        name: SessionCommand,
        command: Bytes,
        time_limit: Duration,
    ) -> Result<Written, WriteError> {
        self.write_with(What::Write { command, essential: false, session: Some(name) }, time_limit).await
    }

    /// The first answer to a command of a session, which is not taken if it is new: for one that the state machine has no room for.
    /// This member first hears of everything that was acknowledged before.
    ///
    /// # Errors
    /// [`WriteError::NoSpace`] where no copy of it is applied; see [`WriteError`].
    pub async fn recall(&self, name: SessionCommand, time_limit: Duration) -> Result<Written, WriteError> {
        self.read(time_limit).await.map_err(|error| match error {
            ReadError::NoLeader => WriteError::NoLeader,
            ReadError::TimedOut { leader_changed } => WriteError::TimedOut { leader_changed },
            ReadError::Busy => WriteError::Busy,
            ReadError::Stopped => WriteError::Stopped,
        })?;
        self.write_with(What::Recall(name), time_limit).await
    }

    /// The same as [`Handle::write_once`] for a command that frees room: it is taken while the disk has little.
    ///
    /// # Errors
    /// As [`Handle::write_once`].
    pub async fn write_essential_once(
        &self,
        name: SessionCommand,
        command: Bytes,
        time_limit: Duration,
    ) -> Result<Written, WriteError> {
        self.write_with(What::Write { command, essential: true, session: Some(name) }, time_limit).await
    }
}
