//! Reads a dataset back: every row of a table, as plain values.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use chatmirror::clock::Timestamp;
use chatmirror::export::Format;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value};

use crate::support::dump::{self, Columns};

/// The account's directory in a dataset of one account.
pub fn account(out: &Path) -> PathBuf {
    let mut entries = fs::read_dir(out).unwrap();
    let account = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none(), "one account only");
    account
}

/// Every file under a directory, with its bytes.
pub fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(at) = left.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap();
                let name = name.to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// The files with rows in them.
pub fn data(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(directory);
    files.retain(|name, _| name.starts_with("table="));
    files
}

/// The rows of a table as the mirror has them: flags are flags, JSON is JSON.
pub async fn truth(mirror: &Path, table: &str) -> Vec<Columns> {
    let info = dump::query(mirror, &format!("pragma table_info({table})")).await;
    let flags: Vec<String> = info
        .iter()
        .filter(|column| column["type"] == "boolean")
        .map(|column| column["name"].as_str().unwrap().to_owned())
        .collect();
    let mut rows = dump::query(mirror, &format!("select * from {table}")).await;
    for row in &mut rows {
        for flag in &flags {
            if let Some(set) = row[flag].as_i64() {
                row[flag] = Value::Bool(set == 1);
            }
        }
    }
    rows.sort_by_key(|row| serde_json::to_string(row).unwrap());
    rows
}

/// The rows of a table in a dataset, in the same order.
pub fn rows(account: &Path, table: &str, format: Format, like: &[Columns]) -> Vec<Columns> {
    let mut rows = Vec::new();
    for name in data(account).into_keys() {
        if !name.starts_with(&format!("table={table}/")) {
            continue;
        }
        let path = account.join(&name);
        let read = match format {
            Format::Jsonl => json_lines(&path),
            Format::Csv => csv(&path, like),
            Format::Parquet => parquet(&path),
        };
        assert!(!read.is_empty(), "{name} has no rows");
        let month = name.split("month=").nth(1).unwrap();
        let month = month.split('/').next().unwrap();
        for row in &read {
            // Rows that hang on another are of its month.
            if let Some(at) = row.get("created_at") {
                let own = at
                    .as_str()
                    .map_or("__HIVE_DEFAULT_PARTITION__", |at| &at[..7]);
                assert_eq!(own, month, "{name}: {row:?}");
            }
        }
        rows.extend(read);
    }
    rows.sort_by_key(|row| serde_json::to_string(row).unwrap());
    rows
}

fn json_lines(path: &Path) -> Vec<Columns> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn parquet(path: &Path) -> Vec<Columns> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let read = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        let columns = row.get_column_iter();
        columns
            .map(|(name, field)| (name.clone(), value(name, field)))
            .collect()
    });
    read.collect()
}

fn value(name: &str, field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => (*flag).into(),
        Field::Long(number) => (*number).into(),
        Field::TimestampMillis(millis) => {
            Timestamp::from_millis(*millis).unwrap().to_string().into()
        }
        Field::Str(text) if ["extra", "content"].contains(&name) => {
            serde_json::from_str(text).unwrap()
        }
        Field::Str(text) => text.clone().into(),
        other => panic!("{name}: {other:?}"),
    }
}

/// CSV knows texts only: what a text stands for is told by the row of the mirror that has the same key.
fn csv(path: &Path, like: &[Columns]) -> Vec<Columns> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = records(&text).into_iter();
    let names: Vec<String> = lines
        .next()
        .unwrap()
        .into_iter()
        .map(Option::unwrap)
        .collect();
    let is = |name: &str, what: fn(&Value) -> bool| like.iter().any(|row| what(&row[name]));
    lines
        .map(|line| {
            assert_eq!(line.len(), names.len());
            let cells = names.iter().zip(line).map(|(name, cell)| {
                let cell = cell.map_or(Value::Null, |text| {
                    if is(name, Value::is_string) {
                        return text.into();
                    }
                    serde_json::from_str(&text).unwrap()
                });
                (name.clone(), cell)
            });
            cells.collect::<Map<_, _>>()
        })
        .collect()
}

/// Comma-separated values as RFC 4180 has them; what stands there without a letter or a quote is nothing.
fn records(text: &str) -> Vec<Vec<Option<String>>> {
    let mut records = vec![];
    let (mut record, mut cell): (Vec<Option<String>>, Option<String>) = (vec![], None);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                let quoted = cell.get_or_insert_default();
                while let Some(letter) = letters.next() {
                    if letter != '"' {
                        quoted.push(letter);
                    } else if letters.next_if_eq(&'"').is_some() {
                        quoted.push('"');
                    } else {
                        break;
                    }
                }
            }
            ',' => record.push(cell.take()),
            '\n' => {
                record.push(cell.take());
                records.push(std::mem::take(&mut record));
            }
            letter => cell.get_or_insert_default().push(letter),
        }
    }
    assert!(record.is_empty() && cell.is_none(), "the last line ends");
    records
}
