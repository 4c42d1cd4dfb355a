//! What a disk does wrong without a sign: bits that rot, reads that return a turned bit, writes that are acknowledged and never reach
//! the platter, or land elsewhere. A member stops, and a start on such a disk must be refused, or show that nothing was lost; then
//! a true copy is put back. So one such disk never costs what others rely on, and what the log can tell is judged each time.

use raft::NodeId;
use replica::Started;
use wal::Disk as _;
use wal::memory_disk::{MemoryDisk, Step};

use super::member::{BadWrite, Fate};
use super::{Event, World};
use crate::checkers::Checked;
use crate::lies::Lie;
use crate::machine::Machine;

/// Disks that a member might start from.
struct Suspects {
    /// What went wrong, in words.
    what: String,
    /// The damaged one.
    bad: MemoryDisk,
    /// The true one.
    good: MemoryDisk,
    /// The true one before its last write, if that may be missing without a sign.
    shorter: Option<MemoryDisk>,
    /// What it is called when the start is refused, and when it makes no difference.
    paths: [&'static str; 2],
}

impl World {
    /// A bit rots while the member is cleanly stopped.
    pub(super) fn rot(&mut self, id: NodeId, bit: u64) -> Checked {
        let Some(good) = self.stop_for_a_look(id, true) else { return Ok(()) };
        let bad = good.fork();
        let Some((name, byte, turned)) = turn_bit(&bad, bit) else { return Ok(()) };
        let what = format!("bit {turned} of byte {byte} of {name} rots");
        self.judge_start(
            id,
            Suspects { what, bad, good, shorter: None, paths: ["rot refused", "rot that does not matter"] },
        )
    }

    /// A read of the next start returns a turned bit.
    pub(super) fn flip_read(&mut self, id: NodeId, read: u64, bit: u64) -> Checked {
        let Some(good) = self.stop_for_a_look(id, true) else { return Ok(()) };
        let bad = good.fork();
        bad.flip_read(read, bit);
        let what = format!("read {read} of the start turns bit {bit}");
        let paths = ["flipped read refused", "flipped read that does not matter"];
        self.judge_start(id, Suspects { what, bad, good, shorter: None, paths })
    }

    /// From now on all that is done to the disk is noted, and after a while it is decided which of it went wrong.
    pub(super) fn write_goes_wrong(&mut self, id: NodeId, (pick, fate): (u64, Fate), lasts: u64, clean: bool) {
        let number = self.events;
        let Some(member) = self.members.get_mut(&id) else { return };
        if member.running.is_none() || member.disk_fails || member.full || member.bad.is_some() {
            return;
        }
        let before = member.disk.fork();
        member.disk.record();
        member.bad = Some(BadWrite { number, before, steps: Vec::new(), pick, fate, clean });
        self.after(lasts, Event::BadWrite(id, number));
    }

    /// The member stops, and what its platter holds is judged.
    pub(super) fn bad_write_shows(&mut self, id: NodeId, number: u64) -> Checked {
        let wanted = |bad: &mut BadWrite| bad.number == number;
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        let Some(clean) = member.bad.as_mut().filter(|bad| bad.number == number).map(|bad| bad.clean) else {
            return Ok(());
        };
        if member.running.is_none() {
            // It is down or starts: a little later.
            let wait = self.t();
            self.after(wait, Event::BadWrite(id, number));
            return Ok(());
        }
        let stopped = self.stop_for_a_look(id, clean);
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        member.note_steps();
        member.disk.end_record();
        let Some(bad) = member.bad.take_if(wanted) else { return Ok(()) };
        let Some(good) = stopped else { return Ok(()) };
        let writes: Vec<usize> = (0..bad.steps.len()).filter(|at| bad.steps[*at].sectors() > 0).collect();
        let Some(struck) = usize::try_from(bad.pick % (writes.len().max(1) as u64)).ok().and_then(|at| writes.get(at))
        else {
            return Ok(());
        };
        let (what, mut disk) = platter(&bad, *struck);
        let shorter = if clean { None } else { without_last_writes(&bad, 1) };
        if self.lies(Lie::DamageTakenForATear) {
            disk = without_last_writes(&bad, 3).unwrap_or(disk);
        }
        let paths = match bad.fate {
            Fate::Lost | Fate::SectorLost(_) => ["lost write refused", "lost write that does not matter"],
            Fate::Misdirected(_) => ["misdirected write refused", "misdirected write that does not matter"],
        };
        self.judge_start(id, Suspects { what, bad: disk, good, shorter, paths })
    }

