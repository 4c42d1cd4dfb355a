//! The dashboard's side of a member: it answers for itself and asks the others, each with little patience and all at once. Nothing here goes
//! through the log or needs a leader, so it works when nothing else does. Reading only, and no key or value is in any of it.
//!
//! It does not know how the page looks: its files are given by who starts the server.

mod cluster;
mod fetch;
mod headline;
mod history;
mod stream;
mod view;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, Method, Response, StatusCode};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use crate::context::Context;
use crate::member::Member;
use crate::member_info::MemberInfo;
use crate::web::{Answer, Page, dress, file, not_that_way, protect, refused, typed};
use cluster::{Cluster, Row};
use fetch::PATIENCE;
use history::History;
use view::{MemberView, Own, unix_millis};

/// Pages that may be open at once.
const STREAMS_MAX: usize = 64;
/// Histories of other members that are fetched at once.
const FETCHES_MAX: usize = 16;
/// Who asks within this time gets the same rows.
const FRESH: Duration = Duration::from_millis(400);

/// Finds the page's file at a path of a URL.
pub type Pages = fn(&str) -> Option<Page>;

/// What all who look share.
pub(crate) struct Dashboard<M> {
    context: Arc<Context<M>>,
    stop: CancellationToken,
    history: Lock<History>,
    gathered: Mutex<Gathered>,
    streams: Arc<Semaphore>,
    fetches: Semaphore,
}

/// The newest rows, and when each member was last heard.
#[derive(Default)]
struct Gathered {
    newest: Option<(Instant, Arc<Cluster>)>,
    known: BTreeMap<u64, (Instant, MemberView)>,
}

impl<M: Member> Dashboard<M> {
    pub(crate) fn new(context: Arc<Context<M>>, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            context,
            stop,
            history: Lock::default(),
            gathered: Mutex::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            fetches: Semaphore::new(FETCHES_MAX),
        })
    }

    /// Keeps the member's history, until it stops.
    pub(crate) async fn remember(self: Arc<Self>) {
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                _ = second.tick() => {}
            }
            if let Ok(Some(look)) = timeout(PATIENCE, self.context.member.look()).await {
                self.history().push(unix_millis(SystemTime::now()), Instant::now(), look);
            }
        }
    }

    fn history(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers what is the dashboard's, or nothing where the path is another's.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Option<Response<Body>> {
        let page = self.context.config.pages.and_then(|pages| pages(path));
        if page.is_none() && !path.starts_with("/api/cluster/") {
            return None;
        }
        let mut answer = if !matches!(*method, Method::GET | Method::HEAD) {
            not_that_way("GET").map(Body::new)
        } else if let Some(page) = page {
            file(page, headers).map(Body::new)
        } else {
            self.api(path, query).await
        };
        protect(&mut answer);
        Some(answer)
    }

    async fn api(self: &Arc<Self>, path: &str, query: &str) -> Response<Body> {
        let answer = match path {
            "/api/cluster/member" => match self.own().await {
                Ok(view) => json(&view),
                Err(error) => refused(StatusCode::SERVICE_UNAVAILABLE, &error),
            },
            "/api/cluster/status" => json(&*self.cluster().await),
            "/api/cluster/history" => self.points(query).await,
            "/api/cluster/events" => match self.streams.clone().try_acquire_owned() {
                Ok(place) => {
                    let mut answer = Response::new(stream::body(self.clone(), place));
                    dress(&mut answer, "text/event-stream");
                    return answer;
                }
                Err(_) => {
                    let what = format!("{STREAMS_MAX} pages are open here already: close one, or ask another member");
                    refused(StatusCode::SERVICE_UNAVAILABLE, &what)
                }
            },
            _ => {
                let what =
                    format!("there is nothing at {path}; there are /api/cluster/status, member, history and events");
                refused(StatusCode::NOT_FOUND, &what)
            }
        };
        answer.map(Body::new)
    }

    /// Points of this member's history, or of another's (`node=2`), after a moment (`since=` milliseconds of 1970).
    async fn points(&self, query: &str) -> Answer {
        let value = |name: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
        let number = |name: &str| value(name).map(|(_, text)| text.parse::<u64>()).transpose();
        let (Ok(since), Ok(node)) = (number("since"), number("node")) else {
            return refused(StatusCode::BAD_REQUEST, "since and node are numbers: /api/cluster/history?since=0&node=1");
        };
        let (own, since) = (self.context.member.status().node.0, since.unwrap_or(0));
        let node = node.unwrap_or(own);
        if node == own {
            return json(&self.history().since(own, since));
        }
        let members = self.context.members();
        let Some((_, info)) = members.iter().find(|(member, _)| member.node.0 == node) else {
            return refused(StatusCode::NOT_FOUND, &format!("n{node} is no member that is known here"));
        };
        let Ok(_place) = self.fetches.try_acquire() else {
            let what = format!("{FETCHES_MAX} ask for other members' histories here already: ask n{node} itself");
            return refused(StatusCode::SERVICE_UNAVAILABLE, &what);
        };
        match fetch::get(&info.client_urls, &format!("/api/cluster/history?since={since}")).await {
            Ok(points) => typed(StatusCode::OK, "application/json", points),
            Err(error) => refused(StatusCode::BAD_GATEWAY, &format!("n{node} was asked: {error}")),
        }
    }

    /// How this member is.
    async fn own(&self) -> Result<MemberView, String> {
        let look = timeout(PATIENCE, self.context.member.look()).await;
        let look = look.map_err(|_| format!("its loop does not answer within {} ms", PATIENCE.as_millis()))?;
        let look = look.ok_or("it is stopping")?;
        let identity = self.context.config.identity;
        let named = self.context.members().into_iter().find(|(member, _)| member.node == look.node);
        let own = Own {
            cluster: identity.cluster_id,
            name: named.map(|(_, info)| info.name).unwrap_or_default(),
            election_timeout: self.context.config.election_timeout,
        };
        let recent = self.history().recent();
        Ok(MemberView::of(&look, &own, recent))
    }

    /// The rows of all members, not older than a moment.
    async fn cluster(&self) -> Arc<Cluster> {
        let mut gathered = self.gathered.lock().await;
        if let Some((at, newest)) = &gathered.newest
            && at.elapsed() < FRESH
        {
            return newest.clone();
        }
        let cluster = Arc::new(self.gather(&mut gathered.known).await);
        gathered.newest = Some((Instant::now(), cluster.clone()));
        cluster
    }

    async fn gather(&self, known: &mut BTreeMap<u64, (Instant, MemberView)>) -> Cluster {
        let viewer = self.context.member.status().node.0;
        let members = self.context.members();
        let expected = format!("{:016x}", self.context.config.identity.cluster_id);
        let mut asked = JoinSet::new();
        for (member, info) in members.iter().filter(|(member, _)| member.node.0 != viewer) {
            let (node, urls, expected) = (member.node.0, info.client_urls.clone(), expected.clone());
            asked.spawn(async move { (node, ask(&urls, node, &expected).await) });
        }
        let mut answers = BTreeMap::from([(viewer, self.own().await)]);
        while let Some(answer) = asked.join_next().await {
            answers.extend(answer.ok());
        }
        let now = Instant::now();
        known.retain(|node, _| members.iter().any(|(member, _)| member.node.0 == *node));
        let rows = members.into_iter().map(|(member, info)| {
            let answer = answers.remove(&member.node.0).unwrap_or_else(|| Err("it was not asked".into()));
            row(&member, info, answer, known, now)
        });
        let rows = rows.collect();
        let mut cluster = Cluster { viewer, at: unix_millis(SystemTime::now()), rows, ..Cluster::default() };
        name_parts(&mut cluster);
        cluster.headline = headline::headline(&cluster);
        cluster.slowest = headline::slowest(&cluster);
        cluster
    }
}

