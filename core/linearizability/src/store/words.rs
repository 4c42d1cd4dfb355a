//! Operations on a store in short words, for sentences and pictures.

use super::history::{Action, ActionResult, KeyRange, Row, Steps, StoreOperation, StoreResponse};
use crate::history::Ending;

/// What was asked and what was answered.
pub(crate) fn describe(operation: &StoreOperation) -> String {
    let request = &operation.request;
    let mut text = match &request.steps {
        Steps::One(action) => action_text(action),
        Steps::Txn { compare, success, failure } => {
            format!("txn if {} conditions then {} else {}", compare.len(), list(success), list(failure))
        }
    };
    if let Some(at) = request.at {
        text.push_str(&format!(" at {at}"));
    }
    if request.serializable {
        text.push_str(" serializable");
    }
    match &operation.ending {
        Ending::Returned { response, .. } => format!("{text} -> {}", response_text(&request.steps, response)),
        Ending::Failed => format!("{text} -> failed"),
        Ending::Unknown => format!("{text} -> unknown"),
    }
}

fn action_text(action: &Action) -> String {
    match action {
        Action::Put { key, value } => format!("put {key}={value:?}"),
        Action::Delete(range) => format!("delete {}", range_text(range)),
        Action::Get(range) => format!("get {}", range_text(range)),
    }
}

fn range_text(range: &KeyRange) -> String {
    match range.end.as_deref() {
        None => range.key.clone(),
        Some("\0") => format!("[{}..)", range.key),
        Some(end) => format!("[{}..{end})", range.key),
    }
}

fn list(actions: &[Action]) -> String {
    if actions.is_empty() {
        return "nothing".to_owned();
    }
    actions.iter().map(action_text).collect::<Vec<_>>().join(", ")
}

fn response_text(steps: &Steps, response: &StoreResponse) -> String {
    let branch = match steps {
        Steps::One(_) => "",
        Steps::Txn { .. } if response.succeeded => "then: ",
        Steps::Txn { .. } => "else: ",
    };
    let results: String = response.results.iter().map(|result| result_text(result) + ", ").collect();
    format!("{branch}{}revision {}", results.replace("done, ", ""), response.revision)
}

fn result_text(result: &ActionResult) -> String {
    match result {
        ActionResult::Put => "done".to_owned(),
        ActionResult::Deleted(count) => format!("{count} deleted"),
        ActionResult::Rows(rows) => match rows.as_slice() {
            [] => "not there".to_owned(),
            [Row { value, mod_revision: Some(revision), .. }] => format!("{value:?} of {revision}"),
            [Row { value, .. }] => format!("{value:?}"),
            rows => format!("{} rows", rows.len()),
        },
    }
}
