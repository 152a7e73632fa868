//! The lines that `changes` gets for the rows of a batch: who changed, how, and what stood there before.

use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::SqliteConnection;

use super::StoreError;
use super::rows::{Row, Write};
use crate::clock::Timestamp;

/// One change of one row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    table_name: &'static str,
    row_id: String,
    op: &'static str,
    before: Option<String>,
}

/// A change with its moment and its pass.
#[derive(Debug)]
pub(super) struct Line {
    at: Timestamp,
    run_id: i64,
    change: Change,
}

impl Change {
    /// The change as a line: made at `at` by the pass `run_id`.
    pub(super) fn at(self, at: Timestamp, run_id: i64) -> Line {
        Line {
            at,
            run_id,
            change: self,
        }
    }
}

/// Numbers for the ledger of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) inserted: i64,
    pub(super) updated: i64,
    pub(super) deleted: i64,
}

impl Tally {
    /// All changes, of whatever kind.
    pub(super) fn all(self) -> i64 {
        self.inserted + self.updated + self.deleted
    }

    pub(super) fn and(self, more: Self) -> Self {
        Self {
            inserted: self.inserted + more.inserted,
            updated: self.updated + more.updated,
            deleted: self.deleted + more.deleted,
        }
    }
}

/// The change that writing this row makes.
pub(super) fn written<T: Row>(write: &Write<T>) -> Result<Change, serde_json::Error> {
    let row_id = write.row.row_id();
    let Some(before) = &write.before else {
        return Ok(Change {
            table_name: T::TABLE,
            row_id,
            op: "insert",
            before: None,
        });
    };
    let op = match (before.is_gone(), write.row.is_gone()) {
        (false, true) => "delete",
        (true, false) => "undelete",
        _ => "update",
    };
    let before = former_values(before, &write.row)?;
    Ok(Change {
        table_name: T::TABLE,
        row_id,
        op,
        before: Some(before),
    })
}

/// The change that removing this row makes.
pub(super) fn removed<T: Row>(row: &T) -> Result<Change, serde_json::Error> {
    Ok(Change {
        table_name: T::TABLE,
        row_id: row.row_id(),
        op: "delete",
        before: Some(serde_json::to_string(row)?),
    })
}

/// The columns in which two versions of a row differ, with the values of the first.
fn former_values<T: Serialize>(before: &T, after: &T) -> Result<String, serde_json::Error> {
    let after = serde_json::to_value(after)?;
    let mut former = Map::new();
    if let Value::Object(columns) = serde_json::to_value(before)? {
        former = columns;
        former.retain(|column, value| after.get(column) != Some(value));
    }
    serde_json::to_string(&former)
}

/// What these changes add up to.
pub(super) fn tally(changes: &[Change]) -> Tally {
    let count = |ops: &[&str]| {
        let matching = changes.iter().filter(|change| ops.contains(&change.op));
        i64::try_from(matching.count()).unwrap_or(i64::MAX)
    };
    Tally {
        inserted: count(&["insert"]),
        updated: count(&["update", "undelete"]),
        deleted: count(&["delete"]),
    }
}

/// Writes the lines.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    lines: &[Line],
) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    let columns = lines.iter().map(|Line { at, run_id, change }| {
        let Change {
            table_name,
            row_id,
            op,
            before,
        } = change;
        (at, run_id, table_name, row_id, op, before)
    });
    let lines = serde_json::to_string(&columns.collect::<Vec<_>>())?;
    sqlx::query!(
        "insert into changes (at, run_id, table_name, row_id, op, before)
         select value->>0, value->>1, value->>2, value->>3, value->>4, value->>5
         from jsonb_each(?1)",
        lines
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attachment, Json};

    fn attachment(caption: Option<&str>) -> Attachment {
        Attachment {
            message_id: 7,
            position: 0,
            kind: Some("picture".into()),
            url: None,
            caption: caption.map(str::to_owned),
            file_id: None,
            extra: Json::empty_object(),
        }
    }

    #[test]
    fn an_insert_has_nothing_before_it() {
        let change = written(&Write {
            row: attachment(None),
            before: None,
        })
        .unwrap();
        assert_eq!((change.op, change.before), ("insert", None));
    }

    #[test]
    fn an_update_keeps_only_what_differed_with_its_former_value() {
        let write = Write {
            row: attachment(Some("new")),
            before: Some(attachment(Some("old"))),
        };
        let change = written(&write).unwrap();
        assert_eq!(change.op, "update");
        assert_eq!(change.row_id, "7/0");
        assert_eq!(change.before.unwrap(), r#"{"caption":"old"}"#);
    }

    #[test]
    fn a_removed_row_is_kept_whole() {
        let change = removed(&attachment(Some("old"))).unwrap();
        assert_eq!(change.op, "delete");
        assert!(change.before.unwrap().contains(r#""kind":"picture""#));
    }
}
