//! `quorate explore`: a page on which simulated clusters are watched, stopped and broken. This room has the sockets, the threads
//! and the clock; what is shown is computed by shell/explorer.

mod answers;
mod listen;
mod work;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use explorer::story::Story;
use sim::run::Run;

use crate::assets::Assets;
use crate::terminal;
use answers::Answers;

/// Where it listens unless it is told otherwise: on this machine only.
const ADDRESS: &str = "127.0.0.1:2471";

/// What follows `quorate explore`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ExploreArguments {
    /// Open this run: a failing seed of `quorate sim`, or what a page exported
    #[arg(long, value_name = "FILE", conflicts_with = "story")]
    run: Option<PathBuf>,
    /// Open this story
    #[arg(long, value_name = "NAME")]
    story: Option<String>,
    /// The address to listen on
    #[arg(long, value_name = "ADDR", default_value = ADDRESS)]
    listen: SocketAddr,
    /// Serve the page from this folder instead of the program's own copy, to edit it
    #[arg(long, value_name = "DIR")]
    web_dir: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Prints the address to open in a browser, and serves until Ctrl-C. Everything is computed here: the page asks nobody else.";

/// Serves the page.
pub(crate) fn main(arguments: &ExploreArguments) -> ExitCode {
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            terminal::err(&format!("quorate explore: {problem}"));
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &ExploreArguments) -> Result<(), String> {
    let mut stories = explorer::story::all().map_err(|error| error.to_string())?;
    let mut opens = String::new();
    if let Some(name) = &arguments.story {
        if !stories.iter().any(|story| story.id == *name) {
            let known: Vec<&str> = stories.iter().map(|story| story.id.as_str()).collect();
            return Err(format!("there is no story `{name}`; there are {}", known.join(", ")));
        }
        opens = format!("#s={name}");
        // The first one is what is shown where nothing is named.
        stories.sort_by_key(|story| story.id != *name);
    }
    if let Some(file) = &arguments.run {
        let (story, start) = of_file(file)?;
        opens = format!("#s={}&t={}.{:06}", story.id, start / 1_000_000, start % 1_000_000);
        stories.insert(0, story);
    }
    let assets = Assets::new(arguments.web_dir.clone())?;
    let answers = Arc::new(Answers::new(assets, &stories));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| format!("the system gave no event loop: {error}"))?;
    let ended = runtime.block_on(listen::serve(arguments.listen, answers, &opens));
    // A trace that is being computed is of no use any more.
    runtime.shutdown_background();
    ended
}

/// A run of a file, and where something goes wrong in it: a little before that it is opened.
fn of_file(file: &Path) -> Result<(Story, u64), String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("can't read {}: {error}", file.display()))?;
    let run = Run::from_json(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    explorer::limits::check(&run).map_err(|error| format!("{}: {error}", file.display()))?;
    let (end, start) = explorer::story::interesting(&run);
    let title = file.file_name().map_or_else(|| "a run".into(), |name| name.to_string_lossy().into_owned());
    Ok((Story { id: "file".into(), title, paper: String::new(), run, end, captions: Vec::new() }, start))
}
