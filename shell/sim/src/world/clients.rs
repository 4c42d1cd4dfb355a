//! Clients: they ask real commands of any member, wait, lose patience, go to another member, and remember who answered last.
//! What they were told is judged by the checkers.

use bytes::Bytes;
use raft::{Index, NodeId};
use replica::{
    Input, Refusal, Reply, Request, RequestId, SessionAct, SessionCommand, SessionId, StateMachine as _, Time,
};
use store::{
    Command, Compare, CompareResult, CompareTarget, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
};

use super::reading::asked;
use super::sessions::Named;
use super::telling::{describe, pairs, suffix, told};
use super::{Event, Sight, World, hand_overs};
use crate::checkers::Checked;
use crate::lies::Lie;
use crate::run::{Ask, Mode};

/// A client: it goes back to the member that served it, until that fails.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) at: NodeId,
    /// What failed, or is of unknown outcome, to be asked again.
    pub(super) again: Option<Body>,
}

/// What a client asked, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// Its number among the clients that ask by themselves.
    pub(crate) caller: Option<u64>,
    pub(crate) node: NodeId,
    pub(crate) life: u64,
    pub(crate) body: Body,
    /// What it is to see, if it reads.
    pub(crate) mode: Mode,
    pub(crate) called: u64,
    pub(crate) limit: u64,
    /// Commands that were acknowledged or read before this was asked.
    pub(crate) must_see: u64,
    /// When it reaches its member, and when it was answered there.
    pub(crate) arrives: u64,
    pub(crate) answered: Option<u64>,
    /// When its client hears of it.
    pub(crate) returns: Option<u64>,
    pub(crate) answer: Option<Answer>,
    pub(crate) returned: Option<u64>,
    /// What it has to do with a session.
    pub(crate) named: Option<Named>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Write(Bytes),
    Read(RangeRequest),
    Session(SessionAct),
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is this command of all.
    Written(u64, Bytes),
    /// The state behind so many commands was read; a store's answer.
    Read(u64, store::RangeResponse),
    /// A session's own act is done, by the entry at this index.
    Session(Index),
    Refused(Refusal),
    /// It never reached a member.
    NotSent,
    /// The member went down.
    Lost,
}

impl World {
    // ---- asking -------------------------------------------------------------------------------------------------------

    /// A client thinks of something to ask.
    pub(super) fn client(&mut self, number: u64) {
        if self.calm {
            return;
        }
        let clients = self.run.clients;
        let burst = self.client_dice.chance(clients.bursts);
        for _ in 0..if burst { self.client_dice.between(3, 14) } else { 0 } {
            let body = self.invent();
            let at = self.whom(number);
            self.ask(None, at, body);
        }
        let at = self.whom(number);
        let caller = usize::try_from(number).ok().and_then(|number| self.callers.get_mut(number));
        let body = match caller.and_then(|caller| caller.again.take()) {
            Some(again) => {
                self.counters.path("request asked again elsewhere");
                again
            }
            None => self.invent(),
        };
        self.ask(Some(number), at, body);
    }

    fn whom(&mut self, number: u64) -> NodeId {
        let at = usize::try_from(number).ok().and_then(|number| self.callers.get(number));
        at.map_or(NodeId(1), |caller| caller.at)
    }

    /// A command or a read like those that programs send.
    fn invent(&mut self) -> Body {
        let clients = self.run.clients;
        if self.client_dice.chance(clients.reads) {
            return Body::Read(self.invent_range());
        }
        Body::Write(self.invent_write())
    }

    /// A command like those that programs send, in words that no other request uses.
    pub(super) fn invent_write(&mut self) -> Bytes {
        let (key, value) = (self.key(), self.value_of_its_own());
        let put = PutRequest { key: key.clone(), value, prev_kv: self.client_dice.chance(500), ..Default::default() };
        let command = match self.client_dice.below(20) {
            0..=9 => Command::Put(put),
            10..=12 => Command::DeleteRange(self.delete_of_its_own(key)),
            13 if self.client_dice.chance(200) => Command::Compact { revision: self.checkers.model.revision() - 5 },
            _ => Command::Txn(self.invent_txn(put)),
        };
        command.encode()
    }

