//! Clients with sessions: they name their commands, ask again everywhere until they are answered, give up now and then, and stop
//! for so long that their sessions end. What a name promises is judged where all answers are; here is what such clients do.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft::NodeId;
use replica::{Refusal, SessionAct, SessionCommand, SessionId, SessionRefusal};

use super::clients::{Answer, Body};
use super::{Event, World};
use crate::checkers::Checked;
use crate::dice::Dice;
use crate::run::Mode;

/// Commands of one client on their way at once, at most.
const OUTSTANDING: usize = 4;
/// An index where no session is and never will be.
const NO_SESSION: SessionId = SessionId { index: 1 << 40, word: 0 };

/// What a request has to do with a session.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// Which command it is; `None`: it is about the session itself.
    pub(crate) command: Option<SessionCommand>,
    /// The first request with this name: in the eyes of the client they are all one.
    pub(crate) first: u64,
    /// No other copy can have an effect.
    pub(crate) sole: bool,
    /// A later copy was answered, then: what the client was told of this one in the end.
    pub(crate) told: Option<(Bytes, u64)>,
    client: Asker,
}

#[derive(Debug, Clone)]
enum Asker {
    /// One of the clients of this room.
    Client(usize),
    /// A script, which calls its session so.
    Script(String),
    /// A copy that nobody waits for.
    Nobody,
}

/// A name that was used.
#[derive(Debug, Clone, Copy)]
struct Used {
    first: u64,
    newest: u64,
    /// Some copy may have an effect.
    open: bool,
}

/// A client with a session.
#[derive(Debug, Clone, Default)]
struct Client {
    session: Option<SessionId>,
    next_sequence: u64,
    /// What it waits for, by sequence.
    waits: BTreeMap<u64, Bytes>,
    /// It has asked for a session.
    opening: bool,
    /// Commands that were answered, for copies that come long after.
    answered: Vec<(SessionCommand, Bytes)>,
}

impl Client {
    fn acknowledged(&self) -> u64 {
        self.waits.first_key_value().map_or(self.next_sequence, |(sequence, _)| *sequence).saturating_sub(1)
    }
}

/// All clients of this room, the names in use, and the sessions of scripts.
#[derive(Debug)]
pub(super) struct Sessions {
    clients: Vec<Client>,
    used: BTreeMap<(SessionId, u64), Used>,
    scripts: BTreeMap<String, SessionId>,
    dice: Dice,
}

impl Sessions {
    pub(super) fn new(seed: u64, clients: u64) -> Self {
        let clients = (0..clients).map(|_| Client::default()).collect();
        Self { clients, used: BTreeMap::new(), scripts: BTreeMap::new(), dice: Dice::new(seed, "sessions", 0) }
    }
}

impl World {
    // ---- what a client does -------------------------------------------------------------------------------------------

    pub(super) fn begin_sessions(&mut self) {
        for number in 0..self.sessions.clients.len() {
            let delay = self.sessions.dice.below(self.run.timing.election_timeout);
            self.after(delay, Event::SessionClient(number));
        }
    }

    /// A client does something, whatever it waits for; now and then it does nothing for long.
    pub(super) fn session_client(&mut self, number: usize) {
        if self.calm {
            return;
        }
        let (pause, t) = (self.run.clients.pause, self.t());
        let outstanding = usize::try_from(self.run.limits.sessions.outstanding_max).unwrap_or(OUTSTANDING);
        let mut delay = self.sessions.dice.below(2 * pause + 1);
        if self.sessions.dice.chance(20) {
            delay += self.sessions.dice.below(40 * t);
        }
        self.after(delay, Event::SessionClient(number));
        let Some(client) = self.sessions.clients.get(number).cloned() else { return };
        let Some(session) = client.session else {
            if !client.opening {
                self.open_session(number);
            }
            return;
        };
        match self.sessions.dice.below(1000) {
            0..=29 => self.ask_about(number, SessionAct::KeepAlive(session)),
            30..=34 => {
                self.sessions.clients[number].session = None;
                self.counters.path("session closed");
                self.ask_about(number, SessionAct::Close(session));
            }
            35..=79 => self.stray_copy(&client),
            80..=84 => self.ask_without_a_session(number, session),
            // One more than is allowed, so that it is refused sometimes.
            _ if client.waits.len() < OUTSTANDING.min(outstanding + 1) => self.next_command(number, session),
            _ => {}
        }
    }

