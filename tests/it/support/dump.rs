//! The mirror's tables as plain values, read by SQL that the program has no part in.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use sqlx::sqlite::{SqliteColumn, SqliteConnectOptions, SqliteRow};
use sqlx::{
    Column, ConnectOptions, Connection, Executor, Row, SqlSafeStr, SqliteConnection, Statement,
    TypeInfo, ValueRef,
};

/// A row: column to value. JSON columns are parsed.
pub type Columns = Map<String, Value>;

pub async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .connect()
        .await
        .unwrap()
}

/// What a query gives.
pub async fn query(path: &Path, sql: &str) -> Vec<Columns> {
    let mut connection = connect(path).await;
    let rows = rows(&mut connection, sql).await;
    // Closed here and now: a reader that lingers would keep the program from tidying up behind itself.
    connection.close().await.unwrap();
    rows
}

/// What a query gives on a connection that stays open.
pub async fn rows(connection: &mut SqliteConnection, sql: &str) -> Vec<Columns> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
        .fetch_all(connection)
        .await
        .unwrap();
    rows.iter().map(columns).collect()
}

/// What a query gives, a row a list: the columns in their order.
pub async fn lists(path: &Path, sql: &str) -> Vec<Vec<Value>> {
    let mut connection = connect(path).await;
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let list = |row: &SqliteRow| {
        row.columns()
            .iter()
            .map(|column| cell(row, column))
            .collect()
    };
    rows.iter().map(list).collect()
}

/// The names of the columns that a query gives.
pub async fn names(path: &Path, sql: &str) -> Vec<String> {
    let mut connection = connect(path).await;
    let statement = connection
        .prepare(sqlx::AssertSqlSafe(sql.to_owned()).into_sql_str())
        .await
        .unwrap();
    let names = statement
        .columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect();
    connection.close().await.unwrap();
    names
}

/// Changes the file behind the program's back.
pub async fn execute(path: &Path, sql: &str) {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// Keeps the file to itself until told to let go, as a program that forgot to end its transaction does.
pub async fn hold(
    path: &Path,
    ready: tokio::sync::oneshot::Sender<()>,
    let_go: tokio::sync::oneshot::Receiver<()>,
) {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql("begin immediate")
        .execute(&mut connection)
        .await
        .unwrap();
    ready.send(()).unwrap();
    let_go.await.unwrap();
    sqlx::raw_sql("rollback")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// The single value of a query.
pub async fn value(path: &Path, sql: &str) -> Value {
    let rows = query(path, sql).await;
    rows.into_iter()
        .next()
        .unwrap()
        .into_iter()
        .next()
        .unwrap()
        .1
}

/// A table by its key columns.
pub async fn table(path: &Path, name: &str, keys: &[&str]) -> BTreeMap<Vec<i64>, Columns> {
    query(path, &format!("select * from {name}"))
        .await
        .into_iter()
        .map(|row| {
            (
                keys.iter().map(|key| row[*key].as_i64().unwrap()).collect(),
                row,
            )
        })
        .collect()
}

/// All mirrored tables, for comparing two mirrors.
pub async fn mirror(path: &Path) -> BTreeMap<&'static str, Vec<Columns>> {
    let mut tables = BTreeMap::new();
    for (name, order) in [
        ("channels", "id"),
        ("contacts", "id"),
        ("chats", "id"),
        ("gates", "chat_id, id"),
        ("messages", "id"),
        ("attachments", "message_id, position"),
    ] {
        tables.insert(
            name,
            query(path, &format!("select * from {name} order by {order}")).await,
        );
    }
    tables
}

fn columns(row: &SqliteRow) -> Columns {
    row.columns()
        .iter()
        .map(|column| (column.name().to_owned(), cell(row, column)))
        .collect()
}

/// Columns declared JSON; their declared type does not reach this far.
const JSON: [&str; 5] = ["extra", "content", "before", "walk", "versions"];

fn cell(row: &SqliteRow, column: &SqliteColumn) -> Value {
    let ordinal = column.ordinal();
    let raw = row.try_get_raw(ordinal).unwrap();
    if raw.is_null() {
        return Value::Null;
    }
    let stored = raw.type_info().name().to_owned();
    match stored.as_str() {
        "INTEGER" | "BOOLEAN" => row.get_unchecked::<i64, _>(ordinal).into(),
        "REAL" => row.get_unchecked::<f64, _>(ordinal).into(),
        _ => {
            let text: String = row.get_unchecked(ordinal);
            if JSON.contains(&column.name()) {
                serde_json::from_str(&text).unwrap()
            } else {
                text.into()
            }
        }
    }
}
