//! What a story says while it is played: its title, and captions that belong to what has just happened, not to a time. A caption
//! stands behind the `wait` for what it speaks of, so it holds for any timing.

use super::words::{Read, Words};
use super::{Kind, Statement};

/// What a story is called, and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// Its name for people.
    pub title: String,
    /// Which part of the paper or thesis it shows.
    pub paper: String,
}

/// What is said at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When, in microseconds of the world.
    pub t: u64,
    /// What; names of nodes in braces are replaced by the nodes.
    pub text: String,
    /// Which part of the paper or thesis it is about.
    pub section: Option<String>,
}

/// `story paper 5.2: First election`
pub(super) fn story(words: &mut Words<'_>) -> Read<Title> {
    let all = words.rest().join(" ");
    match all.split_once(": ") {
        Some((paper, title)) if !paper.is_empty() && !title.is_empty() => {
            Ok(Title { title: title.to_owned(), paper: paper.to_owned() })
        }
        _ => words.wrong("a story is named like `story paper 5.2: First election`"),
    }
}

/// `caption [paper 5.2] Nobody leads yet.`
pub(super) fn caption(words: &mut Words<'_>) -> Read<Kind> {
    let all = words.rest().join(" ");
    let (section, text) = match all.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((section, text)) => (Some(section.to_owned()), text.to_owned()),
        None => (None, all),
    };
    if text.is_empty() {
        return words.wrong_here("what is said is missing");
    }
    Ok(Kind::Caption { section, text })
}

/// The text with nodes in place of `{names}`; a name that nobody has is told.
pub(super) fn filled(text: &str, node: impl Fn(&str) -> Result<String, String>) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind.split_once('}').ok_or("a `{` has no `}`")?;
        out.push_str(before);
        out.push_str(&node(name)?);
        rest = after;
    }
    Ok(out + rest)
}

/// Captions behind what was caught: they are said where the world has stopped.
pub(super) fn last_words(left: &[Statement]) -> impl Iterator<Item = (usize, Option<&String>, &String)> {
    let behind = left.iter().skip_while(|statement| !matches!(statement.kind, Kind::Caught(_)));
    behind.filter_map(|statement| match &statement.kind {
        Kind::Caption { section, text } => Some((statement.line, section.as_ref(), text)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Scenario, play};
    use super::*;

    #[test]
    fn captions_come_when_what_they_wait_for_has_happened() {
        let text = "# A5: a story\ncluster teaching=on members=3 seed=4\nstory paper 5.2: First election\n\
                    caption Nobody leads yet.\nwait candidate\nlet c = candidate\n\
                    caption [paper 5.2] {c} stands.\nwait leader\ncaption {leader} leads.\n";
        let scenario = Scenario::parse(text).unwrap();
        assert_eq!(scenario.title, Some(Title { title: "First election".into(), paper: "paper 5.2".into() }));
        let played = play(&scenario, false);
        assert_eq!(played.verdict, Ok(()));
        let [first, second, third] = played.captions.as_slice() else { panic!("{:?}", played.captions) };
        assert_eq!((first.t, first.section.as_deref(), first.text.as_str()), (0, None, "Nobody leads yet."));
        assert_eq!((second.section.as_deref(), &second.text[2..]), (Some("paper 5.2"), " stands."));
        assert!(second.t > 0 && third.t > second.t && third.text.ends_with(" leads."));
    }

    #[test]
    fn what_is_behind_a_catch_is_said_at_the_end() {
        let text = "# A10: a story\ncluster members=3 pre_vote=off stickiness=off timers=hand seed=92 without=one_vote\n\
                    story paper 5.2: Two votes\nwait 20ms\ncut n1 n2 both\nlose RequestVoteReply n3 n1\ntimeout n1\n\
                    wait 20ms\ntimeout n2\nwait 1s\ncaption It does not get here.\ncaught disk\ncaption Broken.\n";
        let played = play(&Scenario::parse(text).unwrap(), false);
        assert_eq!(played.verdict, Ok(()), "{:?}", played.found);
        let said: Vec<&str> = played.captions.iter().map(|said| said.text.as_str()).collect();
        assert_eq!(said, ["Broken."]);
    }

    #[test]
    fn a_name_that_nobody_has_is_told() {
        let node = |name: &str| if name == "a" { Ok("n1".to_owned()) } else { Err(format!("no {name}")) };
        assert_eq!(filled("{a} and {a}.", node), Ok("n1 and n1.".into()));
        assert_eq!(filled("{b}", node), Err("no b".into()));
        assert!(filled("{a", node).is_err());
    }
}
