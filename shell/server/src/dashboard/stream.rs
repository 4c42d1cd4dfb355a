//! What a page hears of while it is open: server-sent events, one stream a page. The whole cluster at first, then its rows each second without
//! the lines that were told before, and each new line by itself. It knows nothing of pages.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;

use super::Dashboard;
use super::cluster::Cluster;
use super::view::ToldView;
use crate::member::Member;

/// Who takes nothing for so long has gone, and holds a place for nothing.
const SEND_TIME_MAX: Duration = Duration::from_secs(30);
/// Rows come so often.
const TICK: Duration = Duration::from_secs(1);
/// Where nothing else comes for so long, a line says that the stream stands.
const BEAT: Duration = Duration::from_secs(2);

type Events = mpsc::Sender<Result<Frame<Bytes>, Infallible>>;

/// A line of what happened, with who says so.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    node: u64,
    #[serde(flatten)]
    told: &'a ToldView,
}

/// An answer that goes on until the client leaves or the member stops. It holds its place as long.
pub(super) fn body<M: Member>(dashboard: Arc<Dashboard<M>>, place: OwnedSemaphorePermit) -> Body {
    let (events, stream) = mpsc::channel(4);
    tokio::spawn(async move {
        let stop = dashboard.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = events.closed() => {}
            () = run(&dashboard, &events) => {}
        }
        drop(place);
    });
    Body::new(StreamBody::new(ReceiverStream::new(stream)))
}

async fn run<M: Member>(dashboard: &Dashboard<M>, events: &Events) {
    let (mut tick, mut beat) = (interval(TICK), interval(BEAT));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Newest::default();
    let mut name = "cluster";
    loop {
        let data = tokio::select! {
            _ = tick.tick() => {
                let cluster = dashboard.cluster().await;
                let text = if name == "cluster" { whole(&cluster, &mut told) } else { later(&cluster, &mut told) };
                name = "tick";
                text.into()
            }
            _ = beat.tick() => Bytes::from_static(b": beat\n\n"),
        };
        if events.send_timeout(Ok(Frame::data(data)), SEND_TIME_MAX).await.is_err() {
            return;
        }
    }
}

/// The newest line of each member that was sent: when it happened there, and its number.
#[derive(Debug, Default)]
struct Newest(BTreeMap<u64, (u64, u64)>);

impl Newest {
    fn is_new(&mut self, node: u64, told: &ToldView) -> bool {
        let newest = self.0.entry(node).or_default();
        let this = (told.at, told.number);
        let is_new = this > *newest;
        *newest = this.max(*newest);
        is_new
    }
}

fn whole(cluster: &Cluster, told: &mut Newest) -> String {
    for (node, line) in lines(cluster) {
        told.is_new(node, line);
    }
    event("cluster", cluster)
}

fn later(cluster: &Cluster, told: &mut Newest) -> String {
    let new = lines(cluster).filter(|(node, line)| told.is_new(*node, line));
    let mut text: String = new.map(|(node, line)| event("entry", &Entry { node, told: line })).collect();
    let mut rows = cluster.clone();
    rows.rows.iter_mut().filter_map(|row| row.view.as_mut()).for_each(|view| view.told.clear());
    text.push_str(&event("tick", &rows));
    text
}

fn lines(cluster: &Cluster) -> impl Iterator<Item = (u64, &ToldView)> {
    let rows = cluster.rows.iter().filter_map(|row| Some((row.node, row.view.as_ref()?)));
    rows.flat_map(|(node, view)| view.told.iter().map(move |line| (node, line)))
}

/// JSON has no line break outside of its texts, and inside it writes them as `\n`: one line of data is enough.
fn event(name: &str, data: &impl Serialize) -> String {
    let data = serde_json::to_string(data).expect("plain structs of texts and numbers are JSON");
    format!("event: {name}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::super::cluster::Row;
    use super::super::view::MemberView;
    use super::*;

    #[test]
    fn a_line_is_sent_once_also_when_its_member_started_again() {
        let line = |at, number, text: &str| ToldView { at, number, text: text.into(), ..ToldView::default() };
        let cluster = |told| {
            let view = MemberView { node: 2, told, ..MemberView::default() };
            Cluster { rows: vec![Row { node: 2, view: Some(view), ..Row::default() }], ..Cluster::default() }
        };
        let mut newest = Newest::default();
        assert!(whole(&cluster(vec![line(5, 1, "first")]), &mut newest).contains("first"));
        let text = later(&cluster(vec![line(5, 1, "first"), line(5, 2, "a\nb")]), &mut newest);
        assert!(text.starts_with("event: entry\ndata: {\"node\":2,\"number\":2,"), "{text}");
        assert!(!text.contains("first") && text.contains("a\\nb") && text.contains("\n\nevent: tick\n"), "{text}");
        let text = later(&cluster(vec![line(9, 1, "again")]), &mut newest);
        assert!(text.contains("event: entry") && text.contains("again"));
    }
}
