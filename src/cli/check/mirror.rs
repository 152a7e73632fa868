//! The mirror: sound, of the right account, with room to grow, and what it has learned of its source.

use serde_json::Value;

use super::{Finding, named};
use crate::cli::output::bytes;
use crate::config::Config;
use crate::model::Account;
use crate::store::{FileSizes, Reader, StoreError};

/// Less room is never enough: the write-ahead log alone may take so much.
const LEAST_ROOM: u64 = 128 << 20;

/// Under this name passes keep what they have learned of the source.
const TRAITS: &str = "source";

/// What there is to say of the mirror's file.
pub(super) async fn look(config: &Config, offered: Option<&Account>) -> Vec<Finding> {
    let path = &config.database.path;
    let reader = match Reader::open(path).await {
        Err(StoreError::Missing(_)) => {
            let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
            if let Some(missing) = directory.filter(|path| !path.is_dir()) {
                let error = StoreError::NoDirectory(missing.to_owned());
                return vec![Finding::bad("database", error.into())];
            }
            let told = format!(
                "{} is not there yet; the first pass makes it",
                path.display()
            );
            return vec![Finding::good("database", told)];
        }
        Err(error) => return vec![Finding::bad("database", error.into())],
        Ok(reader) => reader,
    };
    let sound = match reader.quick_check().await {
        Ok(problems) if problems.is_empty() => {
            Finding::good("database", format!("{} is sound", path.display()))
        }
        Ok(problems) => {
            let (path, why) = (path.clone(), problems.join("; "));
            Finding::bad("database", StoreError::Damaged { path, why }.into())
        }
        Err(error) => Finding::bad("database", error.into()),
    };
    let bound = match reader.account().await {
        Ok(bound) => bound_finding(bound.as_ref(), offered),
        Err(error) => Finding::bad("account", error.into()),
    };
    let mut findings = vec![sound, bound];
    findings.push(room_finding(&reader, FileSizes::of(path)).await);
    findings.extend(learned_finding(&reader).await);
    findings
}

/// Whether what is still to be read has room on the disk, by the room that the rest has taken.
async fn room_finding(reader: &Reader, files: FileSizes) -> Finding {
    let Some(free) = files.free else {
        return Finding::good("disk", "the system does not tell how much room is left");
    };
    let coverage = match reader.coverage().await {
        Ok(coverage) => coverage,
        Err(error) => return Finding::bad("disk", error.into()),
    };
    let unread = coverage.owed.iter().find(|owed| owed.reason == "new");
    let unread = unread.map_or(0, |owed| owed.chats.unsigned_abs());
    let read = coverage.chats.unsigned_abs().saturating_sub(unread).max(1);
    let wanted = LEAST_ROOM + (files.database + files.wal).saturating_mul(unread) / read;
    room(free, wanted)
}

fn room(free: u64, wanted: u64) -> Finding {
    let told = format!("{} left, about {} wanted", bytes(free), bytes(wanted));
    if free >= wanted {
        return Finding::good("disk", told);
    }
    Finding::wrong(
        "disk",
        told,
        "make room, or move the mirror to another disk; a full disk stops the passes and spoils nothing",
    )
}

/// What the platform does not document and passes have found out.
async fn learned_finding(reader: &Reader) -> Option<Finding> {
    let learned: Value = match reader.learned(TRAITS).await {
        Ok(learned) => learned?,
        Err(error) => return Some(Finding::bad("learned", error.into())),
    };
    let known = |key: &str, yes: &str, no: &str| match learned[key].as_bool() {
        Some(true) => yes.to_owned(),
        Some(false) => no.to_owned(),
        None => format!("not known yet: {key}"),
    };
    let order = |key: &str| learned[key].as_str().unwrap_or("unknown").replace('_', " ");
    Some(Finding::good(
        "learned",
        format!(
            "chats are listed in the order {}, messages {}; {}; {}; changes show within {} s",
            order("chat_order"),
            order("message_order"),
            known(
                "union",
                "one list holds open and closed chats",
                "open and closed chats are listed apart"
            ),
            known(
                "counts_by_one",
                "pages of one item give exact counts",
                "pages of one item are not given"
            ),
            learned["skew_seconds"].as_i64().unwrap_or(1),
        ),
    ))
}

/// One file holds one account: the one that the token opens should be the one that is mirrored.
fn bound_finding(mirrored: Option<&Account>, offered: Option<&Account>) -> Finding {
    let Some(mirrored) = mirrored else {
        return Finding::good("account", "the mirror is bound to none yet");
    };
    match offered {
        Some(offered) if offered.id != mirrored.id => Finding::wrong(
            "account",
            format!(
                "the mirror is of account {}, the token opens account {}",
                named(mirrored),
                named(offered)
            ),
            "use that account's token, or another `database.path`: one file holds one account",
        ),
        _ => Finding::good(
            "account",
            format!("the mirror is of account {}", named(mirrored)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_another_account_is_told() {
        let account = |id: &str| Account {
            id: id.to_owned(),
            name: None,
            time_zone: None,
        };
        assert!(bound_finding(None, Some(&account("1"))).good);
        assert!(bound_finding(Some(&account("1")), None).good);
        assert!(bound_finding(Some(&account("1")), Some(&account("1"))).good);
        assert!(!bound_finding(Some(&account("1")), Some(&account("2"))).good);
    }

    #[test]
    fn a_disk_without_room_for_what_is_to_be_read_is_told() {
        assert!(room(LEAST_ROOM, LEAST_ROOM).good);
        let small = room(LEAST_ROOM - 1, LEAST_ROOM);
        assert!(
            !small.good && small.told.contains("128 MiB wanted"),
            "{small:?}"
        );
    }
}
