//! What an installation answers: bounded in size and time, never followed elsewhere, and its own refusals told apart.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::super::drift::cut;
use crate::clock::Timestamp;
use crate::source::SourceError;

const USER_AGENT: &str = concat!(
    "chatmirror/",
    env!("CARGO_PKG_VERSION"),
    " (+read-only mirror)"
);

/// Longer than any network that is worth using takes to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A page of fifty with the longest texts is far below this.
const MOST_BYTES: usize = 32 << 20;

/// The header that lets in: its name, and its value with the token in it.
pub(super) type Key = (String, SecretString);

/// An HTTP client that sends the key with each request and follows no redirect; `timeout`: how long one may take in all.
pub(super) fn connect(
    base_url: &Url,
    key: &Key,
    timeout: Option<Duration>,
) -> Result<reqwest::Client, SourceError> {
    // Fails only if the program has installed one already, which then is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cannot = || setup("repair.header and the token make no header");
    let name = HeaderName::from_bytes(key.0.as_bytes()).map_err(|_| cannot())?;
    let mut value = HeaderValue::from_str(key.1.expose_secret()).map_err(|_| cannot())?;
    value.set_sensitive(true);
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(HeaderMap::from_iter([(name, value)]))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .gzip(timeout.is_some());
    if let Some(timeout) = timeout {
        builder = builder.timeout(timeout);
    }
    // In plain text the token must not leave the machine by way of a proxy.
    if base_url.scheme() != "https" {
        builder = builder.no_proxy();
    }
    let client = builder.build();
    client.map_err(|error| setup(&error.without_url().to_string()))
}

fn setup(why: &str) -> SourceError {
    SourceError::Setup {
        why: why.to_owned(),
    }
}

/// Sorts out answers that are none, by their status.
pub(super) fn judge(response: &Response) -> Result<(), SourceError> {
    let status = response.status().as_u16();
    match status {
        200..=299 => Ok(()),
        300..=399 => {
            let target = response.headers().get(LOCATION);
            let target = target.and_then(|target| Url::parse(target.to_str().ok()?).ok());
            let host = target.and_then(|url| url.host_str().map(str::to_owned));
            Err(SourceError::Redirected {
                to_host: host.unwrap_or_else(|| "another path".to_owned()),
            })
        }
        401 | 403 => Err(SourceError::TokenRefused { status }),
        408 | 423 | 429 | 500.. => Err(SourceError::ServerFailed { status }),
        status => Err(SourceError::Refused {
            status,
            code: None,
            message: "no reason given".to_owned(),
        }),
    }
}

/// The server's clock, if it told.
pub(super) fn date(response: &Response) -> Option<Timestamp> {
    let text = response.headers().get(DATE)?.to_str().ok()?;
    let moment = httpdate::parse_http_date(text).ok()?;
    let millis = moment.duration_since(UNIX_EPOCH).ok()?.as_millis();
    Timestamp::from_millis(i64::try_from(millis).ok()?)
}

/// The whole body.
pub(super) async fn body(response: &mut Response) -> Result<String, SourceError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(unreadable("it is longer than any page can be"));
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| unreadable("it is no UTF-8"))
}

pub(super) fn broken(error: reqwest::Error) -> SourceError {
    SourceError::Unreachable(error.without_url())
}

pub(super) fn unreadable(why: &str) -> SourceError {
    SourceError::Unreadable {
        why: why.to_owned(),
    }
}

/// What the platform says of its own success.
#[derive(Deserialize)]
struct Verdict {
    #[serde(rename = "OK")]
    ok: Option<bool>,
    #[serde(rename = "Error")]
    error: Option<Complaint>,
}

#[derive(Deserialize)]
struct Complaint {
    #[serde(rename = "Code")]
    code: Option<serde_json::Value>,
}

/// The platform's own refusal comes as a success of HTTP. Of its words only the code is told: the text may speak of people.
pub(super) fn verdict(body: &str) -> Result<(), SourceError> {
    let verdict: Verdict =
        serde_json::from_str(body).map_err(|_| unreadable("it is not the platform's envelope"))?;
    if verdict.ok == Some(true) {
        return Ok(());
    }
    if verdict.ok.is_none() {
        return Err(unreadable("it does not say whether it is OK"));
    }
    let code = verdict.error.and_then(|error| error.code);
    let code = code
        .as_ref()
        .and_then(|code| code.as_str())
        .unwrap_or("none");
    Err(match code {
        "unauthorized" | "forbidden" => SourceError::TokenRefused { status: 200 },
        "internal_server_error" => SourceError::ServerFailed { status: 200 },
        code => SourceError::Refused {
            status: 200,
            code: None,
            message: format!("its code is {}", cut(code, 40)),
        },
    })
}
