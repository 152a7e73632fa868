//! What is watched: memory, handles, the write-ahead log, and the lines of the daemon's own log.

use std::path::Path;
use std::time::Duration;

/// The last third may need so much more than the first one.
const ROOM: f64 = 1.2;

/// Connections to the source are opened when they are needed and closed when they were not for a while: so many more or fewer
/// handles are open at one moment or another.
const SPARE_HANDLES: u64 = 4;

/// Below it, the write-ahead log is as it is between any two checkpoints (4,000 pages of 4 KiB), whatever the thirds are.
const USUAL_WAL: u64 = 16 << 20;

/// No reader here stays for so long that the log would grow beyond what it is cut back to.
const MOST_WAL: u64 = 64 << 20;

/// In the first twenty minutes page caches still fill, of which each connection has one of 8 MB.
const WARMING_UP: usize = 20 * 60;
const CACHE: u64 = 8 << 10;

/// What a process needs at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Memory, in KiB.
    memory: u64,
    handles: u64,
    /// The write-ahead log, in bytes.
    wal: u64,
}

impl Sample {
    pub fn of(pid: u32, database: &Path) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = memory.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        let handles = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        let wal = std::fs::metadata(format!("{}-wal", database.display()));
        Self {
            memory: memory.unwrap_or(0),
            handles: handles as u64,
            wal: wal.map_or(0, |file| file.len()),
        }
    }
}

/// Samples in their order.
#[derive(Debug, Default)]
pub struct Gauge(Vec<Sample>);

impl Gauge {
    pub fn add(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    /// The samples of the first third and of the last one.
    fn thirds(&self) -> (&[Sample], &[Sample]) {
        let third = self.0.len() / 3;
        assert!(third > 2, "too short to say anything");
        (&self.0[..third], &self.0[self.0.len() - third..])
    }

    /// The most of something in either third.
    fn peaks(&self, what: impl Fn(&Sample) -> u64) -> (u64, u64) {
        let (first, last) = self.thirds();
        let most = |samples: &[Sample]| samples.iter().map(&what).max().unwrap_or(0);
        (most(first), most(last))
    }

    /// What something usually was in either third.
    fn medians(&self, what: impl Fn(&Sample) -> u64) -> (u64, u64) {
        let (first, last) = self.thirds();
        let usual = |samples: &[Sample]| {
            let mut values: Vec<u64> = samples.iter().map(&what).collect();
            *values.select_nth_unstable(samples.len() / 2).1
        };
        (usual(first), usual(last))
    }

    /// Prints the peaks.
    pub fn tell(&self, when: &str) {
        let (memory, handles, wal, usual_wal) = (
            self.peaks(|sample| sample.memory / 1024),
            self.peaks(|sample| sample.handles),
            self.peaks(|sample| sample.wal / 1024),
            self.medians(|sample| sample.wal / 1024),
        );
        println!(
            "{when}: {} looks; peaks in the first and the last third: memory {} and {} MiB, handles {} and {}, \
             write-ahead log {} and {} KiB, usually {} and {}",
            self.0.len(),
            memory.0,
            memory.1,
            handles.0,
            handles.1,
            wal.0,
            wal.1,
            usual_wal.0,
            usual_wal.1
        );
    }

    /// Holds the last third to what the first one needed.
    #[expect(clippy::cast_precision_loss, reason = "a ratio of sizes")]
    pub fn is_flat(&self) {
        let (first, last) = self.peaks(|sample| sample.memory);
        let warming = if self.0.len() < WARMING_UP { CACHE } else { 0 };
        let bound = first as f64 * ROOM + warming as f64;
        assert!(last as f64 <= bound, "memory grows");
        let (first, last) = self.peaks(|sample| sample.handles);
        assert!(last <= first + SPARE_HANDLES, "handles are not given back");
        // Its peaks are what was written while a reader stayed, who may stay over a restart: the luck of a spell.
        let (first, last) = self.medians(|sample| sample.wal);
        let bound = (first as f64 * ROOM).max(USUAL_WAL as f64);
        assert!(last as f64 <= bound, "the write-ahead log grows");
        let (first, last) = self.peaks(|sample| sample.wal);
        assert!(
            first.max(last) <= MOST_WAL,
            "the write-ahead log is not brought in"
        );
    }
}

/// The daemon's log, counted.
#[derive(Debug, Default)]
pub struct Log {
    lines: usize,
    warnings: usize,
    /// Lines at the level of errors.
    pub errors: Vec<String>,
}

impl Log {
    /// Takes in what one process said.
    pub fn read(&mut self, said: &str) {
        for line in said.lines() {
            self.lines += 1;
            match line.split_whitespace().nth(1) {
                Some("ERROR") => self.errors.push(line.to_owned()),
                Some("WARN") => self.warnings += 1,
                _ => {}
            }
        }
    }

    /// Prints how much was said in `span`.
    pub fn tell(&self, span: Duration) {
        let a_minute = self.lines as u64 * 60 / span.as_secs().max(1);
        println!(
            "log: {} lines ({a_minute} a minute), {} warnings, {} errors",
            self.lines,
            self.warnings,
            self.errors.len()
        );
    }
}
