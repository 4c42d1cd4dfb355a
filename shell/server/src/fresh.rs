//! How fresh a read must be: linearizable, serializable, or serializable and not older than its metadata say
//! (`quorate-max-staleness: 500ms`). It does not know how that is found out.

use std::time::Duration;

use tonic::metadata::MetadataMap;

use crate::status::Error;

/// The metadata that bound the age of a serializable read.
const MAX_STALENESS: &str = "quorate-max-staleness";

/// What a read asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fresh {
    /// All that was acknowledged before it.
    Linearizable,
    /// What is here.
    Serializable,
    /// All that was acknowledged so long before it.
    Within(Duration),
}

impl Fresh {
    /// Of a request. A linearizable read is fresher than any bound.
    ///
    /// # Errors
    /// When the bound is no duration.
    pub(crate) fn of(metadata: &MetadataMap, serializable: bool) -> Result<Self, Error> {
        let bound = match metadata.get(MAX_STALENESS) {
            Some(value) => Some(value.to_str().ok().and_then(parse).ok_or(Error::BadStaleness)?),
            None => None,
        };
        Ok(match (serializable, bound) {
            (false, _) => Self::Linearizable,
            (true, None) => Self::Serializable,
            (true, Some(age)) => Self::Within(age),
        })
    }
}

/// `500ms`, `2s`, `100us`: digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit {
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, serializable: bool) -> Result<Fresh, Error> {
        let mut metadata = MetadataMap::new();
        metadata.insert(MAX_STALENESS, text.parse().unwrap());
        Fresh::of(&metadata, serializable)
    }

    #[test]
    fn a_bound_belongs_to_a_serializable_read() {
        assert_eq!(of("500ms", true), Ok(Fresh::Within(Duration::from_millis(500))));
        assert_eq!(of("2s", true), Ok(Fresh::Within(Duration::from_secs(2))));
        assert_eq!(of("70us", true), Ok(Fresh::Within(Duration::from_micros(70))));
        assert_eq!(of("500ms", false), Ok(Fresh::Linearizable));
        assert_eq!(Fresh::of(&MetadataMap::new(), true), Ok(Fresh::Serializable));
        assert_eq!(Fresh::of(&MetadataMap::new(), false), Ok(Fresh::Linearizable));
    }

    #[test]
    fn what_is_no_duration_is_refused_for_all_reads() {
        for text in ["", "5", "ms", "-5ms", "5 ms", "5m", "1.5s", "99999999999999999999s"] {
            for serializable in [true, false] {
                assert_eq!(of(text, serializable), Err(Error::BadStaleness), "{text}");
            }
        }
    }
}
