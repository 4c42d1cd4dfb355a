//! A history of a whole store: puts, deletes, ranges and transactions over all keys, each answered with a revision, as etcd's API
//! has them.
//!
//! Says what belongs together and refuses what is no history; judges nothing.

use crate::error::HistoryError;
use crate::history::{Ending, Operation, check_shape};

/// One key, or all from a key on to before another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyRange {
    /// The key, or the first one.
    pub key: String,
    /// The first key that is no longer meant; the text of one zero byte means that none is left out, as in etcd.
    pub end: Option<String>,
}

impl KeyRange {
    /// Whether `key` lies in it.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        match self.end.as_deref() {
            None => key == self.key,
            Some("\0") => *key >= *self.key,
            Some(end) => *key >= *self.key && key < end,
        }
    }
}

/// One step of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Sets a key.
    Put {
        /// The key.
        key: String,
        /// Its new value.
        value: String,
    },
    /// Takes keys out.
    Delete(KeyRange),
    /// Looks.
    Get(KeyRange),
}

impl Action {
    pub(crate) fn is_get(&self) -> bool {
        match self {
            Self::Get(_) => true,
            Self::Put { .. } | Self::Delete(_) => false,
        }
    }
}

/// What a condition looks at, with what it compares that to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The value, by its bytes. Never holds for a key that is not there.
    Value(String),
    /// So many puts since the key was created; 0 for a key that is not there.
    Version(u64),
    /// The revision at which the key was created, or 0.
    CreateRevision(u64),
    /// The revision of its latest put, or 0.
    ModRevision(u64),
}

/// How a condition compares what it found with its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// Found equals the target.
    Equal,
    /// It does not.
    NotEqual,
    /// Found is less than the target.
    Less,
    /// Found is greater.
    Greater,
}

/// A condition of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Compare {
    /// Of which key.
    pub key: String,
    /// What of it, and compared to what.
    pub target: Target,
    /// How.
    pub relation: Relation,
}

/// What a request does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Steps {
    /// One thing.
    One(Action),
    /// All of one list if all conditions hold, else all of the other, at one revision.
    Txn {
        /// The conditions.
        compare: Vec<Compare>,
        /// Done if they hold.
        success: Vec<Action>,
        /// Done if not.
        failure: Vec<Action>,
    },
}

impl Steps {
    /// What is done if the conditions hold, or do not.
    #[must_use]
    pub fn branch(&self, succeeded: bool) -> &[Action] {
        match self {
            Self::One(action) => std::slice::from_ref(action),
            Self::Txn { success, .. } if succeeded => success,
            Self::Txn { failure, .. } => failure,
        }
    }

    /// Every action, of both lists.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &Action> {
        let other = match self {
            Self::One(_) => &[],
            Self::Txn { failure, .. } => failure.as_slice(),
        };
        self.branch(true).iter().chain(other)
    }
}

/// Asked of a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreRequest {
    /// What to do.
    pub steps: Steps,
    /// For a single get: read the store as it was at this revision.
    pub at: Option<u64>,
    /// Only for what can't write: any state that the store was in up to now will do.
    pub serializable: bool,
}

/// A key with its value and, as far as the history tells them, the numbers that etcd keeps with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The revision at which it was created.
    pub create_revision: Option<u64>,
    /// The revision of its latest put.
    pub mod_revision: Option<u64>,
    /// So many puts since it was created.
    pub version: Option<u64>,
}

/// What one action answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionResult {
    /// A put was done.
    Put,
    /// So many keys were deleted.
    Deleted(u64),
    /// A get found these, by key.
    Rows(Vec<Row>),
}

/// What a store answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreResponse {
    /// The store's revision after this: its own, if it changed something, else that of the state that it saw.
    pub revision: u64,
    /// Whether the conditions of a transaction held; true for anything else.
    pub succeeded: bool,
    /// What each action of the branch that was taken answered.
    pub results: Vec<ActionResult>,
}

impl StoreResponse {
    /// Whether it made a revision of its own.
    #[must_use]
    pub fn changed_something(&self) -> bool {
        self.results.iter().any(|result| match result {
            ActionResult::Put => true,
            ActionResult::Deleted(count) => *count > 0,
            ActionResult::Rows(_) => false,
        })
    }
}

/// An operation on a store.
pub type StoreOperation = Operation<StoreRequest, StoreResponse>;

/// Operations on one store.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreHistory {
    pub(crate) start: u64,
    pub(crate) rows: Vec<Row>,
    pub(crate) operations: Vec<StoreOperation>,
}

impl StoreHistory {
    /// A history that begins when the store is at revision `start` (1 for a new etcd) and holds `rows`.
    ///
    /// # Errors
    /// When that is no history: an id comes twice, a return lies before its call, a client does two things at once, an answer does
    /// not fit what was asked, or a request asks what the format does not have.
    pub fn new(start: u64, rows: Vec<Row>, mut operations: Vec<StoreOperation>) -> Result<Self, HistoryError> {
        operations.iter_mut().for_each(sort_rows);
        check_shape(&operations)?;
        for (number, operation) in (1..).zip(&operations) {
            let wrong = |field, problem| Err(HistoryError::operation(number, &operation.id, field, problem));
            let request = &operation.request;
            if request.serializable && !request.steps.actions().all(Action::is_get) {
                return wrong("serializable", "only what can't write can be serializable");
            }
            if request.at.is_some() && !matches!(request.steps, Steps::One(Action::Get(_))) {
                return wrong("at", "only a get reads an older revision");
            }
            if let Ending::Returned { response, .. } = &operation.ending
                && !fits(&request.steps, response)
            {
                return wrong("results", "they must be those of the actions that were done, one for each");
            }
        }
        Ok(Self { start, rows, operations })
    }

    /// The operations, as they were given.
    #[must_use]
    pub fn operations(&self) -> &[StoreOperation] {
        &self.operations
    }
}

/// In which order rows were answered is not judged.
fn sort_rows(operation: &mut StoreOperation) {
    let Ending::Returned { response, .. } = &mut operation.ending else { return };
    for result in &mut response.results {
        match result {
            ActionResult::Rows(rows) => rows.sort_by(|one, other| one.key.cmp(&other.key)),
            ActionResult::Put | ActionResult::Deleted(_) => {}
        }
    }
}

fn fits(steps: &Steps, response: &StoreResponse) -> bool {
    let branch = steps.branch(response.succeeded);
    branch.len() == response.results.len()
        && branch.iter().zip(&response.results).all(|pair| {
            matches!(
                pair,
                (Action::Put { .. }, ActionResult::Put)
                    | (Action::Delete(_), ActionResult::Deleted(_))
                    | (Action::Get(_), ActionResult::Rows(_))
            )
        })
}
