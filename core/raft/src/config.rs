//! Settings of one node: limits and switches. Time is not among them: the driver knows how long T is. (Membership is a
//! [`Configuration`](crate::Configuration), not a setting.)

/// Settings, the same for the life of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Config {
    /// Which refinements of the plain algorithm are on.
    pub switches: Switches,
    /// Bounds.
    pub limits: Limits,
}

/// Refinements that can be switched off. The algorithm is safe without each; lease reads are not safe without stickiness
/// and `CheckQuorum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools)]
pub struct Switches {
    /// Ask whether an election could be won before raising the term (thesis 9.6).
    pub pre_vote: bool,
    /// A leader that hears from no majority for T steps down (thesis 6.2).
    pub check_quorum: bool,
    /// Who heard from a leader within T does not help to depose it (thesis 4.2.3).
    pub stickiness: bool,
    /// A new leader begins with an empty entry (paper section 8).
    pub noop: bool,
}

/// Bounds on memory and traffic. Bytes are counted with [`Entry::size`](crate::Entry::size).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Entries of one append.
    pub append_bytes_max: u64,
    /// Appends that may be on their way to one follower.
    pub inflight_count_max: usize,
    /// Bytes of entries that may be on their way to one follower.
    pub inflight_bytes_max: u64,
    /// Entries of one write.
    pub write_bytes_max: u64,
    /// A leader refuses proposals while more is not committed.
    pub uncommitted_bytes_max: u64,
    /// A leader refuses proposals, and a follower drops appends that it can do without, while its log is larger.
    pub log_bytes_max: u64,
    /// Reads that may wait on a leader.
    pub reads_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            switches: Switches { pre_vote: true, check_quorum: true, stickiness: true, noop: true },
            limits: Limits {
                append_bytes_max: 1 << 20,
                inflight_count_max: 64,
                inflight_bytes_max: 8 << 20,
                write_bytes_max: 4 << 20,
                uncommitted_bytes_max: 64 << 20,
                log_bytes_max: 256 << 20,
                reads_max: 65_536,
            },
        }
    }
}
