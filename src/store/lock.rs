//! One writer a mirror: a lock file beside the database, held while a writing process lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::open::NEW_FILE_MODE;

/// Held for as long as it lives; the operating system lets go of it however the process ends.
#[derive(Debug)]
pub struct WriterLock {
    file: File,
}

impl Drop for WriterLock {
    /// Let go of by name: a child process that is being started just now may have the open file too, until it has become its program.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl WriterLock {
    /// Takes the lock of the mirror at `database`.
    ///
    /// # Errors
    /// [`StoreError::Held`] with the other process's pid, or [`StoreError::ReadOnly`] if the lock file cannot be made.
    pub fn take(database: &Path) -> Result<Self, StoreError> {
        let path = lock_path(database);
        let refused = |error: std::io::Error| match (error.kind(), database.parent()) {
            (ErrorKind::NotFound, Some(directory)) => StoreError::NoDirectory(directory.to_owned()),
            (ErrorKind::StorageFull, _) => StoreError::DiskFull(error.to_string()),
            _ => StoreError::ReadOnly {
                path: path.clone(),
                why: error.to_string(),
            },
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(NEW_FILE_MODE)
            .open(&path)
            .map_err(refused)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held {
                    path: database.to_owned(),
                    pid: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(refused(error)),
        }
        // The pid is for people only: a full disk may lose it, and the lock holds all the same.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { file })
    }
}

/// The pid of the process that has the mirror at `database`, if one has; nothing where the system does not tell. The lock is
/// not touched, so that a process which starts just now is not turned away.
#[must_use]
pub fn writer_of(database: &Path) -> Option<String> {
    let inode = lock_path(database).metadata().ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locked_by(&locks, inode)
}

/// A line is `1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF`: how, by whom, and the file as device and inode (`proc_locks(5)`).
fn locked_by(locks: &str, inode: u64) -> Option<String> {
    let of_file = format!(":{inode}");
    locks
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|words| {
            let place = words.get(5).is_some_and(|place| place.ends_with(&of_file));
            words.get(1) == Some(&"FLOCK") && place
        })
        .and_then(|words| words.get(4).map(|pid| (*pid).to_owned()))
}

/// `chatmirror.db` is locked by `chatmirror.db-lock`.
fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-lock");
    PathBuf::from(name)
}

fn holder(file: &mut File) -> String {
    let mut pid = String::new();
    match file.read_to_string(&mut pid) {
        Ok(_) if !pid.trim().is_empty() => pid.trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_gone_with_its_holder_even_if_a_child_still_has_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("mirror.db");
        let lock = WriterLock::take(&database).unwrap();
        let inherited = lock.file.try_clone().unwrap();
        assert!(WriterLock::take(&database).is_err());
        let me = std::process::id().to_string();
        assert_eq!(writer_of(&database), Some(me));
        drop(lock);
        assert_eq!(writer_of(&database), None);
        WriterLock::take(&database).unwrap();
        drop(inherited);
    }

    #[test]
    fn the_lock_of_another_file_is_not_taken_for_ours() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 fe:01:234 0 EOF\n2: FLOCK  ADVISORY  WRITE 12 fe:01:1234 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 14 fe:01:99 0 EOF\n3: FLOCK  ADVISORY  WRITE 13 fe:01:99 0 EOF\n";
        assert_eq!(locked_by(locks, 234), None);
        assert_eq!(locked_by(locks, 1234).as_deref(), Some("12"));
        assert_eq!(locked_by(locks, 99).as_deref(), Some("13"));
    }
}
