//! The client against a real server on the loopback that answers as it is told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::source::Locked;

const TOKEN: &str = "secret-token-of-the-test";
const EMPTY: &str = r#"{"cursor": {"page": 1, "pages": 0}, "collection": []}"#;
const CHAT: &str = include_str!("../../../../tests/published/chat.json");
const START: &str = "2020-02-01 16:12:30.000";

/// A server that gives its answers one after the other and writes down what it was asked.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Response>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    async fn start(answers: impl IntoIterator<Item = Response>) -> (Self, Url) {
        let scripted = Self::default();
        scripted.answers.lock().unwrap().extend(answers);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/", listener.local_addr().unwrap());
        let router = axum::Router::new()
            .fallback(answer)
            .with_state(scripted.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (scripted, url.parse().unwrap())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State(scripted): State<Scripted>, request: Request) -> Response {
    let authorization = request.headers().get(header::AUTHORIZATION);
    let authorization = authorization.map_or("", |value| value.to_str().unwrap());
    let line = format!("{} {} {authorization}", request.method(), request.uri());
    scripted.asked.lock().unwrap().push(line);
    let next = scripted.answers.lock().unwrap().pop_front();
    next.unwrap_or_else(|| StatusCode::IM_A_TEAPOT.into_response())
}

fn client_of(base_url: Url) -> Client {
    let clock = Clock::simulated(START.parse().unwrap());
    let settings = Settings {
        base_url,
        time_zone: Tz::UTC,
        requests_per_minute: 0,
        request_timeout: Duration::from_millis(400),
        activities: true,
    };
    let governor = Governor::new(0, clock.clone());
    Client::new(settings, TOKEN.into(), governor, clock).unwrap()
}

async fn scripted(answers: impl IntoIterator<Item = Response>) -> (Client, Scripted) {
    let (scripted, url) = Scripted::start(answers).await;
    (client_of(url), scripted)
}

fn says(status: u16, body: &'static str) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, body).into_response()
}

fn with_header(mut response: Response, name: header::HeaderName, value: &'static str) -> Response {
    let value = header::HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
    response
}

/// An answer that breaks off before the length that was promised, within its head or behind it.
fn cut_off() -> Response {
    let chunks = stream::iter([Ok::<_, Infallible>("{\"cursor\"")]);
    let response = Response::new(Body::from_stream(chunks));
    with_header(response, header::CONTENT_LENGTH, "5000")
}

async fn first_chats(client: &Client) -> Result<Page<ListedChat>, SourceError> {
    client.chats(ChatList::All, Window::FIRST).await
}

