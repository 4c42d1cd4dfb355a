//! From text to a scenario. Every mistake is told with line and column.

use super::words::{Read, Words};
use super::{ActOn, Compared, Condition, Kind, Picked, Scenario, ScenarioError, Statement, Told, Who};
use crate::run::{Act, Ask, Call, Image, Record, Run, Timer};

/// How long a `wait` for something takes at most, where nothing is said.
const PATIENCE: u64 = 3_000_000;

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let mut run: Option<Run> = None;
        let mut statements = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let content = text.split('#').next().unwrap_or_default();
            let mut words = Words::of(line, content);
            let Some(first) = words.take() else { continue };
            match (first, &mut run) {
                ("cluster", None) => run = Some(cluster(&mut words)?),
                ("cluster", Some(_)) => return words.wrong("there is a `cluster` already"),
                (_, None) => return words.wrong("a scenario begins with `cluster members=3`"),
                ("disk", Some(run)) if statements.is_empty() => disk(&mut words, run)?,
                ("disk", Some(_)) => return words.wrong("a `disk` stands before everything that happens"),
                (_, Some(run)) => {
                    let kind = statement(first, &mut words)?;
                    words.end()?;
                    check_nodes(&kind, run, &words)?;
                    statements.push(Statement { line, text: content.trim().to_owned(), kind });
                }
            }
        }
        let lines = text.lines().count().max(1);
        let Some(run) = run else {
            let what = "a scenario begins with `cluster members=3`".into();
            return Err(ScenarioError { line: lines, column: 1, what });
        };
        run.check().map_err(|error| ScenarioError { line: 1, column: 1, what: error.to_string() })?;
        Ok(Self { run, statements })
    }
}

fn cluster(words: &mut Words<'_>) -> Read<Run> {
    let mut run = Run::quiet(1, 3);
    while let Some((name, value)) = words.option()? {
        let switch = || match value {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => words.wrong(format!("`{value}` is neither on nor off")),
        };
        match name {
            "members" => run.members = words.number_of(value, "how many members")?,
            "seed" => run.seed = words.number_of(value, "a seed")?,
            "pre_vote" => run.features.pre_vote = switch()?,
            "check_quorum" => run.features.check_quorum = switch()?,
            "stickiness" => run.features.stickiness = switch()?,
            "noop" => run.features.noop = switch()?,
            "timers" => run.timing.timers_by_hand = by_hand(words, value)?,
            "T" => run.timing.election_timeout = words.duration_of(value)?,
            "heartbeat" => run.timing.heartbeat = words.duration_of(value)?,
            "disk" => run.timing.disk = words.duration_of(value)?,
            "delay" => {
                run.network.delay_max = words.duration_of(value)?;
                run.network.delay_min = run.network.delay_max / 2;
            }
            "loss" => run.network.loss = words.number_of(value, "losses in a thousand")?,
            "snapshot_entries" => run.limits.snapshot_entries = words.number_of(value, "entries")?,
            "snapshot_tail" => run.limits.snapshot_tail = words.number_of(value, "entries")?,
            "log_max" => run.limits.log_bytes_max = words.number_of(value, "bytes")?,
            "segment" => run.limits.segment_bytes = words.number_of(value, "bytes")?,
            "append_max" => run.limits.append_bytes_max = words.number_of(value, "bytes")?,
            "uncommitted_max" => run.limits.uncommitted_bytes_max = words.number_of(value, "bytes")?,
            _ => return words.wrong(format!("a cluster has no `{name}`")),
        }
    }
    run.check().or_else(|error| words.wrong(error.to_string()))?;
    Ok(run)
}

fn by_hand(words: &Words<'_>, value: &str) -> Read<bool> {
    match value {
        "hand" => Ok(true),
        "clock" => Ok(false),
        _ => words.wrong(format!("`{value}` is neither `clock` nor `hand`")),
    }
}

