//! Members, changes of them and plans as a person reads them, or as JSON. Makes bytes; asks nobody.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use server::api::quorate_v1::{
    MemberRole, MemberState, MembersChangeResponse, MembersPlanResponse, MembersPlanStep, MembersSurveyResponse,
};

use super::member::{Wish, new_name};
use super::show::Answer;
use crate::url::{Url, joined};

#[derive(Serialize)]
struct MemberJson {
    id: String,
    name: String,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    peer_urls: Vec<String>,
    client_urls: Vec<String>,
}

#[derive(Serialize)]
struct ListJson {
    members: Vec<MemberJson>,
    changing: bool,
}

#[derive(Serialize)]
struct ChangedJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<String>,
    members: Vec<MemberJson>,
}

#[derive(Serialize)]
struct StepJson {
    voters: Vec<String>,
    voters_old: Vec<String>,
    learners: Vec<String>,
    wanted: Vec<String>,
    survives: Option<i32>,
}

#[derive(Serialize)]
struct PlanJson {
    steps: Vec<StepJson>,
    refusal: Option<String>,
}

fn role(member: &MemberState) -> &'static str {
    match member.role() {
        MemberRole::Voter => "voter",
        MemberRole::Learner => "learner",
        MemberRole::Joining => "joining",
    }
}

fn state(member: &MemberState) -> &'static str {
    match (member.leads, member.heard, member.name.is_empty()) {
        (true, _, _) => "leads",
        (false, true, _) => "answers",
        (false, false, true) => "not started",
        (false, false, false) => "silent",
    }
}

fn json_of(member: &MemberState, seen: bool) -> MemberJson {
    MemberJson {
        id: format!("{:x}", member.id),
        name: member.name.clone(),
        role: role(member),
        state: seen.then(|| state(member)),
        peer_urls: member.peer_urls.clone(),
        client_urls: member.client_urls.clone(),
    }
}

fn lines(table: &mut Table, right: Option<usize>) -> String {
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if Some(place) == right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    table.lines().for_each(|line| text.push_str(&format!("{}\n", line.trim_end())));
    text
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header);
    table
}

/// All members. `seen` says that the leader told who answers.
pub(super) fn list(survey: &MembersSurveyResponse, seen: bool, json: bool) -> Answer {
    if json {
        let members = survey.members.iter().map(|member| json_of(member, seen)).collect();
        return Answer::json(&ListJson { members, changing: survey.changing });
    }
    let mut members = table(&["ID", "NAME", "ROLE", "STATE", "PEER URLS", "CLIENT URLS"]);
    for member in &survey.members {
        let (id, name) = (format!("{:x}", member.id), if member.name.is_empty() { "-" } else { &member.name });
        let (peers, clients) = (member.peer_urls.join(","), member.client_urls.join(","));
        let state = if seen { state(member) } else { "?" };
        members.add_row([&id, name, role(member), state, &peers, &clients]);
    }
    let mut text = lines(&mut members, None);
    if survey.changing {
        let joining = survey.members.iter().filter(|member| member.role() == MemberRole::Joining);
        let names: Vec<String> = joining.map(title).collect();
        let what = if names.is_empty() {
            "A change is under way and ends by itself.".to_owned()
        } else {
            format!("A change waits for {} to catch up; removing it takes the change back.", names.join(", "))
        };
        let _a_string_takes_all = write!(text, "\n{what}\n");
    }
    Answer::text(text)
}

fn title(member: &MemberState) -> String {
    if member.name.is_empty() { format!("{:x}", member.id) } else { member.name.clone() }
}

/// What became of a change, and what to do next.
pub(super) fn changed(wish: &Wish, changed: &MembersChangeResponse, before: &[MemberState], json: bool) -> Answer {
    if json {
        let members = changed.members.iter().map(|member| json_of(member, false)).collect();
        let added = (changed.added != 0).then(|| format!("{:x}", changed.added));
        return Answer::json(&ChangedJson { added, members });
    }
    let gone: Vec<String> = before
        .iter()
        .filter(|member| !changed.members.iter().any(|other| other.id == member.id))
        .map(|member| format!("{} ({:x})", title(member), member.id))
        .collect();
    let mut text = match wish {
        Wish::Add { learner: false, .. } => {
            format!("Added {:x}. It votes once it has been started and has caught up.\n", changed.added)
        }
        Wish::Add { learner: true, .. } => {
            format!("Added {:x} as a learner. Promote it once it has been started and has caught up.\n", changed.added)
        }
        Wish::Replace { member, .. } if gone.is_empty() => format!(
            "Added {:x} in the place of {member}, which goes by itself once the new one has been started and has caught up.\n",
            changed.added
        ),
        Wish::Replace { .. } => format!("Added {:x} in the place of {}.\n", changed.added, gone.join(", ")),
        Wish::Remove { .. } => format!("Removed {}. Its process ends by itself.\n", gone.join(", ")),
        Wish::Promote { member } => format!("{member} votes.\n"),
        Wish::Update { member, .. } => format!("Updated {member}.\n"),
        Wish::Set { .. } => "Done.\n".to_owned(),
    };
    if let Some(new) = changed.members.iter().find(|member| member.id == changed.added) {
        text.push_str(&start(new, new_name(wish), &changed.members));
    }
    Answer::text(text)
}

