//! Commands about the membership.

use std::collections::BTreeMap;

use quorate_raft::membership::plan;
use quorate_raft::{Change, Member, NodeId, PromoteError};

use super::{Arguments, Runner};
use crate::support::notation;
use crate::support::world::Checked;

/// `voters="1 2 4"`; nobody where it is not given.
fn nodes(arguments: &mut Arguments<'_>, key: &str) -> Checked<Option<Vec<NodeId>>> {
    let listed = |text: &str| text.split_whitespace().map(notation::node).collect();
    arguments.key(key).map(listed).transpose()
}

impl Runner {
    /// `join 4`, `change 1 voters="1 2 4" [learners="3"]`, `promote 1 4`.
    pub(super) fn membership(&mut self, name: &str, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let id = arguments.node()?;
        let refused = match name {
            "join" => return self.world.join(id).map(|()| Vec::new()),
            "describe" => return self.describe(id, arguments),
            "change" => {
                let change = self.change(arguments)?;
                self.world.step(id, |raft| raft.change_membership(change))?.map_err(PromoteError::Change)
            }
            _ => {
                let learner = arguments.node()?;
                self.world.step(id, |raft| raft.promote(learner))?
            }
        };
        Ok(match refused {
            Ok(Some(_)) => Vec::new(),
            Ok(None) => vec![format!("{id} has nothing to change")],
            Err(error) => vec![format!("{id} refuses the change: {error}")],
        })
    }

    /// `describe 1 2`: n1 has the configuration keep something of n2.
    fn describe(&mut self, id: NodeId, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let (node, member) = (arguments.node()?, Member { disk: 7, ..Member::default() });
        let kept = self.world.step(id, |raft| raft.describe_member(node, member))?;
        Ok(kept.err().map(|error| format!("{id} refuses it: {error:?}")).into_iter().collect())
    }

    fn change(&self, arguments: &mut Arguments<'_>) -> Checked<Change> {
        let voters = nodes(arguments, "voters")?.unwrap_or_default();
        let learners = nodes(arguments, "learners")?.unwrap_or_default();
        Ok(Change {
            voters: voters.into_iter().collect(),
            learners: learners.into_iter().collect(),
            members: BTreeMap::new(),
        })
    }

    /// `plan 1 voters="1 2 4"`: what n1 knows of who answers, and what would become of a change.
    pub(super) fn plan(&self, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let id = arguments.node()?;
        let change = self.change(arguments)?;
        let view = self.world.view(id)?;
        let plan = plan(view.configuration(), &change, &|node| view.heard(node));
        let survives = |survives: Option<usize>| survives.map_or_else(|| "none".to_string(), |count| count.to_string());
        let step = |step: &quorate_raft::Step| format!("{} survives={}", step.configuration, survives(step.survives));
        let mut lines: Vec<String> = std::iter::once(&plan.before).chain(&plan.steps).map(step).collect();
        lines.extend(plan.refusal.map(|refusal| format!("refused: {refusal}")));
        Ok(lines)
    }

    /// `members`: the configuration in force, where it stands, and whether it is committed.
    pub(super) fn members(&self, id: NodeId) -> Checked<Vec<String>> {
        let Some(raft) = &self.world.node(id)?.raft else { return Ok(vec![format!("{id} down")]) };
        let view = raft.inspect();
        let (index, configuration) = (view.configuration_index(), view.configuration());
        let committed = if index <= view.commit() { "" } else { " (not committed)" };
        let removed = if view.removed() { " removed" } else { "" };
        Ok(vec![format!("{id} {index}: {configuration}{committed}{removed}")])
    }
}
