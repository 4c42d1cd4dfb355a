//! What a member's loop shows to the rest of the program: its status, its configuration and the state machine's reader.
//! Written after each turn, read without asking the loop.

use std::sync::{Arc, PoisonError, RwLock};

use raft::{Configuration, Index, Role};
use replica::{Replica, StateMachine};
use tokio::sync::watch;

use crate::handle::Status;
use crate::look::Measured;
use crate::turn_times::LongestTurns;

/// The newest of each.
pub(crate) struct Published<S: StateMachine> {
    pub(crate) status: watch::Sender<Status>,
    pub(crate) configuration: watch::Sender<Arc<Configuration>>,
    pub(crate) configuration_index: watch::Sender<Index>,
    /// The newest that is known to be committed.
    pub(crate) committed: watch::Sender<Arc<Configuration>>,
    /// Where that one stands; nothing while a newer one is in force, for which it is looked up each time.
    committed_index: watch::Sender<Option<Index>>,
    /// What the other threads measure.
    pub(crate) measured: Arc<Measured>,
    /// How long turns took.
    pub(crate) longest_turns: LongestTurns,
    reader: RwLock<S::Reader>,
}

impl<S: StateMachine> Published<S> {
    pub(crate) fn new(replica: &Replica<S>) -> Self {
        let view = replica.inspect();
        Self {
            status: watch::Sender::new(status(replica)),
            configuration: watch::Sender::new(Arc::new(view.configuration().clone())),
            configuration_index: watch::Sender::new(view.history().current_index()),
            committed: watch::Sender::new(Arc::new(view.history().at(view.commit()).clone())),
            committed_index: watch::Sender::new(None),
            measured: Arc::default(),
            longest_turns: LongestTurns::default(),
            reader: RwLock::new(replica.machine().reader()),
        }
    }

    pub(crate) fn reader(&self) -> S::Reader {
        self.reader.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn update(&self, replica: &Replica<S>, machine_replaced: bool) {
        if machine_replaced {
            *self.reader.write().unwrap_or_else(PoisonError::into_inner) = replica.machine().reader();
        }
        let view = replica.inspect();
        let index = view.history().current_index();
        if machine_replaced || *self.configuration_index.borrow() != index {
            self.configuration.send_replace(Arc::new(view.configuration().clone()));
            self.configuration_index.send_replace(index);
        }
        let settled = Some(index).filter(|index| *index <= view.commit());
        if machine_replaced || settled.is_none() || *self.committed_index.borrow() != settled {
            self.committed_index.send_replace(settled);
            let committed = view.history().at(view.commit());
            self.committed.send_if_modified(|old| {
                let changed = **old != *committed;
                if changed {
                    *old = Arc::new(committed.clone());
                }
                changed
            });
        }
        self.status.send_if_modified(|old| {
            let new = status(replica);
            let changed = *old != new;
            *old = new;
            changed
        });
    }
}

fn status<S: StateMachine>(replica: &Replica<S>) -> Status {
    let view = replica.inspect();
    Status {
        node: view.id(),
        term: view.term(),
        leader: view.leader(),
        leads: matches!(view.role(), Role::Leader(_)),
        commit: view.commit(),
        applied: view.applied(),
        last: view.last().index,
        no_space: replica.no_room(),
        lease: replica.lease_state().timeless(),
        round_trip: replica.round_times().typical(),
    }
}
