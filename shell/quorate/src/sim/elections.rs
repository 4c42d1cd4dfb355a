//! Elections in figures: a table and two plots, or JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sim::checkers::Failure;
use sim::elections::{Elections, Minute, ROUNDS_MAX, Range, Waiting, hold, minute};

use crate::terminal;

/// So wide is a bar of a plot.
const BAR: usize = 50;

/// Holds so many elections for each range and each number of waiting nodes, and prints what came of them.
pub(super) fn play(count: u64, seed: u64, as_json: bool) -> Result<bool, String> {
    let minutes =
        [false, true].map(|pre_vote| minute(pre_vote, seed)).into_iter().collect::<Result<Vec<Minute>, Failure>>();
    let minutes = minutes.map_err(|failure| format!("what must never happen: {failure}"))?;
    let mut rows = Vec::new();
    for range in Range::usual() {
        rows.push([Waiting::Five, Waiting::FourAfterACrash].map(|waiting| hold(range, waiting, count, seed)));
    }
    if as_json {
        let rows: Vec<Value> = rows.iter().flatten().map(object).collect();
        let minutes: Vec<Value> = minutes.iter().map(minute_object).collect();
        let object = json!({
            "elections": count, "seed": seed, "rounds_max": ROUNDS_MAX, "rows": rows, "half_connected": minutes,
        });
        terminal::out(&format!("{object}\n"));
    } else {
        terminal::out(&text(count, seed, &rows));
        terminal::out(&half_connected(&minutes));
    }
    Ok(true)
}

fn minute_object(one: &Minute) -> Value {
    json!({ "pre_vote": one.pre_vote, "terms": one.terms, "won": one.won, "asked": one.asked, "done": one.done })
}

fn half_connected(minutes: &[Minute]) -> String {
    let mut out = String::from(
        "\ntwo of five are half-connected for a minute: n4 hears n2 only, n5 hears n3 only; 30 to 60 ms a message\n",
    );
    let _ = writeln!(out, "{:24}{:>9}{:>15}{:>15}", "", "new terms", "elections won", "requests done");
    for one in minutes {
        let name = if one.pre_vote { "PreVote and CheckQuorum" } else { "the plain algorithm" };
        let done = format!("{} of {}", one.done, one.asked);
        let _ = writeln!(out, "{name:24}{:>9}{:>15}{done:>15}", one.terms, one.won);
    }
    out
}

fn object(row: &Elections) -> Value {
    json!({
        "timeout_least_ms": ms(row.range.least),
        "timeout_most_ms": ms(row.range.most),
        "waiting": row.waiting.nodes(),
        "after_a_crash": row.waiting == Waiting::FourAfterACrash,
        "split_share": row.split_share(),
        "endless": row.endless,
        "mean_wait_ms": row.mean_wait() / 1000.0,
        "mean_wait_theory_ms": row.waiting.theory(row.range.width()) / 1000.0,
        "mean_rounds": row.mean_rounds(),
        "most_rounds": row.rounds_most,
        "messages": row.messages,
    })
}

fn text(count: u64, seed: u64, rows: &[[Elections; 2]]) -> String {
    let mut out = format!(
        "{count} elections for each row, seed {seed}: a cluster of five, a round trip of 15 ms, the plain algorithm.\n\
         split: no winner in the first round. wait: from the least timeout until the first stands, and what theory says.\n\
         endless: no winner in {ROUNDS_MAX} rounds, then given up.\n\n"
    );
    let _ = writeln!(out, "{:22}five wait{:34}four wait, after the leader's crash", "", "");
    let columns = "   split   wait (theory) ms  rounds  most  endless";
    let _ = writeln!(out, "{:>14}  width{columns}{columns}", "timeout ms");
    for [five, four] in rows {
        let range = format!("{}..{}", five.range.least / 1000, five.range.most / 1000);
        let _ = writeln!(out, "{range:>14} {:>6}{}{}", five.range.width() / 1000, cells(five), cells(four));
    }
    plot(&mut out, "split votes, by the width of the range", rows, |row| {
        (row.split_share(), percent(row.split_share()))
    });
    let most = rows.iter().flatten().map(Elections::mean_wait).fold(1.0, f64::max);
    plot(&mut out, "mean wait after the least timeout, by the width of the range", rows, |row| {
        (row.mean_wait() / most, format!("{:.1} ms", row.mean_wait() / 1000.0))
    });
    out
}

fn cells(row: &Elections) -> String {
    let wait = format!("{:.1} ({:.1})", row.mean_wait() / 1000.0, row.waiting.theory(row.range.width()) / 1000.0);
    let rounds = row.mean_rounds().map_or_else(|| "-".to_owned(), |rounds| format!("{rounds:.2}"));
    let most = if row.rounds_most == 0 { "-".to_owned() } else { row.rounds_most.to_string() };
    format!("{:>8} {wait:>17} {rounds:>7} {most:>5} {:>8}", percent(row.split_share()), row.endless)
}

/// Two bars a range: five wait, four wait.
fn plot(out: &mut String, title: &str, rows: &[[Elections; 2]], figure: impl Fn(&Elections) -> (f64, String)) {
    let _ = writeln!(out, "\n{title} (# five wait, o four wait)");
    for [five, four] in rows {
        let label = match five.range.width() {
            0 => format!("{} ms always", five.range.least / 1000),
            width => format!("{} ms wide", width / 1000),
        };
        for (row, mark, label) in [(five, "#", label.as_str()), (four, "o", "")] {
            let (share, words) = figure(row);
            let _ = writeln!(out, "{label:>14} |{} {words}", mark.repeat(length(share)));
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "at most BAR")]
fn length(share: f64) -> usize {
    (share.clamp(0.0, 1.0) * BAR as f64).round() as usize
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds are few")]
fn ms(micros: u64) -> f64 {
    micros as f64 / 1000.0
}
