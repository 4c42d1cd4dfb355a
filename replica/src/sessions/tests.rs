//! The rules of the table, one by one; what goes through a log is in the golden scripts.

use super::*;

const LIMITS: SessionLimits =
    SessionLimits { sessions_max: 3, outstanding_max: 2, session_bytes_max: 1000, bytes_max: 2000, ttl_max: 500 };

/// Opened by the entry at `index`; here each has its index as its word.
fn id(index: u64) -> SessionId {
    SessionId { index, word: index }
}

fn command(session: u64, sequence: u64, acknowledged: u64) -> SessionCommand {
    SessionCommand { session: id(session), sequence, acknowledged }
}

fn sessions(indexes: &[u64]) -> Sessions {
    let mut sessions = Sessions::default();
    let granted = Granted { ttl: 100, outstanding_max: 2 };
    indexes.iter().for_each(|index| assert_eq!(sessions.open(id(*index), 100, LIMITS, 0), granted));
    sessions
}

fn ids(sessions: &Sessions) -> Vec<u64> {
    sessions.ids().map(|id| id.index).collect()
}

fn apply(sessions: &mut Sessions, command: SessionCommand, index: u64, result: &'static [u8]) -> Decision {
    let decision = sessions.decide(command, index);
    if decision == Decision::First {
        sessions.keep(command, Position::new(index, 1), Bytes::from_static(result));
    }
    decision
}

fn kept(index: u64, result: &'static [u8]) -> Kept {
    Kept { position: Position::new(index, 1), result: Bytes::from_static(result) }
}

#[test]
fn a_copy_gets_the_first_result_and_where_the_first_stands() {
    // A30, C1
    let mut sessions = sessions(&[1]);
    assert_eq!(apply(&mut sessions, command(1, 1, 0), 5, b"five"), Decision::First);
    assert_eq!(apply(&mut sessions, command(1, 2, 0), 6, b"six"), Decision::First);
    assert_eq!(apply(&mut sessions, command(1, 1, 0), 7, b"seven"), Decision::Again(kept(5, b"five")));
    assert_eq!(sessions.look_up(command(1, 2, 0), Index(9)), Some(Ok(kept(6, b"six"))));
    assert_eq!(sessions.look_up(command(1, 3, 0), Index(9)), None, "that must go through the log");
}

#[test]
fn what_is_acknowledged_is_forgotten_and_never_applied_again() {
    let mut sessions = sessions(&[1]);
    apply(&mut sessions, command(1, 1, 0), 5, b"five");
    assert_eq!(apply(&mut sessions, command(1, 3, 2), 6, b"six"), Decision::First);
    assert_eq!(sessions.outstanding(), 1);
    for sequence in [0, 1, 2] {
        let refused = SessionRefusal::Answered;
        assert_eq!(apply(&mut sessions, command(1, sequence, 0), 7, b""), Decision::Refused(refused), "{sequence}");
        assert_eq!(sessions.look_up(command(1, sequence, 0), Index(9)), Some(Err(refused)));
    }
    let all = command(1, u64::MAX, u64::MAX);
    assert_eq!(apply(&mut sessions, all, 8, b""), Decision::Refused(SessionRefusal::Answered));
    assert_eq!((sessions.outstanding(), sessions.bytes()), (0, 0));
}

#[test]
fn a_session_ends_when_entries_say_that_its_time_is_over() {
    // C3
    let mut sessions = sessions(&[1, 2]);
    sessions.pass(60);
    assert_eq!(sessions.renew(id(1), 60), Ok(Granted { ttl: 100, outstanding_max: 2 }));
    sessions.pass(99);
    assert_eq!(ids(&sessions), [1, 2]);
    sessions.pass(100);
    assert_eq!(ids(&sessions), [1], "a command or a keep-alive renews");
    assert_eq!(sessions.decide(command(1, 1, 0), 159), Decision::First);
    sessions.pass(160);
    assert_eq!(ids(&sessions), [1]);
    sessions.pass(259);
    assert_eq!(sessions.decide(command(1, 1, 0), 259), Decision::Refused(SessionRefusal::Expired));
    assert_eq!(sessions.renew(id(1), 259), Err(SessionRefusal::Expired));
    assert_eq!(sessions.look_up(command(1, 1, 0), Index(1)), Some(Err(SessionRefusal::Expired)));
    assert_eq!(sessions.look_up(command(9, 1, 0), Index(8)), None, "its entry may come yet");
}

#[test]
fn a_session_of_the_same_index_and_another_word_is_not_known() {
    // C9: the cluster was wiped, and founded anew by the same flags.
    let mut sessions = sessions(&[1]);
    apply(&mut sessions, command(1, 1, 0), 5, b"five");
    let before = SessionId { index: 1, word: 2 };
    for sequence in [1, 2] {
        let copy = SessionCommand { session: before, ..command(1, sequence, 0) };
        assert_eq!(sessions.look_up(copy, Index(9)), Some(Err(SessionRefusal::Expired)));
        assert_eq!(apply(&mut sessions, copy, 6, b"six"), Decision::Refused(SessionRefusal::Expired));
    }
    assert_eq!(sessions.renew(before, 7), Err(SessionRefusal::Expired));
    sessions.end(before);
    assert_eq!(apply(&mut sessions, command(1, 1, 0), 8, b""), Decision::Again(kept(5, b"five")));
}

