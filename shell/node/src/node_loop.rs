//! The loop of a member: one thread that takes what arrived, runs one turn, and carries out what it says. It reads and
//! writes the peers' sockets itself (its tasks share the thread), so a message between members crosses no thread here.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::Sender as ThreadSender;
use std::time::{Duration, Instant};

use raft::Event;
use replica::{
    Input, LeaseOff, LeaseState, Output, Replica, Reply, Request, RequestId, SendSnapshot, StateMachine, TakeSnapshot,
    Time,
};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::arrival::{Done, Traffic, What};
use crate::clocks::Clocks;
use crate::log_thread::LogJob;
use crate::look::{Before, Look, Watched, is_told};
use crate::node::EndError;
use crate::peer::links::{Links, Watch};
use crate::peer::transfer::send::Sender;
use crate::published::Published;
use crate::timers::Timers;
use crate::turn_times::{Doing, TurnTimes};

/// Inputs taken into one turn at most: then the timers get their chance.
const TURN_INPUTS_MAX: usize = 1024;
/// Who was removed still sends and answers for so long.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The loop and all that it holds.
pub(crate) struct NodeLoop<S: StateMachine> {
    pub(crate) replica: Replica<S>,
    pub(crate) timers: Timers,
    pub(crate) clocks: Clocks,
    /// What was told of the lease last.
    pub(crate) lease: LeaseState,
    pub(crate) traffic: Receiver<Traffic>,
    pub(crate) done: UnboundedReceiver<Done<S>>,
    pub(crate) log: ThreadSender<LogJob>,
    pub(crate) snapshots: ThreadSender<TakeSnapshot<S::Frozen>>,
    pub(crate) links: Links,
    pub(crate) peers: Watch,
    /// This member was removed from the cluster: it ends then, when others had the time to hear its last words.
    pub(crate) leaves: Option<Instant>,
    pub(crate) send_snapshot: Box<dyn Fn(SendSnapshot)>,
    pub(crate) snapshot_sender: Arc<Sender>,
    pub(crate) published: Arc<Published<S>>,
    pub(crate) turn_times: TurnTimes,
    pub(crate) watched: Watched,
    pub(crate) stop: CancellationToken,
    pub(crate) waiting: HashMap<RequestId, oneshot::Sender<Reply>>,
    pub(crate) next_request: u64,
    pub(crate) inputs: Vec<Input<S>>,
    /// Who sent snapshots that are in `inputs`, to be told when the turn has taken them in.
    pub(crate) taken_in: Vec<std::sync::mpsc::Sender<()>>,
}

impl<S: StateMachine> NodeLoop<S> {
    /// Runs until the member is stopped or must stop; gives the reason in the latter case.
    pub(crate) async fn run(mut self) -> Result<(), EndError> {
        let (mut traffic, mut done) = (Vec::new(), Vec::new());
        let mut stopped = pin!(self.stop.clone().cancelled_owned());
        let mut alarm = pin!(sleep_until(Instant::now().into()));
        // The first turn arms the timers, without which a member that nobody speaks to would never wake.
        let mut again = self.turn()?;
        while !self.stop.is_cancelled() {
            if again {
                // Messages and the write have left; who waits for the thread gets it before the next batch is applied.
                yield_now().await;
            } else {
                self.set(alarm.as_mut());
                tokio::select! {
                    biased;
                    () = stopped.as_mut() => return Ok(()),
                    _ = self.done.recv_many(&mut done, TURN_INPUTS_MAX) => {}
                    _ = self.traffic.recv_many(&mut traffic, TURN_INPUTS_MAX) => {}
                    () = alarm.as_mut() => {}
                }
            }
            while let Ok(more) = self.done.try_recv() {
                done.push(more);
            }
            while traffic.len() < TURN_INPUTS_MAX
                && let Ok(more) = self.traffic.try_recv()
            {
                traffic.push(more);
            }
            for one in done.drain(..) {
                self.take_done(one)?;
            }
            for one in traffic.drain(..) {
                self.take_traffic(one);
            }
            again = self.turn()?;
            self.follow_configuration()?;
        }
        Ok(())
    }

