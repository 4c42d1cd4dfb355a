//! What happened, for people: what says nothing new is counted instead of told. It knows the form of the lines that a world
//! tells, not what they mean.

use std::collections::BTreeMap;

/// The story of a scenario, line by line.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) lines: Vec<String>,
    /// What was last said on a link by a kind of message, but for the number of its round.
    said: BTreeMap<String, String>,
    /// So many messages were not told since the last line.
    again: u64,
}

impl Story {
    /// A line of the scenario, or what came of it.
    pub(super) fn say(&mut self, line: impl Into<String>) {
        self.count();
        self.lines.push(line.into());
    }

    /// A line of the world: the time, and what happened.
    pub(super) fn hear(&mut self, line: String) {
        let what = line.trim_start().split_once(' ').map_or("", |(_, what)| what);
        let of_the_script = what.starts_with("--");
        if of_the_script || what.ends_with("not waited for") {
            return;
        }
        if self.is_old(what) {
            self.again += 1;
            return;
        }
        self.say(line);
    }

    /// A message that says what the one before on its link said.
    fn is_old(&mut self, what: &str) -> bool {
        let mut words = what.split(' ').filter(|word| !word.starts_with("round="));
        let (from, arrow, to, kind) = (words.next(), words.next(), words.next(), words.next());
        if arrow != Some("->") {
            return false;
        }
        let link = [from, to, kind].map(Option::unwrap_or_default).join(" ");
        let says = words.collect::<Vec<_>>().join(" ");
        self.said.insert(link, says.clone()).is_some_and(|before| before == says)
    }

    /// How many were not told up to here.
    pub(super) fn count(&mut self) {
        let again = std::mem::take(&mut self.again);
        if again > 0 {
            let messages = if again == 1 { "1 message that says" } else { &format!("{again} messages that say") };
            self.lines.push(format!("             ... {messages} nothing new"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_new_is_counted() {
        let mut story = Story::default();
        story.say("> wait 1s");
        for line in [
            "  0.000001 -- Heal",
            "  0.000002 n1 -> n2 AppendEntries t1 prev=3@1 commit=3 round=1",
            "  0.000003 n1 -> n3 AppendEntries t1 prev=3@1 commit=3 round=1",
            "  0.000004 n1 -> n2 AppendEntries t1 prev=3@1 commit=3 round=2",
            "  0.000005 n2 -> n1 AppendEntriesReply t1 match=3 round=2",
            "  0.000006 n1 -> n2 AppendEntries t1 prev=3@1 commit=3 round=3",
            "  0.000007 n1 ignores message of n3: not waited for",
            "  0.000008 n1 -> n2 AppendEntries t1 prev=3@1 commit=3 round=3 (lost)",
            "  0.000009 n1 -> n2 AppendEntries t1 prev=3@1 commit=4 round=3",
        ] {
            story.hear(line.into());
        }
        let told: Vec<&str> = story.lines.iter().map(|line| line.trim_start()).collect();
        let is = |at: usize, end: &str| told[at].ends_with(end);
        assert!(is(1, "round=1") && is(2, "round=1") && is(4, "match=3 round=2"), "{told:#?}");
        assert_eq!((told[3], told[5]), ("... 1 message that says nothing new", "... 1 message that says nothing new"));
        assert!(is(6, "(lost)") && is(7, "commit=4 round=3") && told.len() == 8, "{told:#?}");
    }
}