    fn invent_range(&mut self) -> RangeRequest {
        let key = self.key();
        if self.client_dice.chance(700) {
            return RangeRequest { key, ..RangeRequest::default() };
        }
        let range_end = if self.client_dice.chance(500) { Bytes::from_static(b"\0") } else { self.key() };
        let limit = self.client_dice.pick(&[0, 0, 1, 3]);
        RangeRequest { key, range_end, limit, ..RangeRequest::default() }
    }

    fn invent_txn(&mut self, put: PutRequest) -> TxnRequest {
        let key = put.key.clone();
        let other = self.key();
        let revision = self.checkers.model.revision() - i64::try_from(self.client_dice.below(4)).unwrap_or(0);
        let (result, target) = match self.client_dice.below(4) {
            0 => (CompareResult::Equal, CompareTarget::CreateRevision(0)),
            1 => (CompareResult::Greater, CompareTarget::Version(1)),
            2 => (CompareResult::Less, CompareTarget::ModRevision(revision)),
            _ => (CompareResult::NotEqual, CompareTarget::Value(put.value.clone())),
        };
        let mut compare = vec![Compare { key: key.clone(), range_end: Bytes::new(), result, target }];
        if self.next_operation.is_multiple_of(3) {
            // Whether it holds says nothing of the first.
            let (result, target) = (CompareResult::Less, CompareTarget::Version(3));
            compare.push(Compare { key: other.clone(), range_end: Bytes::new(), result, target });
        }
        let read = RequestOp::Range(RangeRequest { key: other.clone(), ..RangeRequest::default() });
        let mark = PutRequest { key: other.clone(), value: put.value.clone(), ..PutRequest::default() };
        let success = match self.client_dice.below(3) {
            0 => vec![RequestOp::Put(put), read],
            1 => vec![read, RequestOp::DeleteRange(DeleteRangeRequest { key, prev_kv: true, ..Default::default() })],
            _ if key == other => vec![RequestOp::Put(put)],
            _ => vec![RequestOp::Put(put), RequestOp::Put(mark.clone())],
        };
        TxnRequest { compare, success, failure: vec![RequestOp::Put(mark)] }
    }

    fn key(&mut self) -> Bytes {
        Bytes::from(format!("k{}", self.client_dice.below(self.run.clients.keys.max(1))))
    }

    /// A value that no other request writes: by it a command is known again.
    fn value_of_its_own(&mut self) -> Bytes {
        let most = self.run.clients.value_bytes_max;
        let padding = if self.client_dice.chance(20) { most } else { self.client_dice.below(most / 4 + 1) };
        let mut value = format!("v{}", self.next_operation + 1).into_bytes();
        value.resize(value.len() + usize::try_from(padding).unwrap_or(0), b'.');
        value.into()
    }

    /// Deletes a key, in words that no other request uses: the range ends before the next key that can exist.
    fn delete_of_its_own(&mut self, key: Bytes) -> DeleteRangeRequest {
        delete_up_to(key, &(self.next_operation + 1).to_be_bytes(), self.client_dice.chance(500))
    }

