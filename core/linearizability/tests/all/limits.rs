//! Running out of steps is a verdict of its own, and long histories need no deep stack.

use quorate_linearizability::{Limits, Verdict, check, read, write};

use crate::dice::Dice;
use crate::make::{self, Shape};
use crate::shorthand::{judge, registers};

#[test]
fn too_few_steps_are_no_pass() {
    let mut dice = Dice::new(3);
    let shape = Shape { clients: 5, keys: 2, operations: 100, unknown: 3, failed: 0 };
    let registers = make::register_history(make::registers(&mut dice, shape));
    let store = make::store(&mut dice, shape).history();
    for history in [registers, store] {
        let needed = judge(&history).counts.steps;
        assert!(needed > 10);
        let report = check(&history, Limits { steps: needed });
        assert_eq!(report.verdict, Verdict::Linearizable);
        let report = check(&history, Limits { steps: needed - 1 });
        assert_eq!((report.verdict, report.explanation), (Verdict::Undecided, None));
        assert_eq!(check(&history, Limits { steps: 0 }).verdict, Verdict::Undecided);
    }
}

/// That there is no order can be clear before it is clear why. Wrong in one key is wrong, even if nobody came to another.
#[test]
fn what_is_wrong_is_wrong_without_the_rest() {
    let writes: String = (0..20).map(|client| format!("c{client} a w{client} 0..9\n")).collect();
    let history = registers(&format!("{writes} r a r- 20..30\n b y r1 0..5"));
    let report = check(&history, Limits { steps: 1000 });
    assert_eq!((report.verdict, report.undecided.as_slice()), (Verdict::NotLinearizable, ["y".to_owned()].as_slice()));
    let explanation = report.explanation.unwrap();
    assert_eq!(explanation.prefix, None);
    assert!(explanation.sentence.starts_with("there is no order, and where exactly none is left was not found"));
}

#[test]
fn same_history_gives_the_same_report() {
    let shape = Shape { clients: 6, keys: 3, operations: 300, unknown: 5, failed: 2 };
    let history = make::register_history(make::registers(&mut Dice::new(5), shape));
    assert_eq!(judge(&history), judge(&read(&write(&history)).unwrap()));
}

#[test]
fn fifty_thousand_operations_of_one_key_need_no_deep_stack() {
    let shape = Shape { clients: 5, keys: 1, operations: 50_000, unknown: 0, failed: 0 };
    let history = make::register_history(make::registers(&mut Dice::new(6), shape));
    let judged = std::thread::Builder::new().stack_size(256 * 1024).spawn(move || judge(&history).verdict).unwrap();
    assert_eq!(judged.join().unwrap(), Verdict::Linearizable);
}
