//! What must hold in every world, one small checker a file. Each looks at what happened, knows nothing of why, and names itself
//! when it fails; each is shown to fail by a lie ([`crate::lies::Lie`]).

mod bounds;
mod figure3;
pub(crate) mod linearizable;
pub(crate) mod membership;
pub(crate) mod model;
mod monotonic;
mod order;
mod plain_sessions;
pub(crate) mod platter;
mod sequence;
mod sessions;
mod transfers;

use std::fmt;

use raft::{NodeId, View};
use replica::{Refusal, Replica, Reply};

use crate::machine::Machine;
use crate::run::Run;
use crate::world::{Body, Operation};

/// A checker found that something happened which may not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which checker.
    pub checker: &'static str,
    /// What, in words.
    pub what: String,
}

/// What a checker says.
pub(crate) type Checked<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(checker: &'static str, what: impl Into<String>) -> Self {
        Self { checker, what: what.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.checker, self.what)
    }
}

impl std::error::Error for Failure {}

/// All of them.
pub(crate) struct Checkers {
    pub(crate) bounds: bounds::Bounds,
    pub(crate) figure3: figure3::Figure3,
    pub(crate) membership: membership::Membership,
    pub(crate) model: model::Model,
    monotonic: monotonic::Monotonic,
    pub(crate) order: order::Order,
    pub(crate) platter: platter::Platters,
    pub(crate) sequence: sequence::Sequence,
    pub(crate) transfers: transfers::Transfers,
    sessions: sessions::Tables,
    plain_sessions: plain_sessions::PlainSessions,
}

impl Checkers {
    pub(crate) fn new(run: &Run) -> Self {
        Self {
            bounds: bounds::Bounds::new(run),
            figure3: figure3::Figure3::default(),
            membership: membership::Membership::new((1..=run.members).map(NodeId)),
            model: model::Model::default(),
            monotonic: monotonic::Monotonic::default(),
            order: order::Order::default(),
            platter: platter::Platters::new(run),
            sequence: sequence::Sequence::default(),
            transfers: transfers::Transfers::default(),
            sessions: sessions::Tables::new(run.replica_config().sessions),
            plain_sessions: plain_sessions::PlainSessions::default(),
        }
    }

    /// A member started.
    pub(crate) fn started(&mut self, replica: &Replica<Machine>) -> Checked {
        let view = replica.inspect();
        self.figure3.restarted(view.id());
        self.monotonic.started(view)?;
        self.membership.started(view);
        self.sequence.restarted(view.id());
        self.sequence.observe(view.id(), replica.machine(), &mut self.model)
    }

    /// A member went down.
    pub(crate) fn down(&mut self, id: NodeId) {
        self.monotonic.down(id);
        self.transfers.ended(id);
        self.sessions.down(id);
        self.membership.down(id);
        self.platter.down(id);
    }

    /// A member had a turn.
    pub(crate) fn turned(&mut self, view: View<'_>, replica: &Replica<Machine>) -> Checked {
        self.figure3.observe(view)?;
        self.monotonic.observe(view)?;
        self.membership.observe(view)?;
        self.bounds.member(view, replica.waiting())?;
        self.bounds.questions(view.id(), replica.questions_waiting())?;
        self.sessions.observe(view.id(), view.applied(), replica.sessions())?;
        self.sequence.observe(view.id(), replica.machine(), &mut self.model)?;
        self.plain_sessions.observe(view, &self.sequence)
    }

    /// A message leaves.
    pub(crate) fn sent(&mut self, message: &raft::Message) {
        self.monotonic.sent(message);
        self.membership.sent(message);
    }

    /// A member answered a request.
    pub(crate) fn answered(&mut self, operation: &Operation, reply: &Reply) -> Checked {
        match (reply, &operation.body) {
            (Reply::Written { position, result }, Body::Write(payload)) => {
                let place = self.sequence.acknowledged(*position, payload, result)?;
                self.order.written(place, operation.must_see)
            }
            (Reply::Refused(Refusal::TimedOut { .. }), _) | (Reply::Readable(_) | Reply::Refused(_), Body::Read(_)) => {
                Ok(())
            }
            // What an earlier copy does is not known by it.
            (Reply::Refused(_), Body::Write(_)) if operation.named.as_ref().is_some_and(|named| !named.sole) => Ok(()),
            (Reply::Written { .. } | Reply::Refused(_), Body::Session(_)) => Ok(()),
            (Reply::Refused(_), Body::Write(payload)) => self.sequence.refused(payload),
            (reply, body) => Err(Failure::new("answers", format!("{body:?} is answered {reply:?}"))),
        }
    }

    /// In the end each member has all that was ever applied.
    pub(crate) fn convergence(&self, id: NodeId, machine: &Machine) -> Checked {
        let (has, all) = (machine.count(), self.sequence.count());
        if has == all {
            return Ok(());
        }
        let checker = if has < self.order.known() { "durability" } else { "convergence" };
        Err(Failure::new(checker, format!("in the end {id} has {has} commands of {all}")))
    }
}
