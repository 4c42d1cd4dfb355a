//! One call, from its first attempt to its answer: whom to ask, how long to wait, and whether what came back allows to ask
//! again. Every call of the client goes through here. It does not know what is asked.

use std::collections::BTreeMap;
use std::time::Duration;

use api::etcdserverpb::ResponseHeader;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use crate::attempt::{Attempt, configuration};
use crate::backoff;
use crate::directory::For;
use crate::endpoint::Url;
use crate::error::{Error, Outcome, Reason, Tried};
use crate::session::Slot;
use crate::shared::SharedClient;
use crate::verdict::{Verdict, judge, refuses_every_copy, words};

/// A member without leader gets so much time to find one before anybody asks again.
const ELECTION_PAUSE: Duration = Duration::from_millis(20);

/// What a request is to the cluster, and so what may be done with it when its answer does not come.
#[derive(Debug)]
pub(crate) enum Kind<'a> {
    /// Changes nothing: is asked again, of another member.
    Read(For, Vec<(&'static str, MetadataValue<Ascii>)>),
    /// Changes something, each time that it arrives: never asked again when it may have arrived.
    Write,
    /// Changes something, once: may be asked again as often as one likes.
    Once(&'a Slot),
    /// Changes something, to the same end each time: opening a session that nobody else knows, keeping it, closing it.
    Repeatable,
}

impl Kind<'_> {
    fn is_for(&self) -> For {
        match self {
            Self::Read(wanted, _) => *wanted,
            Self::Write | Self::Once(_) | Self::Repeatable => For::Leader,
        }
    }

    fn may_repeat(&self) -> bool {
        !matches!(self, Self::Write)
    }

    fn changes(&self) -> bool {
        !matches!(self, Self::Read(..))
    }

    fn metadata(&self) -> Vec<(&'static str, MetadataValue<Ascii>)> {
        match self {
            Self::Read(_, metadata) => metadata.clone(),
            Self::Once(slot) => slot.metadata(),
            Self::Write | Self::Repeatable => Vec::new(),
        }
    }
}

/// An answer that says whom it came from.
pub(crate) trait Answer {
    /// Nothing where the message has no header.
    fn header(&self) -> Option<&ResponseHeader>;
}

/// A call under way.
struct Call<'a> {
    shared: &'a SharedClient,
    kind: Kind<'a>,
    began: Instant,
    deadline: Instant,
    asked: BTreeMap<Url, u32>,
    tried: Vec<Tried>,
    /// Some attempt may have taken effect.
    in_doubt: bool,
}

/// Asks until there is an answer, or none can be had. `deadline` is the end of all of it.
pub(crate) async fn call<T, F, R>(
    shared: &SharedClient,
    kind: Kind<'_>,
    deadline: Instant,
    request: R,
) -> Result<T, Error>
where
    T: Answer,
    R: Fn(Channel, Attempt) -> F,
    F: Future<Output = Result<Response<T>, Status>>,
{
    if shared.looks.borrow().are_old(Instant::now()) {
        shared.look();
    }
    let (asked, tried) = (BTreeMap::new(), Vec::new());
    let mut call = Call { shared, kind, began: Instant::now(), deadline, asked, tried, in_doubt: false };
    loop {
        let url = call.next().await?;
        let time = call.attempt_time();
        let attempt = Attempt { time, metadata: call.kind.metadata() };
        let answer = timeout(time, request(shared.channel(&url), attempt)).await;
        match answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time"))) {
            Ok(answer) => {
                // The members may have been replaced, one by one, and this may be the last one known that is still there.
                if shared.directory().is_newer(configuration(answer.metadata())) {
                    shared.look();
                }
                return call.answered(&url, answer.into_inner());
            }
            Err(status) => call.failed(&url, &status).await?,
        }
    }
}

