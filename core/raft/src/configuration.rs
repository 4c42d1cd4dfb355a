//! The cluster's membership as a value: who votes, who learns, what everybody agreed on. It is an ordinary entry of the
//! log, in force as soon as it is appended (thesis 4.1). Which configuration may follow which is the affair of
//! [`membership`](crate::membership), not of this room.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::types::NodeId;

/// The format that is written. Version 1 has no `wanted` and is still read.
const VERSION: u8 = 2;
/// More members than any cluster has: a bound for what is read from a disk or a peer.
pub const MEMBERS_MAX: u64 = 1024;

/// What all members agreed on about time and features; replicated, so that one member can't differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Settings {
    /// T, the least election timeout, in milliseconds; 0 where each process has its own.
    pub election_timeout: u64,
    /// How far two clocks may drift apart, in millionths, for lease reads; 0 switches them off.
    pub drift_bound: u64,
    /// The newest feature that all members understand.
    pub feature_level: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { election_timeout: 0, drift_bound: 0, feature_level: 1 }
    }
}

/// What the configuration keeps for one member.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Member {
    /// The random id of its disk, 0 until a leader first met it: a wiped disk is another voter.
    pub disk: u64,
    /// Opaque here: name, API id and URLs for the layers above.
    pub info: Bytes,
}

/// How far a change of the voters has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// None is under way.
    Plain,
    /// New voters learn the log first (thesis 4.2.1).
    CatchingUp,
    /// Both sets of voters must agree (paper section 6).
    Joint,
}

/// A configuration. While `voters_old` is not empty it is joint: both sets must agree (paper section 6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Configuration {
    /// The voters (`C_new` while joint).
    pub voters: BTreeSet<NodeId>,
    /// The voters before the change (`C_old`) while joint, else empty.
    pub voters_old: BTreeSet<NodeId>,
    /// Receive the log, do not vote (thesis 4.2.1). Who stands here and still votes becomes a learner with the change that is
    /// under way.
    pub learners: BTreeSet<NodeId>,
    /// The voters that a change under way wants, while those of them that are new catch up as learners; else empty.
    pub wanted: BTreeSet<NodeId>,
    /// The id that the next new node gets; ids are never used again.
    pub next_node: u64,
    /// Agreed settings.
    pub settings: Settings,
    /// What is kept for each member.
    pub members: BTreeMap<NodeId, Member>,
}

/// Why bytes are no configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigurationError {
    /// They break off.
    Short,
    /// Of a format version that is not known here.
    Version(u8),
    /// More members than any cluster has.
    TooMany(u64),
    /// Bytes are left over.
    Long,
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => write!(f, "the configuration breaks off"),
            Self::Version(version) => {
                write!(f, "the configuration has format version {version}, this program knows {VERSION}")
            }
            Self::TooMany(count) => write!(f, "the configuration lists {count} members, more than {MEMBERS_MAX}"),
            Self::Long => write!(f, "the configuration is followed by bytes that are not its own"),
        }
    }
}

impl core::error::Error for ConfigurationError {}

impl Configuration {
    /// Plain voters, nothing else.
    #[must_use]
    pub fn of_voters(voters: impl IntoIterator<Item = NodeId>) -> Self {
        let voters: BTreeSet<NodeId> = voters.into_iter().collect();
        let next_node = voters.last().map_or(1, |last| last.0 + 1);
        let members = voters.iter().map(|node| (*node, Member::default())).collect();
        Self { voters, next_node, members, ..Self::default() }
    }

    /// Two sets of voters must agree.
    #[must_use]
    pub fn is_joint(&self) -> bool {
        !self.voters_old.is_empty()
    }

