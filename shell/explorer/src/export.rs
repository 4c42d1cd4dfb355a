//! What can be taken away: a page that plays a recorded trace without any program, a trace, a log for ShiViz. It is given the
//! page's files and touches none itself.

use std::collections::BTreeMap;

use serde_json::json;

use crate::engine::Explorer;
use crate::limits::{Refusal, WINDOW_MICROS_MAX};
use crate::request::{ExportRequest, Form};
use crate::trace::{EventKind, Trace, Window};

mod bundle;
mod shiviz;

/// A file of the page: its path as in a URL, without the first slash, and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset<'a> {
    /// `explorer/main.js`.
    pub path: &'a str,
    /// What is in it.
    pub text: &'a str,
}

/// Puts together what is asked for, and says of which type it is. `goes_on` is asked now and then.
///
/// # Errors
/// When the run is too large.
pub fn export(
    request: &ExportRequest,
    assets: &[Asset<'_>],
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<(&'static str, String), Refusal> {
    let traces = traces(request, goes_on)?;
    Ok(match request.form {
        Form::Html => ("text/html; charset=utf-8", bundle::page(request, &traces, assets)),
        Form::Trace => ("application/json", json!({ "run": request.run, "traces": traces }).to_string()),
        Form::Shiviz => ("text/plain; charset=utf-8", shiviz::log(&traces)),
    })
}

/// All windows up to the end, each behind the one before.
fn traces(request: &ExportRequest, goes_on: &mut dyn FnMut() -> bool) -> Result<Vec<Trace>, Refusal> {
    let (mut explorer, mut traces, mut from) = (Explorer::default(), Vec::new(), 0);
    loop {
        let until = request.until.min(from + WINDOW_MICROS_MAX);
        let mut job = explorer.begin(&request.run, Window { from, until })?;
        let trace = job.trace(goes_on)?;
        explorer.park(job);
        let over = until >= request.until || trace.end < until;
        traces.push(trace);
        if over {
            return Ok(traces);
        }
        from = until;
    }
}
