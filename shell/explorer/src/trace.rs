//! What a trace is: the types that a page draws from, as they go over the wire. All times are microseconds of the world, all
//! nodes are numbers, and terms and indexes are as in the paper.
//!
//! It knows the words, not how they are found. A change here is a change of the page's contract.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The part of a run that is asked for: what holds at `from`, and what happens after it, up to and with `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Microseconds.
    pub from: u64,
    /// Microseconds.
    pub until: u64,
}

/// A window of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// Where it begins.
    pub from: u64,
    /// Where it ends.
    pub until: u64,
    /// After this time nothing happens: a check fell there, or runs may not be longer.
    pub end: u64,
    /// How everything is right after the last event at or before `from`.
    pub world: WorldView,
    /// What happens after `from`, in order.
    pub events: Vec<Event>,
    /// FNV-1a, 64 bits, of the rest of this value as JSON, in 16 hexadecimal digits.
    pub digest: String,
}

/// A whole cluster at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorldView {
    /// All nodes by their ids, also those that are down or no members any more.
    pub nodes: Vec<NodeView>,
    /// Links that do not carry everything; all others are whole.
    pub links: Vec<LinkView>,
    /// Messages on their way, the oldest first.
    pub flights: Vec<Flight>,
    /// What clients asked lately, the oldest first: all that waits, and the newest that was answered.
    pub clients: Vec<ClientView>,
    /// What must always hold.
    pub checks: Vec<Check>,
}

/// A link that does not carry everything, in one direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkView {
    /// The sender.
    pub from: u64,
    /// The receiver.
    pub to: u64,
    /// It carries something.
    pub up: bool,
    /// Kinds of messages that are lost on it.
    pub lost: Vec<String>,
}

/// What a node is. A learner is a follower without a vote; see [`NodeView::member`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It answers, and waits for a leader.
    Follower,
    /// It asks whether it would win (thesis 9.6).
    PreCandidate,
    /// It asks for votes.
    Candidate,
    /// Its log is the truth of its term.
    Leader,
}

/// What a node is to the cluster, by the configuration that is in force on itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// It has a vote.
    Voter,
    /// It receives the log.
    Learner,
    /// It is no member.
    Outside,
}

