//! Crashes everywhere: nothing acknowledged is missing, and nothing torn or truncated comes back.

mod support;

use support::crash::Checker;
use support::planted::Bug;
use support::workload;

#[test]
fn nothing_acknowledged_is_lost_and_nothing_torn_comes_back() {
    // A12, D1, D2, D3, D13, D17, D19, L3
    let counts = Checker::new(3072, Bug::None).check(&workload::mixed(200, 42)).unwrap_or_else(|what| panic!("{what}"));
    println!("{counts:?}");
    assert!(counts.states > 2_500, "{counts:?}");
    assert!(counts.crashes_in_recovery > 50_000, "{counts:?}");
}

#[test]
fn tiny_segments_survive_crashes_everywhere() {
    // D13: nearly each batch opens the next segment, and the larger ones get a segment of their own size.
    let counts = Checker::new(1024, Bug::None).check(&workload::mixed(50, 7)).unwrap_or_else(|what| panic!("{what}"));
    println!("{counts:?}");
    assert!(counts.states > 1_000, "{counts:?}");
}

/// The violation that the checker reports for a planted bug.
fn caught(bug: Bug, actions: &[workload::Action]) -> String {
    match Checker::new(3072, bug).check(actions) {
        Ok(counts) => panic!("{bug:?} was not caught in {counts:?}"),
        Err(what) => what,
    }
}

#[test]
fn the_checker_catches_a_disk_that_lies_about_syncs() {
    // D2
    caught(Bug::NoSync, &workload::mixed(30, 1));
    caught(Bug::NoSyncDir, &workload::mixed(30, 1));
}

#[test]
fn the_checker_catches_a_recovery_that_trusts_the_page_cache() {
    // D19
    let what = caught(Bug::NoRewrite, &workload::mixed(30, 1));
    assert!(what.contains("Sync"), "a failed or missing sync shows it: {what}");
}

#[test]
fn the_checker_catches_a_recovery_that_does_not_cut() {
    // D17
    caught(Bug::NoCut, &workload::aligned(6));
}

#[test]
fn the_checker_catches_a_write_that_loses_its_end() {
    // D6
    caught(Bug::ShortWrite, &workload::mixed(30, 1));
}

#[test]
fn a_log_of_batches_that_end_with_a_sector_survives_crashes_everywhere() {
    // D17: the workload in which a missing cut shows.
    let counts = Checker::new(3072, Bug::None).check(&workload::aligned(6)).unwrap_or_else(|what| panic!("{what}"));
    println!("{counts:?}");
}