/// What to type on the new member's machine. Whose name or place it takes is not asked: that member goes, and has the same flags.
fn start(new: &MemberState, name: &str, members: &[MemberState]) -> String {
    let is_its_place = |member: &MemberState| member.peer_urls.iter().any(|url| new.peer_urls.contains(url));
    let stays = |member: &&MemberState| !member.name.is_empty() && member.name != name && !is_its_place(member);
    let others = members.iter().filter(stays);
    let others = others.flat_map(|member| member.peer_urls.iter().map(|url| format!("{}={url}", member.name)));
    let own = new.peer_urls.iter().map(|url| format!("{name}={url}"));
    let cluster: Vec<String> = others.chain(own).collect();
    let peers: Vec<Url> = new.peer_urls.iter().filter_map(|url| Url::parse(url).ok()).collect();
    let host = peers.first().map_or_else(|| "127.0.0.1".to_owned(), |peer| peer.host.clone());
    let client = free_client_url(&host, members);
    format!(
        "\nStart it with an empty data folder (the client URLs are yours to choose):\n\n  quorate --name {name} --data-dir \
         {name}.quorate \\\n    --listen-client-urls {} --advertise-client-urls {client} \\\n    \
         --listen-peer-urls {} --initial-advertise-peer-urls {} \\\n    --initial-cluster {} \\\n    \
         --initial-cluster-state existing\n",
        bound(&client),
        joined(&peers.iter().map(bound).collect::<Vec<_>>()),
        joined(&peers),
        cluster.join(",")
    )
}

/// etcd's port for clients, or one that `quorate dev` would choose, where members on the same machine have that already.
fn free_client_url(host: &str, members: &[MemberState]) -> Url {
    let all = members.iter().flat_map(|member| member.client_urls.iter().chain(&member.peer_urls));
    let taken: Vec<Url> = all.filter_map(|url| Url::parse(url).ok()).collect();
    let url = |port| Url { host: host.to_owned(), port };
    (2379..3379).step_by(10).map(url).find(|url| !taken.contains(url)).unwrap_or_else(|| url(2379))
}

/// Where to listen for what comes to `url`: a socket is bound to an address, not to a name.
fn bound(url: &Url) -> Url {
    if url.address().is_some() { url.clone() } else { Url { host: "0.0.0.0".into(), port: url.port } }
}

/// What a change would do.
pub(super) fn plan(plan: &MembersPlanResponse, members: &[MemberState], new_name: &str, json: bool) -> Answer {
    let names = |ids: &[u64]| -> Vec<String> {
        let name = |id: &u64| match members.iter().find(|member| member.id == *id) {
            Some(member) => title(member),
            None => new_name.to_owned(),
        };
        ids.iter().map(name).collect()
    };
    let good = plan.refusal.is_empty();
    if json {
        let step = |step: &MembersPlanStep| StepJson {
            voters: names(&step.voters),
            voters_old: names(&step.voters_old),
            learners: names(&step.learners),
            wanted: names(&step.wanted),
            survives: Some(step.survives).filter(|survives| *survives >= 0),
        };
        let steps = plan.steps.iter().map(step).collect();
        let refusal = (!good).then(|| plan.refusal.clone());
        return Answer { good, ..Answer::json(&PlanJson { steps, refusal }) };
    }
    let mut steps = table(&["STEP", "VOTERS", "AND OLD VOTERS", "LEARNERS", "MAY FAIL"]);
    for (place, step) in plan.steps.iter().enumerate() {
        let what = match (place, step.voters_old.is_empty(), step.wanted.is_empty()) {
            (0, _, _) => "now",
            (_, false, _) => "both must agree",
            (_, true, false) => "new ones catch up",
            (_, true, true) => "then",
        };
        let survives = if step.survives < 0 { "stopped".to_owned() } else { step.survives.to_string() };
        let [voters, old, learners] = [&step.voters, &step.voters_old, &step.learners].map(|ids| names(ids).join(" "));
        steps.add_row([what, &voters, &old, &learners, &survives]);
    }
    let mut text = if plan.steps.is_empty() { String::new() } else { lines(&mut steps, Some(4)) };
    let verdict = match (&plan.steps[..], good) {
        (_, false) => format!("It would be refused: {}", plan.refusal),
        ([] | [_], true) => "There is nothing to change.".to_owned(),
        (_, true) => "Nothing was changed. MAY FAIL: so many voters, on top of those that are silent now.".to_owned(),
    };
    let gap = if text.is_empty() { "" } else { "\n" };
    let _a_string_takes_all = writeln!(text, "{gap}{verdict}");
    Answer { good, ..Answer::text(text) }
}

#[cfg(test)]
mod unit {
    use super::*;

