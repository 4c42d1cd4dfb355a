//! The crash checker: runs a workload once on tape, then crashes it at each call, in each way, and looks at what the log gives back.
//!
//! Crashes are of the process (the cache stays; a write may be cut after any sector), of the power (of all that is not synced, any part is
//! on the platter), and of a sync that fails and is followed by a restart. Each state is recovered; recovery itself is crashed at
//! each of its calls in the same ways; and after recovery the power goes and the log goes on.

use super::Dice;
use super::model::Model;
use super::planted::{Bug, PlantedDisk};
use super::workload::Action;
use bytes::Bytes;
use quorate_wal::memory_disk::{MemoryDisk, Step};
use quorate_wal::{Batch, Chore, Entry, Filling, HardState, OpenError, Options, Progress, Wal};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How many states were looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Calls of the workload that change the disk.
    pub(crate) calls: usize,
    /// Crashes of the workload, and how many different disks they left.
    pub(crate) crashes: usize,
    pub(crate) states: usize,
    /// Crashes during recovery from those, and how many different disks they left.
    pub(crate) crashes_in_recovery: usize,
    pub(crate) states_in_recovery: usize,
    /// Crashes while the recovered log went on, and how many different disks they left.
    pub(crate) crashes_after: usize,
    pub(crate) states_after: usize,
}

/// How many of the possible power cuts are tried at a call.
#[derive(Clone, Copy)]
struct Limits {
    /// Up to so many unsynced things, all subsets.
    exhaustive: usize,
    /// Above, so many random ones besides none and all.
    sampled: usize,
}

const FIRST: Limits = Limits { exhaustive: 8, sampled: 120 };
const AGAIN: Limits = Limits { exhaustive: 2, sampled: 3 };

/// What a recovered log may be.
#[derive(Clone, Hash)]
struct Allowed {
    models: Vec<Model>,
    /// How many are acknowledged, the empty log among them; with 0 there need not be a log at all.
    count: usize,
    /// The highest incarnation that was handed out.
    incarnation: u64,
}

impl Allowed {
    fn exactly(model: Model, incarnation: u64) -> Self {
        Self { models: vec![model], count: usize::MAX, incarnation }
    }
}

pub(crate) struct Checker {
    options: Options,
    bug: Bug,
    dice: Dice,
    /// The disks that were looked at, each with what was allowed: in the workload, in recovery, after it.
    seen: [BTreeSet<(u64, u64)>; 3],
    pub(crate) counts: Counts,
}

type Log = Wal<PlantedDisk>;

/// Does the log's chores in small steps, some of them between a write and its sync, as another thread does.
struct Storeroom {
    disk: PlantedDisk,
    filling: Option<(Chore, Filling<PlantedDisk>)>,
}

impl Storeroom {
    fn step(&mut self, wal: &mut Log) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        if let Some((chore, mut filling)) = self.filling.take() {
            match filling.step().map_err(text)? {
                Progress::More => self.filling = Some((chore, filling)),
                Progress::Ready => wal.chore_done(&chore),
            }
            return Ok(());
        }
        match wal.next_chore() {
            None => {}
            Some(Chore::Fill(order)) => {
                let filling = Filling::start(&self.disk, order).map_err(text)?;
                self.filling = Some((Chore::Fill(order), filling));
            }
            Some(remove) => {
                remove.perform(&self.disk).map_err(text)?;
                wal.chore_done(&remove);
            }
        }
        Ok(())
    }
}

/// A run on tape: the calls, and what was acknowledged when.
struct Run {
    tape: Vec<Step>,
    /// The log after each batch, the empty one first.
    models: Vec<Model>,
    /// From this place of the tape on, so many models are acknowledged under this incarnation.
    acknowledged: Vec<(usize, usize, u64)>,
}

impl Checker {
    pub(crate) fn new(segment_bytes: u64, bug: Bug) -> Self {
        let options = Options { segment_bytes, spares: 2, ..Options::new(7) };
        Self { options, bug, dice: Dice(1), seen: Default::default(), counts: Counts::default() }
    }

    /// Crashes the workload everywhere. The error says which promise was broken.
    pub(crate) fn check(&mut self, actions: &[Action]) -> Result<Counts, String> {
        let run = self.run(actions)?;
        self.counts.calls = run.tape.len();
        let world = MemoryDisk::new();
        for (place, step) in run.tape.iter().enumerate() {
            let (count, incarnation) = run.acknowledged_at(place);
            let models = run.models[count.saturating_sub(1)..].iter().take(2).cloned().collect();
            let allowed = Allowed { models, count, incarnation };
            let mut dice = self.dice.clone();
            each_crash(&world, step, FIRST, &mut dice, &mut |crashed| {
                self.counts.crashes += 1;
                if self.is_new(0, crashed, &allowed) {
                    self.counts.states += 1;
                    self.check_state(crashed, &allowed)
                        .map_err(|what| format!("call {place}, {}: {what}", name_of(step)))?;
                }
                Ok(())
            })?;
            self.dice = dice;
            world.play(step);
        }
        Ok(self.counts)
    }

