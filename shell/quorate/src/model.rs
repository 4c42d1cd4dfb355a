//! `quorate model`: looks at every state that the consensus core can reach within stated bounds.
//!
//! Knows which configurations to run and how to show what was found; what is searched, and how, is the model's own crate.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ::model::{
    Counterexample, Model, Options, Planted, Progress, Report, TracedAct, TracedStep, Verdict, Width, Witness,
    catalogue,
};
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::terminal::{self, Paint};

/// What follows `quorate model`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ModelArguments {
    /// The configuration to search; without a name all small ones
    name: Option<String>,
    /// List the configurations and the bugs that can be planted
    #[arg(long, conflicts_with_all = ["name", "all", "planted"])]
    list: bool,
    /// Search all configurations, also the large ones
    #[arg(long, conflicts_with_all = ["name", "planted"])]
    all: bool,
    /// Count states that differ in the names of nodes only as different
    #[arg(long)]
    without_symmetry: bool,
    /// How many threads search
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,
    /// Keep 64 bits of a state's fingerprint instead of 128: for hundreds of millions of states
    #[arg(long)]
    half: bool,
    /// Make room for so many states at once
    #[arg(long, value_name = "STATES", default_value_t = 0)]
    room: u64,
    /// Search all small configurations, which take seconds each; so does the command without a name
    #[arg(long, conflicts_with_all = ["name", "all", "planted"])]
    small: bool,
    /// Plant a bug, in the configuration named or in the one known to find it; without one all of them, in turn
    #[arg(long, value_name = "BUG", num_args = 0..=1)]
    planted: Option<Option<String>>,
    /// Show a shortest way to something that is met in the configuration named, such as CommittedIndirectly
    #[arg(long, value_name = "WORD", requires = "name", conflicts_with = "planted")]
    witness: Option<String>,
    /// Show a way as a golden script of the core
    #[arg(long)]
    script: bool,
    /// Write a way as a run file too, which `quorate sim --run FILE --tell` plays
    #[arg(long, value_name = "FILE")]
    run: Option<PathBuf>,
    /// Stop, not closed, before more than so much memory is taken
    #[arg(long, value_name = "GIB", default_value_t = 6)]
    memory: u64,
    /// Answer in JSON, one line for each configuration
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit code: 0 every state was looked at and all is well, 1 not, 2 there is no such configuration or bug. With --planted
and no bug: 0 all of them were found.";

/// Runs the command and says how it went.
pub(crate) fn main(arguments: &ModelArguments) -> ExitCode {
    if arguments.list {
        terminal::out(&list());
        return ExitCode::SUCCESS;
    }
    let options = Options {
        symmetry: !arguments.without_symmetry,
        workers: arguments.threads,
        width: if arguments.half { Width::Half } else { Width::Whole },
        states_expected: arguments.room,
        memory_bytes_max: arguments.memory.saturating_mul(1 << 30),
        ..Options::default()
    };
    if let Some(word) = &arguments.witness {
        return finish(way_to_witness(arguments, word));
    }
    if arguments.planted == Some(None) {
        return all_planted(arguments.json, options);
    }
    let models = match chosen(arguments) {
        Ok(models) => models,
        Err(sentence) => {
            terminal::err(&format!("quorate model: {sentence}"));
            return ExitCode::from(2);
        }
    };
    let mut good = true;
    let mut rows = Vec::new();
    for model in models {
        let report = run(&model, options);
        good &= matches!(report.verdict, Verdict::Closed);
        if let (Verdict::Broken(way), Some(file)) = (&report.verdict, &arguments.run)
            && let Err(sentence) = write_run(&model, way, file)
        {
            return finish(Err(sentence));
        }
        if arguments.json {
            terminal::out(&json(&model, &report, options.symmetry));
        } else {
            terminal::out(&told(&model, &report, arguments.script));
        }
        rows.push((model, report));
    }
    if !arguments.json {
        terminal::out(&table(&rows));
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn finish(done: Result<(), String>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            terminal::err(&format!("quorate model: {sentence}"));
            ExitCode::from(2)
        }
    }
}

/// Shows a shortest way to something that is met.
fn way_to_witness(arguments: &ModelArguments, word: &str) -> Result<(), String> {
    let words = || Witness::ALL.iter().map(|witness| witness.word()).collect::<Vec<_>>().join(", ");
    let witness = Witness::ALL.iter().copied().find(|witness| witness.word() == word);
    let witness = witness.ok_or_else(|| format!("there is no witness {word}; there are {}", words()))?;
    for model in chosen(arguments)? {
        let way =
            ::model::way_to(&model, witness).ok_or_else(|| format!("it is not met in {}: {witness}", model.name))?;
        if let Some(file) = &arguments.run {
            write_run(&model, &way, file)?;
        }
        let told = if arguments.script { way.script(&model) } else { format!("{way}\n") };
        terminal::out(&told);
    }
    Ok(())
}

