//! Plays scenarios and prints their captions with the times at which they are said, for who writes one:
//! `cargo run -p quorate-explorer --example stories -- scenarios/story_*.scn`.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for file in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        match quorate_explorer::story::read("story", &text) {
            Ok(story) => {
                println!("{file}: {} ({}), ends at {} ms", story.title, story.paper, story.end / 1000);
                for caption in story.captions {
                    let section = caption.section.map_or(String::new(), |section| format!(" [{section}]"));
                    println!("{:>8} ms  {}{section}", caption.t / 1000, caption.text);
                }
            }
            Err(what) => {
                println!("{file}: {what}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
