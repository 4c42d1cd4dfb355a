//! From text to a scenario: the world it begins with and its statements. Every mistake is told with line and column.

use super::begin::{cluster, disk, weather};
use super::captions;
use super::conditions::{condition, told, whom};
use super::orders::Ordered;
use super::words::{Read, Words};
use super::{ActOn, Kind, Picked, Scenario, ScenarioError, Statement, Told, Who};
use crate::lies::Lie;
use crate::rules::Rule;
use crate::run::{Act, Ask, Call, Mode, Run, Timer};

/// How long a `wait` for something takes at most, where nothing is said.
const PATIENCE: u64 = 3_000_000;
/// How long a session lives, where nothing is said.
const SESSION: u64 = 60_000_000;

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let mut run: Option<Run> = None;
        let (mut head, mut title, mut statements, mut comments) = (Vec::new(), None, Vec::new(), Vec::new());
        // Nodes that are there, or may be by then.
        let mut most = None;
        for (line, text) in (1..).zip(text.lines()) {
            let (content, comment) = text.split_once('#').unwrap_or((text, ""));
            let mut words = Words::of(line, content);
            let Some(first) = words.take() else {
                comments.extend((!comment.is_empty()).then(|| comment.trim().to_owned()));
                continue;
            };
            match (first, &mut run) {
                ("cluster", None) => {
                    head = std::mem::take(&mut comments);
                    run = Some(cluster(&mut words)?);
                }
                ("cluster", Some(_)) => return words.wrong("there is a `cluster` already"),
                (_, None) => return words.wrong("a scenario begins with `cluster members=3`"),
                ("story", Some(_)) => title = Some(captions::story(&mut words)?),
                ("disk", Some(run)) if statements.is_empty() => disk(&mut words, run)?,
                ("disk", Some(_)) => return words.wrong("a `disk` stands before everything that happens"),
                (_, Some(run)) => {
                    let kind = statement(first, &mut words)?;
                    words.end()?;
                    check_nodes(&kind, most.unwrap_or(run.members), &words)?;
                    if let Kind::Member(ordered, _) = &kind {
                        most = Some(most.unwrap_or(run.members) + ordered.newcomers());
                    }
                    let (text, comments) = (content.trim().to_owned(), std::mem::take(&mut comments));
                    statements.push(Statement { line, text, comments, kind });
                }
            }
        }
        let lines = text.lines().count().max(1);
        let Some(run) = run else {
            let what = "a scenario begins with `cluster members=3`".into();
            return Err(ScenarioError { line: lines, column: 1, what });
        };
        run.check().map_err(|error| ScenarioError { line: 1, column: 1, what: error.to_string() })?;
        Ok(Self { run, head, title, statements })
    }
}

fn statement(first: &str, words: &mut Words<'_>) -> Read<Kind> {
    Ok(match first {
        "wait" => return wait(words),
        "expect" => Kind::Expect(condition(words)?),
        "hold" => {
            let condition = condition(words)?;
            words.expect("for")?;
            Kind::Hold(condition, words.duration()?)
        }
        "caught" => caught(words)?,
        "weather" => return weather(words),
        "member" => return member(words),
        "caption" => return captions::caption(words),
        "align" | "spread" => {
            words.expect("timers")?;
            Kind::Act(if first == "align" { Act::AlignTimers } else { Act::SpreadTimers })
        }
        "strip" => {
            words.expect("hints")?;
            Kind::Act(Act::NoHints)
        }
        "let" => return give_name(words),
        "put" | "get" | "delete" | "cas" | "open" | "keep" | "close" => return ask(first, words),
        "cut" | "join" => {
            let (from, to) = (words.who()?, words.who()?);
            Kind::Link { from, to, cut: first == "cut", both: words.skip("both") }
        }
        "split" => Kind::Split(groups(words)?),
        "isolate" => Kind::Isolate(words.who()?),
        "heal" => Kind::Act(Act::Heal),
        "transfer" => transfer(words)?,
        "lose" | "pass" => {
            let kind = words.need("a kind of message like AppendEntries")?.to_owned();
            Kind::Filter { kind, from: words.who()?, to: words.who()?, lost: first == "lose" }
        }
        _ => return on_node(first, words),
    })
}

/// `let a = leader`
fn give_name(words: &mut Words<'_>) -> Read<Kind> {
    let name = words.need("a name")?.to_owned();
    words.expect("=")?;
    let picked = match words.need("`leader`, `follower` or `candidate`")? {
        "leader" => Picked::Leader,
        "follower" => Picked::Follower,
        "candidate" => Picked::Candidate,
        other => return words.wrong(format!("`{other}` is neither `leader` nor `follower` nor `candidate`")),
    };
    Ok(Kind::Let(name, picked))
}

