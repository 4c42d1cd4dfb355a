//! The index: for each key, the revisions at which it changed. It is all in memory and answers which row, if any, holds a
//! key at a revision; it also knows version and creation of the newest state, so that a put has no need of old rows.

use crate::key_map::KeyMap;
use crate::key_range::KeyRange;
use crate::revision::Revision;

/// All keys, in order. They are copies: shared with a row they would keep the row's value alive.
#[derive(Debug, Default)]
pub(crate) struct Index {
    keys: KeyMap<History>,
    /// Changes beyond the newest of each key.
    older_changes: u64,
    /// Keys that exist now.
    live: u64,
}

/// One change of a key.
/// (A [`Revision`] in it would make it half as large again.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    main: i64,
    sub: u32,
    /// Whether it deleted the key.
    tombstone: bool,
}

/// What happened to one key: most keys have one change that matters, so that one needs no allocation.
#[derive(Debug)]
pub(crate) struct History {
    newest: Change,
    /// Main revision of the creation of the newest state; 0 if it is a tombstone.
    created: i64,
    /// Version of the newest state; 0 if it is a tombstone.
    version: i64,
    /// The changes before the newest, oldest first; boxed because most keys have none.
    #[expect(clippy::box_collection, reason = "a pointer is a third of a vector, a million times")]
    older: Option<Box<Vec<Change>>>,
}

/// What a put found and made.
pub(crate) struct Placed {
    /// The row of the state before, if the key existed.
    pub(crate) previous: Option<Revision>,
    /// Main revision of the creation.
    pub(crate) created: i64,
    /// The version from now on.
    pub(crate) version: i64,
}

/// Where the newest state of a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Newest {
    pub(crate) revision: Revision,
    pub(crate) created: i64,
    pub(crate) version: i64,
}

impl Index {
    /// Notes a put at `revision`, which is above all noted before.
    pub(crate) fn put(&mut self, key: &[u8], revision: Revision) -> Placed {
        let change = Change::new(revision, false);
        let update = |history: &mut History| {
            let previous = history.live().map(|newest| newest.revision);
            if previous.is_none() {
                history.created = revision.main;
            }
            history.version += 1;
            history.push(change);
            (true, Placed { previous, created: history.created, version: history.version })
        };
        let create = || {
            let history = History { newest: change, created: revision.main, version: 1, older: None };
            (history, (false, Placed { previous: None, created: revision.main, version: 1 }))
        };
        let (known, placed) = self.keys.upsert(key, update, create);
        self.older_changes += u64::from(known);
        self.live += u64::from(placed.previous.is_none());
        placed
    }

    /// Notes a delete of every existing key of `range`; `next` is told the key and the row of its last state, and gives
    /// the revision.
    ///
    /// # Errors
    /// Those of `next`; what was noted before stays.
    pub(crate) fn delete<E>(
        &mut self,
        range: KeyRange<'_>,
        mut next: impl FnMut(&[u8], Revision) -> Result<Revision, E>,
    ) -> Result<(), E> {
        let Self { keys, older_changes, live } = self;
        let mut bury = |key: &[u8], history: &mut History| {
            let Some(newest) = history.live() else { return Ok(()) };
            history.bury(next(key, newest.revision)?);
            *older_changes += 1;
            *live -= 1;
            Ok(())
        };
        if let KeyRange::One(key) = range {
            return keys.get_mut(key).map_or(Ok(()), |history| bury(key, history));
        }
        range.bounds_after(None).map_or(Ok(()), |bounds| keys.visit_mut(bounds, bury))
    }

    /// Where the newest state of `key` is, if it exists.
    pub(crate) fn newest(&self, key: &[u8]) -> Option<Newest> {
        self.keys.get(key)?.live()
    }

    /// The changes of `key`, if any are noted.
    pub(crate) fn history(&self, key: &[u8]) -> Option<&History> {
        self.keys.get(key)
    }

