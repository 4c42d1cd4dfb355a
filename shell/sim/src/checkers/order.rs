//! Real time: what a client was told is there for everybody who asks afterwards. With the model of the store, which says that
//! each answer is right for its place in the one sequence of commands, this is linearizability of the whole store.

use super::{Checked, Failure};
use crate::run::Mode;

#[derive(Debug, Default)]
pub(crate) struct Order {
    /// So many commands were acknowledged to a client, or seen by one, by now.
    known: u64,
    /// Since when.
    since: Vec<(u64, u64)>,
}

impl Order {
    pub(crate) fn known(&self) -> u64 {
        self.known
    }

    /// So many were by `time`.
    pub(crate) fn known_at(&self, time: u64) -> u64 {
        let after = self.since.partition_point(|(since, _)| *since <= time);
        after.checked_sub(1).and_then(|last| self.since.get(last)).map_or(0, |(_, known)| *known)
    }

    /// A client was told of the state behind so many commands.
    pub(crate) fn acknowledged(&mut self, now: u64, count: u64) {
        if count > self.known {
            self.known = count;
            self.since.push((now, count));
        }
    }

    /// A write got this place; `must_see` commands were known when it was asked for.
    pub(crate) fn written(&self, place: u64, must_see: u64) -> Checked {
        if place >= must_see {
            return Ok(());
        }
        let what = format!("a write is command {place}, but {must_see} were known when it was asked for");
        Err(Failure::new("real time order", what))
    }

    /// A read saw the state behind `count` commands. One of a bounded age need not see what was acknowledged later than that.
    pub(crate) fn read(&self, number: u64, mode: Mode, must_see: u64, count: u64) -> Checked {
        if count >= must_see {
            return Ok(());
        }
        if let Mode::Bounded { staleness } = mode {
            let what = format!(
                "request {number} reads behind {count} commands, but {must_see} were known {staleness} µs before it was asked"
            );
            return Err(Failure::new("bounded staleness", what));
        }
        let what =
            format!("request {number} reads behind {count} commands, but {must_see} were known when it was asked");
        Err(Failure::new("no stale read", what))
    }
}
