//! One sequence of commands, the same on all members: same places, same results, each command as often as it was asked for at
//! most, none that was refused, and every acknowledged one at its place.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft::{NodeId, Position};

use super::model::Model;
use super::{Checked, Failure};
use crate::machine::{Applied, Machine, digest};

/// A command in its place.
struct Known {
    position: Position,
    time: u64,
    chain: u64,
    command: u64,
    result: Bytes,
    /// When the first member applied it.
    at: u64,
}

/// How often a command was asked for, refused, and applied.
#[derive(Debug, Clone, Copy, Default)]
struct Uses {
    issued: u64,
    refused: u64,
    applied: u64,
}

#[derive(Default)]
pub(crate) struct Sequence {
    list: Vec<Known>,
    places: BTreeMap<u64, u64>,
    /// The places of each command, by its digest.
    places_of: BTreeMap<u64, Vec<u64>>,
    uses: BTreeMap<u64, Uses>,
    /// So many commands of each member were compared already.
    compared: BTreeMap<NodeId, u64>,
    /// The time.
    pub(crate) now: u64,
}

impl Sequence {
    /// How many commands there are.
    pub(crate) fn count(&self) -> u64 {
        self.list.len() as u64
    }

    /// A client asks for it.
    pub(crate) fn issued(&mut self, payload: &Bytes) {
        self.uses.entry(digest(0, payload)).or_default().issued += 1;
    }

    /// It stands in a log that was laid down.
    pub(crate) fn issued_before(&mut self, payload: &Bytes) {
        self.issued(payload);
    }

    /// The same request is about to be asked again: still it may take effect once only.
    pub(crate) fn sent_again(&mut self, payload: &Bytes) {
        let uses = self.uses.entry(digest(0, payload)).or_default();
        uses.issued = uses.issued.saturating_sub(1);
    }

    /// A client was told that it has no effect.
    pub(crate) fn refused(&mut self, payload: &Bytes) -> Checked {
        let uses = self.uses.entry(digest(0, payload)).or_default();
        uses.refused += 1;
        may_be(*uses, || "a command is refused".into())
    }

    /// The place of what stands at this position.
    pub(crate) fn place_of(&self, position: Position) -> Option<u64> {
        let place = *self.places.get(&position.index.0)?;
        let known = self.list.get(usize::try_from(place).ok()?)?;
        (known.position == position).then_some(place)
    }

    /// A client is told that this command stands there, and what came of it.
    pub(crate) fn acknowledged(&self, position: Position, payload: &Bytes, result: &Bytes) -> Checked<u64> {
        let fail = |what: &str| Err(Failure::new("durability", format!("a client is told of {position}, {what}")));
        let Some(place) = self.place_of(position) else { return fail("where no member applied anything") };
        let known = usize::try_from(place).ok().and_then(|place| self.list.get(place));
        match known {
            Some(known) if known.command != digest(0, payload) => fail("where another command stands"),
            Some(known) if known.result != *result => fail("which had another result"),
            Some(_) | None => Ok(place),
        }
    }

    /// Where this command was applied, in order.
    pub(crate) fn places_of(&self, payload: &Bytes) -> &[u64] {
        self.places_of.get(&digest(0, payload)).map_or(&[], Vec::as_slice)
    }

    /// What came of the command in this place, and when the first member applied it.
    pub(crate) fn result_at(&self, place: u64) -> Option<(&Bytes, u64)> {
        let known = self.list.get(usize::try_from(place).ok()?)?;
        Some((&known.result, known.at))
    }

    pub(crate) fn restarted(&mut self, id: NodeId) {
        self.compared.remove(&id);
    }

    /// What a member applied since the last look is what the others applied.
    pub(crate) fn observe(&mut self, id: NodeId, machine: &Machine, model: &mut Model) -> Checked {
        let (count, fresh) = (machine.count(), machine.fresh());
        let first = count - fresh.len() as u64;
        let compared = self.compared.get(&id).copied().unwrap_or(0);
        if compared == count && count > 0 {
            return Ok(());
        }
        for (number, applied) in
            (first..count).zip(fresh).skip(usize::try_from(compared.saturating_sub(first)).unwrap_or(0))
        {
            self.compare(id, number, applied, model)?;
        }
        let known = count.checked_sub(1).and_then(|last| self.list.get(usize::try_from(last).ok()?));
        if count > 0 && known.map(|known| known.chain) != Some(machine.chain()) {
            let what = format!("{id} holds the state behind {count} commands, and it is another one than the others'");
            return Err(Failure::new("same sequence", what));
        }
        self.compared.insert(id, count);
        Ok(())
    }

    fn compare(&mut self, id: NodeId, number: u64, applied: &Applied, model: &mut Model) -> Checked {
        let fail =
            |what: String| Err(Failure::new("same sequence", format!("{id} applies {} {what}", applied.position)));
        if let Some(known) = usize::try_from(number).ok().and_then(|number| self.list.get(number)) {
            if known.chain == applied.chain {
                return Ok(());
            }
            return fail(format!("as command {number}, another member has {} there", known.position));
        }
        if number != self.count() {
            return fail(format!("as command {number}, only {} are known", self.count()));
        }
        if let Some(last) = self.list.last()
            && (last.position.index >= applied.position.index || last.time > applied.time)
        {
            return fail(format!("after {}", last.position));
        }
        let command = digest(0, &applied.payload);
        let uses = self.uses.entry(command).or_default();
        uses.applied += 1;
        may_be(*uses, || format!("{id} applies {}", applied.position))?;
        self.places.insert(applied.position.index.0, number);
        self.places_of.entry(command).or_default().push(number);
        self.list.push(Known {
            position: applied.position,
            time: applied.time,
            chain: applied.chain,
            command,
            result: applied.result.clone(),
            at: self.now,
        });
        model.apply(applied)
    }
}

fn may_be(uses: Uses, what: impl FnOnce() -> String) -> Checked {
    if uses.applied + uses.refused <= uses.issued {
        return Ok(());
    }
    let Uses { issued, refused, applied } = uses;
    let counts = format!("it was asked for {issued} times, refused {refused} times and applied {applied} times");
    Err(Failure::new("same sequence", format!("{}: {counts}", what())))
}