impl Call<'_> {
    /// Whom to ask now. Waits for a first look, and before a member is asked again.
    async fn next(&mut self) -> Result<Url, Error> {
        loop {
            if Instant::now() >= self.deadline {
                return Err(self.end(Reason::OutOfTime));
            }
            let wanted = self.kind.is_for();
            let chosen = self.shared.directory().choose(wanted, &self.asked, Instant::now());
            let Some(url) = chosen else {
                self.wait_for_a_look().await?;
                continue;
            };
            let times = self.asked.entry(url.clone()).or_default();
            *times += 1;
            let round = *times - 1;
            if round > 0 {
                self.check_patience()?;
                self.pause(backoff::wait(round, rand::random())).await?;
            }
            return Ok(url);
        }
    }

    /// Nobody was met yet: somebody must be, before anything is sent.
    async fn wait_for_a_look(&mut self) -> Result<(), Error> {
        let mut looks = self.shared.looks.subscribe();
        let before = looks.borrow_and_update().ended;
        self.shared.look();
        if timeout_at(self.deadline, looks.changed()).await.is_err() {
            return Err(self.end(Reason::OutOfTime));
        }
        if looks.borrow().ended > before {
            self.tried = troubles(self.shared);
            self.check_patience()?;
        }
        Ok(())
    }

    /// Sleeps, unless the end comes first.
    async fn pause(&self, time: Duration) -> Result<(), Error> {
        if Instant::now() + time >= self.deadline {
            return Err(self.end(Reason::OutOfTime));
        }
        sleep(time).await;
        Ok(())
    }

    /// Everyone was asked at least once.
    fn check_patience(&self) -> Result<(), Error> {
        let over = self.shared.config.patience.is_some_and(|patience| self.began.elapsed() >= patience);
        if over { Err(self.end(Reason::Nobody)) } else { Ok(()) }
    }

    /// A write that is sent once may as well wait to the end. Whatever may be asked again is not left with a member that hangs.
    fn attempt_time(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if self.kind.may_repeat() { left.min(self.shared.config.attempt_time) } else { left }
    }

    fn answered<T: Answer>(self, url: &Url, answer: T) -> Result<T, Error> {
        let mut directory = self.shared.directory();
        let Some(header) = answer.header() else {
            directory.answered(url, 0);
            drop(directory);
            return Ok(answer);
        };
        let (met, came) = (directory.cluster().unwrap_or(header.cluster_id), header.cluster_id);
        if met != came {
            directory.foreign(url, came);
            drop(directory);
            let mut error = self.end(Reason::OtherCluster { met, came });
            error.tried.push(Tried { endpoint: url.to_string(), message: format!("cluster {came:x}") });
            if self.kind.changes() {
                error.outcome = Outcome::Applied;
            }
            return Err(error);
        }
        let newer = directory.answered(url, header.raft_term);
        drop(directory);
        if newer {
            self.shared.look();
        }
        Ok(answer)
    }

    /// Notes an attempt that failed, and ends the call when nothing is left to try.
    async fn failed(&mut self, url: &Url, status: &Status) -> Result<(), Error> {
        let verdict = judge(status);
        self.note(url, status, verdict);
        let message = words(status);
        match verdict {
            Verdict::NotSent => Ok(()),
            Verdict::NotNow => self.pause(ELECTION_PAUSE).await,
            Verdict::Refused if self.other_copies_may_count(status) => self.pause(ELECTION_PAUSE).await,
            Verdict::Refused => Err(self.refused(status.code(), message)),
            Verdict::SessionGone => Err(self.end(Reason::SessionLost)),
            Verdict::Unknown if self.kind.may_repeat() => {
                self.in_doubt |= self.kind.changes();
                Ok(())
            }
            Verdict::Unknown => {
                self.in_doubt = true;
                Err(self.end(Reason::Interrupted { message }))
            }
        }
    }

    /// A copy in doubt may have an answer yet, which this refusal is not.
    fn other_copies_may_count(&self, status: &Status) -> bool {
        self.in_doubt && matches!(self.kind, Kind::Once(_)) && !refuses_every_copy(status)
    }

    /// Lets the directory know, and whoever reads the error.
    fn note(&mut self, url: &Url, status: &Status, verdict: Verdict) {
        let message = words(status);
        self.tried.retain(|tried| tried.endpoint != **url);
        self.tried.push(Tried { endpoint: url.to_string(), message: message.clone() });
        match verdict {
            Verdict::NotSent | Verdict::Unknown => self.shared.directory().failed(url, Instant::now(), message),
            Verdict::NotNow if status.code() == Code::Unavailable => self.shared.directory().leaderless(url),
            Verdict::NotNow | Verdict::Refused | Verdict::SessionGone => return,
        }
        self.shared.look();
    }

    /// A refusal that holds for every copy answers also those whose answers were lost.
    fn refused(&self, code: Code, message: String) -> Error {
        let reason = match (&self.kind, code) {
            (Kind::Repeatable, Code::Unimplemented) => Reason::NoSessions,
            _ => Reason::Refused { code, message },
        };
        Error { outcome: Outcome::NotApplied, ..self.end(reason) }
    }

    fn end(&self, reason: Reason) -> Error {
        let outcome = if self.in_doubt { Outcome::Unknown } else { Outcome::NotApplied };
        Error { outcome, reason, tried: self.tried.clone() }
    }
}

fn troubles(shared: &SharedClient) -> Vec<Tried> {
    let troubles = shared.directory().troubles().into_iter();
    troubles.map(|(url, message)| Tried { endpoint: url.to_string(), message }).collect()
}

/// Each answer of the API has its header in a field of that name.
macro_rules! answers {
    ($($message:ident)*) => {
        $(impl Answer for api::etcdserverpb::$message {
            fn header(&self) -> Option<&ResponseHeader> {
                self.header.as_ref()
            }
        })*
    };
}

answers! {
    RangeResponse PutResponse DeleteRangeResponse TxnResponse CompactionResponse MemberListResponse StatusResponse
}

/// Each answer about sessions has none.
macro_rules! answers_without_header {
    ($($message:ident)*) => {
        $(impl Answer for api::quorate_v1::$message {
            fn header(&self) -> Option<&ResponseHeader> {
                None
            }
        })*
    };
}

answers_without_header! { SessionOpenResponse SessionKeepAliveResponse SessionCloseResponse }
