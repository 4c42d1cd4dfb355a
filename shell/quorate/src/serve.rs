//! `quorate serve`: runs one member, told what to do by etcd's own flags and variables.
//!
//! This room reads and checks what it was told, says what it will not do, and hands over to `run`.

pub(crate) mod config;
mod flags;
mod founders;
mod help;
mod known;
mod nearest;
mod run;
mod sockets;
mod stop;
mod who;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use crate::{logging, terminal, version};
use config::ServeConfig;
use flags::Request;
use run::RunError;

pub(crate) use help::TEXT as HELP;

/// Hidden from the help: for processes that start members and must not be outlived by them.
pub(crate) const PARENT_PIPE_FLAG: &str = "--parent-pipe";

/// Exit code of a member that was removed from its cluster: starting it again is of no use.
const REMOVED: u8 = 3;

/// Exit code of a member whose data folder is not the one that its cluster knows it by: starting it again with it is of no use.
const ANOTHER_DISK: u8 = 4;

/// Runs a member until it is told to stop: 0 then, 1 when it fails, 2 when it was told nonsense, 3 when it was removed, 4 when its
/// data folder is another one than before.
pub(crate) fn main(arguments: &[OsString]) -> ExitCode {
    let environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let flags = match flags::read(arguments, &environment) {
        Ok(Request::Help) => {
            terminal::out(help::TEXT);
            return ExitCode::SUCCESS;
        }
        Ok(Request::Version) => {
            terminal::out(&version::text());
            return ExitCode::SUCCESS;
        }
        Ok(Request::Serve(flags)) => flags,
        Err(error) => return refuse(&error.to_string()),
    };
    // A folder that can't be read is said to be one when it is used.
    let holds_member = |folder: &Path| !node::identity(folder).is_ok_and(|identity| identity.is_none());
    let config = match ServeConfig::from_flags(&flags, holds_member) {
        Ok(config) => config,
        Err(error) => return refuse(&error.to_string()),
    };
    if let Err(sentence) = logging::start(&config.log) {
        return refuse(&sentence);
    }
    for warning in &flags.warnings {
        tracing::warn!("{warning}");
    }
    match run::run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            // A log that goes to a file would leave the person at the terminal with nothing.
            if !config.log.reaches_terminal() {
                terminal::err(&format!("quorate serve: {error}"));
            }
            match error {
                RunError::Removed { .. } => ExitCode::from(REMOVED),
                RunError::AnotherDisk(_) => ExitCode::from(ANOTHER_DISK),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn refuse(sentence: &str) -> ExitCode {
    terminal::err(&format!("quorate serve: {sentence}"));
    ExitCode::from(2)
}

/// What these words and variables would run; for tests of those who write such words.
#[cfg(test)]
pub(crate) fn read_config(arguments: &[OsString], environment: &[(OsString, OsString)]) -> Result<ServeConfig, String> {
    match flags::read(arguments, environment).map_err(|error| error.to_string())? {
        Request::Serve(flags) => ServeConfig::from_flags(&flags, |_| false).map_err(|error| error.to_string()),
        other => Err(format!("{other:?}")),
    }
}
