//! Which sequences of a session are in use. Pure: a client hands one to each command, and tells the cluster up to which one it
//! needs no answer any more. It does not know what the commands are.

use std::collections::BTreeSet;

/// The sequences of one session, from 1.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    next: u64,
    outstanding: BTreeSet<u64>,
    span: u64,
}

impl Window {
    /// `span`: a sequence may be at most so far above the one acknowledged.
    pub(crate) fn new(span: u64) -> Self {
        Self { next: 1, outstanding: BTreeSet::new(), span: span.max(1) }
    }

    /// The next sequence, unless it would be too far above the oldest that is still waited for.
    pub(crate) fn take(&mut self) -> Option<u64> {
        let sequence = self.next;
        if sequence > self.acknowledged() + self.span {
            return None;
        }
        self.next += 1;
        self.outstanding.insert(sequence);
        Some(sequence)
    }

    /// Nobody waits for it any more, answered or not.
    pub(crate) fn give_back(&mut self, sequence: u64) {
        self.outstanding.remove(&sequence);
    }

    /// Nobody waits for an answer to this sequence or a lower one.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.outstanding.first().map_or(self.next, |oldest| *oldest) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acknowledged_ends_before_the_oldest_that_is_waited_for() {
        let mut window = Window::new(3);
        assert_eq!(window.acknowledged(), 0);
        assert_eq!([window.take(), window.take(), window.take()], [Some(1), Some(2), Some(3)]);
        assert_eq!((window.take(), window.acknowledged()), (None, 0));
        window.give_back(2);
        assert_eq!((window.take(), window.acknowledged()), (None, 0), "1 is still waited for");
        window.give_back(1);
        assert_eq!(window.acknowledged(), 2);
        assert_eq!([window.take(), window.take(), window.take()], [Some(4), Some(5), None]);
        [3, 4, 5].into_iter().for_each(|sequence| window.give_back(sequence));
        assert_eq!((window.acknowledged(), window.take()), (5, Some(6)));
    }
}
