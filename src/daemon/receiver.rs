//! The receiver of pushed events: a delivery is acknowledged once it is in the file, and not before.
//!
//! Deliveries that come while others are being written share the next transaction.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::StreamExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::mailbox::Mailbox;
use super::trouble::Trouble;
use crate::clock::Timestamp;
use crate::pass::{Parcel, Receipt};

/// The longest body that is taken.
const LONGEST_BODY: usize = 1 << 20;

/// Of a body that is too long, so much is kept.
const KEPT: usize = 16 << 10;

/// Bodies on their way into the file take no more room than this, in kibibytes. What is read of them takes up to ten times as much.
const ROOM_KIB: usize = 8 << 10;

/// Deliveries that may wait to be written.
const MOST_WAITING: usize = 1024;

/// Deliveries that may share a transaction.
const MOST_TOGETHER: usize = 256;

/// A body must have come by then.
const PATIENCE: Duration = Duration::from_secs(10);

/// A delivery waits so long for room, then it is sent back.
const WAIT_FOR_ROOM: Duration = Duration::from_secs(1);

/// When to come again, in seconds.
const AGAIN_SOON: &str = "1";
const AGAIN_LATER: &str = "10";

/// What senders must bring; it may be changed while they come.
pub(super) type Secret = Arc<RwLock<Option<SecretString>>>;

/// A delivery, and where its sender waits for the answer.
type Waiting = (Parcel, oneshot::Sender<Answer>);

/// What became of a delivery.
#[derive(Clone, Debug)]
enum Answer {
    TakenIn,
    Refused(String),
    NotNow,
}

/// What was received since the start.
#[derive(Debug, Default)]
pub(super) struct Received {
    deliveries: AtomicU64,
    last_at: AtomicI64,
    /// Why deliveries are sent back at present, and since when.
    failing: Mutex<Option<String>>,
}

impl Received {
    fn note(&self, deliveries: usize, at: Timestamp) {
        self.deliveries
            .fetch_add(deliveries as u64, Ordering::Relaxed);
        self.last_at.store(at.millis(), Ordering::Relaxed);
    }

    fn fails(&self, failing: Option<String>) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = failing;
    }

    /// Why deliveries are sent back at present, and since when; nothing if they are not.
    pub(super) fn failing(&self) -> Option<String> {
        let failing = self.failing.lock();
        failing.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// In words, for who looks after the service.
    pub(super) fn in_words(&self) -> String {
        if let Some(failing) = self.failing() {
            return format!("sending deliveries back: {failing}");
        }
        let deliveries = self.deliveries.load(Ordering::Relaxed);
        let last_at = Timestamp::from_millis(self.last_at.load(Ordering::Relaxed));
        match last_at.filter(|_| deliveries > 0) {
            Some(at) => {
                format!("receiving: {deliveries} deliveries taken in, the last at {at} UTC")
            }
            None => "receiving: nothing has come yet".to_owned(),
        }
    }
}

/// The side that senders meet.
#[derive(Debug)]
struct Counter {
    secret: Secret,
    room: Arc<Semaphore>,
    queue: mpsc::Sender<Waiting>,
}

/// The side that writes.
#[derive(Debug)]
pub(super) struct Desk(mpsc::Receiver<Waiting>);

/// A receiver at `path`: what answers there, and what must run beside it.
pub(super) fn receiver(path: &str, secret: Secret) -> (Router, Desk) {
    let (queue, waiting) = mpsc::channel(MOST_WAITING);
    let counter = Counter {
        secret,
        room: Arc::new(Semaphore::new(ROOM_KIB)),
        queue,
    };
    let router = Router::new()
        .route(path, post(receive))
        .with_state(Arc::new(counter));
    (router, Desk(waiting))
}

async fn receive(State(counter): State<Arc<Counter>>, request: Request) -> Response {
    let admitted = {
        let secret = counter
            .secret
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        admits(secret.as_ref(), request.headers())
    };
    if !admitted {
        let asks = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (
            StatusCode::UNAUTHORIZED,
            asks,
            "the secret is missing or wrong\n",
        )
            .into_response();
    }
    let declared = length(request.headers());
    if declared.is_some_and(|length| length > LONGEST_BODY) {
        return too_long();
    }
    let wanted = declared.unwrap_or(LONGEST_BODY).div_ceil(1024).max(1);
    let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
    let room = Arc::clone(&counter.room).acquire_many_owned(wanted);
    let Ok(Ok(mut room)) = tokio::time::timeout(WAIT_FOR_ROOM, room).await else {
        return not_now(AGAIN_SOON);
    };
    let body = tokio::time::timeout(PATIENCE, gathered(request.into_body()));
    let (body, whole) = match body.await {
        Ok(Ok(gathered)) => gathered,
        Ok(Err(_)) => return (StatusCode::BAD_REQUEST, "the body broke off\n").into_response(),
        Err(_) => {
            let close = [(header::CONNECTION, "close")];
            let words = "the body did not come in time\n";
            return (StatusCode::REQUEST_TIMEOUT, close, words).into_response();
        }
    };
    // Who did not say how long it is got room for the longest.
    let spare = room.num_permits() - body.len().div_ceil(1024).clamp(1, room.num_permits());
    drop(room.split(spare));
    let parcel = Parcel { body, origin: None };
    let (answer, answered) = oneshot::channel();
    if counter.queue.try_send((parcel, answer)).is_err() {
        return not_now(AGAIN_SOON);
    }
    match answered.await {
        Ok(Answer::TakenIn) => (StatusCode::OK, "taken in\n").into_response(),
        Ok(Answer::Refused(_)) if !whole => too_long(),
        Ok(Answer::Refused(why)) => {
            (StatusCode::BAD_REQUEST, format!("set aside: {why}\n")).into_response()
        }
        Ok(Answer::NotNow) | Err(_) => not_now(AGAIN_LATER),
    }
}

