//! Which messages on the wire a command means: `from=1 to=2 kind=AppendEntries at=1` (the first of those). Without any, all.

use quorate_raft::{Message, NodeId};

use super::Arguments;
use crate::support::notation;
use crate::support::world::Checked;

pub(super) struct Selector {
    from: Option<NodeId>,
    to: Option<NodeId>,
    kind: Option<String>,
    at: Option<usize>,
}

impl Selector {
    pub(super) fn new(arguments: &mut Arguments<'_>) -> Checked<Self> {
        Ok(Self {
            from: arguments.key("from").map(notation::node).transpose()?,
            to: arguments.key("to").map(notation::node).transpose()?,
            kind: arguments.key("kind").map(str::to_string),
            at: arguments.number("at")?.map(|at| usize::try_from(at).unwrap_or(usize::MAX)),
        })
    }

    fn means(&self, message: &Message) -> bool {
        self.from.is_none_or(|from| message.from == from)
            && self.to.is_none_or(|to| message.to == to)
            && self.kind.as_ref().is_none_or(|kind| message.body.name() == kind)
    }

    /// Takes the messages that are meant off the wire; an error if there is none, since a script that means none is wrong.
    pub(super) fn take(&self, wire: &mut Vec<Message>) -> Checked<Vec<Message>> {
        let (mut taken, mut left, mut seen) = (Vec::new(), Vec::new(), 0);
        for message in wire.drain(..) {
            let meant = self.means(&message);
            seen += usize::from(meant);
            if meant && self.at.is_none_or(|at| at == seen) { taken.push(message) } else { left.push(message) }
        }
        *wire = left;
        if taken.is_empty() { Err("no such message is on the wire".to_string()) } else { Ok(taken) }
    }
}
