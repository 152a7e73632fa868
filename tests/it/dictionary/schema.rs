//! The data dictionary: every table and view with its columns, from the statements that made them and the words of the program's own records.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::support::dump;

/// The records whose fields are the columns of a table, and the files in which they are described.
const RECORDS: [(&str, &str); 14] = [
    ("channels", "Channel"),
    ("contacts", "Contact"),
    ("chats", "Chat"),
    ("chats", "ChatRow"),
    ("gates", "Gate"),
    ("gates", "GateRow"),
    ("messages", "Message"),
    ("messages", "MessageRow"),
    ("attachments", "Attachment"),
    ("projects", "Project"),
    ("operators", "Operator"),
    ("files", "File"),
    ("tickets", "Ticket"),
    ("events", "Event"),
];

const SOURCES: [&str; 5] = [
    include_str!("../../../src/model/desk.rs"),
    include_str!("../../../src/model/records.rs"),
    include_str!("../../../src/store/rows/chats.rs"),
    include_str!("../../../src/store/rows/gates.rs"),
    include_str!("../../../src/store/rows/messages.rs"),
];

/// The parts of the page: what stands in a migration, in its order.
const PARTS: [(&str, &str); 5] = [
    (
        "The mirror",
        include_str!("../../../migrations/0001_mirror.sql"),
    ),
    (
        "The mirror's own books",
        include_str!("../../../migrations/0002_ledger.sql"),
    ),
    (
        "What the mirror says of itself",
        include_str!("../../../migrations/0003_views.sql"),
    ),
    (
        "Questions",
        include_str!("../../../migrations/0004_questions.sql"),
    ),
    (
        "Platforms that push events",
        include_str!("../../../migrations/0005_events.sql"),
    ),
];

/// The page.
pub async fn page(path: &Path) -> String {
    let mut page = String::from(
        "# The data dictionary\n\n\
         Every table and view of the file, made from its own statements. Times are UTC text, `YYYY-MM-DD HH:MM:SS.SSS`; flags are 0 and 1; NULL means that \
         the source has not said. `extra` holds, as a JSON object, whatever the source sent that has no column.\n\n",
    );
    page.push_str(&diagram(path).await);
    for (title, migration) in PARTS {
        let _ = write!(page, "\n## {title}\n");
        for (kind, name) in made_by(migration) {
            let sql = format!("select sql from sqlite_schema where name = '{name}'");
            let statement = dump::value(path, &sql).await;
            let statement = statement.as_str().unwrap();
            let (about, columns) = comments(statement);
            let _ = write!(page, "\n### {name}\n\n{about}\n\n");
            if kind == "view" {
                page.push_str(&view(path, name).await);
            } else {
                page.push_str(&table(path, name, &columns).await);
            }
        }
    }
    page
}

/// Tables and views in the order in which they are made.
fn made_by(migration: &str) -> Vec<(&str, &str)> {
    let words = migration.lines().filter_map(|line| {
        let mut words = line.strip_prefix("create ")?.split_whitespace();
        let kind = words.next()?;
        let name = words.next()?;
        ["table", "view"].contains(&kind).then_some((kind, name))
    });
    words.collect()
}

/// What the comments of a statement say: of the whole, and of single columns.
fn comments(statement: &str) -> (String, BTreeMap<String, String>) {
    let mut about = Vec::new();
    let mut columns = BTreeMap::new();
    let mut said = Vec::new();
    for line in statement.lines().skip(1).map(str::trim) {
        if let Some(words) = line.strip_prefix("-- ") {
            said.push(words.to_owned());
            continue;
        }
        if about.is_empty() {
            about.append(&mut said);
        } else if !said.is_empty() {
            let column = line.split_whitespace().next().unwrap_or_default();
            columns.insert(column.to_owned(), said.join(" "));
            said.clear();
        }
    }
    (about.join(" "), columns)
}

async fn table(path: &Path, name: &str, comments: &BTreeMap<String, String>) -> String {
    let parents = references(path, name).await;
    let described = described(name);
    let mut text = "| column | type | |\n|---|---|---|\n".to_owned();
    for column in dump::query(path, &format!("pragma table_info({name})")).await {
        let column_name = column["name"].as_str().unwrap();
        let mut words = Vec::new();
        if column["pk"] != 0 {
            words.push("Key.".to_owned());
        }
        let field = if column_name == "type" {
            "kind"
        } else {
            column_name
        };
        words.extend(
            comments
                .get(column_name)
                .or_else(|| described.get(field))
                .cloned(),
        );
        words.extend(
            parents
                .get(column_name)
                .map(|parent| format!("→ `{parent}`")),
        );
        let kind = column["type"].as_str().unwrap().to_uppercase();
        let _ = writeln!(
            text,
            "| `{column_name}` | {kind} | {} |",
            words.join(" ").replace('|', "\\|")
        );
    }
    text
}

async fn view(path: &Path, name: &str) -> String {
    let columns = dump::query(path, &format!("pragma table_info({name})")).await;
    let columns: Vec<String> = columns
        .iter()
        .map(|column| format!("`{}`", column["name"].as_str().unwrap()))
        .collect();
    format!("Columns: {}.\n", columns.join(", "))
}

async fn references(path: &Path, name: &str) -> BTreeMap<String, String> {
    let keys = dump::query(path, &format!("pragma foreign_key_list({name})")).await;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    keys.iter()
        .map(|key| (text(&key["from"]), text(&key["table"])))
        .collect()
}

/// The words of the program's records about their fields.
fn described(table: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for (_, record) in RECORDS.iter().filter(|(name, _)| *name == table) {
        let head = format!("pub struct {record} {{");
        let body = SOURCES
            .iter()
            .find_map(|source| source.split_once(&head))
            .unwrap()
            .1;
        let body = body.split_once("\n}").unwrap().0;
        let mut said = Vec::new();
        for line in body.lines().map(str::trim) {
            if let Some(words) = line.strip_prefix("/// ") {
                said.push(words);
            } else if let Some((field, _)) = line
                .strip_prefix("pub ")
                .and_then(|line| line.split_once(':'))
            {
                fields.insert(field.to_owned(), said.join(" "));
                said.clear();
            }
        }
    }
    fields
}

/// What refers to what, for a viewer that draws mermaid.
async fn diagram(path: &Path) -> String {
    let mut text = "```mermaid\nerDiagram\n".to_owned();
    let tables = "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' order by name";
    for row in dump::lists(path, tables).await {
        let name = row[0].as_str().unwrap();
        for (column, parent) in references(path, name).await {
            let _ = writeln!(text, "    {parent} ||--o{{ {name} : {column}");
        }
    }
    // The index follows by row number, which the file does not declare.
    text + "    messages ||--o| messages_fts : rowid\n```\n"
}
