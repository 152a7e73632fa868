//! What both platforms' clients are made of: bounded in size and time, never followed elsewhere.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, Url, redirect};

use super::SourceError;
use crate::clock::Timestamp;

const USER_AGENT: &str = concat!(
    "chatmirror/",
    env!("CARGO_PKG_VERSION"),
    " (+read-only mirror)"
);

/// Longer than any network that is worth using takes to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes an HTTP client that sends `key` with each request, never shows its value and follows no redirect. `timeout`: how long one
/// request may take, its body included; without one it is a stream, which comes as it is.
///
/// # Errors
///
/// `Setup` if the machine has no usable certificates.
pub(super) fn connect(
    base_url: &Url,
    (name, mut value): (HeaderName, HeaderValue),
    timeout: Option<Duration>,
) -> Result<reqwest::Client, SourceError> {
    // Fails only if the program has installed one already, which then is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    value.set_sensitive(true);
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(HeaderMap::from_iter([(name, value)]))
        .redirect(redirect::Policy::none())
        // What is sent again is another request, and takes its turn like one.
        .retry(reqwest::retry::never())
        .connect_timeout(timeout.map_or(CONNECT_TIMEOUT, |timeout| timeout.min(CONNECT_TIMEOUT)))
        .gzip(timeout.is_some());
    let builder = match timeout {
        Some(timeout) => builder.timeout(timeout),
        None => builder,
    };
    // In plain text the token must not leave the machine by way of a proxy.
    let builder = match base_url.scheme() {
        "https" => builder,
        _ => builder.no_proxy(),
    };
    builder
        .build()
        .map_err(|error| setup(&error.without_url().to_string()))
}

/// Reads at most `most_bytes` of the body, counted after decompression; `broken` says what a body that breaks off is.
///
/// # Errors
///
/// `Unreadable` if it is too long or no text.
pub(super) async fn read_body(
    response: &mut Response,
    most_bytes: usize,
    broken: fn(reqwest::Error) -> SourceError,
) -> Result<String, SourceError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > most_bytes {
            return Err(unreadable("it is longer than any page can be"));
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| unreadable("it is no UTF-8"))
}

/// The moment that an HTTP header tells.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    let moment: SystemTime = httpdate::parse_http_date(text).ok()?;
    let millis = moment.duration_since(UNIX_EPOCH).ok()?.as_millis();
    Timestamp::from_millis(i64::try_from(millis).ok()?)
}

pub(super) fn setup(why: &str) -> SourceError {
    SourceError::Setup {
        why: why.to_owned(),
    }
}

pub(super) fn unreadable(why: &str) -> SourceError {
    SourceError::Unreadable {
        why: why.to_owned(),
    }
}
