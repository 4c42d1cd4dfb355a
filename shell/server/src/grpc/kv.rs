//! The KV service. A write is converted, checked, proposed, and answered with what applying it gave. A read waits until this
//! member has everything that was acknowledged before (unless it is serializable), and is then answered from the store here.

use std::sync::Arc;

use node::SessionCommand;
use store::{
    Command, Outcome, RangeRequest as StoreRange, RangeResponse as StoreRangeResponse, ReadOnlyTxn, RequestOp,
};
use tokio::task::{spawn_blocking, yield_now};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use crate::api::etcdserverpb::kv_server::Kv;
use crate::api::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse,
    RangeRequest, RangeResponse, TxnRequest, TxnResponse,
};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::fresh::Fresh;
use crate::member::Member;
use crate::status::{self, Error};
use crate::{check, convert, session};

/// Rows that a physical compaction drops before it lets others run.
const SWEEP_ROWS: usize = 1024;

/// Serves `etcdserverpb.KV`.
pub(crate) struct KvService<M>(pub(crate) Arc<Context<M>>);

#[tonic::async_trait]
impl<M: Member> Kv for KvService<M> {
    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeResponse>, Status> {
        let context = &self.0;
        let serializable = request.get_ref().serializable;
        let deadline = if serializable {
            context.admit_anywhere(request.metadata())?
        } else {
            context.admit(request.metadata())?
        };
        let fresh = Fresh::of(request.metadata(), serializable)?;
        let request = convert::range_request(request.into_inner())?;
        check::range(&request)?;
        context.see(fresh, deadline.left()).await?;
        let answer = self.read_range(&request, deadline).await?;
        let header = context.header(answer.revision);
        Ok(Response::new(RangeResponse { header, ..convert::range_response(answer) }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let (deadline, name) = self.admit(request.metadata())?;
        let command = Command::Put(convert::put_request(request.into_inner()));
        let (revision, response) = self.write(&command, name, deadline).await?;
        let store::Response::Put(answer) = response else { return Err(status::wrong_answer("put")) };
        let header = self.0.header(revision);
        Ok(Response::new(PutResponse { header, ..convert::put_response(answer) }))
    }

    async fn delete_range(
        &self,
        request: Request<DeleteRangeRequest>,
    ) -> Result<Response<DeleteRangeResponse>, Status> {
        let (deadline, name) = self.admit(request.metadata())?;
        let command = Command::DeleteRange(convert::delete_range_request(request.into_inner()));
        let (revision, response) = self.write(&command, name, deadline).await?;
        let store::Response::DeleteRange(answer) = response else { return Err(status::wrong_answer("delete")) };
        let header = self.0.header(revision);
        Ok(Response::new(DeleteRangeResponse { header, ..convert::delete_range_response(answer) }))
    }

    async fn txn(&self, request: Request<TxnRequest>) -> Result<Response<TxnResponse>, Status> {
        let context = &self.0;
        let (deadline, name) = self.admit(request.metadata())?;
        let request = request.into_inner();
        let serializable = convert::is_serializable(&request);
        let request = convert::txn_request(request)?;
        let answer = if request.is_read_only() {
            check::txn(&request, context.limits())?;
            if !serializable {
                context.linearize(deadline.left()).await?;
            }
            self.read_txn(request).await?
        } else {
            let (_, response) = self.write(&Command::Txn(request), name, deadline).await?;
            let store::Response::Txn(answer) = response else { return Err(status::wrong_answer("transaction")) };
            answer
        };
        let header = context.header(answer.revision);
        Ok(Response::new(TxnResponse { header, ..convert::txn_response(answer) }))
    }

    async fn compact(&self, request: Request<CompactionRequest>) -> Result<Response<CompactionResponse>, Status> {
        let (deadline, name) = self.admit(request.metadata())?;
        let CompactionRequest { revision, physical } = request.into_inner();
        let (revision, response) = self.write(&Command::Compact { revision }, name, deadline).await?;
        let store::Response::Compact = response else { return Err(status::wrong_answer("compaction")) };
        let reader = self.0.member.reader();
        while physical && !deadline.passed() && reader.sweep(SWEEP_ROWS) {
            yield_now().await;
        }
        Ok(Response::new(CompactionResponse { header: self.0.header(revision) }))
    }
}

impl<M: Member> KvService<M> {
    /// Lets a call that may write in, and says which command of a session it is, if it is one.
    fn admit(&self, metadata: &MetadataMap) -> Result<(Deadline, Option<SessionCommand>), Error> {
        let deadline = self.0.admit(metadata)?;
        Ok((deadline, session::command(metadata, self.0.config.identity.cluster_id)?))
    }

    /// Has a command replicated and applied. Answers the store's revision behind it, and the store's answer.
    async fn write(
        &self,
        command: &Command,
        name: Option<SessionCommand>,
        deadline: Deadline,
    ) -> Result<(i64, store::Response), Status> {
        let context = &self.0;
        let (member, time) = (&context.member, deadline.left());
        let checked = check::write(command, context.quota(), context.limits(), &member.reader());
        let encoded = command.encode();
        // What can't add anything is the way out of a full disk.
        let written = match (checked, name, command.growth() == 0) {
            // An earlier copy of it may be what filled the store.
            (Err(Error::NoSpace), Some(name), _) => member.recall(name, time).await,
            (Err(error), ..) => return Err(error.into()),
            _ if encoded.len() > context.config.request_bytes_max => return Err(Error::RequestTooLarge.into()),
            (Ok(()), None, false) => member.write(encoded, time).await,
            (Ok(()), None, true) => member.write_essential(encoded, time).await,
            (Ok(()), Some(name), false) => member.write_once(name, encoded, time).await,
            (Ok(()), Some(name), true) => member.write_essential_once(name, encoded, time).await,
        };
        let written = written.map_err(Error::from)?;
        let Outcome { revision, result } = Outcome::decode(written.result).map_err(status::unmapped)?;
        Ok((revision, result.map_err(status::refused)?))
    }

    /// Reads in slices, all of it at one revision, and lets others run in between.
    async fn read_range(&self, request: &StoreRange, deadline: Deadline) -> Result<StoreRangeResponse, Status> {
        let mut read = self.0.member.reader().begin_range(request).map_err(status::unread)?;
        while !read.advance().map_err(status::unread)? {
            if deadline.passed() {
                return Err(Error::TimedOut.into());
            }
            yield_now().await;
        }
        Ok(read.finish())
    }

    /// A transaction of single keys is read at once; one with ranges may take long, so it gets a thread that may block.
    async fn read_txn(&self, request: store::TxnRequest) -> Result<store::TxnResponse, Status> {
        let (reader, reads_single_keys) = (self.0.member.reader(), single_keys(&request));
        let read = move || {
            let request = ReadOnlyTxn::new(&request).expect("the caller looked whether it can write");
            reader.txn(request)
        };
        let answer = if reads_single_keys { read() } else { spawn_blocking(read).await.map_err(status::unmapped)? };
        answer.map_err(status::unread)
    }
}

/// No range of it, nor of what is nested in it, is more than a key.
fn single_keys(request: &store::TxnRequest) -> bool {
    let single = |operation: &RequestOp| match operation {
        RequestOp::Range(range) => range.range_end.is_empty(),
        RequestOp::Txn(inner) => single_keys(inner),
        RequestOp::Put(_) | RequestOp::DeleteRange(_) => true,
    };
    request.compare.iter().all(|compare| compare.range_end.is_empty())
        && request.success.iter().chain(&request.failure).all(single)
}