    /// The keys of `range` behind `after`, in order, deleted ones too.
    pub(crate) fn keys<'a>(
        &'a self,
        range: KeyRange<'a>,
        after: Option<&'a [u8]>,
    ) -> impl Iterator<Item = (&'a [u8], &'a History)> {
        let one = match range {
            KeyRange::One(key) if after.is_none() => self.keys.get(key).map(|history| (key, history)),
            KeyRange::One(_) | KeyRange::From(_) | KeyRange::Between(..) | KeyRange::Empty => None,
        };
        let many = match range {
            KeyRange::One(_) | KeyRange::Empty => None,
            KeyRange::From(_) | KeyRange::Between(..) => range.bounds_after(after),
        };
        one.into_iter().chain(many.into_iter().flat_map(|bounds| self.keys.range(bounds)))
    }

    /// Forgets the changes of `key` that reads at `compact_revision` and later can't see, telling `dropped` each.
    pub(crate) fn compact(&mut self, key: &[u8], compact_revision: i64, mut dropped: impl FnMut(Revision)) {
        let Some(history) = self.keys.get_mut(key) else { return };
        let before = history.older_len();
        let gone = history.compact(compact_revision, &mut dropped);
        self.older_changes -= (before - history.older_len()) as u64;
        if gone {
            self.keys.remove(key);
        }
    }

    /// Takes a key as a stream describes it; the caller has checked that it fits what was taken before.
    pub(crate) fn restore(&mut self, key: &[u8], change: Change, created: i64, version: i64) {
        let create = || (History { newest: change, created, version, older: None }, (false, false));
        let update = |history: &mut History| {
            let was_live = history.live().is_some();
            history.push(change);
            (history.created, history.version) = (created, version);
            (true, was_live)
        };
        let (known, was_live) = self.keys.upsert(key, update, create);
        self.older_changes += u64::from(known);
        self.live = self.live + u64::from(!change.tombstone) - u64::from(was_live);
    }

    /// How many keys exist now.
    pub(crate) fn live(&self) -> u64 {
        self.live
    }

    /// About how many bytes the index takes.
    pub(crate) fn footprint(&self) -> u64 {
        self.keys.footprint() as u64 + self.older_changes * size_of::<Change>() as u64
    }
}

impl History {
    /// The newest state, if the key exists.
    pub(crate) fn live(&self) -> Option<Newest> {
        let Self { newest, created, version, .. } = *self;
        (!newest.tombstone).then_some(Newest { revision: newest.revision(), created, version })
    }

    /// The row that holds the key at the main revision `at`, if it exists there.
    #[inline]
    pub(crate) fn at(&self, at: i64) -> Option<Revision> {
        let change = if self.newest.main <= at { self.newest } else { self.last_older(at)? };
        (!change.tombstone).then_some(change.revision())
    }

    /// Whether no read at `compact_revision` or later, and no watch from it, can see the row of `revision`.
    pub(crate) fn is_garbage(&self, revision: Revision, compact_revision: i64) -> bool {
        let last = if self.newest.main <= compact_revision {
            self.newest
        } else {
            let Some(last) = self.last_older(compact_revision) else { return false };
            last
        };
        revision < last.revision() || revision == last.revision() && last.is_passed(compact_revision)
    }

    /// The last change at or before `at` among the older ones.
    fn last_older(&self, at: i64) -> Option<Change> {
        let older = self.older.as_deref()?;
        let behind = older.partition_point(|change| change.main <= at);
        Some(older[behind.checked_sub(1)?])
    }

    fn push(&mut self, change: Change) {
        let previous = std::mem::replace(&mut self.newest, change);
        self.older.get_or_insert_default().push(previous);
    }

    fn bury(&mut self, revision: Revision) {
        self.push(Change::new(revision, true));
        (self.created, self.version) = (0, 0);
    }

    fn older_len(&self) -> usize {
        self.older.as_ref().map_or(0, |older| older.len())
    }

    /// Drops what can't be seen; true if nothing is left.
    fn compact(&mut self, compact_revision: i64, dropped: &mut impl FnMut(Revision)) -> bool {
        if self.newest.main <= compact_revision {
            self.older.take().into_iter().flat_map(|older| *older).for_each(|change| dropped(change.revision()));
            let gone = self.newest.is_passed(compact_revision);
            if gone {
                dropped(self.newest.revision());
            }
            return gone;
        }
        let Some(older) = self.older.as_deref_mut() else { return false };
        let behind = older.partition_point(|change| change.main <= compact_revision);
        let Some(last) = behind.checked_sub(1).map(|at| older[at]) else { return false };
        let drop = if last.is_passed(compact_revision) { behind } else { behind - 1 };
        older.drain(..drop).for_each(|change| dropped(change.revision()));
        if older.is_empty() {
            self.older = None;
        } else {
            // A key that was busy once need not stay large.
            older.shrink_to(older.len() * 2);
        }
        false
    }
}

impl Change {
    pub(crate) fn new(Revision { main, sub }: Revision, tombstone: bool) -> Self {
        Self { main, sub, tombstone }
    }

    fn revision(self) -> Revision {
        Revision::new(self.main, self.sub)
    }

    /// Whether compaction at `compact_revision` forgets it even if it is the last one: a tombstone before it. The one
    /// exactly at it stays until the next compaction, since a watch may begin there.
    fn is_passed(self, compact_revision: i64) -> bool {
        self.tombstone && self.main < compact_revision
    }
}
