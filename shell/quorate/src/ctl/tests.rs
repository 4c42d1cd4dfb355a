//! `ctl` against members that are made up: what is asked again, what is not, and what a person sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use server::api::etcdserverpb::cluster_server::{Cluster, ClusterServer};
use server::api::etcdserverpb::kv_server::{Kv, KvServer};
use server::api::etcdserverpb::maintenance_server::{Maintenance, MaintenanceServer};
use server::api::etcdserverpb::*;
use server::api::mvccpb::KeyValue;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

use super::*;

/// What a made-up member answers.
#[derive(Debug, Clone)]
enum Mood {
    Good,
    Fails(Code, &'static str),
}

/// One made-up member; counts what it was asked.
#[derive(Debug, Clone)]
struct Fake {
    id: u64,
    mood: Mood,
    asked: Arc<AtomicUsize>,
}

impl Fake {
    fn new(id: u64, mood: Mood) -> Self {
        Self { id, mood, asked: Arc::default() }
    }

    /// Serves on a port of its own; answers `HOST:PORT`.
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = Server::builder()
            .add_service(KvServer::new(self.clone()))
            .add_service(MaintenanceServer::new(self.clone()))
            .add_service(ClusterServer::new(self.clone()))
            .serve_with_incoming(TcpIncoming::from(listener));
        tokio::spawn(server);
        address
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn answer<T>(&self, good: T) -> Result<Response<T>, Status> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match self.mood {
            Mood::Good => Ok(Response::new(good)),
            Mood::Fails(code, message) => Err(Status::new(code, message)),
        }
    }

    #[allow(clippy::unnecessary_wraps)] // The shape of all header fields.
    fn header(&self) -> Option<ResponseHeader> {
        Some(ResponseHeader { cluster_id: 1, member_id: self.id, revision: 7, raft_term: 3 })
    }
}

fn unasked<T>() -> Result<T, Status> {
    Err(Status::unimplemented("not part of these tests"))
}

#[tonic::async_trait]
impl Kv for Fake {
    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeResponse>, Status> {
        let request = request.into_inner();
        let all = [("X", "3"), ("X1", "\u{e9}"), ("X2", "")];
        let one = |(key, value): (&'static str, &'static str)| KeyValue {
            key: key.into(),
            value: if request.keys_only { Bytes::new() } else { value.into() },
            create_revision: 2,
            mod_revision: 7,
            version: 2,
            lease: 0,
        };
        let in_range = |kv: &KeyValue| match &request.range_end[..] {
            b"" => kv.key == request.key,
            end => kv.key >= request.key && kv.key < end,
        };
        let found: Vec<KeyValue> = all.map(one).into_iter().filter(in_range).collect();
        let limit = if request.limit == 0 { found.len() } else { usize::try_from(request.limit).expect("small") };
        let count = i64::try_from(found.len()).expect("small");
        let more = found.len() > limit;
        let kvs = found.into_iter().take(limit).collect();
        self.answer(RangeResponse { header: self.header(), kvs, more, count })
    }

    async fn put(&self, _: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        self.answer(PutResponse { header: self.header(), prev_kv: None })
    }

    async fn delete_range(&self, _: Request<DeleteRangeRequest>) -> Result<Response<DeleteRangeResponse>, Status> {
        self.answer(DeleteRangeResponse { header: self.header(), deleted: 1, prev_kvs: Vec::new() })
    }

    async fn txn(&self, _: Request<TxnRequest>) -> Result<Response<TxnResponse>, Status> {
        unasked()
    }

    async fn compact(&self, _: Request<CompactionRequest>) -> Result<Response<CompactionResponse>, Status> {
        unasked()
    }
}