fn write_run(model: &Model, way: &Counterexample, file: &Path) -> Result<(), String> {
    let written = crate::model_run::written(model, way).map_err(|problem| format!("the way is no run: {problem}"))?;
    if model.planted.is_none() && written.endings != way.endings {
        return Err(format!("the simulator ends otherwise: {:?}, the model: {:?}", written.endings, way.endings));
    }
    if let Some(failure) = &written.failure {
        terminal::err(&format!("{}: the simulator says: {failure}", file.display()));
    }
    std::fs::write(file, written.run.to_json()).map_err(|error| format!("can't write {}: {error}", file.display()))
}

/// Plants each bug in turn and says which property broke.
fn all_planted(as_json: bool, options: Options) -> ExitCode {
    let paint = Paint::for_stdout();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["BUG", "CONFIGURATION", "PROPERTY", "STEPS", "STATES", "SECONDS"]);
    let mut missed = 0;
    for planted in Planted::ALL {
        let model = catalogue::with(*planted);
        let report = run(&model, options);
        let found = if let Verdict::Broken(found) = &report.verdict { Some(found) } else { None };
        missed += u32::from(found.is_none());
        if as_json {
            terminal::out(&json(&model, &report, options.symmetry));
        }
        let property = found.map(|found| property(&found.sentence));
        table.add_row([
            planted.word().to_owned(),
            model.name.to_owned(),
            property.map_or_else(|| paint.alarm("NOT FOUND"), str::to_owned),
            found.map_or_else(String::new, |found| happened(found).count().to_string()),
            number(report.states),
            format!("{:.1}", report.elapsed.as_secs_f64()),
        ]);
    }
    if !as_json {
        terminal::out(&aligned(table, 3..6));
        let found = Planted::ALL.len() - usize::try_from(missed).unwrap_or(0);
        terminal::out(&format!("{found} bugs found, {missed} not\n"));
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The steps, but for the starts that all begins with.
fn happened(way: &Counterexample) -> impl Iterator<Item = &TracedStep> {
    way.steps.iter().filter(|step| step.act != TracedAct::Start)
}

/// What a sentence says does not hold.
fn property(sentence: &str) -> &str {
    sentence.split(" does not hold").next().unwrap_or(sentence)
}

fn chosen(arguments: &ModelArguments) -> Result<Vec<Model>, String> {
    let named = |name: &str| {
        catalogue::named(name).ok_or_else(|| format!("there is no configuration {name}; --list shows those there are"))
    };
    if let Some(Some(word)) = &arguments.planted {
        let planted = Planted::ALL.iter().copied().find(|planted| planted.word() == word);
        let planted = planted.ok_or_else(|| format!("there is no bug {word}; --list shows those there are"))?;
        let model = match &arguments.name {
            Some(name) => Model { planted: Some(planted), ..named(name)? },
            None => catalogue::with(planted),
        };
        return Ok(vec![model]);
    }
    match &arguments.name {
        Some(name) => Ok(vec![named(name)?]),
        None => Ok(catalogue::all().into_iter().filter(|model| arguments.all || model.small).collect()),
    }
}

/// Searches, with a line on a terminal that says how far it is.
fn run(model: &Model, options: Options) -> Report {
    let watched = std::io::stderr().is_terminal();
    let mut told = Duration::ZERO;
    let mut tell = |progress: &Progress| {
        if watched && progress.elapsed.saturating_sub(told) >= Duration::from_secs(1) {
            told = progress.elapsed;
            terminal::err_over(&format!("{}: {}", model.name, line(progress)));
        }
    };
    let report = ::model::search(model, options, &mut tell);
    if watched {
        terminal::err_over("");
    }
    report
}

fn line(progress: &Progress) -> String {
    format!(
        "depth {}, {} states, {} to look at, {} states/s, {} s",
        progress.depth,
        number(progress.states),
        number(progress.frontier),
        number(progress.rate()),
        progress.elapsed.as_secs()
    )
}

/// What one search found, in sentences.
fn told(model: &Model, report: &Report, script: bool) -> String {
    let mut out = String::new();
    match &report.verdict {
        Verdict::Broken(counterexample) => {
            let planted = model.planted.map_or_else(String::new, |planted| format!(", planted: {planted}"));
            let _ = writeln!(out, "{}{planted}", model.name);
            if script {
                out.push_str(&counterexample.script(model));
            } else {
                let _ = writeln!(out, "{counterexample}");
            }
            out.push('\n');
        }
        Verdict::Missed(missed) => {
            let missed: Vec<String> = missed.iter().map(ToString::to_string).collect();
            let _ = writeln!(out, "{}: never met, so this shows too little: {}", model.name, missed.join("; "));
        }
        Verdict::Open(reason) => {
            let _ = writeln!(out, "{}: not closed: {reason}", model.name);
        }
        Verdict::Closed => {
            let met: Vec<String> =
                report.witnesses.iter().map(|(witness, depth)| format!("{witness} ({depth})")).collect();
            let _ = writeln!(out, "{}: {}; off: {}", model.name, model.limits(), model.off());
            let _ = writeln!(out, "  met, with the depth of the first time: {}", met.join("; "));
        }
    }
    out
}

fn verdict(report: &Report) -> &'static str {
    match &report.verdict {
        Verdict::Closed => "closed",
        Verdict::Missed(_) => "MISSED",
        Verdict::Broken(_) => "BROKEN",
        Verdict::Open(_) => "OPEN",
    }
}

