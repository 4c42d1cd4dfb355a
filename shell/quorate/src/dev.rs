//! `quorate dev`: a cluster of three on this machine, with one command. Three child processes of this same program under one
//! data folder, watched from outside as any client would.
//!
//! Knows processes, ports and what to tell a person; does not know Raft. The members are ordinary `quorate serve` processes.

mod cluster;
mod lock;
mod members;
mod plan;
mod ports;
mod screen;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::terminal::{self, Paint};
use cluster::Cluster;
use lock::Lock;
use members::Members;
use plan::Plan;

/// What follows `quorate dev`.
#[derive(Debug, Args)]
pub(crate) struct DevArguments {
    /// Folder for the data of all three members; a second `dev` on it finds the data again
    #[arg(long, default_value = "quorate-data", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// Port of the first member's clients [default: 2379, or what the folder was made with]. Its peers use the next one, and
    /// the other members 10 and 20 more
    #[arg(long, value_name = "PORT")]
    base_port: Option<u16>,
}

/// Why there is no cluster. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum DevError {
    /// Ports above 65535 or the port 0.
    #[error("--base-port {0} leaves no room for six ports: choose one from 1 to 65514")]
    BasePort(u16),
    /// The members know each other by other ports.
    #[error(
        "the members in {folder} know each other by the ports from {known} on: leave --base-port out, or choose another --data-dir"
    )]
    OtherPorts {
        /// The data folder.
        folder: String,
        /// What it was made with.
        known: u16,
    },
    /// Somebody listens there.
    #[error("port {port} ({use_}) is in use: stop what listens there, or choose other ports with --base-port")]
    PortInUse {
        /// The port.
        port: u16,
        /// What it is for.
        use_: String,
    },
    /// It can't be listened on for another reason.
    #[error("port {port} ({use_}) can't be opened: {error}; choose other ports with --base-port")]
    Port {
        /// The port.
        port: u16,
        /// What it is for.
        use_: String,
        /// In the system's words.
        error: String,
    },
    /// Another `dev` runs on the folder.
    #[error("another `quorate dev` (pid {pid}) runs on {folder}: stop it first, or choose another --data-dir")]
    Running {
        /// The data folder.
        folder: String,
        /// Its process.
        pid: String,
    },
    /// The folder or a file in it can't be used.
    #[error("{path} can't be used: {error}; choose another folder with --data-dir")]
    Folder {
        /// Which.
        path: String,
        /// In the system's words.
        error: String,
    },
    /// A member could not be started.
    #[error("{name} could not be started: {error}")]
    Start {
        /// Which.
        name: String,
        /// In the system's words.
        error: String,
    },
    /// The operating system refused something else.
    #[error("the system refused: {0}")]
    System(String),
}

/// Something that changed.
#[derive(Debug)]
enum Event {
    /// A child process ended, and how.
    Ended(usize, std::process::ExitStatus),
    /// What a member said of itself; nothing when it did not answer.
    Seen(usize, Option<cluster::Seen>),
}

/// How long a member may take to stop before it is killed.
const STOP_TIME: Duration = Duration::from_secs(10);

/// Starts the three, tells what happens, stops them on Ctrl-C.
pub(crate) fn main(arguments: &DevArguments) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::err(&format!("quorate dev: the system gave no event loop: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            terminal::err(&format!("quorate dev: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Answers whether all was well to the end.
async fn run(arguments: &DevArguments) -> Result<bool, DevError> {
    let lock = Lock::take(&arguments.data_dir)?;
    let plan = Plan::new(&arguments.data_dir, arguments.base_port)?;
    ports::check(&plan, lock.patience())?;
    plan.remember()?;

    let mut stop = Stop::listen()?;
    let (events, mut inbox) = mpsc::channel(64);
    let mut members = Members::start(&plan, &events)?;
    watch::start(&plan, &events);
    let paint = Paint::for_stdout();
    terminal::out(&screen::welcome(&plan, &members.pids(), paint));

    let start = Instant::now();
    let mut cluster = Cluster::new(&plan);
    let good = loop {
        let news = tokio::select! {
            () = stop.asked() => break true,
            Some(event) = inbox.recv() => match event {
                Event::Ended(place, status) => cluster.ended(place, status),
                Event::Seen(place, seen) => cluster.seen(place, seen, start.elapsed()),
            },
        };
        news.iter().for_each(|news| terminal::out(&screen::news(&plan, news, paint)));
        if cluster.is_over() {
            terminal::err("quorate dev: no member runs any more; the data is kept, `quorate dev` starts them again");
            break false;
        }
    };
    if good {
        terminal::out("Stopping.\n");
    }
    let ended_well = members.stop(&plan, &mut inbox, &mut stop, &cluster).await;
    lock.release();
    Ok(good && ended_well)
}

/// Ctrl-C, `kill`, and the end of the terminal.
struct Stop {
    signals: [Signal; 3],
}

impl Stop {
    fn listen() -> Result<Self, DevError> {
        let listen = |kind| signal(kind).map_err(|error| DevError::System(error.to_string()));
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(listen);
        Ok(Self { signals: [interrupt?, terminate?, hangup?] })
    }

    /// Waits for the next of them.
    async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
