//! Search in the messages: the index finds, and the best of the newest finds come first.

mod words;

use serde::Serialize;

use self::words::Words;
use super::{Reader, Store, StoreError};
use crate::clock::Timestamp;
use crate::model::Direction;

/// Among so many of the newest finds the best are looked for: what is older fits no better for it.
const CANDIDATES: i64 = 1000;

/// What is searched for, and where.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The words, as a person types them.
    pub query: String,
    /// Only in this chat.
    pub chat: Option<i64>,
    /// Only what went through a channel with this id, type or name.
    pub channel: Option<String>,
    /// Only what was written at this moment or later.
    pub since: Option<Timestamp>,
    /// Only what went this way.
    pub direction: Option<Direction>,
    /// At most so many messages.
    pub limit: usize,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Its id.
    pub message_id: i64,
    /// Its chat.
    pub chat_id: i64,
    /// The chat's name.
    pub chat_name: Option<String>,
    /// The type of the channel that it went through.
    pub channel_type: Option<String>,
    /// When it was written.
    pub created_at: Option<Timestamp>,
    /// Which way it went.
    pub direction: Option<Direction>,
    /// Who wrote it.
    pub sender_name: Option<String>,
    /// What surrounds the first find, with every find in brackets.
    pub snippet: String,
    /// How well it fits: 3 for a whole word, 2 for the beginning of one, 1 for a part, added up.
    pub score: u32,
    /// The whole text.
    pub text: String,
}

impl Store {
    /// Keeps the index from now on, or keeps none. An index that is new is filled with what is stored.
    ///
    /// # Errors
    /// Whatever SQLite says; then all is as before.
    pub async fn keep_index(&self, wanted: bool) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let connection = transaction.connection().await?;
        let kept = sqlx::query_scalar!("select search from report_settings")
            .fetch_one(&mut *connection)
            .await?;
        if kept == wanted {
            return Ok(());
        }
        sqlx::query!("update report_settings set search = ?1", wanted)
            .execute(&mut *connection)
            .await?;
        let order = if wanted { "rebuild" } else { "delete-all" };
        sqlx::query!("insert into messages_fts (messages_fts) values (?1)", order)
            .execute(&mut *connection)
            .await?;
        transaction.keep().await
    }
}

impl Reader {
    /// The messages that hold all the words: the best first, of equal ones the newest.
    ///
    /// # Errors
    /// [`StoreError::NoIndex`], [`StoreError::ShortQuery`] if no word has three characters, or whatever SQLite says.
    pub async fn search(&self, search: &Search) -> Result<Vec<Found>, StoreError> {
        let words = Words::of(&search.query);
        let question = words.question().ok_or(StoreError::ShortQuery)?;
        let kept = sqlx::query_scalar!("select search from report_settings")
            .fetch_one(&self.pool)
            .await?;
        if !kept {
            return Err(StoreError::NoIndex);
        }
        let candidates = self.candidates(&question, search).await?;
        let mut found: Vec<Found> = candidates
            .into_iter()
            .filter_map(|mut found| {
                let hit = words.find(&found.text)?;
                found.snippet = hit.snippet(&found.text);
                found.score = hit.score;
                Some(found)
            })
            .collect();
        // They come newest first, and the sort keeps that among equals.
        found.sort_by_key(|found| std::cmp::Reverse(found.score));
        found.truncate(search.limit);
        Ok(found)
    }

    async fn candidates(&self, question: &str, search: &Search) -> Result<Vec<Found>, StoreError> {
        let candidates = sqlx::query!(
            r#"select messages.id as "message_id!: i64", messages.chat_id as "chat_id!: i64",
                      coalesce(chats.name, contacts.name) as "chat_name?: String", channels.type as "channel_type?: String",
                      messages.created_at as "created_at: Timestamp", messages.direction as "direction: Direction",
                      messages.sender_name as "sender_name?: String", messages.text as "text!: String"
               from messages_fts
               join messages on messages.id = messages_fts.rowid
               join chats on chats.id = messages.chat_id
               left join contacts on contacts.id = chats.contact_id
               left join channels on channels.id = messages.channel_id
               where messages_fts match ?1
                   and (?2 is null or messages.chat_id = ?2)
                   and (?3 is null or ?3 in (cast(channels.id as text), channels.type, channels.name))
                   and (?4 is null or messages.created_at >= ?4)
                   and (?5 is null or messages.direction = ?5)
               order by messages_fts.rowid desc
               limit ?6"#,
            question,
            search.chat,
            search.channel,
            search.since,
            search.direction,
            CANDIDATES
        )
        .map(|row| Found {
            message_id: row.message_id,
            chat_id: row.chat_id,
            chat_name: row.chat_name,
            channel_type: row.channel_type,
            created_at: row.created_at,
            direction: row.direction,
            sender_name: row.sender_name,
            snippet: String::new(),
            score: 0,
            text: row.text,
        })
        .fetch_all(&self.pool)
        .await?;
        Ok(candidates)
    }
}
