//! The read-only client: what can be asked, how often a request is tried, what a refusal means.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono_tz::Tz;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::message::{Around, LastGate};
use super::transport::Reply;
use super::{chat, message, page, transport};
use crate::clock::{Clock, Timestamp};
use crate::model::{Account, ChatList, ListedChat, ListedMessage, Page, Reject, Window};
use crate::source::{Governor, RequestCounts, SourceError};

/// A page of 20 with the longest texts that messengers allow is far below this.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Tries of a request whose failure may pass.
const MOST_TRIES: u32 = 4;

/// The pause before the second try; each later one is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// What the client needs to know, checked by the caller.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The API's address with its version, such as `https://api.smartsender.com/v1`.
    pub base_url: Url,
    /// The zone of the platform's times that carry none.
    pub time_zone: Tz,
    /// The ceiling that the governor was made with; 0 for no pacing.
    pub requests_per_minute: u32,
    /// How long one request may take, its body included.
    pub request_timeout: Duration,
    /// Whether system messages are asked for too. That moves page boundaries: never change it within a walk.
    pub activities: bool,
}

/// An answer that is not a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// The server's clock when it answered (`Date`, whole seconds).
    pub date: Timestamp,
}

/// A client that can only read: every request it makes is a GET to the configured address.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    settings: Settings,
    token: SecretString,
    governor: Governor,
    clock: Clock,
    requests: AtomicU64,
    counts: RequestCounts,
    most_bytes: usize,
}

