//! The words of a line, one after the other, each with its place: what every statement is read from.

use super::{Compared, ScenarioError, Who};

pub(super) type Read<T> = Result<T, ScenarioError>;

/// The rest of a line.
pub(super) struct Words<'a> {
    line: usize,
    /// Words with their columns.
    words: Vec<(usize, &'a str)>,
    next: usize,
    end: usize,
}

impl<'a> Words<'a> {
    pub(super) fn of(line: usize, text: &'a str) -> Self {
        let mut words = Vec::new();
        let mut rest = text;
        let mut column = 1;
        while let Some(start) = rest.find(|letter: char| !letter.is_whitespace()) {
            column += rest[..start].chars().count();
            rest = &rest[start..];
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            words.push((column, &rest[..end]));
            column += rest[..end].chars().count();
            rest = &rest[end..];
        }
        Self { line, words, next: 0, end: text.trim_end().chars().count() + 1 }
    }

    pub(super) fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).map(|(_, word)| *word)
    }

    pub(super) fn take(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.next += 1;
        Some(word)
    }

    /// The next word if it is this one.
    pub(super) fn skip(&mut self, word: &str) -> bool {
        let is_it = self.peek() == Some(word);
        self.next += usize::from(is_it);
        is_it
    }

    pub(super) fn rest(&mut self) -> Vec<&'a str> {
        let rest = self.words[self.next..].iter().map(|(_, word)| *word).collect();
        self.next = self.words.len();
        rest
    }

    /// The mistake is the next word, or that there is none.
    pub(super) fn wrong_here<T>(&self, what: impl Into<String>) -> Read<T> {
        let column = self.words.get(self.next).map_or(self.end, |(column, _)| *column);
        Err(ScenarioError { line: self.line, column, what: what.into() })
    }

    /// The mistake is the word that was taken last.
    pub(super) fn wrong<T>(&self, what: impl Into<String>) -> Read<T> {
        let column = self.next.checked_sub(1).and_then(|last| self.words.get(last)).map_or(1, |(column, _)| *column);
        Err(ScenarioError { line: self.line, column, what: what.into() })
    }

    pub(super) fn need(&mut self, what: &str) -> Read<&'a str> {
        match self.take() {
            Some(word) => Ok(word),
            None => self.wrong_here(format!("{what} is missing")),
        }
    }

    pub(super) fn expect(&mut self, word: &str) -> Read<()> {
        if self.skip(word) { Ok(()) } else { self.wrong_here(format!("`{word}` is missing")) }
    }

    pub(super) fn end(&self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(word) => self.wrong_here(format!("`{word}` is too much here")),
        }
    }

    pub(super) fn number(&mut self, what: &str) -> Read<u64> {
        let word = self.need(what)?;
        self.number_of(word, what)
    }

    pub(super) fn number_of(&self, word: &str, what: &str) -> Read<u64> {
        word.parse().or_else(|_| self.wrong(format!("`{word}` is no number: {what}")))
    }

    /// A value: the word, or with `*` and a number the word so many times, as in `ab*100`.
    pub(super) fn value_of(&self, word: &str) -> Read<String> {
        let Some((part, times)) = word.rsplit_once('*') else { return Ok(word.to_owned()) };
        let times = self.count_of(times, "how many times a value like ab*100 repeats its word")?;
        match part.len().checked_mul(times) {
            Some(..=1_000_000) => Ok(part.repeat(times)),
            _ => self.wrong(format!("`{word}` is longer than a million bytes")),
        }
    }

    pub(super) fn value(&mut self, what: &str) -> Read<String> {
        let word = self.need(what)?;
        self.value_of(word)
    }

    /// A number of things that lie in memory.
    pub(super) fn count_of(&self, word: &str, what: &str) -> Read<usize> {
        word.parse().or_else(|_| self.wrong(format!("`{word}` is no number: {what}")))
    }

    /// `5@2`: index and term.
    pub(super) fn position_of(&self, word: &str) -> Read<(u64, u64)> {
        let Some((index, term)) = word.split_once('@') else {
            return self.wrong(format!("`{word}` is no position like 5@2"));
        };
        Ok((
            self.number_of(index, "the index of a position like 5@2")?,
            self.number_of(term, "the term of a position")?,
        ))
    }

    /// `150ms`, `2s`, `300us`, in microseconds.
    pub(super) fn duration(&mut self) -> Read<u64> {
        let word = self.need("a duration like 150ms")?;
        self.duration_of(word)
    }

    pub(super) fn duration_of(&self, word: &str) -> Read<u64> {
        let digits = word.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(word.len());
        let unit = match &word[digits..] {
            "us" => Some(1),
            "ms" => Some(1_000),
            "s" => Some(1_000_000),
            _ => None,
        };
        let micros = word[..digits].parse::<u64>().ok().zip(unit).and_then(|(count, unit)| count.checked_mul(unit));
        match micros.filter(|micros| *micros <= 600_000_000) {
            Some(micros) => Ok(micros),
            None => self.wrong(format!("`{word}` is no duration (like 150ms, 2s or 300us, ten minutes at most)")),
        }
    }

    pub(super) fn who(&mut self) -> Read<Who> {
        let word = self.need("a node like n1")?;
        self.who_of(word)
    }

    pub(super) fn who_of(&self, word: &str) -> Read<Who> {
        match word {
            "leader" => Ok(Who::Leader),
            "all" => Ok(Who::All),
            _ if is_node(word) => self.number_of(&word[1..], "a node like n1").map(Who::Node),
            _ if word.chars().all(|letter| letter.is_alphanumeric() || letter == '_') => {
                Ok(Who::Named(word.to_owned()))
            }
            _ => self.wrong(format!("`{word}` is no node (like n1), `leader`, `all` or a name given by `let`")),
        }
    }

    /// `= 3`, `>= 3`, `<= 3`.
    pub(super) fn compared(&mut self) -> Read<Compared> {
        let sign = self.need("`=`, `>=` or `<=`")?;
        let make = match sign {
            "=" => Compared::Equal,
            ">=" => Compared::AtLeast,
            "<=" => Compared::AtMost,
            _ => return self.wrong(format!("`{sign}` is no `=`, `>=` or `<=`")),
        };
        self.number("a number").map(make)
    }

    /// `name=value` words up to the end.
    pub(super) fn option(&mut self) -> Read<Option<(&'a str, &'a str)>> {
        let Some(word) = self.take() else { return Ok(None) };
        match word.split_once('=') {
            Some(pair) => Ok(Some(pair)),
            None => self.wrong(format!("`{word}` is no option like name=value")),
        }
    }
}

fn is_node(word: &str) -> bool {
    word.len() > 1 && word.starts_with('n') && word[1..].chars().all(|letter| letter.is_ascii_digit())
}
