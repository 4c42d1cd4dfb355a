//! A cluster as one member sees it: a row for each member that its configuration names, with what that member says of itself, or why it says
//! nothing. Differences between rows are shown, never merged away. It does not know how rows are come by.

use serde::Serialize;

use super::view::MemberView;

/// All of it.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Cluster {
    /// Whose view this is.
    pub(crate) viewer: u64,
    /// Milliseconds of 1970, by the viewer's clock.
    pub(crate) at: u64,
    pub(crate) headline: Headline,
    /// Where the time of commits goes, in a sentence.
    pub(crate) slowest: Option<String>,
    pub(crate) rows: Vec<Row>,
}

/// How the cluster is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Headline {
    /// `healthy`, `degraded`, `no leader`.
    pub(crate) state: &'static str,
    pub(crate) sentence: String,
    /// What is wrong, each with its cause.
    pub(crate) problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// With whom.
    pub(crate) node: u64,
    /// What comes after its name.
    pub(crate) text: String,
}

/// One member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    pub(crate) node: u64,
    pub(crate) name: String,
    /// `voter`, `learner`, `joining` (to become a voter) or `leaving` (a voter until the change is through).
    pub(crate) part: &'static str,
    pub(crate) client_urls: Vec<String>,
    /// The newest that is known; older than now where there is an error.
    pub(crate) view: Option<MemberView>,
    pub(crate) age_ms: u64,
    /// Why it does not answer now.
    pub(crate) error: Option<String>,
}

impl Row {
    /// What people call it.
    pub(crate) fn label(&self) -> String {
        if self.name.is_empty() { format!("n{}", self.node) } else { self.name.clone() }
    }

    /// What it says now.
    pub(crate) fn now(&self) -> Option<&MemberView> {
        self.view.as_ref().filter(|_| self.error.is_none())
    }
}

impl Cluster {
    pub(crate) fn row(&self, node: u64) -> Option<&Row> {
        self.rows.iter().find(|row| row.node == node)
    }

    pub(crate) fn label(&self, node: u64) -> String {
        self.row(node).map_or_else(|| format!("n{node}"), Row::label)
    }

    /// The viewer itself; nothing where its own loop does not answer.
    pub(crate) fn own(&self) -> Option<&MemberView> {
        self.row(self.viewer).and_then(Row::now)
    }

    /// Who says now that it leads: of several, the one of the newest term.
    pub(crate) fn leader(&self) -> Option<&MemberView> {
        let leads = self.rows.iter().filter_map(Row::now).filter(|view| view.leads());
        leads.max_by_key(|view| view.term)
    }
}
