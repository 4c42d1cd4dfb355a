//! What a history is: operations with the time of their call and how they ended, on single registers or on a whole store.
//!
//! Says what belongs together and refuses what is no history; does not know JSON, and judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::error::HistoryError;
use crate::store::history::StoreHistory;

/// Something that was asked of the system, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation<Request, Response> {
    /// Names it; no other operation of the history has the same.
    pub id: String,
    /// Who asked. One client asks for one thing at a time, but need not wait for what has no known outcome.
    pub client: String,
    /// When it was asked, by the one clock of the history, in any unit. Order numbers will do.
    pub call: u64,
    /// What was asked.
    pub request: Request,
    /// What came of it.
    pub ending: Ending<Response>,
}

impl<Request, Response> Operation<Request, Response> {
    /// When it was answered, if it was.
    #[must_use]
    pub fn returned_at(&self) -> Option<u64> {
        match self.ending {
            Ending::Returned { at, .. } => Some(at),
            Ending::Failed | Ending::Unknown => None,
        }
    }
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending<Response> {
    /// It was answered. Its effect, if any, happened between the call and this time.
    Returned {
        /// When, by the clock of the call. Of two operations of which one returns at the very time at which the other is called,
        /// neither is the earlier.
        at: u64,
        /// What it answered.
        response: Response,
    },
    /// It surely had no effect, and never will.
    Failed,
    /// Nobody knows: its effect happened at some time after the call, or will, or never.
    Unknown,
}

/// Asked of a register.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisterRequest {
    /// Which register.
    pub key: String,
    /// What to do with it.
    pub action: RegisterAction,
}

/// What to do with a register. A value may be any JSON; null is a register that was never written, or deleted.
#[derive(Debug, Clone, PartialEq)]
pub enum RegisterAction {
    /// Look.
    Read,
    /// Set the value.
    Write(Value),
    /// Set the value if it is as expected.
    CompareAndSwap {
        /// As it must be.
        expected: Value,
        /// As it will be.
        new: Value,
    },
}

/// What a register answered.
#[derive(Debug, Clone, PartialEq)]
pub enum RegisterResponse {
    /// A read found this.
    Value(Value),
    /// A write was done.
    Written,
    /// A compare-and-swap found the expected value, and swapped; or did not.
    Swapped(bool),
}

/// An operation on a register.
pub type RegisterOperation = Operation<RegisterRequest, RegisterResponse>;

/// Operations on registers, each of which stands for itself.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisterHistory {
    pub(crate) initial: BTreeMap<String, Value>,
    pub(crate) operations: Vec<RegisterOperation>,
}

impl RegisterHistory {
    /// A history of registers with these values before the first call; others are null.
    ///
    /// # Errors
    /// When that is no history: an id comes twice, a return lies before its call, a client does two things at once, an answer does
    /// not fit what was asked.
    pub fn new(initial: BTreeMap<String, Value>, operations: Vec<RegisterOperation>) -> Result<Self, HistoryError> {
        check_shape(&operations)?;
        for (number, operation) in (1..).zip(&operations) {
            let Ending::Returned { response, .. } = &operation.ending else { continue };
            let fits = matches!(
                (&operation.request.action, response),
                (RegisterAction::Read, RegisterResponse::Value(_))
                    | (RegisterAction::Write(_), RegisterResponse::Written)
                    | (RegisterAction::CompareAndSwap { .. }, RegisterResponse::Swapped(_))
            );
            if !fits {
                return Err(HistoryError::operation(
                    number,
                    &operation.id,
                    "kind",
                    "the answer is that of another kind",
                ));
            }
        }
        Ok(Self { initial, operations })
    }

    /// The operations, as they were given.
    #[must_use]
    pub fn operations(&self) -> &[RegisterOperation] {
        &self.operations
    }
}

/// A history of either model.
#[derive(Debug, Clone, PartialEq)]
pub enum History {
    /// Registers, each for itself.
    Registers(RegisterHistory),
    /// A whole store with revisions.
    Store(StoreHistory),
}

/// What must hold of any history, whatever was asked.
pub(crate) fn check_shape<Q, R>(operations: &[Operation<Q, R>]) -> Result<(), HistoryError> {
    let mut ids = BTreeMap::new();
    let mut clients: BTreeMap<&str, BTreeSet<(u64, u64, usize)>> = BTreeMap::new();
    for (number, operation) in (1..).zip(operations) {
        let wrong = |field, problem: String| Err(HistoryError::operation(number, &operation.id, field, &problem));
        if let Some(earlier) = ids.insert(operation.id.as_str(), number) {
            return wrong("id", format!("operation {earlier} has the same"));
        }
        if let Ending::Returned { at, .. } = operation.ending {
            if at < operation.call {
                return wrong("return", format!("{at} is before the call at {}", operation.call));
            }
            clients.entry(&operation.client).or_default().insert((operation.call, at, number));
        }
    }
    for (client, spans) in clients {
        for (&(_, returned, earlier), &(call, _, number)) in spans.iter().zip(spans.iter().skip(1)) {
            if call < returned {
                let (id, earlier) = (&operations[number - 1].id, &operations[earlier - 1].id);
                let problem = format!(
                    "client {client} calls at {call}, but its operation {earlier:?} returns only at {returned}: give each of two \
                     operations under way at once a client of its own"
                );
                return Err(HistoryError::operation(number, id, "client", &problem));
            }
        }
    }
    Ok(())
}
