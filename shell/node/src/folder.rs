//! The folder of a member: who may use it. It is locked while a member runs, and an identity file says whose it is; the log
//! and the snapshots in it are `quorate-wal`'s.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use raft::NodeId;
use rustix::fs::{FlockOperation, flock};
use thiserror::Error;
use wal::folder_disk::FolderDisk;

const IDENTITY: &str = "identity";
const LOCK: &str = "lock";

/// A member's folder, locked.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Dropping it gives the lock back.
    _lock: File,
    pub(crate) identity: Option<Identity>,
}

/// Whose folder it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Of which cluster.
    pub cluster: u64,
    /// Which node of it.
    pub node: NodeId,
    /// Random, made with the folder: a wiped disk is another disk.
    pub disk: u64,
    /// What the configuration was to keep for the member when the folder was made; empty in folders of before that was noted.
    pub info: Bytes,
}

/// Whose folder it is; nothing where no member was made in it. It is not locked, and nothing is written.
///
/// # Errors
/// When its identity can't be read.
pub fn identity(path: &Path) -> Result<Option<Identity>, FolderError> {
    match fs::read_to_string(path.join(IDENTITY)) {
        Ok(text) => {
            let damaged = |what| FolderError::Damaged { path: path.to_path_buf(), what };
            Ok(Some(Identity::parse(&text).map_err(damaged)?))
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(FolderError::Io { path: path.to_path_buf(), operation: "reading its identity", error }),
    }
}

/// Why a folder can't be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// It can't be made, read or written.
    #[error("the data folder {path} can't be used: {operation} failed: {error}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// Another process has it.
    #[error("the data folder {path} is in use by another process: stop that one, or choose another --data-dir")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// It is another member's.
    #[error(
        "the data folder {path} belongs to node {found_node} of cluster {found_cluster:016x}, and this is node {node} of \
         cluster {cluster:016x}: choose this member's own --data-dir, or start it with the flags that it was made with"
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        found_node: NodeId,
        /// Of which cluster.
        found_cluster: u64,
        /// Who we are.
        node: NodeId,
        /// Of which cluster.
        cluster: u64,
    },
    /// The identity file can't be understood.
    #[error(
        "{path}/identity is damaged ({what}): put back an undamaged copy of the whole folder, or remove the member from the cluster and add it again with an empty folder"
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Where a member ran there is no log any more.
    #[error(
        "the data folder {path} was used by this member before, but its log is gone: a member that lost its log must not vote again; put it back, or remove the member from the cluster and add it again with an empty folder"
    )]
    LogGone {
        /// The folder.
        path: PathBuf,
    },
    /// There is nothing, and this is no new cluster.
    #[error(
        "the data folder {path} is empty, and the cluster is said to exist already: give the folder that this member ran with, or --initial-cluster-state new for a new cluster"
    )]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

