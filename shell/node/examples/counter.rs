//! A state machine of your own, replicated on three nodes: `cargo run --release -p quorate-node --example counter`.

#![allow(clippy::print_stdout)] // what it shows is its output

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use quorate_node::{Config, Node, SessionCommand};
use raft::{Configuration, NodeId};
use replica::{Command, First, RestoreError, StateMachine};

/// The state: one number. Commands are numbers to add, as text; the result is the sum.
#[derive(Default)]
struct Counter(Arc<AtomicI64>);

impl StateMachine for Counter {
    type Reader = Arc<AtomicI64>;
    type Frozen = Vec<u8>;

    fn apply(&mut self, commands: &[Command<'_>], results: &mut Vec<Bytes>) {
        for command in commands {
            let add: i64 = std::str::from_utf8(command.payload).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
            let sum = self.0.fetch_add(add, SeqCst) + add;
            results.push(Bytes::from(sum.to_string()));
        }
    }

    fn reader(&self) -> Self::Reader {
        self.0.clone()
    }

    fn freeze(&mut self) -> Vec<u8> {
        self.0.load(SeqCst).to_le_bytes().to_vec()
    }

    fn restore(stream: &mut dyn Read) -> Result<Self, RestoreError> {
        let mut bytes = [0; 8];
        stream.read_exact(&mut bytes)?;
        Ok(Self(Arc::new(AtomicI64::new(i64::from_le_bytes(bytes)))))
    }
}

/// Adds 4000 exactly once, though it is asked for at every node: no node need know what the others did with it, and the state
/// machine knows nothing of it either.
async fn add_once(nodes: &[Node<Counter>], limit: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let session = nodes[0].handle().open_session(Duration::from_secs(60), limit).await?.id;
    let name = SessionCommand { session, sequence: 1, acknowledged: 0 };
    for node in nodes {
        let written = node.handle().write_once(name, Bytes::from_static(b"4000"), limit).await?;
        let sum = String::from_utf8_lossy(&written.result);
        println!("added 4000 at {} as command 1 of {session}: the sum is {sum}", written.position);
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let listeners = (0..3).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
    let mut configuration = Configuration::of_voters((1..=3).map(NodeId));
    for (member, listener) in configuration.members.values_mut().zip(&listeners) {
        member.info = listener.local_addr()?.to_string().into();
    }
    let mut nodes = Vec::new();
    for (id, listener) in (1..).map(NodeId).zip(listeners) {
        let config = Config::new(id, 42, folder.path().join(id.to_string()));
        let first = First { configuration: configuration.clone(), machine: Counter::default() };
        nodes.push(Node::start(config, vec![listener], Some(first))?);
    }
    let limit = Duration::from_secs(10);
    for (node, add) in nodes.iter().zip(["1", "20", "300"]) {
        let written = node.handle().write(Bytes::from_static(add.as_bytes()), limit).await?;
        println!("added {add} at {}: the sum is {}", written.position, String::from_utf8_lossy(&written.result));
    }
    add_once(&nodes, limit).await?;
    let last = nodes[2].handle();
    last.read(limit).await?;
    println!("read on n3: {}", last.reader().load(SeqCst));
    for node in nodes {
        node.stop().await?;
    }
    Ok(())
}
