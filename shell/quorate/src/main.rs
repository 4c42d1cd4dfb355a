//! Quorate: a replicated key-value store that speaks the etcd v3 API. This is the one binary; `quorate --help` lists what it
//! does.
//!
//! This room only chooses the room that does the work. `serve` reads etcd's flags by hand (they take one dash or two), so it is
//! chosen before clap looks at anything.

mod assets;
mod check_history;
mod ctl;
mod dev;
mod explore;
mod logging;
mod model;
mod model_run;
mod serve;
mod sim;
mod terminal;
mod url;
mod version;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A replicated key-value store that speaks the etcd v3 API
#[derive(Debug, Parser)]
#[command(name = "quorate", arg_required_else_help = true, after_help = AFTER_HELP)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Begin with `quorate dev`. Without a subcommand, flags are those of serve: `quorate --name n1` as `etcd --name n1`.
`quorate --version` prints the etcd version whose API this speaks, and our own.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a cluster of three members on this machine
    Dev(dev::DevArguments),
    /// Run one member, with etcd's flags and ETCD_* variables
    #[command(disable_help_flag = true, override_help = serve::HELP)]
    Serve {
        /// See `quorate serve --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        flags: Vec<OsString>,
    },
    /// Talk to a running cluster: put, get, del, status
    Ctl(ctl::CtlArguments),
    /// Judge a recorded history, of any system: is it linearizable?
    CheckHistory(check_history::CheckHistoryArguments),
    /// Serve a page on which simulated clusters are watched, stopped and broken
    Explore(explore::ExploreArguments),
    /// Look at every state that the consensus core can reach within stated bounds
    Model(model::ModelArguments),
    /// Play whole clusters in simulated worlds, seed after seed; or one run, or one scenario
    Sim(sim::SimArguments),
}

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    match words.first().and_then(|word| word.to_str()) {
        Some("serve") => serve::main(&words[1..]),
        Some("--version" | "-version" | "-V") => {
            terminal::out(&version::text());
            ExitCode::SUCCESS
        }
        Some(word) if is_flag_of_serve(word) => serve::main(&words),
        _ => match CommandLine::parse().command {
            Command::Dev(arguments) => dev::main(&arguments),
            Command::Ctl(arguments) => ctl::main(arguments),
            Command::CheckHistory(arguments) => check_history::main(&arguments),
            Command::Explore(arguments) => explore::main(&arguments),
            Command::Model(arguments) => model::main(&arguments),
            Command::Sim(arguments) => sim::main(&arguments),
            Command::Serve { flags } => serve::main(&flags),
        },
    }
}

/// `quorate --name n1` means `quorate serve --name n1`; `--help` alone is about the whole program.
fn is_flag_of_serve(word: &str) -> bool {
    word.starts_with('-') && !matches!(word, "--help" | "-h" | "-help")
}
