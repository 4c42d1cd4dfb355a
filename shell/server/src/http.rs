//! Plain HTTP beside gRPC on the same port: health and version, as etcd words them. It reads no request body and knows no
//! JSON gateway.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;
use tonic::body::Body;

use crate::api::etcdserverpb::AlarmType;
use crate::context::Context;
use crate::member::Member;
use crate::version;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Answers a request that is not gRPC.
pub(crate) async fn answer<M: Member>(
    context: &Arc<Context<M>>,
    method: &Method,
    path: &str,
    query: Option<&str>,
) -> Response<Body> {
    let query = Query(query.unwrap_or(""));
    let known = matches!(path, "/health" | "/version" | "/livez" | "/readyz");
    if !known {
        return text(StatusCode::NOT_FOUND, "404 page not found\n".to_owned());
    }
    if method != Method::GET && method != Method::HEAD {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n".to_owned());
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
        return response;
    }
    match path {
        "/health" => health(context, query).await,
        "/version" => json(StatusCode::OK, &Version::here()),
        "/livez" => probe(&[("serializable_read", Ok(()))], query),
        _ => ready(context, query).await,
    }
}

/// `/version`. etcd's keys hold the version that we are compatible with.
#[derive(Serialize)]
struct Version {
    etcdserver: &'static str,
    etcdcluster: &'static str,
    quorate: &'static str,
}

impl Version {
    fn here() -> Self {
        Self { etcdserver: version::ETCD, etcdcluster: version::ETCD, quorate: version::QUORATE }
    }
}

/// `/health`.
#[derive(Serialize)]
struct Health {
    health: &'static str,
    reason: String,
}

async fn health<M: Member>(context: &Context<M>, query: Query<'_>) -> Response<Body> {
    match check(context, query).await {
        Ok(()) => json(StatusCode::OK, &Health { health: "true", reason: String::new() }),
        Err(reason) => json(StatusCode::SERVICE_UNAVAILABLE, &Health { health: "false", reason }),
    }
}

/// Alarms that are not excluded, then a leader, then whether a linearizable read is answered; the last two not for
/// `serializable=true`.
async fn check<M: Member>(context: &Context<M>, query: Query<'_>) -> Result<(), String> {
    for alarm in context.alarms() {
        let name = alarm.alarm().as_str_name();
        if !query.has("exclude", name) {
            return Err(format!("ALARM {name}"));
        }
    }
    if query.has("serializable", "true") {
        return Ok(());
    }
    if context.member.status().leader.is_none() {
        return Err("RAFT NO LEADER".to_owned());
    }
    context.linearize(context.config.request_time_max()).await.map_err(|error| format!("RANGE ERROR:{error}"))
}

async fn ready<M: Member>(context: &Context<M>, query: Query<'_>) -> Response<Body> {
    let corrupt = context.alarms().iter().any(|alarm| alarm.alarm == i32::from(AlarmType::Corrupt));
    let corruption = if corrupt { Err("alarm activated: CORRUPT".to_owned()) } else { Ok(()) };
    let linearizable = context.linearize(context.config.request_time_max()).await.map_err(|error| error.to_string());
    probe(&[("data_corruption", corruption), ("serializable_read", Ok(())), ("linearizable_read", linearizable)], query)
}

/// A probe's answer: `ok`, or which of its checks failed. `verbose` lists all of them, `exclude=NAME` leaves one out.
fn probe(checks: &[(&str, Result<(), String>)], query: Query<'_>) -> Response<Body> {
    let (mut lines, mut healthy) = (String::new(), true);
    for (name, outcome) in checks {
        let line = match outcome {
            _ if query.has("exclude", name) => format!("[+]{name} excluded: ok\n"),
            Ok(()) => format!("[+]{name} ok\n"),
            Err(reason) => {
                healthy = false;
                format!("[-]{name} failed: {reason}\n")
            }
        };
        lines.push_str(&line);
    }
    match (healthy, query.has_key("verbose")) {
        (true, false) => text(StatusCode::OK, "ok\n".to_owned()),
        (true, true) => text(StatusCode::OK, lines + "ok\n"),
        (false, _) => text(StatusCode::SERVICE_UNAVAILABLE, lines),
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    let body = serde_json::to_vec(body).expect("plain structs of texts are JSON");
    response(status, JSON, body.into())
}

fn text(status: StatusCode, body: String) -> Response<Body> {
    response(status, TEXT, body.into())
}

fn response(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// The part of a URL after `?`. None of the values looked for needs percent decoding.
#[derive(Clone, Copy)]
struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    fn pairs(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }

    fn has(self, key: &str, value: &str) -> bool {
        self.pairs().any(|pair| pair == (key, value))
    }

    fn has_key(self, key: &str) -> bool {
        self.pairs().any(|(found, _)| found == key)
    }
}
