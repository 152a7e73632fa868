//! What is written to the file is what is read from it, whatever the values are.

use chatmirror::clock::Timestamp;
use chatmirror::model::{
    Attachment, Channel, Chat, Contact, Direction, Gate, Json, ListedChat, ListedMessage, Message,
};
use chatmirror::plan::Mode;
use chatmirror::store::{Batch, Lookup, Rows, Store, Transaction};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

/// Texts that have broken some store before.
const TEXTS: [&str; 8] = [
    "",
    "\0",
    "before\0after",
    "'; drop table messages; --\"",
    "\u{feff}a\u{2028}b\u{2029}\r\n\t\\u0000",
    "🜁👩‍👩‍👧 Привіт",
    "{\"json\": [1, null]}",
    "9223372036854775808",
];

fn text() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        1 => Just(None),
        4 => select(&TEXTS[..]).prop_map(|text| Some(text.to_owned())),
        4 => any::<String>().prop_map(Some),
        1 => Just(Some("\0🜁\"".repeat(170_000))),
    ]
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(i64::MAX),
        Just((1 << 53) + 1),
        0..=i64::MAX
    ]
}

fn moment() -> impl Strategy<Value = Timestamp> {
    let millis = prop_oneof![
        Just(-62_135_596_800_000_i64),
        Just(253_402_300_799_999),
        -62_135_596_800_000_i64..=253_402_300_799_999,
    ];
    millis.prop_map(|millis| Timestamp::from_millis(millis).unwrap())
}

/// An object in its canonical text.
fn json() -> impl Strategy<Value = Json> {
    let numbers = select(vec![
        "-0",
        "1e400",
        "12.50",
        "123456789012345678901234567890",
    ]);
    (text(), text(), numbers).prop_map(|(key, value, number)| {
        let number = serde_json::from_str(number).unwrap();
        let key = key.unwrap_or_default();
        let pairs = [(key, value.into()), ("\u{1}n".to_owned(), number)];
        let object: serde_json::Map<String, serde_json::Value> = pairs.into_iter().collect();
        object.into()
    })
}

fn listed_chat() -> impl Strategy<Value = ListedChat> {
    let numbers = vec(number(), 5);
    let texts = vec(text(), 10);
    let moments = vec(moment(), 6);
    let flags = vec(any::<Option<bool>>(), 3);
    (numbers, texts, moments, flags, vec(json(), 4)).prop_map(|(ids, texts, at, flags, extras)| {
        let text = |place: usize| texts[place].clone();
        let extra = |place: usize| extras[place].clone();
        ListedChat {
            chat: Chat {
                id: ids[0],
                contact_id: Some(ids[1]),
                name: text(0),
                image_url: text(1),
                project_id: Some(ids[4]),
                created_at: Some(at[0]),
                updated_at: at[1],
                extra: extra(0),
            },
            contact: Some(Contact {
                id: ids[1],
                original_id: Some(ids[4]),
                name: text(2),
                phone: text(3),
                email: text(4),
                project_id: None,
                created_at: Some(at[2]),
                updated_at: Some(at[3]),
                extra: extra(1),
            }),
            gates: vec![Gate {
                chat_id: ids[0],
                id: ids[2],
                channel_id: Some(ids[3]),
                subscribed: flags[0],
                unread_messages: Some(ids[4]),
                extra: extra(2),
            }],
            channels: vec![Channel {
                id: ids[3],
                kind: text(5),
                name: text(6),
                title: text(7),
                active: flags[1],
                occupied: flags[2],
                referrer: Some(ids[4]),
                link: text(8),
                app: text(9),
                project_id: None,
                created_at: Some(at[4]),
                updated_at: Some(at[5]),
                extra: extra(3),
            }],
        }
    })
}

fn listed_message() -> impl Strategy<Value = ListedMessage> {
    let direction = select(vec![
        None,
        Some(Direction::Inbound),
        Some(Direction::Outbound),
    ]);
    let moments = vec(prop::option::of(moment()), 5);
    let flag = any::<Option<bool>>();
    (
        number(),
        vec(text(), 11),
        moments,
        direction,
        flag,
        vec(json(), 3),
    )
        .prop_map(
            |(id, texts, at, direction, internal, jsons)| ListedMessage {
                message: Message {
                    id,
                    chat_id: 7,
                    gate_id: None,
                    channel_id: None,
                    direction,
                    kind: texts[0].clone(),
                    text: texts[1].clone(),
                    sender_type: texts[2].clone(),
                    sender_name: texts[3].clone(),
                    sender_image_url: texts[4].clone(),
                    operator_id: None,
                    internal,
                    state: texts[5].clone(),
                    state_message: texts[6].clone(),
                    created_at: at[0],
                    delivered_at: at[1],
                    seen_at: at[2],
                    edited_at: at[3],
                    deleted_at: at[4],
                    content: jsons[0].clone(),
                    extra: jsons[1].clone(),
                },
                attachments: vec![Attachment {
                    message_id: id,
                    position: 0,
                    kind: texts[7].clone(),
                    url: texts[8].clone(),
                    caption: texts[9].clone(),
                    file_id: texts[10].clone(),
                    extra: jsons[2].clone(),
                }],
                gate: None,
                channel: None,
            },
        )
}