/// All results, aligned.
fn table(rows: &[(Model, Report)]) -> String {
    let paint = Paint::for_stdout();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["CONFIGURATION", "RESULT", "STATES", "WITH NAMES", "DEPTH", "SECONDS", "STATES/S", "MEMORY"]);
    for (model, report) in rows {
        let result = verdict(report);
        let closed = matches!(report.verdict, Verdict::Closed);
        table.add_row([
            model.name.to_owned(),
            if closed { paint.good(result) } else { paint.alarm(result) },
            number(report.states),
            number(report.states_named),
            report.depth.to_string(),
            format!("{:.1}", report.elapsed.as_secs_f64()),
            number(report.rate()),
            format!("{} MiB", number(report.memory_bytes >> 20)),
        ]);
    }
    aligned(table, 2..8)
}

/// The table with these columns of numbers.
fn aligned(mut table: Table, numbers: Range<usize>) -> String {
    for column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    format!("\n{}\n", lines.join("\n"))
}

fn list() -> String {
    let mut out = String::new();
    for model in catalogue::all() {
        let size = if model.small { "small" } else { "large" };
        let _ = writeln!(out, "{}  ({size})  {}", model.name, model.purpose);
        let _ = writeln!(out, "    {}; off: {}", model.limits(), model.off());
    }
    out.push_str("\nBugs that can be planted with --planted, and the configuration that finds each:\n");
    for planted in Planted::ALL {
        let _ = writeln!(out, "{:<20} {:<14} {planted}", planted.word(), catalogue::with(*planted).name);
    }
    out
}

#[derive(Serialize)]
struct ReportJson {
    configuration: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    planted: Option<&'static str>,
    bounds: String,
    off: String,
    symmetry: bool,
    result: &'static str,
    states: u64,
    states_with_names: u64,
    collision_odds: f64,
    transitions: u64,
    depth: u64,
    seconds: f64,
    states_per_second: u64,
    memory_bytes: u64,
    witnesses: Vec<(String, u64)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trace: Vec<String>,
}

fn json(model: &Model, report: &Report, symmetry: bool) -> String {
    let (mut missed, mut broken, mut trace) = (Vec::new(), None, Vec::new());
    match &report.verdict {
        Verdict::Missed(witnesses) => missed.extend(witnesses.iter().map(ToString::to_string)),
        Verdict::Broken(counterexample) => {
            broken = Some(counterexample.sentence.clone());
            trace.extend(happened(counterexample).map(ToString::to_string));
        }
        Verdict::Closed | Verdict::Open(_) => {}
    }
    let report = ReportJson {
        configuration: model.name,
        planted: model.planted.map(Planted::word),
        bounds: model.limits(),
        off: model.off(),
        symmetry,
        result: verdict(report),
        states: report.states,
        states_with_names: report.states_named,
        collision_odds: report.collision_odds,
        transitions: report.transitions,
        depth: report.depth,
        seconds: report.elapsed.as_secs_f64(),
        states_per_second: report.rate(),
        memory_bytes: report.memory_bytes,
        witnesses: report.witnesses.iter().map(|(witness, depth)| (witness.to_string(), *depth)).collect(),
        missed,
        broken,
        trace,
    };
    let mut text = serde_json::to_string(&report).expect("our own answers have text keys and finite numbers");
    text.push('\n');
    text
}

/// A number with commas: `1,660,805`.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        assert_eq!((number(0).as_str(), number(999).as_str()), ("0", "999"));
        assert_eq!((number(1000).as_str(), number(1_660_805).as_str()), ("1,000", "1,660,805"));
    }

    #[test]
    fn a_configuration_that_is_not_there_is_refused_with_the_way_to_those_that_are() {
        let arguments = ModelArguments {
            name: Some("nonsense".to_owned()),
            list: false,
            all: false,
            without_symmetry: false,
            threads: 1,
            half: false,
            room: 0,
            small: false,
            planted: None,
            witness: None,
            script: false,
            run: None,
            memory: 1,
            json: false,
        };
        let sentence = chosen(&arguments).err();
        assert_eq!(sentence.as_deref(), Some("there is no configuration nonsense; --list shows those there are"));
    }

    #[test]
    fn every_configuration_says_what_is_off() {
        let list = list();
        for model in catalogue::all() {
            assert!(list.contains(model.name) && list.contains(&model.off()), "{}", model.name);
        }
    }
}
