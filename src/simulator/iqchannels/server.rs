//! The socket: the documented paths, answered as the platform would.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::answers::{self, Options, Query};
use super::handle::Installation;
use super::wire;

/// A stream that has nothing to tell says so this often.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// What streams are ended by.
#[derive(Clone, Debug)]
struct Served {
    installation: Installation,
    shutdown: CancellationToken,
}

pub(super) async fn serve(
    installation: Installation,
    listener: TcpListener,
    shutdown: CancellationToken,
) {
    let served = Served {
        installation,
        shutdown: shutdown.clone(),
    };
    let router = Router::new()
        .route("/api/v1/channels/query", post(channels))
        .route("/api/v1/chats/query_by_channel/{id}", post(chats))
        .route("/api/v1/chats/messages/query_by_chat/{id}", post(messages))
        .route(
            "/api/v1/sse/chats/events/listen_to_channel/{id}",
            get(listen),
        )
        .with_state(served);
    let ended = async move { shutdown.cancelled().await };
    // A socket that fails is seen by those who ask.
    let _ = axum::serve(listener, router)
        .with_graceful_shutdown(ended)
        .await;
}

impl Served {
    /// Answers, unless whoever asks is not let in or the installation is in trouble.
    fn answer(
        &self,
        (uri, headers, body): Asked,
        answer: impl FnOnce(&Account, &Options, &Query) -> String,
    ) -> Response {
        let number = self
            .installation
            .note(format!("POST {uri} {}", String::from_utf8_lossy(&body)));
        let options = self.installation.options();
        if options.fails_each > 0 && number.is_multiple_of(options.fails_each) {
            return (StatusCode::BAD_GATEWAY, "<html>502</html>").into_response();
        }
        if !is_let_in(&options, &headers) {
            return json(self.installation.date(), wire::refusal("unauthorized"));
        }
        let query = Query::of(&body);
        let look = |account: &Account| answer(account, &options, &query);
        json(self.installation.date(), self.installation.account(look))
    }
}

/// Where somebody asks, how he is let in, and what for.
type Asked = (Uri, HeaderMap, Bytes);

fn is_let_in(options: &Options, headers: &HeaderMap) -> bool {
    let given = headers
        .get(header::AUTHORIZATION)
        .map(HeaderValue::as_bytes);
    given == Some(options.authorization.as_bytes())
}

fn json(date: String, body: String) -> Response {
    let kind = "application/json".to_owned();
    let headers = [(header::CONTENT_TYPE, kind), (header::DATE, date)];
    (headers, body).into_response()
}

async fn channels(State(served): State<Served>, asked: Asked) -> Response {
    served.answer(asked, answers::channels)
}

async fn chats(State(served): State<Served>, Path(id): Path<i64>, asked: Asked) -> Response {
    served.answer(asked, |account, options, query| {
        answers::chats(account, options, id, query)
    })
}

async fn messages(State(served): State<Served>, Path(id): Path<i64>, asked: Asked) -> Response {
    served.answer(asked, |account, options, query| {
        answers::messages(account, options, id, query)
    })
}

/// Where a stream is.
struct Stream {
    served: Served,
    news: watch::Receiver<u64>,
    channel_id: i64,
    last: i64,
    sent: usize,
}

async fn listen(
    State(served): State<Served>,
    Path(channel_id): Path<i64>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    served.installation.note(format!("GET {uri}"));
    let options = served.installation.options();
    if !is_let_in(&options, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let query = query.unwrap_or_default();
    let from = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("FromId="));
    let from: Option<i64> = from.and_then(|id| id.parse().ok());
    let beginning = if options.streams_history {
        0
    } else {
        served.installation.account(Account::last_event)
    };
    let stream = Stream {
        news: served.installation.news(),
        served,
        channel_id,
        last: from.unwrap_or(beginning),
        sent: 0,
    };
    let chunks = stream::unfold(stream, |mut stream| async move {
        let chunk = stream.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(chunk)), stream))
    });
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(chunks),
    )
        .into_response()
}

impl Stream {
    /// The next thing it says; nothing at its end.
    async fn next(&mut self) -> Option<String> {
        loop {
            let breaks = self.served.installation.options().stream_breaks_after;
            if breaks > 0 && self.sent >= breaks {
                return None;
            }
            self.news.mark_unchanged();
            let look =
                |account: &Account| answers::event_after(account, self.channel_id, self.last);
            if let Some((id, text)) = self.served.installation.account(look) {
                self.last = id;
                self.sent += 1;
                return Some(format!("id: {id}\ndata: {text}\n\n"));
            }
            tokio::select! {
                () = self.served.shutdown.cancelled() => return None,
                changed = self.news.changed() => changed.ok()?,
                () = tokio::time::sleep(KEEP_ALIVE) => return Some(": still here\n\n".to_owned()),
            }
        }
    }
}
