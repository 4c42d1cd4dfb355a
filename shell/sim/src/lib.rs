//! Whole clusters in a seeded world, with faults and checkers.
