//! A mirror that is fed by events: a directory, a configuration, the real program.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::dump::{self, Columns};
use crate::support::program::Ended;

pub const MESSAGE_CREATED: &str = include_str!("../../published/iqchannels_message_created.json");
pub const CHAT_CLOSED: &str = include_str!("../../published/iqchannels_chat_closed.json");

pub struct Office {
    dir: TempDir,
}

impl Office {
    pub fn open() -> Self {
        Self::with("")
    }

    /// `more` goes to the end of the configuration.
    pub fn with(more: &str) -> Self {
        let office = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let text = format!(
            "[source]\nkind = \"iqchannels\"\n[database]\npath = \"{}\"\n{more}",
            office.database().display()
        );
        std::fs::write(office.dir().join("config.toml"), text).unwrap();
        office
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn database(&self) -> PathBuf {
        self.dir().join("mirror.db")
    }

    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatmirror"));
        command
            .arg("--config")
            .arg(self.dir().join("config.toml"))
            .args(arguments)
            .env_remove("CHATMIRROR_TOKEN")
            .env_remove("CHATMIRROR_CONFIG")
            .env_remove("CREDENTIALS_DIRECTORY")
            .current_dir(self.dir());
        command
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Gives `ingest` this text on standard input.
    pub fn ingest(&self, text: &str) -> Ended {
        let mut child = self
            .program(&["ingest", "--json", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        // A program that has refused the text does not read it.
        let _ = input.write_all(text.as_bytes());
        drop(input);
        let output = child.wait_with_output().unwrap();
        Ended {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The rows of a table; nothing while there is no such table yet.
    pub async fn count(&self, table: &str) -> Option<usize> {
        let tables = "select count(*) from sqlite_schema where name = 'events'";
        if self.value(tables).await == 0 {
            return None;
        }
        let rows = self.value(&format!("select count(*) from {table}")).await;
        usize::try_from(rows.as_i64()?).ok()
    }

    pub async fn rows(&self) -> BTreeMap<&'static str, Vec<Columns>> {
        rows(&self.database()).await
    }

    pub async fn value(&self, sql: &str) -> Value {
        dump::value(&self.database(), sql).await
    }
}

/// Every table whose rows must not depend on the order in which deliveries came.
pub async fn rows(path: &Path) -> BTreeMap<&'static str, Vec<Columns>> {
    let mut tables = dump::mirror(path).await;
    for (name, order) in [
        ("projects", "id"),
        ("operators", "id"),
        ("files", "id"),
        ("tickets", "id"),
        ("events", "id"),
        ("object_versions", "object, id"),
        ("turns", "chat_id, asked_at, asked_id"),
        ("searchable", "message_id"),
        ("message_feed", "message_id"),
    ] {
        let sql = format!("select * from {name} order by {order}");
        tables.insert(name, dump::query(path, &sql).await);
    }
    // Where messages once were and are no more, a row of nothing is left.
    for (name, keys) in [("daily_counts", "1, 2, 3, 4"), ("chat_totals", "1")] {
        let counted = format!("select * from {name} where messages <> 0 order by {keys}");
        tables.insert(name, dump::query(path, &counted).await);
    }
    tables
}
