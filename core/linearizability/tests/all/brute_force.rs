//! Tiny histories, judged a second time by trying every permutation of every set of unknown operations, over all keys at once.
//! Shares nothing with the checker but the types of a history.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quorate_linearizability::{
    Ending, History, RegisterAction, RegisterHistory, RegisterOperation, RegisterRequest, RegisterResponse,
};
use serde_json::{Value, json};

use crate::shorthand::is_linearizable;

fn some_permutation_fits(operations: &[&RegisterOperation], order: &mut Vec<usize>) -> bool {
    if order.len() == operations.len() {
        return fits(order.iter().map(|&number| operations[number]).collect::<Vec<_>>().as_slice());
    }
    (0..operations.len()).any(|number| {
        if order.contains(&number) {
            return false;
        }
        order.push(number);
        let fits = some_permutation_fits(operations, order);
        order.pop();
        fits
    })
}

fn fits(order: &[&RegisterOperation]) -> bool {
    let agrees_with_time = order.iter().enumerate().all(|(place, later)| {
        order[..place].iter().all(|earlier| later.returned_at().is_none_or(|at| at >= earlier.call))
    });
    let mut values: BTreeMap<&str, Value> = BTreeMap::new();
    agrees_with_time
        && order.iter().all(|operation| {
            let value = values.entry(&operation.request.key).or_insert(Value::Null);
            let response = match &operation.ending {
                Ending::Returned { response, .. } => Some(response),
                Ending::Failed | Ending::Unknown => None,
            };
            match (&operation.request.action, response) {
                (RegisterAction::Read, Some(RegisterResponse::Value(found))) => found == value,
                (RegisterAction::Read, _) => true,
                (RegisterAction::Write(new), _) => {
                    *value = new.clone();
                    true
                }
                (RegisterAction::CompareAndSwap { expected, new }, answered) => {
                    let swaps = expected == value;
                    if swaps {
                        *value = new.clone();
                    }
                    answered.is_none_or(|answered| *answered == RegisterResponse::Swapped(swaps))
                }
            }
        })
}

fn brute_force(operations: &[RegisterOperation]) -> bool {
    let known: Vec<_> = operations.iter().filter(|operation| operation.returned_at().is_some()).collect();
    let unknown: Vec<_> = operations.iter().filter(|operation| operation.ending == Ending::Unknown).collect();
    (0..1_usize << unknown.len()).any(|set| {
        let chosen =
            unknown.iter().enumerate().filter(|(number, _)| set >> number & 1 == 1).map(|(_, operation)| *operation);
        let operations: Vec<_> = known.iter().copied().chain(chosen).collect();
        some_permutation_fits(&operations, &mut Vec::new())
    })
}

prop_compose! {
    fn any_operation()(
        key in 0..6_u8, kind in 0..8_u8, first in 0..3_u8, second in 0..3_u8, call in 0..12_u64, length in 0..6_u64,
        fate in 0..8_u8,
    ) -> RegisterOperation {
        let value = |number: u8| if number == 0 { Value::Null } else { json!(number) };
        let (action, response) = match kind {
            0..3 => (RegisterAction::Read, RegisterResponse::Value(value(first))),
            3..6 => (RegisterAction::Write(value(first)), RegisterResponse::Written),
            _ => {
                let action = RegisterAction::CompareAndSwap { expected: value(first), new: value(second) };
                (action, RegisterResponse::Swapped(kind == 6))
            }
        };
        RegisterOperation {
            id: String::new(),
            client: String::new(),
            call,
            request: RegisterRequest { key: if key == 0 { "y" } else { "x" }.to_owned(), action },
            ending: match fate {
                0 | 1 => Ending::Unknown,
                2 => Ending::Failed,
                _ => Ending::Returned { at: call + length, response },
            },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, ..ProptestConfig::default() })]
    #[test]
    fn checker_and_brute_force_agree(mut operations in proptest::collection::vec(any_operation(), 1..7)) {
        for (number, operation) in operations.iter_mut().enumerate() {
            operation.id = number.to_string();
            operation.client = number.to_string();
        }
        let expected = brute_force(&operations);
        let history = History::Registers(RegisterHistory::new([].into(), operations).unwrap());
        prop_assert_eq!(is_linearizable(&history), expected);
    }
}
