//! The words behind `cargo x mutants`: which bugs, how many seeds, and where the table goes.

/// What to plant and how long to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Bugs whose names contain one of these; none: all.
    pub names: Vec<String>,
    /// Seeds within which a bug must be noticed.
    pub seeds: u64,
    /// Only each so-many-th bug.
    pub turn: Option<Turn>,
    /// Where the rows go as JSON.
    pub json: Option<String>,
    /// What came of it goes into the table of docs/mutants.md.
    pub write: bool,
}

/// A part of the bugs: every so-many-th, and which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Which part; `None`: by the day.
    which: Option<u64>,
    parts: u64,
}

impl Wanted {
    /// From the words behind `mutants`.
    ///
    /// # Errors
    /// A word that is not known, or what it needs and is not there.
    pub fn read(words: &[&str]) -> Result<Self, String> {
        let mut wanted = Self { names: Vec::new(), seeds: 500, turn: None, json: None, write: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().copied().ok_or_else(|| format!("{word} needs a value"));
            match *word {
                "--seeds" => {
                    let value = value()?;
                    let seeds = value.parse().ok().filter(|seeds| *seeds > 0);
                    wanted.seeds = seeds.ok_or_else(|| format!("--seeds needs a number above 0, not {value:?}"))?;
                }
                "--turn" => wanted.turn = Some(Turn::read(value()?)?),
                "--json" => wanted.json = Some(value()?.to_owned()),
                "--write" => wanted.write = true,
                flag if flag.starts_with('-') => return Err(format!("mutants does not know {flag:?}")),
                name => wanted.names.push(name.to_owned()),
            }
        }
        Ok(wanted)
    }

    /// Those of `all` that are wanted.
    ///
    /// # Errors
    /// A name that no bug has.
    pub(super) fn choose<T>(&self, all: Vec<T>, name: impl Fn(&T) -> &str, day: u64) -> Result<Vec<T>, String> {
        for wanted in &self.names {
            if !all.iter().any(|one| name(one).contains(wanted.as_str())) {
                return Err(format!("no bug has {wanted:?} in its name"));
            }
        }
        let named = |one: &T| self.names.is_empty() || self.names.iter().any(|part| name(one).contains(part.as_str()));
        let in_turn = |place: u64| self.turn.is_none_or(|turn| turn.has(place, day));
        let chosen = all.into_iter().filter(named).zip(0..).filter(|(_, place)| in_turn(*place));
        Ok(chosen.map(|(one, _)| one).collect())
    }
}

impl Turn {
    fn read(word: &str) -> Result<Self, String> {
        let wrong = || format!("--turn needs K/N with K below N, or auto/N, not {word:?}");
        let (which, parts) = word.split_once('/').ok_or_else(wrong)?;
        let parts: u64 = parts.parse().ok().filter(|parts| *parts > 0).ok_or_else(wrong)?;
        let which = match which {
            "auto" => None,
            which => Some(which.parse().ok().filter(|which| *which < parts).ok_or_else(wrong)?),
        };
        Ok(Self { which, parts })
    }

    fn has(self, place: u64, day: u64) -> bool {
        place % self.parts == self.which.unwrap_or(day % self.parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_or_refused() {
        let wanted = Wanted::read(&["vote", "--seeds", "50", "--turn", "1/4", "--json", "x.json"]).unwrap();
        assert_eq!((wanted.names, wanted.seeds), (vec!["vote".to_owned()], 50));
        assert_eq!((wanted.turn, wanted.json), (Some(Turn { which: Some(1), parts: 4 }), Some("x.json".to_owned())));
        for (words, part) in [
            (&["--seeds"][..], "needs a value"),
            (&["--seeds", "0"], "above 0"),
            (&["--turn", "4/4"], "K below N"),
            (&["--turn", "3"], "K below N"),
            (&["--fast"], "does not know"),
        ] {
            let error = Wanted::read(words).unwrap_err();
            assert!(error.contains(part), "{words:?}: {error}");
        }
    }

    #[test]
    fn all_turns_together_are_all_bugs_and_no_name_is_passed_over() {
        let all: Vec<String> = (0..10).map(|number| format!("bug{number}")).collect();
        let choose = |words: &[&str], day| Wanted::read(words).unwrap().choose(all.clone(), |name| name.as_str(), day);
        let mut played: Vec<String> = (0..3).flat_map(|day| choose(&["--turn", "auto/3"], day).unwrap()).collect();
        played.sort();
        assert_eq!(played, all);
        assert_eq!(choose(&["--turn", "1/4"], 7).unwrap(), ["bug1", "bug5", "bug9"]);
        assert_eq!(choose(&["bug3", "g7"], 0).unwrap(), ["bug3", "bug7"]);
        assert_eq!(choose(&["none"], 0), Err("no bug has \"none\" in its name".to_owned()));
    }
}