    /// The member stops, cleanly or because the power goes, and starts again after a while; what its platter holds, if what is to be
    /// judged of it can be.
    pub(super) fn stop_for_a_look(&mut self, id: NodeId, clean: bool) -> Option<MemoryDisk> {
        let t = self.t();
        let member = self.members.get_mut(&id)?;
        let (fails, full) = (member.disk_fails, member.full);
        let mut running = member.running.take()?;
        let mut told = !fails && !full;
        if clean && told {
            told = running.log.sync().is_ok() && running.log.seal().is_ok();
        }
        let down = t / 2 + member.dice.below(2 * t);
        member.life += 1;
        member.paused_until = 0;
        member.disk.heal_reads();
        member.note_steps();
        if clean {
            member.disk.crash_process();
        } else {
            member.disk.crash_power(|_| false);
        }
        let disk = member.disk.fork();
        self.checkers.down(id);
        self.mark(id.0, u64::from(clean), 5);
        self.connections_break(id);
        self.after(down, Event::Start(id));
        told.then_some(disk)
    }

    fn judge_start(&mut self, id: NodeId, suspects: Suspects) -> Checked {
        let Suspects { what, bad, good, shorter, paths: [refused, same] } = suspects;
        let (options, config) = (self.options(7), self.run.replica_config());
        let first = || Some(self.first(id));
        let start = |disk: MemoryDisk| replica::start(disk, id, options, config, first(), Self::own(id));
        let bad = match start(bad) {
            Err(error) => {
                self.counters.path(refused);
                self.note(|| format!("{id}: {what}: {error}"));
                return Ok(());
            }
            Ok(bad) => bad,
        };
        let good = match start(good) {
            Ok(good) => good,
            Err(error) => return Self::fail("rot", format!("{id} does not start on a true disk: {error}")),
        };
        if alike(&bad, &good) {
            self.counters.path(same);
            self.note(|| format!("{id}: {what}: nothing is lost by it"));
            return Ok(());
        }
        if let Some(Ok(shorter)) = shorter.map(start)
            && alike(&bad, &shorter)
        {
            self.counters.path("last write before a loss of power lost unseen");
            self.note(|| format!("{id}: {what}: the last write is missing"));
            return Ok(());
        }
        let (is, was) = (bad.replica.inspect(), good.replica.inspect());
        Self::fail("rot", format!("{what}, and {id} starts as {is}, with a true disk it is {was}"))
    }
}

/// What is on the platter when the power goes now and this step went wrong.
fn platter(bad: &BadWrite, struck: usize) -> (String, MemoryDisk) {
    let disk = bad.before.fork();
    let mut what = String::new();
    for (at, step) in bad.steps.iter().enumerate() {
        match step {
            Step::Write(inner, offset, bytes) if at == struck => {
                what = go_wrong(&disk, bad.fate, (*inner, *offset), bytes);
            }
            _ => disk.play(step),
        }
    }
    disk.crash_power(|_| false);
    (what, disk)
}

/// What the platter would hold if the last so many writes to the log that were synced had never been made.
fn without_last_writes(bad: &BadWrite, count: usize) -> Option<MemoryDisk> {
    let disk = bad.before.fork();
    bad.steps.iter().for_each(|step| disk.play(step));
    let is_log = |inner: u64| disk.name_of(inner).is_some_and(|name| name.starts_with("log-"));
    let last_sync = bad.steps.iter().rposition(|step| matches!(step, Step::Sync(inner) if is_log(*inner)))?;
    let is_write = |at: &usize| matches!(&bad.steps[*at], Step::Write(inner, ..) if is_log(*inner));
    let last: Vec<usize> = (0..last_sync).rev().filter(is_write).take(count).collect();
    let shorter = bad.before.fork();
    bad.steps.iter().enumerate().filter(|(at, _)| !last.contains(at)).for_each(|(_, step)| shorter.play(step));
    shorter.crash_power(|_| false);
    Some(shorter)
}

/// A write that is not made, or not where it should be. The file is as long as if it had been.
fn go_wrong(disk: &MemoryDisk, fate: Fate, (inner, offset): (u64, u64), bytes: &bytes::Bytes) -> String {
    let name = disk.name_of(inner).unwrap_or_default();
    let sector = wal::SECTOR_BYTES as u64;
    let end = offset + bytes.len() as u64;
    let length = disk.contents(&name).map_or(0, |all| all.len() as u64);
    if end > length {
        let zeros = vec![0; usize::try_from(end - length.max(offset)).unwrap_or(0)];
        disk.play(&Step::Write(inner, length.max(offset), zeros.into()));
    }
    match fate {
        Fate::Lost => format!("the write of {} bytes at byte {offset} of {name} is lost", bytes.len()),
        Fate::SectorLost(which) => {
            let first = offset / sector;
            let lost = first + which % (end.div_ceil(sector) - first);
            for (from, to) in [(offset, (lost * sector).max(offset)), (((lost + 1) * sector).min(end), end)] {
                let place = |at: u64| usize::try_from(at - offset).unwrap_or(0);
                if from < to {
                    disk.play(&Step::Write(inner, from, bytes.slice(place(from)..place(to))));
                }
            }
            format!("sector {lost} of the write of {} bytes at byte {offset} of {name} is lost", bytes.len())
        }
        Fate::Misdirected(place) => {
            let wrong = land_elsewhere(disk, place, usize::try_from(offset % sector).unwrap_or(0), bytes);
            format!("the write of {} bytes at byte {offset} of {name} lands {wrong}", bytes.len())
        }
    }
}

/// Puts the bytes into another sector of all files; says where.
fn land_elsewhere(disk: &MemoryDisk, place: u64, inside: usize, bytes: &[u8]) -> String {
    let mut names = disk.list().unwrap_or_default();
    names.sort();
    let length = |name: &String| disk.contents(name).map_or(0, |all| all.len());
    let sectors: Vec<(&String, usize)> = names
        .iter()
        .flat_map(|name| (0..length(name).div_ceil(wal::SECTOR_BYTES)).map(move |at| (name, at * wal::SECTOR_BYTES)))
        .collect();
    let chosen = place.checked_rem(sectors.len() as u64).and_then(|at| usize::try_from(at).ok());
    let Some((name, start)) = chosen.and_then(|at| sectors.get(at).copied()) else { return "nowhere".into() };
    let start = start + inside;
    disk.rot(name, |all| {
        let end = (start + bytes.len()).min(all.len());
        if start < end {
            all[start..end].copy_from_slice(&bytes[..end - start]);
        }
    });
    format!("at byte {start} of {name}")
}

fn alike(one: &Started<Machine, MemoryDisk>, two: &Started<Machine, MemoryDisk>) -> bool {
    let (is, was) = (one.replica.inspect(), two.replica.inspect());
    is.hard_state() == was.hard_state()
        && is.log().base() == was.log().base()
        && is.log().iter().eq(was.log().iter())
        && is.configuration() == was.configuration()
        && one.replica.machine().chain() == two.replica.machine().chain()
}

/// Turns one bit of all files together; says in which file, byte and bit.
fn turn_bit(disk: &MemoryDisk, bit: u64) -> Option<(String, usize, u64)> {
    let mut names = disk.list().unwrap_or_default();
    names.sort();
    let length = |name: &String| disk.contents(name).map_or(0, |bytes| bytes.len() as u64);
    let total: u64 = names.iter().map(length).sum();
    let mut byte = (bit / 8).checked_rem(total)?;
    for name in names {
        let length = length(&name);
        if byte < length {
            let at = usize::try_from(byte).ok()?;
            disk.rot(&name, |bytes| {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (bit % 8);
                }
            });
            return Some((name, at, bit % 8));
        }
        byte -= length;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Act, Ask, Run};