/// `disk n1 term=5 vote=n1 commit=1 log=1,5:X=3`: entries by their terms, empty or with a put.
fn disk(words: &mut Words<'_>, run: &mut Run) -> Read<()> {
    let Who::Node(n) = words.who()? else { return words.wrong("a disk belongs to a node like n1") };
    let mut image = Image { n, term: 0, vote: 0, commit: 0, log: Vec::new() };
    while let Some((name, value)) = words.option()? {
        match name {
            "term" => image.term = words.number_of(value, "a term")?,
            "vote" => match words.who_of(value)? {
                Who::Node(vote) => image.vote = vote,
                _ => return words.wrong("a vote is for a node like n1"),
            },
            "commit" => image.commit = words.number_of(value, "an index")?,
            "log" => image.log = value.split(',').map(|entry| record(words, entry)).collect::<Read<_>>()?,
            _ => return words.wrong(format!("a disk has no `{name}`")),
        }
    }
    if n == 0 || n > run.members {
        return words.wrong(format!("there is no n{n}"));
    }
    let last = image.log.last().map_or(0, |record| record.term);
    let rises = image.log.windows(2).all(|pair| pair[0].term <= pair[1].term);
    if !rises || last > image.term || image.commit > image.log.len() as u64 {
        return words.wrong(
            "no member has such a disk: terms rise along the log up to the term, and it holds what is committed",
        );
    }
    run.initial.push(image);
    Ok(())
}

fn record(words: &Words<'_>, entry: &str) -> Read<Record> {
    let (term, put) = entry.split_once(':').map_or((entry, None), |(term, put)| (term, Some(put)));
    let term = words.number_of(term, "the term of an entry")?;
    let Some(put) = put else { return Ok(Record { term, key: None, value: String::new() }) };
    match put.split_once('=') {
        Some((key, value)) => Ok(Record { term, key: Some(key.to_owned()), value: value.to_owned() }),
        None => words.wrong(format!("`{put}` is no put like X=3")),
    }
}

fn statement(first: &str, words: &mut Words<'_>) -> Read<Kind> {
    Ok(match first {
        "wait" => return wait(words),
        "expect" => Kind::Expect(condition(words)?),
        "let" => {
            let name = words.need("a name")?.to_owned();
            words.expect("=")?;
            let picked = match words.need("`leader` or `follower`")? {
                "leader" => Picked::Leader,
                "follower" => Picked::Follower,
                other => return words.wrong(format!("`{other}` is neither `leader` nor `follower`")),
            };
            Kind::Let(name, picked)
        }
        "put" | "get" | "delete" | "cas" => return ask(first, words),
        "cut" | "join" => Kind::Link { from: words.who()?, to: words.who()?, cut: first == "cut" },
        "split" => Kind::Split(groups(words)?),
        "isolate" => Kind::Isolate(words.who()?),
        "heal" => Kind::Act(Act::Heal),
        "lose" | "pass" => {
            let kind = words.need("a kind of message like AppendEntries")?.to_owned();
            Kind::Filter { kind, from: words.who()?, to: words.who()?, lost: first == "lose" }
        }
        _ => return on_node(first, words),
    })
}

fn on_node(first: &str, words: &mut Words<'_>) -> Read<Kind> {
    const KNOWN: &str = "wait, expect, let, put, get, delete, cas, cut, join, split, isolate, heal, lose, pass, crash, power, \
                         restart, pause, slow, fail, crash_at, fill, free, corrupt, drift, timeout, fire";
    let known = KNOWN.split(", ").any(|known| known == first);
    if !known {
        return words.wrong(format!("`{first}` is no statement; known are {KNOWN}"));
    }
    let who = words.who()?;
    let act = match first {
        "crash" => ActOn::Crash,
        "power" => ActOn::Power { keep: if words.skip("keep") { words.number("how many in a thousand")? } else { 0 } },
        "restart" => ActOn::Restart,
        "pause" => ActOn::Pause(words.duration()?),
        "slow" => {
            let micros = words.duration()?;
            words.expect("for")?;
            ActOn::Slow { micros, lasts: words.duration()? }
        }
        "fail" => {
            let call = call(words)?;
            ActOn::Fail { call, after: if words.skip("after") { words.number("how many calls")? } else { 0 } }
        }
        "crash_at" => {
            let call = words.number("the how-many-th call")?;
            let keep = if words.skip("keep") { Some(words.number("how many in a thousand")?) } else { None };
            ActOn::CrashAt { call, keep }
        }
        "fill" => ActOn::Fill { more: if words.peek().is_some() { words.number("bytes")? } else { 0 } },
        "free" => ActOn::Free,
        "corrupt" => ActOn::Corrupt { bit: words.number("which bit")? },
        "drift" => {
            let slower = words.skip("slower");
            let _faster = !slower && words.skip("faster");
            let ppm = words.number("millionths")?.min(500_000);
            let ppm = i64::try_from(ppm).unwrap_or(0);
            ActOn::Drift { ppm: if slower { -ppm } else { ppm } }
        }
        "fire" => ActOn::Fire(timer(words)?),
        _ => ActOn::Timeout,
    };
    Ok(Kind::Do(who, act))
}

