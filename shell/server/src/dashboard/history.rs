//! The last quarter of an hour of one member, a point a second, in memory: a page has its curves as soon as it is opened. It does not know who
//! reads them.

use std::collections::VecDeque;
use std::time::Instant;

use node::look::Look;
use serde::Serialize;

use super::view::Recent;

/// Points that are kept: fifteen minutes.
const POINTS: usize = 900;
/// What is called recent: so many seconds.
const RECENT: usize = 10;

/// The numbers of a point, in this order.
pub(crate) const COLUMNS: [&str; 10] =
    ["at", "commits", "waiting", "term", "leads", "p50", "p99", "disk", "network", "apply"];

/// One second: milliseconds of 1970, entries committed in it, requests that waited, the term, 1 where the member led, and
/// microseconds: percentiles of the whole, and the means of its parts.
type Point = [Option<u64>; COLUMNS.len()];

/// The points of a member, and the looks of its last seconds.
#[derive(Debug, Default)]
pub(crate) struct History {
    points: VecDeque<Point>,
    looks: VecDeque<(Instant, Look)>,
}

/// The answer to a question for points.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Points {
    pub(crate) node: u64,
    pub(crate) columns: [&'static str; COLUMNS.len()],
    pub(crate) points: Vec<Point>,
}

impl History {
    /// A second passed: the member looks like this now.
    pub(crate) fn push(&mut self, unix_millis: u64, now: Instant, look: Look) {
        if let Some((then, before)) = self.looks.back() {
            let second = Recent::between(before, &look, now - *then);
            let leads = look.leader == Some(look.node);
            if self.points.len() == POINTS {
                self.points.pop_front();
            }
            self.points.push_back([
                Some(unix_millis),
                Some(second.commits),
                Some(look.waiting as u64),
                Some(look.term.0),
                Some(u64::from(leads)),
                second.total.p50,
                second.total.p99,
                second.disk.mean,
                second.network.mean,
                second.apply.mean,
            ]);
        }
        if self.looks.len() > RECENT {
            self.looks.pop_front();
        }
        self.looks.push_back((now, look));
    }

    /// What was measured from about ten seconds before the last point to it.
    pub(crate) fn recent(&self) -> Recent {
        match (self.looks.front(), self.looks.back()) {
            (Some((then, earlier)), Some((now, later))) => Recent::between(earlier, later, now.duration_since(*then)),
            _ => Recent::default(),
        }
    }

    /// Points after a moment, in milliseconds of 1970.
    pub(crate) fn since(&self, node: u64, unix_millis: u64) -> Points {
        let points = self.points.iter().filter(|point| point[0] > Some(unix_millis)).copied().collect();
        Points { node, columns: COLUMNS, points }
    }
}
