//! Which disks and lives of the other members were met. Where the configuration does not name a member's disk yet, the first
//! one met is the member's, for good: a member whose disk was wiped comes back with another and is refused, since it might
//! vote twice (the vote of its earlier life is forgotten).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;

use raft::NodeId;

/// The file in the member's folder.
pub(crate) const FILE: &str = "met";

/// What is known of the others.
#[derive(Debug, Default)]
pub(crate) struct Met {
    disks: BTreeMap<NodeId, u64>,
    /// The newest life met of each: incarnation and birth.
    lives: BTreeMap<NodeId, (u64, u64)>,
}

/// Which disk a member runs on, and which process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// The random id of its disk.
    pub(crate) disk: u64,
    /// Raised durably on that disk at each start.
    pub(crate) incarnation: u64,
    /// Random for each process.
    pub(crate) birth: u64,
}

impl Met {
    /// Reads what earlier lives met. Of a line that can't be read, nothing is known.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let text = match std::fs::read_to_string(folder.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let disks = text.lines().filter_map(|line| {
            let (node, disk) = line.split_once(' ')?;
            Some((NodeId(node.parse().ok()?), u64::from_str_radix(disk, 16).ok()?))
        });
        Ok(Self { disks: disks.collect(), lives: BTreeMap::new() })
    }

    /// Whether the member may be who it says. `configured` is its disk by the configuration, 0 if that does not know.
    ///
    /// # Errors
    /// A sentence for both sides.
    pub(crate) fn check(&self, node: NodeId, life: Life, configured: u64) -> Result<(), String> {
        let known = if configured == 0 { self.disks.get(&node).copied() } else { Some(configured) };
        if known.is_some_and(|known| known != life.disk) {
            return Err(another_disk(node));
        }
        // A disk counts its starts, so a second process with a number that was met stands on a copy of it.
        let copied = |(incarnation, birth): &(u64, u64)| {
            life.incarnation < *incarnation || (life.incarnation == *incarnation && life.birth != *birth)
        };
        if self.lives.get(&node).is_some_and(copied) {
            return Err(format!(
                "{node} comes with an earlier state of its disk than before: its data folder was restored from a copy, or a \
                 second process runs on a copy of it"
            ));
        }
        Ok(())
    }

    /// A disk of it was met.
    pub(crate) fn knows(&self, node: NodeId) -> bool {
        self.disks.contains_key(&node)
    }

    /// The member was met and let in. Gives the file's new text if there is something to remember.
    pub(crate) fn remember(&mut self, node: NodeId, life: Life) -> Option<String> {
        self.lives.insert(node, (life.incarnation, life.birth));
        if self.disks.insert(node, life.disk) == Some(life.disk) {
            return None;
        }
        let mut text = String::new();
        for (node, disk) in &self.disks {
            let _a_string_takes_all = writeln!(text, "{} {disk:016x}", node.0);
        }
        Some(text)
    }
}

/// What both sides are told of a member that comes with another disk than before.
pub(crate) fn another_disk(node: NodeId) -> String {
    format!(
        "{node} comes with another disk than before: its data folder was wiped or replaced. A member that forgot its votes must \
         not vote again; put the old folder back, or remove the member (`quorate ctl member remove`), add it again (`quorate ctl \
         member add`), and start it with an empty folder"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wiped_or_restored_disk_is_noticed() {
        // M15
        let folder = tempfile::tempdir().unwrap();
        let mut met = Met::read(folder.path()).unwrap();
        let node = NodeId(2);
        let life = |disk, incarnation, birth| Life { disk, incarnation, birth };
        assert!(met.check(node, life(7, 3, 1), 0).is_ok());
        let text = met.remember(node, life(7, 3, 1)).unwrap();
        assert_eq!(met.remember(node, life(7, 4, 2)), None);
        assert!(met.check(node, life(8, 5, 3), 0).unwrap_err().contains("another disk"));
        assert!(met.check(node, life(7, 3, 4), 0).unwrap_err().contains("earlier state"));
        assert!(met.check(node, life(7, 4, 5), 0).unwrap_err().contains("earlier state"), "a copy of one life ago");
        assert!(met.check(node, life(7, 4, 2), 0).is_ok(), "it only connects again");
        assert!(
            met.check(node, life(7, 5, 6), 9).unwrap_err().contains("another disk"),
            "the configuration knows better"
        );
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let again = Met::read(folder.path()).unwrap();
        assert!(again.check(node, life(7, 1, 7), 0).is_ok());
        assert!(again.check(node, life(8, 1, 7), 0).is_err());
    }
}
