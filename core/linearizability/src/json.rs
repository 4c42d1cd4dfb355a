//! Histories as JSON: a header and operations, as lines or as one array. docs/histories.md describes it for those who write one.
//!
//! Knows the shape of the file; `fields` takes objects apart, `registers` and `store` know what the two models ask and answer.

mod fields;
mod registers;
mod store;

use std::collections::BTreeMap;

use serde_json::{Deserializer, Map, Value, json};

use crate::error::HistoryError;
use crate::history::{Ending, History, Operation, RegisterHistory};
use crate::store::history::StoreHistory;
use fields::{Fields, Place};

const FORMAT: &str = "quorate-history";
const VERSION: u64 = 1;

/// Reads a history.
///
/// # Errors
/// When the text is not JSON, begins with no header of this version, or an operation is none; each says which and why.
pub fn read(text: &str) -> Result<History, HistoryError> {
    let mut values = values(text)?.into_iter();
    let header =
        values.next().ok_or_else(|| HistoryError::header("format", "the history is empty: it begins with a header"))?;
    let header = Fields::new(&header, Place::Header)?;
    let operations: Vec<Value> = values.collect();
    check_version(&header)?;
    match header.text("model")?.as_str() {
        "registers" => {
            header.allow(&["format", "version", "model", "initial"])?;
            let initial: BTreeMap<String, Value> = match header.present("initial") {
                None => BTreeMap::new(),
                Some(Value::Object(initial)) => initial.clone().into_iter().collect(),
                Some(_) => return Err(header.wrong("initial", "must be an object: a value for each key")),
            };
            Ok(History::Registers(RegisterHistory::new(initial, each(&operations, registers::operation)?)?))
        }
        "store" => {
            header.allow(&["format", "version", "model", "revision", "rows"])?;
            let start = if header.present("revision").is_some() { header.number("revision")? } else { 1 };
            let rows = if header.present("rows").is_some() { store::rows(&header)? } else { Vec::new() };
            Ok(History::Store(StoreHistory::new(start, rows, each(&operations, store::operation)?)?))
        }
        other => Err(header.wrong("model", &format!("{other:?} is neither \"registers\" nor \"store\""))),
    }
}

/// Writes a history so that `read` reads the same, one operation a line.
#[must_use]
pub fn write(history: &History) -> String {
    let mut header = json!({ "format": FORMAT, "version": VERSION });
    let lines: Vec<Value> = match history {
        History::Registers(history) => {
            header["model"] = json!("registers");
            if !history.initial.is_empty() {
                header["initial"] = json!(history.initial);
            }
            history.operations.iter().map(registers::to_json).collect()
        }
        History::Store(history) => {
            header["model"] = json!("store");
            header["revision"] = json!(history.start);
            if !history.rows.is_empty() {
                header["rows"] = store::rows_to_json(&history.rows);
            }
            history.operations.iter().map(store::to_json).collect()
        }
    };
    std::iter::once(&header).chain(&lines).map(|line| format!("{line}\n")).collect()
}

fn values(text: &str) -> Result<Vec<Value>, HistoryError> {
    let parsed = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)
    } else {
        Deserializer::from_str(text).into_iter().collect()
    };
    parsed.map_err(|error| HistoryError::Json {
        line: error.line(),
        column: error.column(),
        problem: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
    })
}

fn check_version(header: &Fields<'_>) -> Result<(), HistoryError> {
    let format = header.text("format")?;
    if format != FORMAT {
        return Err(header.wrong("format", &format!("must be {FORMAT:?}, but is {format:?}")));
    }
    let version = header.number("version")?;
    if version != VERSION {
        return Err(header.wrong("version", &format!("is {version}; this program reads version {VERSION}")));
    }
    Ok(())
}

fn each<O>(operations: &[Value], read: fn(&Fields<'_>) -> Result<O, HistoryError>) -> Result<Vec<O>, HistoryError> {
    let places = (1..).map(Place::Operation);
    operations.iter().zip(places).map(|(value, place)| read(&Fields::new(value, place)?)).collect()
}

/// What all operations have, with the answer if there is one.
fn common<Q, R>(
    fields: &Fields<'_>,
    request: Q,
    response: impl FnOnce(&Q) -> Result<R, HistoryError>,
) -> Result<Operation<Q, R>, HistoryError> {
    let returned = fields.present("return").map(|_| fields.number("return")).transpose()?;
    let outcome = fields.present("outcome").map(|_| fields.text("outcome")).transpose()?;
    let ending = match (outcome.as_deref(), returned) {
        (None | Some("ok"), Some(at)) => Ending::Returned { at, response: response(&request)? },
        (None | Some("unknown"), _) => Ending::Unknown,
        (Some("failed"), _) => Ending::Failed,
        (Some("ok"), None) => return Err(fields.wrong("return", "is missing: what ended well has returned")),
        (Some(_), _) => return Err(fields.wrong("outcome", "must be \"ok\", \"failed\" or \"unknown\"")),
    };
    Ok(Operation {
        id: fields.name("id")?,
        client: fields.name("client")?,
        call: fields.number("call")?,
        request,
        ending,
    })
}

/// Whether an operation has an answer to be read.
fn is_answered(fields: &Fields<'_>) -> bool {
    fields.present("return").is_some() && matches!(fields.present("outcome").and_then(Value::as_str), None | Some("ok"))
}

const COMMON: [&str; 7] = ["id", "client", "call", "return", "outcome", "kind", "note"];

/// Refuses fields that are neither common, nor of the request, nor, if there is an answer, of the answer.
fn allow(fields: &Fields<'_>, request: &[&str], answer: &[&str]) -> Result<(), HistoryError> {
    let answer = if is_answered(fields) { answer } else { &[] };
    fields.allow(&[&COMMON, request, answer].concat())
}

fn common_to_json<Q, R>(operation: &Operation<Q, R>) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(operation.id));
    object.insert("client".to_owned(), json!(operation.client));
    object.insert("call".to_owned(), json!(operation.call));
    object.insert("return".to_owned(), json!(operation.returned_at()));
    match operation.ending {
        Ending::Failed => drop(object.insert("outcome".to_owned(), json!("failed"))),
        Ending::Returned { .. } | Ending::Unknown => {}
    }
    object
}