#[tonic::async_trait]
impl Maintenance for Fake {
    type SnapshotStream = tokio_stream::Empty<Result<SnapshotResponse, Status>>;

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let leader = if matches!(self.mood, Mood::Good) { 0xb } else { 0 };
        let mut response = Response::new(StatusResponse {
            header: self.header(),
            version: "3.5.21".to_owned(),
            db_size: 20_480,
            leader,
            raft_index: 9,
            raft_term: 3,
            raft_applied_index: 8,
            ..StatusResponse::default()
        });
        if self.id == leader {
            response.metadata_mut().insert("quorate-lease-reads", "held".parse().expect("a word"));
            response.metadata_mut().insert("quorate-round-trip", "850us".parse().expect("a word"));
        }
        Ok(response)
    }

    async fn alarm(&self, _: Request<AlarmRequest>) -> Result<Response<AlarmResponse>, Status> {
        unasked()
    }

    async fn defragment(&self, _: Request<DefragmentRequest>) -> Result<Response<DefragmentResponse>, Status> {
        unasked()
    }

    async fn hash(&self, _: Request<HashRequest>) -> Result<Response<HashResponse>, Status> {
        unasked()
    }

    async fn hash_kv(&self, _: Request<HashKvRequest>) -> Result<Response<HashKvResponse>, Status> {
        unasked()
    }

    async fn snapshot(&self, _: Request<SnapshotRequest>) -> Result<Response<Self::SnapshotStream>, Status> {
        unasked()
    }

    async fn move_leader(&self, _: Request<MoveLeaderRequest>) -> Result<Response<MoveLeaderResponse>, Status> {
        unasked()
    }

    async fn downgrade(&self, _: Request<DowngradeRequest>) -> Result<Response<DowngradeResponse>, Status> {
        unasked()
    }
}

#[tonic::async_trait]
impl Cluster for Fake {
    async fn member_list(&self, _: Request<MemberListRequest>) -> Result<Response<MemberListResponse>, Status> {
        let member = |id, name: &str| Member { id, name: name.to_owned(), ..Member::default() };
        Ok(Response::new(MemberListResponse {
            header: self.header(),
            members: vec![member(0xa, "n1"), member(0xb, "n2")],
        }))
    }

    async fn member_add(&self, _: Request<MemberAddRequest>) -> Result<Response<MemberAddResponse>, Status> {
        unasked()
    }

    async fn member_remove(&self, _: Request<MemberRemoveRequest>) -> Result<Response<MemberRemoveResponse>, Status> {
        unasked()
    }

    async fn member_update(&self, _: Request<MemberUpdateRequest>) -> Result<Response<MemberUpdateResponse>, Status> {
        unasked()
    }

    async fn member_promote(
        &self,
        _: Request<MemberPromoteRequest>,
    ) -> Result<Response<MemberPromoteResponse>, Status> {
        unasked()
    }
}

#[derive(Debug, Parser)]
struct Words {
    #[command(flatten)]
    arguments: CtlArguments,
}

/// Runs `quorate ctl WORDS --endpoints ENDPOINTS`.
async fn ctl(words: &str, endpoints: &[&str]) -> Result<Answer, Failure> {
    let list = endpoints.join(",");
    let all = std::iter::once("ctl").chain(words.split_whitespace()).chain(["--endpoints", &list]);
    let arguments = Words::try_parse_from(all).expect("good words").arguments;
    let endpoints = Endpoints::parse(&arguments.endpoints).expect("good endpoints");
    run(&endpoints, arguments).await
}

/// What standard output shows when all is well.
async fn out(words: &str, endpoints: &[&str]) -> String {
    let answer = ctl(words, endpoints).await.expect("an answer");
    assert!(answer.good, "{answer:?}");
    String::from_utf8(answer.out).expect("text")
}

/// A port where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// Takes a whole request in, and hangs up without an answer.
async fn hangs_up() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = request_arrives(stream).await;
        }
    });
    address
}

/// Reads HTTP/2 frames (length, kind, flags, stream, payload; RFC 9113, 4.1) up to the first that carries data.
async fn request_arrives(mut stream: TcpStream) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 24]).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("24 bits")];
        stream.read_exact(&mut payload).await?;
        if head[3] == 0 {
            return Ok(());
        }
    }
}

