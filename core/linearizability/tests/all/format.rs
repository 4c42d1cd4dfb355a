//! What is no history is refused with the operation, the field and the reason.

use quorate_linearizability::{History, HistoryError, read};

fn refusal(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

fn register_refusal(operations: &str) -> String {
    refusal(&format!("{{\"format\":\"quorate-history\",\"version\":1,\"model\":\"registers\"}}\n{operations}"))
}

fn store_refusal(operation: &str) -> String {
    let common = "\"id\":\"a\",\"client\":1,\"call\":1,\"return\":2";
    refusal(&format!("{{\"format\":\"quorate-history\",\"version\":1,\"model\":\"store\"}}\n{{{common},{operation}}}"))
}

#[test]
fn lines_and_an_array_are_the_same() {
    let header = r#"{"format":"quorate-history","version":1,"model":"registers","initial":{"x":[1]}}"#;
    let first = r#"{"id":1,"client":"a","call":0,"return":5,"kind":"read","key":"x","value":[1],"note":"any"}"#;
    let second = r#"{"id":2,"client":"a","call":5,"return":null,"kind":"cas","key":"x","expected":[1],"new":null}"#;
    let lines = read(&format!("{header}\n\n{first}\n{second}\n")).unwrap();
    assert_eq!(read(&format!("[{header},\n{first},{second}]")), Ok(lines.clone()));
    let History::Registers(history) = lines else { panic!("{lines:?}") };
    assert_eq!(history.operations().len(), 2);
}

#[test]
fn wrong_headers_are_refused() {
    for (text, expected) in [
        ("", r#"header, field "format": the history is empty: it begins with a header"#),
        ("[]", r#"header, field "format": the history is empty: it begins with a header"#),
        ("7", r#"header, field "": must be an object"#),
        ("{}", r#"header, field "format": is missing"#),
        (r#"{"format":"edn"}"#, r#"header, field "format": must be "quorate-history", but is "edn""#),
        (
            r#"{"format":"quorate-history","version":2}"#,
            r#"header, field "version": is 2; this program reads version 1"#,
        ),
        (
            r#"{"format":"quorate-history","version":1,"model":"queue"}"#,
            r#"header, field "model": "queue" is neither "registers" nor "store""#,
        ),
        (
            r#"{"format":"quorate-history","version":1,"model":"registers","revision":1}"#,
            r#"header, field "revision": does not belong here; allowed are format, version, model, initial"#,
        ),
        ("{\"a\":1}\n{\"b\":}", "line 2, column 6: not JSON: expected value"),
        ("[{\"a\":1},\n{\"b\"", "line 2, column 4: not JSON: EOF while parsing an object"),
    ] {
        assert_eq!(refusal(text), expected, "{text}");
    }
}

#[test]
fn wrong_operations_on_registers_are_named() {
    let good = r#"{"id":"g","client":"a","call":10,"return":20,"kind":"write","key":"x","value":1}"#;
    let common = r#""id":7,"client":"b","call":5,"return":9"#;
    for (operation, expected) in [
        ("3", r#"operation 2, field "": must be an object"#),
        (r#"{"client":"b"}"#, r#"operation 2, field "kind": is missing"#),
        (
            r#"{"kind":"push","id":7}"#,
            r#"operation 2 (id "7"), field "kind": "push" is none of "read", "write", "cas""#,
        ),
        (
            r#"{"id":7,"client":"b","call":5,"return":4,"kind":"write","key":"x","value":1}"#,
            r#"operation 2 (id "7"), field "return": 4 is before the call at 5"#,
        ),
        (
            r#"{"id":7,"client":"b","call":-5,"return":4,"kind":"write","key":"x","value":1}"#,
            r#"operation 2 (id "7"), field "call": must be a whole number from 0 to 2^63 - 1"#,
        ),
        (
            r#"{"id":7,"client":"b","call":5,"outcome":"ok","kind":"write","key":"x","value":1}"#,
            r#"operation 2 (id "7"), field "return": is missing: what ended well has returned"#,
        ),
        (
            r#"{"id":7,"client":"b","call":5,"outcome":"lost","kind":"write","key":"x","value":1}"#,
            r#"operation 2 (id "7"), field "outcome": must be "ok", "failed" or "unknown""#,
        ),
        (good, r#"operation 2 (id "g"), field "id": operation 1 has the same"#),
    ] {
        assert_eq!(register_refusal(&format!("{good}\n{operation}")), expected, "{operation}");
    }
    for (rest, expected) in [
        (r#""kind":"read","key":"x""#, r#"operation 1 (id "7"), field "value": is missing"#),
        (r#""kind":"write","key":"x""#, r#"operation 1 (id "7"), field "value": is missing"#),
        (r#""kind":"cas","key":"x","expected":1,"new":2"#, r#"operation 1 (id "7"), field "swapped": is missing"#),
        (
            r#""kind":"write","key":true,"value":1"#,
            r#"operation 1 (id "7"), field "key": must be a text or a whole number"#,
        ),
        (
            r#""kind":"read","key":"x","value":1,"retrun":3"#,
            r#"operation 1 (id "7"), field "retrun": does not belong here; allowed are id, client, call, return, outcome, kind, note, key, value"#,
        ),
        (
            r#""outcome":"unknown","kind":"read","key":"x","value":1"#,
            r#"operation 1 (id "7"), field "value": does not belong here; allowed are id, client, call, return, outcome, kind, note, key"#,
        ),
    ] {
        assert_eq!(register_refusal(&format!("{{{common},{rest}}}")), expected, "{rest}");
    }
}

#[test]
fn client_that_does_two_things_at_once_is_named() {
    let operation = |id: u8, call: u8, end: &str| {
        format!(r#"{{"id":{id},"client":"a","call":{call},"return":{end},"kind":"write","key":"x","value":1}}"#)
    };
    let [first, second, third] = [operation(1, 10, "20"), operation(2, 1, "11"), operation(3, 11, "null")];
    assert_eq!(
        register_refusal(&format!("{first}\n{third}\n{second}")),
        "operation 1 (id \"1\"), field \"client\": client a calls at 10, but its operation \"2\" returns only at 11: give each of \
         two operations under way at once a client of its own"
    );
}

#[test]
fn wrong_operations_on_a_store_are_named() {
    for (rest, expected) in [
        (r#""kind":"put","key":"k","value":"v""#, r#"field "revision": is missing"#),
        (r#""kind":"put","key":"k","value":5,"revision":2"#, r#"field "value": must be a text"#),
        (r#""kind":"get","key":"k","revision":2"#, r#"field "rows": is missing"#),
        (r#""kind":"get","key":"k","revision":2,"rows":[7]"#, r#"field "rows[0]": must be an object"#),
        (r#""kind":"get","key":"k","revision":2,"rows":[{"key":"k"}]"#, r#"field "rows[0].value": is missing"#),
        (r#""kind":"delete","key":"k","revision":2"#, r#"field "deleted": is missing"#),
        (
            r#""kind":"put","key":"k","value":"v","serializable":true,"revision":2"#,
            r#"field "serializable": does not belong here; allowed are id, client, call, return, outcome, kind, note, key, value, revision"#,
        ),
        (
            r#""kind":"txn","success":[{"kind":"put","key":"k","value":"v"}],"serializable":true,"revision":2,"succeeded":true,"results":[{}]"#,
            r#"field "serializable": only what can't write can be serializable"#,
        ),
        (
            r#""kind":"txn","compare":[{"key":"k","target":"lease","is":"=","to":1}],"revision":2,"succeeded":true"#,
            r#"field "compare[0].target": "lease" is none of "value", "version", "create_revision", "mod_revision""#,
        ),
        (
            r#""kind":"txn","compare":[{"key":"k","target":"version","is":">=","to":1}],"revision":2,"succeeded":true"#,
            r#"field "compare[0].is": ">=" is none of "=", "!=", "<", ">""#,
        ),
        (
            r#""kind":"txn","success":[{"kind":"txn","key":"k"}],"revision":2,"succeeded":true"#,
            r#"field "success[0].kind": "txn" is none of "put", "delete", "get""#,
        ),
        (
            r#""kind":"txn","success":[{"kind":"get","key":"k"}],"revision":2,"succeeded":true,"results":[]"#,
            r#"field "results": 0 results for 1 actions that were done"#,
        ),
        (
            r#""kind":"txn","success":[{"kind":"get","key":"k"}],"revision":2,"succeeded":true,"results":[{"deleted":1}]"#,
            r#"field "results[0].rows": is missing"#,
        ),
    ] {
        assert_eq!(store_refusal(rest), format!("operation 1 (id \"a\"), {expected}"), "{rest}");
    }
}

#[test]
fn errors_are_values_too() {
    let error = read("[{").unwrap_err();
    assert!(matches!(error, HistoryError::Json { line: 1, column: 2, .. }), "{error:?}");
}

/// The page that describes the format gives examples: they are what it says.
#[test]
fn examples_of_the_page_are_histories() {
    let page = include_str!("../../../../docs/histories.md");
    let mut histories: Vec<String> = Vec::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("    ")) {
        if line.starts_with("{\"format\"") {
            histories.push(String::new());
        }
        histories.last_mut().unwrap().extend([line, "\n"]);
    }
    assert_eq!(histories.len(), 2);
    for history in histories {
        let report = crate::shorthand::judge(&read(&history).unwrap());
        assert_eq!(report.verdict, quorate_linearizability::Verdict::Linearizable, "{history}");
    }
}