    /// Whether this disk was not looked at before with the same expectations.
    fn is_new(&mut self, level: usize, disk: &MemoryDisk, allowed: &Allowed) -> bool {
        let mut hasher = DefaultHasher::new();
        allowed.hash(&mut hasher);
        self.seen[level].insert((disk.fingerprint(), hasher.finish()))
    }

    fn planted(&self, disk: &MemoryDisk) -> PlantedDisk {
        PlantedDisk { disk: disk.clone(), bug: self.bug }
    }

    fn run(&self, actions: &[Action]) -> Result<Run, String> {
        let disk = MemoryDisk::new();
        disk.record();
        let text = |error: &dyn std::error::Error| error.to_string();
        let (mut wal, recovered) = Wal::create(self.planted(&disk), self.options).map_err(|error| text(&error))?;
        let mut incarnation = recovered.incarnation;
        let mut models = vec![Model::default()];
        let mut acknowledged = vec![(0, 0, 0), (disk.tape_length(), 1, incarnation)];
        let mut storeroom = Storeroom { disk: self.planted(&disk), filling: None };
        for action in actions {
            match action {
                Action::Put(batch) => {
                    models.push(models[models.len() - 1].after(batch));
                    wal.write(batch).map_err(|error| text(&error))?;
                    storeroom.step(&mut wal)?;
                    wal.sync().map_err(|error| text(&error))?;
                }
                Action::Restart => {
                    storeroom.filling = None;
                    wal.seal().map_err(|error| text(&error))?;
                    (wal, incarnation) = self.reopen(&disk)?;
                }
                Action::Kill => {
                    storeroom.filling = None;
                    drop(wal);
                    disk.crash_process();
                    (wal, incarnation) = self.reopen(&disk)?;
                }
            }
            acknowledged.push((disk.tape_length(), models.len(), incarnation));
            storeroom.step(&mut wal)?;
        }
        Ok(Run { tape: disk.tape(), models, acknowledged })
    }

    fn reopen(&self, disk: &MemoryDisk) -> Result<(Log, u64), String> {
        let (wal, recovered) = Wal::open(self.planted(disk), self.options).map_err(|error| error.to_string())?;
        Ok((wal, recovered.incarnation))
    }

    /// Opens what a crash left. None if there is no log, and none need be.
    fn open(&self, disk: &MemoryDisk, allowed: &Allowed) -> Result<Option<(Log, Model, u64)>, String> {
        let (wal, recovered) = match Wal::open(self.planted(disk), self.options) {
            Ok(opened) => opened,
            Err(OpenError::NoLog) if allowed.count == 0 => return Ok(None),
            Err(error) => return Err(format!("a crash was taken for something else: {error}")),
        };
        let model = Model::from(&recovered);
        if !allowed.models.contains(&model) {
            return Err(format!("recovered {model:?}, allowed is {:?}", allowed.models));
        }
        if recovered.incarnation <= allowed.incarnation {
            return Err(format!("incarnation {} after {}", recovered.incarnation, allowed.incarnation));
        }
        Ok(Some((wal, model, recovered.incarnation)))
    }

    fn check_state(&mut self, crashed: &MemoryDisk, allowed: &Allowed) -> Result<(), String> {
        let disk = crashed.fork();
        disk.record();
        let Some((wal, model, incarnation)) = self.open(&disk, allowed)? else { return Ok(()) };
        self.crash_recovery(crashed, &disk.tape(), allowed)?;
        let exactly = Allowed::exactly(model, incarnation);
        self.lose_power(&disk, &exactly).map_err(|what| format!("what was read back was not durable: {what}"))?;
        self.go_on(&disk, wal, &exactly).map_err(|what| format!("after recovery: {what}"))
    }

    fn crash_recovery(&mut self, crashed: &MemoryDisk, tape: &[Step], allowed: &Allowed) -> Result<(), String> {
        let world = crashed.fork();
        let mut dice = self.dice.clone();
        for (place, step) in tape.iter().enumerate() {
            each_crash(&world, step, AGAIN, &mut dice, &mut |again| {
                self.counts.crashes_in_recovery += 1;
                if !self.is_new(1, again, allowed) {
                    return Ok(());
                }
                self.counts.states_in_recovery += 1;
                let what = |what| format!("crashed again at call {place} of recovery, {}: {what}", name_of(step));
                let Some((_, model, incarnation)) = self.open(again, allowed).map_err(what)? else { return Ok(()) };
                self.lose_power(again, &Allowed::exactly(model, incarnation)).map_err(what)
            })?;
            world.play(step);
        }
        self.dice = dice;
        Ok(())
    }

