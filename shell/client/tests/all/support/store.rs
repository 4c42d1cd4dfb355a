//! The store of a made-up cluster, with the rules of sessions: the first copy of a command takes effect, every other one gets
//! its answer, and what was acknowledged is refused.

use std::collections::BTreeMap;

use bytes::Bytes;
use tonic::Status;
use tonic::metadata::MetadataMap;

/// A row: its value, how often it was written, and the revision of the last time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) value: Bytes,
    pub(crate) version: i64,
    pub(crate) revision: i64,
}

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) rows: BTreeMap<Bytes, Row>,
    pub(crate) revision: i64,
    pub(crate) sessions: BTreeMap<u64, Session>,
    pub(crate) opened: u64,
    pub(crate) kept_alive: u64,
    /// What is granted and allowed.
    pub(crate) ttl_ms: u64,
    pub(crate) outstanding_max: u32,
    /// Copies that got the answer of the first.
    pub(crate) repeated: u64,
    /// The most results that a session held at once.
    pub(crate) held_max: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Session {
    results: BTreeMap<u64, i64>,
    acknowledged: u64,
}

/// Session, sequence and acknowledged sequence of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named(u64, u64, u64);

impl Default for Store {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            revision: 1,
            sessions: BTreeMap::new(),
            opened: 0,
            kept_alive: 0,
            ttl_ms: 60_000,
            outstanding_max: 64,
            repeated: 0,
            held_max: 0,
        }
    }
}

impl Store {
    pub(crate) fn open(&mut self) -> String {
        self.opened += 1;
        self.sessions.insert(self.opened, Session::default());
        format!("{:016x}-{}", 0xc1, self.opened)
    }

    /// The session of that name, while it is open.
    pub(crate) fn session(&self, token: &str) -> Result<u64, Status> {
        let (_, id) = token.split_once('-').ok_or_else(|| Status::invalid_argument("quorate: malformed session"))?;
        let id: u64 = id.parse().map_err(|_| Status::invalid_argument("quorate: malformed session"))?;
        let gone = || Status::failed_precondition(format!("quorate: session expired: {id}"));
        self.sessions.contains_key(&id).then_some(id).ok_or_else(gone)
    }

    /// What the metadata of a request says of it; nothing for a plain one.
    pub(crate) fn named(&self, metadata: &MetadataMap) -> Result<Option<Named>, Status> {
        let text = |name: &str| metadata.get(name).map(|value| value.to_str().unwrap().to_owned());
        let Some(token) = text("quorate-session") else { return Ok(None) };
        let number = |name: &str| text(name).unwrap().parse::<u64>().unwrap();
        Ok(Some(Named(self.session(&token)?, number("quorate-sequence"), number("quorate-acknowledged"))))
    }

    /// Sets a key, once for each name. Answers the revision.
    pub(crate) fn put(&mut self, named: Option<Named>, key: &Bytes, value: &Bytes) -> Result<i64, Status> {
        let Some(Named(id, sequence, acknowledged)) = named else { return Ok(self.set(key, value)) };
        let max = u64::from(self.outstanding_max);
        let gone = || Status::failed_precondition("quorate: session expired");
        let session = self.sessions.get_mut(&id).ok_or_else(gone)?;
        session.acknowledged = session.acknowledged.max(acknowledged);
        session.results.retain(|sequence, _| *sequence > acknowledged);
        if sequence <= session.acknowledged {
            return Err(Status::failed_precondition("quorate: this sequence was acknowledged"));
        }
        assert!(sequence <= session.acknowledged + max, "sequence {sequence} is beyond {acknowledged} and {max}");
        if let Some(revision) = session.results.get(&sequence) {
            self.repeated += 1;
            return Ok(*revision);
        }
        let revision = self.set(key, value);
        let session = self.sessions.get_mut(&id).unwrap();
        session.results.insert(sequence, revision);
        self.held_max = self.held_max.max(session.results.len());
        Ok(revision)
    }

    fn set(&mut self, key: &Bytes, value: &Bytes) -> i64 {
        self.revision += 1;
        let row = self.rows.entry(key.clone()).or_default();
        *row = Row { value: value.clone(), version: row.version + 1, revision: self.revision };
        self.revision
    }

    pub(crate) fn version(&self, key: &str) -> i64 {
        self.rows.get(key.as_bytes()).map_or(0, |row| row.version)
    }
}
