//! The vendor's own published examples, served as they are.

use std::io;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::refusal::Refusal;
use super::request::{Question, Route};
use super::server::{self, Answer};
use crate::clock::Clock;

/// A page of chats and a single chat as somebody wrote them down; nobody says anything in them.
///
/// The page is the whole list: its `cursor.pages` is made 1, everything else stays byte for byte the same.
#[derive(Clone, Debug)]
pub struct Published {
    page: String,
    items: Vec<Item>,
    single: Item,
    clock: Clock,
}

#[derive(Clone, Debug)]
struct Item {
    id: i64,
    text: String,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    collection: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Identified {
    id: i64,
}

impl Published {
    /// Takes the two bodies: a page of `/chats` and a `/chats/{id}`.
    ///
    /// # Errors
    ///
    /// When one of them is not such a body.
    pub fn new(chats_page: &str, chat: &str, clock: Clock) -> Result<Self, serde_json::Error> {
        let read: Page = serde_json::from_str(chats_page)?;
        let items = read.collection.iter().map(|item| Item::read(item.get()));
        Ok(Self {
            items: items.collect::<Result<_, _>>()?,
            single: Item::read(chat)?,
            page: with_one_page(chats_page),
            clock,
        })
    }

    /// Serves them under `/v1` until `shutdown`, to whoever brings any token.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
        server::serve(listener, shutdown, move |question| {
            let (status, text) = match self.answer(&question) {
                Ok(text) => (200, text),
                Err(refusal) => (refusal.status, refusal.envelope().to_string()),
            };
            std::future::ready(Answer::json(status, text, self.clock.now()))
        })
        .await
    }

    /// Serves them in the background on a free port of this machine, and says the base address.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn spawn(&self, shutdown: CancellationToken) -> io::Result<String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base = server::base_url(listener.local_addr()?);
        tokio::spawn(self.clone().serve(listener, shutdown));
        Ok(base)
    }

    fn answer(&self, question: &Question) -> Result<String, Refusal> {
        if question.method != "GET" {
            return Err(Refusal::new(405, "Method not allowed"));
        }
        if question.token.is_none() {
            return Err(Refusal::new(401, "Unauthenticated"));
        }
        let page = question.page().unwrap_or(1).max(1);
        match question.route {
            Route::Me => Ok(me()),
            // All of them are open: the examples do not say, and a chat stands in one list only.
            Route::Chats if question.parameter("state") == Some("closed") => Ok(list(page, 0, &[])),
            Route::Chats => Ok(self.chats(page, question)),
            Route::Chat(id) => {
                let mut known = std::iter::once(&self.single).chain(&self.items);
                let found = known.find(|item| item.id == id);
                found
                    .map(|item| item.text.clone())
                    .ok_or_else(Refusal::not_found)
            }
            Route::Contact(_) | Route::Nowhere => Err(Refusal::not_found()),
            _ => Ok(list(page, 0, &[])),
        }
    }

    /// The page itself, unless fewer items are asked for than it holds.
    fn chats(&self, page: usize, question: &Question) -> String {
        let limitation = question
            .parameter("limitation")
            .and_then(|text| text.parse().ok());
        let limitation = limitation.unwrap_or(20).max(1);
        if page == 1 && limitation >= self.items.len() {
            return self.page.clone();
        }
        let pages = self.items.len().div_ceil(limitation);
        let shown = self
            .items
            .chunks(limitation)
            .nth(page - 1)
            .unwrap_or_default();
        list(page, pages, shown)
    }
}

impl Item {
    fn read(text: &str) -> Result<Self, serde_json::Error> {
        let Identified { id } = serde_json::from_str(text)?;
        let text = text.to_owned();
        Ok(Self { id, text })
    }
}

fn me() -> String {
    json!({ "id": 1, "name": "Published", "photo": null, "timezone": "UTC", "identifier": "published" }).to_string()
}

fn list(page: usize, pages: usize, items: &[Item]) -> String {
    let items: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
    let cursor = json!({ "page": page, "pages": pages });
    format!(
        "{{\"cursor\":{cursor},\"collection\":[{}]}}",
        items.join(",")
    )
}

/// The same text with 1 in the place of the first number after `"pages"`.
fn with_one_page(text: &str) -> String {
    let Some((before, after)) = text.split_once("\"pages\"") else {
        return text.to_owned();
    };
    let digits = |letter: char| letter.is_ascii_digit();
    let start = after.find(digits).unwrap_or(after.len());
    let (colon, number) = after.split_at(start);
    let rest = number.trim_start_matches(digits);
    format!("{before}\"pages\"{colon}1{rest}")
}
