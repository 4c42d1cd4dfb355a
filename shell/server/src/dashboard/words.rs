//! Numbers in a person's words. It knows no cluster.

/// A duration in a person's words.
pub(crate) fn lasting(millis: u64) -> String {
    match millis {
        0..10_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        10_000..120_000 => format!("{} s", millis / 1000),
        120_000..7_200_000 => format!("{} min", millis / 60_000),
        7_200_000..172_800_000 => format!("{} h", millis / 3_600_000),
        _ => format!("{} days", millis / 86_400_000),
    }
}

/// Of what is under way, what is there.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100) / whole.max(1)
}

/// A size in a person's words.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} bytes"),
        10_000..10_000_000 => format!("{} kB", (count + 500) / 1000),
        10_000_000..10_000_000_000 => format!("{} MB", (count + 500_000) / 1_000_000),
        _ => format!("{} GB", count / 1_000_000_000),
    }
}

/// A time that a commit takes.
pub(crate) fn short(micros: u64) -> String {
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..9950 => format!("{}.{} ms", (micros + 50) / 1000, (micros + 50) % 1000 / 100),
        _ => format!("{} ms", (micros + 500) / 1000),
    }
}

/// `n1, n2 and n3`.
pub(crate) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [many @ .., last] => format!("{} and {last}", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_lists_are_a_persons() {
        assert_eq!([950, 12_345, 61_000_000, 10_000_000_000].map(bytes), ["950 bytes", "12 kB", "61 MB", "10 GB"]);
        assert_eq!((percent(1, 3), percent(0, 0)), (33, 0));
        let names = ["n1", "n2", "n3"].map(String::from);
        assert_eq!([list(&names[..1]), list(&names[..2]), list(&names)], ["n1", "n1 and n2", "n1, n2 and n3"]);
        assert_eq!([900, 1860, 9960, 812_400].map(short), ["900 µs", "1.9 ms", "10 ms", "812 ms"]);
    }

    #[test]
    fn durations_are_a_persons() {
        let table = [
            (40, "0.0 s"),
            (9_990, "9.9 s"),
            (61_000, "61 s"),
            (180_000, "3 min"),
            (7_200_000, "2 h"),
            (u64::MAX, "213503982334 days"),
        ];
        for (millis, text) in table {
            assert_eq!(lasting(millis), text);
        }
    }
}
