//! Nothing grows without end: events, inputs, requests that wait, logs.

use raft::{NodeId, View};
use replica::membership::QUESTIONS_MAX;

use super::{Checked, Failure};
use crate::run::Run;

/// More events than any world within its bounds has at once.
const EVENTS_MAX: usize = 20_000;
/// Inputs that wait for one turn: what can arrive while a process stands still.
const INBOX_MAX: usize = 5_000;
/// Events in a row between which no time passes.
const STILL_MAX: u64 = 100_000;

pub(crate) struct Bounds {
    log_bytes_max: u64,
    requests_max: usize,
    still: u64,
}

impl Bounds {
    pub(crate) fn new(run: &Run) -> Self {
        let limits = &run.limits;
        let tail = limits.uncommitted_bytes_max + limits.snapshot_log_bytes + limits.command_bytes_max as u64;
        Self { log_bytes_max: limits.log_bytes_max + tail + 4000, requests_max: limits.requests_max, still: 0 }
    }

    /// One event more, with time passing before it or not.
    pub(crate) fn passes(&mut self, time: bool) -> Checked {
        self.still = if time { 0 } else { self.still + 1 };
        if self.still <= STILL_MAX {
            return Ok(());
        }
        Err(Failure::new("bounds", format!("{STILL_MAX} events happen and no time passes: somebody is never done")))
    }

    pub(crate) fn queue(&self, events: usize) -> Checked {
        if events <= EVENTS_MAX {
            return Ok(());
        }
        Err(Failure::new("bounds", format!("{events} events are to come, {EVENTS_MAX} are many")))
    }

    pub(crate) fn inbox(&self, id: NodeId, inputs: usize) -> Checked {
        if inputs <= INBOX_MAX {
            return Ok(());
        }
        Err(Failure::new("bounds", format!("{inputs} inputs wait at {id}, {INBOX_MAX} are many")))
    }

    /// What is on a disk when all is calm: one snapshot, no unfinished file but of one snapshot that was being received and is ahead of
    /// all that is complete, so that its sender may go on.
    pub(crate) fn files(&self, id: NodeId, files: &[(String, u64)]) -> Checked {
        let fail = |what: String| Err(Failure::new("bounds", what));
        let snapshots: Vec<&str> =
            files.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("snapshot-")).collect();
        let complete: Vec<&str> = snapshots.iter().copied().filter(|name| name.ends_with(".snap")).collect();
        if complete.len() > 2 {
            return fail(format!("{id} keeps {} snapshots: {complete:?}", complete.len()));
        }
        let newest = complete.iter().max().copied().unwrap_or_default();
        let mut unfinished = files.iter().map(|(name, _)| name.as_str()).filter(|name| name.ends_with(".tmp"));
        match (unfinished.next(), unfinished.next()) {
            (None, _) => Ok(()),
            (Some(name), None) if name.strip_prefix("incoming-").is_some_and(|incoming| incoming > newest) => Ok(()),
            (Some(name), _) => fail(format!("{id} has left {name}")),
        }
    }

    /// They have a bound of their own: what else waits keeps no operator out.
    pub(crate) fn questions(&self, id: NodeId, waiting: usize) -> Checked {
        if waiting <= QUESTIONS_MAX {
            return Ok(());
        }
        let most = QUESTIONS_MAX;
        Err(Failure::new(
            "bounds",
            format!("{waiting} questions about the membership wait at {id}, {most} are allowed"),
        ))
    }

    pub(crate) fn member(&self, view: View<'_>, waiting: usize) -> Checked {
        let (id, bytes) = (view.id(), view.log().bytes());
        if bytes > self.log_bytes_max {
            let most = self.log_bytes_max;
            return Err(Failure::new("bounds", format!("{id} holds {bytes} bytes of log, {most} are allowed")));
        }
        if waiting > self.requests_max {
            let most = self.requests_max;
            return Err(Failure::new("bounds", format!("{waiting} requests wait at {id}, {most} are allowed")));
        }
        Ok(())
    }
}
