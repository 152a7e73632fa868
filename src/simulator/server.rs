//! The socket: HTTP in, questions through, answers out, whole or broken as they are meant to be.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use chrono::DateTime;
use futures_util::{StreamExt, stream};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::request::{BASE_PATH, Question, Route};
use crate::clock::Timestamp;

/// How long a broken client may hold up the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// An answer before it is HTTP.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    pub(super) date: Timestamp,
    pub(super) sending: Sending,
}

/// How an answer goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    Whole,
    /// Whole, after this long.
    Late(Duration),
    /// Not at all, with the connection kept.
    Never,
    /// Not at all, with the connection dropped.
    Reset,
    /// Half of the body, with the connection dropped.
    Cut,
    /// And then spaces, for ever.
    Endless,
}

impl Answer {
    pub(super) fn json(status: u16, body: String, date: Timestamp) -> Self {
        Self {
            status,
            content_type: "application/json",
            headers: Vec::new(),
            body,
            date,
            sending: Sending::Whole,
        }
    }

    pub(super) fn html(status: u16, date: Timestamp) -> Self {
        let body = "<!DOCTYPE html><html><body><h1>Bad gateway</h1></body></html>".to_owned();
        Self {
            content_type: "text/html; charset=UTF-8",
            ..Self::json(status, body, date)
        }
    }

    pub(super) fn sent(mut self, sending: Sending) -> Self {
        self.sending = sending;
        self
    }
}

/// The base address of a server on `address`.
pub(super) fn base_url(address: SocketAddr) -> String {
    format!("http://{address}{BASE_PATH}")
}

/// Answers every request through `answer` until `shutdown`.
pub(super) async fn serve<F, A>(
    listener: TcpListener,
    shutdown: CancellationToken,
    answer: F,
) -> io::Result<()>
where
    F: Fn(Question) -> A + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let answer = Arc::new(answer);
    let stop = shutdown.clone();
    let router = Router::new().fallback(move |request: Request| {
        let (answer, stop) = (Arc::clone(&answer), stop.clone());
        async move { send(answer(question(&request)).await, stop).await }
    });
    let stop = shutdown.clone();
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .into_future();
    tokio::select! {
        served = serving => served,
        () = late(shutdown) => Ok(()),
    }
}

async fn late(shutdown: CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(PATIENCE).await;
}

fn question(request: &Request) -> Question {
    let uri = request.uri();
    let query = Query::<Vec<(String, String)>>::try_from_uri(uri);
    let bearer = request.headers().get(header::AUTHORIZATION);
    let token = bearer.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    Question {
        method: request.method().to_string(),
        target: uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        route: Route::of(uri.path()),
        query: query.map(|Query(pairs)| pairs).unwrap_or_default(),
        token: token.map(str::to_owned),
    }
}

async fn send(answer: Answer, shutdown: CancellationToken) -> Response {
    let wait = match answer.sending {
        Sending::Late(span) => Some(span),
        Sending::Never => Some(Duration::MAX),
        _ => None,
    };
    if let Some(span) = wait {
        tokio::select! {
            () = tokio::time::sleep(span) => {}
            () = shutdown.cancelled() => {}
        }
    }
    response(answer, shutdown)
}

fn response(answer: Answer, shutdown: CancellationToken) -> Response {
    let length = answer.body.len();
    let mut response = Response::new(body(answer.body, answer.sending, shutdown));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(answer.content_type),
    );
    if let Ok(date) = HeaderValue::from_str(&http_date(answer.date)) {
        headers.insert(header::DATE, date);
    }
    if answer.sending == Sending::Cut {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

/// An error in a body makes the server drop the connection, which is what a reset looks like from afar.
fn body(text: String, sending: Sending, shutdown: CancellationToken) -> Body {
    let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
    match sending {
        Sending::Whole | Sending::Late(_) => Body::from(text),
        Sending::Reset | Sending::Never => {
            Body::from_stream(stream::once(async move { Err::<Bytes, _>(broken()) }))
        }
        Sending::Cut => {
            let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
            // The half must be on its way before the connection goes.
            let end = async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Err(broken())
            };
            Body::from_stream(stream::once(async move { Ok(half) }).chain(stream::once(end)))
        }
        Sending::Endless => {
            let spaces = stream::repeat(Bytes::from_static(&[b' '; 8192]));
            let all = stream::iter([Bytes::from(text)]).chain(spaces);
            let until = all.take_until(shutdown.cancelled_owned());
            Body::from_stream(until.map(Ok::<_, Infallible>))
        }
    }
}

/// The time as HTTP writes it, to the whole second.
fn http_date(at: Timestamp) -> String {
    let moment = DateTime::from_timestamp_millis(at.millis()).unwrap_or_default();
    moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
