//! Revisions: the store's own time. One command is one main revision; the sub revision orders what it changed.

use std::fmt;

/// A place in the store's history. Written `main.sub`, as in `7.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision {
    /// Which command. A new store is at 1, so that the first write is 2 (etcd API).
    pub main: i64,
    /// Which change of that command, from 0.
    pub sub: u32,
}

impl Revision {
    /// Before everything.
    pub const ZERO: Self = Self { main: 0, sub: 0 };

    /// The revision `main.sub`.
    #[must_use]
    pub fn new(main: i64, sub: u32) -> Self {
        Self { main, sub }
    }

    /// The first revision that a command at `main` can make.
    #[must_use]
    pub fn first_of(main: i64) -> Self {
        Self { main, sub: 0 }
    }

    /// The last revision that a command at `main` can make.
    #[must_use]
    pub fn last_of(main: i64) -> Self {
        Self { main, sub: u32::MAX }
    }

    /// The place right behind this one.
    #[must_use]
    pub fn next(self) -> Self {
        match self.sub.checked_add(1) {
            Some(sub) => Self { main: self.main, sub },
            None => Self::first_of(self.main.saturating_add(1)),
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.main, self.sub)
    }
}
