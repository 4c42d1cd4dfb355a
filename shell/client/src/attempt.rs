//! One attempt of a call at one member: its time, its metadata. It does not know the call.

use std::time::Duration;

use tonic::Request;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

/// Metadata that names a command of a session.
pub(crate) const SESSION: &str = "quorate-session";
pub(crate) const SEQUENCE: &str = "quorate-sequence";
pub(crate) const ACKNOWLEDGED: &str = "quorate-acknowledged";

/// Metadata of every answer of Quorate: where the configuration stands that its sender knows.
const CONFIGURATION: &str = "quorate-configuration";

/// Which configuration of the members an answer speaks of; 0 where it does not say.
pub(crate) fn configuration(answer: &MetadataMap) -> u64 {
    let text = answer.get(CONFIGURATION).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Metadata that bound the age of a serializable read.
pub(crate) fn max_staleness(age: Duration) -> (&'static str, MetadataValue<Ascii>) {
    let text = format!("{}us", u64::try_from(age.as_micros()).unwrap_or(u64::MAX));
    ("quorate-max-staleness", text.parse().expect("digits and letters"))
}

/// What goes with the message of one attempt.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// The member is told that nobody waits longer.
    pub(crate) time: Duration,
    pub(crate) metadata: Vec<(&'static str, MetadataValue<Ascii>)>,
}

impl Attempt {
    /// The message, with what goes with it.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.time);
        for (name, value) in &self.metadata {
            request.metadata_mut().insert(*name, value.clone());
        }
        request
    }
}
