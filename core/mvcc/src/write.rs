//! Puts and deletes: each gives every change a revision, notes it in the index and hands one row to the backend.

use bytes::Bytes;

use crate::backend::{Backend, StorageError};
use crate::error::WriteError;
use crate::key_range::KeyRange;
use crate::request::{DeleteRangeRequest, PutRequest};
use crate::response::{DeleteRangeResponse, KeyValue, PutResponse};
use crate::revision::Revision;
use crate::row::Row;
use crate::store::Store;

/// What one command changes: all of it has the next main revision, which counts only if there is any change.
#[derive(Debug)]
pub(crate) struct Changes {
    main: i64,
    count: u32,
}

impl Changes {
    fn next(&mut self) -> Revision {
        let revision = Revision::new(self.main, self.count);
        self.count += 1;
        revision
    }
}

impl<B: Backend> Store<B> {
    /// Puts one key.
    ///
    /// # Errors
    /// When a value or lease is to be kept and the key does not exist; nothing is written then.
    pub fn put(&mut self, request: &PutRequest) -> Result<PutResponse, WriteError> {
        self.check_put(request)?;
        let mut changes = self.begin();
        let response = self.put_in(&mut changes, request)?;
        self.end(&changes);
        Ok(response)
    }

    /// Deletes a range of keys. It makes a revision only if there was anything to delete.
    ///
    /// # Errors
    /// When storage fails.
    pub fn delete_range(&mut self, request: &DeleteRangeRequest) -> Result<DeleteRangeResponse, WriteError> {
        let mut changes = self.begin();
        let response = self.delete_range_in(&mut changes, request)?;
        self.end(&changes);
        Ok(response)
    }

    /// Whether a put's conditions hold in the store as it is.
    pub(crate) fn check_put(&self, request: &PutRequest) -> Result<(), WriteError> {
        let keeps = request.ignore_value || request.ignore_lease;
        if keeps && self.index.newest(&request.key).is_none() {
            return Err(WriteError::KeyNotFound);
        }
        Ok(())
    }

    pub(crate) fn begin(&self) -> Changes {
        Changes { main: self.revision + 1, count: 0 }
    }

    pub(crate) fn end(&mut self, changes: &Changes) {
        self.revision = self.revision_with(changes);
    }

    /// The newest revision while a command is under way.
    pub(crate) fn revision_with(&self, changes: &Changes) -> i64 {
        if changes.count == 0 { self.revision } else { changes.main }
    }

    /// A put within a command. Its conditions were checked before the command's first change. Should the command itself
    /// have deleted the key since (etcd lets a put and a delete from some key on stand in one branch, and stops at this
    /// for good), then an empty value and no lease are kept.
    pub(crate) fn put_in(&mut self, changes: &mut Changes, request: &PutRequest) -> Result<PutResponse, StorageError> {
        let revision = changes.next();
        let placed = self.index.put(&request.key, revision);
        let wants_previous = request.prev_kv || request.ignore_value || request.ignore_lease;
        let previous = match placed.previous {
            Some(previous) if wants_previous => Some(self.pair(previous)?),
            _ => None,
        };
        let kept = previous.as_ref();
        let value = if request.ignore_value {
            kept.map_or_else(Bytes::new, |pair| pair.value.clone())
        } else {
            request.value.clone()
        };
        let lease = if request.ignore_lease { kept.map_or(0, |pair| pair.lease) } else { request.lease };
        let row = Row::put(&request.key, &value, placed.created, placed.version, lease);
        self.backend.put(revision, row);
        Ok(PutResponse { revision: revision.main, prev_kv: previous.filter(|_| request.prev_kv) })
    }

    /// A delete within a command.
    pub(crate) fn delete_range_in(
        &mut self,
        changes: &mut Changes,
        request: &DeleteRangeRequest,
    ) -> Result<DeleteRangeResponse, StorageError> {
        let mut prev_kvs = Vec::new();
        let before = changes.count;
        let backend = &mut self.backend;
        self.index.delete(KeyRange::new(&request.key, &request.range_end), |key, previous| {
            if request.prev_kv {
                prev_kvs.push(backend.row(previous)?.into_key_value(previous.main));
            }
            let revision = changes.next();
            backend.put(revision, Row::tombstone(key));
            Ok::<_, StorageError>(revision)
        })?;
        let deleted = i64::from(changes.count - before);
        Ok(DeleteRangeResponse { revision: self.revision_with(changes), deleted, prev_kvs })
    }

    fn pair(&self, revision: Revision) -> Result<KeyValue, StorageError> {
        Ok(self.backend.row(revision)?.into_key_value(revision.main))
    }
}
