//! What a client knows of the members: where they are, which of them leads, and which are better left alone for a while. Pure:
//! values in, a choice out. It does not know how anything was learnt, and asks nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::endpoint::Url;

/// An endpoint that failed is left alone so long at first, doubling with each failure in a row ...
const SHUN_FIRST: Duration = Duration::from_millis(50);
/// ... up to this.
const SHUN_LONGEST: Duration = Duration::from_secs(5);

/// What the first look at an endpoint gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    /// It has not answered yet.
    Never,
    /// It belongs to our cluster.
    Ours,
    /// It answers for another cluster, and is not asked again before a look says otherwise.
    Foreign(u64),
}

#[derive(Debug, Clone)]
struct Place {
    url: Url,
    /// Named by the user; others were learnt from the members, and go when their member goes.
    given: bool,
    met: Met,
    member: u64,
    /// It learns: it answers serializable reads, and passes nothing on.
    learner: bool,
    /// The leader that it follows, in which term; 0 is none.
    follows: (u64, u64),
    failures: u32,
    shunned_until: Option<Instant>,
    /// What went wrong last, for a person.
    trouble: Option<String>,
}

/// What a member says of itself when it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) cluster: u64,
    pub(crate) member: u64,
    pub(crate) term: u64,
    /// 0: none is known to it.
    pub(crate) leader: u64,
    pub(crate) learner: bool,
}

/// Whom a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// The leader, since it does the work: asking another member costs a hop more.
    Leader,
    /// Anyone alike.
    Anyone,
}

/// Endpoints and what is known of them.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    places: Vec<Place>,
    cluster: Option<u64>,
    /// The newest term that any answer came with.
    term: u64,
    /// Where the next request for anyone begins, so that they spread.
    turn: usize,
    /// Where the configuration stands that the members were listed by.
    configuration: u64,
}

impl Directory {
    pub(crate) fn new(given: Vec<Url>) -> Self {
        let places = given.into_iter().map(|url| Place::new(url, true)).collect();
        Self { places, cluster: None, term: 0, turn: 0, configuration: 0 }
    }

    /// Everyone who should be looked at.
    pub(crate) fn urls(&self) -> Vec<Url> {
        self.places.iter().map(|place| place.url.clone()).collect()
    }

    /// The cluster that the first answer came from.
    pub(crate) fn cluster(&self) -> Option<u64> {
        self.cluster
    }

    /// The leader of the newest term, and where it is: nothing while no member that was met knows one.
    pub(crate) fn leader(&self) -> Option<(u64, Option<Url>)> {
        let (_, leader) = self.newest()?;
        let place = self.ours().find(|place| place.member == leader);
        Some((leader, place.map(|place| place.url.clone())))
    }

    /// Takes in what a look gave. The first cluster met is ours.
    pub(crate) fn met(&mut self, url: &Url, view: View) {
        let cluster = *self.cluster.get_or_insert(view.cluster);
        let Some(place) = self.place(url) else { return };
        if view.cluster != cluster {
            place.met = Met::Foreign(view.cluster);
            place.trouble =
                Some(format!("it answers for cluster {:x}, this client met cluster {cluster:x} first", view.cluster));
            return;
        }
        if place.met != Met::Ours {
            (place.failures, place.shunned_until) = (0, None);
        }
        (place.met, place.trouble) = (Met::Ours, None);
        (place.member, place.learner) = (view.member, view.learner);
        place.follows = (view.term, view.leader);
        self.term = self.term.max(view.term);
    }

    /// Whether the members may be others than when they were listed.
    pub(crate) fn is_newer(&self, configuration: u64) -> bool {
        configuration > self.configuration
    }

    /// The members were listed by this configuration or a newer one.
    pub(crate) fn listed(&mut self, configuration: u64) {
        self.configuration = self.configuration.max(configuration);
    }

    /// What the members advertise: their endpoints come along, those of former members go.
    pub(crate) fn advertised(&mut self, urls: &[Url]) {
        self.places.retain(|place| place.given || urls.contains(&place.url));
        for url in urls {
            if self.place(url).is_none() {
                self.places.push(Place::new(url.clone(), false));
            }
        }
    }

    /// An answer came, of this cluster and term. Answers whether it is of a newer term, so that another may lead now.
    pub(crate) fn answered(&mut self, url: &Url, term: u64) -> bool {
        if let Some(place) = self.place(url) {
            (place.failures, place.shunned_until, place.trouble) = (0, None, None);
        }
        let newer = term > self.term;
        self.term = self.term.max(term);
        newer
    }