    pub(super) fn ask_by_script(&mut self, to: u64, op: &Ask) -> u64 {
        let runs = |id: &NodeId| self.view(*id).is_some();
        let whom = match to {
            0 => self.leader().or_else(|| self.ids().into_iter().find(runs)).unwrap_or(NodeId(1)),
            to => NodeId(to),
        };
        match op {
            Ask::Open { session, ttl } => {
                let act = SessionAct::Open { ttl: ttl / 1000, word: self.next_word() };
                self.open_by_script(whom, session, act)
            }
            Ask::KeepAlive { session } => {
                let act = SessionAct::KeepAlive(self.session_of_script(session));
                self.open_by_script(whom, session, act)
            }
            Ask::Close { session } => {
                let act = SessionAct::Close(self.session_of_script(session));
                self.open_by_script(whom, session, act)
            }
            Ask::Once { session, sequence, acknowledged, another_word, op } => {
                let known = self.session_of_script(session);
                let session = if *another_word { SessionId { word: !known.word, ..known } } else { known };
                let command = SessionCommand { session, sequence: *sequence, acknowledged: *acknowledged };
                match self.body_of_script(op, Some(SessionCommand { session: known, ..command })) {
                    Some(Body::Write(payload)) => self.once_by_script(whom, command, payload),
                    _ => self.next_operation,
                }
            }
            op => match self.body_of_script(op, None) {
                Some(body) => {
                    let mode = if let Ask::Get { mode, .. } = op { *mode } else { Mode::default() };
                    self.ask_in(None, whom, body, mode)
                }
                None => self.next_operation,
            },
        }
    }

    /// What a script asks of the store. Under the same name it is asked in the same words.
    fn body_of_script(&mut self, op: &Ask, name: Option<SessionCommand>) -> Option<Body> {
        let bytes = |text: &String| Bytes::from(text.clone().into_bytes());
        let put =
            |key: &String, value: &String| PutRequest { key: bytes(key), value: bytes(value), ..Default::default() };
        Some(match op {
            Ask::Put { key, value } => Body::Write(Command::Put(put(key, value)).encode()),
            Ask::Delete { key } => {
                let delete = match name {
                    None => self.delete_of_its_own(bytes(key)),
                    Some(name) => {
                        let unlike_others = [name.session.index.to_be_bytes(), name.sequence.to_be_bytes()].concat();
                        delete_up_to(bytes(key), &unlike_others, false)
                    }
                };
                Body::Write(Command::DeleteRange(delete).encode())
            }
            Ask::Cas { key, from, to } => {
                let target = CompareTarget::Value(bytes(from));
                let compare =
                    Compare { key: bytes(key), range_end: Bytes::new(), result: CompareResult::Equal, target };
                let success = vec![RequestOp::Put(put(key, to))];
                Body::Write(Command::Txn(TxnRequest { compare: vec![compare], success, failure: vec![] }).encode())
            }
            Ask::Get { key, .. } => Body::Read(RangeRequest { key: bytes(key), ..RangeRequest::default() }),
            Ask::Open { .. } | Ask::KeepAlive { .. } | Ask::Close { .. } | Ask::Once { .. } => return None,
        })
    }

    pub(super) fn ask(&mut self, caller: Option<u64>, node: NodeId, body: Body) -> u64 {
        let mode = if self.calm || matches!(body, Body::Write(_)) { Mode::default() } else { self.invent_mode() };
        self.ask_in(caller, node, body, mode)
    }

    fn ask_in(&mut self, caller: Option<u64>, node: NodeId, body: Body, mode: Mode) -> u64 {
        if let Body::Write(payload) = &body {
            self.checkers.sequence.issued(payload);
        }
        self.ask_with(caller, node, body, mode, None)
    }

    /// Asks. Who names a command has noted before whether it is a new one.
    pub(super) fn ask_with(
        &mut self,
        caller: Option<u64>,
        node: NodeId,
        body: Body,
        mode: Mode,
        named: Option<Named>,
    ) -> u64 {
        self.next_operation += 1;
        let number = self.next_operation;
        let t = self.t();
        let limit = if self.calm || caller.is_none() && self.run.clients.count == 0 {
            5 * t
        } else {
            self.client_dice.between(t / 10, 6 * t)
        };
        // A copy may be answered with what the first one did, so it need not see more than that.
        let first = named.as_ref().and_then(|named| self.operations.get(&named.first));
        let must_see = first.map_or_else(|| self.must_see(mode), |first| first.must_see);
        self.note(|| format!("client asks {node}: request {number} {}{}", describe(&body), suffix(mode)));
        let (answer, answered, returns, returned) = (None, None, None, None);
        let (called, life, delay) = (self.now, 0, self.client_delay());
        let arrives = called + delay;
        let operation = Operation {
            caller,
            node,
            life,
            body,
            mode,
            called,
            limit,
            must_see,
            arrives,
            answered,
            returns,
            answer,
            returned,
            named,
        };
        self.operations.insert(number, operation);
        self.see(|| Sight::Asked(number));
        self.after(delay, Event::Arrive(number));
        number
    }