    fn open_session(&mut self, number: usize) {
        let t = self.t() / 1000;
        let ttl = self.sessions.dice.between(2 * t, 40 * t);
        self.sessions.clients[number].opening = true;
        let word = self.next_word();
        self.ask_about(number, SessionAct::Open { ttl, word });
    }

    /// For a session that is asked for now: as good as random, without taking from the dice.
    pub(super) fn next_word(&self) -> u64 {
        (self.next_operation + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn ask_about(&mut self, number: usize, act: SessionAct) {
        let at = self.anyone();
        self.ask_act(at, act, Asker::Client(number));
    }

    fn anyone(&mut self) -> NodeId {
        let ids = self.ids();
        self.sessions.dice.pick(&ids)
    }

    fn next_command(&mut self, number: usize, session: SessionId) {
        let payload = self.invent_write();
        let client = &mut self.sessions.clients[number];
        let sequence = client.next_sequence;
        client.next_sequence += 1;
        client.waits.insert(sequence, payload.clone());
        let command = SessionCommand { session, sequence, acknowledged: client.acknowledged() };
        let at = self.anyone();
        self.ask_once(at, command, payload, Asker::Client(number));
    }

    /// A copy of what was answered long ago: the network kept it, say.
    fn stray_copy(&mut self, client: &Client) {
        if let Some((command, payload)) = client.answered.get(self.sessions.dice.place(client.answered.len())).cloned()
        {
            self.counters.path("copy of an answered command");
            let at = self.anyone();
            self.ask_once(at, command, payload, Asker::Nobody);
        }
    }

    /// The session was never opened here: it is of another cluster, say, or of the one that stood here before.
    fn ask_without_a_session(&mut self, number: usize, session: SessionId) {
        let (payload, at) = (self.invent_write(), self.anyone());
        let sequence = self.next_operation + 1;
        let before = SessionId { word: !session.word, ..session };
        let session = if sequence.is_multiple_of(2) { before } else { NO_SESSION };
        let command = SessionCommand { session, sequence, acknowledged: number as u64 };
        self.ask_once(at, command, payload, Asker::Nobody);
    }

    // ---- asking -------------------------------------------------------------------------------------------------------

    fn ask_act(&mut self, at: NodeId, act: SessionAct, client: Asker) {
        let first = self.next_operation + 1;
        let named = Named { command: None, first, sole: true, told: None, client };
        self.ask_named(at, Body::Session(act), named);
    }

    /// One more copy of a command, or the first.
    fn ask_once(&mut self, at: NodeId, command: SessionCommand, payload: Bytes, client: Asker) -> u64 {
        let number = self.next_operation + 1;
        let used = self.sessions.used.entry((command.session, command.sequence));
        let used = used.or_insert(Used { first: number, newest: number, open: false });
        let (before, was_open, first) = (used.newest, used.open, used.first);
        (used.newest, used.open) = (number, true);
        if was_open {
            if let Some(named) = self.operations.get_mut(&before).and_then(|one| one.named.as_mut()) {
                named.sole = false;
            }
        } else {
            // The first, or all before it were refused for good.
            self.checkers.sequence.issued(&payload);
        }
        let named = Named { command: Some(command), first, sole: !was_open, told: None, client };
        self.ask_named(at, Body::Write(payload), named)
    }

    fn ask_named(&mut self, at: NodeId, body: Body, named: Named) -> u64 {
        self.ask_with(None, at, body, Mode::default(), Some(named))
    }

    pub(super) fn open_by_script(&mut self, at: NodeId, name: &str, act: SessionAct) -> u64 {
        self.ask_act(at, act, Asker::Script(name.to_owned()));
        self.next_operation
    }

    pub(super) fn session_of_script(&self, name: &str) -> SessionId {
        self.sessions.scripts.get(name).copied().unwrap_or(NO_SESSION)
    }

    pub(super) fn once_by_script(&mut self, at: NodeId, command: SessionCommand, payload: Bytes) -> u64 {
        // Another command under the same name is no copy, and is never applied.
        self.ask_once(at, command, payload, Asker::Nobody)
    }

    // ---- answers ------------------------------------------------------------------------------------------------------

    /// No copy of this request can have an effect, now or later.
    pub(super) fn is_refused_for_good(&mut self, number: u64) {
        let Some(named) = self.operations.get(&number).and_then(|one| one.named.as_ref()) else { return };
        let (Some(command), true) = (named.command, named.sole) else { return };
        if let Some(used) = self.sessions.used.get_mut(&(command.session, command.sequence)) {
            used.open = false;
        }
    }

    /// A client heard what became of one of its requests.
    pub(super) fn session_returned(&mut self, number: u64, named: &Named) -> Checked {
        let now = self.now;
        let Some(operation) = self.operations.get(&number) else { return Ok(()) };
        let (body, answer) = (operation.body.clone(), operation.answer.clone());
        if let Some(Answer::Written(_, result)) = &answer
            && let Some(first) = self.operations.get_mut(&named.first).and_then(|first| first.named.as_mut())
        {
            first.told.get_or_insert((result.clone(), now));
        }
        match &named.client {
            Asker::Nobody => Ok(()),
            Asker::Script(name) => {
                if let (Some(Answer::Session(index)), Body::Session(SessionAct::Open { word, .. })) = (&answer, &body) {
                    self.sessions.scripts.insert(name.clone(), SessionId { index: index.0, word: *word });
                }
                Ok(())
            }
            Asker::Client(client) => match (body, named.command) {
                (Body::Write(payload), Some(command)) => self.command_returned(*client, command, payload, answer),
                (Body::Session(act), _) => {
                    self.act_returned(*client, act, answer.as_ref());
                    Ok(())
                }
                _ => Ok(()),
            },
        }
    }

    fn act_returned(&mut self, number: usize, act: SessionAct, answer: Option<&Answer>) {
        let Some(client) = self.sessions.clients.get_mut(number) else { return };
        match act {
            SessionAct::Open { word, .. } => {
                client.opening = false;
                if let Some(Answer::Session(index)) = answer {
                    let session = Some(SessionId { index: index.0, word });
                    let answered = std::mem::take(&mut client.answered);
                    *client = Client { session, next_sequence: 1, answered, ..Client::default() };
                    self.counters.path("session opened");
                }
            }
            SessionAct::KeepAlive(id) => {
                if let Some(Answer::Refused(Refusal::Session(SessionRefusal::Expired))) = answer {
                    self.lose_session(number, id);
                }
            }
            SessionAct::Close(_) => {}
        }
    }

    fn lose_session(&mut self, number: usize, id: SessionId) {
        let Some(client) = self.sessions.clients.get_mut(number).filter(|client| client.session == Some(id)) else {
            return;
        };
        client.session = None;
        client.waits.clear();
        self.counters.path("session expired under its client");
    }

    fn command_returned(
        &mut self,
        number: usize,
        command: SessionCommand,
        payload: Bytes,
        answer: Option<Answer>,
    ) -> Checked {
        let gives_up = self.sessions.dice.chance(30);
        let retries = self.last_at == 0;
        let Some(client) = self.sessions.clients.get_mut(number).filter(|one| one.session == Some(command.session))
        else {
            // It has another session by now.
            return Ok(());
        };
        match answer {
            Some(Answer::Written(..)) => {
                client.waits.remove(&command.sequence);
                client.answered.push((command, payload));
            }
            Some(Answer::Refused(Refusal::Session(SessionRefusal::Expired))) => {
                self.lose_session(number, command.session);
            }
            Some(Answer::Refused(Refusal::Session(SessionRefusal::Answered))) => {
                let what = format!("{command:?} is refused as acknowledged, and its client still waits for it");
                return Self::fail("sessions", what);
            }
            Some(_) if gives_up || !retries => {
                // With its next command it says that it waits for this one no more.
                client.waits.remove(&command.sequence);
                self.counters.path("named command given up");
            }
            _ => {
                let t = self.t();
                let delay = self.sessions.dice.between(t / 4, 3 * t);
                self.after(delay, Event::Retry(number, command.session, command.sequence));
            }
        }
        Ok(())
    }

    /// The same command once more, somewhere.
    pub(super) fn retry(&mut self, number: usize, session: SessionId, sequence: u64) {
        let Some(client) = self.sessions.clients.get(number).filter(|one| one.session == Some(session)) else { return };
        let Some(payload) = client.waits.get(&sequence).cloned().filter(|_| self.last_at == 0) else { return };
        let command = SessionCommand { session, sequence, acknowledged: client.acknowledged() };
        self.counters.path("named command asked again");
        let at = self.anyone();
        self.ask_once(at, command, payload, Asker::Client(number));
    }
}
