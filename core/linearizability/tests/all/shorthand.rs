//! Operations on registers in one line, as papers write them.

use quorate_linearizability::{
    Ending, History, Limits, RegisterAction, RegisterHistory, RegisterOperation, RegisterRequest, RegisterResponse,
    Report, Verdict, check,
};
use serde_json::{Value, json};

/// `client key action call..return`, where the action is `w1`, `r1`, `c1>2` (swapped) or `x1>2` (refused), a value `-` is null, and
/// `?` stands for a return that never came.
pub(crate) fn operation(number: usize, text: &str) -> RegisterOperation {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [client, key, action, span] = words[..] else { panic!("four words: {text}") };
    let (call, at) = span.split_once("..").unwrap();
    let value = |text: &str| text.parse::<u64>().map_or(Value::Null, |number| json!(number));
    let (kind, rest) = action.split_at(1);
    let pair = || rest.split_once('>').map(|(expected, new)| (value(expected), value(new))).unwrap();
    let (action, response) = match kind {
        "r" => (RegisterAction::Read, RegisterResponse::Value(value(rest))),
        "w" => (RegisterAction::Write(value(rest)), RegisterResponse::Written),
        _ => {
            let (expected, new) = pair();
            (RegisterAction::CompareAndSwap { expected, new }, RegisterResponse::Swapped(kind == "c"))
        }
    };
    RegisterOperation {
        id: number.to_string(),
        client: client.to_owned(),
        call: call.parse().unwrap(),
        request: RegisterRequest { key: key.to_owned(), action },
        ending: at.parse().map_or(Ending::Unknown, |at| Ending::Returned { at, response }),
    }
}

/// One operation a line.
pub(crate) fn registers(text: &str) -> History {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let operations = lines.enumerate().map(|(number, line)| operation(number, line)).collect();
    History::Registers(RegisterHistory::new([].into(), operations).unwrap())
}

/// Checks with the usual limits.
pub(crate) fn judge(history: &History) -> Report {
    check(history, Limits::default())
}

/// Checks and looks at the verdict alone.
pub(crate) fn is_linearizable(history: &History) -> bool {
    match judge(history).verdict {
        Verdict::Linearizable => true,
        Verdict::NotLinearizable => false,
        Verdict::Undecided => panic!("the steps ran out"),
    }
}
