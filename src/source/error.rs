//! Why a source gave no answer that can be used.

use crate::clock::Timestamp;
use crate::source::Locked;

/// Why a source gave no usable answer. No variant shows the token, or more of an address than its host.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The source takes no requests for a while. None was made if the lock was known before.
    #[error("ask the source: it takes no requests until {until} UTC ({said})")]
    Locked {
        /// When to ask again, on our clock.
        until: Timestamp,
        /// Its own words, cut.
        said: String,
    },
    /// The source does not accept the token (401, 403).
    #[error("get into the account: the source refused the token (status {status})")]
    TokenRefused {
        /// The HTTP status.
        status: u16,
    },
    /// There is no such object in this account (404, in the source's own form).
    #[error("find the object at the source")]
    NotFound {
        /// The server's clock when it said so.
        date: Timestamp,
    },
    /// The source understood the request and will not serve it.
    #[error("get an answer: the source refused the request (status {status}{}): {message}", coded(*code))]
    Refused {
        /// The HTTP status; 200 when the answer was only called a success.
        status: u16,
        /// The source's own code, if it gave one.
        code: Option<i64>,
        /// Its own words, cut.
        message: String,
    },
    /// No connection, no answer in time, or a connection that broke before the answer; after retries.
    #[error("reach the source: {}", innermost(.0))]
    Unreachable(#[source] reqwest::Error),
    /// The source failed (408, 5xx); after retries.
    #[error("get an answer: the source failed with status {status}")]
    ServerFailed {
        /// The HTTP status.
        status: u16,
    },
    /// An answer came and cannot be trusted or understood; after retries.
    #[error("read the source's answer: {why}")]
    Unreadable {
        /// What is wrong with it, without its contents.
        why: String,
    },
    /// The source points elsewhere. That is never followed: the token goes to the configured host only.
    #[error("get an answer: the source redirects to {to_host}")]
    Redirected {
        /// The host it points to.
        to_host: String,
    },
    /// The client could not be made.
    #[error("set up the connection: {why}")]
    Setup {
        /// What is wrong with the settings or the machine.
        why: String,
    },
}

impl SourceError {
    /// Whether the same request may succeed later with nothing changed on this side.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Locked { .. }
            | Self::Unreachable(_)
            | Self::ServerFailed { .. }
            | Self::Unreadable { .. } => true,
            Self::TokenRefused { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::Redirected { .. }
            | Self::Setup { .. } => false,
        }
    }

    /// What a user can do about it, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Locked { .. } => Some(
                "other programs share the token's budget: lower source.requests_per_minute if this comes back",
            ),
            Self::TokenRefused { .. } => {
                Some("make a new token in the project's settings and give it as CHATMIRROR_TOKEN")
            }
            Self::Unreachable(_) => {
                Some("check source.base_url, the network and its proxy, then try again")
            }
            Self::Unreadable { .. } | Self::Redirected { .. } => {
                Some("check that source.base_url is the platform's API and not a page or a proxy")
            }
            Self::ServerFailed { .. } => Some("the platform has trouble: try again later"),
            Self::NotFound { .. } | Self::Refused { .. } | Self::Setup { .. } => None,
        }
    }
}

impl From<Locked> for SourceError {
    fn from(locked: Locked) -> Self {
        Self::Locked {
            until: locked.until,
            said: "no request was made".to_owned(),
        }
    }
}

fn coded(code: Option<i64>) -> String {
    code.map_or_else(String::new, |code| format!(", code {code}"))
}

/// The last cause: reqwest's own words name the step that failed, not the reason.
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_fit_after_failed_to() {
        let until = Timestamp::from_millis(60_000).unwrap();
        let cases = [
            (
                SourceError::from(Locked { until }),
                "ask the source: it takes no requests until 1970-01-01 00:01:00.000 UTC (no request was made)",
            ),
            (
                SourceError::Refused {
                    status: 400,
                    code: Some(17),
                    message: "Maximum available limitation reached".to_owned(),
                },
                "get an answer: the source refused the request (status 400, code 17): Maximum available limitation reached",
            ),
            (
                SourceError::TokenRefused { status: 401 },
                "get into the account: the source refused the token (status 401)",
            ),
        ];
        for (error, text) in cases {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn only_what_may_pass_is_transient() {
        assert!(SourceError::ServerFailed { status: 502 }.is_transient());
        assert!(!SourceError::TokenRefused { status: 403 }.is_transient());
        assert!(SourceError::TokenRefused { status: 403 }.hint().is_some());
    }
}
