//! The table `changes` held against the past: told backwards from its present values, each row was always in some state
//! that the source had, older and older, until the line that brought it in.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::SqliteConnection;

use super::past::{Past, Version};
use crate::support::dump::{self, Columns};

/// What a row says of itself, and whether a state of the past is that.
type IsNow = fn(&Version, &Columns) -> bool;

/// Tells the rows of a table backwards. `states`: the past of each of them.
pub async fn tell(
    connection: &mut SqliteConnection,
    table: &str,
    rows: HashMap<i64, Columns>,
    past: &Past,
    is_now: IsNow,
) -> Result<(), String> {
    let lines = format!(
        "select seq, cast(row_id as integer) as id, op, before from changes where table_name = '{table}' order by seq desc"
    );
    let mut rows = rows;
    let mut ceilings: HashMap<i64, usize> = HashMap::new();
    for line in dump::rows(connection, &lines).await {
        let id = line["id"].as_i64().unwrap();
        let wrong = |why: &str| {
            Err(format!(
                "changes, line {}, {table} {id}: {why}",
                line["seq"]
            ))
        };
        let Some(mut row) = rows.remove(&id) else {
            return wrong("the row is not there, or was brought in twice");
        };
        let states = past.states(table, id);
        let ceiling = ceilings.get(&id).copied().unwrap_or(states.len());
        let Some(state) = (0..ceiling)
            .rev()
            .find(|place| is_now(&states[*place], &row))
        else {
            return wrong(&format!("the row was never so, or not before: {row:?}"));
        };
        ceilings.insert(id, state + 1);
        if line["op"] == "insert" {
            continue;
        }
        let Value::Object(before) = &line["before"] else {
            return wrong("it does not say what was there before");
        };
        if before.is_empty() || before.iter().any(|(column, value)| row[column] == *value) {
            return wrong(&format!(
                "it says that {before:?} changed, and did not: {row:?}"
            ));
        }
        let parsed = |(column, value): (&String, &Value)| {
            let value = match (column.as_str(), value) {
                ("content" | "extra", Value::String(text)) => serde_json::from_str(text).unwrap(),
                _ => value.clone(),
            };
            (column.clone(), value)
        };
        row.extend(before.iter().map(parsed));
        rows.insert(id, row);
    }
    match rows.keys().next() {
        Some(id) => Err(format!("changes do not tell how {table} {id} came in")),
        None => Ok(()),
    }
}