    pub(super) fn arrive(&mut self, number: u64) -> Checked {
        let now = self.now;
        let Some(operation) = self.operations.get_mut(&number) else { return Ok(()) };
        let id = operation.node;
        let Some(member) = self.members.get(&id).filter(|member| member.running.is_some()) else {
            self.settle(number, Answer::NotSent);
            return Ok(());
        };
        operation.life = member.life;
        let deadline = Time(member.clock.read(now) + operation.limit);
        let (wait, body, mode) = (operation.limit, operation.body.clone(), asked(operation.mode));
        let session = operation.named.as_ref().and_then(|named| named.command);
        let slack = self.slack(wait);
        self.after(wait + slack, Event::Overdue(number));
        if self.lies(Lie::RequestForgotten) && self.client_dice.chance(5) {
            return Ok(());
        }
        let request = match body {
            Body::Write(command) => {
                if self.lies(Lie::AcknowledgedEarly)
                    && !self.running(id).is_some_and(|one| one.replica.inspect().is_leader())
                {
                    let reply =
                        Reply::Written { position: raft::Position::new(1_000_000 + number, 1), result: Bytes::new() };
                    return self.reply(id, number, reply);
                }
                Request::Write { command, essential: self.client_dice.chance(100), session, deadline }
            }
            Body::Session(act) => Request::Session { act, deadline },
            // The member says when; a client that does not wait for it looks at once.
            Body::Read(_) if self.lies(Lie::ReadWithoutIndex) => return self.read_store(number),
            Body::Read(_) => match mode {
                Some(mode) => Request::Read { mode, deadline },
                None => return self.read_store(number),
            },
        };
        self.input(id, Input::Request(RequestId(number), request));
        Ok(())
    }

    // ---- answers ------------------------------------------------------------------------------------------------------

    pub(super) fn reply(&mut self, id: NodeId, number: u64, reply: Reply) -> Checked {
        self.note(|| format!("{id} answers request {number}: {}", told(&reply)));
        if Self::is_wish(number) {
            return self.wish_answered(id, &reply);
        }
        if number >= hand_overs::FIRST {
            return self.handed_over(id, number, &reply);
        }
        self.judge(id, number, &reply)?;
        let again = (self.lies(Lie::RepliedTwice) && self.client_dice.chance(50)).then(|| reply.clone());
        match reply {
            Reply::Member(_) => {}
            Reply::Readable(_) => {
                let delay = 1 + self.client_dice.below(50);
                self.after(delay, Event::Read(number));
            }
            Reply::Written { position, .. } if self.is_about_a_session(number) => {
                self.settle(number, Answer::Session(position.index));
            }
            Reply::Written { position, result } => {
                let place = self.checkers.sequence.place_of(position).unwrap_or(0);
                self.settle(number, Answer::Written(place, result));
            }
            Reply::Transferred(_) => {}
            Reply::Refused(refusal) => {
                self.counters.path(match refusal {
                    Refusal::NoLeader => "request refused: no leader",
                    Refusal::TimedOut { .. } => "request timed out",
                    Refusal::TooLarge => "request refused: too large",
                    Refusal::Busy => "request refused: busy",
                    Refusal::NoSpace => "request refused: no space",
                    Refusal::NoTransfer(_) => "transfer refused",
                    Refusal::Session(_) => "request refused: by its session",
                });
                self.settle(number, Answer::Refused(refusal));
            }
        }
        again.map_or(Ok(()), |reply| self.judge(id, number, &reply))
    }

