//! One request and its raw answer: bounded in size and time, never followed elsewhere.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};

use super::super::drift::cut;
use super::super::http::{self, http_date, read_body, setup, unreadable};
use super::page;
use crate::clock::Timestamp;
use crate::source::SourceError;

/// No lock is believed that is longer than this.
const LONGEST_LOCK: Duration = Duration::from_hours(24);

/// The part of the answer that all kinds of answers have.
pub(super) struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The server's clock, if it told.
    pub date: Option<Timestamp>,
    /// `Retry-After`, if it was there, as a span from the server's own moment.
    pub retry_after: Option<Duration>,
    /// The host that a redirect points to.
    pub to_host: Option<String>,
    /// The body, decoded.
    pub body: String,
}

/// Makes the HTTP client: it sends `token` with each request and follows no redirect.
///
/// # Errors
///
/// `Setup` if the token cannot stand in a header or the machine has no usable certificates.
pub(super) fn connect(
    base_url: &Url,
    request_timeout: Duration,
    token: &SecretString,
) -> Result<reqwest::Client, SourceError> {
    let bearer = format!("Bearer {}", token.expose_secret());
    let bearer = HeaderValue::from_str(&bearer)
        .map_err(|_| setup("the token has characters that a header cannot carry"))?;
    http::connect(base_url, (AUTHORIZATION, bearer), Some(request_timeout))
}

/// Asks for `url` and reads at most `most_bytes` of the body, counted after decompression.
///
/// # Errors
///
/// `Unreachable` without an answer in time, `Unreadable` if the body is cut, too long or no text.
pub(super) async fn get(
    http: &reqwest::Client,
    url: Url,
    most_bytes: usize,
) -> Result<Reply, SourceError> {
    let own_host = url.host_str().unwrap_or_default().to_owned();
    let response = http.get(url).send().await;
    let mut response = response.map_err(|error| SourceError::Unreachable(error.without_url()))?;
    let headers = response.headers();
    let date = text_of(headers, DATE.as_str()).and_then(http_date);
    let reply = Reply {
        status: response.status().as_u16(),
        date,
        retry_after: text_of(headers, RETRY_AFTER.as_str())
            .and_then(|text| retry_after(text, date)),
        to_host: text_of(headers, LOCATION.as_str()).map(|target| host_of(target, own_host)),
        body: String::new(),
    };
    let is_success = response.status().is_success();
    let body = match read_body(&mut response, most_bytes, broken_body).await {
        // Of a refusal the status says enough; its words may be cut.
        Err(_) if !is_success => String::new(),
        body => body?,
    };
    Ok(Reply { body, ..reply })
}

fn broken_body(error: reqwest::Error) -> SourceError {
    if error.is_timeout() {
        return SourceError::Unreachable(error.without_url());
    }
    unreadable("it broke off before its end")
}

impl Reply {
    /// The server's clock.
    ///
    /// # Errors
    ///
    /// `Unreadable` if it did not tell: what a page proves, it proves as of that moment.
    pub fn dated(&self) -> Result<Timestamp, SourceError> {
        self.date.ok_or_else(|| unreadable("it has no Date header"))
    }

    /// What the source said in refusing, for a person.
    pub fn said(&self) -> page::Complaint {
        page::complaint(&self.body).unwrap_or_else(|| page::Complaint {
            code: None,
            message: match self.body.trim() {
                "" => "no reason given".to_owned(),
                html if html.starts_with('<') => "a page of HTML".to_owned(),
                text => cut(text, 200),
            },
        })
    }

    /// How long the source says that it takes no requests, by its header or in its words, and a
    /// second more. Nothing if it does not say.
    pub fn lock_span(&self) -> Option<Duration> {
        let told = self.retry_after.or_else(|| span_in(&self.body))?;
        Some(told.min(LONGEST_LOCK) + Duration::from_secs(1))
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Seconds, or a date on the server's clock.
fn retry_after(text: &str, date: Option<Timestamp>) -> Option<Duration> {
    match text.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(http_date(text)?.since(date.unwrap_or_else(Timestamp::now))),
    }
}

/// The span in `Please, try again in 120 seconds`.
fn span_in(text: &str) -> Option<Duration> {
    let text = text.to_ascii_lowercase();
    let (_, rest) = text.split_once("again in ")?;
    let digits = rest.find(|char: char| !char.is_ascii_digit())?;
    let number: u64 = rest[..digits].parse().ok()?;
    let unit = if rest[digits..].trim_start().starts_with("minute") {
        60
    } else {
        1
    };
    Some(Duration::from_secs(number.saturating_mul(unit)))
}

fn host_of(target: &str, own_host: String) -> String {
    let absolute = Url::parse(target).ok();
    absolute
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or(own_host)
}