    /// How far a change of the voters has come.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match (self.is_joint(), self.wanted.is_empty()) {
            (true, _) => Stage::Joint,
            (false, false) => Stage::CatchingUp,
            (false, true) => Stage::Plain,
        }
    }

    /// The node learns, and a change under way is to make it a voter.
    #[must_use]
    pub fn is_joining(&self, node: NodeId) -> bool {
        self.wanted.contains(&node) && !self.is_voter(node)
    }

    /// The node has a vote, in either set.
    #[must_use]
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.voters.contains(&node) || self.voters_old.contains(&node)
    }

    /// The node is a member: it votes, or learns.
    #[must_use]
    pub fn has(&self, node: NodeId) -> bool {
        self.is_voter(node) || self.learners.contains(&node)
    }

    /// Everybody who receives the log: voters of both sets and learners.
    #[must_use]
    pub fn nodes(&self) -> BTreeSet<NodeId> {
        self.voters.iter().chain(&self.voters_old).chain(&self.learners).copied().collect()
    }

    pub(crate) fn relabelled(&self, names: &dyn Fn(NodeId) -> NodeId) -> Self {
        let set = |nodes: &BTreeSet<NodeId>| nodes.iter().map(|node| names(*node)).collect();
        Self {
            voters: set(&self.voters),
            voters_old: set(&self.voters_old),
            learners: set(&self.learners),
            wanted: set(&self.wanted),
            members: self.members.iter().map(|(node, member)| (names(*node), member.clone())).collect(),
            ..*self
        }
    }

    /// The configuration as bytes: version, the four sets, next id, settings, members; numbers little-endian.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.push(VERSION);
        for set in [&self.voters, &self.voters_old, &self.learners, &self.wanted] {
            put(&mut out, set.len() as u64);
            set.iter().for_each(|node| put(&mut out, node.0));
        }
        put(&mut out, self.next_node);
        put(&mut out, self.settings.election_timeout);
        put(&mut out, self.settings.drift_bound);
        put(&mut out, u64::from(self.settings.feature_level));
        put(&mut out, self.members.len() as u64);
        for (node, member) in &self.members {
            put(&mut out, node.0);
            put(&mut out, member.disk);
            put(&mut out, member.info.len() as u64);
            out.extend_from_slice(&member.info);
        }
        out
    }

    /// The inverse of [`Configuration::encode`].
    ///
    /// # Errors
    /// When the bytes are not one whole configuration of a known version.
    pub fn decode(bytes: &Bytes) -> Result<Self, ConfigurationError> {
        let mut input = Input { bytes: bytes.clone() };
        let version = input.byte()?;
        if version == 0 || version > VERSION {
            return Err(ConfigurationError::Version(version));
        }
        let (voters, voters_old, learners) = (input.set()?, input.set()?, input.set()?);
        let wanted = if version == 1 { BTreeSet::new() } else { input.set()? };
        let next_node = input.number()?;
        let settings = Settings {
            election_timeout: input.number()?,
            drift_bound: input.number()?,
            feature_level: u32::try_from(input.number()?).unwrap_or(u32::MAX),
        };
        let mut members = BTreeMap::new();
        for _ in 0..input.count()? {
            let node = NodeId(input.number()?);
            let disk = input.number()?;
            let length = usize::try_from(input.number()?).map_err(|_| ConfigurationError::Short)?;
            members.insert(node, Member { disk, info: input.take(length)? });
        }
        if !input.bytes.is_empty() {
            return Err(ConfigurationError::Long);
        }
        Ok(Self { voters, voters_old, learners, wanted, next_node, settings, members })
    }
}

/// Written as `n1 n2 n3`, joint as `n1 n2 & n2 n3` (new, then old), learners behind `+`, wanted voters behind `->`.
impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, set: &BTreeSet<NodeId>| -> fmt::Result {
            for (at, node) in set.iter().enumerate() {
                write!(f, "{}{node}", if at == 0 { "" } else { " " })?;
            }
            Ok(())
        };
        list(f, &self.voters)?;
        if self.is_joint() {
            write!(f, " & ")?;
            list(f, &self.voters_old)?;
        }
        if !self.learners.is_empty() {
            write!(f, " + ")?;
            list(f, &self.learners)?;
        }
        if !self.wanted.is_empty() {
            write!(f, " -> ")?;
            list(f, &self.wanted)?;
        }
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

struct Input {
    bytes: Bytes,
}

impl Input {
    fn take(&mut self, length: usize) -> Result<Bytes, ConfigurationError> {
        if length > self.bytes.len() {
            return Err(ConfigurationError::Short);
        }
        Ok(self.bytes.split_to(length))
    }

    fn byte(&mut self) -> Result<u8, ConfigurationError> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u64, ConfigurationError> {
        let mut number = [0; 8];
        number.copy_from_slice(&self.take(8)?);
        Ok(u64::from_le_bytes(number))
    }

    fn count(&mut self) -> Result<u64, ConfigurationError> {
        let count = self.number()?;
        if count > MEMBERS_MAX { Err(ConfigurationError::TooMany(count)) } else { Ok(count) }
    }

