//! Small histories of a store, each one claim.

use quorate_linearizability::{History, Verdict, read};

use crate::shorthand::judge;

/// `client call..return` and the rest of an operation, one a line.
fn store(text: &str) -> History {
    let mut lines = vec![r#"{"format":"quorate-history","version":1,"model":"store"}"#.to_owned()];
    for (number, line) in text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let (client, rest) = line.split_once(' ').unwrap();
        let (span, rest) = rest.split_once(' ').unwrap();
        let (call, end) = span.split_once("..").unwrap();
        let end = if end == "?" { "null" } else { end };
        lines.push(format!(r#"{{"id":{number},"client":"{client}","call":{call},"return":{end},{rest}}}"#));
    }
    read(&lines.join("\n")).unwrap()
}

fn passes(text: &str) -> bool {
    let report = judge(&store(text));
    assert_ne!(report.verdict, Verdict::Undecided);
    report.verdict == Verdict::Linearizable
}

const PUT_A: &str = r#"a 0..10 "kind":"put","key":"k","value":"A","revision":2"#;

#[test]
fn linearizable_read_sees_what_was_acknowledged_and_a_serializable_one_need_not() {
    let read = r#"b 20..30 "kind":"get","key":"k","rows":[],"revision":1"#;
    assert!(!passes(&format!("{PUT_A}\n{read}")));
    assert!(passes(&format!("{PUT_A}\n{read},\"serializable\":true")));
    assert!(passes(&format!("{PUT_A}\n{}", read.replace("20..30", "10..30"))), "they overlap");
}

/// What any read saw has happened, so later linearizable reads see it, even while the write is still under way.
#[test]
fn what_a_serializable_read_saw_stays() {
    let slow = PUT_A.replace("0..10", "0..100");
    let seen = r#"b 20..30 "kind":"get","key":"k","rows":[{"key":"k","value":"A"}],"revision":2,"serializable":true"#;
    let stale = r#"c 40..50 "kind":"get","key":"k","rows":[],"revision":1"#;
    assert!(!passes(&format!("{slow}\n{seen}\n{stale}")));
    assert!(passes(&format!("{slow}\n{seen}\n{stale},\"serializable\":true")));
}

#[test]
fn unknown_write_fills_the_revision_that_is_missing() {
    let unknown = r#"u 0..? "kind":"put","key":"k","value":"U""#;
    let next = r#"b 20..30 "kind":"put","key":"j","value":"B","revision":4"#;
    assert!(passes(&format!("{PUT_A}\n{unknown}\n{next}")));
    assert!(!passes(&format!("{PUT_A}\n{next}")));
    assert!(!passes(&format!("{PUT_A}\n{}\n{next}", unknown.replace("0..?", "31..?"))), "called too late");
    let resting = r#"c 40..50 "kind":"get","key":"k","rows":[{"key":"k","value":"A","mod_revision":2}],"revision":4"#;
    assert!(!passes(&format!("{PUT_A}\n{unknown}\n{next}\n{resting}")), "k was not written in between");
    let other = r#"v 0..? "kind":"put","key":"z","value":"U""#;
    assert!(passes(&format!("{PUT_A}\n{unknown}\n{other}\n{next}\n{resting}")), "but z may have been");
    let twice = r#"c 40..50 "kind":"put","key":"j","value":"C","revision":6"#;
    assert!(!passes(&format!("{PUT_A}\n{unknown}\n{next}\n{twice}")), "one unknown write fills one revision");
}

/// Which of two fits shows only later: the first choice is taken back.
#[test]
fn wrong_guess_is_taken_back() {
    let history = r#"
        a 0..10 "kind":"put","key":"k","value":"A","revision":2
        u 0..? "kind":"delete","key":"k"
        v 1..? "kind":"put","key":"z","value":"V"
        b 20..30 "kind":"put","key":"j","value":"B","revision":4
        c 40..50 "kind":"put","key":"j","value":"C","revision":5
        d 60..70 "kind":"delete","key":"k","deleted":1,"revision":6"#;
    assert!(passes(history));
    assert!(!passes(
        &history
            .replace(r#""key":"z","value":"V""#, r#""key":"k","end":"l""#)
            .replace("put\",\"key\":\"k\",\"end", "delete\",\"key\":\"k\",\"end")
    ));
}

#[test]
fn delete_of_nothing_and_a_transaction_that_changes_nothing_make_no_revision() {
    let nothing = r#"b 20..30 "kind":"delete","key":"z","deleted":0,"revision":2"#;
    assert!(passes(&format!("{PUT_A}\n{nothing}")));
    assert!(!passes(&format!("{PUT_A}\n{}", nothing.replace('z', "k"))));
    let refused = r#"c 40..50 "kind":"txn","compare":[{"key":"k","target":"value","is":"=","to":"B"}],"success":[{"kind":"delete","key":"k"}],"failure":[{"kind":"get","key":"k"}],"succeeded":false,"results":[{"rows":[{"key":"k","value":"A","version":1}]}],"revision":2"#;
    assert!(passes(&format!("{PUT_A}\n{nothing}\n{refused}")));
    assert!(!passes(&format!("{PUT_A}\n{nothing}\n{}", refused.replace(r#""="#, r#""!="#))));
}

#[test]
fn read_of_an_old_revision_is_judged_there() {
    let overwrite = r#"a 20..30 "kind":"put","key":"k","value":"B","revision":3"#;
    let old = r#"b 40..50 "kind":"get","key":"k","at":2,"rows":[{"key":"k","value":"A"}],"revision":3"#;
    assert!(passes(&format!("{PUT_A}\n{overwrite}\n{old}")));
    assert!(!passes(&format!("{PUT_A}\n{overwrite}\n{}", old.replace(r#""A""#, r#""B""#))));
    assert!(!passes(&format!("{PUT_A}\n{overwrite}\n{}", old.replace(r#""revision":3"#, r#""revision":2"#))), "stale");
    assert!(!passes(&format!("{PUT_A}\n{overwrite}\n{}", old.replace(r#""at":2"#, r#""at":9"#))), "not there yet");
}

#[test]
fn absurd_revisions_end_at_once() {
    let far = r#"a 0..10 "kind":"put","key":"k","value":"A","revision":9223372036854775807"#;
    assert!(!passes(far));
    let report = judge(&store(&format!("{PUT_A}\n{}", far.replace("0..10", "20..30"))));
    assert_eq!(
        report.explanation.unwrap().sentence,
        "put k=\"A\" -> revision 9223372036854775807 (id 1, client a) shows that revision 3 exists, but nothing made it, and of the 0 \
         operations of unknown outcome each can have made one revision only"
    );
}

#[test]
fn explanation_names_both_sides_of_a_contradiction_with_time() {
    let report = judge(&store(
        r#"
        a 0..10 "kind":"put","key":"k","value":"A","revision":3
        b 20..30 "kind":"put","key":"k","value":"B","revision":2"#,
    ));
    let expected = "\
put k=\"A\" -> revision 3 (id 0, client a) had returned before put k=\"B\" -> revision 2 (id 1, client b) was called, but its revision 3 \
puts it behind revision 2 of the other

  a  |--|        0  put k=\"A\" -> revision 3  [0..10]  <-- has no place
  b        |--|  1  put k=\"B\" -> revision 2  [20..30]  <-- has no place
";
    assert_eq!(report.explanation.unwrap().to_string(), expected);
}
