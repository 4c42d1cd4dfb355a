//! How long a request may take: what its client says in `grpc-timeout`, and never longer than this member allows. It does
//! not know what a request does with its time.

use std::time::Duration;

use tokio::time::Instant;
use tonic::metadata::MetadataMap;

/// When a request ends, answered or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// The nearer of what the client asks for and `time_max`, from now on.
    pub(crate) fn of(metadata: &MetadataMap, time_max: Duration) -> Self {
        let asked = metadata.get("grpc-timeout").and_then(|value| parse(value.as_bytes()));
        Self::after(asked.map_or(time_max, |asked| asked.min(time_max)))
    }

    /// `time` from now on.
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// What is left; nothing once it has passed.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub(crate) fn passed(self) -> bool {
        self.left().is_zero()
    }
}

/// `TimeoutValue TimeoutUnit` of the gRPC protocol: at most eight digits, then one of `HMSmun`. Anything else counts as not
/// given.
fn parse(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    match unit {
        b'H' => Some(Duration::from_secs(number * 3600)),
        b'M' => Some(Duration::from_secs(number * 60)),
        b'S' => Some(Duration::from_secs(number)),
        b'm' => Some(Duration::from_millis(number)),
        b'u' => Some(Duration::from_micros(number)),
        b'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_is_read() {
        let table: [(&str, Duration); 7] = [
            ("2H", Duration::from_secs(7200)),
            ("3M", Duration::from_secs(180)),
            ("5S", Duration::from_secs(5)),
            ("4999m", Duration::from_millis(4999)),
            ("70u", Duration::from_micros(70)),
            ("99999999n", Duration::from_nanos(99_999_999)),
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
        ];
        for (text, time) in table {
            assert_eq!(parse(text.as_bytes()), Some(time), "{text}");
        }
    }

    #[test]
    fn what_is_no_timeout_counts_as_not_given() {
        for text in ["", "S", "5", "5s", "-5S", "+5S", " 5S", "123456789S", "5.0S"] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_nearer_deadline_counts() {
        let limit = Duration::from_secs(7);
        for (asked, left) in [(None, 7), (Some("2S"), 2), (Some("1H"), 7), (Some("nonsense"), 7)] {
            let mut metadata = MetadataMap::new();
            if let Some(asked) = asked {
                metadata.insert("grpc-timeout", asked.parse().unwrap());
            }
            assert_eq!(Deadline::of(&metadata, limit).left(), Duration::from_secs(left), "{asked:?}");
        }
        let deadline = Deadline::after(limit);
        tokio::time::advance(limit).await;
        assert!(deadline.passed());
    }
}
