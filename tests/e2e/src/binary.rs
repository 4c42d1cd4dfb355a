//! Finds the program under test, and runs it for those commands that end by themselves.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The `quorate` binary: `$QUORATE_BIN`, or the one that cargo builds beside the running test.
///
/// # Panics
/// When there is none, with the command that builds it.
#[must_use]
pub fn quorate() -> PathBuf {
    if let Some(path) = std::env::var_os("QUORATE_BIN") {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "QUORATE_BIN={} is no file: build it, or leave the variable out", path.display());
        return path;
    }
    // target/PROFILE/deps/TEST: the binary is two steps up.
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps");
    let path = profile.join("quorate");
    assert!(
        path.is_file(),
        "{} is not there: `cargo build -p quorate` (with the same --release as this test) builds it, and so does `cargo test --workspace`",
        path.display()
    );
    path
}

/// The program with nothing in its environment that is meant for a real etcd.
#[must_use]
pub(crate) fn command() -> Command {
    let mut command = Command::new(quorate());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ETCD_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs `quorate` with these words to its end: exit code, standard output, standard error.
///
/// # Panics
/// When it does not start.
#[must_use]
pub fn run(words: &[impl AsRef<OsStr>]) -> (Option<i32>, String, String) {
    run_in(Path::new("."), words)
}

/// The same in a folder.
///
/// # Panics
/// When it does not start.
#[must_use]
pub fn run_in(folder: &Path, words: &[impl AsRef<OsStr>]) -> (Option<i32>, String, String) {
    let output = command().args(words).current_dir(folder).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
