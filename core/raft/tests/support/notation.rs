//! The project's notation, read back: nodes `n1`, positions `5@2`, runs `[5@2 6@2]` or `[5@2..7@2]`, and messages as they
//! are displayed.

use quorate_raft::{
    AppendEntries, AppendEntriesReply, AppendOutcome, Body, Index, InstallSnapshotReply, Message, NodeId, Position,
    PreVoteReply, RequestVote, RequestVoteReply, Slice, Term, Timer,
};
use quorate_raft::{Entry, EntryKind, Header};

/// What is read, or why it is nothing.
pub(crate) type Parsed<T> = Result<T, String>;

pub(crate) fn number(text: &str) -> Parsed<u64> {
    if text == "max" {
        return Ok(u64::MAX);
    }
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

/// `1` or `n1`.
pub(crate) fn node(text: &str) -> Parsed<NodeId> {
    number(text.strip_prefix('n').unwrap_or(text)).map(NodeId)
}

/// `2` or `t2`.
pub(crate) fn term(text: &str) -> Parsed<Term> {
    number(text.strip_prefix('t').unwrap_or(text)).map(Term)
}

/// `5@2`.
pub(crate) fn position(text: &str) -> Parsed<Position> {
    let (index, term) = text.split_once('@').ok_or_else(|| format!("`{text}` is no position like 5@2"))?;
    Ok(Position::new(number(index)?, number(term)?))
}

/// `[]`, `[1@1 2@1 3@2]`, `[1@1..3@1 4@2]`; a range lies within one term.
pub(crate) fn run(text: &str) -> Parsed<Vec<Position>> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let inner = inner.ok_or_else(|| format!("`{text}` is no run like [1@1 2@1]"))?;
    let mut positions = Vec::new();
    for part in inner.split_whitespace() {
        let (first, last) = part.split_once("..").unwrap_or((part, part));
        let (first, last) = (position(first)?, position(last)?);
        if first.term != last.term {
            return Err(format!("`{part}` spans two terms: write out the entries"));
        }
        positions.extend((first.index.0..=last.index.0).map(|index| Position::new(index, first.term.0)));
    }
    Ok(positions)
}

/// The entry that stands for a position which nobody proposed.
pub(crate) fn filler(position: Position) -> Entry {
    Entry::new(position, EntryKind::Command, Header::default(), b"x")
}

/// A timer by its name.
pub(crate) fn timer(text: &str) -> Parsed<Timer> {
    [Timer::LeaderSilent, Timer::Campaign, Timer::Heartbeat, Timer::CheckQuorum, Timer::Transfer]
        .into_iter()
        .find(|timer| format!("{timer:?}") == text)
        .ok_or_else(|| format!("`{text}` is no timer"))
}

/// A message as it is displayed. `entry` tells which entry stands at a position.
pub(crate) fn message(text: &str, entry: impl Fn(Position) -> Entry) -> Parsed<Message> {
    let (text, run_text) = cut_run(text);
    let mut words = Words { words: text.split_whitespace().collect() };
    let from = node(words.next()?)?;
    if words.next()? != "->" {
        return Err(format!("`{text}` is no message like n1 -> n2 ..."));
    }
    let (to, kind, term) = (node(words.next()?)?, words.next()?, term(words.next()?)?);
    let body = match kind {
        "PreVote" => Body::PreVote(request(&mut words)?),
        "RequestVote" => Body::RequestVote(request(&mut words)?),
        "PreVoteReply" => {
            let asked = self::term(words.key("asked")?)?;
            Body::PreVoteReply(PreVoteReply { asked, granted: words.flag("granted") })
        }
        "RequestVoteReply" => Body::RequestVoteReply(RequestVoteReply { granted: words.flag("granted") }),
        "AppendEntries" => {
            let entries = run(run_text.unwrap_or("[]"))?.into_iter().map(entry).collect();
            let run = Slice::new(position(words.key("prev")?)?, entries).map_err(|error| error.to_string())?;
            let (commit, round) = (Index(number(words.key("commit")?)?), number(words.key("round")?)?);
            Body::AppendEntries(AppendEntries { round, commit, run })
        }
        "AppendEntriesReply" => Body::AppendEntriesReply(append_reply(&mut words)?),
        "InstallSnapshotReply" => {
            Body::InstallSnapshotReply(InstallSnapshotReply { matched: Index(number(words.key("match")?)?) })
        }
        "TimeoutNow" => Body::TimeoutNow,
        other => return Err(format!("`{other}` is no kind of message")),
    };
    Ok(Message { from, to, term, body })
}

fn request(words: &mut Words<'_>) -> Parsed<RequestVote> {
    Ok(RequestVote { last: position(words.key("last")?)?, transfer: words.flag("transfer") })
}

fn append_reply(words: &mut Words<'_>) -> Parsed<AppendEntriesReply> {
    let outcome = if words.flag("refused") {
        let hint = words.key("hint").ok().map(position).transpose()?;
        AppendOutcome::Refused { prev: position(words.key("prev")?)?, hint }
    } else {
        AppendOutcome::Accepted { matched: Index(number(words.key("match")?)?) }
    };
    Ok(AppendEntriesReply { round: number(words.key("round")?)?, outcome })
}

/// The text without its run, and the run.
fn cut_run(text: &str) -> (String, Option<&str>) {
    match (text.find('['), text.find(']')) {
        (Some(open), Some(close)) if open < close => {
            (format!("{}{}", &text[..open], &text[close + 1..]), Some(&text[open..=close]))
        }
        _ => (text.to_string(), None),
    }
}

struct Words<'a> {
    words: Vec<&'a str>,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Parsed<&'a str> {
        if self.words.is_empty() { Err("the message breaks off".to_string()) } else { Ok(self.words.remove(0)) }
    }

    fn key(&self, key: &str) -> Parsed<&'a str> {
        let found = self.words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        found.ok_or_else(|| format!("the message has no {key}="))
    }

    fn flag(&self, flag: &str) -> bool {
        self.words.contains(&flag)
    }
}
