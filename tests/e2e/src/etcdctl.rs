//! etcd's own client, as packaged.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// `etcdctl` for one list of endpoints.
#[derive(Debug, Clone)]
pub struct Etcdctl {
    endpoints: String,
}

impl Etcdctl {
    /// Nothing where etcdctl is not installed; then the caller says that it is skipped.
    #[must_use]
    pub fn find(endpoints: &str) -> Option<Self> {
        let version = Command::new("etcdctl").arg("version").env("ETCDCTL_API", "3").output();
        if version.is_ok_and(|output| output.status.success()) {
            return Some(Self { endpoints: endpoints.to_owned() });
        }
        eprintln!("skipped: no etcdctl (Debian: apt-get install etcd-client)");
        None
    }

    /// Exit code, standard output, standard error.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        self.run_with(words, "")
    }

    /// The same with words on its standard input.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn run_with(&self, words: &[&str], input: &str) -> (Option<i32>, String, String) {
        let mut command = Command::new("etcdctl");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ETCDCTL_")) {
            command.env_remove(name);
        }
        command.env("ETCDCTL_API", "3").arg("--endpoints").arg(&self.endpoints).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("etcdctl starts");
        let mut pipe = child.stdin.take().expect("piped");
        // One that does not read its input ends before it is written; its exit code tells what matters.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        let output = child.wait_with_output().expect("etcdctl ends");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Its standard output, when all must go well.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn good(&self, words: &[&str]) -> String {
        let (code, out, err) = self.run(words);
        assert_eq!(code, Some(0), "etcdctl {words:?}: {out}{err}");
        out
    }
}