fn too_long() -> Response {
    let close = [(header::CONNECTION, "close")];
    let words = format!("a body may have {LONGEST_BODY} bytes\n");
    (StatusCode::PAYLOAD_TOO_LARGE, close, words).into_response()
}

fn not_now(again: &'static str) -> Response {
    let again = [(header::RETRY_AFTER, again)];
    let words = "not now: come again\n";
    (StatusCode::SERVICE_UNAVAILABLE, again, words).into_response()
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// The body, and whether that is all of it: of one that is too long, the beginning.
async fn gathered(body: Body) -> Result<(Vec<u8>, bool), axum::Error> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk?);
        if bytes.len() > LONGEST_BODY {
            bytes.truncate(KEPT);
            return Ok((bytes, false));
        }
    }
    Ok((bytes, true))
}

/// Whether the request brings the secret, if one is asked for.
fn admits(secret: Option<&SecretString>, headers: &HeaderMap) -> bool {
    let Some(secret) = secret else {
        return true;
    };
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, word) = value.as_bytes().split_at_checked("Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then_some(word)
    });
    let plain = headers
        .get("X-Chatmirror-Secret")
        .map(HeaderValue::as_bytes);
    let secret = secret.expose_secret().as_bytes();
    [bearer, plain]
        .into_iter()
        .flatten()
        .any(|word| is_same(secret, word))
}

/// Compares in a time that depends on the length of what was offered only.
fn is_same(secret: &[u8], offered: &[u8]) -> bool {
    let mut differs = secret.len() ^ offered.len();
    for (place, byte) in offered.iter().enumerate() {
        let byte_of_secret = secret[place % secret.len().max(1)];
        differs |= usize::from(std::hint::black_box(byte_of_secret ^ byte));
    }
    std::hint::black_box(differs) == 0
}

impl Desk {
    /// Writes what waits, until nobody can come any more.
    pub(super) async fn work(mut self, mailbox: &Mailbox, received: &Received) {
        let mut waiting = Vec::new();
        let mut trouble = Trouble::none(Duration::ZERO);
        while self.0.recv_many(&mut waiting, MOST_TOGETHER).await > 0 {
            let (parcels, answers): (Vec<Parcel>, Vec<_>) = waiting.drain(..).unzip();
            let outcome = mailbox.take_in(&parcels).await;
            let given = match outcome {
                Ok(Receipt { refused, .. }) => {
                    received.note(parcels.len(), mailbox.now());
                    if received.failing().is_some() {
                        trouble.is_over(mailbox.now());
                        received.fails(None);
                    }
                    let mut given = vec![Answer::TakenIn; parcels.len()];
                    for (place, why) in refused {
                        tracing::warn!(why, "a delivery was set aside");
                        given[place] = Answer::Refused(why);
                    }
                    given
                }
                Err(error) => {
                    let words =
                        "deliveries could not be taken in; their senders are asked to come again";
                    trouble.met(&error, error.hint(), false, words, mailbox.now());
                    received.fails(trouble.in_words());
                    vec![Answer::NotNow; parcels.len()]
                }
            };
            for (answer, given) in answers.into_iter().zip(given) {
                // A sender that has gone will send it again.
                let _ = answer.send(given);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn only_the_secret_is_admitted() {
        let secret = SecretString::from("s3cret");
        let admits = |headers: &HeaderMap| super::admits(Some(&secret), headers);
        assert!(admits(&headers("authorization", "Bearer s3cret")));
        assert!(admits(&headers("authorization", "bearer s3cret")));
        assert!(admits(&headers("x-chatmirror-secret", "s3cret")));
        for wrong in ["", "s", "s3cre", "s3crets", "s3crets3cret", "S3CRET"] {
            assert!(!admits(&headers("x-chatmirror-secret", wrong)), "{wrong}");
            let bearer = format!("Bearer {wrong}");
            assert!(!admits(&headers("authorization", &bearer)), "{wrong}");
        }
        assert!(!admits(&headers("authorization", "Basic s3cret")));
        assert!(!admits(&HeaderMap::new()));
        assert!(super::admits(None, &HeaderMap::new()));
    }
}
