//! `quorate ctl member`: who are members, changing that, and what a change would do. Asks the service Members; shows nothing
//! itself (`roster`).

use std::time::Duration;

use clap::{Args, Subcommand};
use server::api::etcdserverpb::MemberListRequest;
use server::api::etcdserverpb::cluster_client::ClusterClient;
use server::api::quorate_v1::members_client::MembersClient;
use server::api::quorate_v1::{
    MemberRole, MemberState, MembersChangeKind, MembersChangeRequest, MembersSurveyRequest, MembersSurveyResponse,
};
use server::{PEER_URLS_BYTES_MAX, peer_urls_bytes};

use super::endpoints::{Endpoints, Failure, Kind};
use super::roster;
use super::show::Answer;
use crate::terminal;
use crate::url::Url;

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// Show the members as their leader sees them
    List,
    /// Show what a change would do, and what the cluster survives meanwhile, without doing it
    Plan {
        #[command(subcommand)]
        wish: Wish,
    },
    #[command(flatten)]
    Change(Wish),
}

/// A change.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Wish {
    /// Add a member: it learns first, and votes by itself once it has caught up
    Add {
        #[command(flatten)]
        new: NewMember,
        /// Let it learn until it is promoted
        #[arg(long)]
        learner: bool,
    },
    /// Remove a member; its process ends by itself
    Remove {
        /// Its name or id
        member: String,
    },
    /// Make a voter of a learner that has caught up
    Promote {
        /// Its name or id
        member: String,
    },
    /// Change the peer URLs of a member
    Update {
        /// Its name or id
        member: String,
        /// Where the others reach it from now on
        #[arg(long, value_name = "URL,..")]
        peer_urls: String,
    },
    /// Put a new member in the place of another, dead or not, in one change: the old one goes when the new one has caught up
    Replace {
        /// Name or id of the one that goes
        member: String,
        #[command(flatten)]
        new: NewMember,
    },
    /// Make these members all voters, and those all learners; whoever is not named leaves
    Set {
        /// Names or ids of all voters
        #[arg(long, value_name = "MEMBER,..")]
        voters: String,
        /// Names or ids of all learners
        #[arg(long, value_name = "MEMBER,..", default_value = "")]
        learners: String,
    },
}

/// A member that is to be started.
#[derive(Debug, Clone, Args)]
pub(crate) struct NewMember {
    /// The --name that it will be started with
    #[arg(value_name = "NEW-NAME")]
    name: String,
    /// Where the others reach it
    #[arg(long, value_name = "URL,..")]
    peer_urls: String,
    /// Wait until it has started and caught up, and tell how far that is
    #[arg(long)]
    wait: bool,
}

/// Runs the command.
pub(super) async fn run(endpoints: &Endpoints, command: MemberCommand, json: bool) -> Result<Answer, Failure> {
    match command {
        MemberCommand::List => list(endpoints, json).await,
        MemberCommand::Plan { wish } => {
            let members = survey(endpoints).await?.members;
            name_is_free(&wish, &members)?;
            let request = request(&wish, &members)?;
            let ask = async |channel| MembersClient::new(channel).plan(request.clone()).await;
            let plan = endpoints.ask(Kind::Read, ask).await?;
            Ok(roster::plan(&plan, &members, new_name(&wish), json))
        }
        MemberCommand::Change(wish) => change(endpoints, &wish, json).await,
    }
}

/// Without a leader (or from a real etcd): as the member that is asked knows it.
async fn list(endpoints: &Endpoints, json: bool) -> Result<Answer, Failure> {
    let leaderless = match survey(endpoints).await {
        Ok(survey) => return Ok(roster::list(&survey, true, json)),
        Err(failure) => failure,
    };
    let ask = async |channel| ClusterClient::new(channel).member_list(MemberListRequest { linearizable: false }).await;
    let Ok(list) = endpoints.ask(Kind::Read, ask).await else { return Err(leaderless) };
    let state = |member: server::api::etcdserverpb::Member| MemberState {
        id: member.id,
        name: member.name,
        peer_urls: member.peer_ur_ls,
        client_urls: member.client_ur_ls,
        role: if member.is_learner { MemberRole::Learner } else { MemberRole::Voter }.into(),
        heard: false,
        leads: false,
    };
    let members = list.members.into_iter().map(state).collect();
    let mut answer = roster::list(&MembersSurveyResponse { members, changing: false }, false, json);
    answer.notes.push(format!("No leader answered, so this is what one member knows: {leaderless}"));
    Ok(answer)
}