    /// Whether it may be answered so.
    fn judge(&mut self, id: NodeId, number: u64, reply: &Reply) -> Checked {
        let (now, late) = (self.now, self.lateness(id));
        let Some(operation) = self.operations.get(&number) else {
            return Self::fail("answers", format!("request {number} was never made and is answered {reply:?}"));
        };
        if let Some(first) = &operation.answer {
            return Self::fail("answers", format!("request {number} is answered {first:?} and then {reply:?}"));
        }
        let deadline = operation.called + operation.limit + self.slack(operation.limit) + late;
        if now > deadline {
            return Self::fail("answers", format!("request {number} is answered {reply:?} long after its deadline"));
        }
        self.checkers.answered(operation, reply)?;
        if matches!(reply, Reply::Refused(refusal) if !matches!(refusal, Refusal::TimedOut { .. })) {
            self.is_refused_for_good(number);
        }
        Ok(())
    }

    fn is_about_a_session(&self, number: u64) -> bool {
        self.operations.get(&number).is_some_and(|one| matches!(one.body, Body::Session(_)))
    }

    /// The store is read, somewhat after the member said that it may be.
    pub(super) fn read_store(&mut self, number: u64) -> Checked {
        let old = self.lies(Lie::ReadOldRevision);
        let Some(operation) = self.operations.get(&number) else { return Ok(()) };
        if !self.is_life(operation.node, operation.life) {
            return Ok(());
        }
        let (id, Body::Read(mut request)) = (operation.node, operation.body.clone()) else { return Ok(()) };
        let (mode, must_see) = (operation.mode, operation.must_see);
        let Some(running) = self.running(id) else { return Ok(()) };
        let reader = running.replica.machine().reader();
        let count = running.replica.machine().count();
        if old && reader.revision() > 2 {
            request.revision = reader.revision() - 1;
        }
        let Ok(answer) = reader.range(&request) else { return Ok(()) };
        request.revision = 0;
        self.checkers.model.read(count, &request, &answer)?;
        self.checkers.order.read(number, mode, must_see, count)?;
        match mode {
            Mode::Bounded { .. } => self.counters.path("bounded read"),
            Mode::Serializable => self.counters.path("serializable read"),
            Mode::Linearizable | Mode::Lease => {}
        }
        self.note(|| format!("request {number} reads {}", pairs(&answer)));
        self.settle(number, Answer::Read(count, answer));
        Ok(())
    }

    /// It is known what became of a request; its client hears of it a little later.
    fn settle(&mut self, number: u64, answer: Answer) {
        let Some(operation) = self.operations.get_mut(&number) else { return };
        if operation.answer.is_some() {
            return;
        }
        let kind = match &answer {
            Answer::Written(place, _) => *place,
            Answer::Read(count, _) => *count << 32,
            Answer::Session(id) => id.0 << 16,
            Answer::Refused(_) => 3,
            Answer::NotSent => 4,
            Answer::Lost => 5,
        };
        operation.answer = Some(answer);
        self.mark(number, kind, 3);
        let (now, delay) = (self.now, self.client_delay());
        if let Some(operation) = self.operations.get_mut(&number) {
            (operation.answered, operation.returns) = (Some(now), Some(now + delay));
        }
        self.see(|| Sight::Answered(number));
        self.after(delay, Event::Return(number));
    }

