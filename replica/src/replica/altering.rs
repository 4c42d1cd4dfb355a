//! Changes of the membership on their way: to the leader, through its log, and back to the client that asked, once the
//! configuration that follows is committed here and no longer joint.

use raft::{ChangeError, Position, PromoteError, ProposeError, Stage};

use super::{NO_LEADER_AFTER, Replica};
use crate::membership::waiting::{Asked, QUESTIONS_MAX, Seen};
use crate::membership::{Alter, AlterError, Move, Question, Survey, joining};
use crate::peer::{AlterOutcome, ForwardId, ForwardedAlter, ForwardedAlterReply, PeerMessage};
use crate::state_machine::StateMachine;
use crate::turn::{MemberAnswer, Refusal, Reply, RequestId, Time};

impl<S: StateMachine> Replica<S> {
    pub(super) fn member_request(&mut self, id: RequestId, question: Question, deadline: Time) {
        if self.questions.len() >= QUESTIONS_MAX {
            self.refuse(id, Refusal::Busy);
            return;
        }
        let now = self.now;
        self.questions.queue(Asked { id, question, arrived: now, not_before: now, deadline });
    }

    /// Questions that wait for a leader go to it, if there is one.
    pub(super) fn serve_questions(&mut self) {
        let Some(leader) = self.leader else { return };
        let mine = leader == self.raft.inspect().id();
        while let Some(asked) = self.questions.take_queued(self.now) {
            if mine {
                let outcome = self.answer_question(&asked.question);
                self.settle_question(asked, outcome);
            } else {
                let question = asked.question.clone();
                let number = self.questions.forward(asked, leader, self.term, self.now);
                let id = ForwardId { incarnation: self.incarnation, number };
                let message = ForwardedAlter { term: self.term, id, question };
                self.out.messages.push((leader, PeerMessage::Alter(Box::new(message))));
            }
        }
    }

    /// What the leader makes of a question: at most one entry.
    fn answer_question(&mut self, question: &Question) -> AlterOutcome {
        let view = self.raft.inspect();
        let (configuration, index) = (view.configuration().clone(), view.configuration_index());
        let (alter, seen) = match question {
            Question::Survey => {
                let heard = configuration.nodes().into_iter().filter(|node| view.heard(*node)).collect();
                return AlterOutcome::Surveyed(Survey { configuration, index, leader: view.id(), heard });
            }
            Question::Alter { alter, seen } => (alter, seen),
        };
        if seen.is_some_and(|seen| seen != index) {
            return AlterOutcome::Refused(AlterError::Changed);
        }
        match self.begin(alter) {
            Ok(Some(position)) => AlterOutcome::Logged(position),
            // As it is wanted already, somewhere before the end of the log. (Where it was made so may be forgotten already, here or
            // at the member that asks.)
            Ok(None) => AlterOutcome::Logged(self.raft.inspect().log().last()),
            Err(error) => AlterOutcome::Refused(error),
        }
    }

    fn begin(&mut self, alter: &Alter) -> Result<Option<Position>, AlterError> {
        let configuration = self.raft.inspect().configuration();
        let waits = joining(configuration);
        let refused = |error| match error {
            ChangeError::InProgress => waits.map_or(AlterError::NotNow, AlterError::Waiting),
            ChangeError::NotLeader { .. } | ChangeError::NotReady | ChangeError::Transferring(_) => AlterError::NotNow,
            ChangeError::Refused(refusal) => AlterError::Refused(refusal),
        };
        match alter.against(configuration)? {
            Move::Change(change) => self.raft.change_membership(change).map_err(refused),
            Move::Promote(node) => self.raft.promote(node).map_err(|error| match error {
                PromoteError::NotLearner => AlterError::NotLearner(node),
                PromoteError::Lagging { matched, of } => AlterError::Lagging { matched, of },
                PromoteError::Change(error) => refused(error),
            }),
            Move::Keep(node, member) => self.raft.describe_member(node, member).map_err(|error| match error {
                ProposeError::NotLeader { .. } | ProposeError::Full | ProposeError::Transferring(_) => {
                    AlterError::NotNow
                }
            }),
        }
    }

    /// The leader's answer is known, its own or another's.
    fn settle_question(&mut self, asked: Asked, outcome: AlterOutcome) {
        match outcome {
            AlterOutcome::Logged(position) => self.questions.log(position, asked),
            AlterOutcome::Surveyed(survey) => {
                self.out.replies.push((asked.id, Reply::Member(Ok(MemberAnswer::Surveyed(survey)))));
            }
            AlterOutcome::Refused(AlterError::NotNow) => self.put_again(asked),
            AlterOutcome::Refused(error) => self.out.replies.push((asked.id, Reply::Member(Err(error)))),
        }
    }

