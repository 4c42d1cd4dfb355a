//! `cargo x COMMAND`: one door for every developer command. This room only chooses; the work is in `commands`.

use std::io::Write as _;
use std::process::ExitCode;

use xtask::commands;
use xtask::figures::{Wanted, figures};
use xtask::mutants;

const HELP: &str = "\
cargo x COMMAND

  check              formatting, clippy, tests, docs, tidy, deny (bans, licences, sources); changes no file
  fix                cargo fmt, then clippy --fix
  golden [CRATE..]   record the golden scripts again (all crates that have some, or those named), then show what changed
  tidy               the rules of this repository that no other tool knows
  codegen [--check]  generate the checked-in code again, or only compare
  figures [--seeds N] [--first S] [--large]
                     measure what docs/testing.md quotes, and write it there
  mutants [NAME..] [--seeds N] [--turn K/N|auto/N] [--json FILE] [--write]
                     plant each bug of mutants/ (and each lie and rule) in a copy, and say which checker notices; --write: into
                     docs/mutants.md
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = xtask::root();
    let good = match words.as_slice() {
        ["check"] => commands::check(&root),
        ["fix"] => commands::fix(&root),
        ["golden", crates @ ..] => commands::golden(&root, crates),
        ["tidy"] => commands::tidy(&root),
        ["codegen"] => commands::codegen(&root, false),
        ["codegen", "--check"] => commands::codegen(&root, true),
        ["figures", words @ ..] => match Wanted::read(words) {
            Ok(wanted) => figures(&root, &wanted),
            Err(problem) => return wrong(&problem),
        },
        ["mutants", words @ ..] => match mutants::Wanted::read(words) {
            Ok(wanted) => mutants::mutants(&root, &wanted),
            Err(problem) => return wrong(&problem),
        },
        [] | ["help" | "--help" | "-h"] => {
            let _ = std::io::stdout().write_all(HELP.as_bytes());
            return ExitCode::SUCCESS;
        }
        [unknown, ..] => return wrong(&format!("cargo x does not know {unknown:?} with these arguments.")),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn wrong(problem: &str) -> ExitCode {
    let _ = write!(std::io::stderr(), "{problem}\n\n{HELP}");
    ExitCode::from(2)
}
