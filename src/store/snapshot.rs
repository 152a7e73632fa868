//! Sealed copies: the mirror at one moment, compacted, in one file that nothing stands beside and nobody writes to any more.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sqlx::sqlite::SqlitePool;
use tokio_util::sync::CancellationToken;

use super::connect::{at_rest, connect, is_at_rest, reading};
use super::open::APPLICATION_ID;
use super::{Reader, StoreError};
use crate::clock::Timestamp;

/// How many steps of its machine SQLite makes before it asks whether to stop.
const STEPS: i32 = 1000;

/// A sealed copy.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Through when it is complete: what `freshness` said at that moment.
    pub complete_through: Option<Timestamp>,
}

impl Reader {
    /// Makes a sealed copy at `to`, checks it, and puts it there in one step: whoever opens `to` sees the copy that was there before or
    /// this one, whole. `stop` ends it early.
    ///
    /// # Errors
    /// [`StoreError::Snapshot`], [`StoreError::DiskFull`], or [`StoreError::Damaged`] if the copy does not pass its check; what was at
    /// `to` is still there then.
    pub async fn snapshot(
        &self,
        to: &Path,
        stop: &CancellationToken,
    ) -> Result<Snapshot, StoreError> {
        refuse_target(to, self.path()).await?;
        let partial = partial(to);
        // A process with the same number may have been killed at this.
        let _ = fs::remove_file(&partial);
        begin(&partial).map_err(|error| refused(to, &error))?;
        let made = self.make(&partial, to, stop).await;
        if made.is_err() {
            // It may never have come to be.
            let _ = fs::remove_file(&partial);
        }
        made
    }

    async fn make(
        &self,
        partial: &Path,
        to: &Path,
        stop: &CancellationToken,
    ) -> Result<Snapshot, StoreError> {
        self.copy(partial, stop)
            .await
            .map_err(|error| named(to, error))?;
        let complete_through = checked(partial).await?;
        let put = || -> io::Result<u64> {
            let mode = fs::metadata(self.path())?.permissions();
            fs::set_permissions(partial, mode)?;
            let file = File::open(partial)?;
            file.sync_all()?;
            fs::rename(partial, to)?;
            File::open(directory(to))?.sync_all()?;
            Ok(file.metadata()?.len())
        };
        let bytes = put().map_err(|error| refused(to, &error))?;
        Ok(Snapshot {
            path: to.to_owned(),
            bytes,
            complete_through,
        })
    }

    /// Copies on a connection of its own: it holds its moment for as long as it takes, and is cut off without waiting.
    async fn copy(&self, partial: &Path, stop: &CancellationToken) -> Result<(), StoreError> {
        let path = partial.to_str().ok_or_else(|| StoreError::Snapshot {
            path: partial.to_owned(),
            why: "the path is not UTF-8".to_owned(),
        })?;
        let mirror = self.path();
        let pool = match connect(mirror, reading(mirror), 1).await {
            // In a directory that is not ours to write in SQLite cannot put its files beside a mirror at rest.
            Err(_) if is_at_rest(mirror) => connect(mirror, at_rest(mirror), 1).await?,
            pool => pool?,
        };
        let copied = copied(&pool, path, stop.clone()).await;
        pool.close().await;
        copied
    }
}

async fn copied(pool: &SqlitePool, path: &str, stop: CancellationToken) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await?;
    connection
        .lock_handle()
        .await?
        .set_progress_handler(STEPS, move || !stop.is_cancelled());
    sqlx::query("vacuum into ?1")
        .bind(path)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// Looks at the copy as a stranger would, before it takes its place.
async fn checked(partial: &Path) -> Result<Option<Timestamp>, StoreError> {
    let pool = connect(partial, at_rest(partial), 1).await?;
    let copy = Reader {
        pool,
        path: partial.to_owned(),
    };
    let looked = async {
        let wrong = copy.quick_check().await?;
        if let Some(why) = wrong.into_iter().next() {
            return Err(StoreError::Damaged {
                path: partial.to_owned(),
                why,
            });
        }
        Ok(copy.freshness().await?.complete_through)
    }
    .await;
    copy.pool.close().await;
    looked
}

/// A snapshot may take the place of an older one. Nothing else is replaced, least of all a mirror.
async fn refuse_target(to: &Path, mirror: &Path) -> Result<(), StoreError> {
    let refuse = |why: &str| {
        Err(StoreError::Snapshot {
            path: to.to_owned(),
            why: why.to_owned(),
        })
    };
    if to.file_name().is_none() || to.is_dir() {
        return refuse("it is a directory");
    }
    if !directory(to).is_dir() {
        return refuse("its directory does not exist");
    }
    if !to.exists() {
        return Ok(());
    }
    if let (Ok(one), Ok(other)) = (to.canonicalize(), mirror.canonicalize())
        && one == other
    {
        return refuse("it is the mirror itself");
    }
    if fs::metadata(to).is_ok_and(|file| file.len() == 0) {
        return Ok(());
    }
    let mut lock = to.as_os_str().to_owned();
    lock.push("-lock");
    if !is_at_rest(to) || Path::new(&lock).exists() {
        return refuse("another mirror is there");
    }
    let application = async {
        let pool = connect(to, at_rest(to), 1).await?;
        let application: Result<i64, _> = sqlx::query_scalar("pragma application_id")
            .fetch_one(&pool)
            .await;
        pool.close().await;
        Ok::<_, StoreError>(application?)
    }
    .await;
    match application {
        Ok(APPLICATION_ID) => Ok(()),
        _ => refuse("another file is there, and it is no snapshot"),
    }
}

/// Until it is whole it is for nobody else to read: SQLite would make it for everybody.
fn begin(partial: &Path) -> io::Result<()> {
    let mut new = File::options();
    new.write(true).create_new(true).mode(0o600);
    new.open(partial).map(drop)
}

/// Beside its place, so that it can be moved there in one step.
fn partial(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(format!(".partial-{}", std::process::id()));
    PathBuf::from(name)
}

fn directory(of: &Path) -> &Path {
    of.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."))
}

fn refused(path: &Path, error: &io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::StorageFull {
        return StoreError::DiskFull(error.to_string());
    }
    StoreError::Snapshot {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

/// What SQLite could not do here it could not do at the copy's place, unless the mirror itself is damaged.
fn named(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::ReadOnly { why, .. } => StoreError::Snapshot {
            path: path.to_owned(),
            why,
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_copy_under_way_is_for_nobody_else_to_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mirror.db");
        let store = Store::open(&path).await.unwrap();
        let unfinished = dir.path().join("copy");
        begin(&unfinished).unwrap();
        let stop = CancellationToken::new();
        store.reader().copy(&unfinished, &stop).await.unwrap();
        let file = fs::metadata(&unfinished).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        assert!(file.len() > 0);
        store.close().await;
    }
}
