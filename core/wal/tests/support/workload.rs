//! Workloads: lists of what a member does with its log, made from dice.

use super::Dice;
use super::model::Model;
use bytes::Bytes;
use quorate_wal::{Base, BaseChange, Batch, Entry, HardState};

/// One thing that a member does.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Write the batch and sync it.
    Put(Batch),
    /// Die between two batches and start again.
    Kill,
    /// Stop cleanly and start again.
    Restart,
}

/// `batches` batches of all kinds, with restarts between them.
pub(crate) fn mixed(batches: usize, seed: u64) -> Vec<Action> {
    let mut dice = Dice(seed);
    let mut model = Model::default();
    let mut actions = Vec::new();
    for round in 0..batches {
        let batch = any_batch(&mut dice, &model, round);
        model.apply(&batch);
        actions.push(Action::Put(batch));
        match dice.below(30) {
            0 => actions.push(Action::Kill),
            1 => actions.push(Action::Restart),
            _ => {}
        }
    }
    actions
}

/// A batch that may follow: mostly entries, also votes alone, truncations, compactions and resets.
pub(crate) fn any_batch(dice: &mut Dice, model: &Model, round: usize) -> Batch {
    let HardState { term, vote, commit } = model.hard_state;
    let same = HardState { term, vote, commit: commit.max(model.base.index) };
    let newer = HardState { term: term + 1, vote: dice.below(4), commit: same.commit };
    let (first, last) = (model.base.index + 1, model.last_index());
    match dice.below(16) {
        0 | 1 => Batch::new(newer),
        2 | 3 if last >= first => {
            let from = first + dice.below(last + 1 - first);
            let entries = entries(dice, from, newer.term, round, 200);
            Batch::new(newer).truncating_from(from).with_entries(entries)
        }
        4 if last >= first => {
            let from = first + dice.below(last + 1 - first);
            Batch::new(newer).truncating_from(from)
        }
        5..=7 if last >= first => {
            let base = Base { index: first + dice.below(last + 1 - first), term };
            let entries = entries(dice, last + 1, term, round, 100);
            Batch::new(same).with_base(BaseChange::Compaction(base)).with_entries(entries)
        }
        8 if round.is_multiple_of(3) => {
            let base = Base { index: last + dice.below(20), term };
            let entries = entries(dice, base.index + 1, term, round, 300);
            Batch::new(newer).with_base(BaseChange::Reset(base)).with_entries(entries)
        }
        9 => Batch::new(same).with_entries(entries(dice, last + 1, term, round, 1500)),
        _ => Batch::new(HardState { commit: last.max(commit), ..same }).with_entries(entries(
            dice,
            last + 1,
            term,
            round,
            250,
        )),
    }
}

/// Two entries of 250 bytes each after the last.
pub(crate) fn plain_batch(model: &Model, round: u8) -> Batch {
    let entry = |index| Entry { index, term: model.hard_state.term, bytes: Bytes::from(vec![round; 250]) };
    let last = model.last_index();
    Batch::new(model.hard_state).with_entries(vec![entry(last + 1), entry(last + 2)])
}

/// One to three entries of at most so many bytes each, whose bytes tell when they were made.
fn entries(dice: &mut Dice, from: u64, term: u64, round: usize, bytes_max: u64) -> Vec<Entry> {
    let count = 1 + dice.below(3);
    let one = |dice: &mut Dice, index| {
        let length = usize::try_from(1 + dice.below(bytes_max)).unwrap();
        let byte = u8::try_from((round * 7 + 1) % 255).unwrap();
        Entry { index, term, bytes: Bytes::from(vec![byte; length]) }
    };
    (from..from + count).map(|index| one(dice, index)).collect()
}

/// Batches of two records that all begin 64 bytes before a sector's end, so that their first record ends with the sector: a tear
/// then leaves the second record whole. The hard states differ.
pub(crate) fn aligned(batches: u64) -> Vec<Action> {
    // The first batch of the log takes 256 bytes, a hard state 64 and an entry of n bytes 52 + n.
    let entry = |index, bytes: usize| Entry { index, term: 1, bytes: Bytes::from(vec![b'a'; bytes]) };
    let hard_state = |commit| HardState { term: 1, vote: 1, commit };
    let first = Batch::new(hard_state(0)).with_entries(vec![entry(1, 448 - 256 - 64 - 52)]);
    let others = (2..=batches).map(|index| {
        let bytes = 512 - 64 - 52;
        Batch::new(hard_state(index - 1)).with_entries(vec![entry(index, bytes)])
    });
    std::iter::once(first).chain(others).map(Action::Put).collect()
}