fn call(words: &mut Words<'_>) -> Read<Call> {
    Ok(match words.need("a call like write")? {
        "read" => Call::Read,
        "write" => Call::Write,
        "sync" => Call::Sync,
        "rename" => Call::Rename,
        "sync_dir" => Call::SyncDir,
        "open" => Call::Open,
        "create" => Call::Create,
        other => {
            return words.wrong(format!("`{other}` is no call: read, write, sync, rename, sync_dir, open, create"));
        }
    })
}

fn timer(words: &mut Words<'_>) -> Read<Timer> {
    Ok(match words.need("a timer like Campaign")? {
        "LeaderSilent" => Timer::LeaderSilent,
        "Campaign" => Timer::Campaign,
        "Heartbeat" => Timer::Heartbeat,
        "CheckQuorum" => Timer::CheckQuorum,
        other => return words.wrong(format!("`{other}` is no timer: LeaderSilent, Campaign, Heartbeat, CheckQuorum")),
    })
}

fn wait(words: &mut Words<'_>) -> Read<Kind> {
    if words.peek().is_some_and(|word| word.starts_with(|letter: char| letter.is_ascii_digit())) {
        return words.duration().map(Kind::Wait);
    }
    let condition = condition(words)?;
    let within = if words.skip("within") { words.duration()? } else { PATIENCE };
    Ok(Kind::WaitFor(condition, within))
}

fn groups(words: &mut Words<'_>) -> Read<Vec<Vec<Who>>> {
    let mut groups = vec![Vec::new()];
    while let Some(word) = words.take() {
        if word == "|" {
            groups.push(Vec::new());
        } else {
            let who = words.who_of(word)?;
            if let Some(group) = groups.last_mut() {
                group.push(who);
            }
        }
    }
    if groups.iter().any(Vec::is_empty) {
        return words.wrong_here("each side of a `|` has a node");
    }
    Ok(groups)
}

fn ask(first: &str, words: &mut Words<'_>) -> Read<Kind> {
    let key = words.need("a key")?.to_owned();
    let ask = match first {
        "put" => Ask::Put { key, value: words.need("a value")?.to_owned() },
        "delete" => Ask::Delete { key },
        "cas" => {
            Ask::Cas { key, from: words.need("what stands there")?.to_owned(), to: words.need("a value")?.to_owned() }
        }
        _ => Ask::Get { key },
    };
    let at = if words.skip("at") { Some(words.who()?) } else { None };
    let told = if words.skip("is") {
        match words.need("what the client is told")? {
            "ok" => Told::Ok,
            "refused" => Told::Refused,
            "unknown" => Told::Unknown,
            "failed" => Told::Failed,
            "later" => Told::Later,
            "anything" => Told::Any,
            "nothing" if first == "get" => Told::Value(None),
            value if first == "get" => Told::Value(Some(value.to_owned())),
            other => {
                return words.wrong(format!("`{other}` is no answer: ok, refused, unknown, failed, later, anything"));
            }
        }
    } else if first == "get" {
        return words.wrong_here("`is VALUE`, `is nothing`, `is refused` ... is missing");
    } else {
        Told::Ok
    };
    Ok(Kind::Ask { at, ask, told })
}

fn condition(words: &mut Words<'_>) -> Read<Condition> {
    let first = words.need("what is expected")?;
    Ok(match first {
        "leader" => match words.peek() {
            None | Some("within") => Condition::Leader(None),
            Some(_) => Condition::Leader(Some(words.who()?)),
        },
        "no" => {
            words.expect("leader")?;
            Condition::NoLeader
        }
        "same" => Condition::Same,
        "term" => Condition::Term(words.who()?, words.compared()?),
        "commit" => Condition::Commit(words.who()?, words.compared()?),
        "log" => {
            let who = words.who()?;
            words.expect("=")?;
            Condition::Log(who, words.rest().join(" "))
        }
        "path" => path(words)?,
        _ => {
            let who = words.who_of(first)?;
            match words.need("`leads`, `follows`, `is down`, `is up` or `holds KEY VALUE`")? {
                "leads" => Condition::Leads(who, true),
                "follows" => Condition::Leads(who, false),
                "is" => match words.need("`up` or `down`")? {
                    "down" => Condition::Down(who, true),
                    "up" => Condition::Down(who, false),
                    other => return words.wrong(format!("`{other}` is neither `up` nor `down`")),
                },
                "holds" => {
                    let key = words.need("a key")?.to_owned();
                    let value = words.need("a value or `nothing`")?;
                    Condition::Holds(who, key, (value != "nothing").then(|| value.to_owned()))
                }
                other => return words.wrong(format!("`{other}` is nothing that can be expected of a node")),
            }
        }
    })
}

