//! Asks each member how it is, five times a second, as a client would.
//!
//! Judges nothing: what an answer means is for `cluster`.

use std::time::Duration;

use server::api::etcdserverpb::StatusRequest;
use server::api::etcdserverpb::maintenance_client::MaintenanceClient;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::transport::Endpoint;

use super::Event;
use super::cluster::Seen;
use super::plan::Plan;

const PERIOD: Duration = Duration::from_millis(200);
/// Status waits for nobody, so even a busy machine answers sooner.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// Starts a task for each member; they end with the runtime.
pub(crate) fn start(plan: &Plan, events: &mpsc::Sender<Event>) {
    for (place, member) in plan.members.iter().enumerate() {
        let Ok(endpoint) = Endpoint::from_shared(member.client.to_string()) else { continue };
        // Connects when first used, and again after a loss.
        let channel = endpoint.connect_timeout(ANSWER_TIME).connect_lazy();
        let mut client = MaintenanceClient::new(channel);
        let events = events.clone();
        tokio::spawn(async move {
            let mut period = interval(PERIOD);
            period.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                period.tick().await;
                let answer = timeout(ANSWER_TIME, client.status(StatusRequest {})).await;
                let seen = answer.ok().and_then(Result::ok).map(|status| {
                    let status = status.into_inner();
                    let id = status.header.as_ref().map_or(0, |header| header.member_id);
                    Seen { leads: status.leader != 0 && status.leader == id, term: status.raft_term }
                });
                if events.send(Event::Seen(place, seen)).await.is_err() {
                    return;
                }
            }
        });
    }
}
