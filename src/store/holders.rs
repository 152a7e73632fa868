//! Who reads the mirror at this moment: a reader that stays keeps the write-ahead log from going into the file, and it grows.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::Serialize;

use super::FileSizes;

/// Where the operating system tells of all locks.
const LOCKS: &str = "/proc/locks";

/// The bytes of the file `-shm` of which every reader locks one for as long as its transaction lasts (SQLite's `WAL_READ_LOCK`).
const READ_MARKS: std::ops::RangeInclusive<u64> = 123..=127;

/// A log larger than what is left over of it after it has gone into the file is held by somebody.
const HELD_BYTES: u64 = super::connect::WAL_LIMIT_BYTES + (1 << 20);

/// A process with a transaction open in the mirror.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WalHolder {
    /// Its number.
    pub pid: u32,
    /// What it is called, if the system tells.
    pub program: Option<String>,
}

impl FileSizes {
    /// Whether the log has grown beyond what it is cut back to: some reader keeps a transaction open.
    #[must_use]
    pub fn wal_is_held(&self) -> bool {
        self.wal > HELD_BYTES
    }
}

/// The other processes that have a transaction open in the mirror at `path`, as far as the system tells: it does on Linux.
///
/// Only the system's list is read, never the file itself: to close it would let go of the locks that SQLite has on it for us.
#[must_use]
pub fn wal_holders(path: &Path) -> Vec<WalHolder> {
    let mut shm = path.as_os_str().to_owned();
    shm.push("-shm");
    let (Ok(file), Ok(locks)) = (fs::metadata(Path::new(&shm)), fs::read_to_string(LOCKS)) else {
        return Vec::new();
    };
    let mut pids: Vec<u32> = locks
        .lines()
        .filter_map(|line| reader(line, file.ino()))
        .filter(|pid| *pid != std::process::id())
        .collect();
    pids.sort_unstable();
    pids.dedup();
    let holder = |pid| WalHolder {
        pid,
        program: fs::read_to_string(format!("/proc/{pid}/comm"))
            .ok()
            .map(|name| name.trim().to_owned()),
    };
    pids.into_iter().map(holder).collect()
}

/// The process of a line such as `7: POSIX  ADVISORY  READ 4711 fe:00:1234 124 124`, if it reads the file with this inode.
fn reader(line: &str, inode: u64) -> Option<u32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["POSIX", _, "READ", pid, file, first, _] = words.get(1..)? else {
        return None;
    };
    let of = file.rsplit(':').next()?.parse::<u64>().ok()?;
    let first = first.parse().ok()?;
    (of == inode && READ_MARKS.contains(&first))
        .then(|| pid.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_of_the_file_are_told_from_all_other_locks() {
        for (line, found) in [
            (
                "7: POSIX  ADVISORY  READ 4711 fe:00:1234 124 124",
                Some(4711),
            ),
            (
                "7: POSIX  ADVISORY  READ 4711 fe:00:1234 123 123",
                Some(4711),
            ),
            // That the file is in use at all.
            ("7: POSIX  ADVISORY  READ 4711 fe:00:1234 128 128", None),
            ("7: POSIX  ADVISORY  READ 4711 fe:00:9999 124 124", None),
            ("7: POSIX  ADVISORY  WRITE 4711 fe:00:1234 124 124", None),
            ("7: -> POSIX  ADVISORY  READ 4711 fe:00:1234 124 124", None),
            ("7: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF", None),
            ("7: POSIX  ADVISORY  READ 4711 fe:00:1234 0 EOF", None),
            ("", None),
        ] {
            assert_eq!(reader(line, 1234), found, "{line}");
        }
    }
}