/// `path snapshot installed >= 1`
fn path(words: &mut Words<'_>) -> Read<Condition> {
    let mut name = Vec::new();
    while let Some(word) = words.peek().filter(|word| !["=", ">=", "<="].contains(word)) {
        name.push(word);
        words.take();
    }
    let name = name.join(" ");
    if !crate::counters::PATHS.contains(&name.as_str()) && !crate::counters::FAULTS.contains(&name.as_str()) {
        return words.wrong(format!("`{name}` is no path that is counted"));
    }
    let compared: Compared = words.compared()?;
    Ok(Condition::Path(name, compared))
}

/// Nodes that are named must be there.
fn check_nodes(kind: &Kind, run: &Run, words: &Words<'_>) -> Read<()> {
    let mut all: Vec<&Who> = Vec::new();
    match kind {
        Kind::Do(who, _) | Kind::Isolate(who) => all.push(who),
        Kind::Ask { at: Some(who), .. } => all.push(who),
        Kind::Link { from, to, .. } | Kind::Filter { from, to, .. } => all.extend([from, to]),
        Kind::Split(groups) => all.extend(groups.iter().flatten()),
        Kind::Expect(condition) | Kind::WaitFor(condition, _) => match condition {
            Condition::Leader(Some(who))
            | Condition::Leads(who, _)
            | Condition::Term(who, _)
            | Condition::Commit(who, _)
            | Condition::Log(who, _)
            | Condition::Holds(who, ..)
            | Condition::Down(who, _) => all.push(who),
            Condition::Leader(None) | Condition::NoLeader | Condition::Same | Condition::Path(..) => {}
        },
        Kind::Wait(_) | Kind::Let(..) | Kind::Act(_) | Kind::Ask { at: None, .. } => {}
    }
    for who in all {
        if let Who::Node(n) = who
            && (*n == 0 || *n > run.members)
        {
            return words.wrong(format!("there is no n{n}, the cluster has {} members", run.members));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        Scenario::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_scenario_is_read_and_its_mistakes_have_a_place() {
        let good = "# F6\ncluster members=5 noop=off T=300ms\n\ndisk n1 term=5 vote=n1 log=1,5:X=3\n\
                    wait leader within 2s # somebody\nlet a = leader\nput X 3 at a is ok\nsplit n1 n2 | n3 n4 n5\n";
        let scenario = Scenario::parse(good).unwrap();
        assert_eq!((scenario.run.members, scenario.statements.len()), (5, 4));
        assert!(!scenario.run.features.noop && scenario.run.initial[0].log[1].key.as_deref() == Some("X"));
        assert_eq!(mistake(""), "1:1: a scenario begins with `cluster members=3`");
        assert_eq!(mistake("wait 5ms"), "1:1: a scenario begins with `cluster members=3`");
        let in_line_2 = |line: &str| mistake(&format!("cluster members=3\n{line}\n"));
        assert!(in_line_2("jump n1").starts_with("2:1: `jump` is no statement"), "{}", in_line_2("jump n1"));
        assert_eq!(in_line_2("crash n4"), "2:7: there is no n4, the cluster has 3 members");
        assert_eq!(in_line_2("crash"), "2:6: a node like n1 is missing");
        assert!(in_line_2("  wait 5").starts_with("2:8: `5` is no duration"));
        assert_eq!(in_line_2("put X"), "2:6: a value is missing");
        assert_eq!(in_line_2("heal all"), "2:6: `all` is too much here");
        assert!(in_line_2("get X").starts_with("2:6: `is VALUE`"));
        assert!(in_line_2("expect path no such thing >= 1").starts_with("2:21: `no such thing` is no path"));
        assert!(in_line_2("disk n1 term=1 log=2").starts_with("2:16: no member has such a disk"));
        assert!(in_line_2("cluster members=3").starts_with("2:1: there is a `cluster` already"));
        assert!(mistake("cluster members=30").starts_with("1:"));
    }
}
