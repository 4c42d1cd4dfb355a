//! Every bug that is planted around the core is found, by the property that it breaks and with a way to it.

use quorate_model::{Counterexample, Options, Planted, Verdict, catalogue, search};

/// What is found, in a configuration that is closed without the bug.
fn found(planted: Planted) -> Counterexample {
    let model = catalogue::with(planted);
    match search(&model, Options::default(), &mut |_| ()).verdict {
        Verdict::Broken(counterexample) => *counterexample,
        other => panic!("{planted} is not found in {}: {other:?}", model.name),
    }
}

/// What breaks first. A match, so that a new bug has to say it.
fn breaks(planted: Planted) -> &'static str {
    match planted {
        Planted::VoteForgotten | Planted::WrittenTooEarly | Planted::HardStateSkipped => "one vote a term",
        Planted::TailForgotten
        | Planted::AnswersTooMuch
        | Planted::SnapshotLost
        | Planted::CommitsTooMuch
        | Planted::RefusalsAccepted => "committed on a quorum of disks",
        Planted::AnswersOutlive => "answers of older terms are ignored",
        Planted::RoundsForged
        | Planted::LeaseFromAnswer
        | Planted::LeaseBeforeCommit
        | Planted::HandOverUnnoticed
        | Planted::ClockReadEarly
        | Planted::PromiseForgotten
        | Planted::ClockBeyondBound
        | Planted::ShorterTimeout => "no stale read",
        Planted::VotesForged | Planted::VotesOutlive => "Election Safety",
        Planted::TruncationSkipped => "a write that fits the log",
        Planted::OneVote => "the vote is fixed within a term",
        Planted::UpToDate | Planted::OldTermCount | Planted::Joint => "Leader Completeness",
        Planted::PrevCheck => "Log Matching",
        Planted::TruncateOnlyOnConflict => "what is durable stays durable",
        Planted::CommitOnlyVerified => "commit <= verified",
    }
}

#[test]
fn every_planted_bug_is_found_by_the_property_that_it_breaks() {
    for planted in Planted::ALL {
        let counterexample = found(*planted);
        let (sentence, expected) = (&counterexample.sentence, breaks(*planted));
        println!("{}: {} steps: {sentence}", planted.word(), counterexample.steps.len());
        assert!(sentence.starts_with(expected), "{planted}: {sentence}");
        assert!(sentence.contains("does not hold"), "{sentence}");
    }
}

#[test]
fn figure_8_of_the_paper_is_found_where_its_rule_is_left_out() {
    let told = found(Planted::OldTermCount).to_string();
    let wins = |term: &str| format!("leader of {term}");
    assert!(told.contains(&wins("t4")) && told.contains("1@2, committed is 1@1"), "{told}");
}

#[test]
fn a_counterexample_is_told_step_by_step_and_as_a_script() {
    let counterexample = found(Planted::VoteForgotten);
    let told = counterexample.to_string();
    let expected = [
        "  1. n1's timer Campaign fires",
        "       n1 stands for election in t1, 5.2",
        "       n1 write t1 vote=n1",
        "  2. n1's write is durable",
        "       n1 -> n2 RequestVote t1 last=0@0",
        "       n1 -> n3 RequestVote t1 last=0@0",
        "  3. n1 crashes, what it was writing is lost; it starts again",
    ];
    assert_eq!(told.lines().take(expected.len()).collect::<Vec<_>>(), expected, "{told}");
    assert!(told.ends_with("one vote a term (5.2) does not hold: n1 voted for n1 and n2 in t1"), "{told}");
    let script = counterexample.script(&catalogue::with(Planted::VoteForgotten));
    let is_command = |line: &&str| !line.is_empty() && *line != "---" && !line.starts_with('#');
    let commands: Vec<&str> = script.lines().filter(is_command).collect();
    let cluster = "cluster nodes=3 fresh=on disk=manual pre_vote=off check_quorum=off stickiness=off noop=off";
    let silence = ["fire 1 LeaderSilent", "fire 2 LeaderSilent", "fire 3 LeaderSilent"];
    assert_eq!((commands[0], &commands[1..4]), (cluster, &silence[..]), "{script}");
    let expected = ["fire 1 Campaign", "written 1", "crash 1 lose", "restart 1", "fire 1 LeaderSilent"];
    assert_eq!(commands[4..9], expected, "{script}");
    assert!(commands.contains(&"send \"n2 -> n1 RequestVote t1 last=0@0\""), "{script}");
}
