//! The three child processes: started, waited for, stopped.
//!
//! Each has its standard input connected to a pipe that only this process writes to. When this process is gone, by whatever
//! end, the system closes the pipe, and a member that was started with `--parent-pipe` stops. Each is in a process group of its
//! own, so that Ctrl-C reaches `dev` alone, which then stops them in good order.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Stdio;

use tokio::process::{ChildStdin, Command};
use tokio::sync::{mpsc, oneshot};

use super::cluster::Cluster;
use super::plan::{MemberPlan, Plan};
use super::{DevError, Event, STOP_TIME, Stop};
use crate::serve::PARENT_PIPE_FLAG;
use crate::terminal;

/// All three, running or not.
#[derive(Debug)]
pub(crate) struct Members {
    children: Vec<Handle>,
}

/// One running child; the task that waits for it owns the process.
#[derive(Debug)]
struct Handle {
    pid: u32,
    pipe: Option<ChildStdin>,
    kill: Option<oneshot::Sender<()>>,
}

impl Members {
    /// Starts the three; each end is told to `events`.
    pub(crate) fn start(plan: &Plan, events: &mpsc::Sender<Event>) -> Result<Self, DevError> {
        let mut children = Vec::new();
        for (place, member) in plan.members.iter().enumerate() {
            children.push(start(plan, member, place, events)?);
        }
        Ok(Self { children })
    }

    /// The processes' numbers.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.children.iter().map(|child| child.pid).collect()
    }

    /// Asks all to stop and waits until they have. Those that do not in time, or when asked twice, are killed. Answers whether
    /// none had to be.
    pub(crate) async fn stop(
        &mut self,
        plan: &Plan,
        inbox: &mut mpsc::Receiver<Event>,
        again: &mut Stop,
        cluster: &Cluster,
    ) -> bool {
        let mut running: Vec<usize> = (0..self.children.len()).filter(|place| cluster.is_child(*place)).collect();
        for child in &mut self.children {
            child.pipe = None;
        }
        let deadline = tokio::time::sleep(STOP_TIME);
        tokio::pin!(deadline);
        let mut patient = true;
        while !running.is_empty() {
            tokio::select! {
                Some(event) = inbox.recv() => if let Event::Ended(place, _) = event {
                    running.retain(|other| *other != place);
                },
                () = &mut deadline, if patient => {
                    patient = false;
                    self.kill(plan, &running);
                }
                () = again.asked(), if patient => {
                    patient = false;
                    self.kill(plan, &running);
                }
            }
        }
        patient
    }

    fn kill(&mut self, plan: &Plan, running: &[usize]) {
        for &place in running {
            terminal::err(&format!("quorate dev: {} did not stop in time and is killed", plan.members[place].name));
            if let Some(kill) = self.children[place].kill.take() {
                // A child that ended in this moment no longer listens.
                let _ = kill.send(());
            }
        }
    }
}

fn start(plan: &Plan, member: &MemberPlan, place: usize, events: &mpsc::Sender<Event>) -> Result<Handle, DevError> {
    let wrong = |path: &Path, error: std::io::Error| DevError::Folder {
        path: path.display().to_string(),
        error: error.to_string(),
    };
    let log =
        OpenOptions::new().create(true).append(true).open(&member.log).map_err(|error| wrong(&member.log, error))?;
    let log_too = log.try_clone().map_err(|error| wrong(&member.log, error))?;
    let mut command = Command::new(&plan.program);
    command.args(plan.arguments(member)).arg(PARENT_PIPE_FLAG);
    command.stdin(Stdio::piped()).stdout(log).stderr(log_too).process_group(0).kill_on_drop(true);
    // The members are what this plan says, whatever the shell around it has set for a real etcd.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ETCD_")) {
        command.env_remove(name);
    }
    let start = |error: std::io::Error| DevError::Start { name: member.name.clone(), error: error.to_string() };
    let mut child = command.spawn().map_err(start)?;
    let pid = child.id().unwrap_or_default();
    let pipe = child.stdin.take();
    let (kill, killed) = oneshot::channel();
    let events = events.clone();
    tokio::spawn(async move {
        let ended = tokio::select! {
            status = child.wait() => status,
            Ok(()) = killed => {
                let _ = child.start_kill();
                child.wait().await
            }
        };
        if let Ok(status) = ended {
            // Nobody listens once `dev` is over.
            let _ = events.send(Event::Ended(place, status)).await;
        }
    });
    Ok(Handle { pid, pipe, kill: Some(kill) })
}
