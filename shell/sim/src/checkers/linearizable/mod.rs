//! The whole history once more, as its clients saw it, by the checker that reads histories of any system: the whole store, replayed
//! by revision ([`whole`]), and each key for itself as a register ([`keys`]).
//!
//! It knows who asked what when and what was answered. Of members it knows one thing: which writes that no client was told of took
//! effect, and when the first member applied them, with which result. Without that, each of them may have happened anywhere or nowhere, and the search has no end.

mod keys;
mod whole;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use linearizability::{Ending, History, Limits, RegisterHistory, StoreHistory, Verdict};
use replica::Refusal;
use store::{Command, Outcome, RangeRequest, RangeResponse};

use super::sequence::Sequence;
use super::{Checked, Failure};
use crate::run::Mode;
use crate::world::{Answer, Body, Operation};

/// Steps for one history. Each takes little more than its length; who needs so many will not end.
const STEPS_MAX: u64 = 3_000_000;

/// An operation in the words of the store.
struct Line {
    number: u64,
    call: u64,
    asked: Asked,
}

/// What was asked and answered, with the time at which the client had it; or, if no client ever was told, at which it was first applied.
enum Asked {
    Read(RangeRequest, RangeResponse, u64),
    Write(Command, Outcome, u64),
}

/// Judges all operations with their numbers. What the format of histories does not have (limits, compactions) is left out.
pub(crate) fn check<'a>(operations: impl Iterator<Item = (&'a u64, &'a Operation)>, sequence: &Sequence) -> Checked {
    let operations: Vec<(u64, &Operation)> = operations.map(|(number, operation)| (*number, operation)).collect();
    let lines = lines(&operations, sequence);
    let store = StoreHistory::new(1, Vec::new(), lines.iter().filter_map(whole::line).collect());
    judge(store.map(History::Store))?;
    let keys = RegisterHistory::new(BTreeMap::new(), keys::lines(&lines));
    judge(keys.map(History::Registers))
}

fn judge(history: Result<History, linearizability::HistoryError>) -> Checked {
    let fail = |what: String| Err(Failure::new("linearizable", what));
    let history = match history {
        Ok(history) => history,
        Err(error) => return fail(format!("the clients' notes are no history: {error}")),
    };
    let report = linearizability::check(&history, Limits { steps: STEPS_MAX });
    match (report.verdict, report.explanation) {
        (Verdict::Linearizable, _) => Ok(()),
        (verdict, Some(explanation)) => fail(format!("{verdict}: {}", explanation.sentence)),
        (verdict, None) => fail(format!("{verdict}, in {STEPS_MAX} steps, of the keys {:?}", report.undecided)),
    }
}

/// All that had an effect or was answered.
fn lines(operations: &[(u64, &Operation)], sequence: &Sequence) -> Vec<Line> {
    // Places of each command of which no client was told. Where several asked for the same, whoever asked first gets the first:
    // that demands the least of real time.
    let mut untold: BTreeMap<&Bytes, VecDeque<u64>> = BTreeMap::new();
    let told: BTreeSet<u64> = operations.iter().filter_map(|(_, operation)| place(operation)).collect();
    let mut lines = Vec::new();
    for (number, operation) in operations {
        // All copies of one command are one in the eyes of its client: the first stands for them.
        if operation.named.as_ref().is_some_and(|named| named.first != *number) {
            continue;
        }
        let heard = operation.named.as_ref().and_then(|named| named.told.as_ref());
        let returned = operation.returned.unwrap_or(u64::MAX);
        let asked = match (&operation.body, &operation.answer) {
            // Who asked for less is judged by what it asked for.
            (Body::Read(_), _) if matches!(operation.mode, Mode::Bounded { .. } | Mode::Serializable) => None,
            (Body::Read(range), Some(Answer::Read(_, answer))) => {
                Some(Asked::Read(range.clone(), answer.clone(), returned))
            }
            (Body::Read(_) | Body::Session(_), _) => None,
            (Body::Write(payload), Some(Answer::Written(_, result))) => write(payload, result, returned),
            (Body::Write(payload), _) if heard.is_some() => heard.and_then(|(result, at)| write(payload, result, *at)),
            (_, Some(Answer::NotSent)) if operation.named.is_none() => None,
            (_, Some(Answer::Refused(refusal)))
                if operation.named.is_none() && !matches!(refusal, Refusal::TimedOut { .. }) =>
            {
                None
            }
            (Body::Write(payload), _) => {
                let places =
                    || sequence.places_of(payload).iter().filter(|place| !told.contains(place)).copied().collect();
                let place = untold.entry(payload).or_insert_with(places).pop_front();
                place.and_then(|place| sequence.result_at(place)).and_then(|(result, at)| write(payload, result, at))
            }
        };
        lines.extend(asked.map(|asked| Line { number: *number, call: operation.called, asked }));
    }
    lines
}