    /// A world of one member that has written three keys while its disk was noted, and then stops.
    fn world(act: impl Fn(u64) -> Act, writes: u64) -> World {
        let mut world = World::new(Run::quiet(1, 1)).unwrap();
        world.run_until(2_000_000).unwrap();
        world.act(&act(1_000_000)).unwrap();
        for number in 0..writes {
            let op = Ask::Put { key: "X".into(), value: number.to_string() };
            world.act(&Act::Client { to: 1, op }).unwrap();
            world.run_until(world.now() + 200_000).unwrap();
        }
        world.run_until(world.now() + 3_000_000).unwrap();
        world
    }

    fn path(world: &World, path: &str) -> u64 {
        world.counters.paths.get(path).copied().unwrap_or(0)
    }

    #[test]
    fn a_write_lost_before_others_is_refused_and_the_last_one_before_a_loss_of_power_is_not_seen() {
        let lost = |pick, clean| move |lasts| Act::LoseWrite { n: 1, pick, sector: None, lasts, clean };
        assert_eq!(path(&world(lost(0, false), 3), "lost write refused"), 1);
        assert_eq!(path(&world(lost(0, true), 3), "lost write refused"), 1);
        assert_eq!(path(&world(lost(2, true), 3), "lost write refused"), 1, "the seal stands behind the last one");
        assert_eq!(path(&world(lost(2, false), 3), "last write before a loss of power lost unseen"), 1);
        assert_eq!(path(&world(lost(3, true), 3), "lost write that does not matter"), 1, "only the seal itself");
    }

    #[test]
    fn a_write_that_lands_on_the_log_is_refused() {
        let act = |lasts| Act::MisdirectWrite { n: 1, pick: 1, place: 0, lasts, clean: true };
        let world = world(act, 3);
        assert_eq!(path(&world, "misdirected write refused"), 1, "{:?}", world.counters);
    }

    #[test]
    fn a_flipped_bit_in_a_read_of_a_start_is_refused_and_the_next_start_is_an_ordinary_one() {
        let world = world(|_| Act::FlipRead { n: 1, read: 0, bit: 300 }, 3);
        assert_eq!(path(&world, "flipped read refused"), 1, "{:?}", world.counters);
        assert!(world.leader().is_some());
    }
}
