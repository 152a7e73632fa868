//! The rows that follow from objects: those that were shown, and bare ones for parents that never came.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::SqliteConnection;

use super::columns::Columns;
use super::objects::{Name, Objects};
use crate::clock::Timestamp;
use crate::model::{
    Attachment, Channel, Chat, Contact, File, Gate, Happening, Json, Message, Operator, Project,
    Sighting, Thing,
};
use crate::store::changes::{self, Change};
use crate::store::rows::{self, ChatRow, GateRow, MessageRow, Row, Write, differing};
use crate::store::{Rows, StoreError};

/// When things happened in chats: all that is known of a chat that never came.
#[derive(Debug, Default)]
pub(super) struct Moments(BTreeMap<i64, Timestamp>);

impl Moments {
    pub(super) fn of(happenings: &[Happening], sightings: &[Sighting]) -> Self {
        let told = happenings
            .iter()
            .map(|happening| (happening.event.chat_id, happening.event.created_at));
        let deeds = happenings.iter().flat_map(|happening| &happening.deeds);
        let messages = sightings.iter().chain(deeds).map(|seen| {
            let chat = seen.keys.get("chat_id").and_then(serde_json::Value::as_i64);
            let at = seen.keys.get("created_at");
            let at = at.and_then(|at| at.as_str()?.parse().ok());
            (chat.filter(|_| seen.thing == Thing::Message), at)
        });
        let mut moments = BTreeMap::new();
        for (chat, at) in told.chain(messages) {
            if let (Some(chat), Some(at)) = (chat, at) {
                let last = moments.entry(chat).or_insert(at);
                *last = at.max(*last);
            }
        }
        Self(moments)
    }

    /// Everything that is named or shown, whatever is believed of it.
    pub(super) fn named(&self, happenings: &[Happening], sightings: &[Sighting]) -> BTreeSet<Name> {
        let shown = sightings.iter().flat_map(|seen| {
            let itself = [(seen.thing, seen.id.clone())];
            seen.names.iter().cloned().chain(itself)
        });
        let told = happenings.iter().flat_map(|happening| {
            let deeds = happening.deeds.iter().flat_map(|deed| deed.names.clone());
            happening.names.iter().cloned().chain(deeds)
        });
        let chats = self.0.keys().map(|id| (Thing::Chat, id.to_string()));
        shown.chain(told).chain(chats).collect()
    }
}

/// Rows that differ from what is stored.
#[derive(Debug, Default)]
pub(super) struct Made {
    rows: Rows,
    projects: Vec<Write<Project>>,
    operators: Vec<Write<Operator>>,
    files: Vec<Write<File>>,
}

/// Ids of one thing that are to be looked at.
fn ids<T: std::str::FromStr>(thing: Thing, objects: &Objects, named: &BTreeSet<Name>) -> Vec<T> {
    let named = named
        .iter()
        .filter(|(other, _)| *other == thing)
        .map(|(_, id)| id.as_str());
    let all: BTreeSet<&str> = named.chain(objects.changed(thing)).collect();
    all.into_iter().filter_map(|id| id.parse().ok()).collect()
}

/// Makes the rows of a thing: from what was shown of it, else as they are stored, else bare.
macro_rules! make {
    ($thing:expr, $load:path, $objects:ident, $named:ident, $connection:ident) => {{
        let ids = ids($thing, $objects, $named);
        let stored = $load($connection, ids.iter().cloned()).await?;
        let mut made = Vec::new();
        for id in ids {
            let columns = match $objects.whole($thing, &id.to_string()) {
                Some(whole) => Columns::of(&whole),
                None if stored.contains_key(&id) => continue,
                None => Columns::default(),
            };
            made.push(with_id(columns, id).row()?);
        }
        differing(made, stored)
    }};
}

fn with_id(mut columns: Columns, id: impl Into<serde_json::Value>) -> Columns {
    columns.set("id", id);
    columns
}

