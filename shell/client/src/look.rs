//! Looking at the members: all endpoints are asked at once how they are, so that the directory knows who leads. One look runs
//! at a time, in the background; calls go on as soon as anyone has answered. It does not know what the answers are used for.

use std::sync::{Arc, Weak};
use std::time::Duration;

use api::etcdserverpb::cluster_client::ClusterClient;
use api::etcdserverpb::maintenance_client::MaintenanceClient;
use api::etcdserverpb::{MemberListRequest, StatusRequest, StatusResponse};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Response, Status};

use crate::attempt::configuration;
use crate::directory::View;
use crate::endpoint::{Url, parse};
use crate::shared::{Looks, Shared, SharedClient};
use crate::verdict::words;

/// Looks follow each other no faster.
const PAUSE: Duration = Duration::from_millis(50);

impl Shared {
    /// Has a look begin. While one is under way, another follows it: what it saw may be old.
    pub(crate) fn look(self: &Arc<Self>) {
        let mut began = false;
        self.looks.send_if_modified(|looks| {
            began = !looks.looking;
            looks.again = looks.looking;
            looks.looking = true;
            // Nobody waits for a beginning.
            false
        });
        if began {
            drop(tokio::spawn(Looking { client: Arc::downgrade(self), over: false }.run()));
        }
    }
}

/// Looks under way. They end with their task, however that ends, and with the client.
struct Looking {
    client: Weak<Shared>,
    /// Its end is told already, so that another may be under way.
    over: bool,
}

impl Drop for Looking {
    fn drop(&mut self) {
        if let Some(shared) = self.client.upgrade()
            && !self.over
        {
            shared.looks.send_modify(|looks| *looks = Looks { looking: false, again: false, ..*looks });
        }
    }
}

impl Looking {
    async fn run(mut self) {
        while let Some(urls) = self.client.upgrade().map(|shared| shared.directory().urls()) {
            self.look_at(urls).await;
            sleep(PAUSE).await;
            let Some(shared) = self.client.upgrade() else { return };
            let mut again = false;
            shared.looks.send_modify(|looks| {
                again = std::mem::take(&mut looks.again);
                (looks.looking, looks.ended, looks.at) = (again, looks.ended + 1, Some(Instant::now()));
            });
            if !again {
                self.over = true;
                return;
            }
        }
    }

    /// Asks them, and then those whom they name.
    async fn look_at(&self, urls: Vec<Url>) {
        let Some(good) = self.ask_all(urls).await else { return };
        let Some(shared) = self.client.upgrade() else { return };
        let named = list_members(&shared, &good).await;
        drop(shared);
        self.ask_all(named).await;
    }

    /// Asks them all at once. Answers which of those that answered knows the newest configuration.
    async fn ask_all(&self, urls: Vec<Url>) -> Option<Url> {
        let mut answers = JoinSet::new();
        for url in urls {
            answers.spawn(ask(self.client.upgrade()?, url));
        }
        let mut good: Option<(u64, Url)> = None;
        while let Some(joined) = answers.join_next().await {
            let Ok((url, answer)) = joined else { continue };
            if let Ok(answer) = &answer {
                good = good.max(Some((configuration(answer.metadata()), url.clone())));
            }
            let shared = self.client.upgrade()?;
            note(&shared, &url, answer.map(Response::into_inner));
            shared.looks.send_modify(|looks| looks.news += 1);
        }
        good.map(|(_, url)| url)
    }
}

/// How one endpoint is.
pub(crate) async fn ask(shared: SharedClient, url: Url) -> (Url, Result<Response<StatusResponse>, Status>) {
    let mut member = MaintenanceClient::new(shared.channel(&url));
    let time = shared.config.connect_time.max(shared.config.attempt_time);
    drop(shared);
    let answer = timeout(time, member.status(StatusRequest {})).await;
    let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("it does not answer")));
    (url, answer)
}

fn note(shared: &SharedClient, url: &Url, answer: Result<StatusResponse, Status>) {
    let mut directory = shared.directory();
    match answer {
        Ok(answer) => {
            let header = answer.header.unwrap_or_default();
            let view = View {
                cluster: header.cluster_id,
                member: header.member_id,
                term: answer.raft_term.max(header.raft_term),
                leader: answer.leader,
                learner: answer.is_learner,
            };
            directory.met(url, view);
        }
        Err(status) => directory.failed(url, Instant::now(), words(&status)),
    }
}

/// Endpoints that the members advertise join those that the user named, so that a client that was given one finds all. Answers
/// those that are new.
async fn list_members(shared: &SharedClient, url: &Url) -> Vec<Url> {
    let mut member = ClusterClient::new(shared.channel(url));
    let asked =
        timeout(shared.config.attempt_time, member.member_list(MemberListRequest { linearizable: false })).await;
    let Ok(Ok(answer)) = asked else { return Vec::new() };
    let by = configuration(answer.metadata());
    let members = answer.into_inner().members;
    let urls: Vec<Url> =
        members.iter().flat_map(|member| &member.client_ur_ls).filter_map(|url| parse(url).ok()).collect();
    shared.directory().listed(by);
    if urls.is_empty() {
        return Vec::new();
    }
    let known = shared.directory().urls();
    shared.directory().advertised(&urls);
    shared.forget_connections();
    urls.into_iter().filter(|url| !known.contains(url)).collect()
}