    fn member(name: &str, id: u64, role: MemberRole, heard: bool) -> MemberState {
        let (peer_urls, client_urls) = (vec![format!("http://h{id:x}:2380")], Vec::new());
        MemberState { id, name: name.into(), peer_urls, client_urls, role: role.into(), heard, leads: id == 0xa1 }
    }

    fn members() -> Vec<MemberState> {
        vec![
            member("n1", 0xa1, MemberRole::Voter, true),
            member("n2", 0xa2, MemberRole::Voter, false),
            member("", 0xa3, MemberRole::Joining, false),
        ]
    }

    fn text(answer: Answer) -> String {
        String::from_utf8(answer.out).unwrap()
    }

    #[test]
    fn a_list_is_a_table() {
        let survey = MembersSurveyResponse { members: members(), changing: true };
        let expected = "\
ID  NAME  ROLE     STATE        PEER URLS        CLIENT URLS
a1  n1    voter    leads        http://ha1:2380
a2  n2    voter    silent       http://ha2:2380
a3  -     joining  not started  http://ha3:2380

A change waits for a3 to catch up; removing it takes the change back.
";
        assert_eq!(text(list(&survey, true, false)), expected);
        let json = text(list(&survey, true, true));
        assert!(json.starts_with(r#"{"members":[{"id":"a1","name":"n1","role":"voter","state":"leads","#), "{json}");
    }

    #[test]
    fn a_plan_is_a_table_and_a_verdict() {
        let step = |voters: &[u64], voters_old: &[u64], learners: &[u64], wanted: &[u64], survives| MembersPlanStep {
            voters: voters.into(),
            voters_old: voters_old.into(),
            learners: learners.into(),
            wanted: wanted.into(),
            survives,
        };
        let steps = vec![
            step(&[0xa1, 0xa2], &[], &[], &[], 0),
            step(&[0xa1, 0xa2], &[], &[9], &[0xa1, 9], 0),
            step(&[0xa1, 9], &[0xa1, 0xa2], &[], &[], 0),
            step(&[0xa1, 9], &[], &[], &[], -1),
        ];
        let response = MembersPlanResponse { steps, refusal: String::new(), added: 9 };
        let expected = "\
STEP               VOTERS  AND OLD VOTERS  LEARNERS  MAY FAIL
now                n1 n2                                    0
new ones catch up  n1 n2                   n9               0
both must agree    n1 n9   n1 n2                            0
then               n1 n9                              stopped

Nothing was changed. MAY FAIL: so many voters, on top of those that are silent now.
";
        assert_eq!(text(plan(&response, &members(), "n9", false)), expected);
        let refused = MembersPlanResponse { refusal: "no".into(), ..MembersPlanResponse::default() };
        let answer = plan(&refused, &members(), "", false);
        assert!(!answer.good);
        assert_eq!(text(answer), "It would be refused: no\n");
    }

    #[test]
    fn a_new_member_is_told_how_to_start() {
        let start = start(&member("", 0xa3, MemberRole::Joining, false), "n3", &members());
        assert!(
            start.contains("--initial-cluster n1=http://ha1:2380,n2=http://ha2:2380,n3=http://ha3:2380 \\"),
            "{start}"
        );
        assert!(start.contains("quorate --name n3 --data-dir n3.quorate"), "{start}");
        assert!(start.contains("--listen-peer-urls http://0.0.0.0:2380 --initial-advertise-peer-urls http://ha3:2380"));
    }

    #[test]
    fn a_new_member_on_the_same_machine_gets_a_port_of_its_own() {
        let at = |port: u16| MemberState {
            client_urls: vec![format!("http://127.0.0.1:{port}")],
            peer_urls: vec![format!("http://127.0.0.1:{}", port + 1)],
            ..member("n1", 0xa1, MemberRole::Voter, true)
        };
        let url = |host: &str, members: &[MemberState]| free_client_url(host, members).to_string();
        assert_eq!(url("127.0.0.1", &[]), "http://127.0.0.1:2379");
        assert_eq!(url("127.0.0.1", &[at(2379), at(2389)]), "http://127.0.0.1:2399");
        assert_eq!(url("other", &[at(2379)]), "http://other:2379");
    }

    #[test]
    fn who_takes_the_place_or_the_name_of_another_is_not_told_to_ask_it() {
        let at =
            |url: &str| MemberState { peer_urls: vec![url.into()], ..member("", 0xa4, MemberRole::Joining, false) };
        for url in ["http://ha2:2380", "http://[::1]:2380"] {
            let new = at(url);
            let all: Vec<MemberState> = members().into_iter().chain([new.clone()]).collect();
            let told = start(&new, "n2", &all);
            assert!(told.contains(&format!("--initial-cluster n1=http://ha1:2380,n2={url} \\")), "{told}");
        }
        let told = start(&at("http://[::1]:2380"), "n4", &members());
        assert!(
            told.contains("--listen-client-urls http://[::1]:2379 --advertise-client-urls http://[::1]:2379"),
            "{told}"
        );
    }
}