/// A member's row: what it says now, or what it said last and why it is silent.
fn row(
    member: &node::Member,
    info: MemberInfo,
    answer: Result<MemberView, String>,
    known: &mut BTreeMap<u64, (Instant, MemberView)>,
    now: Instant,
) -> Row {
    let node = member.node.0;
    let error = match answer {
        Ok(view) => {
            known.insert(node, (now, view));
            None
        }
        Err(error) => Some(error),
    };
    let last = known.get(&node);
    Row {
        node,
        name: info.name,
        part: match (member.voter, member.joining) {
            (true, _) => "voter",
            (false, true) => "joining",
            (false, false) => "learner",
        },
        client_urls: info.client_urls,
        view: last.map(|(_, view)| view.clone()),
        age_ms: last.map_or(0, |(at, _)| view::millis(now - *at)),
        error,
    }
}

/// Who is a voter only of the configuration that is being left.
fn name_parts(cluster: &mut Cluster) {
    let Some(configuration) = cluster.own().map(|own| own.configuration.clone()) else { return };
    if configuration.stage != "joint" {
        return;
    }
    for row in cluster.rows.iter_mut().filter(|row| !configuration.voters.contains(&row.node)) {
        if configuration.voters_old.contains(&row.node) {
            row.part = "leaving";
        }
    }
}

/// Another member, which must be the one that is meant.
async fn ask(urls: &[String], node: u64, cluster: &str) -> Result<MemberView, String> {
    let answer = fetch::get(urls, "/api/cluster/member").await?;
    let view: MemberView = serde_json::from_slice(&answer).map_err(|error| format!("its answer is none: {error}"))?;
    if view.cluster != cluster {
        return Err(format!("a member of another cluster ({}) answers there", view.cluster));
    }
    if view.node != node {
        return Err(format!("n{} answers there", view.node));
    }
    Ok(view)
}

fn json(body: &impl serde::Serialize) -> Answer {
    let body = serde_json::to_vec(body).expect("plain structs of texts and numbers are JSON");
    typed(StatusCode::OK, "application/json", body.into())
}
