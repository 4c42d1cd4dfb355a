//! What the API needs of the member behind it, and nothing more: so that everything above is tested without a cluster. It
//! does not know gRPC.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use node::{Handle, ReadError, Status, WriteError, Written};
use raft::Index;
use store::{KvStore, Reader};

/// A running member, as [`Handle`] is one.
pub(crate) trait Member: Clone + Send + Sync + 'static {
    /// Replicates a command. See [`Handle::write`].
    fn write(&self, command: Bytes, time: Duration) -> impl Future<Output = Result<Written, WriteError>> + Send;

    /// The same for a command that frees room. See [`Handle::write_essential`].
    fn write_essential(
        &self,
        command: Bytes,
        time: Duration,
    ) -> impl Future<Output = Result<Written, WriteError>> + Send;

    /// Waits until the reader has all that was acknowledged before. See [`Handle::read`].
    fn read(&self, time: Duration) -> impl Future<Output = Result<Index, ReadError>> + Send;

    /// What this member has applied.
    fn reader(&self) -> Reader;

    /// What this member believes now.
    fn status(&self) -> Status;

    /// Who are members.
    fn members(&self) -> Vec<node::Member>;
}

impl Member for Handle<KvStore> {
    async fn write(&self, command: Bytes, time: Duration) -> Result<Written, WriteError> {
        Self::write(self, command, time).await
    }

    async fn write_essential(&self, command: Bytes, time: Duration) -> Result<Written, WriteError> {
        Self::write_essential(self, command, time).await
    }

    async fn read(&self, time: Duration) -> Result<Index, ReadError> {
        Self::read(self, time).await
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
}
