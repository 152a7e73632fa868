//! Documents that are made from the mirror itself: the data dictionary, and the answers to the worked questions. `CHATMIRROR_WRITE_DOCS=1` writes
//! them, otherwise they are held against what would be written.

mod boxes;
mod schema;

use std::path::{Path, PathBuf};

use chatmirror::config::Config;
use chatmirror::plan::Mode;
use chatmirror::simulator::Options;

use crate::support::desk::Desk;
use crate::support::{World, account};

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name)
}

/// Holds a document against what it should be, or writes it.
#[track_caller]
fn hold(name: &str, should: &str) {
    let path = document(name);
    if std::env::var_os("CHATMIRROR_WRITE_DOCS").is_some() {
        std::fs::write(path, should).unwrap();
        return;
    }
    let is = std::fs::read_to_string(path).unwrap_or_default();
    let differs = is
        .lines()
        .zip(should.lines())
        .position(|(is, should)| is != should);
    let line = differs.unwrap_or_else(|| is.lines().count().min(should.lines().count()));
    assert!(
        is == should,
        "docs/{name}: line {} is {:?} and should be {:?}; CHATMIRROR_WRITE_DOCS=1 writes it",
        line + 1,
        is.lines().nth(line),
        should.lines().nth(line)
    );
}

#[tokio::test]
async fn the_data_dictionary_is_what_the_file_says_of_itself() {
    let desk = Desk::open().await;
    hold("schema.md", &schema::page(&desk.path()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worked_questions_have_the_answers_that_the_demo_account_gives() {
    let mut world = World::new(account(500, 14_000, 7), Options::default()).await;
    let report = "[report]\ntime_zone = \"Europe/Kyiv\"\nbusiness_hours = \"09:00-18:00\"\n";
    world.config.report = Config::parse(report).unwrap().report;
    world.pass(Mode::Backfill).await.unwrap();
    for name in ["questions.md", "search.md"] {
        let text = std::fs::read_to_string(document(name)).unwrap();
        hold(name, &answered(&world.database(), &text).await);
    }
}

/// The document with each answer, the block of text behind a block of SQL, as the mirror gives it.
async fn answered(path: &Path, text: &str) -> String {
    let mut answered = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("```sql\n") {
        let (sql, after) = after.split_once("```\n").unwrap();
        let (between, after) = after.split_once("```text\n").unwrap();
        let (_, after) = after.split_once("```").unwrap();
        let answer = boxes::table(path, sql).await;
        for part in [
            before,
            "```sql\n",
            sql,
            "```\n",
            between,
            "```text\n",
            &answer,
            "```",
        ] {
            answered.push_str(part);
        }
        rest = after;
    }
    answered + rest
}

#[tokio::test]
async fn an_answer_that_is_no_longer_true_is_found() {
    let desk = Desk::open().await;
    let text = "x\n\n```sql\nselect 1 as one, null as none;\n```\n\n```text\nold\n```\n\ny\n";
    let page = answered(&desk.path(), text).await;
    assert!(page.starts_with("x\n\n```sql\nselect 1"), "{page}");
    assert!(page.contains("│ one │ none │"), "{page}");
    assert!(
        page.ends_with("┘\n```\n\ny\n") && !page.contains("old"),
        "{page}"
    );
}
