//! Who the three members are: names, ports, folders and the command that starts each.
//!
//! Decides; starts nothing.

use std::path::{Path, PathBuf};

use super::DevError;
use crate::url::Url;

/// Of the first member's clients, as etcd's.
const BASE_PORT: u16 = 2379;
/// Between two members.
const STEP: u16 = 10;

/// The cluster that is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Where everything lies.
    pub(crate) folder: PathBuf,
    /// This program.
    pub(crate) program: PathBuf,
    /// The first member's client port.
    pub(crate) base_port: u16,
    /// `n1`, `n2`, `n3`.
    pub(crate) members: Vec<MemberPlan>,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberPlan {
    /// Its `--name`.
    pub(crate) name: String,
    /// Where clients find it.
    pub(crate) client: Url,
    /// Where the other members find it.
    pub(crate) peer: Url,
    /// Its `--data-dir`.
    pub(crate) data_dir: PathBuf,
    /// Where all that it says goes.
    pub(crate) log: PathBuf,
}

impl Plan {
    /// Three members under `folder`, on the ports that are asked for, or those that the folder was made with.
    pub(crate) fn new(folder: &Path, asked: Option<u16>) -> Result<Self, DevError> {
        let known = remembered(folder);
        let base_port = match (asked, known) {
            (Some(asked), Some(known)) if asked != known => {
                return Err(DevError::OtherPorts { folder: folder.display().to_string(), known });
            }
            (asked, known) => asked.or(known).unwrap_or(BASE_PORT),
        };
        if base_port == 0 || base_port.checked_add(2 * STEP + 1).is_none() {
            return Err(DevError::BasePort(base_port));
        }
        let program = std::env::current_exe().map_err(|error| DevError::System(error.to_string()))?;
        Ok(Self::of(folder, program, base_port))
    }

    fn of(folder: &Path, program: PathBuf, base_port: u16) -> Self {
        let url = |port| Url { host: "127.0.0.1".to_owned(), port };
        let members = (0..3).map(|place| MemberPlan {
            name: format!("n{}", place + 1),
            client: url(base_port + STEP * place),
            peer: url(base_port + STEP * place + 1),
            data_dir: folder.join(format!("n{}", place + 1)),
            log: folder.join(format!("n{}.log", place + 1)),
        });
        Self { folder: folder.to_owned(), program, base_port, members: members.collect() }
    }

    /// Whether `ctl` finds this cluster without `--endpoints`.
    pub(crate) fn is_default(&self) -> bool {
        self.base_port == BASE_PORT
    }

    /// `HOST:PORT,..` of all clients' ports.
    pub(crate) fn endpoints(&self) -> String {
        self.members.iter().map(|member| member.client.host_and_port()).collect::<Vec<_>>().join(",")
    }

    /// The words after the program's name that start a member.
    pub(crate) fn arguments(&self, member: &MemberPlan) -> Vec<String> {
        let founders: Vec<String> = self.members.iter().map(|one| format!("{}={}", one.name, one.peer)).collect();
        let flags = [
            ("--name", member.name.clone()),
            ("--data-dir", member.data_dir.display().to_string()),
            ("--listen-client-urls", member.client.to_string()),
            ("--advertise-client-urls", member.client.to_string()),
            ("--listen-peer-urls", member.peer.to_string()),
            ("--initial-advertise-peer-urls", member.peer.to_string()),
            ("--initial-cluster", founders.join(",")),
            ("--initial-cluster-token", "quorate-dev".to_owned()),
        ];
        let words = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
        std::iter::once("serve".to_owned()).chain(words).collect()
    }

    /// The command that starts a member by hand, to paste into a shell in the same folder.
    pub(crate) fn command(&self, member: &MemberPlan) -> String {
        let words = std::iter::once(self.program_for_pasting()).chain(self.arguments(member));
        words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
    }

    /// The program's path as short as it can be said from here.
    pub(crate) fn program_for_pasting(&self) -> String {
        let here = std::env::current_dir().ok();
        let below = here.and_then(|here| self.program.strip_prefix(here).ok().map(Path::to_owned));
        below.map_or_else(|| self.program.display().to_string(), |path| format!("./{}", path.display()))
    }

    /// Writes down which ports the members know each other by.
    pub(crate) fn remember(&self) -> Result<(), DevError> {
        let path = ports_file(&self.folder);
        let wrong =
            |error: std::io::Error| DevError::Folder { path: path.display().to_string(), error: error.to_string() };
        std::fs::write(&path, format!("{}\n", self.base_port)).map_err(wrong)
    }
}

/// The ports that the folder was made with.
fn remembered(folder: &Path) -> Option<u16> {
    std::fs::read_to_string(ports_file(folder)).ok()?.trim().parse().ok()
}

fn ports_file(folder: &Path) -> PathBuf {
    folder.join("base-port")
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
impl Plan {
    /// A plan for tests, with no disk behind it.
    pub(crate) fn example() -> Self {
        Self::of(Path::new("data"), PathBuf::from("/bin/quorate"), 2379)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_those_of_the_readme() {
        let plan = Plan::example();
        assert_eq!(plan.endpoints(), "127.0.0.1:2379,127.0.0.1:2389,127.0.0.1:2399");
        let peers: Vec<u16> = plan.members.iter().map(|member| member.peer.port).collect();
        assert_eq!(peers, [2380, 2390, 2400]);
    }

    #[test]
    fn ports_that_do_not_exist_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        for port in [0, 65515, 65535] {
            assert_eq!(Plan::new(folder.path(), Some(port)), Err(DevError::BasePort(port)));
        }
        assert!(Plan::new(folder.path(), Some(65514)).is_ok());
    }

    #[test]
    fn a_folder_keeps_its_ports() {
        let folder = tempfile::tempdir().expect("a folder");
        Plan::new(folder.path(), Some(4000)).expect("a plan").remember().expect("written");
        assert_eq!(Plan::new(folder.path(), None).map(|plan| plan.base_port), Ok(4000));
        assert!(Plan::new(folder.path(), Some(4000)).is_ok());
        let other = Plan::new(folder.path(), Some(5000)).expect_err("other ports");
        assert!(other.to_string().contains("know each other by the ports from 4000 on"), "{other}");
    }

    #[test]
    fn the_command_is_one_that_serve_understands() {
        let plan = Plan::example();
        let words: Vec<std::ffi::OsString> =
            plan.arguments(&plan.members[1]).into_iter().skip(1).map(Into::into).collect();
        let config = crate::serve::read_config(&words, &[]).expect("good flags");
        assert_eq!((config.name.as_str(), config.initial_cluster.len()), ("n2", 3));
        assert!(plan.command(&plan.members[0]).starts_with("/bin/quorate serve --name n1 --data-dir data/n1 --listen"));
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(["a-b/c", "a b", "it's", ""].map(quoted), ["a-b/c", "'a b'", "'it'\\''s'", "''"]);
    }
}
