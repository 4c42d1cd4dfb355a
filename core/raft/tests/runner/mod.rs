//! The commands of golden scripts, carried out on a [`World`].

mod commands;
mod membership;
mod selector;
mod setup;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use goldenscript::{Command, Context};
use quorate_raft::{Config, Message, NodeId, Ticket};

use crate::support::world::{Kind, World};

/// What a command prints, or why it can't be carried out. A broken invariant is the latter: the script fails with its text.
type Ran = Result<String, Box<dyn Error>>;

pub(crate) struct Runner {
    world: World,
    hidden: BTreeSet<Kind>,
    /// Messages that a script holds back.
    held: Vec<Message>,
    /// The last write of each node that was reported, for reporting it again.
    last_tickets: BTreeMap<NodeId, Ticket>,
}

impl Default for Runner {
    fn default() -> Self {
        Self {
            world: World::new(0, Config::default()),
            hidden: [Kind::Timers, Kind::Applies].into(),
            held: Vec::new(),
            last_tickets: BTreeMap::new(),
        }
    }
}

impl goldenscript::Runner for Runner {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Ran {
        let mut arguments = Arguments::new(command);
        self.world.trace = Some(Vec::new());
        let report = self.command(&command.name, &mut arguments)?;
        arguments.none_left()?;
        let trace = self.world.trace.take().unwrap_or_default();
        let shown = trace.into_iter().filter(|(kind, _)| !self.hidden.contains(kind)).map(|(_, line)| line);
        let lines: Vec<String> = shown.chain(report).filter(|line| !line.is_empty()).collect();
        Ok(lines.join("\n"))
    }
}

/// The arguments of a command, taken one by one.
struct Arguments<'a> {
    positional: Vec<&'a str>,
    keyed: Vec<(&'a str, &'a str)>,
}

impl<'a> Arguments<'a> {
    fn new(command: &'a Command) -> Self {
        let (mut positional, mut keyed) = (Vec::new(), Vec::new());
        for argument in &command.args {
            match argument {
                goldenscript::Argument::Positional(value) => positional.push(value.as_str()),
                goldenscript::Argument::KeyValue(key, value) => keyed.push((key.as_str(), value.as_str())),
                _ => {}
            }
        }
        Self { positional, keyed }
    }

    fn next(&mut self) -> Option<&'a str> {
        (!self.positional.is_empty()).then(|| self.positional.remove(0))
    }

    fn required(&mut self, what: &str) -> Result<&'a str, String> {
        self.next().ok_or_else(|| format!("which {what}?"))
    }

    fn node(&mut self) -> Result<NodeId, String> {
        crate::support::notation::node(self.required("node")?)
    }

    fn rest(&mut self) -> Vec<&'a str> {
        std::mem::take(&mut self.positional)
    }

    fn key(&mut self, key: &str) -> Option<&'a str> {
        let at = self.keyed.iter().position(|(name, _)| *name == key)?;
        Some(self.keyed.remove(at).1)
    }

    fn number(&mut self, key: &str) -> Result<Option<u64>, String> {
        self.key(key).map(crate::support::notation::number).transpose()
    }

    fn none_left(&self) -> Result<(), String> {
        match (self.positional.first(), self.keyed.first()) {
            (None, None) => Ok(()),
            (Some(value), _) => Err(format!("`{value}` is too much")),
            (None, Some((key, _))) => Err(format!("there is no {key}= here")),
        }
    }
}