async fn survey(endpoints: &Endpoints) -> Result<MembersSurveyResponse, Failure> {
    let ask = async |channel| MembersClient::new(channel).survey(MembersSurveyRequest {}).await;
    endpoints.ask(Kind::Read, ask).await
}

async fn change(endpoints: &Endpoints, wish: &Wish, json: bool) -> Result<Answer, Failure> {
    let before = survey(endpoints).await?.members;
    name_is_free(wish, &before)?;
    let request = request(wish, &before)?;
    let ask = async |channel| MembersClient::new(channel).change(request.clone()).await;
    let changed = endpoints.ask(Kind::Members, ask).await?;
    let answer = roster::changed(wish, &changed, &before, json);
    match wish {
        Wish::Add { new, .. } | Wish::Replace { new, .. } if new.wait => {
            // What to type on the new machine is needed before there is something to wait for.
            terminal::out_bytes(&answer.out);
            wait(endpoints, changed.added, &new.name).await?;
            Ok(Answer { out: Vec::new(), ..answer })
        }
        _ => Ok(answer),
    }
}

/// Until the new member votes, or learns and answers.
async fn wait(endpoints: &Endpoints, id: u64, name: &str) -> Result<(), Failure> {
    let mut told = String::new();
    loop {
        let news = match survey(endpoints).await {
            Err(failure) => format!("no leader tells how {name} is: {failure}"),
            Ok(survey) => match survey.members.iter().find(|member| member.id == id) {
                None => return Err(Failure::Input(format!("{name} was removed again"))),
                Some(member) => match (member.role(), member.heard) {
                    (MemberRole::Voter, _) => {
                        terminal::err(&format!("{name} has caught up and votes."));
                        return Ok(());
                    }
                    (MemberRole::Learner, true) => {
                        terminal::err(&format!("{name} has started and learns."));
                        return Ok(());
                    }
                    (MemberRole::Joining, true) => format!("{name} has started and catches up ..."),
                    (MemberRole::Joining | MemberRole::Learner, false) => {
                        format!("waiting for {name} to be started ... (Ctrl-C ends the waiting, not the change)")
                    }
                },
            },
        };
        if news != told {
            terminal::err(&news);
            told = news;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The name that a new member is to have.
pub(super) fn new_name(wish: &Wish) -> &str {
    match wish {
        Wish::Add { new, .. } | Wish::Replace { new, .. } => &new.name,
        Wish::Remove { .. } | Wish::Promote { .. } | Wish::Update { .. } | Wish::Set { .. } => "",
    }
}

fn request(wish: &Wish, members: &[MemberState]) -> Result<MembersChangeRequest, Failure> {
    let of = |kind: MembersChangeKind, id, peer_urls| MembersChangeRequest {
        kind: kind.into(),
        id,
        peer_urls,
        ..MembersChangeRequest::default()
    };
    Ok(match wish {
        Wish::Add { new, learner: false } => of(MembersChangeKind::Add, 0, urls(&new.peer_urls)?),
        Wish::Add { new, learner: true } => of(MembersChangeKind::AddLearner, 0, urls(&new.peer_urls)?),
        Wish::Remove { member } => of(MembersChangeKind::Remove, id(member, members)?, Vec::new()),
        Wish::Promote { member } => of(MembersChangeKind::Promote, id(member, members)?, Vec::new()),
        Wish::Update { member, peer_urls } => of(MembersChangeKind::Update, id(member, members)?, urls(peer_urls)?),
        Wish::Replace { member, new } => of(MembersChangeKind::Replace, id(member, members)?, urls(&new.peer_urls)?),
        Wish::Set { voters, learners } => {
            let ids = |text: &str| -> Result<Vec<u64>, Failure> {
                text.split(',').filter(|word| !word.is_empty()).map(|word| id(word.trim(), members)).collect()
            };
            let (voters, learners) = (ids(voters)?, ids(learners)?);
            MembersChangeRequest { voters, learners, ..of(MembersChangeKind::Set, 0, Vec::new()) }
        }
    })
}

fn urls(text: &str) -> Result<Vec<String>, Failure> {
    let urls = Url::parse_list(text).map_err(|error| Failure::Input(format!("--peer-urls: {error}")))?;
    let urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
    let bytes = peer_urls_bytes(&urls);
    if bytes > PEER_URLS_BYTES_MAX {
        let what = "they stand in every greeting between members: give one or two";
        return Err(Failure::Input(format!("--peer-urls: {bytes} bytes, and {PEER_URLS_BYTES_MAX} at most; {what}")));
    }
    Ok(urls)
}

/// Members go by their names, so two may not share one; but who takes another's place may take its name.
fn name_is_free(wish: &Wish, members: &[MemberState]) -> Result<(), Failure> {
    let (name, goes) = match wish {
        Wish::Add { new, .. } => (&new.name, None),
        Wish::Replace { new, member } => (&new.name, Some(id(member, members)?)),
        Wish::Remove { .. } | Wish::Promote { .. } | Wish::Update { .. } | Wish::Set { .. } => return Ok(()),
    };
    match members.iter().find(|member| member.name == *name && Some(member.id) != goes) {
        Some(taken) => Err(Failure::Input(format!(
            "there is a member named {name:?} already ({:x}): choose another name, or `quorate ctl member replace {name}`",
            taken.id
        ))),
        None => Ok(()),
    }
}

/// A member by its name or, in hex, its id.
fn id(word: &str, members: &[MemberState]) -> Result<u64, Failure> {
    let named: Vec<&MemberState> = members.iter().filter(|member| member.name == word).collect();
    if let [one] = named[..] {
        return Ok(one.id);
    }
    let by_id = u64::from_str_radix(word, 16).ok().filter(|id| members.iter().any(|member| member.id == *id));
    by_id.ok_or_else(|| {
        let title = |member: &MemberState| if member.name.is_empty() { "-".to_owned() } else { member.name.clone() };
        let known: Vec<String> = members.iter().map(|member| format!("{} {:x}", title(member), member.id)).collect();
        let why = if named.is_empty() { "there is no member" } else { "more than one member is named" };
        Failure::Input(format!("{why} {word:?}: say the id of one of {}", known.join(", ")))
    })
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn members_go_by_name_or_id() {
        let member = |name: &str, id| MemberState { name: name.into(), id, ..MemberState::default() };
        let members = [member("n1", 0xa1), member("twin", 0xa2), member("twin", 0xa3), member("", 0xa4)];
        assert_eq!((id("n1", &members), id("a4", &members)), (Ok(0xa1), Ok(0xa4)));
        for (word, why) in [("n9", "there is no member \"n9\""), ("twin", "more than one member is named \"twin\"")] {
            let sentence = id(word, &members).unwrap_err().to_string();
            assert!(sentence.contains(why) && sentence.contains("n1 a1") && sentence.contains(", - a4"), "{sentence}");
        }
    }

    #[test]
    fn urls_are_checked_before_anybody_is_asked() {
        assert_eq!(urls("http://a:1, http://b:2"), Ok(vec!["http://a:1".into(), "http://b:2".into()]));
        assert!(urls("a:1").unwrap_err().to_string().contains("--peer-urls"));
        let many: Vec<String> = (1..200).map(|port| format!("http://a:{port}")).collect();
        assert!(urls(&many.join(",")).unwrap_err().to_string().contains("2048 at most"));
    }

    #[test]
    fn a_name_is_given_once_but_for_who_takes_its_place() {
        let member = |name: &str, id| MemberState { name: name.into(), id, ..MemberState::default() };
        let members = [member("n1", 0xa1), member("n2", 0xa2), member("", 0xa3)];
        let new = |name: &str| NewMember { name: name.into(), peer_urls: "http://h:1".into(), wait: false };
        let add = |name: &str| name_is_free(&Wish::Add { new: new(name), learner: false }, &members);
        let replace = |old: &str, name| name_is_free(&Wish::Replace { member: old.into(), new: new(name) }, &members);
        assert_eq!((add("n3"), replace("n2", "n2"), replace("a3", "n3")), (Ok(()), Ok(()), Ok(())));
        for taken in [add("n1"), replace("n2", "n1")] {
            assert!(taken.unwrap_err().to_string().contains("named \"n1\" already (a1)"));
        }
    }
}
