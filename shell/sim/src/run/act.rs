//! What can be done to a world, step by step: the words of a script of faults and requests.
//!
//! It knows the words, not what comes of them.

use serde::{Deserialize, Serialize};

use super::{Network, Order, is_off};

/// One thing that is done to the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When, in microseconds of the world.
    pub at: u64,
    /// What.
    pub act: Act,
}

/// What can be done to a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Act {
    /// The process dies; the disk's cache stays.
    Crash {
        /// Whose.
        n: u64,
    },
    /// The power goes: of what was not synced, so many in a thousand sectors and names reach the platter, each by its own chance.
    PowerLoss {
        /// Whose.
        n: u64,
        /// In a thousand.
        keep: u64,
    },
    /// All members lose power at once.
    PowerLossAll {
        /// In a thousand.
        keep: u64,
    },
    /// Who leads loses power.
    PowerLossLeader {
        /// In a thousand.
        keep: u64,
    },
    /// A member that is down starts.
    Restart {
        /// Which.
        n: u64,
    },
    /// The process or the power goes at the so-many-th call to the disk from now, between two sectors of a write if it is one;
    /// also during a start.
    CrashAtCall {
        /// Whose.
        n: u64,
        /// The how-many-th call.
        call: u64,
        /// The power goes too; of what was not synced so many in a thousand are kept.
        keep: Option<u64>,
    },
    /// The process stands still; then goes on as if nothing were.
    Pause {
        /// Whose.
        n: u64,
        /// How long.
        micros: u64,
    },
    /// Calls to the disk take long for a while.
    SlowDisk {
        /// Whose.
        n: u64,
        /// A call takes up to this.
        micros: u64,
        /// For how long.
        lasts: u64,
    },
    /// One call to the disk fails.
    FailDisk {
        /// Whose.
        n: u64,
        /// Which kind.
        call: Call,
        /// After so many others of its kind.
        after: u64,
    },
    /// The beginning of the newest segment of the log can't be read any more, until somebody looks at the disk.
    Unreadable {
        /// Whose.
        n: u64,
    },
    /// The disk has room for so many bytes more.
    FillDisk {
        /// Whose.
        n: u64,
        /// Bytes.
        more: u64,
    },
    /// The disk is large enough again.
    FreeDisk {
        /// Whose.
        n: u64,
    },
    /// The member stops cleanly, and a bit rots in one of its files while it is down. A start on that disk must be refused, or
    /// show that nothing was lost; then an undamaged copy is put back.
    Rot {
        /// Whose.
        n: u64,
        /// Which bit, of all bits of all files (taken modulo their number).
        bit: u64,
    },
    /// A write to the disk is acknowledged, synced, and never reaches the platter: of all writes within a while this one, or one
    /// sector of it. Then the member stops. A start on what the platter holds must be refused, or show that nothing was lost; only
    /// what was written last before an unclean stop may be missing. Then a true copy is put back.
    LoseWrite {
        /// Whose.
        n: u64,
        /// Which write, of all within the while (taken modulo their number).
        pick: u64,
        /// Only this sector of it (taken modulo their number).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sector: Option<u64>,
        /// How long the while is, in microseconds.
        lasts: u64,
        /// It stops cleanly; else the power goes.
        clean: bool,
    },
    /// The same for a write that lands in the wrong place, of the same or another file: two places are wrong.
    MisdirectWrite {
        /// Whose.
        n: u64,
        /// Which write, of all within the while (taken modulo their number).
        pick: u64,
        /// In which sector of all files it lands (taken modulo their number).
        place: u64,
        /// How long the while is, in microseconds.
        lasts: u64,
        /// It stops cleanly; else the power goes.
        clean: bool,
    },
    /// The member stops cleanly, and at its start a read of its disk returns a turned bit, once. Such a start must be refused, or
    /// show that nothing was lost; the next one is an ordinary one.
    FlipRead {
        /// Whose.
        n: u64,
        /// After so many other reads.
        read: u64,
        /// Which bit of what is read (taken modulo their number).
        bit: u64,
    },
    /// The next read of a running member's disk returns a turned bit, once: what it reads then is a snapshot to be sent.
    FlipSent {
        /// Whose.
        n: u64,
        /// Which bit of what is read (taken modulo their number).
        bit: u64,
    },
    /// The process stands still, and so does its clock, as in a virtual machine that is suspended.
    Suspend {
        /// Whose.
        n: u64,
        /// How long.
        micros: u64,
    },
    /// Its clock jumps. What goes back is held: a member never sees time fall.
    JumpClock {
        /// Whose.
        n: u64,
        /// By so much, forward or back.
        micros: i64,
    },
    /// Its processor is busy: each turn begins up to so much later, for a while.
    SlowNode {
        /// Which.
        n: u64,
        /// A turn waits up to this.
        micros: u64,
        /// For how long.
        lasts: u64,
    },
    /// The member goes down, and its folder is empty: what it knew and promised is gone.
    Wipe {
        /// Whose.
        n: u64,
    },
    /// The next snapshot that it sends ends before its end.
    ShortSnapshot {
        /// Whose.
        n: u64,
    },
    /// Refused appends carry no hint from now on: leaders go back one by one, as in figure 2 of the paper.
    NoHints,
    /// From its next start on the member runs with another T than the others.
    OtherTimeout {
        /// Whose.
        n: u64,
        /// T, in microseconds; 0: that of the others again.
        micros: u64,
    },
    /// Its clock runs fast or slow by so many millionths.
    Drift {
        /// Whose.
        n: u64,
        /// Millionths, at most 500000.
        ppm: i64,
    },
    /// Nothing gets from one to the other.
    Cut {
        /// The sender.
        from: u64,
        /// The receiver.
        to: u64,
    },
    /// The opposite of [`Act::Cut`].
    Join {
        /// The sender.
        from: u64,
        /// The receiver.
        to: u64,
    },
    /// Only members of the same group hear each other; who stands in none is alone.
    Partition {
        /// The groups.
        groups: Vec<Vec<u64>>,
    },
    /// Who leads is alone.
    IsolateLeader,
    /// One member is alone.
    Isolate {
        /// Which.
        n: u64,
    },
    /// Two members do not hear each other; all others hear both.
    CutPair {
        /// One.
        a: u64,
        /// The other.
        b: u64,
    },
    /// Two halves, and one member that hears both.
    Bridge {
        /// It.
        n: u64,
    },
    /// Each member hears only its two neighbours.
    Ring,
    /// It hears nobody, though all hear it; n = 0: who leads.
    Deaf {
        /// Which.
        n: u64,
    },
    /// Nobody hears it, though it hears all; n = 0: who leads.
    Mute {
        /// Which.
        n: u64,
    },
    /// The link between two members comes and goes.
    Flap {
        /// One.
        a: u64,
        /// The other.
        b: u64,
        /// It changes each so many microseconds.
        every: u64,
        /// So many times.
        times: u64,
    },
    /// What is sent on a link within this time arrives only when it is over, all at once.
    Clog {
        /// The sender.
        from: u64,
        /// The receiver.
        to: u64,
        /// How long.
        micros: u64,
    },
    /// A link carries only so much for a while; what is more waits for its turn.
    Narrow {
        /// The sender.
        from: u64,
        /// The receiver.
        to: u64,
        /// Bytes in a second.
        bytes: u64,
        /// For how long, in microseconds.
        lasts: u64,
    },
    /// Messages of one kind are lost on a link, or no longer.
    Filter {
        /// The sender.
        from: u64,
        /// The receiver.
        to: u64,
        /// As in the paper: `AppendEntries`, `RequestVoteReply` ...
        kind: String,
        /// Lost, or delivered again.
        lost: bool,
    },
    /// All links are whole.
    Heal,
    /// The network is like this from now on.
    Network(Network),
    /// A message arrives, once more if it did already. Messages are numbered from 1 in the order in which they were sent.
    Deliver {
        /// Which.
        msg: u64,
    },
    /// A message that is on its way is lost.
    Drop {
        /// Which.
        msg: u64,
    },
    /// A message that is on its way takes longer.
    Delay {
        /// Which.
        msg: u64,
        /// By so many microseconds.
        by: u64,
    },
    /// A message that is on its way comes twice.
    Duplicate {
        /// Which.
        msg: u64,
    },
    /// A member is to fold its log into a snapshot now.
    Snapshot {
        /// Which.
        n: u64,
    },
    /// All that wait for a leader lose their patience at the same moment, T from now.
    AlignTimers,
    /// All that wait for a leader lose their patience one after the other, by their numbers, from T from now on.
    SpreadTimers,
    /// A timer fires.
    Fire {
        /// Whose.
        n: u64,
        /// Which.
        timer: Timer,
    },
    /// What a member's log is to write is written, and not synced: the member hears of nothing.
    Write {
        /// Whose.
        n: u64,
    },
    /// What a member's log is to write is written, if it is not yet, and synced: the member hears of it.
    Sync {
        /// Whose.
        n: u64,
    },
    /// T passes in silence on this member and it stands for election at once.
    Timeout {
        /// Which.
        n: u64,
    },
    /// An operator asks a member to hand its leadership over.
    Transfer {
        /// Which; 0: who leads.
        n: u64,
        /// To whom; 0: to whom it likes best.
        to: u64,
    },
    /// An operator stops a member as a service is stopped: who leads hands over first. It starts again after a
    /// while.
    Stop {
        /// Which; 0: who leads.
        n: u64,
    },
    /// A client asks.
    Client {
        /// Which member; 0: who leads, else the first that runs.
        #[serde(default)]
        to: u64,
        /// What.
        op: Ask,
    },
    /// An operator orders a change of the membership.
    Order {
        /// Of whom, once; 0: of somebody who leads, or believes so, again and again until it is accepted or makes no sense.
        #[serde(default)]
        at: u64,
        /// Which.
        order: Order,
        /// As a wish, of any member.
        #[serde(default, skip_serializing_if = "is_off")]
        wish: bool,
    },
}

