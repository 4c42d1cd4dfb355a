//! `quorate explore`: a page on which simulated clusters are watched, stopped and broken. This room has the sockets, the threads
//! and the clock; what is shown is computed by shell/explorer.

mod answers;
mod listen;
mod work;

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use explorer::limits::BODY_BYTES_MAX;
use explorer::story::{Interesting, Story};

use crate::assets::Assets;
use crate::terminal;
use answers::Answers;

/// Where it listens unless it is told otherwise: on this machine only.
const ADDRESS: &str = "127.0.0.1:2471";
/// The largest file that is read as a run.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// So much a page asks with a run.
const AROUND_A_RUN: usize = 1 << 10;

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
    let (mut opens, mut more) = (String::new(), String::new());
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
        let (story, Interesting { end, start, broken }) = of_file(file)?;
        if let Some(broken) = broken {
            more = format!("At {}.{:06} s: {broken}\n", end / 1_000_000, end % 1_000_000);
        }
        opens = format!("#s={}&t={}.{:06}", story.id, start / 1_000_000, start % 1_000_000);
        stories.insert(0, story);
    }
    let assets = Assets::new(arguments.web_dir.clone())?;
    let answers = Arc::new(Answers::new(assets, &stories, arguments.listen.ip()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| format!("the system gave no event loop: {error}"))?;
    let ended = runtime.block_on(listen::serve(arguments.listen, answers, &opens, &more));
    // A trace that is being computed is of no use any more.
    runtime.shutdown_background();
    ended
}

/// A run of a file, and where something goes wrong in it: a little before that it is opened.
fn of_file(file: &Path) -> Result<(Story, Interesting), String> {
    let text = read(file).map_err(|problem| format!("can't read {}: {problem}", file.display()))?;
    let value = serde_json::from_str(&text).map_err(|error| format!("{}: this is no run: {error}", file.display()))?;
    let run = explorer::request::read_run(value).map_err(|refusal| format!("{}: {refusal}", file.display()))?;
    let bytes = serde_json::to_vec(&run).map_or(usize::MAX, |run| run.len());
    if bytes + AROUND_A_RUN > BODY_BYTES_MAX {
        let (file, most) = (file.display(), BODY_BYTES_MAX >> 10);
        return Err(format!(
            "{file}: the run is {bytes} bytes long, and the explorer plays {most} kB at most: a run with a shorter script fits"
        ));
    }
    let played = run.clone();
    let found = std::thread::spawn(move || explorer::story::interesting(&played)).join();
    let found = found.map_err(|_| format!("{}: {}", file.display(), explorer::Refusal::Panics))?;
    let title = file.file_name().map_or_else(|| "a run".into(), |name| name.to_string_lossy().into_owned());
    let story = Story { id: "file".into(), title, paper: String::new(), run, end: found.end, captions: Vec::new() };
    Ok((story, found))
}

/// The text of a file that is not larger than a run can be.
fn read(file: &Path) -> Result<String, String> {
    let opened = File::open(file).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("it is larger than {} MB, and so no run", FILE_BYTES_MAX >> 20));
    }
    String::from_utf8(bytes).map_err(|_| "it is no text, and so no run".into())
}