#[tokio::test]
async fn plain_answers() {
    let fake = Fake::new(0xa, Mood::Good);
    let at = fake.start().await;
    assert_eq!(out("put X 3", &[&at]).await, "OK, revision 7\n");
    assert_eq!(out("put X -3", &[&at]).await, "OK, revision 7\n");
    assert_eq!(out("get X", &[&at]).await, "X\n3\n");
    assert_eq!(out("get X --prefix", &[&at]).await, "X\n3\nX1\n\u{e9}\nX2\n\n");
    assert_eq!(out("get X --prefix --keys-only", &[&at]).await, "X\nX1\nX2\n");
    assert_eq!(out("del X", &[&at]).await, "deleted 1 key, revision 7\n");
}

#[tokio::test]
async fn answers_in_json() {
    let fake = Fake::new(0xa, Mood::Good);
    let at = fake.start().await;
    assert_eq!(out("--json put X 3", &[&at]).await, "{\"revision\":7}\n");
    assert_eq!(
        out("get X --json", &[&at]).await,
        "{\"revision\":7,\"count\":1,\"more\":false,\"kvs\":[{\"key\":\"X\",\"value\":\"3\",\
         \"create_revision\":2,\"mod_revision\":7,\"version\":2,\"lease\":0}]}\n"
    );
    assert_eq!(out("del X --json", &[&at]).await, "{\"revision\":7,\"deleted\":1}\n");
}

#[tokio::test]
async fn nothing_found_is_no_error_and_a_cut_answer_says_so() {
    let fake = Fake::new(0xa, Mood::Good);
    let at = fake.start().await;
    let nothing = ctl("get Y", &[&at]).await.expect("an answer");
    assert_eq!((nothing.out.len(), nothing.good), (0, true));
    assert_eq!(nothing.notes, ["there is no key \"Y\""]);
    let cut = ctl("get X --prefix --limit 2", &[&at]).await.expect("an answer");
    assert_eq!(cut.notes, ["2 of 3 keys shown"]);
}

#[tokio::test]
async fn a_member_that_cannot_be_reached_is_passed_over() {
    let fake = Fake::new(0xa, Mood::Good);
    let (down, up) = (nobody().await, fake.start().await);
    assert_eq!(out("put X 3", &[&down, &up]).await, "OK, revision 7\n");
    assert_eq!(out("get X", &[&down, &up]).await, "X\n3\n");
}

#[tokio::test]
async fn when_nobody_is_there_every_endpoint_is_named() {
    let down = nobody().await;
    let failure = ctl("get X", &[&down]).await.expect_err("nobody is there").to_string();
    assert!(failure.starts_with(&format!("no member answered: http://{down}: ")), "{failure}");
    assert!(failure.contains("refused"), "{failure}");
}

#[tokio::test]
async fn a_write_without_a_leader_was_not_done_and_is_asked_again() {
    let (lonely, good) =
        (Fake::new(0xa, Mood::Fails(Code::Unavailable, "etcdserver: no leader")), Fake::new(0xb, Mood::Good));
    let (first, second) = (lonely.start().await, good.start().await);
    assert_eq!(out("put X 3", &[&first, &second]).await, "OK, revision 7\n");
    assert_eq!((lonely.asked(), good.asked()), (1, 1));
}

