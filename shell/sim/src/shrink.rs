//! From a run that fails to a shorter one that fails in the same way: first whole classes of faults are left out, then the list of
//! faults is halved for as long as that works. It only plays runs; it does not know why one fails.

use crate::campaign::{Outcome, play};
use crate::run::{Network, Run, Step};

/// What came of it.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The shortest run found that fails by the same checker.
    pub run: Run,
    /// How it fails.
    pub outcome: Outcome,
    /// How many runs were played.
    pub plays: u32,
}

struct Search {
    best: Run,
    outcome: Outcome,
    checker: &'static str,
    plays: u32,
    plays_max: u32,
}

/// Shortens a run that fails, playing at most so many others. `None`: it does not fail.
#[must_use]
pub fn shrink(run: &Run, plays_max: u32) -> Option<Shrunk> {
    let outcome = play(run.clone()).ok()?;
    let checker = outcome.verdict.as_ref().err()?.checker;
    let mut search = Search { best: run.clone(), outcome, checker, plays: 1, plays_max };
    search.cut_the_end();
    search.leave_out_classes();
    search.improve_the_network();
    search.fewer_clients();
    search.halve();
    search.cut_the_end();
    let Search { best, outcome, plays, .. } = search;
    Some(Shrunk { run: best, outcome, plays })
}

impl Search {
    /// Keeps the candidate if it fails by the same checker.
    fn keep(&mut self, candidate: Run) -> bool {
        if self.plays >= self.plays_max || candidate == self.best {
            return false;
        }
        self.plays += 1;
        let Ok(outcome) = play(candidate.clone()) else { return false };
        let same = outcome.verdict.as_ref().err().is_some_and(|failure| failure.checker == self.checker);
        if same {
            (self.best, self.outcome) = (candidate, outcome);
        }
        same
    }

    /// What was to come after the failure.
    fn cut_the_end(&mut self) {
        let mut candidate = self.best.clone();
        candidate.script.retain(|step| step.at <= self.outcome.ended.micros);
        self.keep(candidate);
    }

    fn leave_out_classes(&mut self) {
        let mut classes: Vec<&'static str> = self.best.script.iter().map(|step| step.act.class()).collect();
        classes.sort_unstable();
        classes.dedup();
        for class in classes {
            let mut candidate = self.best.clone();
            candidate.script.retain(|step| step.act.class() != class);
            self.keep(candidate);
        }
    }

    fn improve_the_network(&mut self) {
        let better: [fn(&mut Network); 6] = [
            |network| network.loss = 0,
            |network| network.doubled = 0,
            |network| network.replayed = 0,
            |network| network.late = 0,
            |network| (network.snapshot_cut, network.snapshot_damage, network.snapshot_rate) = (0, 0, 0),
            |network| (network.delay_min, network.delay_max) = (200, 800),
        ];
        for better in better {
            let mut candidate = self.best.clone();
            better(&mut candidate.network);
            self.keep(candidate);
        }
    }

    fn fewer_clients(&mut self) {
        for count in [0, 1, 2] {
            let mut candidate = self.best.clone();
            candidate.clients.count = candidate.clients.count.min(count);
            candidate.clients.bursts = 0;
            if self.keep(candidate) {
                return;
            }
        }
    }

    /// Leaves out halves, quarters, eighths ... of the script, until no single step can be left out.
    fn halve(&mut self) {
        let mut part = self.best.script.len().div_ceil(2).max(1);
        loop {
            let mut start = 0;
            let mut shorter = false;
            while start < self.best.script.len() {
                let without = |script: &[Step]| {
                    let end = (start + part).min(script.len());
                    [&script[..start], &script[end..]].concat()
                };
                let candidate = Run { script: without(&self.best.script), ..self.best.clone() };
                if self.keep(candidate) {
                    shorter = true;
                } else {
                    start += part;
                }
            }
            if self.plays >= self.plays_max || (part == 1 && !shorter) {
                return;
            }
            part = (part / 2).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::run_with_lie;
    use crate::lies::Lie;
    use crate::run::Act;

    #[test]
    fn a_failing_run_becomes_a_short_one_that_fails_alike_and_can_be_written_down() {
        let long = (0..30).map(|seed| run_with_lie(seed, Lie::OldDisk));
        let (run, failed) = long
            .map(|run| (run.clone(), play(run).unwrap()))
            .find(|(_, outcome)| outcome.verdict.as_ref().is_err_and(|failure| failure.checker == "start"))
            .unwrap();
        let shrunk = shrink(&run, 200).unwrap();
        assert!(shrunk.run.script.len() <= 8, "{:?}", shrunk.run.script);
        assert!(shrunk.run.script.len() < run.script.len());
        assert_eq!(shrunk.outcome.verdict.as_ref().unwrap_err().checker, failed.verdict.unwrap_err().checker);
        assert!(shrunk.run.script.iter().any(|step| !matches!(step.act, Act::Heal)), "a crash is needed");
        let again = play(Run::from_json(&shrunk.run.to_json()).unwrap()).unwrap();
        assert_eq!((again.verdict, again.ended), (shrunk.outcome.verdict, shrunk.outcome.ended));
    }

    #[test]
    fn a_good_run_is_not_shrunk() {
        let mut run = Run::quiet(1, 1);
        run.timing.calm_at = 1_000_000;
        assert!(shrink(&run, 5).is_none());
    }
}
