//! A small picture of operations: one line each, from call to return, aligned by time.
//!
//! Columns stand for moments at which something is called or returns, not for amounts of time, so that a picture stays small.
//! Knows nothing of what the operations mean.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

/// One operation in a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The operation's id.
    pub id: String,
    /// Who asked.
    pub client: String,
    /// When it was called.
    pub call: u64,
    /// When it returned, if it did.
    #[serde(rename = "return")]
    pub returned: Option<u64>,
    /// What was asked and answered.
    pub text: String,
    /// Whether it is one of those that can't be placed.
    pub misplaced: bool,
}

/// Columns between two moments.
const STEP: usize = 3;

/// Draws the lines, each with a line break.
pub(crate) fn draw(lines: &[Line]) -> String {
    let mut moments: Vec<(u64, bool)> = Vec::new();
    for line in lines {
        moments.push((line.call, false));
        moments.extend(line.returned.map(|at| (at, true)));
    }
    moments.sort_unstable();
    moments.dedup();
    let columns: BTreeMap<(u64, bool), usize> =
        moments.iter().enumerate().map(|(number, &moment)| (moment, number * STEP)).collect();
    let some_never_returned = lines.iter().any(|line| line.returned.is_none());
    let width = (moments.len() - usize::from(!some_never_returned && !lines.is_empty())) * STEP;
    let client_width = lines.iter().map(|line| line.client.chars().count()).max().unwrap_or(0);
    let id_width = lines.iter().map(|line| line.id.chars().count()).max().unwrap_or(0);
    let text_width = lines.iter().map(|line| line.text.chars().count()).max().unwrap_or(0);
    let mut picture = String::new();
    for line in lines {
        let begin = columns[&(line.call, false)];
        let (bar, until) = match line.returned {
            Some(at) => (bar(columns[&(at, true)] - begin, '|'), at.to_string()),
            None => (bar(width - begin, '>'), "?".to_owned()),
        };
        let mark = if line.misplaced { "  <-- has no place" } else { "" };
        let _ = writeln!(
            picture,
            "  {:client_width$}  {:begin$}{bar:rest$}  {:id_width$}  {:text_width$}  [{}..{until}]{mark}",
            line.client,
            "",
            line.id,
            line.text,
            line.call,
            rest = width + 1 - begin,
        );
    }
    picture
}

fn bar(length: usize, end: char) -> String {
    format!("|{}{end}", "-".repeat(length.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(client: &str, call: u64, returned: Option<u64>, text: &str) -> Line {
        let id = format!("{client}{call}");
        Line { id, client: client.into(), call, returned, text: text.into(), misplaced: returned == Some(90) }
    }

    #[test]
    fn lines_are_aligned_by_time() {
        let lines = [
            line("a", 10, Some(50), "write 1"),
            line("bob", 20, None, "write 2"),
            line("a", 60, Some(90), "read -> 3"),
        ];
        let expected = "
  a    |-----|           a10    write 1    [10..50]
  bob     |----------->  bob20  write 2    [20..?]
  a             |--|     a60    read -> 3  [60..90]  <-- has no place
";
        assert_eq!(format!("\n{}", draw(&lines)), expected);
    }
}
