//! Checks a history of operations, of any system, for linearizability.