macro_rules! node_view {
    ($($(#[$attribute:meta])* $name:ident: $type:ty),+ $(,)?) => {
        /// A node at one moment.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        pub struct NodeView {
            /// Its id.
            pub id: u64,
            /// Its log.
            pub log: LogView,
            $($(#[$attribute])* pub $name: $type),+
        }

        /// What changed on a node: each value that is given replaces the one before, whole; the log is given as a change.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        pub struct NodeDelta {
            /// Whose.
            pub id: u64,
            /// How its log changed.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub log: Option<LogDelta>,
            $($(#[$attribute])* #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$type>),+
        }

        impl NodeView {
            /// What is other in `after`, its log left out; nothing if nothing is.
            pub(crate) fn changed(&self, after: &Self) -> NodeDelta {
                NodeDelta {
                    id: after.id,
                    log: None,
                    $($name: (self.$name != after.$name).then(|| after.$name.clone())),+
                }
            }
        }

        impl NodeDelta {
            /// Nothing changed.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.log.is_none() $(&& self.$name.is_none())+
            }

            /// Makes of the view before the view after, as a page does.
            pub fn apply(&self, view: &mut NodeView) {
                if let Some(log) = &self.log {
                    log.apply(&mut view.log);
                }
                $(if let Some(value) = &self.$name {
                    view.$name = value.clone();
                })+
            }
        }
    };
}

node_view! {
    /// Its process runs. If not, term, vote and log are what its disk keeps.
    up: bool,
    /// How often it has started.
    life: u64,
    /// What it is to the cluster.
    member: Membership,
    /// What it is.
    role: Role,
    /// Its term.
    term: u64,
    /// Its vote in that term.
    vote: Option<u64>,
    /// Whom it takes for the leader of its term.
    leader: Option<u64>,
    /// When it will lose its patience, or beat next.
    timer: Option<TimerView>,
    /// Entries up to here are on its disk.
    durable: u64,
    /// Entries up to here are committed, as far as it knows.
    commit: u64,
    /// Entries up to here are in its state machine.
    applied: u64,
    /// Entries up to here are in its newest snapshot, and folded away from the log as far as `log.first` says.
    snapshot: u64,
    /// The configuration in force on it.
    config: ConfigView,
    /// If it leads: what it knows of the others.
    peers: BTreeMap<u64, PeerView>,
    /// If it stands for election: who said what, itself included.
    votes: BTreeMap<u64, bool>,
    /// If it leads and hands over: to whom.
    transfer: Option<u64>,
    /// Its state machine: keys and values, as text.
    kv: BTreeMap<String, String>,
}

/// A timer that is armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TimerView {
    /// What happens when it runs out.
    pub kind: TimerKind,
    /// When it was armed.
    pub from: u64,
    /// When it runs out, if nothing comes first.
    pub until: u64,
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// The node stands for election (paper 5.2), or begins another election.
    Election,
    /// The leader sends its next heartbeat.
    Heartbeat,
}

/// A log, behind what is folded into a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LogView {
    /// The index of the first entry that is here; what is before it is compacted.
    pub first: u64,
    /// The term of the entry before the first; 0 at the beginning.
    pub before: u64,
    /// The entries' terms.
    pub terms: Vec<u64>,
    /// What they say, as people write it: `x=3`.
    pub commands: Vec<String>,
    /// What they are.
    pub kinds: Vec<EntryView>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryView {
    /// A leader's first, empty entry (paper section 8).
    Noop,
    /// A client's command.
    Command,
    /// A configuration (paper section 6).
    Configuration,
    /// A session begins, ends or is renewed (thesis 6.3).
    Session,
}

/// How a log changed: the entries before `first` go, of the others `keep` stay, and behind them come new ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogDelta {
    /// The index of the first entry that is here now.
    pub first: u64,
    /// The term of the entry before it.
    pub before: u64,
    /// The last index that stays as it was; what was behind it is deleted (`first - 1` where nothing stays).
    pub keep: u64,
    /// Terms of the new entries.
    pub terms: Vec<u64>,
    /// What the new entries say.
    pub commands: Vec<String>,
    /// What the new entries are.
    pub kinds: Vec<EntryView>,
}

impl LogView {
    /// The last index; `first - 1` of an empty log.
    #[must_use]
    pub fn last(&self) -> u64 {
        (self.first + self.terms.len() as u64).saturating_sub(1)
    }
}

impl LogDelta {
    /// Makes of the log before the log after.
    pub fn apply(&self, log: &mut LogView) {
        let stays = |index: u64| index >= self.first && index <= self.keep;
        let kept: Vec<usize> = (0..log.terms.len()).filter(|at| stays(log.first + *at as u64)).collect();
        log.terms = kept.iter().map(|at| log.terms[*at]).chain(self.terms.iter().copied()).collect();
        log.commands = kept.iter().map(|at| log.commands[*at].clone()).chain(self.commands.iter().cloned()).collect();
        log.kinds = kept.iter().map(|at| log.kinds[*at]).chain(self.kinds.iter().copied()).collect();
        (log.first, log.before) = (self.first, self.before);
    }
}

/// A configuration of the cluster (paper section 6).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ConfigView {
    /// Where it stands in the log; 0: from the beginning.
    pub index: u64,
    /// The voters; in a joint phase the old ones.
    pub old: Vec<u64>,
    /// In a joint phase the new voters.
    pub new: Option<Vec<u64>>,
    /// Members without a vote.
    pub learners: Vec<u64>,
    /// Voters that are wanted, and catch up before the change begins (thesis 4.2.1).
    pub wanted: Vec<u64>,
}

/// What a leader knows of another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PeerView {
    /// nextIndex: the next entry to send.
    pub next: u64,
    /// matchIndex: entries up to here are on its disk.
    #[serde(rename = "match")]
    pub matched: u64,
    /// How the leader sends.
    pub state: PeerState,
}

/// How a leader sends to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    /// Where the logs agree is not known.
    Probe,
    /// Appends follow each other.
    Replicate,
    /// It needs a snapshot.
    Snapshot,
}

/// A message on its way. A page draws it at `(t - sent) / (arrives - sent)` of its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flight {
    /// Its number: messages are numbered in the order in which they were sent.
    pub id: u64,
    /// The sender.
    pub from: u64,
    /// The receiver.
    pub to: u64,
    /// As in the paper: `AppendEntries`, `RequestVoteReply` ...; also `PreVote`, `TimeoutNow`, `InstallSnapshot`, and what members
    /// pass on for clients: `Write`, `WriteReply`, `Read`, `ReadReply`, `Describe`, `Alter`, `AlterReply`.
    pub kind: String,
    /// The sender's term; 0 where the message names none.
    pub term: u64,
    /// When it was sent.
    pub sent: u64,
    /// When it will arrive; absent if it waits to be delivered by hand, and of a snapshot until its last piece is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrives: Option<u64>,
    /// When the network loses it, by chance or because a step of the script says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<u64>,
    /// It is a copy of this message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<u64>,
    /// What it says, by the names of the paper, in the order of the paper.
    pub fields: Fields,
    /// The entries that it carries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<CarriedEntry>,
}

/// Names and values, for people, in order.
pub type Fields = Vec<(String, String)>;

