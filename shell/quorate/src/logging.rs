//! Where a member's log lines go, from which level, and in which form. Lines for people are coloured on a terminal only.
//!
//! Knows `tracing`'s machinery; does not know what is logged.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

/// What is logged, how and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// From which level.
    pub(crate) level: LogLevel,
    /// In which form.
    pub(crate) format: LogFormat,
    /// Each line goes to all of these.
    pub(crate) outputs: Vec<LogOutput>,
}

/// etcd's levels; its `panic` and `fatal` are `Error` here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogLevel {
    /// Everything.
    Debug,
    /// What an operator wants to know.
    Info,
    /// What may need somebody.
    Warn,
    /// What does.
    Error,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// One place where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LogOutput {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// A file, appended to.
    File(PathBuf),
}

impl LogConfig {
    /// Whether a person who started the process sees the lines.
    pub(crate) fn reaches_terminal(&self) -> bool {
        self.outputs.iter().any(|output| matches!(output, LogOutput::Stderr | LogOutput::Stdout))
    }
}

impl LogLevel {
    /// The level that `--log-level` names.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "debug" => Some(Self::Debug),
            "info" => Some(Self::Info),
            "warn" | "warning" => Some(Self::Warn),
            "error" | "dpanic" | "panic" | "fatal" => Some(Self::Error),
            _ => None,
        }
    }

    fn filter(self) -> LevelFilter {
        match self {
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
            Self::Error => LevelFilter::ERROR,
        }
    }
}

/// Makes all log lines of this process go where `config` says, from now on.
///
/// # Errors
/// When a log file can't be opened; the sentence names it.
pub(crate) fn start(config: &LogConfig) -> Result<(), String> {
    let outputs = Outputs::open(&config.outputs)?;
    let colour = config.outputs == [LogOutput::Stderr] && crate::terminal::stderr_has_colour();
    // What the libraries say about single connections helps nobody at `info`.
    let level = config.level.filter();
    let ours = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("quorate", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(outputs);
    let registry = tracing_subscriber::registry();
    let set = match config.format {
        LogFormat::Human => {
            let layer = lines.with_ansi(colour).with_filter(ours);
            tracing::subscriber::set_global_default(registry.with(layer))
        }
        LogFormat::Json => {
            let layer = lines.json().flatten_event(true).with_filter(ours);
            tracing::subscriber::set_global_default(registry.with(layer))
        }
    };
    set.map_err(|error| format!("the log can't be started: {error}"))
}

/// Writes each line to several places. One that fails does not keep the line from the others.
#[derive(Clone)]
struct Outputs {
    places: Arc<[Place]>,
}

enum Place {
    Stderr,
    Stdout,
    File(File),
}

impl Outputs {
    fn open(outputs: &[LogOutput]) -> Result<Self, String> {
        let open = |output: &LogOutput| match output {
            LogOutput::Stderr => Ok(Place::Stderr),
            LogOutput::Stdout => Ok(Place::Stdout),
            LogOutput::File(path) => OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map(Place::File)
                .map_err(|error| format!("the log file {} can't be opened: {error}", path.display())),
        };
        let places: Result<Vec<Place>, String> = outputs.iter().map(open).collect();
        Ok(Self { places: places?.into() })
    }
}

impl Write for Outputs {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        for place in self.places.iter() {
            // One `write_all` of a whole line: with O_APPEND, lines of two processes never mix.
            let _ = match place {
                Place::Stderr => io::stderr().lock().write_all(line),
                Place::Stdout => io::stdout().lock().write_all(line),
                Place::File(file) => (&mut &*file).write_all(line),
            };
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Outputs {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reaches_every_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = ["a.log", "b.log"].map(|name| folder.path().join(name));
        let mut outputs = Outputs::open(&paths.clone().map(LogOutput::File)).expect("files");
        outputs.write_all(b"one\n").expect("written");
        outputs.write_all(b"two\n").expect("written");
        assert_eq!(paths.map(|path| std::fs::read_to_string(path).expect("a log")), ["one\ntwo\n", "one\ntwo\n"]);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let refusal = Outputs::open(&[LogOutput::File(PathBuf::from("no/such/folder/x.log"))]).err();
        assert!(refusal.is_some_and(|sentence| sentence.contains("no/such/folder/x.log can't be opened")));
    }
}
