//! A trace as ShiViz reads it: one line for the host and its vector clock, one for what happened. The log is to be split by
//! `(?<host>\S*) (?<clock>{.*})\n(?<event>.*)`.

use super::{BTreeMap, EventKind, Trace};

/// The whole log.
pub(super) fn log(traces: &[Trace]) -> String {
    let mut clocks: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    // The sender's clock when a message left.
    let mut sent: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    let mut log = String::new();
    for event in traces.iter().flat_map(|trace| &trace.events) {
        let at = event.node.or_else(|| event.sent.first().map(|flight| flight.from));
        let Some(node) = at.filter(|_| is_told(event.kind)) else {
            for flight in &event.sent {
                sent.insert(flight.id, clocks.get(&flight.from).cloned().unwrap_or_default());
            }
            continue;
        };
        let clock = clocks.entry(node).or_default();
        let heard = event.msg.filter(|_| event.kind == EventKind::Arrive).and_then(|msg| sent.get(&msg));
        for (other, count) in heard.into_iter().flatten() {
            let known = clock.entry(*other).or_default();
            *known = (*known).max(*count);
        }
        *clock.entry(node).or_default() += 1;
        let words: Vec<String> = clock.iter().map(|(other, count)| format!("\"n{other}\":{count}")).collect();
        log.push_str(&format!("n{node} {{{}}}\n{}\n", words.join(","), event.text));
        let clock = clock.clone();
        for flight in event.sent.iter().filter(|flight| flight.from == node) {
            sent.insert(flight.id, clock.clone());
        }
    }
    log
}

fn is_told(kind: EventKind) -> bool {
    use EventKind::{Act, Answer, Ask, Broken, Change, Lost, Told};
    !matches!(kind, Act | Answer | Ask | Broken | Change | Lost | Told)
}
