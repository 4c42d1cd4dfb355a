//! The end of a run: when all was made good and some time has passed, one leads, all know it, everybody is served, and all
//! members hold the same.

use bytes::Bytes;
use raft::NodeId;
use replica::StateMachine as _;
use store::RangeRequest;

use super::clients::{Answer, Body};
use super::{Event, World};
use crate::checkers::{Checked, linearizable};

impl World {
    /// Within this time after everything was made good, one must lead and all must follow: a start, a silent T, an election or
    /// two, and a snapshot for whoever was away.
    pub(super) fn heal_bound(&self) -> u64 {
        // Without pre-votes one whose log can't win may stand first and silence the one that can, as often as chance has it.
        if self.run.features.pre_vote { 12 * self.t() } else { 24 * self.t() }
    }

    pub(super) fn last_requests(&mut self) -> Checked {
        self.watch_all()?;
        if let Err(wait) = self.membership_at_rest()? {
            self.after(wait, Event::LastRequests);
            return Ok(());
        }
        let mut leaders = Vec::new();
        for id in self.in_office() {
            let Some(view) = self.view(id) else { return Self::fail("liveness", format!("{id} does not run")) };
            leaders.push(view.leader());
        }
        if leaders.iter().any(|leader| leader.is_none() || *leader != leaders[0]) {
            let what = format!("all has been well for {} µs, and the members follow {leaders:?}", self.heal_bound());
            return Self::fail("convergence", what);
        }
        if self.last_hand_over() {
            self.after(4 * self.t(), Event::LastRequests);
            return Ok(());
        }
        for id in self.in_office() {
            let number = self.next_operation + 1;
            let put = store::PutRequest {
                key: Bytes::from(format!("end-{id}")),
                value: Bytes::from(format!("v{number}")),
                ..store::PutRequest::default()
            };
            let write = self.ask(None, id, Body::Write(store::Command::Put(put).encode()));
            let read =
                self.ask(None, id, Body::Read(RangeRequest { key: Bytes::from_static(b"k0"), ..Default::default() }));
            self.last_operations.extend([write, read]);
        }
        let last = 16 * self.t();
        self.last_at = self.now + last / 2;
        self.after(last, Event::End);
        Ok(())
    }

    /// The members by the newest committed configuration: those that must serve.
    fn in_office(&self) -> Vec<NodeId> {
        self.checkers.membership.settled().configuration.nodes().into_iter().collect()
    }

    /// The whole history up to now, by the checker of histories: at the end of a scenario, say. A world that began with entries on
    /// its disks has a history before what its clients noted, so it is not judged.
    ///
    /// # Errors
    /// What it found.
    pub fn judge_history(&self) -> Checked {
        if self.run.initial.iter().any(|image| image.log.iter().any(|record| record.key.is_some())) {
            return Ok(());
        }
        linearizable::check(self.operations.iter(), &self.checkers.sequence)
    }

    pub(super) fn end(&mut self) -> Checked {
        self.ended = true;
        self.watch_all()?;
        for number in &self.last_operations {
            let answer = self.operations.get(number).and_then(|operation| operation.answer.clone());
            if !matches!(answer, Some(Answer::Written(..) | Answer::Read(..))) {
                return Self::fail("liveness", format!("all is well, and request {number} got {answer:?}"));
            }
        }
        let waits = |one: &super::Operation| one.answer.is_none();
        if let Some((number, one)) = self.operations.iter().find(|(_, one)| waits(one)) {
            return Self::fail("answers", format!("request {number} was never answered: {one:?}"));
        }
        self.judge_history()?;
        self.membership_is_as_ordered()?;
        let snapshot = 2000 + self.checkers.model.bytes() + 2 * self.run.limits.sessions.bytes_max.min(100_000);
        for id in self.in_office() {
            let Some(member) = self.members.get(&id) else {
                return Self::fail("liveness", format!("{id} is not there"));
            };
            let Some(running) = &member.running else { return Self::fail("liveness", format!("{id} does not run")) };
            let machine = running.replica.machine();
            self.checkers.convergence(id, machine)?;
            if running.replica.waiting() + running.replica.questions_waiting() > 0 {
                return Self::fail("convergence", format!("in the end requests wait at {id}"));
            }
            self.checkers.model.store(id, &machine.reader())?;
            self.checkers.bounds.files(id, &member.files())?;
            let log = running.replica.inspect().log().bytes();
            let most = 10 * self.run.limits.segment_bytes + 3 * log + 4 * snapshot;
            let (segments, enough) = (running.log.usage().segment_bytes, 30 * self.run.limits.segment_bytes + 3 * log);
            if segments > enough {
                let what = format!("{id} has {segments} bytes of segments for a log of {log}, {enough} are enough");
                return Self::fail("bounds", what);
            }
            let bytes = member.disk_bytes();
            if bytes > most {
                return Self::fail(
                    "bounds",
                    format!("{id} uses {bytes} bytes of disk, {most} are enough: {:?}", member.files()),
                );
            }
        }
        Ok(())
    }
}
