//! The client: the documented lists and the stream of events, and nothing that could change anything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::answer::{self, Key};
use super::list::{self, About, Listed};
use super::shapes::{CHANNEL, CHAT, MESSAGE};
use super::stream::Stream;
use crate::clock::{Clock, Timestamp};
use crate::config::Header;
use crate::model::ChatState;
use crate::source::{Governor, RequestCounts, SourceError};

/// Items of a page: the platform's own default.
pub(super) const PAGE: usize = 50;

/// Tries of a request whose failure may pass, and the pause before the second; each later one is twice the one before.
const MOST_TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// What the client needs to know, checked by the caller.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The installation's address, without `/api/v1`.
    pub base_url: Url,
    /// The HTTP header sent with every request.
    pub header: Header,
    /// How long one request may take, its body included; a stream takes as long as it takes.
    pub request_timeout: Duration,
}

/// A client that asks for lists and listens. Its POSTs carry what is asked for, as the platform wants it.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    listening: reqwest::Client,
    base_url: Url,
    governor: Governor,
    clock: Clock,
    requests: AtomicU64,
    counts: RequestCounts,
}

/// What is asked for.
struct Question<'a> {
    path: &'a [&'a str],
    query: Value,
    kind: &'static str,
}

impl Client {
    /// A client for the installation that `token` opens; its requests for lists pass `governor`.
    ///
    /// # Errors
    /// `Setup` if the token cannot stand in a header or the machine has no usable certificates.
    pub fn new(
        settings: Settings,
        token: &SecretString,
        governor: Governor,
        clock: Clock,
    ) -> Result<Self, SourceError> {
        let Header {
            name,
            before,
            behind,
        } = settings.header;
        let value = format!("{before}{}{behind}", token.expose_secret());
        let key: Key = (name, value.into());
        let base_url = settings.base_url;
        Ok(Self {
            http: answer::connect(&base_url, &key, Some(settings.request_timeout))?,
            listening: answer::connect(&base_url, &key, None)?,
            base_url,
            governor,
            clock,
            requests: AtomicU64::new(0),
            counts: RequestCounts::default(),
        })
    }

    /// How many requests were sent so far, those that failed included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// What was asked so far, by kind and status; goes on counting.
    #[must_use]
    pub fn counts(&self) -> RequestCounts {
        self.counts.clone()
    }

    /// A page of the channels.
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn channels(&self, offset: usize) -> Result<Listed, SourceError> {
        let question = Question {
            path: &["channels", "query"],
            query: json!({ "Limit": PAGE, "Offset": offset }),
            kind: "channels",
        };
        self.list(&question, self.about(&CHANNEL, "UpdatedAt", 0))
            .await
    }

    /// A page of a channel's chats, those that are open or the others. `as_of`: the last event that is known.
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn chats(
        &self,
        channel_id: i64,
        state: ChatState,
        offset: usize,
        as_of: i64,
    ) -> Result<Listed, SourceError> {
        let open = state == ChatState::Open;
        let question = Question {
            path: &["chats", "query_by_channel", &channel_id.to_string()],
            query: json!({ "Limit": PAGE, "Offset": offset, "Open": open }),
            kind: "chats",
        };
        let about = About {
            state: Some(state),
            ..self.about(&CHAT, "ChangedAt", as_of)
        };
        self.list(&question, about).await
    }

    /// A page of a chat's messages: the latest, or those up to `max_id`, which itself may be among them. `as_of`: the last event
    /// that is known.
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn messages(
        &self,
        chat_id: i64,
        max_id: Option<i64>,
        as_of: i64,
    ) -> Result<Listed, SourceError> {
        let mut query = json!({ "Limit": PAGE });
        if let Some(max_id) = max_id {
            query["MaxId"] = max_id.into();
        }
        let question = Question {
            path: &["chats", "messages", "query_by_chat", &chat_id.to_string()],
            query,
            kind: "messages",
        };
        self.list(&question, self.about(&MESSAGE, "CreatedAt", as_of))
            .await
    }

    /// Listens to a channel's events, from the one after `from_id`; without one, from now on.
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn listen(
        &self,
        channel_id: i64,
        from_id: Option<i64>,
    ) -> Result<Stream, SourceError> {
        let path = [
            "sse",
            "chats",
            "events",
            "listen_to_channel",
            &channel_id.to_string(),
        ];
        let mut url = self.url(&path);
        if let Some(from_id) = from_id {
            url.query_pairs_mut()
                .append_pair("FromId", &from_id.to_string());
        }
        let sent = self
            .listening
            .get(url)
            .header("Accept", "text/event-stream")
            .send();
        let response = match tokio::time::timeout(super::stream::SILENCE, sent).await {
            Ok(response) => response.map_err(answer::broken),
            Err(_) => Err(answer::unreadable("the stream did not begin in time")),
        };
        let status = response
            .as_ref()
            .ok()
            .map(|response| response.status().as_u16());
        self.note("stream", status);
        let response = response?;
        answer::judge(&response)?;
        Ok(Stream::new(response))
    }

    fn about(
        &self,
        shape: &'static super::shapes::Shape,
        moment: &'static str,
        as_of: i64,
    ) -> About {
        let at: Timestamp = self.clock.now();
        About {
            shape,
            moment,
            as_of,
            at,
            state: None,
        }
    }

    fn note(&self, kind: &'static str, status: Option<u16>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.counts.count(kind, status);
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        url
    }

    /// Asks, again while that may help.
    async fn list(&self, question: &Question<'_>, about: About) -> Result<Listed, SourceError> {
        let mut tries = 1;
        loop {
            match self.attempt(question, &about).await {
                Err(error) if error.is_transient() && tries < MOST_TRIES => {
                    tracing::debug!(question.kind, tries, %error, "trying again");
                    self.clock.sleep(FIRST_PAUSE * 2_u32.pow(tries - 1)).await;
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self, question: &Question<'_>, about: &About) -> Result<Listed, SourceError> {
        let slot = self.governor.admit().await?;
        let request = self
            .http
            .post(self.url(question.path))
            .header(CONTENT_TYPE, "application/json")
            .body(question.query.to_string());
        let response = request.send().await;
        let status = response
            .as_ref()
            .ok()
            .map(|response| response.status().as_u16());
        self.note(question.kind, status);
        let mut response = response.map_err(answer::broken)?;
        answer::judge(&response)?;
        let date = answer::date(&response);
        let body = answer::body(&mut response).await?;
        drop(slot);
        self.governor.served();
        answer::verdict(&body)?;
        let listed = list::read(&body, about)?;
        Ok(Listed { date, ..listed })
    }
}
