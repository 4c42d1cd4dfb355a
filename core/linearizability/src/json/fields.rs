//! Takes one JSON object apart, field by field, so that what is wrong is said with its place.

use serde_json::{Map, Value};

use crate::error::HistoryError;

/// Which object of a history.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Header,
    /// Counted from 1.
    Operation(usize),
}

/// An object, or a part of one.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    place: Place,
    id: Option<String>,
    /// Where in the object this part is, as `success[2].`.
    path: String,
}

impl<'a> Fields<'a> {
    pub(super) fn new(value: &'a Value, place: Place) -> Result<Self, HistoryError> {
        let empty = Map::new();
        let map = value.as_object();
        let id = map.and_then(|map| map.get("id")).and_then(name_of);
        let Some(map) = map else {
            let fields = Fields { map: &empty, place, id, path: String::new() };
            return Err(fields.wrong("", "must be an object"));
        };
        Ok(Self { map, place, id, path: String::new() })
    }

    pub(super) fn wrong(&self, field: &str, problem: &str) -> HistoryError {
        let (field, problem) = (format!("{}{field}", self.path), problem.to_owned());
        match self.place {
            Place::Header => HistoryError::Header { field, problem },
            Place::Operation(number) => HistoryError::Operation { number, id: self.id.clone(), field, problem },
        }
    }

    /// A field that is there and not null.
    pub(super) fn present(&self, field: &str) -> Option<&'a Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    /// A field that must be there, and may be null.
    pub(super) fn any(&self, field: &str) -> Result<&'a Value, HistoryError> {
        self.map.get(field).ok_or_else(|| self.wrong(field, "is missing"))
    }

    fn some(&self, field: &str) -> Result<&'a Value, HistoryError> {
        self.present(field).ok_or_else(|| self.wrong(field, "is missing"))
    }

    pub(super) fn text(&self, field: &str) -> Result<String, HistoryError> {
        let text = self.some(field)?.as_str();
        text.map(str::to_owned).ok_or_else(|| self.wrong(field, "must be a text"))
    }

    /// A text, or a whole number that is taken for one.
    pub(super) fn name(&self, field: &str) -> Result<String, HistoryError> {
        name_of(self.some(field)?).ok_or_else(|| self.wrong(field, "must be a text or a whole number"))
    }

    pub(super) fn number(&self, field: &str) -> Result<u64, HistoryError> {
        let number = self.some(field)?.as_u64().filter(|number| i64::try_from(*number).is_ok());
        number.ok_or_else(|| self.wrong(field, "must be a whole number from 0 to 2^63 - 1"))
    }

    pub(super) fn number_if_present(&self, field: &str) -> Result<Option<u64>, HistoryError> {
        self.present(field).map(|_| self.number(field)).transpose()
    }

    pub(super) fn truth(&self, field: &str) -> Result<bool, HistoryError> {
        self.some(field)?.as_bool().ok_or_else(|| self.wrong(field, "must be true or false"))
    }

    /// The objects of a list; an empty list if the field is not there.
    pub(super) fn parts(&self, field: &str) -> Result<Vec<Self>, HistoryError> {
        let Some(value) = self.present(field) else { return Ok(Vec::new()) };
        let values = value.as_array().ok_or_else(|| self.wrong(field, "must be a list"))?;
        let parts = values.iter().enumerate().map(|(number, value)| {
            let name = format!("{field}[{number}]");
            let map = value.as_object().ok_or_else(|| self.wrong(&name, "must be an object"))?;
            Ok(Fields { map, place: self.place, id: self.id.clone(), path: format!("{}{name}.", self.path) })
        });
        parts.collect()
    }

    /// Refuses fields of other names: a misspelt one would change the meaning in silence.
    pub(super) fn allow(&self, names: &[&str]) -> Result<(), HistoryError> {
        match self.map.iter().find(|(name, value)| !value.is_null() && !names.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => {
                Err(self.wrong(name, &format!("does not belong here; allowed are {}", names.join(", "))))
            }
        }
    }
}

fn name_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => number.as_i64().map(|number| number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