    /// Connections follow the configuration; and who was removed for good, and leads no more, ends after a moment.
    fn follow_configuration(&mut self) -> Result<(), EndError> {
        let now = Instant::now();
        if let Some(peers) = self.peers.news() {
            self.links.follow(&peers, now);
        } else if self.links.is_parting() {
            self.links.follow(&self.peers.peers(), now);
        }
        let status = self.published.status.borrow();
        let (node, committed) = (status.node, self.published.committed.borrow().clone());
        let removed = committed.next_node > node.0 && !committed.nodes().contains(&node) && !status.leads;
        self.leaves = if removed { self.leaves.or(Some(now + LAST_WORDS)) } else { None };
        match self.leaves {
            Some(end) if end <= now => {
                Err(EndError::Removed(format!("{node} was removed from this cluster ({committed})")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The alarm goes off at the next deadline or before. Deadlines move ahead all the time, so it is set anew only when it has
    /// gone off or would be late.
    fn set(&self, alarm: Pin<&mut Sleep>) {
        let next = self.timers.next().into_iter().chain(self.leaves).min();
        let next = next.unwrap_or_else(|| Instant::now() + Duration::from_secs(60)).into();
        if alarm.is_elapsed() || next < alarm.deadline() {
            alarm.reset(next);
        }
    }

    fn take_done(&mut self, done: Done<S>) -> Result<(), EndError> {
        self.inputs.push(match done {
            Done::Written(ticket) => Input::Written(ticket),
            Done::Room(room) => {
                self.watched.tell_room(room, self.replica.inspect().term());
                Input::Room(room)
            }
            Done::SnapshotTaken(index) => Input::SnapshotTaken(index),
            Done::SnapshotFailed => Input::SnapshotFailed,
            Done::SnapshotReceived(snapshot, taken_in) => {
                self.taken_in.push(taken_in);
                Input::SnapshotReceived(snapshot)
            }
            Done::SnapshotSent(to) => Input::SnapshotSent(to),
            Done::PeerMet(peer, greeting) => {
                self.links.peer_is_there(peer);
                Input::PeerMet(peer, greeting)
            }
            Done::Over(reason) => return Err(reason),
        });
        Ok(())
    }

    fn take_traffic(&mut self, traffic: Traffic) {
        match traffic {
            Traffic::Peer(from, message) => {
                self.watched.heard(from);
                self.inputs.push(Input::Message(from, message));
            }
            Traffic::Look(answer) => {
                let _who_asked_may_be_gone = answer.send(self.look());
            }
            Traffic::PeerGone(peer) => self.inputs.push(Input::PeerGone(peer)),
            Traffic::Client(client) => {
                self.next_request += 1;
                let id = RequestId(self.next_request);
                let deadline = self.now().after(client.time_limit);
                let request = match client.what {
                    What::Write { command, essential, session } => {
                        Request::Write { command, essential, session, deadline }
                    }
                    What::Session(act) => Request::Session { act, deadline },
                    What::Recall(command) => Request::Recall { command },
                    What::Member(question) => Request::Member { question, deadline },
                    What::Read(mode) => Request::Read { mode, deadline },
                    What::Transfer { target } => Request::Transfer { target, deadline },
                };
                self.waiting.insert(id, client.answer);
                self.inputs.push(Input::Request(id, request));
            }
        }
    }

    fn now(&self) -> Time {
        self.clocks.now()
    }

    /// One turn. Says whether another is due at once, which applies what this one committed, or fires timers that had to wait. The
    /// clock is read when the last input has been taken: whatever comes later is served by a later reading, however long this
    /// process stands still in between.
    fn turn(&mut self) -> Result<bool, String> {
        let begun = Instant::now();
        let suspected = self.clocks.are_suspected(self.replica.inspect().configuration().settings.drift_bound);
        if suspected {
            warn!("this machine's clocks went different ways: what was measured by them is not relied on");
            self.inputs.insert(0, Input::ClockSuspected);
        } else {
            self.inputs.extend(self.timers.take_due(Instant::now()).map(Input::TimerFired));
        }
        let mut inputs = std::mem::take(&mut self.inputs);
        let output = self.replica.turn(self.now(), inputs.drain(..));
        self.inputs = inputs;
        self.tell_lease();
        self.tell_near_timeout();
        let again = output.again || suspected;
        let doing = match &output {
            Output { replaced_machine: Some(_), .. } => Doing::Installing,
            Output { take_snapshot: Some(_), .. } => Doing::Freezing,
            Output { .. } => Doing::Ordinary,
        };
        self.carry_out(output)?;
        let now = Instant::now();
        self.watched.turned(now, self.replica.inspect());
        self.turn_times.ended(now, now - begun, doing, &self.published.longest_turns);
        Ok(again)
    }

    /// Why there are no reads by lease, once for each reason; and that there are.
    fn tell_lease(&mut self) {
        let state = self.replica.lease_state().timeless();
        if matches!(state, LeaseState::Waiting | LeaseState::NotLeader) || state == self.lease {
            return;
        }
        self.lease = state;
        match state {
            LeaseState::Off(LeaseOff::NotAgreed) => debug!("reads by lease are {state}"),
            LeaseState::Off(_) => warn!("reads by lease are {state}"),
            LeaseState::Held(_) | LeaseState::Waiting | LeaseState::NotLeader => {
                info!("this leader can serve reads by lease");
            }
        }
    }

    /// The paper's timing requirement (section 5.6), once in a while where it does not hold.
    fn tell_near_timeout(&mut self) {
        let Some(near) = self.replica.take_near_timeout() else { return };
        let millis = |micros: u64| Duration::from_micros(micros).as_secs_f64() * 1000.0;
        warn!(
            "a majority takes {:.1} ms to answer this leader, and the election timeout is {:.0} ms: a leader that is well may be \
             replaced; start all members with --election-timeout={:.0} or more, or make the way between them shorter",
            millis(near.round),
            millis(near.election_timeout),
            millis(near.wanted()).ceil(),
        );
    }

    /// How this member is.
    fn look(&self) -> Look {
        let now = Instant::now();
        let peers = self.replica.inspect().configuration().nodes();
        let peers = peers.into_iter().map(|peer| (peer, self.links.state_of(peer))).collect();
        let mut look = self.watched.look(now, &self.replica, peers);
        look.waiting = self.waiting.len();
        look
    }

    /// Keeps for people what happened in a turn. What is published is still what was before it.
    fn note(&mut self, events: &[Event]) {
        for event in events.iter().filter(|event| is_told(event)) {
            let (leader, leads, term) = {
                let before = self.published.status.borrow();
                let leader = self.watched.last_leader().filter(|leader| *leader != before.node);
                (leader, before.leads, before.term)
            };
            let trouble = leader.and_then(|leader| self.links.state_of(leader).1);
            let configuration = match event {
                Event::ConfigurationInForce { index, .. } | Event::ConfigurationReverted { index } => {
                    Some(self.replica.inspect().history().at(*index).clone())
                }
                _ => None,
            };
            self.watched.note(event, Before { leader, leads, term, silence: None, trouble, configuration });
        }
    }

    fn carry_out(&mut self, output: Output<S>) -> Result<(), String> {
        self.note(&output.events);
        for event in &output.events {
            tell(event);
            if matches!(event, Event::BecameFollower { .. }) {
                self.snapshot_sender.forget();
            }
        }
        if let Some(halt) = output.halt {
            return Err(halt.to_string());
        }
        if let Some(write) = output.write {
            self.log.send(LogJob::Write(write)).map_err(|_| "the log's thread is gone")?;
        }
        for (to, message) in &output.messages {
            self.links.push(*to, message);
        }
        let now = Instant::now();
        for change in output.timers {
            self.timers.change(now, change);
        }
        if let Some(snapshot) = output.take_snapshot {
            self.snapshots.send(snapshot).map_err(|_| "the snapshots' thread is gone")?;
        }
        output.send_snapshots.into_iter().for_each(&self.send_snapshot);
        self.published.update(&self.replica, output.replaced_machine.is_some());
        if let Some(machine) = output.replaced_machine {
            drop_elsewhere(machine);
        }
        for taken_in in self.taken_in.drain(..) {
            let _the_sender_may_have_given_up = taken_in.send(());
        }
        for (id, reply) in output.replies {
            if let Some(answer) = self.waiting.remove(&id) {
                let _the_client_may_be_gone = answer.send(reply);
            }
        }
        Ok(())
    }
}

/// Freeing a large state machine takes long.
fn drop_elsewhere<S: StateMachine>(machine: S) {
    let work = move || drop(machine);
    if let Err(error) = std::thread::Builder::new().name("drop".into()).spawn(work) {
        warn!(%error, "no thread for freeing the state that a snapshot replaced; it was freed by the loop");
    }
}

/// What an operator wants to read of what happened.
fn tell(event: &Event) {
    match event {
        Event::BecameLeader { .. } | Event::BecameFollower { .. } | Event::SnapshotInstalled { .. } => info!("{event}"),
        Event::Halted(_) | Event::AppendDropped => warn!("{event}"),
        Event::BecamePreCandidate { .. } | Event::BecameCandidate { .. } | Event::Truncated { .. } => info!("{event}"),
        Event::TransferBegan { .. } | Event::TransferEnded { .. } | Event::ToldToStand { .. } => info!("{event}"),
        Event::ConfigurationInForce { .. } | Event::ConfigurationReverted { .. } => info!("{event}"),
        Event::Removed { .. } => warn!("{event}"),
        Event::SnapshotNeeded { .. } | Event::SnapshotIgnored { .. } => info!("{event}"),
        Event::Voted { .. } | Event::VoteRefused { .. } | Event::AppendRefused { .. } => debug!("{event}"),
        Event::Ignored { .. } | Event::Committed { .. } => tracing::trace!("{event}"),
    }
}