/// An entry inside a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CarriedEntry {
    /// Where it belongs.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// What it says.
    pub command: String,
    /// What it is.
    pub kind: EntryView,
}

/// A request of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientView {
    /// Its number, from 1.
    pub request: u64,
    /// Which member was asked.
    pub node: u64,
    /// What: `put x 3`, `get x`, `cas x 3 4, command 1 of session 5`.
    pub asks: String,
    /// When it left its client.
    pub asked: u64,
    /// When it reached the member, or will.
    pub arrives: u64,
    /// When the member answered.
    pub answered: Option<u64>,
    /// When the client had the answer, or will have it.
    pub told: Option<u64>,
    /// What the client is told: `done`, `3`, `nothing`, or why not.
    pub answer: Option<String>,
    /// What the answer means.
    pub state: ClientState,
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientState {
    /// On its way, or at the member, or the answer is on its way.
    Waiting,
    /// The client was told that it is done, or what it read.
    Done,
    /// The client was told that it had no effect.
    Refused,
    /// Nobody can tell the client whether it had an effect.
    Unknown,
}

/// Something that must always hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What: `Election Safety`.
    pub name: String,
    /// It held until now.
    pub ok: bool,
    /// The values that show that it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
}

/// Something that happened. What changed by it replaces what was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its number: rising, with gaps, the same in every window and in every run that is the same up to it.
    pub n: u64,
    /// When.
    pub t: u64,
    /// What kind of thing.
    pub kind: EventKind,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<u64>,
    /// The message that it is about, or that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg: Option<u64>,
    /// What happened, in a sentence: `n2 stands for election in term 3`.
    pub text: String,
    /// By which rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// What changed on nodes. All that one moment brings is told by several events with the same time; the first holds all changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeDelta>,
    /// Messages that left; one that is on its way already is there again with another arrival.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<Flight>,
    /// Messages that are not on their way any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Gone>,
    /// All links that do not carry everything, if that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<LinkView>>,
    /// Requests that are new or changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ClientView>,
    /// All checks, if one fell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<Check>>,
}

/// How a message ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// Which.
    pub id: u64,
    /// How.
    pub how: Ending,
}

/// How a message can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It is there.
    Arrived,
    /// The link does not carry it, the network lost it, or a step of the script took it away.
    Lost,
    /// Its receiver is down.
    NobodyThere,
}

/// Which rule was applied, and the values that it compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// Its name: `Election restriction`.
    pub rule: String,
    /// Where it stands: `paper 5.4.1`, `thesis 9.6`.
    pub section: String,
    /// What it says, in a sentence or two.
    pub text: String,
    /// What it compared here.
    pub values: Fields,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A node starts.
    Start,
    /// A node goes down.
    Down,
    /// A timer of a node ran out.
    Timer,
    /// A node sends, and nothing more is to say.
    Send,
    /// A message arrives.
    Arrive,
    /// A message is lost.
    Lost,
    /// A node takes a heartbeat.
    Heartbeat,
    /// A node takes entries, or answers that they are durable.
    Accept,
    /// A leader learns what a follower has.
    Match,
    /// A node's disk is done: term, vote or entries are durable.
    Durable,
    /// A node applies what is committed.
    Apply,
    /// A node follows.
    Follower,
    /// A node asks for pre-votes.
    PreCandidate,
    /// A node stands for election.
    Candidate,
    /// A node leads.
    Leader,
    /// A node votes.
    Vote,
    /// A node refuses its vote.
    VoteRefused,
    /// A candidate counts an answer.
    Counted,
    /// A node refuses an append.
    AppendRefused,
    /// A node deletes entries that conflict.
    Truncate,
    /// A node's log is full.
    AppendDropped,
    /// A message of another time is ignored.
    Ignored,
    /// The commit index rises.
    Commit,
    /// A majority has an entry and the leader does not commit it: it is of an earlier term.
    HeldBack,
    /// A leader appends a command.
    Append,
    /// A follower needs a snapshot.
    SnapshotNeeded,
    /// A snapshot is taken.
    SnapshotTaken,
    /// A snapshot is installed.
    SnapshotInstalled,
    /// A snapshot is of no use.
    SnapshotIgnored,
    /// A leader begins to hand over.
    TransferBegan,
    /// A leader gives up to hand over.
    TransferEnded,
    /// A node is told to stand at once.
    ToldToStand,
    /// A configuration is in force.
    Configuration,
    /// An earlier configuration is in force again.
    ConfigurationReverted,
    /// A node is no member any more.
    Removed,
    /// A node stops for good.
    Halted,
    /// A client asks.
    Ask,
    /// A member answers a client, or serves a read.
    Answer,
    /// A client has its answer.
    Told,
    /// A step of the script is done.
    Act,
    /// A check fell.
    Broken,
    /// Something else changed.
    Change,
}
