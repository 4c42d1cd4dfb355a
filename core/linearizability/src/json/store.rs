//! Operations on a whole store as JSON.

use serde_json::{Value, json};

use super::fields::Fields;
use super::{allow, common, common_to_json};
use crate::error::HistoryError;
use crate::history::Ending;
use crate::store::history::{
    Action, ActionResult, Compare, KeyRange, Relation, Row, Steps, StoreOperation, StoreRequest, StoreResponse, Target,
};

/// Fields of a row.
const ROW: [&str; 5] = ["key", "value", "create_revision", "mod_revision", "version"];

pub(super) fn operation(fields: &Fields<'_>) -> Result<StoreOperation, HistoryError> {
    let kind = fields.text("kind")?;
    let steps = match kind.as_str() {
        "put" => {
            allow(fields, &["key", "value"], &["revision"])?;
            Steps::One(action(fields)?)
        }
        "delete" => {
            allow(fields, &["key", "end"], &["revision", "deleted"])?;
            Steps::One(action(fields)?)
        }
        "get" => {
            allow(fields, &["key", "end", "at", "serializable"], &["revision", "rows"])?;
            Steps::One(action(fields)?)
        }
        "txn" => {
            let answer = ["revision", "succeeded", "results"];
            allow(fields, &["compare", "success", "failure", "serializable"], &answer)?;
            let compare = fields.parts("compare")?.iter().map(condition).collect::<Result<_, _>>()?;
            Steps::Txn { compare, success: actions(fields, "success")?, failure: actions(fields, "failure")? }
        }
        other => {
            return Err(fields.wrong("kind", &format!("{other:?} is none of \"put\", \"delete\", \"get\", \"txn\"")));
        }
    };
    let serializable = fields.present("serializable").is_some() && fields.truth("serializable")?;
    let request = StoreRequest { steps, at: fields.number_if_present("at")?, serializable };
    common(fields, request, |request| response(fields, &request.steps))
}

fn actions(fields: &Fields<'_>, field: &str) -> Result<Vec<Action>, HistoryError> {
    let parts = fields.parts(field)?;
    let read = |part: &Fields<'_>| {
        part.allow(&["kind", "key", "end", "value"])?;
        action(part)
    };
    parts.iter().map(read).collect()
}

fn action(fields: &Fields<'_>) -> Result<Action, HistoryError> {
    let key = fields.text("key")?;
    let end = fields.present("end").map(|_| fields.text("end")).transpose()?;
    match fields.text("kind")?.as_str() {
        "put" => Ok(Action::Put { key, value: fields.text("value")? }),
        "delete" => Ok(Action::Delete(KeyRange { key, end })),
        "get" => Ok(Action::Get(KeyRange { key, end })),
        other => Err(fields.wrong("kind", &format!("{other:?} is none of \"put\", \"delete\", \"get\""))),
    }
}

fn condition(fields: &Fields<'_>) -> Result<Compare, HistoryError> {
    fields.allow(&["key", "target", "is", "to"])?;
    let target = match fields.text("target")?.as_str() {
        "value" => Target::Value(fields.text("to")?),
        "version" => Target::Version(fields.number("to")?),
        "create_revision" => Target::CreateRevision(fields.number("to")?),
        "mod_revision" => Target::ModRevision(fields.number("to")?),
        other => {
            let problem = format!("{other:?} is none of \"value\", \"version\", \"create_revision\", \"mod_revision\"");
            return Err(fields.wrong("target", &problem));
        }
    };
    let relation = match fields.text("is")?.as_str() {
        "=" => Relation::Equal,
        "!=" => Relation::NotEqual,
        "<" => Relation::Less,
        ">" => Relation::Greater,
        other => return Err(fields.wrong("is", &format!("{other:?} is none of \"=\", \"!=\", \"<\", \">\""))),
    };
    Ok(Compare { key: fields.text("key")?, target, relation })
}

fn response(fields: &Fields<'_>, steps: &Steps) -> Result<StoreResponse, HistoryError> {
    let revision = fields.number("revision")?;
    let (succeeded, results) = match steps {
        Steps::One(action) => (true, vec![result(fields, action)?]),
        Steps::Txn { .. } => {
            let succeeded = fields.truth("succeeded")?;
            let (branch, parts) = (steps.branch(succeeded), fields.parts("results")?);
            if branch.len() != parts.len() {
                let problem = format!("{} results for {} actions that were done", parts.len(), branch.len());
                return Err(fields.wrong("results", &problem));
            }
            let results = branch.iter().zip(&parts).map(|(action, part)| {
                part.allow(&["deleted", "rows"])?;
                result(part, action)
            });
            (succeeded, results.collect::<Result<_, _>>()?)
        }
    };
    Ok(StoreResponse { revision, succeeded, results })
}