#[test]
fn a_time_to_live_has_a_limit_and_is_never_nothing() {
    let mut sessions = Sessions::default();
    sessions.open(id(1), u64::MAX, LIMITS, 10);
    sessions.open(id(2), 0, LIMITS, 10);
    sessions.pass(10);
    assert_eq!(ids(&sessions), [1, 2]);
    sessions.pass(11);
    assert_eq!(ids(&sessions), [1]);
    sessions.pass(510);
    assert!(sessions.is_empty());
}

#[test]
fn results_that_wait_have_a_limit_by_number_and_by_bytes() {
    let mut sessions = sessions(&[1]);
    apply(&mut sessions, command(1, 1, 0), 5, b"");
    apply(&mut sessions, command(1, 2, 0), 6, b"");
    let refused = Decision::Refused(SessionRefusal::TooManyOutstanding);
    assert_eq!(apply(&mut sessions, command(1, 3, 0), 7, b""), refused);
    assert_eq!(apply(&mut sessions, command(1, 2, 0), 7, b""), Decision::Again(kept(6, b"")), "a copy takes no room");
    assert_eq!(apply(&mut sessions, command(1, 3, 1), 8, &[7; 1000]), Decision::First, "tried again, it is taken");
    assert_eq!(apply(&mut sessions, command(1, 4, 2), 9, b""), refused, "too many bytes");
    assert_eq!(apply(&mut sessions, command(1, 4, 3), 9, b""), Decision::First);
}

#[test]
fn all_sessions_together_have_a_limit_and_who_would_end_first_makes_room() {
    let mut sessions = sessions(&[1, 2, 3]);
    sessions.renew(id(1), 1).unwrap();
    sessions.open(id(4), 100, LIMITS, 1);
    assert_eq!(ids(&sessions), [1, 3, 4]);
    sessions.renew(id(4), 9).unwrap();
    apply(&mut sessions, command(3, 1, 0), 5, &[7; 1500]);
    assert_eq!(ids(&sessions), [1, 3, 4]);
    apply(&mut sessions, command(1, 1, 0), 6, &[7; 600]);
    assert_eq!(ids(&sessions), [1, 4], "bytes count too");
    assert_eq!(sessions.bytes(), 600 + RESULT_OVERHEAD);
    sessions.end(id(1));
    sessions.end(id(1));
    assert_eq!((ids(&sessions), sessions.bytes()), (vec![4], 0));
}

#[test]
fn a_table_read_back_is_the_table_and_nothing_shorter_is() {
    // S14
    let mut sessions = sessions(&[1, 2, 3]);
    apply(&mut sessions, command(2, 4, 3), 5, b"five");
    apply(&mut sessions, command(2, 5, 3), 6, b"");
    sessions.renew(id(1), 7).unwrap();
    let bytes = Bytes::from(sessions.encode());
    let again = Sessions::decode(bytes.clone()).unwrap();
    assert_eq!(again, sessions);
    assert_eq!((again.bytes(), again.limits()), (sessions.bytes(), LIMITS));
    for length in 0..bytes.len() {
        assert_eq!(Sessions::decode(bytes.slice(..length)), Err(SessionsError::Length), "{length}");
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert_eq!(Sessions::decode(longer.into()), Err(SessionsError::Length));
    let mut twice = bytes.to_vec();
    twice[48] = 9;
    assert_eq!(Sessions::decode(twice.into()), Err(SessionsError::Order(id(2))));
}

#[test]
fn what_is_granted_is_read_back() {
    let granted = Granted { ttl: 7, outstanding_max: 9 };
    assert_eq!(Granted::decode(granted.encode()), Some(granted));
    for other in [&b""[..], b"12345678", b"12345678123456789"] {
        assert_eq!(Granted::decode(Bytes::from_static(other)), None);
    }
}

#[test]
fn what_an_entry_says_is_read_back_with_its_limits() {
    use raft::{Entry, EntryKind, Header};
    let read = |act: SessionAct| {
        let session = if let SessionAct::KeepAlive(id) | SessionAct::Close(id) = act { id.index } else { 0 };
        let header = Header { session, ..Header::default() };
        read_act(&Entry::new(Position::new(1, 1), EntryKind::Session, header, &write_act(act, &LIMITS)))
    };
    let open = SessionAct::Open { ttl: 9, word: 8 };
    assert_eq!(read(open), Some((open, LIMITS)));
    for act in [SessionAct::KeepAlive(id(3)), SessionAct::Close(id(4))] {
        assert_eq!(read(act).map(|(act, _)| act), Some(act));
    }
    let unknown = Entry::new(Position::new(1, 1), EntryKind::Session, Header::default(), b"\x0912345678");
    assert_eq!(read_act(&unknown), None);
    let header = Header { session: 7, sequence: 8, time: 0 };
    let payload = write_command(command(7, 8, 6), b"set");
    let entry = Entry::new(Position::new(1, 1), EntryKind::Command, header, &payload);
    assert_eq!(read_command(&entry), (Some(command(7, 8, 6)), Bytes::from_static(b"set")));
    let plain = Entry::new(Position::new(1, 1), EntryKind::Command, Header::default(), b"set");
    assert_eq!(read_command(&plain), (None, Bytes::from_static(b"set")));
}