    /// It did not answer, or its connection broke: others go first for a while.
    pub(crate) fn failed(&mut self, url: &Url, now: Instant, trouble: String) {
        let Some(place) = self.place(url) else { return };
        let shun = SHUN_FIRST.saturating_mul(1 << place.failures.min(16)).min(SHUN_LONGEST);
        place.failures += 1;
        place.shunned_until = Some(now + shun);
        place.trouble = Some(trouble);
    }

    /// It answered that it knows no leader.
    pub(crate) fn leaderless(&mut self, url: &Url) {
        if let Some(place) = self.place(url) {
            place.follows.1 = 0;
            place.trouble = Some("etcdserver: no leader".to_owned());
        }
    }

    /// It answered for another cluster.
    pub(crate) fn foreign(&mut self, url: &Url, cluster: u64) {
        if let Some(place) = self.place(url) {
            place.met = Met::Foreign(cluster);
        }
    }

    /// Who is asked next, of those met: no learner where the leader's work is to be done, then who was asked least in this call, then who is not shunned, then who leads or at least
    /// follows the newest leader, then in turn.
    pub(crate) fn choose(&mut self, wanted: For, asked: &BTreeMap<Url, u32>, now: Instant) -> Option<Url> {
        let (newest, turn, count) = (self.newest(), self.turn, self.places.len());
        let rank = |(at, place): &(usize, &Place)| {
            let times = asked.get(&place.url).copied().unwrap_or(0);
            let shunned = place.shunned_until.is_some_and(|until| now < until);
            let leads = wanted == For::Leader && newest.is_some_and(|(_, leader)| place.member == leader);
            let lost = newest.is_some() && Some(place.follows) != newest;
            let unfit = wanted == For::Leader && place.learner;
            (unfit, times, shunned, !leads, lost, (at + count - turn % count) % count)
        };
        let places = self.places.iter().enumerate().filter(|(_, place)| place.met == Met::Ours);
        let (at, place) = places.min_by_key(rank)?;
        let url = place.url.clone();
        if wanted == For::Anyone {
            self.turn = at + 1;
        }
        Some(url)
    }

    /// Everyone in trouble, and which: for the error of a call that found nobody.
    pub(crate) fn troubles(&self) -> Vec<(Url, String)> {
        let trouble = |place: &Place| place.trouble.clone().map(|trouble| (place.url.clone(), trouble));
        self.places.iter().filter_map(trouble).collect()
    }

    /// Term and id of the newest leader that somebody follows.
    fn newest(&self) -> Option<(u64, u64)> {
        self.ours().map(|place| place.follows).filter(|(_, leader)| *leader != 0).max()
    }

    fn ours(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(|place| place.met == Met::Ours)
    }

    fn place(&mut self, url: &Url) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| place.url == *url)
    }
}

