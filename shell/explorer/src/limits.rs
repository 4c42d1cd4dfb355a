//! How large a run may be that is looked at, so that no link and no file keeps a machine busy: what is too much is refused with a
//! sentence.

use std::fmt;

use sim::run::{Act, Ask, Order, Run, RunError};

use crate::trace::Window;

/// Bytes of a request.
pub const BODY_BYTES_MAX: usize = 64 << 10;
/// Nodes, with those that join.
pub const NODES_MAX: u64 = 9;
/// The longest run, in microseconds of its world: ten minutes.
pub const RUN_MICROS_MAX: u64 = 600_000_000;
/// The longest window, in microseconds of its world.
pub const WINDOW_MICROS_MAX: u64 = 10_000_000;
/// The longest export, in microseconds of its world.
pub const EXPORT_MICROS_MAX: u64 = 120_000_000;
/// Steps of a script.
pub const STEPS_MAX: usize = 500;
/// Bytes of a key or a value.
pub const VALUE_BYTES_MAX: usize = 256;
/// Bytes of a value of clients that ask by themselves, and how many of those there are.
pub const CLIENT_VALUE_BYTES_MAX: u64 = 4096;
/// Clients that ask by themselves.
pub const CLIENTS_MAX: u64 = 50;
/// Events of one window.
pub const EVENTS_MAX: usize = 200_000;
/// What happens in a whole world up to the end of a window.
pub const HAPPENINGS_MAX: u64 = 800_000;

/// Why there is no trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// What was asked can't be read.
    Request(String),
    /// The run is none, is of another version, or asks for what can't be.
    Run(RunError),
    /// More than is played here.
    TooLarge(String),
    /// The window makes no sense.
    Window(String),
    /// It took longer than whoever asked wanted to wait.
    Stopped,
    /// The code that is played panics.
    Panics,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(error) => write!(f, "{error}"),
            Self::Request(why) => write!(f, "what was asked can't be read: {why}"),
            Self::Panics => {
                write!(
                    f,
                    "the code panics in this run, so there is nothing to show of it: `quorate sim --run` says where"
                )
            }
            Self::TooLarge(what) | Self::Window(what) => write!(f, "{what}"),
            Self::Stopped => {
                write!(f, "this run takes too long to be played here: make it shorter, or ask again when less is asked")
            }
        }
    }
}

impl std::error::Error for Refusal {}

impl From<RunError> for Refusal {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

/// Whether a run is small enough.
///
/// # Errors
/// Which limit it breaks.
pub fn check(run: &Run) -> Result<(), Refusal> {
    run.check()?;
    let nodes = run.script.iter().fold(run.members, |known, step| known_after(known, &step.act));
    if nodes > NODES_MAX {
        return too_large(format!("the run has up to {nodes} nodes: the explorer shows {NODES_MAX} at most"));
    }
    if run.script.len() > STEPS_MAX {
        let steps = run.script.len();
        return too_large(format!("the script has {steps} steps: the explorer plays {STEPS_MAX} at most"));
    }
    if let Some(step) = run.script.iter().find(|step| step.at > RUN_MICROS_MAX) {
        let second = step.at / 1_000_000;
        return too_large(format!(
            "a step of the script is at second {second}: the explorer plays ten minutes at most"
        ));
    }
    let clients = run.clients.count.saturating_add(run.clients.sessions);
    if clients > CLIENTS_MAX {
        return too_large(format!("{clients} clients ask by themselves: the explorer plays {CLIENTS_MAX} at most"));
    }
    if run.clients.value_bytes_max > CLIENT_VALUE_BYTES_MAX {
        let bytes = run.clients.value_bytes_max;
        return too_large(format!(
            "clients write values of {bytes} bytes: the explorer takes {CLIENT_VALUE_BYTES_MAX} at most"
        ));
    }
    let texts = run.script.iter().filter_map(|step| match &step.act {
        Act::Client { op, .. } => Some(longest(op)),
        _ => None,
    });
    let kept = run.initial.iter().flat_map(|image| &image.log);
    let kept = kept.map(|record| record.value.len().max(record.key.as_ref().map_or(0, String::len)));
    if let Some(bytes) = texts.chain(kept).find(|bytes| *bytes > VALUE_BYTES_MAX) {
        return too_large(format!("a key or value has {bytes} bytes: the explorer takes {VALUE_BYTES_MAX} at most"));
    }
    Ok(())
}

/// Whether a window can be asked for.
pub(crate) fn check_window(window: Window) -> Result<(), Refusal> {
    let Window { from, until } = window;
    if from > until {
        return Err(Refusal::Window(format!("the window ends at {until} µs, before it begins at {from} µs")));
    }
    if until - from > WINDOW_MICROS_MAX {
        return Err(Refusal::Window("a window is ten seconds of the world at most: ask for several".into()));
    }
    if until > RUN_MICROS_MAX {
        return Err(Refusal::Window("a run is ten minutes of its world at most".into()));
    }
    Ok(())
}

fn too_large<T>(what: String) -> Result<T, Refusal> {
    Err(Refusal::TooLarge(what))
}

/// How many nodes there may be after an act, if there may be so many before it. Who is named by a number is that one; other new
/// machines get the next numbers.
fn known_after(known: u64, act: &Act) -> u64 {
    match act {
        Act::Order { order: Order::Set { voters, learners }, .. } => {
            voters.iter().chain(learners).copied().fold(known, u64::max)
        }
        Act::Order { order, .. } => known.saturating_add(order.newcomers()),
        _ => known,
    }
}

fn longest(ask: &Ask) -> usize {
    match ask {
        Ask::Put { key, value } => key.len().max(value.len()),
        Ask::Delete { key } | Ask::Get { key, .. } => key.len(),
        Ask::Cas { key, from, to } => key.len().max(from.len()).max(to.len()),
        Ask::Open { session, .. } | Ask::KeepAlive { session } | Ask::Close { session } => session.len(),
        Ask::Once { session, op, .. } => session.len().max(longest(op)),
    }
}
