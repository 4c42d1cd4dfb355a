//! Our own service about the membership: any change in one request, how the leader sees it, and what a change would do.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::api::quorate_v1::members_server::Members;
use crate::api::quorate_v1::{
    MemberRole, MemberState, MembersChangeKind, MembersChangeRequest, MembersChangeResponse, MembersPlanResponse,
    MembersPlanStep, MembersSurveyRequest, MembersSurveyResponse,
};
use crate::context::Context;
use crate::member::Member;
use crate::member_info::MemberInfo;
use crate::membership::{Roster, Wish};
use crate::status::{self, Error};

/// Serves `quorate.v1.Members`.
pub(crate) struct MembersService<M>(pub(crate) Arc<Context<M>>);

fn wish(request: MembersChangeRequest) -> Result<Wish, Status> {
    let kind = request.kind();
    if i32::from(kind) != request.kind {
        return Err(Status::invalid_argument("quorate: this kind of change is not known here: run the same version"));
    }
    let MembersChangeRequest { kind: _, id, peer_urls, voters, learners } = request;
    Ok(match kind {
        MembersChangeKind::Add => Wish::Add(peer_urls),
        MembersChangeKind::AddLearner => Wish::AddLearner(peer_urls),
        MembersChangeKind::Remove => Wish::Remove(id),
        MembersChangeKind::Promote => Wish::Promote(id),
        MembersChangeKind::Update => Wish::Update(id, peer_urls),
        MembersChangeKind::Replace => Wish::Replace(id, peer_urls),
        MembersChangeKind::Set => Wish::Set(voters, learners),
    })
}

fn state((member, info): &(node::Member, MemberInfo), roster: Option<&Roster>) -> MemberState {
    let role = match (member.voter, member.joining) {
        (true, _) => MemberRole::Voter,
        (false, true) => MemberRole::Joining,
        (false, false) => MemberRole::Learner,
    };
    MemberState {
        id: info.api_id,
        name: info.name.clone(),
        peer_urls: info.peer_urls.clone(),
        client_urls: info.client_urls.clone(),
        role: role.into(),
        heard: roster.is_some_and(|roster| roster.survey.heard.contains(&member.node)),
        leads: roster.is_some_and(|roster| roster.survey.leader == member.node),
    }
}

#[tonic::async_trait]
impl<M: Member> Members for MembersService<M> {
    async fn survey(&self, request: Request<MembersSurveyRequest>) -> Result<Response<MembersSurveyResponse>, Status> {
        let deadline = self.0.admit_anywhere(request.metadata())?;
        let roster = self.0.survey(deadline).await?;
        let members = roster.members.iter().map(|member| state(member, Some(&roster))).collect();
        let changing = roster.survey.configuration.stage() != raft::Stage::Plain;
        Ok(Response::new(MembersSurveyResponse { members, changing }))
    }

    async fn change(&self, request: Request<MembersChangeRequest>) -> Result<Response<MembersChangeResponse>, Status> {
        let deadline = self.0.admit_anywhere(request.metadata())?;
        let altered = self.0.alter(&wish(request.into_inner())?, deadline).await?;
        let members: Vec<MemberState> = altered.members.iter().map(|member| state(member, None)).collect();
        let added = members.iter().map(|member| member.id).find(|id| *id == altered.new).unwrap_or(0);
        Ok(Response::new(MembersChangeResponse { members, added }))
    }

    async fn plan(&self, request: Request<MembersChangeRequest>) -> Result<Response<MembersPlanResponse>, Status> {
        let deadline = self.0.admit_anywhere(request.metadata())?;
        let wish = wish(request.into_inner())?;
        let roster = self.0.survey(deadline).await?;
        let new = rand::random::<u64>().max(1);
        let refused = |refusal: String| Response::new(MembersPlanResponse { steps: Vec::new(), refusal, added: 0 });
        let alter = wish.check().and_then(|()| wish.against(&roster, &self.0.config, new));
        let alter = match alter {
            Ok(alter) => alter,
            Err(error) => return Ok(refused(error.text().to_owned())),
        };
        let plan = match roster.survey.plan(&alter) {
            Ok(plan) => plan,
            Err(error) => return Ok(refused(status::not_altered(error).message().to_owned())),
        };
        let step = |step: &raft::Step| {
            let configuration = &step.configuration;
            let survives = step.survives.and_then(|survives| i32::try_from(survives).ok());
            MembersPlanStep {
                voters: roster.ids(&configuration.voters, new),
                voters_old: roster.ids(&configuration.voters_old, new),
                learners: roster.ids(&configuration.learners, new),
                wanted: roster.ids(&configuration.wanted, new),
                survives: survives.unwrap_or(-1),
            }
        };
        let steps: Vec<MembersPlanStep> = std::iter::once(&plan.before).chain(&plan.steps).map(step).collect();
        let in_steps = |step: &MembersPlanStep| step.voters.contains(&new) || step.learners.contains(&new);
        let added = if steps.iter().any(in_steps) { new } else { 0 };
        let refusal = plan.refusal.map(|refusal| refusal_text(refusal, Error::Unhealthy)).unwrap_or_default();
        Ok(Response::new(MembersPlanResponse { steps, refusal, added }))
    }
}

/// What the leader would answer, with its own reason behind it.
fn refusal_text(refusal: raft::Refusal, unhealthy: Error) -> String {
    match refusal {
        raft::Refusal::LosesQuorum { .. } => format!("{} ({refusal})", unhealthy.text()),
        other => other.to_string(),
    }
}
