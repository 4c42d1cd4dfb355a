//! Ports that nobody has, and that nobody is given by chance later.
//!
//! A member that is killed must find its port free when it is started again. The system gives ports from 32768 on (as a rule)
//! to outgoing connections, so ours are taken from below: bound once to see that they are free, and remembered for this
//! process. Another process of the same tests begins elsewhere.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 10_000;
const COUNT: u32 = 20_000;

/// `count` ports.
#[must_use]
pub fn free_ports(count: usize) -> Vec<u16> {
    let mut ports = Vec::new();
    while ports.len() < count {
        let port = next();
        if is_free(port) {
            ports.push(port);
        }
    }
    ports
}

/// A port that `quorate dev` can take as its first: the five others that it needs are free too.
#[must_use]
pub fn free_dev_base_port() -> u16 {
    loop {
        let base = next();
        // What lies between is not given to anybody else either.
        (0..21).for_each(|_| _ = next());
        if [0, 1, 10, 11, 20, 21].into_iter().all(|offset| is_free(base + offset)) {
            return base;
        }
    }
}

fn next() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(977);
    let port = FIRST + begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
    u16::try_from(port).expect("FIRST + COUNT is below 65536")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
