//! Are the six ports free? Asked before anything is started, so that the answer is one sentence and not three broken members.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::DevError;
use super::plan::Plan;

/// Between two looks at a port that is still held.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Checks all ports of the plan; waits for those in use up to `patience`.
pub(crate) fn check(plan: &Plan, patience: Duration) -> Result<(), DevError> {
    let deadline = Instant::now() + patience;
    for member in &plan.members {
        for (url, who) in [(&member.client, "clients"), (&member.peer, "peers")] {
            let use_ = format!("{who} of {}", member.name);
            loop {
                match TcpListener::bind(url.host_and_port()) {
                    Ok(_) => break,
                    Err(error) if error.kind() != ErrorKind::AddrInUse => {
                        return Err(DevError::Port { port: url.port, use_, error: error.to_string() });
                    }
                    Err(_) if Instant::now() < deadline => std::thread::sleep(LOOK_AGAIN),
                    Err(_) => return Err(DevError::PortInUse { port: url.port, use_ }),
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named_with_its_purpose() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = taken.local_addr().expect("an address").port();
        let mut plan = Plan::example();
        for (place, member) in plan.members.iter_mut().enumerate() {
            // Port 0 is always free.
            member.client.port = 0;
            member.peer.port = if place == 1 { port } else { 0 };
        }
        let refusal = check(&plan, Duration::ZERO).expect_err("in use");
        assert_eq!(
            refusal.to_string(),
            format!(
                "port {port} (peers of n2) is in use: stop what listens there, or choose other ports with --base-port"
            )
        );
        drop(taken);
        assert_eq!(check(&plan, Duration::ZERO), Ok(()));
    }
}
