//! Ports that nobody has, and that nobody is given by chance later.
//!
//! A member that is killed must find its port free when it is started again. The system gives ports from 32768 on (as a rule)
//! to outgoing connections, so ours are taken from below. Each is claimed by a lock file that this process holds to its end, so
//! that the same tests may run twice at once, and bound once to see that it is free.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{FlockOperation, flock};

const FIRST: u32 = 10_000;
const COUNT: u32 = 20_000;

/// `count` ports.
#[must_use]
pub fn free_ports(count: usize) -> Vec<u16> {
    let mut ports = Vec::new();
    while ports.len() < count {
        let port = next();
        if take(port) {
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
        if [0, 1, 10, 11, 20, 21].into_iter().all(|offset| take(base + offset)) {
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

/// Whether the port is free, and ours from now on.
fn take(port: u16) -> bool {
    static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = claims();
    std::fs::create_dir_all(&folder).expect("a folder for the claims");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(port.to_string()));
    let file = file.expect("a claim");
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return false;
    }
    HELD.lock().expect("nobody panics with it").push(file);
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// One folder for each user: another's files could not be opened.
fn claims() -> PathBuf {
    std::env::temp_dir().join(format!("quorate-e2e-ports-{}", rustix::process::getuid().as_raw()))
}
