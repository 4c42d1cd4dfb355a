//! Scenarios: readable stories of a cluster, one statement a line, with what must come of it. They are read here (`parse`) and
//! played on the same worlds as everything else ([`play()`]); the language is described in docs/simulator.md.

mod begin;
mod captions;
mod conditions;
mod orders;
mod parse;
mod play;
mod tell;
mod words;

use std::fmt;

use crate::run::{Act, Network, Run};

pub use captions::{Said, Title};
pub use play::{Played, play};

/// A scenario that was read: the world it begins with, and its statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The world before the first statement.
    pub run: Run,
    /// The comment at its head, without `#`: which statements it shows, and what the story is.
    pub head: Vec<String>,
    /// What it is called, if it is a story to be shown.
    pub title: Option<Title>,
    statements: Vec<Statement>,
}

/// Where a scenario can't be read, or does not go as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

impl std::error::Error for ScenarioError {}

/// A line that does something.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    line: usize,
    text: String,
    /// Comments that stand right above it.
    comments: Vec<String>,
    kind: Kind,
}

/// Whom a statement means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Node(u64),
    /// Who leads when the statement is reached.
    Leader,
    /// A name that was given to a node.
    Named(String),
    /// All nodes.
    All,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// `wait 500ms`
    Wait(u64),
    /// `wait leader within 2s`
    WaitFor(Condition, u64),
    /// `expect ...`
    Expect(Condition),
    /// `hold no leader for 5s`: so all the time.
    Hold(Condition, u64),
    /// `caught same sequence`: by now this checker has found what may never happen.
    Caught(String),
    /// `let a = leader`, or any follower that has no name yet.
    Let(String, Picked),
    /// A request, and what its client must be told.
    Ask {
        at: Option<Who>,
        ask: crate::run::Ask,
        /// Its name, if it is asked later what became of it.
        name: Option<String>,
        told: Told,
        /// The answer comes by then.
        within: Option<u64>,
    },
    /// Something that is done to one node (or to all).
    Do(Who, ActOn),
    /// A member is asked to hand its leadership over, to this one or to whom it likes.
    Transfer(Who, Option<Who>),
    /// Links between nodes, one way or both.
    Link {
        from: Who,
        to: Who,
        cut: bool,
        both: bool,
    },
    Split(Vec<Vec<Who>>),
    Isolate(Who),
    /// Messages of a kind from one to another are lost, or no longer.
    Filter {
        kind: String,
        from: Who,
        to: Who,
        lost: bool,
    },
    /// A change of the membership is ordered, of whoever leads or once of this node.
    Member(orders::Ordered, Option<Who>),
    /// What is said when this is reached.
    Caption {
        section: Option<String>,
        text: String,
    },
    /// The network is like this from now on.
    Weather(Network),
    /// As it stands.
    Act(Act),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Picked {
    Leader,
    Follower,
    /// Who stands for election, or asks whether it would win.
    Candidate,
}

/// What can be done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ActOn {
    Crash,
    Power { keep: u64 },
    Restart,
    Pause(u64),
    Slow { micros: u64, lasts: u64 },
    Fail { call: crate::run::Call, after: u64 },
    CrashAt { call: u64, keep: Option<u64> },
    Fill { more: u64 },
    Free,
    Corrupt { bit: u64 },
    Wipe,
    Forget { pick: u64, lasts: u64 },
    Misplace { pick: u64, place: u64, lasts: u64 },
    Flip { read: u64, bit: u64 },
    Suspend(u64),
    Jump { micros: i64 },
    Shorten,
    Drift { ppm: i64 },
    OtherTimeout(u64),
    Timeout,
    Stop,
    Fire(crate::run::Timer),
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    /// Done.
    Ok,
    /// This value; `None`: there is no such key.
    Value(Option<String>),
    /// A refusal: without effect.
    Refused,
    /// It may or may not have taken effect.
    Unknown,
    /// Not done: refused or unknown.
    Failed,
    /// Nobody asks.
    Any,
    /// An answer, whatever it says.
    Answered,
    /// None, yet.
    Unanswered,
    /// The answer is not waited for.
    Later,
}

/// What can be true of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    /// A majority follows one leader; if named, this one.
    Leader(Option<Who>),
    /// Nobody leads.
    NoLeader,
    /// This node leads and knows nothing better, whoever follows.
    Leads(Who, bool),
    /// Somebody stands for election.
    Candidate,
    /// This node stands; or, with pre-votes, asks whether it would win.
    Stands(Who),
    /// The vote of a node in its term.
    Voted(Who, Who),
    /// How many votes a candidate has.
    Votes(Who, Compared),
    Term(Who, Compared),
    Commit(Who, Compared),
    Applied(Who, Compared),
    /// How many sessions it has open.
    Sessions(Who, Compared),
    /// The last index that its log no longer holds.
    Base(Who, Compared),
    /// What became of a request that has a name.
    Request(String, Told),
    /// `log n2 = 1@1 2@5`
    Log(Who, String),
    /// What the node's own store holds.
    Holds(Who, String, Option<String>),
    /// The configuration in force for a node, as it is displayed.
    Members(Who, String),
    /// The voters of the newest committed configuration, while no change is under way.
    Voters(String),
    /// All that run have the same log, committed and applied.
    Same,
    Down(Who, bool),
    /// How often a path was taken.
    Path(String, Compared),
}

/// A bound on a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    Equal(u64),
    AtLeast(u64),
    AtMost(u64),
}

impl Compared {
    fn holds(self, figure: u64) -> bool {
        match self {
            Self::Equal(bound) => figure == bound,
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
        }
    }
}
