//! Commands about sessions: clients that open one, name their commands by it, and ask again.

use quorate_replica::{Input, Request, RequestId, SessionAct, SessionCommand, SessionId, Time};

use super::{Arguments, Checked, Runner};
use crate::journal::command;

impl Runner {
    /// `open 2 7 ttl=500`, `keepalive 2 7 session=4`, `close 2 7 session=4`: request 7 of member n2's client.
    /// `once 2 7 session=4 sequence=1 [acknowledged=0] [command=7]`: a command that is to take effect once; `recall ...`: one that
    /// is not to be taken if it is new. `word=5` goes with each, or else the word of the session is 0.
    /// `sessions 2`: which ones n2 has, and how many results are kept.
    pub(super) fn sessions(&mut self, name: &str, arguments: &mut Arguments) -> Checked {
        let id = arguments.node()?;
        if name == "sessions" {
            return self.members.sessions(id);
        }
        let request = arguments.next()?.parse()?;
        let limit: u64 = arguments.number("limit")?.unwrap_or(1000);
        let deadline = Time(self.members.now + limit * 1000);
        let word = arguments.number("word")?.unwrap_or(0);
        let session = SessionId { index: arguments.number("session")?.unwrap_or(0), word };
        let asked = match name {
            "open" => {
                let ttl = arguments.number("ttl")?.unwrap_or(1000);
                Request::Session { act: SessionAct::Open { ttl, word }, deadline }
            }
            "keepalive" => Request::Session { act: SessionAct::KeepAlive(session), deadline },
            "close" => Request::Session { act: SessionAct::Close(session), deadline },
            _ => {
                let sequence = arguments.number("sequence")?.ok_or("which sequence=?")?;
                let acknowledged = arguments.number("acknowledged")?.unwrap_or(0);
                let number = arguments.number("command")?.unwrap_or(request);
                let session = SessionCommand { session, sequence, acknowledged };
                if name == "recall" {
                    Request::Recall { command: session }
                } else {
                    Request::Write { command: command(number, 0), essential: false, session: Some(session), deadline }
                }
            }
        };
        self.members.input(id, Input::Request(RequestId(request), asked))
    }
}

impl Arguments {
    fn number(&mut self, key: &str) -> Checked<Option<u64>> {
        Ok(self.key(key).map(|value| value.parse()).transpose()?)
    }
}
