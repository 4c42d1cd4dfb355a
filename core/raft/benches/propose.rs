//! Proposals per second through three cores in one process: a leader and two followers, every message delivered at once,
//! every write durable at once. It measures what consensus itself costs, without disks, sockets and threads.
//!
//! `cargo bench -p quorate-raft`. The figures of tikv's raft-rs beside ours are quoted: they were measured with the same
//! shape (three nodes, one process, no disk, no network) on a machine of the same kind, not in this run.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench needs a clock")]
#![allow(clippy::print_stdout, reason = "its table is its result")]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use quorate_raft::{
    Boot, Config, Configuration, HardState, Header, Index, Message, NodeId, Position, Raft, Term, Timer,
};

const PAYLOAD: usize = 256;
const TIME: Duration = Duration::from_secs(2);
/// The log is compacted when it has grown by so many entries, as a driver would.
const COMPACT_EACH: u64 = 10_000;

struct Cluster {
    nodes: Vec<Raft>,
    wire: VecDeque<Message>,
    messages: u64,
}

impl Cluster {
    fn new() -> Self {
        let configuration = Configuration::of_voters((1..=3).map(NodeId));
        let boot = || Boot {
            hard_state: HardState { term: Term::ZERO, vote: None, commit: Index::ZERO },
            base: Position::ZERO,
            base_time: 0,
            entries: Vec::new(),
            snapshot: Index::ZERO,
            configuration: configuration.clone(),
        };
        let nodes = (1..=3).map(|id| Raft::new(NodeId(id), Config::default(), boot())).collect();
        let mut cluster = Self { nodes, wire: VecDeque::new(), messages: 0 };
        cluster.nodes.iter_mut().for_each(|node| node.timer_fired(Timer::LeaderSilent));
        cluster.nodes[0].timer_fired(Timer::Campaign);
        cluster.settle();
        assert!(cluster.nodes[0].inspect().is_leader(), "n1 leads");
        cluster
    }

    /// Carries out what a node wants done: its write is durable at once, what is committed is applied.
    fn turn(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        loop {
            let output = node.take_output();
            self.wire.extend(output.messages);
            let commit = node.inspect().commit();
            node.applied(commit);
            match output.write {
                Some(write) => node.written(write.ticket),
                None => break,
            }
        }
        if commit_since_base(node) > COMPACT_EACH {
            let commit = node.inspect().commit();
            node.compact(commit);
        }
    }

    fn settle(&mut self) {
        (0..self.nodes.len()).for_each(|at| self.turn(at));
        while let Some(message) = self.wire.pop_front() {
            self.messages += 1;
            let at = usize::try_from(message.to.0 - 1).expect("nodes are n1 to n3");
            self.nodes[at].receive(message);
            self.turn(at);
        }
    }
}

fn commit_since_base(node: &Raft) -> u64 {
    let view = node.inspect();
    view.commit().since(view.log().base().index)
}

struct Measured {
    per_second: f64,
    /// Of the processor, not of the clock: other programs on the machine don't change it much.
    nanoseconds: f64,
    messages: f64,
}

/// The processor time of this thread so far, where the kernel tells it.
fn on_cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

fn measure(batch: u64) -> Measured {
    let mut cluster = Cluster::new();
    let payload = [7; PAYLOAD];
    let (start, first) = (Instant::now(), cluster.nodes[0].inspect().commit());
    let (messages, cpu) = (cluster.messages, on_cpu());
    while start.elapsed() < TIME {
        for _ in 0..100 {
            for _ in 0..batch {
                cluster.nodes[0].propose(Header::default(), &payload).expect("there is room");
            }
            cluster.settle();
        }
    }
    let (elapsed, last) = (start.elapsed(), cluster.nodes[0].inspect().commit());
    assert_eq!(last, cluster.nodes[0].inspect().last().index, "all of it is committed");
    let busy = on_cpu().zip(cpu).map_or(elapsed, |(now, then)| now - then);
    let (count, busy) = (float(last.since(first)), busy.as_secs_f64());
    Measured {
        per_second: count / elapsed.as_secs_f64(),
        nanoseconds: busy / count * 1e9,
        messages: float(cluster.messages - messages) / count,
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}

fn main() {
    println!("three cores in one process, {PAYLOAD}-byte payloads, all delivered and durable at once\n");
    println!("{:>6} {:>14} {:>12} {:>16}   raft-rs (quoted)", "batch", "proposals/s", "CPU ns each", "messages each");
    for (batch, quoted) in [(1, "143,000/s, one at a time"), (16, "300,000 to"), (256, "630,000/s, batched")] {
        let measured = measure(batch);
        println!(
            "{batch:>6} {:>14.0} {:>12.0} {:>16.3}   {quoted}",
            measured.per_second, measured.nanoseconds, measured.messages
        );
    }
}
