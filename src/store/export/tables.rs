//! Which tables are mirrored, what their columns hold, and by which time their rows belong to a month.

use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use super::Month;
use crate::store::StoreError;

/// A mirrored table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorTable {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<TableColumn>,
    /// The first column of its key, and its declared type.
    key: (String, String),
    dated: Dated,
}

/// A column, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds, by its declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Whole numbers.
    Integer,
    /// Flags.
    Boolean,
    /// Moments, in UTC.
    Moment,
    /// JSON.
    Json,
    /// Texts.
    Text,
}

/// What tells the month of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Dated {
    /// Its own time.
    Itself,
    /// The time of the row it hangs on, in this table: a picture is of its message's month.
    Parent(String),
    /// Nothing.
    Never,
}

/// Reads the mirrored tables from the schema. They are told by their column `extra`, which no other table has.
pub(super) async fn read(
    connection: &mut SqliteConnection,
) -> Result<Vec<MirrorTable>, StoreError> {
    let columns: Vec<(String, String, String, i64)> = sqlx::query_as(
        "select tables.name, columns.name, lower(columns.type), columns.pk
         from sqlite_schema as tables, pragma_table_info(tables.name) as columns
         where tables.type = 'table'
             and exists (select 1 from pragma_table_info(tables.name) where name = 'extra')
         order by tables.name, columns.cid",
    )
    .fetch_all(&mut *connection)
    .await?;
    let parents: Vec<(String, String, String)> = sqlx::query_as(
        "select tables.name, parents.\"from\", parents.\"table\"
         from sqlite_schema as tables, pragma_foreign_key_list(tables.name) as parents
         where tables.type = 'table'",
    )
    .fetch_all(connection)
    .await?;
    let mut tables: Vec<MirrorTable> = Vec::new();
    for (table, column, declared, place_in_key) in columns {
        if tables.last().is_none_or(|last| last.name != table) {
            tables.push(MirrorTable {
                name: table.clone(),
                columns: Vec::new(),
                key: (column.clone(), declared.clone()),
                dated: Dated::Never,
            });
        }
        let Some(last) = tables.last_mut() else {
            continue;
        };
        if place_in_key == 1 {
            last.key = (column.clone(), declared.clone());
        }
        last.columns.push(TableColumn {
            kind: Kind::of(&declared),
            name: column,
        });
    }
    let own: Vec<String> = tables
        .iter()
        .filter(|table| table.has_time())
        .map(|table| table.name.clone())
        .collect();
    for table in &mut tables {
        let parent = parents
            .iter()
            .find(|(of, column, parent)| {
                *of == table.name && *column == table.key.0 && own.contains(parent)
            })
            .map(|(_, _, parent)| parent.clone());
        table.dated = match parent {
            _ if table.has_time() => Dated::Itself,
            Some(parent) => Dated::Parent(parent),
            None => Dated::Never,
        };
    }
    Ok(tables)
}

impl Kind {
    fn of(declared: &str) -> Self {
        match declared {
            "integer" => Self::Integer,
            "boolean" => Self::Boolean,
            "datetime" => Self::Moment,
            "json" => Self::Json,
            _ => Self::Text,
        }
    }
}

impl MirrorTable {
    fn has_time(&self) -> bool {
        self.columns
            .iter()
            .any(|column| column.name == "created_at")
    }

    /// The rows, and beside each the one that has its time.
    fn source(&self) -> String {
        let (name, key) = (&self.name, &self.key.0);
        match &self.dated {
            Dated::Itself => format!("{name} as dated"),
            Dated::Parent(parent) => {
                format!("{parent} as dated join {name} on {name}.{key} = dated.id")
            }
            Dated::Never => format!("(select 1 as id, null as created_at) as dated, {name}"),
        }
    }

    /// What the columns are taken from.
    fn alias(&self) -> &str {
        match self.dated {
            Dated::Itself => "dated",
            _ => &self.name,
        }
    }

    pub(super) fn months_sql(&self) -> String {
        format!(
            "select distinct substr(dated.created_at, 1, 7) from {}",
            self.source()
        )
    }

    pub(super) fn count_sql(&self, month: &Month) -> String {
        format!(
            "select count(*) from {} where {}",
            self.source(),
            within(month)
        )
    }

    pub(super) fn rows_sql(&self, month: &Month) -> String {
        let alias = self.alias();
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("{alias}.{}", column.name))
            .collect();
        // The first two columns are the key, or hold it: what is left to order by is then of one value.
        let key = match &self.dated {
            Dated::Itself => "dated.id".to_owned(),
            _ => format!("{alias}.{}, {}", self.key.0, columns[1]),
        };
        format!(
            "select {} from {} where {} order by dated.created_at, {key}",
            columns.join(", "),
            self.source(),
            within(month)
        )
    }

    /// The months in which changed rows are now, and those in which they were.
    pub(super) fn changed_months_sql(&self) -> String {
        let name = &self.name;
        let parent = match &self.dated {
            Dated::Itself => name,
            Dated::Parent(parent) => parent,
            Dated::Never => {
                return format!(
                    "select distinct null from changes where seq > ?1 and table_name = '{name}'"
                );
            }
        };
        let declared = &self.key.1;
        format!(
            "with lines as (
                 select cast(substr(row_id, 1, instr(row_id || '/', '/') - 1) as {declared}) as id,
                        table_name = '{parent}' and json_type(before, '$.created_at') is not null as moved,
                        table_name = '{name}' as own,
                        substr(before ->> '$.created_at', 1, 7) as month_before
                 from changes
                 where seq > ?1 and table_name in ('{name}', '{parent}')
             )
             select substr({parent}.created_at, 1, 7)
             from (select distinct id from lines where own or moved) as touched
             join {parent} on {parent}.id = touched.id
             union
             select month_before from lines where moved"
        )
    }
}

/// A month begins with its name and a dash, and a dot comes after every dash.
fn within(month: &Month) -> &'static str {
    match month.0 {
        Some(_) => "dated.created_at > ?1 || '-' and dated.created_at < ?1 || '.'",
        None => "dated.created_at is null and ?1 is null",
    }
}
