//! Stories: runs with captions, each bound to what happens and not to a time that somebody chose. They are the scenarios of the
//! repository that have a title; the simulator plays them, so that each is a test as well.

use serde::{Deserialize, Serialize};
use sim::run::Run;
use sim::scenario::{Scenario, play};
use sim::world::World;

use crate::checks;
use crate::limits::{HAPPENINGS_MAX, RUN_MICROS_MAX};

/// A story, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Story {
    /// Its name in links: `first-election`.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// Which part of the paper or thesis it shows: `paper 5.2`.
    pub paper: String,
    /// What is played.
    pub run: Run,
    /// When it is over, in microseconds of the world; 0: it has no end.
    pub end: u64,
    /// What is said.
    pub captions: Vec<Caption>,
}

/// A sentence or two at a moment of a story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caption {
    /// From then on, in microseconds of the world.
    pub t: u64,
    /// What is said.
    pub text: String,
    /// Which part of the paper or thesis it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
}

macro_rules! stories {
    ($($id:literal => $file:literal),+ $(,)?) => {
        /// Names and texts, in the order in which they are best read.
        const STORIES: &[(&str, &str)] = &[$(($id, include_str!(concat!("../../../scenarios/", $file)))),+];
    };
}

stories! {
    "first-election" => "story_first_election.scn",
    "heartbeats-and-a-crash" => "story_heartbeats_and_a_crash.scn",
    "split-vote" => "story_a_split_vote.scn",
    "equal-timeouts" => "story_equal_timeouts.scn",
    "set-x" => "story_set_x.scn",
    "append-flow" => "story_append_flow.scn",
    "when-is-it-committed" => "story_when_is_it_committed.scn",
    "two-of-five" => "story_two_of_five_may_fail.scn",
    "minority-leader" => "story_a_minority_leader.scn",
    "another-term" => "story_another_term.scn",
    "figure-7" => "story_figure_7.scn",
    "five-logs" => "story_five_logs.scn",
    "deleting-too-eagerly" => "story_deleting_too_eagerly.scn",
    "election-restriction" => "story_election_restriction.scn",
    "best-leader" => "story_the_best_leader.scn",
    "committed-survives" => "story_committed_survives.scn",
    "uncommitted-entries" => "story_uncommitted_entries.scn",
    "figure-8" => "story_figure_8.scn",
    "figure-8-safe" => "story_figure_8_safe.scn",
    "crash-and-restart" => "story_crash_and_restart.scn",
    "command-asked-twice" => "story_a_command_asked_twice.scn",
    "joint-consensus" => "story_joint_consensus.scn",
    "two-majorities" => "story_two_majorities.scn",
    "learner" => "story_learner.scn",
    "snapshot" => "story_snapshot_to_a_laggard.scn",
    "transfer" => "story_transfer.scn",
    "pre-vote" => "story_pre_vote.scn",
    "without-pre-vote" => "story_without_pre_vote.scn",
    "deaf-leader" => "story_deaf_leader.scn",
    "read-index" => "story_read_index.scn",
    "stale-read" => "story_stale_read.scn",
}

/// After the last caption a story goes on for a while, but not so long that what it told is a corner of its time.
const EPILOGUE: u64 = 250_000;

/// The run that somebody begins with who wants to try: five nodes, nothing that happens by itself but elections, and no end.
#[must_use]
pub fn sandbox() -> Story {
    let (id, title, paper) = ("sandbox".to_owned(), "Sandbox".to_owned(), String::new());
    Story { id, title, paper, run: Run::teaching(8, 5), end: 0, captions: Vec::new() }
}

/// The sandbox, and behind it all stories.
///
/// # Errors
/// When a scenario can't be read, or does not go as it says.
pub fn all() -> Result<Vec<Story>, String> {
    let told = STORIES.iter().map(|(id, text)| read(id, text).map_err(|what| format!("the story {id}: {what}")));
    std::iter::once(Ok(sandbox())).chain(told).collect()
}

/// A story out of a scenario's text.
///
/// # Errors
/// When it can't be read, does not go as it says, or has no title.
pub fn read(id: &str, text: &str) -> Result<Story, String> {
    let scenario = Scenario::parse(text).map_err(|error| error.to_string())?;
    let title = scenario.title.clone().ok_or("it has no title (`story paper 5.2: First election`)")?;
    let played = play(&scenario, false);
    played.verdict.map_err(|error| error.to_string())?;
    let captions: Vec<Caption> =
        played.captions.into_iter().map(|said| Caption { t: said.t, text: said.text, section: said.section }).collect();
    let last = captions.last().map_or(0, |caption| caption.t);
    let end = if played.found.is_some() { played.end.0 } else { played.end.0.max(last + EPILOGUE) };
    Ok(Story { id: id.to_owned(), title: title.title, paper: title.paper, run: played.run, end, captions })
}

/// What is worth to be looked at in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interesting {
    /// When it is over, in microseconds of the world.
    pub end: u64,
    /// Where it is best opened: a little before something goes wrong, else at its beginning.
    pub start: u64,
    /// What does not hold any more at its end, if something does not.
    pub broken: Option<String>,
}

/// Plays a run until something goes wrong, or to its end.
#[must_use]
pub fn interesting(run: &Run) -> Interesting {
    const BEFORE: u64 = 300_000;
    let last = run.script.last().map_or(0, |step| step.at);
    let quiet = (last + 40 * run.timing.election_timeout).clamp(3_000_000, RUN_MICROS_MAX);
    // A run that is made good in the end has an end of its own.
    let until = if run.timing.calm_at > 0 { RUN_MICROS_MAX } else { quiet };
    let whole = |end: u64| Interesting { end, start: 0, broken: None };
    let Ok(mut world) = World::endless(run.clone()) else { return whole(quiet) };
    while world.next_at().is_some_and(|at| at <= until) && world.so_far().events < HAPPENINGS_MAX {
        match world.step() {
            Ok(_) if world.is_over() => return whole(world.now()),
            Ok(_) => {}
            Err(failure) => {
                let end = world.now();
                return Interesting { end, start: end.saturating_sub(BEFORE), broken: Some(checks::told(&failure)) };
            }
        }
    }
    whole(quiet)
}