/// A mirror of its own for one round.
struct Round {
    store: Store,
    run_id: i64,
    at: Timestamp,
    _directory: tempfile::TempDir,
}

impl Round {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("mirror.db"))
            .await
            .unwrap();
        let at = "2020-02-01 16:12:30.000".parse().unwrap();
        let run_id = store.begin_run(Mode::Incremental, at).await.unwrap();
        Self {
            store,
            run_id,
            at,
            _directory: directory,
        }
    }

    fn batch(&self, rows: Rows) -> Batch {
        Batch {
            rows,
            ..Batch::new(self.run_id, "chats".to_owned(), None, self.at)
        }
    }

    /// Writes the rows and holds them against the file again: what still differs, shown.
    async fn chat(&self, listed: &ListedChat) -> String {
        let mut transaction = self.store.begin().await.unwrap();
        let rows = transaction
            .compare_chats(&[listed], None, self.at)
            .await
            .unwrap()
            .rows;
        assert_eq!(
            (
                rows.chats.len(),
                rows.contacts.len(),
                rows.gates.len(),
                rows.channels.len()
            ),
            (1, 1, 1, 1)
        );
        transaction.commit(self.batch(rows)).await.unwrap();
        let mut transaction = self.store.begin().await.unwrap();
        let rows = transaction
            .compare_chats(&[listed], None, self.at)
            .await
            .unwrap()
            .rows;
        shown(&rows)
    }

    async fn chat_of_the_message(&self) {
        let chat = Chat {
            id: 7,
            contact_id: None,
            name: None,
            image_url: None,
            project_id: None,
            created_at: None,
            updated_at: self.at,
            extra: Json::empty_object(),
        };
        let listed = ListedChat {
            chat,
            contact: None,
            gates: Vec::new(),
            channels: Vec::new(),
        };
        let mut transaction = self.store.begin().await.unwrap();
        let rows = transaction
            .compare_chats(&[&listed], None, self.at)
            .await
            .unwrap()
            .rows;
        transaction.commit(self.batch(rows)).await.unwrap();
    }

    /// As [`Round::chat`].
    async fn message(&self, listed: &ListedMessage) -> String {
        self.chat_of_the_message().await;
        let (transaction, rows) = self.compared(listed).await;
        assert_eq!((rows.messages.len(), rows.attachments.len()), (1, 1));
        transaction.commit(self.batch(rows)).await.unwrap();
        shown(&self.compared(listed).await.1)
    }

    async fn compared(&self, listed: &ListedMessage) -> (Transaction, Rows) {
        let lookup = Lookup {
            chat_id: 7,
            stream: "messages/7".to_owned(),
            ids: vec![listed.message.id],
        };
        let (mut transaction, stored) = self.store.begin_page(lookup).await.unwrap();
        let comparison = transaction
            .compare_messages(7, &stored, &[listed], self.at)
            .await
            .unwrap();
        (transaction, comparison.rows)
    }
}

fn shown(rows: &Rows) -> String {
    if format!("{rows:?}") == format!("{:?}", Rows::default()) {
        return String::new();
    }
    format!("{rows:#?}")
}

/// Each round has a fresh file: few of them, each with many values.
fn runner() -> TestRunner {
    TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    })
}

#[test]
fn a_chat_is_read_as_it_was_written() {
    let runtime = Runtime::new().unwrap();
    let outcome = runner().run(&listed_chat(), |listed| {
        let differs = runtime.block_on(async { Round::new().await.chat(&listed).await });
        prop_assert_eq!(differs, "");
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn a_message_is_read_as_it_was_written() {
    let runtime = Runtime::new().unwrap();
    let outcome = runner().run(&listed_message(), |listed| {
        let differs = runtime.block_on(async { Round::new().await.message(&listed).await });
        prop_assert_eq!(differs, "");
        Ok(())
    });
    outcome.unwrap();
}
