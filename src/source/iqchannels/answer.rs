//! What an installation answers: bounded in size and time, never followed elsewhere, and its own refusals told apart.

use std::time::Duration;

use reqwest::header::{DATE, HeaderName, HeaderValue, LOCATION};
use reqwest::{Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::super::drift::cut;
pub(super) use super::super::http::unreadable;
use super::super::http::{self, http_date, read_body, setup};
use crate::clock::Timestamp;
use crate::source::SourceError;

/// A page of fifty with the longest texts is far below this.
const MOST_BYTES: usize = 32 << 20;

/// The HTTP header sent with every request: its name, and its value with the token in it.
pub(super) type Key = (String, SecretString);

/// An HTTP client that sends the key with each request and follows no redirect; `timeout`: how long one may take in all.
pub(super) fn connect(
    base_url: &Url,
    key: &Key,
    timeout: Option<Duration>,
) -> Result<reqwest::Client, SourceError> {
    let cannot = || setup("repair.header and the token make no header");
    let name = HeaderName::from_bytes(key.0.as_bytes()).map_err(|_| cannot())?;
    let value = HeaderValue::from_str(key.1.expose_secret()).map_err(|_| cannot())?;
    http::connect(base_url, (name, value), timeout)
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
    http_date(response.headers().get(DATE)?.to_str().ok()?)
}

/// The whole body.
pub(super) async fn body(response: &mut Response) -> Result<String, SourceError> {
    read_body(response, MOST_BYTES, broken).await
}

pub(super) fn broken(error: reqwest::Error) -> SourceError {
    SourceError::Unreachable(error.without_url())
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