fn transfer(words: &mut Words<'_>) -> Read<Kind> {
    let from = words.who()?;
    Ok(Kind::Transfer(from, if words.skip("to") { Some(words.who()?) } else { None }))
}

/// `member add learner at n1`
fn member(words: &mut Words<'_>) -> Read<Kind> {
    let ordered = Ordered::read(words)?;
    Ok(Kind::Member(ordered, if words.skip("at") { Some(words.who()?) } else { None }))
}

fn on_node(first: &str, words: &mut Words<'_>) -> Read<Kind> {
    const KNOWN: &str = "story, caption, align, spread, wait, expect, hold, caught, let, put, get, delete, cas, open, keep, close, cut, join, split, isolate, heal, lose, pass, \
                         weather, strip, crash, power, restart, pause, slow, fail, crash_at, fill, free, corrupt, wipe, forget, \
                         misplace, flip, shorten, drift, jump, suspend, timeout, fire, election_timeout, transfer, \
                         stop, member";
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
        "wipe" => ActOn::Wipe,
        "forget" => {
            let pick = words.number("which write")?;
            words.expect("within")?;
            ActOn::Forget { pick, lasts: words.duration()? }
        }
        "misplace" => {
            let (pick, place) = (words.number("which write")?, words.number("in which sector it lands")?);
            words.expect("within")?;
            ActOn::Misplace { pick, place, lasts: words.duration()? }
        }
        "flip" => ActOn::Flip { read: words.number("which read")?, bit: words.number("which bit")? },
        "suspend" => ActOn::Suspend(words.duration()?),
        "jump" => {
            let back = words.skip("back");
            let _forward = !back && words.skip("forward");
            let micros = i64::try_from(words.duration()?).unwrap_or(0);
            ActOn::Jump { micros: if back { -micros } else { micros } }
        }
        "shorten" => ActOn::Shorten,
        "drift" => {
            let slower = words.skip("slower");
            let _faster = !slower && words.skip("faster");
            let ppm = words.number("millionths")?.min(500_000);
            let ppm = i64::try_from(ppm).unwrap_or(0);
            ActOn::Drift { ppm: if slower { -ppm } else { ppm } }
        }
        "stop" => ActOn::Stop,
        "fire" => ActOn::Fire(timer(words)?),
        "election_timeout" => ActOn::OtherTimeout(words.duration()?),
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
        "Transfer" => Timer::Transfer,
        other => {
            return words
                .wrong(format!("`{other}` is no timer: LeaderSilent, Campaign, Heartbeat, CheckQuorum, Transfer"));
        }
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

/// `caught same sequence`: the checker's name is the rest of the line.
fn caught(words: &mut Words<'_>) -> Read<Kind> {
    let name = words.rest().join(" ");
    let of_lies = Lie::ALL.iter().flat_map(|lie| lie.noticed_by());
    let of_rules = Rule::ALL.iter().flat_map(|rule| rule.noticed_by());
    let known = of_lies.chain(of_rules).any(|checker| *checker == name);
    if !known {
        return words.wrong(format!("`{name}` is no checker that finds a lie"));
    }
    Ok(Kind::Caught(name))
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
    let what = if ["open", "keep", "close"].contains(&first) { "the name of a session" } else { "a key" };
    let key = words.need(what)?.to_owned();
    let ask = match first {
        "open" => Ask::Open { session: key, ttl: if words.skip("for") { words.duration()? } else { SESSION } },
        "keep" => Ask::KeepAlive { session: key },
        "close" => Ask::Close { session: key },
        "put" => Ask::Put { key, value: words.value("a value")? },
        "delete" => Ask::Delete { key },
        "cas" => {
            let from = words.value("what stands there")?;
            Ask::Cas { key, from, to: words.value("a value")? }
        }
        _ => Ask::Get { key, mode: mode(words)? },
    };
    let ask = once(ask, words)?;
    let at = if words.skip("at") { Some(words.who()?) } else { None };
    let name = if words.skip("as") { Some(words.need("a name")?.to_owned()) } else { None };
    let told = if words.skip("is") {
        let word = words.need("what the client is told")?;
        told(word, first == "get", words)?
    } else if name.is_some() {
        Told::Later
    } else if first == "get" {
        return words.wrong_here("`is VALUE`, `is nothing`, `is refused` ... is missing");
    } else {
        Told::Ok
    };
    let within = if words.skip("within") { Some(words.duration()?) } else { None };
    Ok(Kind::Ask { at, ask, name, told, within })
}

/// `get X by lease`, `get X within_age 200ms`, `get X serializable`.
fn mode(words: &mut Words<'_>) -> Read<Mode> {
    Ok(if words.skip("by") {
        words.expect("lease")?;
        Mode::Lease
    } else if words.skip("within_age") {
        Mode::Bounded { staleness: words.duration()? }
    } else if words.skip("serializable") {
        Mode::Serializable
    } else {
        Mode::Linearizable
    })
}

/// `put X 1 by s 3 acknowledged 2`: command 3 of the session that was opened as `s`; `with another word`: of the one that stood at
/// its place in a cluster that was here before.
fn once(ask: Ask, words: &mut Words<'_>) -> Read<Ask> {
    if !words.skip("by") {
        return Ok(ask);
    }
    if !matches!(ask, Ask::Put { .. } | Ask::Cas { .. }) {
        return words.wrong("a command of a session is a put or a cas");
    }
    let session = words.need("the name of a session")?.to_owned();
    let sequence = words.number("which command of the session")?;
    let acknowledged = if words.skip("acknowledged") { words.number("which command of the session")? } else { 0 };
    let another_word = words.skip("with");
    if another_word {
        words.expect("another")?;
        words.expect("word")?;
    }
    Ok(Ask::Once { session, sequence, acknowledged, another_word, op: Box::new(ask) })
}

/// Nodes that are named must be there.
fn check_nodes(kind: &Kind, most: u64, words: &Words<'_>) -> Read<()> {
    let mut all: Vec<&Who> = Vec::new();
    match kind {
        Kind::Do(who, _) | Kind::Isolate(who) => all.push(who),
        Kind::Ask { at: Some(who), .. } => all.push(who),
        Kind::Transfer(from, to) => all.extend(std::iter::once(from).chain(to)),
        Kind::Link { from, to, .. } | Kind::Filter { from, to, .. } => all.extend([from, to]),
        Kind::Split(groups) => all.extend(groups.iter().flatten()),
        Kind::Member(ordered, at) => all.extend(ordered.whom().into_iter().chain(at)),
        Kind::Expect(condition) | Kind::WaitFor(condition, _) | Kind::Hold(condition, _) => all.extend(whom(condition)),
        Kind::Wait(_)
        | Kind::Let(..)
        | Kind::Act(_)
        | Kind::Weather(_)
        | Kind::Caption { .. }
        | Kind::Caught(_)
        | Kind::Ask { at: None, .. } => {}
    }
    for who in all {
        if let Who::Node(n) = who
            && (*n == 0 || *n > most)
        {
            return words.wrong(format!("there is no n{n}, the cluster has {most} members"));
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
    }

    #[test]
    fn a_mistake_has_its_place() {
        assert_eq!(mistake(""), "1:1: a scenario begins with `cluster members=3`");
        assert_eq!(mistake("wait 5ms"), "1:1: a scenario begins with `cluster members=3`");
        let in_line_2 = |line: &str| mistake(&format!("cluster members=3\n{line}\n"));
        assert!(in_line_2("leap n1").starts_with("2:1: `leap` is no statement"), "{}", in_line_2("leap n1"));
        assert_eq!(in_line_2("crash n4"), "2:7: there is no n4, the cluster has 3 members");
        assert_eq!(in_line_2("crash"), "2:6: a node like n1 is missing");
        assert!(in_line_2("  wait 5").starts_with("2:8: `5` is no duration"));
        assert_eq!(in_line_2("put X"), "2:6: a value is missing");
        assert_eq!(in_line_2("hold leader n1"), "2:15: `for` is missing");
        assert!(in_line_2("put X a*b").starts_with("2:7: `b` is no number"));
        assert!(in_line_2("put X 1 is so").starts_with("2:12: `so` is no answer"));
        assert!(in_line_2("caught nothing").starts_with("2:8: `nothing` is no checker"));
        assert!(in_line_2("weather rain=3").starts_with("2:9: the weather has no `rain`"));
        assert!(in_line_2("weather loss=1001").starts_with("2:9: `loss=1001` is more than all"));
    }

    #[test]
    fn a_mistake_in_what_it_begins_with_has_its_place() {
        let in_line_2 = |line: &str| mistake(&format!("cluster members=3\n{line}\n"));
        assert!(in_line_2("cluster lie=White").starts_with("2:1: there is"));
        assert!(mistake("cluster lie=White").starts_with("1:9: `White` is no lie; known are"));
        assert!(mistake("cluster without=sense").starts_with("1:9: `sense` is no rule that can be left out"));
        assert!(in_line_2("disk n1 snapshot=5").starts_with("2:9: `5` is no position"));
        assert_eq!(in_line_2("heal all"), "2:6: `all` is too much here");
        assert!(in_line_2("get X").starts_with("2:6: `is VALUE`"));
        assert!(in_line_2("expect path no such thing >= 1").starts_with("2:21: `no such thing` is no path"));
        assert!(in_line_2("disk n1 term=1 log=2").starts_with("2:16: no member has such a disk"));
        assert!(in_line_2("cluster members=3").starts_with("2:1: there is a `cluster` already"));
        assert!(mistake("cluster members=30").starts_with("1:"));
    }
}
