//! One writer a mirror: a lock file beside the database, held while a writing process lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
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
        drop(lock);
        WriterLock::take(&database).unwrap();
        drop(inherited);
    }
}
