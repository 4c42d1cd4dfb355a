//! The world that a scenario begins with: its cluster, its network and the disks that members start with.

use super::words::{Read, Words};
use super::{Kind, Who};
use crate::lies::Lie;
use crate::rules::Rule;
use crate::run::{Image, Network, Record, Run};

pub(super) fn cluster(words: &mut Words<'_>) -> Read<Run> {
    let mut run = Run::quiet(1, 3);
    while let Some((name, value)) = words.option()? {
        let switch = || match value {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => words.wrong(format!("`{value}` is neither on nor off")),
        };
        match name {
            "teaching" if switch()? => run = Run { features: run.features, ..Run::teaching(run.seed, run.members) },
            "teaching" => {}
            "members" => run.members = words.number_of(value, "how many members")?,
            "seed" => run.seed = words.number_of(value, "a seed")?,
            "pre_vote" => run.features.pre_vote = switch()?,
            "check_quorum" => run.features.check_quorum = switch()?,
            "stickiness" => run.features.stickiness = switch()?,
            "noop" => run.features.noop = switch()?,
            "timers" => run.timing.timers_by_hand = by_hand(words, value)?,
            "drift_bound" => run.timing.drift_bound = words.number_of(value, "millionths")?,
            "T" => run.timing.election_timeout = words.duration_of(value)?,
            "heartbeat" => run.timing.heartbeat = words.duration_of(value)?,
            "disk" => run.timing.disk = words.duration_of(value)?,
            "lie" => run.lie = Some(lie(words, value)?),
            "without" => run.rules_off.push(rule(words, value)?),
            "snapshot_entries" => run.limits.snapshot_entries = words.number_of(value, "entries")?,
            "snapshot_tail" => run.limits.snapshot_tail = words.number_of(value, "entries")?,
            "log_max" => run.limits.log_bytes_max = words.number_of(value, "bytes")?,
            "segment" => run.limits.segment_bytes = words.number_of(value, "bytes")?,
            "append_max" => run.limits.append_bytes_max = words.number_of(value, "bytes")?,
            "uncommitted_max" => run.limits.uncommitted_bytes_max = words.number_of(value, "bytes")?,
            "inflight_max" => run.limits.inflight_count_max = words.count_of(value, "appends")?,
            "requests_max" => run.limits.requests_max = words.count_of(value, "requests")?,
            "reads_max" => run.limits.reads_max = words.count_of(value, "reads")?,
            "sessions_max" => run.limits.sessions.sessions_max = words.number_of(value, "sessions")?,
            "outstanding_max" => run.limits.sessions.outstanding_max = words.number_of(value, "results")?,
            "command_max" => run.limits.command_bytes_max = words.count_of(value, "bytes")?,
            _ if weather_option(words, name, value, &mut run.network)? => {}
            _ => return words.wrong(format!("a cluster has no `{name}`")),
        }
    }
    run.check().or_else(|error| words.wrong(error.to_string()))?;
    Ok(run)
}

/// `loss=20 doubled=10 delay=5ms`. Says whether there is such an option.
fn weather_option(words: &Words<'_>, name: &str, value: &str, network: &mut Network) -> Read<bool> {
    let chance = match name {
        "delay" => {
            network.delay_max = words.duration_of(value)?;
            network.delay_min = network.delay_max / 2;
            return Ok(true);
        }
        "snapshot_rate" => {
            network.snapshot_rate = words.number_of(value, "bytes in a second")?;
            return Ok(true);
        }
        "loss" => &mut network.loss,
        "doubled" => &mut network.doubled,
        "late" => &mut network.late,
        "replayed" => &mut network.replayed,
        "snapshot_cut" => &mut network.snapshot_cut,
        "snapshot_damage" => &mut network.snapshot_damage,
        _ => return Ok(false),
    };
    *chance = words.number_of(value, "so many in a thousand")?;
    if *chance > 1000 {
        return words.wrong(format!("`{name}={value}` is more than all: it is a number in a thousand"));
    }
    Ok(true)
}

/// `weather loss=20`: what is not named is good.
pub(super) fn weather(words: &mut Words<'_>) -> Read<Kind> {
    let mut network = Network::good();
    while let Some((name, value)) = words.option()? {
        if !weather_option(words, name, value, &mut network)? {
            return words.wrong(format!("the weather has no `{name}`"));
        }
    }
    Ok(Kind::Weather(network))
}

fn lie(words: &Words<'_>, value: &str) -> Read<Lie> {
    match Lie::ALL.iter().find(|lie| format!("{lie:?}") == value) {
        Some(lie) => Ok(*lie),
        None => words.wrong(format!("`{value}` is no lie; known are {:?}", Lie::ALL)),
    }
}

fn rule(words: &Words<'_>, value: &str) -> Read<Rule> {
    match Rule::ALL.iter().find(|rule| rule.word() == value) {
        Some(rule) => Ok(*rule),
        None => {
            let known: Vec<&str> = Rule::ALL.iter().map(|rule| rule.word()).collect();
            words.wrong(format!("`{value}` is no rule that can be left out; known are {}", known.join(", ")))
        }
    }
}

fn by_hand(words: &Words<'_>, value: &str) -> Read<bool> {
    match value {
        "hand" => Ok(true),
        "clock" => Ok(false),
        _ => words.wrong(format!("`{value}` is neither `clock` nor `hand`")),
    }
}

/// `disk n1 term=5 vote=n1 commit=1 log=1,5:X=3 snapshot=2@5`: entries by their terms, empty or with a put.
pub(super) fn disk(words: &mut Words<'_>, run: &mut Run) -> Read<()> {
    let Who::Node(n) = words.who()? else { return words.wrong("a disk belongs to a node like n1") };
    let mut image = Image { n, term: 0, vote: 0, commit: 0, log: Vec::new(), snapshot: None, group: 0 };
    while let Some((name, value)) = words.option()? {
        match name {
            "term" => image.term = words.number_of(value, "a term")?,
            "vote" => match words.who_of(value)? {
                Who::Node(vote) => image.vote = vote,
                _ => return words.wrong("a vote is for a node like n1"),
            },
            "commit" => image.commit = words.number_of(value, "an index")?,
            "log" => image.log = value.split(',').map(|entry| record(words, entry)).collect::<Read<_>>()?,
            "snapshot" => image.snapshot = Some(words.position_of(value)?),
            "group" => image.group = u32::try_from(words.number_of(value, "a group")?).unwrap_or(u32::MAX),
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