impl Folder {
    /// Makes the folder if need be, locks it and reads whose it is.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |operation| move |error| FolderError::Io { path: path.to_path_buf(), operation, error };
        fs::create_dir_all(path).map_err(failed("making it"))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK));
        let lock = lock.map_err(failed("opening its lock for writing"))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(FolderError::Locked { path: path.to_path_buf() }),
            Err(error) => return Err(failed("locking it")(error.into())),
        }
        let identity = identity(path)?;
        Ok(Self { path: path.to_path_buf(), _lock: lock, identity })
    }

    /// The folder is ours or nobody's.
    pub(crate) fn check(&self, cluster: u64, node: NodeId) -> Result<(), FolderError> {
        match &self.identity {
            Some(found) if (found.cluster, found.node) != (cluster, node) => Err(FolderError::Foreign {
                path: self.path.clone(),
                found_node: found.node,
                found_cluster: found.cluster,
                node,
                cluster,
            }),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn disk(&self) -> Result<FolderDisk, FolderError> {
        FolderDisk::open(&self.path).map_err(|error| self.failed("opening it", error))
    }

    /// Writes whose folder this is, durably. Done last when a member is made: from here on its log must be there.
    pub(crate) fn claim(&mut self, identity: Identity) -> Result<(), FolderError> {
        self.write_durably(IDENTITY, &identity.to_text())
            .map_err(|error| self.failed("writing its identity", error))?;
        self.identity = Some(identity);
        Ok(())
    }

    /// Writes a small file so that either the old or the new one survives a crash.
    pub(crate) fn write_durably(&self, name: &str, text: &str) -> io::Result<()> {
        write_durably(&self.path, name, text)
    }

    fn failed(&self, operation: &'static str, error: io::Error) -> FolderError {
        FolderError::Io { path: self.path.clone(), operation, error }
    }
}

pub(crate) fn write_durably(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let unfinished = folder.join(format!("{name}.unfinished"));
    let mut file = File::create(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    File::open(folder)?.sync_all()
}

impl Identity {
    fn to_text(&self) -> String {
        let mut body =
            format!("quorate 1\ncluster {:016x}\nnode {}\ndisk {:016x}\ninfo ", self.cluster, self.node.0, self.disk);
        for byte in &self.info {
            let _a_string_takes_all = write!(body, "{byte:02x}");
        }
        body.push('\n');
        let check = crc32fast::hash(body.as_bytes());
        format!("{body}check {check:08x}\n")
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (body, check) = text.rsplit_once("check ").ok_or("it breaks off")?;
        let check = u32::from_str_radix(check.trim(), 16).map_err(|_| "its check is no number")?;
        if crc32fast::hash(body.as_bytes()) != check {
            return Err("its check does not match".into());
        }
        let mut lines = body.lines();
        if lines.next() != Some("quorate 1") {
            return Err("it is of another version than 1".into());
        }
        let mut field = |name: &str, radix| {
            let value = lines.next().and_then(|line| line.strip_prefix(name)).map(str::trim);
            value.and_then(|value| u64::from_str_radix(value, radix).ok()).ok_or(format!("its {name} is missing"))
        };
        let (cluster, node, disk) = (field("cluster", 16)?, NodeId(field("node", 10)?), field("disk", 16)?);
        let info = lines.next().and_then(|line| line.strip_prefix("info ")).unwrap_or_default();
        let info = from_hex(info).ok_or("its info is no hexadecimal number")?;
        Ok(Self { cluster, node, disk, info })
    }
}

fn from_hex(text: &str) -> Option<Bytes> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect::<Option<Vec<u8>>>().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Identity {
        Identity { cluster: 0xabc, node: NodeId(2), disk: 7, info: Bytes::from_static(b"n2\x01\xff") }
    }

    #[test]
    fn an_identity_is_read_back_and_every_change_is_noticed() {
        let text = ours().to_text();
        assert_eq!(Identity::parse(&text), Ok(ours()));
        let older = "quorate 1\ncluster 0000000000000abc\nnode 2\ndisk 0000000000000007\n";
        let older = format!("{older}check {:08x}\n", crc32fast::hash(older.as_bytes()));
        assert_eq!(Identity::parse(&older), Ok(Identity { info: Bytes::new(), ..ours() }));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(Identity::parse(&changed).is_err() || at == text.len() - 1, "{changed}");
        }
    }

    #[test]
    fn a_folder_is_for_one_process_and_one_member() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Folder::open(folder.path()).unwrap();
        assert!(matches!(Folder::open(folder.path()), Err(FolderError::Locked { .. })));
        first.claim(ours()).unwrap();
        drop(first);
        let again = Folder::open(folder.path()).unwrap();
        assert_eq!(again.identity, Some(ours()));
        assert_eq!(identity(folder.path()).unwrap(), Some(ours()));
        assert!(again.check(0xabc, NodeId(2)).is_ok());
        for (cluster, node) in [(0xabc, 1), (1, 2)] {
            let error = again.check(cluster, NodeId(node)).unwrap_err();
            assert!(error.to_string().contains("n2 of cluster 0000000000000abc"), "{error}");
        }
    }
}
