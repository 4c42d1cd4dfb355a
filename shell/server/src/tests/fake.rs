//! A member without consensus: the real store, applied to at once, and whatever mood a test gives it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use node::look::{Histogram, Look, Standing, Times};
use node::{
    Alter, Granted, MemberError, OpenSession, ReadError, ReadMode, SessionCommand, SessionId, SessionRefusal, Status,
    Survey, TransferError, WriteError, Written,
};
use raft::{Configuration, Index, NodeId, Position, Term};
use replica::{Command, StateMachine};
use store::{KvStore, PutRequest, Reader};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::member::Member;

/// See the file's head. Clones are the same member.
#[derive(Clone)]
pub(super) struct Fake(Arc<Inner>);

struct Inner {
    store: Mutex<KvStore>,
    status: Mutex<Status>,
    members: Mutex<Vec<node::Member>>,
    write_refusal: Mutex<Option<WriteError>>,
    read_refusal: Mutex<Option<ReadError>>,
    /// The time limits of all writes that came.
    time_limits: Mutex<Vec<Duration>>,
    hold: Mutex<Option<CancellationToken>>,
    waiting: watch::Sender<bool>,
    survey: Mutex<Option<Survey>>,
    alters: Mutex<Vec<(Alter, Index)>>,
    /// The last one is for the next change.
    alter_refusals: Mutex<Vec<MemberError>>,
}

impl Fake {
    pub(super) fn new() -> Self {
        let status = Status {
            node: NodeId(1),
            term: Term(3),
            leader: Some(NodeId(1)),
            leads: true,
            commit: Index(0),
            applied: Index(0),
            last: Index(0),
            no_space: false,
            lease: node::LeaseState::NotLeader,
            round_trip: None,
        };
        Self(Arc::new(Inner {
            store: Mutex::new(KvStore::new()),
            status: Mutex::new(status),
            members: Mutex::default(),
            write_refusal: Mutex::default(),
            read_refusal: Mutex::default(),
            time_limits: Mutex::default(),
            hold: Mutex::default(),
            waiting: watch::Sender::new(false),
            survey: Mutex::default(),
            alters: Mutex::default(),
            alter_refusals: Mutex::default(),
        }))
    }

    pub(super) fn change_status(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.status.lock().unwrap());
    }

    pub(super) fn set_members(&self, members: Vec<node::Member>) {
        *self.0.members.lock().unwrap() = members;
    }

    /// The membership as the leader sees it, which is what is listed, too.
    pub(super) fn set_survey(&self, survey: Survey) {
        self.set_members(node::Member::all_of(&survey.configuration));
        *self.0.survey.lock().unwrap() = Some(survey);
    }

    /// The next changes are refused like this, in this order.
    pub(super) fn refuse_alters(&self, errors: &[MemberError]) {
        *self.0.alter_refusals.lock().unwrap() = errors.iter().rev().cloned().collect();
    }

    /// The changes that came, and which configuration was looked at.
    pub(super) fn alters(&self) -> Vec<(Alter, Index)> {
        std::mem::take(&mut *self.0.alters.lock().unwrap())
    }

    pub(super) fn refuse_writes(&self, error: Option<WriteError>) {
        *self.0.write_refusal.lock().unwrap() = error;
    }

    pub(super) fn refuse_reads(&self, error: Option<ReadError>) {
        *self.0.read_refusal.lock().unwrap() = error;
    }

    /// From now on writes wait until the token is cancelled.
    pub(super) fn hold_writes(&self) -> CancellationToken {
        let token = CancellationToken::new();
        *self.0.hold.lock().unwrap() = Some(token.clone());
        token
    }

    /// Until a held write has come.
    pub(super) async fn write_is_waiting(&self) {
        self.0.waiting.subscribe().wait_for(|waiting| *waiting).await.unwrap();
    }

    /// The time limit that the last write came with.
    pub(super) fn last_time_limit(&self) -> Option<Duration> {
        self.0.time_limits.lock().unwrap().last().copied()
    }

    /// Puts a key without any client.
    pub(super) fn apply_put(&self, key: String, value: &'static str) {
        let put = PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() };
        self.apply(&store::Command::Put(put).encode());
    }

    pub(super) fn reader_revision(&self) -> i64 {
        self.reader().revision()
    }

    fn apply(&self, payload: &Bytes) -> Written {
        let mut status = self.0.status.lock().unwrap();
        let index = status.applied.next();
        let position = Position { index, term: status.term };
        (status.commit, status.applied, status.last) = (index, index, index);
        let mut results = Vec::new();
        self.0.store.lock().unwrap().apply(&[Command { position, time: 0, payload }], &mut results);
        Written { position, result: results.remove(0) }
    }
}

