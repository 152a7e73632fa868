//! The queries of docs/changes.md do what it says: follow the mirror, and tell a row as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use chatmirror::plan::Mode;
use chatmirror::simulator::{Mutation, Options, Speaker};

use crate::support::{World, account, dump};

const DOCUMENT: &str = include_str!("../../docs/changes.md");

/// The queries of the document, in order.
fn queries() -> Vec<String> {
    let blocks = DOCUMENT.split("```sql\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

/// A chat with one message that says `first`, then `second`, then is deleted; a pass after each. Gives the message and the
/// moments after each pass.
async fn told_thrice(world: &World) -> (i64, Vec<String>) {
    let chat = world
        .simulator
        .account(|account| *account.chats.keys().next().unwrap());
    let message = world
        .simulator
        .apply(Mutation::say(chat, Speaker::Contact, "first"))
        .unwrap();
    let mut moments = Vec::new();
    let text = Some("second".to_owned());
    for change in [
        None,
        Some(Mutation::EditMessage {
            chat,
            message,
            text,
        }),
        Some(Mutation::DeleteMessage { chat, message }),
    ] {
        if let Some(change) = change {
            world.simulator.apply(change).unwrap();
        }
        // A full reading finds what has changed without a sign.
        world.pass(Mode::Backfill).await.unwrap();
        world.clock.advance(Duration::from_mins(1));
        moments.push(world.clock.now().to_string());
        world.clock.advance(Duration::from_mins(1));
    }
    (message, moments)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_queries_follow_and_rebuild() {
    let world = World::new(account(8, 40, 5), Options::default()).await;
    let (message, moments) = told_thrice(&world).await;
    let path = world.database();
    let bound = |sql: &str, seen: i64, moment: &str| {
        sql.replace(":seen", &seen.to_string())
            .replace(":moment", &format!("'{moment}'"))
            .replace(":id", &message.to_string())
    };
    let [follow, joined, as_of, texts] = &queries()[..] else {
        panic!("four queries")
    };

    let all = dump::query(&path, &bound(follow, 0, "")).await;
    let last = all.last().unwrap()["seq"].as_i64().unwrap();
    let rest = dump::query(&path, &bound(follow, last - 1, "")).await;
    assert_eq!(rest, all[all.len() - 1..]);

    let edits = dump::query(&path, &bound(joined, 0, "")).await;
    let edits: Vec<_> = edits
        .iter()
        .filter(|row| row["id"] == message)
        .map(|row| &row["op"])
        .collect();
    assert_eq!(edits, ["insert", "update", "delete"]);

    let mut told = Vec::new();
    for moment in &moments {
        let lines = dump::query(&path, &bound(as_of, 0, moment)).await;
        let value = |name: &str| {
            let line = lines.iter().find(|line| line["name"] == name);
            &line.unwrap()["value"]
        };
        told.push((
            value("text").as_str().unwrap().to_owned(),
            value("deleted_at").is_null(),
        ));
    }
    let expected = [("first", true), ("second", true), ("second", false)];
    assert_eq!(
        told,
        expected.map(|(text, listed)| (text.to_owned(), listed))
    );

    let former = dump::query(&path, &bound(texts, 0, "")).await;
    let former: Vec<_> = former.iter().map(|row| &row["text_before"]).collect();
    assert_eq!(former, ["first"]);
}

/// What a query of one column gives.
async fn texts(path: &Path, sql: &str) -> Vec<String> {
    let lists = dump::lists(path, sql).await;
    let texts = lists.iter().map(|list| list[0].as_str().unwrap());
    texts.map(str::to_owned).collect()
}

/// A mirrored table, and what names a row of it.
struct Table {
    name: &'static str,
    row_id: &'static str,
}

const TABLES: [Table; 6] = [
    Table {
        name: "channels",
        row_id: "id",
    },
    Table {
        name: "contacts",
        row_id: "id",
    },
    Table {
        name: "chats",
        row_id: "id",
    },
    Table {
        name: "gates",
        row_id: "chat_id || '/' || id",
    },
    Table {
        name: "messages",
        row_id: "id",
    },
    Table {
        name: "attachments",
        row_id: "message_id || '/' || position",
    },
];

impl Table {
    /// A row as an object of all its columns.
    async fn object(&self, path: &Path) -> String {
        let columns = format!("select name from pragma_table_info('{}')", self.name);
        let columns = texts(path, &columns).await;
        let pairs: Vec<String> = columns
            .iter()
            .map(|name| format!("'{name}', {name}"))
            .collect();
        format!("json_object({})", pairs.join(", "))
    }

    /// The rows as they are, by what names them.
    async fn rows(&self, path: &Path) -> BTreeMap<String, String> {
        let Self { name, row_id } = self;
        let object = self.object(path).await;
        let sql = format!("select cast({row_id} as text) || char(9) || {object} from {name}");
        let rows = texts(path, &sql).await;
        let parted = rows.iter().map(|row| row.split_once('\t').unwrap());
        parted
            .map(|(key, row)| (key.to_owned(), row.to_owned()))
            .collect()
    }

    /// The document's query for a row of this table.
    async fn as_of(&self, path: &Path, row_id: &str, moment: &str) -> String {
        let messages = &queries()[2];
        let (before, rest) = messages.split_once("json_object(\n").unwrap();
        let (_, after) = rest.split_once("\n    ) as row").unwrap();
        let object = self.object(path).await;
        format!("{before}{object} as row{after}")
            .replace("'messages'", &format!("'{}'", self.name))
            .replace("from messages", &format!("from {}", self.name))
            .replace(
                "where id = :id",
                &format!("where cast({} as text) = :id", self.row_id),
            )
            .replace(":id", &format!("'{row_id}'"))
            .replace(":moment", &format!("'{moment}'"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_row_is_rebuilt_as_of_any_moment() {
    let world = World::new(account(12, 90, 5), Options::default()).await;
    let path = world.database();
    let mut rng = fastrand::Rng::with_seed(7);
    let mut past = Vec::new();
    for _ in 0..5 {
        world.pass(Mode::Backfill).await.unwrap();
        world.clock.advance(Duration::from_mins(1));
        let moment = world.clock.now().to_string();
        for table in &TABLES {
            past.push((moment.clone(), table, table.rows(&path).await));
        }
        world.clock.advance(Duration::from_mins(1));
        world.simulator.churn(60, &mut rng);
    }
    let (mut others, mut not_yet) = (0, 0);
    for (moment, table, rows) in &past {
        let now = table.rows(&path).await;
        let keys: BTreeSet<&String> = rows.keys().chain(now.keys()).collect();
        for key in keys {
            let sql = table.as_of(&path, key, moment).await;
            let lines = dump::lists(&path, &sql).await;
            let told = lines.into_iter().map(|line| {
                let [name, value] = &line[..] else {
                    panic!("two columns")
                };
                (name.as_str().unwrap().to_owned(), value.clone())
            });
            let told: serde_json::Map<_, _> = told.collect();
            let expected = rows.get(key).map_or_else(Default::default, |row| {
                serde_json::from_str::<serde_json::Map<_, _>>(row).unwrap()
            });
            assert_eq!(told, expected, "{} {key} as of {moment}", table.name);
            others += usize::from(rows.get(key) != now.get(key));
            not_yet += usize::from(!rows.contains_key(key));
        }
    }
    assert!(others > 100 && not_yet > 20, "{others}, {not_yet}");
}
