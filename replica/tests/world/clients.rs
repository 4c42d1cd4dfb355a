//! Clients: they write and read at any member, and at the end they want everything to work.

use quorate_replica::{Input, ReadMode, Refusal, Reply, Request, RequestId, Time};
use raft::NodeId;

use crate::bugs::Bug;
use crate::journal::command;
use crate::oracle::{Checked, Operation};
use crate::profile::T;
use crate::world::{Event, SLACK, World};

impl World {
    /// A client asks something somewhere.
    pub(crate) fn client(&mut self) {
        if self.calm {
            return;
        }
        let delay = self.dice.below(2 * self.profile.pace);
        self.after(delay, Event::Client);
        let ids = self.ids();
        let id = self.dice.pick(&ids);
        let limit = self.dice.between(1, 60) * T / 10;
        for _ in 0..self.dice.pick(&[1, 1, 1, 1, 4, 12]) {
            if self.dice.chance(300) {
                self.ask(id, None, limit);
            } else {
                let write = self.next_request + 1;
                self.ask(id, Some(write), limit);
            }
        }
    }

    pub(crate) fn ask(&mut self, id: NodeId, write: Option<u64>, limit: u64) {
        self.next_request += 1;
        let (request, now) = (self.next_request, self.now);
        let padding =
            if self.dice.chance(20) && write.is_none_or(|write| write == request) { 400 } else { self.dice.place(120) };
        let padding = if self.calm { 10 } else { padding };
        let essential = self.dice.chance(100);
        let Some(member) = self.members.get(&id).filter(|member| member.running.is_some()) else { return };
        let deadline = Time(now + member.clock + limit);
        let life = member.life;
        let deadline_here = now + limit;
        self.note(|_| format!("client asks {id} {request}: {write:?}"));
        let operation =
            Operation { write, node: id, life, deadline: deadline_here, must_see: 0, reply: None, lost: false };
        self.oracle.ask(request, operation);
        self.after(limit + SLACK, Event::Deadline(request));
        if self.bug == Some(Bug::RequestForgotten) && self.dice.chance(5) {
            return;
        }
        let request_body = match write {
            Some(write) => Request::Write { command: command(write, padding), essential, session: None, deadline },
            // The member says when; a client that does not wait for it looks at once.
            None if self.bug == Some(Bug::ReadWithoutIndex) => return self.after(0, Event::EarlyRead(id, request)),
            None => Request::Read { mode: ReadMode::Linearizable, deadline },
        };
        self.input(id, Input::Request(RequestId(request), request_body));
    }

    /// A client got an answer.
    pub(crate) fn answered(&mut self, request: u64, reply: &Reply) {
        if self.bug != Some(Bug::UnknownSentAgain) || self.calm {
            return;
        }
        let Some(write) = self.oracle.operations.get(&request).and_then(|operation| operation.write) else { return };
        if let Reply::Refused(Refusal::TimedOut { .. }) = reply {
            let ids = self.ids();
            let id = self.dice.pick(&ids);
            self.ask(id, Some(write), 5 * T);
        }
    }

    pub(crate) fn early_read(&mut self, id: NodeId, request: u64) -> Checked {
        let Some(running) = self.running(id) else { return Ok(()) };
        let (applied, length) = (running.replica.applied(), running.replica.machine().list.len());
        self.oracle.replied(self.now, SLACK, request, Reply::Readable(applied), length)
    }

    pub(crate) fn deadline(&mut self, request: u64) -> Checked {
        let Some(operation) = self.oracle.operations.get(&request) else { return Ok(()) };
        let late = self.lateness(operation.node);
        if late > 0 && operation.reply.is_none() && !operation.lost {
            self.after(late / 10, Event::Deadline(request));
            return Ok(());
        }
        self.oracle.overdue(request)
    }

    /// All has been well for a while: one leads, all know it, and everybody is served.
    pub(crate) fn last_requests(&mut self) -> Checked {
        self.watch_all()?;
        let mut leaders = Vec::new();
        for id in self.ids() {
            let Some(running) = self.running(id) else { return Err(format!("{id} does not run")) };
            leaders.push(running.replica.inspect().leader());
        }
        if leaders.iter().any(|leader| leader.is_none() || *leader != leaders[0]) {
            return Err(format!("all has been well for a while, and the members follow {leaders:?}"));
        }
        for id in self.ids() {
            let write = self.next_request + 1;
            self.ask(id, Some(write), 5 * T);
            self.ask(id, None, 5 * T);
        }
        self.after(8 * T, Event::End);
        Ok(())
    }

    /// What must be so in the end.
    pub(crate) fn end(&mut self) -> Checked {
        self.ended = true;
        let asked = 2 * self.members.len();
        let last: Vec<_> = self.oracle.operations.iter().rev().take(asked).collect();
        for (request, operation) in last {
            if !matches!(operation.reply, Some(Reply::Written { .. } | Reply::Readable(_))) {
                return Err(format!("all is well, and request {request} got {:?}", operation.reply));
            }
        }
        if let Some((request, one)) = self.oracle.operations.iter().find(|(_, one)| one.reply.is_none() && !one.lost) {
            return Err(format!("request {request} was never answered: {one:?}"));
        }
        let all = self.oracle.list.len();
        for member in self.members.values() {
            let Some(running) = &member.running else { return Err(format!("{} does not run", member.id)) };
            let has = running.replica.machine().list.len();
            if has != all || running.replica.waiting() > 0 {
                let waiting = running.replica.waiting();
                return Err(format!("in the end {} has {has} commands of {all}, and {waiting} wait", member.id));
            }
            // What a call that failed left behind is removed at the next start.
            let is_left = |name: &str| name.ends_with(".tmp") && !member.disk_fails;
            if let Some((name, _)) = member.files().into_iter().find(|(name, _)| is_left(name)) {
                return Err(format!("{} has left {name}", member.id));
            }
            let bytes = member.disk_bytes();
            let snapshot = 200 + 33 * all as u64;
            let most = 8 * self.profile.segment_bytes + 2 * running.replica.inspect().log().bytes() + 3 * snapshot;
            if bytes > most + 10_000 {
                return Err(format!("{} uses {bytes} bytes on its disk: {:?}", member.id, member.files()));
            }
        }
        Ok(())
    }
}