    pub(super) fn returned(&mut self, number: u64) -> Checked {
        let (now, t) = (self.now, self.t());
        if self.lies(Lie::AnswerMixedUp) {
            self.mix_up(number);
        }
        let Some(operation) = self.operations.get_mut(&number) else { return Ok(()) };
        operation.returned = Some(now);
        if let Some(sights) = &mut self.sights {
            sights.push(Sight::Told(number));
        }
        let (caller, body) = (operation.caller, operation.body.clone());
        let refused = matches!(operation.answer, Some(Answer::Refused(_)));
        let unknown = matches!(operation.answer, Some(Answer::Refused(Refusal::TimedOut { .. }) | Answer::Lost));
        let served = match &operation.answer {
            Some(Answer::Written(place, _)) => {
                self.checkers.order.acknowledged(now, *place + 1);
                true
            }
            Some(Answer::Read(count, _)) => {
                self.checkers.order.acknowledged(now, *count);
                true
            }
            Some(Answer::Session(_)) => true,
            Some(Answer::NotSent) => {
                if let Body::Write(payload) = &operation.body
                    && operation.named.as_ref().is_none_or(|named| named.sole)
                {
                    self.checkers.sequence.refused(payload)?;
                }
                self.is_refused_for_good(number);
                false
            }
            Some(Answer::Refused(_) | Answer::Lost) | None => false,
        };
        if let Some(named) = self.operations.get(&number).and_then(|one| one.named.clone()) {
            return self.session_returned(number, &named);
        }
        if unknown && self.lies(Lie::UnknownSentAgain) && matches!(body, Body::Write(_)) && !self.calm {
            let ids = self.ids();
            let id = self.client_dice.pick(&ids);
            if let Body::Write(payload) = &body {
                // It is the same request in the eyes of whoever asked.
                self.checkers.sequence.sent_again(payload);
            }
            self.ask(None, id, body.clone());
        }
        if refused && now < self.last_at && self.last_operations.remove(&number) {
            // Too much at once, or a snapshot took the place of what would have answered: asked again. Who refuses for ever is
            // found out by then.
            self.after(t / 4, Event::AskAgain(number));
        }
        let Some(caller) = caller else { return Ok(()) };
        let pause = self.run.clients.pause;
        let mut delay = self.client_dice.below(2 * pause + 1);
        if !served {
            let ids = self.ids();
            let next = self.client_dice.pick(&ids);
            // A put that is done twice is two puts: who asks again bears that.
            let again = self.client_dice.chance(400).then_some(body);
            if let Some(caller) = usize::try_from(caller).ok().and_then(|caller| self.callers.get_mut(caller)) {
                (caller.at, caller.again) = (next, again);
            }
            delay += self.client_dice.below(t / 2);
        }
        self.after(delay, Event::Client(caller));
        Ok(())
    }

    /// What was asked and answered long before takes this one's place: it is too old by all that was done in between.
    fn mix_up(&mut self, number: u64) {
        let Some(old) = self.operations.get(&number.saturating_sub(200)).cloned() else { return };
        let Some(operation) = self.operations.get_mut(&number) else { return };
        if matches!(operation.answer, Some(Answer::Read(..))) && matches!(old.answer, Some(Answer::Read(..))) {
            (operation.body, operation.mode, operation.answer) = (old.body, old.mode, old.answer);
        }
    }

    /// One of the last requests once more.
    pub(super) fn ask_again(&mut self, number: u64) {
        let Some(operation) = self.operations.get(&number) else { return };
        let (node, body) = (operation.node, operation.body.clone());
        let again = self.ask(None, node, body);
        self.last_operations.insert(again);
    }

    /// A member went down: who waited there does not know what became of it.
    pub(super) fn connections_break(&mut self, id: NodeId) {
        let life = self.life(id) - 1;
        let waits =
            |one: &Operation| one.node == id && one.life == life && one.answer.is_none() && one.returned.is_none();
        let lost: Vec<u64> = self.open_operations().filter(|(_, one)| waits(one)).map(|(number, _)| *number).collect();
        for number in lost {
            self.settle(number, Answer::Lost);
        }
    }

    fn open_operations(&self) -> impl Iterator<Item = (&u64, &Operation)> {
        self.operations.iter().rev().take(2000)
    }
}

/// Deletes a key, and what may stand between it and the next key that can exist: nothing, in words that differ.
fn delete_up_to(key: Bytes, unlike_others: &[u8], prev_kv: bool) -> DeleteRangeRequest {
    let range_end = [&key[..], &[0], unlike_others].concat().into();
    DeleteRangeRequest { key, range_end, prev_kv }
}