fn place(operation: &Operation) -> Option<u64> {
    match operation.answer {
        Some(Answer::Written(place, _)) => Some(place),
        _ => None,
    }
}

fn write(payload: &Bytes, result: &Bytes, returned: u64) -> Option<Asked> {
    let command = Command::decode(payload.clone()).ok()?;
    Some(Asked::Write(command, Outcome::decode(result.clone()).ok()?, returned))
}

impl Line {
    /// Each request is a client of its own: what one client asks after another is in the times.
    fn client(&self) -> String {
        format!("c{}", self.number)
    }
}

impl Asked {
    fn ending<R>(&self, response: R) -> Ending<R> {
        let (Self::Read(_, _, at) | Self::Write(_, _, at)) = self;
        Ending::Returned { at: *at, response }
    }
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The one key that a delete of a world means: it names a range in which no other key can be.
fn is_of_one_key(delete: &store::DeleteRangeRequest) -> bool {
    let (key, end) = (&delete.key, &delete.range_end);
    end.is_empty() || (end.len() > key.len() && end.starts_with(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Act, Ask, Run};
    use crate::world::World;

    /// Two puts of one key, each read, then a swap, as a world makes them.
    fn world() -> World {
        let mut world = World::new(Run::quiet(1, 3)).unwrap();
        let ask = |op| Act::Client { to: 0, op };
        let put = |value: &str| ask(Ask::Put { key: "X".into(), value: value.into() });
        let get = || ask(Ask::Get { key: "X".into(), mode: Mode::default() });
        let swap = ask(Ask::Cas { key: "X".into(), from: "2".into(), to: "3".into() });
        for act in [put("1"), get(), put("2"), get(), swap, get()] {
            world.run_until(world.now() + 1_000_000).unwrap();
            world.act(&act).unwrap();
        }
        world.run_until(world.now() + 1_000_000).unwrap();
        world
    }

    fn judge_world(world: &World) -> Checked {
        check(world.operations().iter(), &world.checkers.sequence)
    }

    /// What becomes of the verdict when the answer to a request is another one.
    fn with_answer(number: u64, answer: impl Fn(&World) -> Option<Answer>) -> Checked {
        let mut world = world();
        let answer = answer(&world);
        world.operations_mut().get_mut(&number).unwrap().answer = answer;
        judge_world(&world)
    }

    #[test]
    fn what_a_world_answers_is_linearizable() {
        let world = world();
        assert_eq!(judge_world(&world), Ok(()));
        assert!(matches!(&world.operations()[&2].answer, Some(Answer::Read(_, answer)) if answer.kvs.len() == 1));
    }

    #[test]
    fn a_value_that_was_overwritten_is_noticed() {
        let failure = with_answer(4, |world| world.operations()[&2].answer.clone()).unwrap_err();
        assert_eq!(failure.checker, "linearizable");
        let failure = with_answer(6, |world| world.operations()[&4].answer.clone()).unwrap_err();
        assert_eq!(failure.checker, "linearizable", "the transaction put another value there");
    }

    #[test]
    fn a_write_that_is_refused_and_seen_all_the_same_is_noticed() {
        let failure = with_answer(3, |_| Some(Answer::Refused(Refusal::Busy))).unwrap_err();
        assert_eq!(failure.checker, "linearizable");
    }

    #[test]
    fn a_write_of_unknown_outcome_is_there_or_not() {
        assert_eq!(with_answer(3, |_| Some(Answer::Lost)), Ok(()), "it is seen, so it was done");
        assert_eq!(with_answer(5, |_| Some(Answer::Lost)), Ok(()));
    }

    /// The two halves, each for itself: without the other it notices too.
    #[test]
    fn both_halves_notice_an_old_value() {
        let mut world = world();
        let old = world.operations()[&2].answer.clone();
        world.operations_mut().get_mut(&4).unwrap().answer = old;
        let operations: Vec<(u64, &Operation)> =
            world.operations().iter().map(|(number, one)| (*number, one)).collect();
        let lines = lines(&operations, &world.checkers.sequence);
        let store = StoreHistory::new(1, Vec::new(), lines.iter().filter_map(whole::line).collect());
        assert!(judge(store.map(History::Store)).is_err());
        let keys = RegisterHistory::new(BTreeMap::new(), keys::lines(&lines));
        let failure = judge(keys.map(History::Registers)).unwrap_err();
        assert!(failure.what.contains("when it returns, the value is \"2\""), "{failure}");
    }
}
