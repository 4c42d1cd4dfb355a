//! What was committed, ever: it must stay so on every node, on a majority of disks, and be in the log of every later leader.
//! States remember it, since the nodes themselves may forget all of it in a crash.

use raft::{Configuration, Entry, EntryKind, Index, Position, Term, View};

/// The committed entries from index 1 on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct History {
    committed: Vec<Committed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Committed {
    entry: Entry,
    /// The term of the first node that knew it.
    known: Term,
}

impl History {
    /// How far.
    pub(crate) fn last(&self) -> Index {
        Index(self.committed.len() as u64)
    }

    pub(crate) fn positions(&self) -> impl Iterator<Item = Position> {
        self.committed.iter().map(|committed| committed.entry.position())
    }

    /// The newest committed configuration, if there is one.
    pub(crate) fn configuration(&self) -> Option<Configuration> {
        let entries = self.committed.iter().rev().map(|committed| &committed.entry);
        let newest = entries.filter(|entry| entry.kind() == EntryKind::Configuration).map(Entry::payload).next();
        newest.and_then(|payload| Configuration::decode(&payload).ok())
    }

    fn at(&self, index: Index) -> Option<&Committed> {
        usize::try_from(index.previous().0).ok().filter(|_| index > Index::ZERO).and_then(|at| self.committed.get(at))
    }

    /// The history after a look at this node.
    pub(crate) fn after(&self, view: View<'_>) -> Result<Self, String> {
        let mut history = self.clone();
        let (id, base, term) = (view.id(), view.log().base(), view.term());
        if base.index > history.last() {
            return Err(format!(
                "State Machine Safety (5.4.3) does not hold: {id}: a snapshot of {base}, never committed"
            ));
        }
        if let Some(was) = history.at(base.index).filter(|was| was.entry.position() != base) {
            return Err(format!(
                "State Machine Safety (5.4.3) does not hold: {id}: a snapshot of {base}, was {}",
                was.entry
            ));
        }
        for entry in view.log().iter().take_while(|entry| entry.index() <= view.commit()) {
            match history.at(entry.index()) {
                None => history.committed.push(Committed { entry: entry.clone(), known: term }),
                Some(was) if was.entry == *entry => {}
                Some(was) => {
                    let was = &was.entry;
                    return Err(format!(
                        "State Machine Safety (5.4.3) does not hold: {id}: committed {entry}, was {was}"
                    ));
                }
            }
        }
        if view.is_leader() {
            history.is_in(view)?;
        }
        Ok(history)
    }

    /// A leader has all that was known to be committed in earlier terms.
    fn is_in(&self, leader: View<'_>) -> Result<(), String> {
        for committed in self.committed.iter().filter(|committed| committed.known < leader.term()) {
            let position = committed.entry.position();
            if position.index > leader.log().base().index && !leader.log().holds(position) {
                let (id, term) = (leader.id(), leader.term());
                return Err(format!(
                    "Leader Completeness (5.4) does not hold: {id} leads {term} without {position}, committed in {}",
                    committed.known
                ));
            }
        }
        Ok(())
    }
}