fn result(fields: &Fields<'_>, action: &Action) -> Result<ActionResult, HistoryError> {
    match action {
        Action::Put { .. } => Ok(ActionResult::Put),
        Action::Delete(_) => Ok(ActionResult::Deleted(fields.number("deleted")?)),
        Action::Get(_) => {
            fields.any("rows")?;
            Ok(ActionResult::Rows(rows(fields)?))
        }
    }
}

pub(super) fn rows(fields: &Fields<'_>) -> Result<Vec<Row>, HistoryError> {
    let row = |part: &Fields<'_>| {
        part.allow(&ROW)?;
        Ok(Row {
            key: part.text("key")?,
            value: part.text("value")?,
            create_revision: part.number_if_present("create_revision")?,
            mod_revision: part.number_if_present("mod_revision")?,
            version: part.number_if_present("version")?,
        })
    };
    fields.parts("rows")?.iter().map(row).collect()
}

pub(super) fn to_json(operation: &StoreOperation) -> Value {
    let mut object = Value::Object(common_to_json(operation));
    let request = &operation.request;
    match &request.steps {
        Steps::One(action) => merge(&mut object, action_to_json(action)),
        Steps::Txn { compare, success, failure } => {
            object["kind"] = json!("txn");
            object["compare"] = compare.iter().map(condition_to_json).collect();
            object["success"] = success.iter().map(action_to_json).collect();
            object["failure"] = failure.iter().map(action_to_json).collect();
        }
    }
    if let Some(at) = request.at {
        object["at"] = json!(at);
    }
    if request.serializable {
        object["serializable"] = json!(true);
    }
    if let Ending::Returned { response, .. } = &operation.ending {
        object["revision"] = json!(response.revision);
        let mut results: Vec<Value> = response.results.iter().map(result_to_json).collect();
        match request.steps {
            Steps::One(_) => results.drain(..).for_each(|result| merge(&mut object, result)),
            Steps::Txn { .. } => {
                object["succeeded"] = json!(response.succeeded);
                object["results"] = Value::Array(results);
            }
        }
    }
    object
}

fn merge(object: &mut Value, other: Value) {
    if let Value::Object(other) = other {
        for (field, value) in other {
            object[field.as_str()] = value;
        }
    }
}

fn action_to_json(action: &Action) -> Value {
    let (kind, range) = match action {
        Action::Put { key, value } => return json!({ "kind": "put", "key": key, "value": value }),
        Action::Delete(range) => ("delete", range),
        Action::Get(range) => ("get", range),
    };
    let mut object = json!({ "kind": kind, "key": range.key });
    if let Some(end) = &range.end {
        object["end"] = json!(end);
    }
    object
}

fn condition_to_json(compare: &Compare) -> Value {
    let (target, to) = match &compare.target {
        Target::Value(value) => ("value", json!(value)),
        Target::Version(version) => ("version", json!(version)),
        Target::CreateRevision(revision) => ("create_revision", json!(revision)),
        Target::ModRevision(revision) => ("mod_revision", json!(revision)),
    };
    let relation = match compare.relation {
        Relation::Equal => "=",
        Relation::NotEqual => "!=",
        Relation::Less => "<",
        Relation::Greater => ">",
    };
    json!({ "key": compare.key, "target": target, "is": relation, "to": to })
}

fn result_to_json(result: &ActionResult) -> Value {
    match result {
        ActionResult::Put => json!({}),
        ActionResult::Deleted(count) => json!({ "deleted": count }),
        ActionResult::Rows(rows) => json!({ "rows": rows_to_json(rows) }),
    }
}

pub(super) fn rows_to_json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let mut object = json!({ "key": row.key, "value": row.value });
        let numbers =
            [("create_revision", row.create_revision), ("mod_revision", row.mod_revision), ("version", row.version)];
        for (name, number) in numbers {
            if let Some(number) = number {
                object[name] = json!(number);
            }
        }
        object
    };
    rows.iter().map(row).collect()
}
