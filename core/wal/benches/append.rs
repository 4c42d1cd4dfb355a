//! Synced appends through the log beside a bare write and fdatasync of the same bytes, on the same disk, in turns.
//!
//! The bare side writes to a file full of zeros, which is the fastest that a file allows; the goal is at most 1.3 times its time. Run with
//! `cargo bench -p quorate-wal`; the folder is the system's for temporary files, or `QUORATE_BENCH_DIR`. A second part makes each sync
//! take some milliseconds longer, as a slower disk does.

#![allow(clippy::print_stdout, clippy::disallowed_types, clippy::disallowed_methods, clippy::unwrap_used)]

use bytes::Bytes;
use quorate_wal::folder_disk::{FolderDisk, FolderFile};
use quorate_wal::{Base, BaseChange, Batch, Disk, DiskFile, Entry, HardState, Options, Wal};
use std::io;
use std::time::{Duration, Instant};

const ENTRY_BYTES: usize = 300;
const GOAL: f64 = 1.3;
const BARE_FILE_BYTES: u64 = 64 << 20;

/// One side of the comparison: appends, timed one by one.
struct Side {
    name: &'static str,
    times: Vec<Duration>,
}

impl Side {
    fn new(name: &'static str) -> Self {
        Self { name, times: Vec::new() }
    }

    fn time(&mut self, append: impl FnOnce()) {
        let begun = Instant::now();
        append();
        self.times.push(begun.elapsed());
    }

    fn percentile(&mut self, percent: usize) -> f64 {
        self.times.sort_unstable();
        self.times[(self.times.len() - 1) * percent / 100].as_secs_f64() * 1e6
    }

    fn per_second(&self) -> f64 {
        let sum: Duration = self.times.iter().sum();
        self.times.len() as f64 / sum.as_secs_f64()
    }

    fn print(&mut self, batch: u64) {
        let (rate, p50, p99) = (self.per_second(), self.percentile(50), self.percentile(99));
        let entries = rate * batch as f64;
        println!("{batch:>6}  {:<26} {rate:>10.0} {entries:>12.0} {p50:>9.1} {p99:>9.1}", self.name);
    }
}

/// A folder whose syncs of files take longer, on both sides of the comparison.
#[derive(Clone, Debug)]
struct SlowDisk {
    disk: FolderDisk,
    delay: Duration,
}

#[derive(Debug)]
struct SlowFile {
    file: FolderFile,
    delay: Duration,
}

impl Disk for SlowDisk {
    type File = SlowFile;

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<SlowFile> {
        Ok(SlowFile { file: self.disk.create(name)?, delay: self.delay })
    }

    fn open(&self, name: &str) -> io::Result<SlowFile> {
        Ok(SlowFile { file: self.disk.open(name)?, delay: self.delay })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }
}

impl DiskFile for SlowFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        if !self.delay.is_zero() {
            std::thread::sleep(self.delay);
        }
        self.file.sync_data()
    }
}

/// The log under test, with its storeroom work done between the timed appends.
struct Log {
    disk: SlowDisk,
    wal: Wal<SlowDisk>,
    payload: Bytes,
}

impl Log {
    fn new(disk: SlowDisk) -> Self {
        let (wal, _) = Wal::create(disk.clone(), Options::new(1)).unwrap();
        let mut log = Self { disk, wal, payload: Bytes::from(vec![b'x'; ENTRY_BYTES]) };
        log.chores();
        log
    }

    fn batch(&self, entries: u64) -> Batch {
        let last = self.wal.last_index();
        let entry = |index| Entry { index, term: 1, bytes: self.payload.clone() };
        Batch::new(self.hard_state()).with_entries((last + 1..=last + entries).map(entry).collect())
    }

    fn hard_state(&self) -> HardState {
        HardState { term: 1, vote: 1, commit: self.wal.last_index() }
    }

    fn put(&mut self, batch: &Batch) {
        self.wal.write(batch).unwrap();
        self.wal.sync().unwrap();
    }

    /// Compacts now and then, so that segments are used again as in a real member.
    fn chores(&mut self) {
        if self.wal.usage().segments > 3 {
            let base = Base { index: self.wal.last_index(), term: 1 };
            let batch = Batch::new(self.hard_state()).with_base(BaseChange::Compaction(base));
            self.put(&batch);
        }
        while let Some(chore) = self.wal.next_chore() {
            chore.perform(&self.disk).unwrap();
            self.wal.chore_done(&chore);
        }
    }
}

/// The floor: the same number of bytes, one after the other in a file full of zeros.
struct Bare {
    file: SlowFile,
    offset: u64,
}

impl Bare {
    fn new(disk: &SlowDisk) -> Self {
        let file = disk.create("bare").unwrap();
        let zeros = vec![0; 1 << 20];
        for mebibyte in 0..BARE_FILE_BYTES >> 20 {
            file.write_all_at(&zeros, mebibyte << 20).unwrap();
        }
        file.sync_data().unwrap();
        Self { file, offset: 0 }
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.offset + bytes.len() as u64 > BARE_FILE_BYTES {
            self.offset = 0;
        }
        self.file.write_all_at(bytes, self.offset).unwrap();
        self.file.sync_data().unwrap();
        self.offset += bytes.len() as u64;
    }
}

/// The bytes that a batch of so many entries takes in the log: what the bare side writes.
fn batch_bytes(entries: u64) -> Vec<u8> {
    let record = |payload: usize| (36 + payload).next_multiple_of(8);
    vec![b'x'; record(24) + usize::try_from(entries).unwrap() * record(16 + ENTRY_BYTES)]
}

/// Both sides in turns, in a folder of their own.
fn compare(delay: Duration, appends: usize) {
    let parent = std::env::var_os("QUORATE_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(parent).unwrap();
    let disk = SlowDisk { disk: FolderDisk::open(folder.path()).unwrap(), delay };
    let mut log = Log::new(disk.clone());
    let mut bare = Bare::new(&disk);
    let place = folder.path().display();
    println!("{ENTRY_BYTES}-byte entries, {appends} appends a side in turns, syncs {delay:?} longer, in {place}");
    println!("{:>6}  {:<26} {:>10} {:>12} {:>9} {:>9}", "batch", "", "appends/s", "entries/s", "p50 us", "p99 us");
    for entries in [1, 16, 256] {
        let bytes = batch_bytes(entries);
        let (mut through_log, mut floor) = (Side::new("log"), Side::new("write + fdatasync"));
        for _ in 0..appends {
            let batch = log.batch(entries);
            through_log.time(|| log.put(&batch));
            floor.time(|| bare.put(&bytes));
            log.chores();
        }
        through_log.print(entries);
        floor.print(entries);
        let ratio = through_log.percentile(50) / floor.percentile(50);
        let means = floor.per_second() / through_log.per_second();
        println!("{entries:>6}  ratio: p50 {ratio:.2}, mean {means:.2} (goal: at most {GOAL})\n");
    }
}

fn main() {
    // `cargo test --benches` only wants to see that it runs.
    let measure = std::env::args().any(|argument| argument == "--bench");
    for (milliseconds, appends) in [(0, 4000), (1, 400), (5, 100)] {
        compare(Duration::from_millis(milliseconds), if measure { appends } else { 3 });
    }
}
