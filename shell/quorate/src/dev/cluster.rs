//! What `dev` believes of its three members, and what is worth telling when that changes.
//!
//! Pure: process ends and status answers go in, news come out. Time is the time since the start.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use super::plan::Plan;

/// Silence before it is worth a word; longer than an answer may take, and than an election.
const SILENCE: Duration = Duration::from_secs(3);
/// A first start makes files before it answers.
const FIRST_SILENCE: Duration = Duration::from_secs(15);

/// What a member says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// It takes itself for the leader.
    pub(crate) leads: bool,
    /// Its term.
    pub(crate) term: u64,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By a signal, such as 9.
    Signal(i32),
    /// By itself, with this code.
    Code(i32),
}

/// One thing to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// A member leads.
    Leads {
        /// Which.
        member: usize,
        /// Since which term.
        term: u64,
    },
    /// Nobody has led for a while.
    NoLeader,
    /// A child is gone.
    Ended {
        /// Which.
        member: usize,
        /// How.
        end: End,
        /// Members that still run.
        running: usize,
    },
    /// A member whose process was gone answers: somebody started it by hand.
    Back {
        /// Which.
        member: usize,
        /// Members that run now.
        running: usize,
    },
    /// A member that was started by hand is gone again.
    Gone {
        /// Which.
        member: usize,
        /// Members that still run.
        running: usize,
    },
    /// Its process runs, but says nothing.
    Silent {
        /// Which.
        member: usize,
    },
    /// It does again.
    Answers {
        /// Which.
        member: usize,
    },
}

/// Whose process a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Process {
    Child,
    Gone,
    ByHand,
}

#[derive(Debug, Clone)]
struct Member {
    process: Process,
    seen: Option<Seen>,
    /// When it last answered.
    answered: Option<Duration>,
    told_silent: bool,
}

/// The three, and what was told last.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    members: Vec<Member>,
    /// Member and term.
    leader: Option<(usize, u64)>,
    leaderless_since: Option<Duration>,
}

impl Cluster {
    /// Three children that have said nothing yet.
    pub(crate) fn new(plan: &Plan) -> Self {
        let member = Member { process: Process::Child, seen: None, answered: None, told_silent: false };
        Self { members: vec![member; plan.members.len()], leader: None, leaderless_since: None }
    }

    /// A child process ended.
    pub(crate) fn ended(&mut self, member: usize, status: ExitStatus) -> Vec<News> {
        self.members[member].process = Process::Gone;
        self.members[member].seen = None;
        let end = status.signal().map_or_else(|| End::Code(status.code().unwrap_or_default()), End::Signal);
        vec![News::Ended { member, end, running: self.running() }]
    }

    /// A member answered, or did not.
    pub(crate) fn seen(&mut self, member: usize, seen: Option<Seen>, now: Duration) -> Vec<News> {
        self.members[member].seen = seen;
        let mut news: Vec<News> = match seen {
            Some(_) => self.answered(member, now).into_iter().collect(),
            None => self.silent(member, now).into_iter().collect(),
        };
        news.extend(self.leadership(now));
        news
    }

    /// Nobody is left to watch.
    pub(crate) fn is_over(&self) -> bool {
        self.running() == 0
    }

    /// Whether the member is a child of this process, still.
    pub(crate) fn is_child(&self, member: usize) -> bool {
        self.members[member].process == Process::Child
    }

    fn running(&self) -> usize {
        self.members.iter().filter(|member| member.process != Process::Gone).count()
    }

    fn answered(&mut self, place: usize, now: Duration) -> Option<News> {
        let member = &mut self.members[place];
        member.answered = Some(now);
        if member.process == Process::Gone {
            member.process = Process::ByHand;
            member.told_silent = false;
            return Some(News::Back { member: place, running: self.running() });
        }
        std::mem::take(&mut member.told_silent).then_some(News::Answers { member: place })
    }

    fn silent(&mut self, place: usize, now: Duration) -> Option<News> {
        let member = &mut self.members[place];
        let since = member
            .answered
            .map_or_else(|| now.saturating_sub(FIRST_SILENCE - SILENCE), |then| now.saturating_sub(then));
        if member.process == Process::Gone || member.told_silent || since < SILENCE {
            return None;
        }
        if member.process == Process::ByHand {
            member.process = Process::Gone;
            return Some(News::Gone { member: place, running: self.running() });
        }
        member.told_silent = true;
        Some(News::Silent { member: place })
    }