    /// It had no effect and can't have any: it waits a moment and is put again.
    fn put_again(&mut self, asked: Asked) {
        let not_before = self.now.after(self.config.election_timeout / 20);
        self.questions.queue(Asked { arrived: self.now, not_before, ..asked });
    }

    /// Only the leader of exactly the term that was meant answers it, and a copy like the first.
    pub(super) fn forwarded_alter(&mut self, from: raft::NodeId, alter: ForwardedAlter) {
        let ForwardedAlter { term, id, question } = alter;
        self.notice_leader();
        let outcome = match self.questions.accepted().look_up(term, from, id) {
            Seen::Old => return,
            Seen::Answered(outcome) => outcome,
            Seen::New => {
                let outcome = if self.raft.inspect().is_leader() && self.term == term {
                    self.answer_question(&question)
                } else {
                    AlterOutcome::Refused(AlterError::NotNow)
                };
                self.questions.accepted().remember(from, id, outcome.clone());
                outcome
            }
        };
        let reply = ForwardedAlterReply { term, id, outcome };
        self.out.messages.push((from, PeerMessage::AlterReply(Box::new(reply))));
    }

    pub(super) fn alter_reply(&mut self, from: raft::NodeId, reply: ForwardedAlterReply) {
        if reply.id.incarnation != self.incarnation {
            return;
        }
        let Some(asked) = self.questions.take_forwarded(reply.id.number, from, reply.term) else { return };
        let view = self.raft.inspect();
        if let AlterOutcome::Logged(position) = reply.outcome
            && position.index <= view.applied()
            && view.log().position_at(position.index) != Some(position)
        {
            // Something else is applied there, or it is too long ago to say.
            self.refuse(asked.id, Refusal::TimedOut { leader_changed: true });
            return;
        }
        self.settle_question(asked, reply.outcome);
    }

    /// Another leader is known now.
    pub(super) fn give_up_questions(&mut self) {
        for asked in self.questions.take_forwarded_before(self.term) {
            self.refuse(asked.id, Refusal::TimedOut { leader_changed: true });
        }
    }

    /// An entry is applied: changes whose place it took are put again.
    pub(super) fn lose_questions(&mut self, applied: Position) {
        if self.questions.has_logged() {
            self.questions.take_lost(applied).into_iter().for_each(|asked| self.put_again(asked));
        }
    }

    /// Changes that are through are answered with the configuration after them.
    pub(super) fn serve_altered(&mut self) {
        let view = self.raft.inspect();
        let applied = view.applied();
        if !self.questions.has_logged() || view.history().at(applied).stage() == Stage::Joint {
            return;
        }
        let configuration = view.history().at(applied).clone();
        for asked in self.questions.take_logged_upto(applied) {
            let answer = MemberAnswer::Altered(configuration.clone());
            self.out.replies.push((asked.id, Reply::Member(Ok(answer))));
        }
    }

    /// A snapshot took the place of the log up to what is applied: what became of the changes there is unknown.
    pub(super) fn forget_questions(&mut self) {
        let applied = self.raft.inspect().applied();
        for asked in self.questions.take_logged_upto(applied) {
            self.refuse(asked.id, Refusal::TimedOut { leader_changed: true });
        }
    }

    pub(super) fn sweep_questions(&mut self) {
        let patience = NO_LEADER_AFTER * self.config.election_timeout;
        let (never_left, unknown) = self.questions.take_expired(self.now, patience);
        for asked in never_left {
            let refusal = match self.leader {
                Some(_) => Refusal::TimedOut { leader_changed: false },
                None => Refusal::NoLeader,
            };
            self.refuse(asked.id, refusal);
        }
        let leader_changed = self.leader.is_none();
        for asked in unknown {
            self.refuse(asked.id, Refusal::TimedOut { leader_changed });
        }
        let (now, patience, incarnation) = (self.now, self.config.election_timeout, self.incarnation);
        for (number, forwarded) in self.questions.forwarded_mut() {
            if now.since(forwarded.sent) < patience {
                continue;
            }
            forwarded.sent = now;
            let id = ForwardId { incarnation, number };
            let message = ForwardedAlter { term: forwarded.term, id, question: forwarded.asked.question.clone() };
            self.out.messages.push((forwarded.leader, PeerMessage::Alter(Box::new(message))));
        }
    }
}