#[tokio::test]
async fn requests_are_as_documented() {
    let account = says(200, r#"{"id": 17, "name": "Shop"}"#);
    let answers = [
        account,
        says(200, EMPTY),
        says(200, EMPTY),
        says(200, EMPTY),
    ];
    let (client, server) = scripted(answers).await;
    assert_eq!(client.account().await.unwrap().value.id, "17");
    client.chats(ChatList::All, Window::FIRST).await.unwrap();
    client.chats(ChatList::Open, Window::COUNT).await.unwrap();
    client
        .messages(7, Window { page: 1, limit: 13 })
        .await
        .unwrap();
    let expected = [
        "/v1/me",
        "/v1/chats?page=1&limitation=20",
        "/v1/chats?page=1&limitation=1&state=open",
        "/v1/chats/7/messages?page=1&limitation=13&activities=1",
    ];
    assert_eq!(
        server.asked(),
        expected.map(|uri| format!("GET {uri} Bearer {TOKEN}"))
    );
    assert_eq!(client.requests(), 4);
}

#[tokio::test]
async fn a_chat_by_its_id() {
    let gone = r#"{"error": {"code": 404, "message": "Chat not found"}}"#;
    let (client, _) = scripted([says(200, CHAT), says(404, gone), says(400, gone)]).await;
    let found = client.chat(2120).await.unwrap().value;
    assert_eq!(found.unwrap().unwrap().chat.id, 2120);
    assert_eq!(client.chat(1).await.unwrap().value, None);
    assert_eq!(client.chat(2).await.unwrap().value, None);
    assert_eq!(client.requests(), 3);
}

#[tokio::test]
async fn messages_of_no_chat() {
    let gone = r#"{"error": {"code": 404, "message": "Chat not found"}}"#;
    let (client, _) = scripted([says(404, gone)]).await;
    let error = client.messages(7, Window::FIRST).await.unwrap_err();
    assert!(matches!(error, SourceError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn a_proxys_404_does_not_say_that_a_chat_is_gone() {
    let (client, _) = scripted((0..4).map(|_| says(404, "<html>nothing here</html>"))).await;
    let error = client.chat(7).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreadable { .. }), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, target) = Scripted::start([says(200, EMPTY)]).await;
    let location = [(header::LOCATION, target.to_string())];
    let moved = (StatusCode::FOUND, location).into_response();
    let (client, server) = scripted([moved]).await;
    let error = first_chats(&client).await.unwrap_err();
    assert!(matches!(&error, SourceError::Redirected { to_host } if to_host == "127.0.0.1"));
    assert_eq!(server.asked().len(), 1);
    assert_eq!(elsewhere.asked(), [""; 0]);
}

#[tokio::test]
async fn a_refused_token_is_not_tried_again() {
    for status in [401, 403] {
        let (client, server) = scripted([says(status, "no"), says(200, EMPTY)]).await;
        let error = first_chats(&client).await.unwrap_err();
        assert!(matches!(error, SourceError::TokenRefused { status: told } if told == status));
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_lock_lasts_as_long_as_the_source_says() {
    let words = "Too many requests. Please, try again in 120 seconds";
    let in_json = r#"{"error": {"code": 423, "message": "Too many requests. Please, try again in 120 seconds"}}"#;
    let dated = with_header(says(429, ""), header::DATE, "Sat, 01 Feb 2020 10:00:00 GMT");
    let cases = [
        (says(423, words), 121),
        (says(423, in_json), 121),
        (says(200, in_json), 121),
        (says(423, "Please, try again in 2 minutes"), 121),
        (with_header(says(429, ""), header::RETRY_AFTER, "90"), 91),
        (
            with_header(dated, header::RETRY_AFTER, "Sat, 01 Feb 2020 10:05:00 GMT"),
            301,
        ),
        (says(423, "locked"), 61),
    ];
    for (answer, seconds) in cases {
        let (client, server) = scripted([answer, says(200, EMPTY)]).await;
        let expected = client.clock.now().plus(Duration::from_secs(seconds));
        let error = first_chats(&client).await.unwrap_err();
        assert!(
            matches!(error, SourceError::Locked { until, .. } if until == expected),
            "{error}"
        );
        let again = first_chats(&client).await.unwrap_err();
        assert!(matches!(again, SourceError::Locked { until, .. } if until == expected));
        assert_eq!(server.asked().len(), 1, "nothing is asked while locked");
        client.clock.advance(Duration::from_secs(seconds));
        first_chats(&client).await.unwrap();
    }
}

#[tokio::test]
async fn locks_that_do_not_say_climb_the_documented_ladder() {
    let (client, _) = scripted((0..3).map(|_| says(423, ""))).await;
    for seconds in [61, 121, 181] {
        let expected = client.clock.now().plus(Duration::from_secs(seconds));
        first_chats(&client).await.unwrap_err();
        assert_eq!(
            client.governor.admit().await.unwrap_err(),
            Locked { until: expected }
        );
        client.clock.advance(Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let (client, _) = scripted([says(500, ""), says(500, ""), says(200, EMPTY)]).await;
    let start = client.clock.now();
    first_chats(&client).await.unwrap();
    assert_eq!(client.requests(), 3);
    assert!(client.clock.now() > start, "not at once");

    let passing = [cut_off(), says(200, "<html>busy</html>"), says(408, "")];
    let (client, _) = scripted(passing.into_iter().chain([says(200, EMPTY)])).await;
    first_chats(&client).await.unwrap();
    assert_eq!(client.requests(), 4);
}

#[tokio::test]
async fn what_does_not_pass_is_given_up() {
    type Case = (fn() -> Response, fn(&SourceError) -> bool, u64);
    let cases: [Case; 5] = [
        (
            || says(502, ""),
            |error| matches!(error, SourceError::ServerFailed { status: 502 }),
            4,
        ),
        (
            || says(200, "<html>"),
            |error| matches!(error, SourceError::Unreadable { why } if why.contains("HTML")),
            4,
        ),
        (
            || says(204, ""),
            |error| matches!(error, SourceError::Unreadable { .. }),
            4,
        ),
        (
            || says(200, r#"{"error": {"code": 7, "message": "no"}}"#),
            |error| {
                matches!(
                    error,
                    SourceError::Refused {
                        status: 200,
                        code: Some(7),
                        ..
                    }
                )
            },
            2,
        ),
        (
            || {
                says(
                    400,
                    r#"{"error": {"code": 5, "message": "Maximum available limitation reached"}}"#,
                )
            },
            |error| {
                matches!(
                    error,
                    SourceError::Refused {
                        status: 400,
                        code: Some(5),
                        ..
                    }
                )
            },
            1,
        ),
    ];
    for (answer, expected, requests) in cases {
        let (client, _) = scripted((0..6).map(|_| answer())).await;
        let error = first_chats(&client).await.unwrap_err();
        assert!(expected(&error), "{error}");
        assert_eq!(client.requests(), requests, "{error}");
    }
}

#[tokio::test]
async fn an_endless_body_is_bounded() {
    let endless = || {
        let chunks = stream::repeat_with(|| Ok::<_, Infallible>("x".repeat(4096)));
        Response::new(Body::from_stream(chunks))
    };
    let (mut client, _) = scripted((0..4).map(|_| endless())).await;
    client.most_bytes = 100_000;
    client.settings.request_timeout = Duration::from_secs(30);
    let error = first_chats(&client).await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Unreadable { why } if why.contains("longer")),
        "{error}"
    );
}

#[tokio::test]
async fn a_slow_drip_ends() {
    let drip = || {
        let chunks = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Some((Ok::<_, Infallible>(" "), ()))
        });
        Response::new(Body::from_stream(chunks))
    };
    let (client, _) = scripted((0..4).map(|_| drip())).await;
    let bound = Duration::from_secs(20);
    let ended = tokio::time::timeout(bound, first_chats(&client)).await;
    let error = ended.expect("it ends").unwrap_err();
    assert_eq!(error.to_string(), "reach the source: no answer in time");
}

/// A server that sends `answer`, whatever it is asked, and hangs up.
async fn raw_server(answer: &'static str) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let asked = socket.read(&mut [0; 4096]).await.unwrap();
            assert!(asked > 0);
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url.parse().unwrap()
}

#[tokio::test]
async fn an_answer_without_a_date_proves_nothing() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 53\r\nconnection: close\r\n\r\n{\"cursor\": {\"page\": 1, \"pages\": 0}, \"collection\": []}";
    let client = client_of(raw_server(answer).await);
    let error = first_chats(&client).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "read the source's answer: it has no Date header"
    );
    let locked = "HTTP/1.1 200 OK\r\ncontent-length: 52\r\nconnection: close\r\n\r\n{\"error\":{\"code\":429,\"message\":\"Too many requests\"}}";
    let client = client_of(raw_server(locked).await);
    let error = first_chats(&client).await.unwrap_err();
    assert!(matches!(error, SourceError::Locked { .. }), "{error}");
}

#[tokio::test]
async fn half_a_body_is_no_answer() {
    let answer = "HTTP/1.1 200 OK\r\ndate: Sat, 01 Feb 2020 16:12:30 GMT\r\ncontent-length: 5000\r\n\r\n{\"cursor\": {";
    let client = client_of(raw_server(answer).await);
    let error = first_chats(&client).await.unwrap_err();
    let expected = "read the source's answer: it broke off before its end";
    assert_eq!(
        (error.to_string().as_str(), client.requests()),
        (expected, 4)
    );
}

#[tokio::test]
async fn no_connection_is_unreachable() {
    let client = client_of(raw_server("").await);
    let error = first_chats(&client).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable(_)), "{error}");
    assert_eq!(client.requests(), 4);
}

#[tokio::test]
async fn no_error_shows_the_token() {
    let quoting = r#"{"error": {"code": 1, "message": "token secret-token-of-the-test is odd"}}"#;
    let (client, _) = scripted([says(409, quoting)]).await;
    let error = first_chats(&client).await.unwrap_err();
    assert!(
        error.to_string().ends_with("token [token] is odd"),
        "{error}"
    );
    let unreachable = client_of(raw_server("").await);
    let error = first_chats(&unreachable).await.unwrap_err();
    for shown in [format!("{error:?} {error}"), format!("{client:?}")] {
        assert!(
            !shown.contains(TOKEN) && !shown.contains("limitation"),
            "{shown}"
        );
    }
}
