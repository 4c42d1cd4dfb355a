//! What is asked of a cluster, and what etcd was once measured to answer. It does not know how.

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A put of 256 bytes to one of many keys.
    Put,
    /// A get of one key, linearizable.
    Get,
    /// A get of one key, not older than half a second. (etcd takes it for a serializable one.)
    BoundedGet,
    /// A get of one key from whatever the member has.
    SerializableGet,
    /// A transaction that puts a key if nobody else has.
    CompareAndSwap,
}

/// Whom the clients speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Leader,
    All,
}

/// So many clients, each with one request at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) operation: Operation,
    pub(crate) to: To,
    pub(crate) clients: usize,
    /// etcd 3.5.1 on a machine of two cores (Xeon, KVM, virtio disk) that did nothing else.
    pub(crate) quoted: Option<Quoted>,
}

/// Figures measured at another time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quoted {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) cpu_us: f64,
}

impl Scenario {
    pub(crate) fn name(&self) -> String {
        let operation = match self.operation {
            Operation::Put => "put",
            Operation::Get => "get",
            Operation::BoundedGet => "bounded get",
            Operation::SerializableGet => "serializable get",
            Operation::CompareAndSwap => "compare and swap",
        };
        let to = match self.to {
            To::Leader => "leader",
            To::All => "all members",
        };
        format!("{operation}, {to}, {}", self.clients)
    }
}

const fn scenario(operation: Operation, to: To, clients: usize, quoted: Option<Quoted>) -> Scenario {
    Scenario { operation, to, clients, quoted }
}

const fn quoted(per_second: f64, p50_ms: f64, p99_ms: f64, cpu_us: f64) -> Option<Quoted> {
    Some(Quoted { per_second, p50_ms, p99_ms, cpu_us })
}

/// All that are run, in this order.
pub(crate) const SCENARIOS: [Scenario; 13] = [
    scenario(Operation::Put, To::Leader, 1, quoted(1_340.0, 0.71, 1.6, 999.0)),
    scenario(Operation::Put, To::Leader, 64, quoted(7_700.0, 7.8, 20.0, 211.0)),
    scenario(Operation::Put, To::Leader, 256, quoted(11_600.0, 21.0, 54.0, 144.0)),
    scenario(Operation::Put, To::All, 256, quoted(10_600.0, 22.0, 66.0, 161.0)),
    scenario(Operation::Get, To::Leader, 1, quoted(3_350.0, 0.24, 2.7, 368.0)),
    scenario(Operation::Get, To::Leader, 256, quoted(20_900.0, 11.0, 37.0, 73.0)),
    scenario(Operation::Get, To::All, 256, quoted(15_300.0, 15.0, 43.0, 87.0)),
    scenario(Operation::Get, To::All, 3, None),
    scenario(Operation::BoundedGet, To::All, 3, None),
    scenario(Operation::SerializableGet, To::All, 3, None),
    scenario(Operation::BoundedGet, To::All, 256, None),
    scenario(Operation::SerializableGet, To::All, 256, quoted(25_600.0, 9.0, 29.0, 58.0)),
    scenario(Operation::CompareAndSwap, To::Leader, 256, quoted(5_400.0, 35.0, 82.0, 280.0)),
];
