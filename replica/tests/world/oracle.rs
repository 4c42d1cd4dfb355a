//! What clients were told, and what that means for everything that may happen afterwards. It knows the history of the whole
//! cluster and nothing of how it came about.

use std::collections::{BTreeMap, BTreeSet};

use quorate_replica::{Refusal, Reply};
use raft::NodeId;
use raft::invariants::Ledger;

use crate::journal::{Applied, number_at};

/// What a client asked, and what it was told.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// What the command says; `None` for a read.
    pub(crate) write: Option<u64>,
    pub(crate) node: NodeId,
    pub(crate) life: u64,
    /// In the world's time.
    pub(crate) deadline: u64,
    /// Commands that were acknowledged or read before this was asked.
    pub(crate) must_see: usize,
    pub(crate) reply: Option<Reply>,
    /// Its member went down.
    pub(crate) lost: bool,
}

/// Who contradicts whom, in words.
pub(crate) type Checked<T = ()> = Result<T, String>;

#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) operations: BTreeMap<u64, Operation>,
    issued: BTreeSet<u64>,
    /// A planted bug sent these again: what the second was told says nothing of the first.
    sent_again: BTreeSet<u64>,
    /// Writes of which a client was told that they have no effect.
    refused: BTreeSet<u64>,
    /// All commands that any member ever applied, in order.
    pub(crate) list: Vec<Applied>,
    places: BTreeMap<u64, usize>,
    /// So many commands were acknowledged or read by now.
    seen: usize,
    pub(crate) ledger: Ledger,
}

impl Oracle {
    pub(crate) fn ask(&mut self, request: u64, mut operation: Operation) {
        operation.must_see = self.seen;
        if let Some(write) = operation.write
            && !self.issued.insert(write)
        {
            self.sent_again.insert(write);
        }
        self.operations.insert(request, operation);
    }

    /// A member applied `applied` as its command number `place`.
    pub(crate) fn applied(&mut self, node: NodeId, place: usize, applied: Applied) -> Checked {
        if let Some(known) = self.list.get(place) {
            return if *known == applied {
                Ok(())
            } else {
                Err(format!("{node} has {applied:?} as command {place}, another member has {known:?}"))
            };
        }
        if !self.issued.contains(&applied.id) {
            return Err(format!("{node} applied {applied:?}, which nobody asked for"));
        }
        if self.refused.contains(&applied.id) {
            return Err(format!("{node} applied {applied:?}, of which a client was told that it has no effect"));
        }
        if let Some(last) = self.list.last()
            && (last.position.index >= applied.position.index || last.time > applied.time)
        {
            return Err(format!("{node} applied {applied:?} after {last:?}"));
        }
        if let Some(first) = self.places.insert(applied.id, place) {
            return Err(format!("{node} applied {applied:?} as command {place}, and it was command {first} already"));
        }
        self.list.push(applied);
        Ok(())
    }

    /// A client got an answer; the member's state machine holds `length` commands then.
    pub(crate) fn replied(&mut self, now: u64, slack: u64, request: u64, reply: Reply, length: usize) -> Checked {
        let Some(operation) = self.operations.get_mut(&request) else {
            return Err(format!("request {request} was never made and is answered {reply:?}"));
        };
        if let Some(first) = &operation.reply {
            return Err(format!("request {request} is answered twice: {first:?} and {reply:?}"));
        }
        if now > operation.deadline + slack {
            return Err(format!("request {request} is answered {reply:?} after its deadline {}", operation.deadline));
        }
        operation.reply = Some(reply.clone());
        let (write, must_see) = (operation.write, operation.must_see);
        match (reply, write) {
            (Reply::Written { position, result }, Some(id)) => {
                let place = usize::try_from(number_at(&result, 0)).unwrap_or(usize::MAX);
                let there = self.list.get(place).filter(|there| there.id == id && there.position == position);
                if there.is_none() {
                    return Err(format!("write {id} is said to be command {place} at {position}, which is not so"));
                }
                if place < must_see {
                    return Err(format!("write {id} is command {place}, but {must_see} were known when it began"));
                }
                self.seen = self.seen.max(place + 1);
            }
            (Reply::Readable(index), None) => {
                if length < must_see {
                    return Err(format!("read {request} at {index} sees {length} commands of {must_see} acknowledged"));
                }
                self.seen = self.seen.max(length);
            }
            (Reply::Refused(Refusal::TimedOut { .. }), _) | (Reply::Refused(_), None) => {}
            (Reply::Refused(_), Some(id)) if self.sent_again.contains(&id) => {}
            (Reply::Refused(refusal), Some(id)) => {
                self.refused.insert(id);
                if let Some(place) = self.places.get(&id) {
                    return Err(format!("write {id} is refused ({refusal:?}), and it is command {place}"));
                }
            }
            (reply, _) => return Err(format!("request {request} is answered {reply:?}, which is no answer to it")),
        }
        Ok(())
    }

    /// The deadline has passed by so much that there must be an answer.
    pub(crate) fn overdue(&self, request: u64) -> Checked {
        match self.operations.get(&request) {
            Some(one) if one.reply.is_none() && !one.lost => {
                Err(format!("request {request} of {} waits after its deadline {}: {one:?}", one.node, one.deadline))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A member went down, and with it whoever waited there.
    pub(crate) fn down(&mut self, node: NodeId, life: u64) {
        for operation in self.operations.values_mut() {
            operation.lost |= operation.node == node && operation.life == life && operation.reply.is_none();
        }
    }
}