/// The timers of consensus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "they are those of `raft::Timer`")]
pub enum Timer {
    LeaderSilent,
    Campaign,
    Heartbeat,
    CheckQuorum,
    Transfer,
}

/// Calls to a disk that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "they are those of `wal::memory_disk::Operation`")]
pub enum Call {
    Read,
    Write,
    Sync,
    Rename,
    SyncDir,
    Open,
    Create,
}

/// What a client asks in a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Ask {
    /// Puts a key.
    Put {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Deletes a key.
    Delete {
        /// The key.
        key: String,
    },
    /// Puts `to` if the value is `from`, else does nothing.
    Cas {
        /// The key.
        key: String,
        /// What must stand there.
        from: String,
        /// What shall stand there.
        to: String,
    },
    /// Opens a session.
    Open {
        /// What the script calls it.
        session: String,
        /// How long it lives without being renewed, in microseconds.
        ttl: u64,
    },
    /// Renews a session.
    KeepAlive {
        /// Which.
        session: String,
    },
    /// Ends a session.
    Close {
        /// Which.
        session: String,
    },
    /// A command of a session: each copy of it is asked for in the same words.
    Once {
        /// Which.
        session: String,
        /// Its number there.
        sequence: u64,
        /// No answer is waited for up to this one.
        acknowledged: u64,
        /// It names the session of the same index in the cluster that stood here before: with another word.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        another_word: bool,
        /// What is to be done once.
        op: Box<Self>,
    },
    /// Reads a key.
    Get {
        /// The key.
        key: String,
        /// What the read is to see.
        #[serde(default, skip_serializing_if = "Mode::is_linearizable")]
        mode: Mode,
    },
}

/// What a read is to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Mode {
    /// All that was acknowledged before it.
    #[default]
    Linearizable,
    /// The same, by the leader's lease if it has one.
    Lease,
    /// All that was acknowledged so many microseconds before it.
    Bounded {
        /// Microseconds.
        staleness: u64,
    },
    /// What is there, whatever that is.
    Serializable,
}

impl Mode {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_linearizable(&self) -> bool {
        *self == Self::Linearizable
    }
}