    /// What a successful start gave back survives a power cut right after it.
    fn lose_power(&self, disk: &MemoryDisk, exactly: &Allowed) -> Result<(), String> {
        for kept in [false, true] {
            let dark = disk.fork();
            dark.crash_power(|_| kept);
            self.open(&dark, exactly)?;
        }
        Ok(())
    }

    /// The log goes on with one more batch; nothing cut or truncated comes back while it is written or after.
    fn go_on(&mut self, disk: &MemoryDisk, mut wal: Log, before: &Allowed) -> Result<(), String> {
        let model = &before.models[0];
        let HardState { term, commit, .. } = model.hard_state;
        let entry = Entry { index: model.last_index() + 1, term: term + 1, bytes: Bytes::from_static(&[b'+'; 400]) };
        let batch = Batch::new(HardState { term: term + 1, vote: 9, commit }).with_entries(vec![entry]);
        let after = model.after(&batch);
        disk.record();
        let world = disk.fork();
        put(&mut wal, &batch)?;
        let either = Allowed { models: vec![model.clone(), after.clone()], ..before.clone() };
        let mut dice = self.dice.clone();
        for step in &disk.tape() {
            each_crash(&world, step, AGAIN, &mut dice, &mut |crashed| {
                self.counts.crashes_after += 1;
                if !self.is_new(2, crashed, &either) {
                    return Ok(());
                }
                self.counts.states_after += 1;
                self.open(crashed, &either).map(|_| ())
            })?;
            world.play(step);
        }
        self.dice = dice;
        self.lose_power(disk, &Allowed::exactly(after, before.incarnation))
    }
}

impl Run {
    fn acknowledged_at(&self, place: usize) -> (usize, u64) {
        let last = self.acknowledged.iter().rev().find(|(from, _, _)| *from <= place);
        last.map_or((0, 0), |(_, count, incarnation)| (*count, *incarnation))
    }
}

fn put(wal: &mut Log, batch: &Batch) -> Result<(), String> {
    wal.write(batch).and_then(|()| wal.sync()).map_err(|error| error.to_string())
}

type Visit<'a> = &'a mut dyn FnMut(&MemoryDisk) -> Result<(), String>;

/// All the disks that a crash before, in or right after this call may leave.
fn each_crash(
    world: &MemoryDisk,
    step: &Step,
    limits: Limits,
    dice: &mut Dice,
    visit: Visit<'_>,
) -> Result<(), String> {
    for sectors in 0..=step.sectors() {
        let killed = world.fork();
        if sectors > 0 {
            killed.play_cut(step, sectors);
        }
        killed.crash_process();
        visit(&killed)?;
    }
    let unsynced = world.unsynced().len();
    if let Step::Sync(_) = step {
        each_choice(unsynced, AGAIN, dice, &mut |kept| {
            let failed = world.fork();
            let mut kept = kept.iter().copied();
            failed.play_failed(step, || kept.next() == Some(true));
            failed.crash_process();
            visit(&failed)
        })?;
    }
    let done = world.fork();
    done.play(step);
    each_choice(done.unsynced().len(), limits, dice, &mut |kept| visit(&power_cut(&done, kept)))
}

/// All subsets of so many things, or some of them.
fn each_choice(
    things: usize,
    limits: Limits,
    dice: &mut Dice,
    visit: &mut dyn FnMut(&[bool]) -> Result<(), String>,
) -> Result<(), String> {
    if things <= limits.exhaustive {
        for subset in 0..1_u32 << things {
            let kept: Vec<bool> = (0..things).map(|thing| subset >> thing & 1 == 1).collect();
            visit(&kept)?;
        }
        return Ok(());
    }
    visit(&vec![false; things])?;
    visit(&vec![true; things])?;
    for _ in 0..limits.sampled {
        let kept: Vec<bool> = (0..things).map(|_| dice.below(2) == 0).collect();
        visit(&kept)?;
    }
    Ok(())
}

fn power_cut(disk: &MemoryDisk, kept: &[bool]) -> MemoryDisk {
    let dark = disk.fork();
    let mut kept = kept.iter().copied();
    dark.crash_power(|_| kept.next() == Some(true));
    dark
}

fn name_of(step: &Step) -> String {
    match step {
        Step::Write(file, offset, bytes) => format!("a write of {} bytes to file {file} at {offset}", bytes.len()),
        Step::Create(_) | Step::Sync(_) | Step::Rename(..) | Step::Remove(_) | Step::SyncDir => format!("{step:?}"),
    }
}
