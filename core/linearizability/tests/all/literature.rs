//! Small histories that are known from papers and talks, each with its known verdict.

use crate::shorthand::{is_linearizable, judge, registers};

/// Herlihy and Wing 1990, figure 1 in spirit: overlapping writes may take effect in either order, and reads then agree.
#[test]
fn overlapping_writes_take_effect_in_either_order() {
    assert!(is_linearizable(&registers("a x w1 0..10\n b x w2 5..15\n c x r1 20..30")));
    assert!(is_linearizable(&registers("a x w1 0..10\n b x w2 5..15\n c x r2 20..30")));
    assert!(!is_linearizable(&registers("a x w1 0..10\n b x w2 5..15\n c x r1 20..30\n c x r2 40..50")));
}

/// The stale read: sequentially consistent, not linearizable (Attiya and Welch 1994).
#[test]
fn stale_read_is_only_sequentially_consistent() {
    assert!(!is_linearizable(&registers("a x w1 0..10\n b x r- 11..20")));
    assert!(
        is_linearizable(&registers("a x w1 0..10\n b x r- 10..20")),
        "one that begins as the write ends overlaps it"
    );
}

/// New-old inversion: of two reads during one write the later may not go back (Lamport's atomic against regular registers, 1986).
#[test]
fn new_old_inversion_is_regular_but_not_atomic() {
    assert!(!is_linearizable(&registers("a x w1 0..100\n b x r1 10..20\n c x r- 30..40")));
    assert!(is_linearizable(&registers("a x w1 0..100\n b x r- 10..20\n c x r1 30..40")));
    assert!(is_linearizable(&registers("a x w1 0..100\n b x r1 10..30\n c x r- 20..40")));
}

/// Store buffering (Dekker): both read the old value. Each key alone is fine only if the reads overlap the writes.
#[test]
fn store_buffering_is_seen_key_by_key() {
    assert!(!is_linearizable(&registers("a x w1 0..10\n a y r- 20..30\n b y w1 0..10\n b x r- 20..30")));
    assert!(is_linearizable(&registers("a x w1 0..30\n a2 y r- 20..30\n b y w1 0..30\n b2 x r- 20..30")));
}

/// A write whose answer was lost may take effect long after, once, and not before its call.
#[test]
fn unknown_write_takes_effect_once_or_never() {
    let late = "a x w1 0..10\n b x w2 5..?\n c x r1 20..30\n c x r1 40..50\n c x r2 60..70";
    assert!(is_linearizable(&registers(late)));
    assert!(is_linearizable(&registers("a x w1 0..10\n b x w2 5..?\n c x r1 20..30")));
    assert!(!is_linearizable(&registers(&format!("{late}\n c x r1 80..90"))));
    let twice = "b x w2 5..?\n c x r2 20..30\n d x w1 40..50\n c x r2 60..70";
    assert!(!is_linearizable(&registers(twice)));
    assert!(is_linearizable(&registers(&format!("{twice}\n e x w2 55..?"))));
    assert!(!is_linearizable(&registers("c x r2 0..10\n b x w2 11..?")));
}

/// Compare-and-swaps form a chain; two cannot leave from the same link.
#[test]
fn swaps_form_a_chain() {
    assert!(is_linearizable(&registers("a x c->1 0..50\n b x c1>2 0..50\n c x c2>3 0..50\n d x r3 60..70")));
    assert!(!is_linearizable(&registers("a x c->1 0..50\n b x c->2 0..50")));
    assert!(is_linearizable(&registers("a x c->1 0..50\n b x x->2 0..50")));
    assert!(!is_linearizable(&registers("a x w1 0..10\n b x x1>2 20..30\n c x r1 40..50")));
}

/// A refused swap may be all that shows an unknown write.
#[test]
fn refused_swap_can_be_due_to_an_unknown_write() {
    assert!(is_linearizable(&registers("a x w1 0..10\n u x w7 5..?\n b x x1>2 20..30")));
    assert!(is_linearizable(&registers("a x w1 0..10\n u x c1>7 5..?\n b x x1>2 20..30")));
    assert!(!is_linearizable(&registers("a x w1 0..10\n u x c1>7 5..?\n b x x1>2 20..30\n c x r1 40..50")));
}

/// The explanation names the operation, the longest prefix, and draws what is around it.
#[test]
fn explanation_shows_where_every_order_ends() {
    let report = judge(&registers("a x w1 0..10\n b x w2 20..40\n c x r2 25..30\n d x r1 32..38\n a x r2 50..60"));
    let explanation = report.explanation.unwrap();
    assert_eq!((explanation.prefix, explanation.misplaced.as_slice()), (Some(2), ["3".to_owned()].as_slice()));
    let expected = "\
key x: read -> 1 (id 3, client d) has no place between its call and its return: when it returns, the value is 2 in every order that fits so far
Operations before it that have an order: 2. Around the place where every order ends:

  a  |--|                    0  write 1    [0..10]
  b        |--------------|  1  write 2    [20..40]
  c           |--|           2  read -> 2  [25..30]
  d                 |--|     3  read -> 1  [32..38]  <-- has no place
";
    assert_eq!(explanation.to_string(), expected);
}
