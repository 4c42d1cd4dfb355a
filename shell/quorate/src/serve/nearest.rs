//! The known name that a misspelt one most likely meant.

/// The closest of `known` to `name`, unless even that one is more than half made of other letters.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, best) = known.map(|candidate| (distance(name, candidate), candidate)).min()?;
    (2 * distance <= best.chars().count().max(name.chars().count())).then_some(best)
}

/// Number of letters to insert, remove, change or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            next[j] = (row[j] + 1).min(next[j - 1] + 1).min(row[j - 1] + changed);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                next[j] = next[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("data-dir", "datadir", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn a_slip_is_recognised_and_nonsense_is_not() {
        let known = || ["name", "data-dir", "listen-client-urls", "listen-peer-urls"].into_iter();
        assert_eq!(nearest("listen-clients-url", known()), Some("listen-client-urls"));
        assert_eq!(nearest("dataa-dir", known()), Some("data-dir"));
        assert_eq!(nearest("nmae", known()), Some("name"));
        assert_eq!(nearest("xyzzyxyzzy", known()), None);
    }
}
