//! Runs the golden scripts of `tests/scripts`: each file is one claim about whole members, told as commands and what the
//! members say and answer then.
//!
//! `UPDATE_GOLDENFILES=1 cargo test -p quorate-replica --test scripts` records them again: read the difference, since a
//! recording is only as good as its reader.

#[path = "world/journal.rs"]
mod journal;
mod runner;

use std::fs;
use std::path::{Path, PathBuf};

use runner::Runner;

/// Runs all scripts of a folder and reports all that differ, not only the first.
fn folder(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(name);
    let listing = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut scripts: Vec<PathBuf> = listing.map(|entry| entry.expect("a folder can be listed").path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty(), "{} has no scripts", folder.display());
    let failures: Vec<String> = scripts.iter().filter_map(|path| run(path).err()).collect();
    assert!(failures.is_empty(), "{} of {} scripts:\n{}", failures.len(), scripts.len(), failures.join("\n"));
}

fn run(path: &Path) -> Result<(), String> {
    let name = path.display();
    let script = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let recorded =
        goldenscript::generate(&mut Runner::default(), &script).map_err(|error| format!("{name}: {error}"))?;
    if recorded == script {
        return Ok(());
    }
    if std::env::var("UPDATE_GOLDENFILES").is_ok_and(|value| value == "1") {
        return fs::write(path, recorded).map_err(|error| format!("{name}: {error}"));
    }
    let differs = script.lines().zip(recorded.lines()).position(|(was, is)| was != is);
    let at = differs.unwrap_or_else(|| script.lines().count().min(recorded.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_string();
    Err(format!("{name}:{}\n  recorded: {}\n  happens:  {}", at + 1, line(&script), line(&recorded)))
}

macro_rules! folders {
    ($($name:ident),+) => {
        $(
            #[test]
            fn $name() {
                folder(stringify!($name));
            }
        )+
    };
}

folders!(forwarding, reads, lease, deadlines, snapshot, disk, description, transfer, sessions, membership);