#[tokio::test]
async fn a_write_of_unknown_outcome_is_never_sent_again() {
    let timed_out = "etcdserver: request timed out, possibly due to previous leader failure";
    let (slow, good) = (Fake::new(0xa, Mood::Fails(Code::Unavailable, timed_out)), Fake::new(0xb, Mood::Good));
    let (first, second) = (slow.start().await, good.start().await);
    let failure = ctl("put X 3", &[&first, &second]).await.expect_err("unknown");
    assert!(matches!(&failure, Failure::Unknown { message, .. } if message == timed_out), "{failure}");
    assert!(failure.to_string().contains("whether the write took effect is unknown"), "{failure}");
    assert_eq!((slow.asked(), good.asked()), (1, 0));
    assert_eq!(out("get X", &[&first, &second]).await, "X\n3\n");
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_write_leaves_it_unknown() {
    let good = Fake::new(0xb, Mood::Good);
    let (first, second) = (hangs_up().await, good.start().await);
    let failure = ctl("put X 3", &[&first, &second]).await.expect_err("unknown");
    assert!(matches!(failure, Failure::Unknown { .. }), "{failure}");
    assert_eq!(good.asked(), 0);
    assert_eq!(out("get X", &[&first, &second]).await, "X\n3\n");
}

#[tokio::test]
async fn a_refusal_is_not_asked_again() {
    let text = "etcdserver: key is not provided";
    let (strict, good) = (Fake::new(0xa, Mood::Fails(Code::InvalidArgument, text)), Fake::new(0xb, Mood::Good));
    let (first, second) = (strict.start().await, good.start().await);
    let failure = ctl("put X 3", &[&first, &second]).await.expect_err("refused").to_string();
    assert_eq!(failure, format!("{text} (from http://{first})"));
    assert_eq!(good.asked(), 0);
}

#[tokio::test]
async fn status_shows_every_endpoint_and_who_leads() {
    let (follower, leader) = (Fake::new(0xa, Mood::Good), Fake::new(0xb, Mood::Good));
    let (first, second, down) = (follower.start().await, leader.start().await, nobody().await);
    let answer = ctl("status", &[&first, &second, &down]).await.expect("an answer");
    assert!(!answer.good, "one endpoint is silent");
    let text = String::from_utf8(answer.out).expect("text");
    let words: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0][..6], ["ENDPOINT", "NAME", "ID", "ROLE", "TERM", "APPLIED"]);
    assert_eq!(words[1], [&first, "n1", "a", "follower", "3", "8", "20", "kB", "3.5.21"]);
    assert_eq!(words[2][..9], [&second, "n2", "b", "leader", "3", "8", "20", "kB", "3.5.21"]);
    assert_eq!(words[2][9..].join(" "), "reads by lease held; a majority answers in 850us");
    assert_eq!(words[3][..4], [&down, "-", "-", "silent"]);
    assert_eq!(text.lines().last(), Some(format!("n2 ({second}) leads in term 3.").as_str()));

    assert!(
        out("status", &[&first])
            .await
            .ends_with("Member b leads in term 3; it is not among these endpoints, or does not answer.\n")
    );
}

#[tokio::test]
async fn a_leader_that_nobody_confirms_is_shown_as_such() {
    let leader = Fake::new(0xb, Mood::Good);
    let (at, down) = (leader.start().await, nobody().await);
    let answer = ctl("status", &[&at, &down]).await.expect("an answer");
    let text = String::from_utf8(answer.out).expect("text");
    assert!(
        text.ends_with(&format!("n2 ({at}) leads in term 3 by its own word; no other endpoint says so.\n")),
        "{text}"
    );
    assert!(out("status", &[&at]).await.ends_with(&format!("n2 ({at}) leads in term 3.\n")));
}

#[tokio::test]
async fn status_without_a_leader_says_what_that_means() {
    let lonely = Fake::new(0xa, Mood::Fails(Code::Unavailable, "etcdserver: no leader"));
    let at = lonely.start().await;
    assert!(out("status", &[&at]).await.contains("No leader is known here"));
    let json = out("status --json", &[&at]).await;
    assert!(
        json.starts_with(&format!(
            "[{{\"endpoint\":\"{at}\",\"name\":\"n1\",\"id\":\"a\",\"is_leader\":false,\"leader\":null,"
        )),
        "{json}"
    );
}