impl Client {
    /// A client for the account that `token` opens; all its requests pass `governor`.
    ///
    /// # Errors
    ///
    /// `Setup` if the token cannot stand in a header or the machine has no usable certificates.
    pub fn new(
        settings: Settings,
        token: SecretString,
        governor: Governor,
        clock: Clock,
    ) -> Result<Self, SourceError> {
        let http = transport::connect(&settings.base_url, settings.request_timeout, &token)?;
        Ok(Self {
            http,
            settings,
            token,
            governor,
            clock,
            requests: AtomicU64::new(0),
            counts: RequestCounts::default(),
            most_bytes: MOST_BYTES,
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

    /// From now on counts where another client has counted before.
    pub fn count_into(&mut self, counts: RequestCounts) {
        self.counts = counts;
    }

    /// Whose token it is (`GET /me`): the cheapest request there is.
    ///
    /// # Errors
    ///
    /// Any [`SourceError`].
    pub async fn account(&self) -> Result<Answer<Account>, SourceError> {
        self.get(&["me"], &[], |reply| {
            self.succeeded(reply)?;
            let date = reply.dated()?;
            let value = page::read_account(&reply.body)?;
            Ok(Answer { value, date })
        })
        .await
    }

    /// A page of a list of chats.
    ///
    /// # Errors
    ///
    /// Any [`SourceError`]; `Refused` if the window is.
    pub async fn chats(
        &self,
        list: ChatList,
        window: Window,
    ) -> Result<Page<ListedChat>, SourceError> {
        let mut query = paging(window);
        if let Some(state) = list.state() {
            query.push(("state", state.to_owned()));
        }
        if list == ChatList::Unread {
            query.push(("selector[name]", "unread".to_owned()));
        }
        let zone = self.settings.time_zone;
        self.get(&["chats"], &query, |reply| {
            self.succeeded(reply)?;
            page::read_list(&reply.body, window, reply.dated()?, |object, drift| {
                chat::read(object, zone, drift)
            })
        })
        .await
    }

    /// One chat by its id; nothing if this account has none of that id (400 or 404, both documented as that).
    ///
    /// After a merge of contacts the chat that comes may be another: compare its id.
    ///
    /// # Errors
    ///
    /// Any [`SourceError`] but `NotFound`.
    pub async fn chat(
        &self,
        id: i64,
    ) -> Result<Answer<Option<Result<ListedChat, Reject>>>, SourceError> {
        let zone = self.settings.time_zone;
        self.get(&["chats", &id.to_string()], &[], |reply| {
            let date = reply.dated()?;
            if matches!(reply.status, 400 | 404) {
                return Ok(Answer { value: None, date });
            }
            let value =
                page::read_object(&reply.body, |object, drift| chat::read(object, zone, drift))?;
            let value = Some(value);
            Ok(Answer { value, date })
        })
        .await
    }

    /// A page of the messages of one chat.
    ///
    /// # Errors
    ///
    /// Any [`SourceError`]; `NotFound` if this account has no such chat, `Refused` if the window is refused.
    pub async fn messages(
        &self,
        chat_id: i64,
        window: Window,
    ) -> Result<Page<ListedMessage>, SourceError> {
        let mut query = paging(window);
        if self.settings.activities {
            query.push(("activities", "1".to_owned()));
        }
        let zone = self.settings.time_zone;
        self.get(
            &["chats", &chat_id.to_string(), "messages"],
            &query,
            |reply| {
                self.succeeded(reply)?;
                let date = reply.dated()?;
                let around = Around {
                    chat_id,
                    zone,
                    date,
                };
                let mut last_gate = LastGate::default();
                page::read_list(&reply.body, window, date, |object, drift| {
                    message::read(object, around, &mut last_gate, drift)
                })
            },
        )
        .await
    }

    /// Asks and reads, again while that may help. `read` sees only answers with a success, and with
    /// 400 and 404.
    async fn get<T>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        read: impl Fn(&Reply) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let url = self.url(path, query);
        let mut tries = 1;
        loop {
            let error = match self.attempt(&url, &read).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if tries >= most_tries(&error) {
                return Err(error);
            }
            tracing::debug!(url.path = url.path(), tries, %error, "trying again");
            let seed = (self.clock.now().millis(), url.as_str(), tries);
            self.clock.sleep(pause(tries, seed)).await;
            tries += 1;
        }
    }

    async fn attempt<T>(
        &self,
        url: &Url,
        read: impl Fn(&Reply) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let slot = self.governor.admit().await?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let reply = transport::get(&self.http, url.clone(), self.most_bytes).await;
        let status = reply.as_ref().ok().map(|reply| reply.status);
        self.counts
            .count(kind(&self.settings.base_url, url), status);
        let reply = reply?;
        self.judge(&reply)?;
        let answer = read(&reply);
        // What could be read was no complaint.
        if answer.is_err() && speaks_of_a_lock(&reply) {
            return Err(self.lock(&reply));
        }
        drop(slot);
        self.governor.served();
        answer
    }
}

impl Client {
    /// Sorts out what is no answer to the question: locks, refusals, redirects, failures.
    fn judge(&self, reply: &Reply) -> Result<(), SourceError> {
        let status = reply.status;
        match status {
            423 | 429 => Err(self.lock(reply)),
            300..=399 => Err(SourceError::Redirected {
                to_host: reply.to_host.clone().unwrap_or_default(),
            }),
            401 | 403 => Err(SourceError::TokenRefused { status }),
            408 | 500.. => Err(SourceError::ServerFailed { status }),
            // A proxy's page must never be taken for the platform's word that a chat is gone.
            400 | 404 if !page::is_object(&reply.body) => Err(SourceError::Unreadable {
                why: format!("status {status} did not come from the platform's API"),
            }),
            200..=299 | 400 | 404 => Ok(()),
            _ => Err(self.refused(reply)),
        }
    }

    fn lock(&self, reply: &Reply) -> SourceError {
        let span = reply.lock_span().unwrap_or_else(|| {
            // The documented ladder, for which each lock counts that nothing was served after.
            self.governor.next_lock() + Duration::from_secs(1)
        });
        let until = self.clock.now().plus(span);
        self.governor.lock(until);
        let said = self.without_token(reply.said().message);
        tracing::debug!(lock.until = %until, said, "the source is locked");
        SourceError::Locked { until, said }
    }

    fn refused(&self, reply: &Reply) -> SourceError {
        let said = reply.said();
        SourceError::Refused {
            status: reply.status,
            code: said.code,
            message: self.without_token(said.message),
        }
    }

    /// The status of an answer that must be a success.
    fn succeeded(&self, reply: &Reply) -> Result<(), SourceError> {
        match reply.status {
            404 => Err(SourceError::NotFound {
                date: reply.dated()?,
            }),
            400 => Err(self.refused(reply)),
            _ => Ok(()),
        }
    }

    /// The platform may quote the token in its refusal.
    fn without_token(&self, message: String) -> String {
        match self.token.expose_secret() {
            "" => message,
            token => message.replace(token, "[token]"),
        }
    }

    fn url(&self, path: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.settings.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}
/// What is asked for, in a word: never an id.
fn kind(base: &Url, url: &Url) -> &'static str {
    let parts = |url: &Url| {
        let parts = url.path().split('/').filter(|part| !part.is_empty());
        parts.count()
    };
    match parts(url).saturating_sub(parts(base)) {
        3 => "messages",
        2 => "chat",
        _ if url.path().ends_with("/me") => "account",
        _ => "chats",
    }
}

fn paging(window: Window) -> Vec<(&'static str, String)> {
    vec![
        ("page", window.page.to_string()),
        ("limitation", window.limit.to_string()),
    ]
}

/// How often a request is tried in all that ends so.
fn most_tries(error: &SourceError) -> u32 {
    match error {
        SourceError::Unreachable(_)
        | SourceError::ServerFailed { .. }
        | SourceError::Unreadable { .. } => MOST_TRIES,
        // A complaint with the status of a success: perhaps a slip, perhaps meant.
        SourceError::Refused { status: 200, .. } => 2,
        _ => 1,
    }
}

/// The pause after the `tries`th try: doubling, and between half of that and all of it, so that
/// programs that failed together do not come back together. `seed` is what differs between them; chance of its
/// own would make a simulated history differ from one run to the next.
fn pause(tries: u32, seed: impl Hash) -> Duration {
    let whole = FIRST_PAUSE * 2_u32.pow(tries.min(8) - 1);
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    let random = hasher.finish() % 1000;
    let random = u32::try_from(random).unwrap_or_default();
    whole / 2 + whole * random / 2000
}

/// A lock may come with the status of a success.
fn speaks_of_a_lock(reply: &Reply) -> bool {
    let is_success = (200..=299).contains(&reply.status);
    is_success
        && page::complaint(&reply.body).is_some_and(|complaint| {
            matches!(complaint.code, Some(423 | 429))
                || complaint.message.starts_with("Too many requests")
        })
}

#[cfg(test)]
mod tests;
