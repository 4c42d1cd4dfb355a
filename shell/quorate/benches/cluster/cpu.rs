//! CPU time and waits of processes and of the machine, from `/proc`. Times are microseconds; the kernel counts in hundredths of
//! a second, so a measurement takes seconds.

use std::collections::BTreeMap;
use std::fs;

/// Microseconds of one tick of `/proc` (`USER_HZ` is 100 wherever Linux runs today).
const TICK_US: f64 = 10_000.0;

/// What one kind of thread has used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    pub(crate) user_us: f64,
    pub(crate) system_us: f64,
    /// How often it went to sleep by itself: each is a wake-up later.
    pub(crate) sleeps: f64,
}

impl Used {
    pub(crate) fn cpu_us(self) -> f64 {
        self.user_us + self.system_us
    }

    fn add(&mut self, other: Self) {
        self.user_us += other.user_us;
        self.system_us += other.system_us;
        self.sleeps += other.sleeps;
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            user_us: self.user_us - before.user_us,
            system_us: self.system_us - before.system_us,
            sleeps: self.sleeps - before.sleeps,
        }
    }
}

/// Everything at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// The members together.
    pub(crate) members: Used,
    /// By the threads' names, the members together.
    pub(crate) threads: BTreeMap<String, Used>,
    /// This process.
    pub(crate) client: Used,
    /// All processes of the machine, and what others took of a virtual one.
    pub(crate) machine_us: f64,
}

impl Sample {
    pub(crate) fn take(members: &[u32]) -> Self {
        let mut sample = Self { client: process("self"), machine_us: machine_us(), ..Self::default() };
        for pid in members {
            sample.members.add(process(&pid.to_string()));
            for (name, used) in threads(*pid) {
                sample.threads.entry(name).or_default().add(used);
            }
        }
        sample
    }
}

fn process(pid: &str) -> Used {
    times(&format!("/proc/{pid}/stat")).unwrap_or_default().1
}

fn threads(pid: u32) -> Vec<(String, Used)> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let one = |task: fs::DirEntry| {
        let path = task.path();
        let (name, mut used) = times(path.join("stat").to_str()?)?;
        let status = fs::read_to_string(path.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        used.sleeps = line.trim().parse().ok()?;
        Some((name, used))
    };
    tasks.flatten().filter_map(one).collect()
}

/// Name, and time in user and kernel mode (proc(5): fields 2, 14 and 15). A name may hold anything, so what follows is found
/// behind the last bracket.
fn times(path: &str) -> Option<(String, Used)> {
    let text = fs::read_to_string(path).ok()?;
    let (head, tail) = text.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_string();
    let mut fields = tail.split_whitespace().skip(11).map(str::parse::<f64>);
    let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some((name, Used { user_us: user * TICK_US, system_us: system * TICK_US, sleeps: 0.0 }))
}

/// All but idle and waiting for disks.
fn machine_us() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = text.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8);
    let ticks = fields.enumerate().filter(|(place, _)| *place != 3 && *place != 4);
    ticks.filter_map(|(_, field)| field.parse::<f64>().ok()).sum::<f64>() * TICK_US
}