impl Place {
    fn new(url: Url, given: bool) -> Self {
        Self {
            url,
            given,
            met: Met::Never,
            member: 0,
            learner: false,
            follows: (0, 0),
            failures: 0,
            shunned_until: None,
            trouble: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(member: u64, term: u64, leader: u64) -> View {
        View { cluster: 7, member, term, leader, learner: false }
    }

    /// Endpoints a, b and c of members 1, 2 and 3, of which 2 leads in term 4.
    fn three() -> (Directory, [Url; 3], Instant) {
        let urls = ["a", "b", "c"].map(Url::from);
        let mut directory = Directory::new(urls.to_vec());
        for (url, member) in urls.iter().zip(1..) {
            directory.met(url, view(member, 4, 2));
        }
        (directory, urls, Instant::now())
    }

    fn asked(urls: &[&Url]) -> BTreeMap<Url, u32> {
        urls.iter().map(|url| ((*url).clone(), 1)).collect()
    }

    #[tokio::test]
    async fn the_leader_is_asked_first_and_then_the_others() {
        let (mut directory, [a, b, c], now) = three();
        assert_eq!(directory.leader(), Some((2, Some(b.clone()))));
        assert_eq!(directory.choose(For::Leader, &asked(&[]), now), Some(b.clone()));
        assert_eq!(directory.choose(For::Leader, &asked(&[&b]), now), Some(a.clone()));
        assert_eq!(directory.choose(For::Leader, &asked(&[&b, &a]), now), Some(c.clone()));
        assert_eq!(directory.choose(For::Leader, &asked(&[&b, &a, &c]), now), Some(b));
    }

    #[tokio::test]
    async fn a_learner_only_reads() {
        let (mut directory, [a, b, c], now) = three();
        directory.met(&b, View { learner: true, ..view(2, 5, 3) });
        assert_eq!(directory.choose(For::Leader, &asked(&[&a, &c]), now), Some(c.clone()));
        let order: Vec<Url> = (0..3).filter_map(|_| directory.choose(For::Anyone, &asked(&[&a, &c]), now)).collect();
        assert_eq!(order, [b.clone(), b.clone(), b]);
    }

    #[tokio::test]
    async fn nobody_is_asked_before_it_was_met() {
        let urls = ["a", "b"].map(Url::from);
        let mut directory = Directory::new(urls.to_vec());
        assert_eq!(directory.choose(For::Anyone, &asked(&[]), Instant::now()), None);
        directory.met(&urls[1], view(2, 1, 0));
        assert_eq!(directory.choose(For::Leader, &asked(&[]), Instant::now()), Some(urls[1].clone()));
    }

    #[tokio::test]
    async fn what_anyone_may_answer_goes_round() {
        let (mut directory, [a, b, c], now) = three();
        let order: Vec<Url> = (0..4).filter_map(|_| directory.choose(For::Anyone, &asked(&[]), now)).collect();
        assert_eq!(order, [a.clone(), b, c, a]);
    }

    #[tokio::test]
    async fn who_failed_goes_last_until_its_time_is_over_or_it_answers() {
        let (mut directory, [a, b, _], now) = three();
        directory.failed(&b, now, "connection refused".into());
        assert_eq!(directory.choose(For::Leader, &asked(&[]), now), Some(a.clone()));
        assert_eq!(directory.choose(For::Leader, &asked(&[]), now + SHUN_FIRST), Some(b.clone()));
        directory.failed(&b, now, "connection refused".into());
        assert_eq!(directory.choose(For::Leader, &asked(&[]), now + SHUN_FIRST), Some(a), "the second time is longer");
        assert_eq!(directory.troubles(), [(b.clone(), "connection refused".to_owned())]);
        assert!(!directory.answered(&b, 4));
        assert_eq!(directory.choose(For::Leader, &asked(&[]), now), Some(b));
        assert_eq!(directory.troubles(), []);
    }

    #[tokio::test]
    async fn a_member_that_lost_its_leader_goes_behind_those_that_follow_one() {
        let (mut directory, [a, b, c], now) = three();
        directory.met(&c, view(3, 5, 3));
        assert_eq!(directory.leader(), Some((3, Some(c.clone()))), "of two leaders the one of the newer term");
        directory.met(&a, view(1, 5, 3));
        assert_eq!(directory.choose(For::Leader, &asked(&[&c]), now), Some(a), "b still believes in itself");
        directory.leaderless(&c);
        assert_eq!(directory.choose(For::Leader, &asked(&[]), now), Some(c), "a still says that 3 leads");
        assert!(directory.answered(&b, 6), "a newer term is noticed");
    }

    #[tokio::test]
    async fn an_endpoint_of_another_cluster_is_never_asked() {
        let (mut directory, [a, b, c], now) = three();
        directory.met(&b, View { cluster: 8, ..view(2, 9, 2) });
        assert_eq!(directory.choose(For::Leader, &asked(&[&a, &c]), now), Some(a.clone()));
        directory.foreign(&a, 8);
        assert_eq!(directory.choose(For::Leader, &asked(&[&c]), now), Some(c));
        assert!(directory.troubles()[0].1.contains("cluster 8"), "{:?}", directory.troubles());
    }

    #[tokio::test]
    async fn members_come_and_go_and_what_the_user_named_stays() {
        let (mut directory, [a, b, c], now) = three();
        let (d, e) = (Url::from("d"), Url::from("e"));
        directory.advertised(&[b.clone(), d.clone(), e.clone()]);
        assert_eq!(directory.urls(), [a.clone(), b.clone(), c.clone(), d.clone(), e]);
        directory.met(&d, view(4, 5, 4));
        assert_eq!(directory.choose(For::Leader, &asked(&[]), now), Some(d));
        directory.advertised(std::slice::from_ref(&b));
        assert_eq!(directory.urls(), [a, b, c]);
    }
}