impl Member for Fake {
    /// What its status says; it follows nobody and measures nothing.
    async fn look(&self) -> Option<Look> {
        let status = self.status();
        Some(Look {
            node: status.node,
            term: status.term,
            standing: if status.leads { Standing::Leader } else { Standing::Follower },
            leader: status.leader,
            leader_for: Duration::from_millis(3200),
            up_for: Duration::from_secs(60),
            snapshot: Index(0),
            base: Index(0),
            applied: status.applied,
            commit: status.commit,
            durable: status.last,
            last: status.last,
            no_space: status.no_space,
            configuration: Configuration::of_voters(self.members().iter().map(|member| member.node)),
            configuration_index: Index(0),
            peers: Vec::new(),
            followers: Vec::new(),
            round_trip: None,
            waiting: 0,
            times: Times::default(),
            disk: Histogram::default(),
            told: Vec::new(),
        })
    }

    async fn write(&self, command: Bytes, time: Duration) -> Result<Written, WriteError> {
        self.0.time_limits.lock().unwrap().push(time);
        let hold = self.0.hold.lock().unwrap().clone();
        if let Some(hold) = hold {
            self.0.waiting.send_replace(true);
            hold.cancelled().await;
        }
        match self.0.write_refusal.lock().unwrap().clone() {
            Some(error) => Err(error),
            None => Ok(self.apply(&command)),
        }
    }

    /// Taken where there is no room for another.
    async fn write_essential(&self, command: Bytes, time: Duration) -> Result<Written, WriteError> {
        let full = *self.0.write_refusal.lock().unwrap() == Some(WriteError::NoSpace);
        if full { Ok(self.apply(&command)) } else { self.write(command, time).await }
    }

    /// This member has no table of sessions; what one does is told by the tests over a real member.
    async fn write_once(&self, _: SessionCommand, command: Bytes, time: Duration) -> Result<Written, WriteError> {
        self.write(command, time).await
    }

    async fn write_essential_once(
        &self,
        _: SessionCommand,
        command: Bytes,
        time: Duration,
    ) -> Result<Written, WriteError> {
        self.write_essential(command, time).await
    }

    async fn recall(&self, _: SessionCommand, _: Duration) -> Result<Written, WriteError> {
        Err(WriteError::NoSpace)
    }

    async fn open_session(&self, _: Duration, _: Duration) -> Result<OpenSession, WriteError> {
        Err(WriteError::NoLeader)
    }

    async fn keep_session_alive(&self, _: SessionId, _: Duration) -> Result<Granted, WriteError> {
        Err(WriteError::Session(SessionRefusal::Expired))
    }

    async fn close_session(&self, _: SessionId, _: Duration) -> Result<(), WriteError> {
        Ok(())
    }

    async fn read(&self, _: ReadMode, _: Duration) -> Result<Index, ReadError> {
        match self.0.read_refusal.lock().unwrap().clone() {
            Some(error) => Err(error),
            None => Ok(self.0.status.lock().unwrap().applied),
        }
    }

    /// Whoever leads hands over at once; nobody else can.
    async fn transfer(&self, to: NodeId, _: Duration) -> Result<NodeId, TransferError> {
        let mut status = self.0.status.lock().unwrap();
        if !status.leads {
            return Err(TransferError::NotLeader { leader: status.leader });
        }
        if !self.0.members.lock().unwrap().iter().any(|member| member.node == to && member.voter) {
            return Err(TransferError::NotVoter(to));
        }
        status.leader = Some(to);
        Ok(to)
    }

    fn reader(&self) -> Reader {
        self.0.store.lock().unwrap().reader()
    }

    fn status(&self) -> Status {
        self.0.status.lock().unwrap().clone()
    }

    fn members(&self) -> Vec<node::Member> {
        self.0.members.lock().unwrap().clone()
    }

    fn configuration_index(&self) -> Index {
        Index(7)
    }

    /// One that leads alone: a change is refused as the test wants it.
    async fn survey(&self, _: Duration) -> Result<Survey, MemberError> {
        self.0.survey.lock().unwrap().clone().ok_or(MemberError::NoLeader)
    }

    async fn alter(&self, alter: Alter, seen: Index, _: Duration) -> Result<Vec<node::Member>, MemberError> {
        self.0.alters.lock().unwrap().push((alter, seen));
        let refusal = self.0.alter_refusals.lock().unwrap().pop();
        refusal.map_or_else(|| Ok(self.members()), Err)
    }
}
