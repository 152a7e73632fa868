//! Sealed copies by the schedule, beside the passes; the oldest make room.

use std::path::{Path, PathBuf};

use tokio::sync::watch;
use tokio_cron_scheduler::{JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use super::ringer::bell;
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Cron};
use crate::store::Reader;

/// When sealed copies are made, where, and how many are kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Copies {
    /// Nothing: none are made.
    cron_and_directory: Option<(Cron, PathBuf)>,
    keep: u32,
}

impl Copies {
    /// What the configuration asks for.
    pub(super) fn by(config: &Config) -> Self {
        let cron = config.schedule.snapshot.clone();
        Self {
            cron_and_directory: cron.zip(config.snapshot.directory.clone()),
            keep: config.snapshot.keep,
        }
    }
}

/// Makes a copy whenever the schedule says so that is `ordered` last, until `stop`. A copy that fails is told of, and the next
/// one is tried.
///
/// # Errors
/// When the scheduler cannot be started.
pub(super) async fn keep(
    reader: &Reader,
    mut ordered: watch::Receiver<Copies>,
    clock: &Clock,
    stop: &CancellationToken,
) -> Result<(), JobSchedulerError> {
    while !stop.is_cancelled() {
        let copies = ordered.borrow_and_update().clone();
        let Some((cron, directory)) = &copies.cron_and_directory else {
            if told_otherwise(&mut ordered, stop).await {
                continue;
            }
            break;
        };
        // A scheduler of its own: the passes reckon with the next ring of theirs.
        let mut scheduler = JobScheduler::new().await?;
        let mut rings = bell(&scheduler, cron.as_str()).await?;
        scheduler.start().await?;
        loop {
            tokio::select! {
                biased;
                _ = told_otherwise(&mut ordered, stop) => break,
                rung = rings.recv() => if rung.is_none() { break },
            }
            make(reader, directory, clock.now(), stop).await;
            prune(reader, directory, copies.keep).await;
        }
        scheduler.shutdown().await?;
    }
    Ok(())
}

/// Waits for another order, or for the end. Says whether it was an order.
async fn told_otherwise(ordered: &mut watch::Receiver<Copies>, stop: &CancellationToken) -> bool {
    tokio::select! {
        biased;
        () = stop.cancelled() => false,
        // Whoever gives the orders is gone after the end only.
        changed = ordered.changed() => changed.is_ok(),
    }
}

async fn make(reader: &Reader, directory: &Path, now: Timestamp, stop: &CancellationToken) {
    if let Err(error) = std::fs::create_dir_all(directory) {
        tracing::error!(%error, directory = %directory.display(), "failed to make the directory for snapshots");
        return;
    }
    let prefix = prefix(reader).await;
    sweep(&prefix, directory);
    let name = format!("{prefix}{}.db", stamp(now));
    match reader.snapshot(&directory.join(name), stop).await {
        Ok(made) => {
            tracing::info!(snapshot = %made.path.display(), bytes = made.bytes, "snapshot made");
        }
        Err(_) if stop.is_cancelled() => {}
        Err(error) => {
            let hint = error.hint();
            tracing::error!(%error, hint, "failed to make a snapshot; the next ring tries again");
        }
    }
}

/// Removes what a process left that was killed at work. Only one service has the mirror, and it makes one copy at a time; services of
/// other accounts may share the directory.
fn sweep(prefix: &str, directory: &Path) {
    for name in names(directory) {
        if let Some((copy, _)) = name.split_once(".partial-")
            && is_copy(copy, prefix)
        {
            remove(&directory.join(&name));
        }
    }
}

/// Removes all but the newest `keep` copies of this mirror; nothing else.
async fn prune(reader: &Reader, directory: &Path, keep: u32) {
    let prefix = prefix(reader).await;
    let mut copies: Vec<String> = names(directory)
        .into_iter()
        .filter(|name| is_copy(name, &prefix))
        .collect();
    copies.sort_unstable();
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let surplus = copies.len().saturating_sub(keep);
    for name in copies.drain(..surplus) {
        remove(&directory.join(name));
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

fn remove(path: &PathBuf) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(%error, path = %path.display(), "failed to remove an old snapshot");
    }
}

/// What the names of a mirror's copies begin with: its own name, and the account's, for accounts that share a directory have mirrors of one
/// name.
async fn prefix(reader: &Reader) -> String {
    // A mirror that cannot tell whose it is has no rows yet.
    let account = reader.account().await.ok().flatten();
    prefix_of(reader.path(), account.map(|account| account.id).as_deref())
}

fn prefix_of(mirror: &Path, account: Option<&str>) -> String {
    let stem = mirror.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    match account {
        Some(id) => format!("{stem}-{}-", id.chars().map(plain).collect::<String>()),
        None => format!("{stem}-"),
    }
}

/// A moment in a file name: it sorts, and every file system takes it.
fn stamp(moment: Timestamp) -> String {
    let text = moment
        .second()
        .to_string()
        .replace(' ', "T")
        .replace(':', "-");
    format!("{}Z", text.trim_end_matches(".000"))
}

/// Whether `name` is one that [`make`] gives to copies of the mirror whose copies' names begin so.
fn is_copy(name: &str, prefix: &str) -> bool {
    const FORM: &str = "0000-00-00T00-00-00Z.db";
    name.strip_prefix(prefix).is_some_and(|rest| {
        rest.len() == FORM.len()
            && rest.chars().zip(FORM.chars()).all(|(c, form)| match form {
                '0' => c.is_ascii_digit(),
                form => c == form,
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_copies_of_the_same_mirror_are_taken_for_such() {
        let prefix = prefix_of(Path::new("data/chatmirror.db"), Some("737"));
        let now = "2026-03-01 12:00:59.250".parse().unwrap();
        let name = format!("{prefix}{}.db", stamp(now));
        assert_eq!(name, "chatmirror-737-2026-03-01T12-00-59Z.db");
        assert!(is_copy(&name, &prefix));
        assert!(!is_copy(
            &name,
            &prefix_of(Path::new("chat.db"), Some("737"))
        ));
        assert!(!is_copy(
            &name,
            &prefix_of(Path::new("chatmirror.db"), Some("73"))
        ));
        let address = prefix_of(Path::new("iq.db"), Some("https://iq.example/app"));
        assert_eq!(address, "iq-https---iq-example-app-");
        for other in [
            "chatmirror.db",
            "chatmirror-737-old.db",
            "chatmirror-738-2026-03-01T12-00-59Z.db",
            "chatmirror-737-2026-03-01T12-00-59Z.db.gz",
        ] {
            assert!(!is_copy(other, &prefix), "{other}");
        }
    }
}