    fn set(&mut self) -> Result<BTreeSet<NodeId>, ConfigurationError> {
        (0..self.count()?).map(|_| self.number().map(NodeId)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn joint() -> Configuration {
        let mut configuration = Configuration::of_voters([NodeId(1), NodeId(2), NodeId(3)]);
        configuration.voters_old = [NodeId(2), NodeId(4)].into();
        configuration.learners = [NodeId(5)].into();
        configuration.wanted = [NodeId(1), NodeId(5)].into();
        configuration.members.insert(NodeId(5), Member { disk: 77, info: Bytes::from_static(b"five") });
        configuration
    }

    #[test]
    fn what_is_encoded_is_read_back() {
        let configuration = joint();
        assert_eq!(Configuration::decode(&configuration.encode().into()), Ok(configuration));
    }

    #[test]
    fn the_first_format_is_still_read() {
        let mut configuration = joint();
        configuration.wanted.clear();
        let mut bytes = configuration.encode();
        let sets = 1 + (1 + 3) * 8 + (1 + 2) * 8 + (1 + 1) * 8;
        bytes.drain(sets..sets + 8);
        bytes[0] = 1;
        assert_eq!(Configuration::decode(&bytes.into()), Ok(configuration));
    }

    #[test]
    fn a_configuration_says_how_far_a_change_has_come() {
        let mut configuration = Configuration::of_voters([NodeId(1)]);
        assert_eq!((configuration.stage(), configuration.to_string()), (Stage::Plain, "n1".into()));
        configuration.learners = [NodeId(2)].into();
        configuration.wanted = [NodeId(1), NodeId(2)].into();
        assert_eq!((configuration.stage(), configuration.to_string()), (Stage::CatchingUp, "n1 + n2 -> n1 n2".into()));
        assert!(configuration.is_joining(NodeId(2)) && !configuration.is_joining(NodeId(1)));
        assert_eq!(joint().stage(), Stage::Joint);
        assert!(!joint().is_joining(NodeId(1)) && joint().is_joining(NodeId(5)) && !joint().is_joining(NodeId(6)));
    }

    #[test]
    fn a_cluster_has_at_most_so_many_members() {
        let of = |count| Configuration::of_voters((1..=count).map(NodeId));
        let decoded = |configuration: &Configuration| Configuration::decode(&configuration.encode().into());
        assert_eq!(decoded(&of(MEMBERS_MAX)), Ok(of(MEMBERS_MAX)));
        assert_eq!(decoded(&of(MEMBERS_MAX + 1)), Err(ConfigurationError::TooMany(MEMBERS_MAX + 1)));
    }

    #[test]
    fn the_next_node_is_behind_all_others() {
        assert_eq!(Configuration::of_voters([NodeId(7), NodeId(2)]).next_node, 8);
        assert_eq!(Configuration::of_voters([]).next_node, 1);
    }

    #[test]
    fn names_are_replaced_wherever_they_stand() {
        let relabelled = joint().relabelled(&|node| NodeId(node.0 * 10));
        let mut expected = Configuration::of_voters([NodeId(10), NodeId(20), NodeId(30)]);
        expected.voters_old = [NodeId(20), NodeId(40)].into();
        expected.learners = [NodeId(50)].into();
        expected.wanted = [NodeId(10), NodeId(50)].into();
        expected.members.insert(NodeId(50), Member { disk: 77, info: Bytes::from_static(b"five") });
        expected.next_node = joint().next_node;
        assert_eq!(relabelled, expected);
    }

    #[test]
    fn every_shorter_or_longer_form_is_refused() {
        let bytes = Bytes::from(joint().encode());
        for length in 0..bytes.len() {
            assert_eq!(Configuration::decode(&bytes.slice(..length)), Err(ConfigurationError::Short), "{length}");
        }
        let mut long = bytes.to_vec();
        long.push(0);
        assert_eq!(Configuration::decode(&long.into()), Err(ConfigurationError::Long));
    }

    #[test]
    fn hostile_counts_and_versions_are_refused() {
        let mut bytes = joint().encode();
        bytes[0] = 9;
        assert_eq!(Configuration::decode(&bytes.clone().into()), Err(ConfigurationError::Version(9)));
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(Configuration::decode(&bytes.into()), Err(ConfigurationError::TooMany(u64::MAX)));
    }
}
