//! Operations on registers as JSON.

use serde_json::{Value, json};

use super::fields::Fields;
use super::{allow, common, common_to_json};
use crate::error::HistoryError;
use crate::history::{Ending, RegisterAction, RegisterOperation, RegisterRequest, RegisterResponse};

pub(super) fn operation(fields: &Fields<'_>) -> Result<RegisterOperation, HistoryError> {
    let action = match fields.text("kind")?.as_str() {
        "read" => {
            allow(fields, &["key"], &["value"])?;
            RegisterAction::Read
        }
        "write" => {
            allow(fields, &["key", "value"], &[])?;
            RegisterAction::Write(fields.any("value")?.clone())
        }
        "cas" => {
            allow(fields, &["key", "expected", "new"], &["swapped"])?;
            RegisterAction::CompareAndSwap {
                expected: fields.any("expected")?.clone(),
                new: fields.any("new")?.clone(),
            }
        }
        other => return Err(fields.wrong("kind", &format!("{other:?} is none of \"read\", \"write\", \"cas\""))),
    };
    let request = RegisterRequest { key: fields.name("key")?, action };
    common(fields, request, |request| match request.action {
        RegisterAction::Read => Ok(RegisterResponse::Value(fields.any("value")?.clone())),
        RegisterAction::Write(_) => Ok(RegisterResponse::Written),
        RegisterAction::CompareAndSwap { .. } => Ok(RegisterResponse::Swapped(fields.truth("swapped")?)),
    })
}

pub(super) fn to_json(operation: &RegisterOperation) -> Value {
    let mut object = common_to_json(operation);
    let mut set = |field: &str, value: Value| drop(object.insert(field.to_owned(), value));
    set("key", json!(operation.request.key));
    match &operation.request.action {
        RegisterAction::Read => set("kind", json!("read")),
        RegisterAction::Write(value) => {
            set("kind", json!("write"));
            set("value", value.clone());
        }
        RegisterAction::CompareAndSwap { expected, new } => {
            set("kind", json!("cas"));
            set("expected", expected.clone());
            set("new", new.clone());
        }
    }
    match &operation.ending {
        Ending::Returned { response: RegisterResponse::Value(value), .. } => set("value", value.clone()),
        Ending::Returned { response: RegisterResponse::Swapped(swapped), .. } => set("swapped", json!(swapped)),
        Ending::Returned { response: RegisterResponse::Written, .. } | Ending::Failed | Ending::Unknown => {}
    }
    Value::Object(object)
}