impl Made {
    /// Makes them.
    pub(super) async fn of(
        connection: &mut SqliteConnection,
        objects: &Objects,
        named: &BTreeSet<Name>,
        moments: &Moments,
    ) -> Result<Self, StoreError> {
        let projects = make!(
            Thing::Project,
            rows::load_projects,
            objects,
            named,
            connection
        );
        let operators = make!(
            Thing::Operator,
            rows::load_operators,
            objects,
            named,
            connection
        );
        let files = make!(Thing::File, rows::load_files, objects, named, connection);
        let channels: Vec<Write<Channel>> = make!(
            Thing::Channel,
            rows::load_channels,
            objects,
            named,
            connection
        );
        let contacts: Vec<Write<Contact>> = make!(
            Thing::Contact,
            rows::load_contacts,
            objects,
            named,
            connection
        );
        let (chats, gates) = make_chats(connection, objects, named, moments).await?;
        let messages = make_messages(connection, objects, &gates).await?;
        let (attachments, gone_attachments) =
            make_attachments(connection, objects, &messages, &files).await?;
        Ok(Self {
            rows: Rows {
                channels,
                contacts,
                chats,
                gates,
                messages,
                attachments,
                gone_attachments,
            },
            projects,
            operators,
            files,
        })
    }

    /// Writes them, and tells what changed.
    pub(super) async fn write(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<Change>, StoreError> {
        let Self {
            rows,
            projects,
            operators,
            files,
        } = self;
        rows.write(connection).await?;
        let mut changes = rows.changes()?;
        macro_rules! write_table {
            ($rows:ident, $write:path) => {
                if !$rows.is_empty() {
                    $write(connection, $rows).await?;
                    for row in $rows {
                        changes.push(changes::written(row)?);
                    }
                }
            };
        }
        write_table!(projects, rows::write_projects);
        write_table!(operators, rows::write_operators);
        write_table!(files, rows::write_files);
        Ok(changes)
    }
}

/// Chats, each with its one gate. A chat that never came is as old as the last thing that happened in it.
async fn make_chats(
    connection: &mut SqliteConnection,
    objects: &Objects,
    named: &BTreeSet<Name>,
    moments: &Moments,
) -> Result<(Vec<Write<ChatRow>>, Vec<Write<GateRow>>), StoreError> {
    let ids: Vec<i64> = ids(Thing::Chat, objects, named);
    let stored = rows::load_chats(connection, ids.iter().copied()).await?;
    let stored_gates = rows::load_gates(connection, ids.iter().copied()).await?;
    let states = super::events::states(connection, &ids).await?;
    let (mut chats, mut gates) = (Vec::new(), Vec::new());
    for id in ids {
        let whole = objects.whole(Thing::Chat, &id.to_string());
        let whole = whole.unwrap_or_default();
        let mut columns = with_id(Columns::of(&whole), id);
        gates.push(GateRow {
            gate: Gate {
                chat_id: id,
                id,
                channel_id: columns.number("gate/channel_id"),
                subscribed: None,
                unread_messages: None,
                extra: Json::empty_object(),
            },
            removed_at: None,
        });
        if columns.text("updated_at").is_none() {
            let known = stored.get(&id).map(|row| row.chat.updated_at);
            let last = known.max(moments.0.get(&id).copied());
            let last = last.or_else(|| Timestamp::from_millis(0));
            columns.set("updated_at", last.map(|at| at.to_string()));
        }
        let chat: Chat = columns.row()?;
        chats.push(ChatRow {
            chat,
            state: whole.state(states.get(&id).copied()),
            missing_since: None,
            deleted_at: None,
        });
    }
    Ok((differing(chats, stored), differing(gates, stored_gates)))
}

/// Messages of which something new was seen, and those whose chat turns out to be in another channel.
async fn make_messages(
    connection: &mut SqliteConnection,
    objects: &Objects,
    gates: &[Write<GateRow>],
) -> Result<Vec<Write<MessageRow>>, StoreError> {
    let mut channels: HashMap<i64, Option<i64>> = HashMap::new();
    let moved: Vec<i64> = gates
        .iter()
        .inspect(|write| {
            channels.insert(write.row.gate.chat_id, write.row.gate.channel_id);
        })
        .filter(|write| write.before.is_some())
        .map(|write| write.row.gate.chat_id)
        .collect();
    let mut ids: BTreeSet<i64> = objects
        .changed(Thing::Message)
        .filter_map(|id| id.parse().ok())
        .collect();
    let moved = messages_of(connection, &moved).await?;
    ids.extend(&moved);
    let stored = rows::load_messages(connection, ids.iter().copied()).await?;
    let mut made: Vec<MessageRow> = Vec::new();
    for id in &ids {
        if let Some(whole) = objects.whole(Thing::Message, &id.to_string()) {
            let mut columns = with_id(Columns::of(&whole), *id);
            columns.set("edited_at", whole.edited_at.map(|at| at.to_string()));
            let missing = whole.missing();
            let deleted_at = whole.deleted_at.or(missing.gone);
            columns.set("deleted_at", deleted_at.map(|at| at.to_string()));
            // One whose chat nobody has told yet waits for that.
            if columns.number("chat_id").is_some() {
                made.push(MessageRow {
                    message: columns.row()?,
                    missing_since: missing.since,
                });
            }
        } else if let Some(row) = stored.get(id) {
            made.push(row.clone());
        }
    }
    let chats: BTreeSet<i64> = made.iter().map(|row| row.message.chat_id).collect();
    for (key, row) in rows::load_gates(connection, chats).await? {
        channels.entry(key.0).or_insert(row.gate.channel_id);
    }
    let made = made.into_iter().map(|row| MessageRow {
        message: Message {
            gate_id: Some(row.message.chat_id),
            channel_id: channels.get(&row.message.chat_id).copied().flatten(),
            ..row.message
        },
        ..row
    });
    Ok(differing(made, stored))
}

/// The one attachment of a message that names a file; what is told of the file may come later.
async fn make_attachments(
    connection: &mut SqliteConnection,
    objects: &Objects,
    messages: &[Write<MessageRow>],
    files: &[Write<File>],
) -> Result<(Vec<Write<Attachment>>, Vec<Attachment>), StoreError> {
    let ids = messages.iter().map(|write| write.row.message.id);
    let mut stored = rows::load_attachments(connection, ids).await?;
    let known: Vec<&str> = files.iter().map(|write| write.row.id.as_str()).collect();
    stored.extend(attachments_of(connection, &known).await?);
    let mut wanted: BTreeMap<i64, String> = stored
        .values()
        .filter_map(|row| Some((row.message_id, row.file_id.clone()?)))
        .collect();
    for write in messages {
        let id = write.row.message.id;
        // A message that was not shown now has the file that it had.
        if let Some(whole) = objects.whole(Thing::Message, &id.to_string()) {
            match Columns::of(&whole).text("file_id") {
                Some(file) => drop(wanted.insert(id, file.to_owned())),
                None => drop(wanted.remove(&id)),
            }
        }
    }
    let mut kinds: HashMap<String, Option<String>> =
        rows::load_files(connection, wanted.values().cloned())
            .await?
            .into_iter()
            .map(|(id, file)| (id, file.kind))
            .collect();
    for write in files {
        kinds.insert(write.row.id.clone(), write.row.kind.clone());
    }
    let gone = stored
        .values()
        .filter(|row| !wanted.contains_key(&row.message_id))
        .cloned()
        .collect();
    let made: Vec<Attachment> = wanted
        .into_iter()
        .map(|(message_id, file_id)| Attachment {
            message_id,
            position: 0,
            kind: kinds.get(&file_id).cloned().flatten(),
            url: None,
            caption: None,
            file_id: Some(file_id),
            extra: Json::empty_object(),
        })
        .collect();
    Ok((differing(made, stored), gone))
}

async fn messages_of(
    connection: &mut SqliteConnection,
    chats: &[i64],
) -> Result<Vec<i64>, StoreError> {
    if chats.is_empty() {
        return Ok(Vec::new());
    }
    let chats = serde_json::to_string(chats)?;
    let ids = sqlx::query_scalar!(
        "select id from messages where chat_id in (select value from json_each(?1))",
        chats
    )
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

async fn attachments_of(
    connection: &mut SqliteConnection,
    files: &[&str],
) -> Result<HashMap<(i64, i64), Attachment>, StoreError> {
    if files.is_empty() {
        return Ok(HashMap::new());
    }
    let files = serde_json::to_string(files)?;
    let rows = sqlx::query_as!(
        Attachment,
        r#"select message_id as "message_id!", position as "position!", kind, url, caption, file_id, extra as "extra: Json"
           from attachments
           where file_id in (select value from json_each(?1))"#,
        files
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key(), row)).collect())
}