    /// Of several that take themselves for the leader, the one with the newest term is (paper, section 5.1). A term that is older
    /// than the one told is a leader that does not know yet.
    fn leadership(&mut self, now: Duration) -> Option<News> {
        let told = self.leader.map_or(0, |(_, term)| term);
        let claims = self.members.iter().enumerate().filter_map(|(place, member)| {
            let seen = member.seen.filter(|seen| seen.leads && seen.term >= told)?;
            Some((seen.term, place))
        });
        let Some((term, member)) = claims.max() else {
            let since = *self.leaderless_since.get_or_insert(now);
            let is_news = self.leader.is_some() && now.saturating_sub(since) >= SILENCE;
            return is_news.then(|| {
                self.leader = None;
                News::NoLeader
            });
        };
        self.leaderless_since = None;
        let changed = self.leader != Some((member, term));
        self.leader = Some((member, term));
        changed.then_some(News::Leads { member, term })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILLED: i32 = 9;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn leads(term: u64) -> Option<Seen> {
        Some(Seen { leads: true, term })
    }

    fn follows(term: u64) -> Option<Seen> {
        Some(Seen { leads: false, term })
    }

    /// A cluster that n1 leads in term 2.
    fn led() -> Cluster {
        let mut cluster = Cluster::new(&Plan::example());
        assert_eq!(cluster.seen(1, follows(1), at(100)), []);
        assert_eq!(cluster.seen(0, leads(2), at(200)), [News::Leads { member: 0, term: 2 }]);
        assert_eq!(cluster.seen(0, leads(2), at(400)), []);
        cluster
    }

    #[test]
    fn a_killed_leader_and_its_successor_are_told_once() {
        let mut cluster = led();
        let end = End::Signal(KILLED);
        assert_eq!(cluster.ended(0, ExitStatus::from_raw(KILLED)), [News::Ended { member: 0, end, running: 2 }]);
        assert_eq!(cluster.seen(0, None, at(600)), []);
        assert_eq!(cluster.seen(2, leads(3), at(800)), [News::Leads { member: 2, term: 3 }]);
        assert_eq!(cluster.seen(2, leads(3), at(1000)), []);
        assert!(!cluster.is_child(0) && cluster.is_child(1) && !cluster.is_over());
    }

    #[test]
    fn a_leader_of_an_older_term_is_not_told() {
        let mut cluster = led();
        assert_eq!(cluster.seen(2, leads(3), at(600)), [News::Leads { member: 2, term: 3 }]);
        assert_eq!(cluster.seen(0, leads(2), at(700)), []);
        assert_eq!(cluster.seen(2, None, at(800)), []);
    }

    #[test]
    fn no_leader_is_told_after_a_while_and_then_the_next() {
        let mut cluster = led();
        assert_eq!(cluster.seen(0, follows(2), at(1000)), []);
        assert_eq!(cluster.seen(0, follows(2), at(3900)), []);
        assert_eq!(cluster.seen(0, follows(2), at(4000)), [News::NoLeader]);
        assert_eq!(cluster.seen(0, follows(2), at(9000)), []);
        assert_eq!(cluster.seen(0, leads(4), at(9200)), [News::Leads { member: 0, term: 4 }]);
    }

    #[test]
    fn losses_are_counted_to_the_last() {
        let mut cluster = led();
        for (member, running) in [(2, 2), (0, 1), (1, 0)] {
            let status = ExitStatus::from_raw(1 << 8);
            assert_eq!(cluster.ended(member, status), [News::Ended { member, end: End::Code(1), running }]);
            assert_eq!(cluster.is_over(), running == 0);
        }
    }

    #[test]
    fn a_member_started_by_hand_is_noticed_and_missed() {
        let mut cluster = led();
        cluster.ended(1, ExitStatus::from_raw(KILLED));
        assert_eq!(cluster.seen(1, follows(2), at(5000)), [News::Back { member: 1, running: 3 }]);
        assert_eq!(cluster.seen(1, None, at(7900)), []);
        assert_eq!(cluster.seen(1, None, at(8000)), [News::Gone { member: 1, running: 2 }]);
        assert_eq!(cluster.seen(1, None, at(20_000)), []);
    }

    #[test]
    fn a_child_that_hangs_is_told_and_that_it_answers_again() {
        let mut cluster = led();
        assert_eq!(cluster.seen(1, None, at(3099)), []);
        assert_eq!(cluster.seen(1, None, at(3100)), [News::Silent { member: 1 }]);
        assert_eq!(cluster.seen(1, None, at(9000)), []);
        assert_eq!(cluster.seen(1, follows(2), at(9200)), [News::Answers { member: 1 }]);
        assert_eq!(cluster.seen(2, None, at(14_999)), []);
        assert_eq!(cluster.seen(2, None, at(15_000)), [News::Silent { member: 2 }]);
    }
}
