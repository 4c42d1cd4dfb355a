//! Why something is no history: which operation, which field, what is wrong with it.
//!
//! A history that is wrong about the system it tells of is none of these: that is a verdict.

use std::error::Error;
use std::fmt;

/// Why a text or a list of operations is no history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryError {
    /// The text is not JSON.
    Json {
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
        /// What the reader of JSON says.
        problem: String,
    },
    /// The first value is no header that this version understands.
    Header {
        /// Which part of it.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An operation is none.
    Operation {
        /// Its place among the operations, counted from 1; the header does not count.
        number: usize,
        /// Its id, as far as it has one.
        id: Option<String>,
        /// Which part of it.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl HistoryError {
    pub(crate) fn operation(number: usize, id: &str, field: &str, problem: &str) -> Self {
        Self::Operation { number, id: Some(id.to_owned()), field: field.to_owned(), problem: problem.to_owned() }
    }

    pub(crate) fn header(field: &str, problem: &str) -> Self {
        Self::Header { field: field.to_owned(), problem: problem.to_owned() }
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { line, column, problem } => write!(f, "line {line}, column {column}: not JSON: {problem}"),
            Self::Header { field, problem } => write!(f, "header, field {field:?}: {problem}"),
            Self::Operation { number, id: Some(id), field, problem } => {
                write!(f, "operation {number} (id {id:?}), field {field:?}: {problem}")
            }
            Self::Operation { number, id: None, field, problem } => {
                write!(f, "operation {number}, field {field:?}: {problem}")
            }
        }
    }
}

impl Error for HistoryError {}
