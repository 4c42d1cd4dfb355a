//! Changes of the membership under everything else: machines come and go one by one, in swaps and in fives, a few at the same time,
//! some never start, and some are lost with their disks.

use crate::dice::Dice;
use crate::run::{Act, Order, Run, Step};

/// In a thousand worlds, so many have such times.
const WORLDS: u64 = 450;
/// More changes are ordered in no world.
const ORDERS_MAX: usize = 24;

pub(super) fn draw(run: &Run, script: &mut Vec<Step>) {
    let mut dice = Dice::new(run.seed, "churn", 0);
    if !dice.chance(WORLDS) {
        return;
    }
    let t = run.timing.election_timeout;
    let pace = dice.pick(&[8 * t, 20 * t, 50 * t]);
    let mut at = 2 * t;
    let mut orders = Vec::new();
    while orders.len() < ORDERS_MAX {
        at += dice.between(pace / 4, 2 * pace);
        if at >= run.timing.calm_at {
            break;
        }
        orders.push((at, order(run, &mut dice)));
        // Two at once, or a leader that goes in the middle of it.
        if dice.chance(200) {
            orders.push((at + dice.below(t), order(run, &mut dice)));
        }
        match dice.below(8) {
            0 => script.push(Step { at: at + dice.below(4 * t), act: Act::PowerLossLeader { keep: 500 } }),
            1 => {
                script.push(Step { at: at + dice.below(4 * t), act: Act::IsolateLeader });
                script.push(Step { at: at + dice.between(4 * t, 10 * t), act: Act::Heal });
            }
            _ => {}
        }
    }
    let wishes = dice.pick(&[0, 0, 300, 700]);
    for (at, order) in orders {
        let wish = dice.chance(wishes);
        script.push(Step { at, act: Act::Order { at: 0, order, wish } });
    }
}

fn order(run: &Run, dice: &mut Dice) -> Order {
    let n = if dice.chance(300) { 0 } else { dice.between(1, run.members) };
    match dice.below(20) {
        0..=5 => Order::Resize { voters: dice.pick(&[1, 2, 3, 3, 4, 5, 5]), fresh: dice.below(3) },
        6 | 7 => Order::Add { learner: dice.chance(500), idle: false },
        8 => Order::Add { learner: dice.chance(300), idle: true },
        9 | 10 => Order::Remove { n },
        11 | 12 => Order::Replace { n },
        13 | 14 => Order::Promote { n: 0 },
        15 => Order::Demote { n },
        16 | 17 => Order::Lose { n },
        _ => Order::TakeBack,
    }
}
