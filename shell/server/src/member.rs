//! What the API needs of the member behind it, and nothing more: so that everything above is tested without a cluster. It
//! does not know gRPC.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use node::look::Look;
use node::{
    Alter, Granted, Handle, MemberError, OpenSession, ReadError, ReadMode, SessionCommand, SessionId, Status, Survey,
    TransferError, WriteError, Written,
};
use raft::{Index, NodeId};
use store::{KvStore, Reader};

/// A running member, as [`Handle`] is one.
pub(crate) trait Member: Clone + Send + Sync + 'static {
    /// How it is, for people. See [`Handle::look`].
    fn look(&self) -> impl Future<Output = Option<Look>> + Send;

    /// Replicates a command. See [`Handle::write`].
    fn write(&self, command: Bytes, time: Duration) -> impl Future<Output = Result<Written, WriteError>> + Send;

    /// The same for a command that frees room. See [`Handle::write_essential`].
    fn write_essential(
        &self,
        command: Bytes,
        time: Duration,
    ) -> impl Future<Output = Result<Written, WriteError>> + Send;

    /// Replicates a command that takes effect once, however often it is asked. See [`Handle::write_once`].
    fn write_once(
        &self,
        name: SessionCommand,
        command: Bytes,
        time: Duration,
    ) -> impl Future<Output = Result<Written, WriteError>> + Send;

    /// The same for a command that frees room. See [`Handle::write_essential_once`].
    fn write_essential_once(
        &self,
        name: SessionCommand,
        command: Bytes,
        time: Duration,
    ) -> impl Future<Output = Result<Written, WriteError>> + Send;

    /// The first answer to a command for which there is no room if it is new. See [`Handle::recall`].
    fn recall(&self, name: SessionCommand, time: Duration) -> impl Future<Output = Result<Written, WriteError>> + Send;

    /// Opens a session. See [`Handle::open_session`].
    fn open_session(
        &self,
        ttl: Duration,
        time: Duration,
    ) -> impl Future<Output = Result<OpenSession, WriteError>> + Send;

    /// Renews a session. See [`Handle::keep_session_alive`].
    fn keep_session_alive(
        &self,
        session: SessionId,
        time: Duration,
    ) -> impl Future<Output = Result<Granted, WriteError>> + Send;

    /// Ends a session. See [`Handle::close_session`].
    fn close_session(&self, session: SessionId, time: Duration) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Waits until the reader has what the mode asks for. See [`Handle::read_with`].
    fn read(&self, mode: ReadMode, time: Duration) -> impl Future<Output = Result<Index, ReadError>> + Send;

    /// Lets another member lead. See [`Handle::transfer`].
    fn transfer(&self, to: NodeId, time: Duration) -> impl Future<Output = Result<NodeId, TransferError>> + Send;

    /// What this member has applied.
    fn reader(&self) -> Reader;

    /// What this member believes now.
    fn status(&self) -> Status;

    /// Who are members.
    fn members(&self) -> Vec<node::Member>;

    /// Where the configuration stands that names them. See [`Handle::configuration_index`].
    fn configuration_index(&self) -> Index;

    /// How the membership is, as the leader sees it. See [`Handle::survey`].
    fn survey(&self, time: Duration) -> impl Future<Output = Result<Survey, MemberError>> + Send;

    /// Changes the membership that stands at `seen`. See [`Handle::alter`].
    fn alter(
        &self,
        alter: Alter,
        seen: Index,
        time: Duration,
    ) -> impl Future<Output = Result<Vec<node::Member>, MemberError>> + Send;
}

impl Member for Handle<KvStore> {
    async fn look(&self) -> Option<Look> {
        Self::look(self).await
    }

    async fn write(&self, command: Bytes, time: Duration) -> Result<Written, WriteError> {
        Self::write(self, command, time).await
    }

    async fn write_essential(&self, command: Bytes, time: Duration) -> Result<Written, WriteError> {
        Self::write_essential(self, command, time).await
    }

    async fn write_once(&self, name: SessionCommand, command: Bytes, time: Duration) -> Result<Written, WriteError> {
        Self::write_once(self, name, command, time).await
    }

    async fn write_essential_once(
        &self,
        name: SessionCommand,
        command: Bytes,
        time: Duration,
    ) -> Result<Written, WriteError> {
        Self::write_essential_once(self, name, command, time).await
    }

    async fn recall(&self, name: SessionCommand, time: Duration) -> Result<Written, WriteError> {
        Self::recall(self, name, time).await
    }

    async fn open_session(&self, ttl: Duration, time: Duration) -> Result<OpenSession, WriteError> {
        Self::open_session(self, ttl, time).await
    }

    async fn keep_session_alive(&self, session: SessionId, time: Duration) -> Result<Granted, WriteError> {
        Self::keep_session_alive(self, session, time).await
    }

    async fn close_session(&self, session: SessionId, time: Duration) -> Result<(), WriteError> {
        Self::close_session(self, session, time).await
    }

    async fn read(&self, mode: ReadMode, time: Duration) -> Result<Index, ReadError> {
        Self::read_with(self, mode, time).await
    }

    async fn transfer(&self, to: NodeId, time: Duration) -> Result<NodeId, TransferError> {
        Self::transfer(self, Some(to), time).await
    }

    fn reader(&self) -> Reader {
        Self::reader(self)
    }

    fn status(&self) -> Status {
        Self::status(self)
    }

    fn members(&self) -> Vec<node::Member> {
        Self::members(self)
    }

    fn configuration_index(&self) -> Index {
        Self::configuration_index(self)
    }

    async fn survey(&self, time: Duration) -> Result<Survey, MemberError> {
        Self::survey(self, time).await
    }

    async fn alter(&self, alter: Alter, seen: Index, time: Duration) -> Result<Vec<node::Member>, MemberError> {
        Self::alter(self, alter, Some(seen), time).await
    }
}
