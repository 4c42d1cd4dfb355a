//! `quorate ctl`: put, get, delete and look, with nothing else installed. A client of the etcd v3 API as any other.
//!
//! Knows what to ask and how to show it (`show`); who is asked, and what may be asked again, is in `endpoints`.

mod endpoints;
mod member;
mod request;
mod roster;
mod show;
mod status;
#[cfg(test)]
mod tests;
mod transfer;

use std::ffi::OsString;
use std::io::Read as _;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, Subcommand};

use crate::terminal;
use endpoints::{Endpoints, Failure};
use show::Answer;

/// The members that `quorate dev` starts.
const DEV_ENDPOINTS: &str = "127.0.0.1:2379,127.0.0.1:2389,127.0.0.1:2399";

/// What follows `quorate ctl`.
#[derive(Debug, Args)]
pub(crate) struct CtlArguments {
    /// Members to ask, with commas between: the next one when one can't be reached
    #[arg(long, global = true, value_name = "HOST:PORT,..", default_value = DEV_ENDPOINTS)]
    endpoints: String,
    /// Answer in JSON. Keys and values that are no text are given in hex, as key_hex and value_hex
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Set a key to a value
    Put {
        /// The key
        key: OsString,
        /// The value; - reads it from standard input. One that begins with a dash goes after --
        #[arg(allow_negative_numbers = true)]
        value: OsString,
    },
    /// Show a key and its value
    Get(GetArguments),
    /// Delete a key
    Del {
        /// The key
        key: OsString,
        /// Delete all keys that begin with it
        #[arg(long)]
        prefix: bool,
    },
    /// Show how each member is and who leads
    Status,
    /// Show, add, remove and replace members, and plan it
    Member {
        #[command(subcommand)]
        command: member::MemberCommand,
    },
    /// Let another member lead
    Transfer {
        /// Which, by its name or id; without, the voter with the longest log
        #[arg(long, value_name = "NAME|ID")]
        to: Option<String>,
    },
}

/// What follows `quorate ctl get`.
#[derive(Debug, Args)]
pub(crate) struct GetArguments {
    /// The key
    key: OsString,
    /// Show all keys that begin with it
    #[arg(long)]
    prefix: bool,
    /// Show at most so many keys (0: all)
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    limit: i64,
    /// Show them as they were at that revision (0: now)
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    rev: i64,
    /// Leave the values out
    #[arg(long)]
    keys_only: bool,
    /// Let the member that is asked answer alone: also without a majority, and maybe with old data
    #[arg(long)]
    serializable: bool,
}

/// Runs the command and says how it went: 0 good, 1 not, 2 asked wrongly.
pub(crate) fn main(arguments: CtlArguments) -> ExitCode {
    let endpoints = match Endpoints::parse(&arguments.endpoints) {
        Ok(endpoints) => endpoints,
        Err(sentence) => {
            terminal::err(&format!("quorate ctl: --endpoints: {sentence}"));
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::err(&format!("quorate ctl: the system gave no event loop: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&endpoints, arguments)) {
        Ok(answer) => {
            terminal::out_bytes(&answer.out);
            answer.notes.iter().for_each(|line| terminal::err(line));
            if answer.good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => {
            terminal::err(&format!("quorate ctl: {failure}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(endpoints: &Endpoints, arguments: CtlArguments) -> Result<Answer, Failure> {
    let json = arguments.json;
    match arguments.command {
        Command::Put { key, value } => {
            let value = if value == "-" { standard_input()? } else { raw(value) };
            let response = request::put(endpoints, raw(key), value).await?;
            Ok(show::put(&response, json))
        }
        Command::Get(get) => {
            let key = raw(get.key.clone());
            let response = request::get(endpoints, key.clone(), &get).await?;
            Ok(show::get(&key, &get, &response, json))
        }
        Command::Del { key, prefix } => {
            let response = request::delete(endpoints, raw(key), prefix).await?;
            Ok(show::delete(&response, json))
        }
        Command::Member { command } => member::run(endpoints, command, json).await,
        Command::Transfer { to } => {
            let moved = transfer::ask(endpoints, to.as_deref()).await?;
            Ok(show::transfer(&moved, json))
        }
        Command::Status => {
            let statuses = status::ask_all(endpoints).await;
            Ok(show::status(&statuses, json))
        }
    }
}

/// Keys and values are bytes, not text.
fn raw(word: OsString) -> Bytes {
    word.into_encoded_bytes().into()
}

fn standard_input() -> Result<Bytes, Failure> {
    let mut value = Vec::new();
    std::io::stdin().lock().read_to_end(&mut value).map_err(|error| Failure::StandardInput(error.to_string()))?;
    Ok(value.into())
}
