//! The receiver: what is acknowledged is in the file, and everybody else gets a clear answer.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use chatmirror::store::Store;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::facts;
use super::office::{CHAT_CLOSED, MESSAGE_CREATED, Office};
use crate::support::dump;
use crate::support::program::{ended, until};

const READY: &[u8] = b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

pub const SECRET: &str = "s3cret-never-to-be-shown";

/// A receiver that runs; it does not outlive the test.
pub struct Receiver {
    pub office: Office,
    child: Child,
    log: PathBuf,
    address: SocketAddr,
}

impl Receiver {
    pub async fn start() -> Self {
        let office = Office::with("[http]\nlisten = \"127.0.0.1:0\"\n");
        let secret = office.file("secret", SECRET);
        let config = std::fs::read_to_string(office.dir().join("config.toml")).unwrap();
        let asks = format!("{config}[receiver]\nsecret_file = \"{secret}\"\n");
        office.file("config.toml", &asks);
        Self::over(office).await
    }

    /// A receiver over a mirror that is there.
    pub async fn over(office: Office) -> Self {
        let log = office.dir().join("said");
        let mut command: Command = office.program(&["run"]);
        let child = command
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let said = || std::fs::read_to_string(&log).unwrap();
        until("the receiver listens", async || {
            said().contains("receiving events")
        })
        .await;
        let said = said();
        let (_, address) = said.split_once("address=").unwrap();
        let address = address.split_whitespace().next().unwrap().parse().unwrap();
        Self {
            office,
            child,
            log,
            address,
        }
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Sends a request as it stands, and gives the status and all of the answer.
    pub async fn sends(&self, request: &[u8]) -> (u16, String) {
        self.tries(request).await.unwrap()
    }

    /// As [`sends`](Self::sends); nothing if nobody is there.
    async fn tries(&self, request: &[u8]) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        // Who is refused after the head may find the connection closed before the body is sent.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        // A connection that is cut off has said what it had to say.
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap_or("0").parse().unwrap();
        Some((status, answer))
    }

    pub async fn posts(&self, headers: &str, body: &str) -> (u16, String) {
        self.sends(post(headers, body).as_bytes()).await
    }

    pub async fn delivers(&self, body: &str) -> (u16, String) {
        self.posts(&format!("authorization: Bearer {SECRET}\r\n"), body)
            .await
    }

    /// The most memory that it has had, in MiB, where the system tells.
    pub fn most_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let most = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = most.split_whitespace().next()?.parse().ok()?;
        Some(kib / 1024)
    }

    fn signal(&self, name: &str) {
        let told = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(told.unwrap().success());
    }

    /// Ends it, by this signal, and gives its mirror back.
    pub async fn ends(mut self, signal: &str) -> Office {
        self.signal(signal);
        until("its end", async || self.child.try_wait().unwrap().is_some()).await;
        std::mem::replace(&mut self.office, Office::open())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn post(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /events HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

/// A message of its own.
fn message(id: i64) -> String {
    json!({
        "ChatEvent": { "Id": id, "Type": "message_created", "ChatId": id % 7 + 1, "MessageId": id, "CreatedAt": 1_600_000_000_000 + id },
        "Rels": { "ChatMessages": [{ "Id": id, "ChatId": id % 7 + 1, "Author": "client", "Payload": "text", "Text": format!("number {id}") }] },
    })
    .to_string()
}

#[tokio::test]
async fn the_published_bodies_tell_the_same_when_they_are_pushed() {
    let files = Office::open();
    assert_eq!(
        files.ingest(&[MESSAGE_CREATED, CHAT_CLOSED].concat()).code,
        0
    );
    for order in [
        [MESSAGE_CREATED, CHAT_CLOSED],
        [CHAT_CLOSED, MESSAGE_CREATED],
    ] {
        let receiver = Receiver::start().await;
        for body in order.iter().chain(&order) {
            assert_eq!(receiver.delivers(body).await.0, 200);
        }
        let said = receiver.said();
        assert!(!said.contains(SECRET) && !said.contains("Хичкок"), "{said}");
        let office = receiver.ends("TERM").await;
        facts::hold(&office).await;
        assert_eq!(office.rows().await, files.rows().await);
        let run = office
            .value("select mode || ' ' || status from sync_runs")
            .await;
        assert_eq!(run, "events complete");
    }
}

#[tokio::test]
async fn the_log_holds_no_secret_no_name_and_no_word_of_what_was_pushed() {
    let receiver = Receiver::start().await;
    let cut = &MESSAGE_CREATED[..MESSAGE_CREATED.len() / 2];
    let odd = MESSAGE_CREATED.replacen(':', ": \"Хичкок\", \"x\":", 1);
    for body in [MESSAGE_CREATED, CHAT_CLOSED, cut, &odd, "Пароль від сейфа"] {
        receiver.delivers(body).await;
    }
    receiver
        .posts("authorization: Bearer of-somebody-else\r\n", CHAT_CLOSED)
        .await;
    let said = receiver.said();
    assert!(said.contains("set aside"), "{said}");
    let mut words = vec![
        SECRET.to_owned(),
        "of-somebody-else".into(),
        "Пароль".into(),
    ];
    for body in [MESSAGE_CREATED, CHAT_CLOSED] {
        personal(&serde_json::from_str(body).unwrap(), &mut words);
    }
    assert!(words.len() > 10, "{words:?}");
    for word in words {
        assert!(!said.contains(&word), "{word}: {said}");
    }
}

/// Whatever a body holds that may be somebody's name, words or address: all texts with a space, a dot, an @ or other letters than
/// the program's own.
fn personal(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let telling = |c: char| " .@+".contains(c) || !c.is_ascii();
            if text.len() > 3 && text.contains(telling) {
                words.push(text.clone());
            }
        }
        Value::Array(values) => values.iter().for_each(|value| personal(value, words)),
        Value::Object(fields) => fields.values().for_each(|value| personal(value, words)),
        _ => {}
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let receiver = Receiver::start().await;
    assert_eq!(receiver.delivers(CHAT_CLOSED).await.0, 200);
    let office = receiver.ends("KILL").await;
    assert_eq!(office.value("select count(*) from events").await, 1);
    let again = Receiver::over(office).await;
    assert_eq!(again.delivers(MESSAGE_CREATED).await.0, 200);
    let office = again.ends("TERM").await;
    facts::hold(&office).await;
}

#[tokio::test]
async fn whoever_has_not_the_secret_is_not_heard() {
    let receiver = Receiver::start().await;
    for headers in [
        "",
        "authorization: Bearer wrong\r\n",
        "x-chatmirror-secret: s\r\n",
    ] {
        let (status, answer) = receiver.posts(headers, CHAT_CLOSED).await;
        assert_eq!(status, 401, "{answer}");
        assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
    }
    let header = format!("x-chatmirror-secret: {SECRET}\r\n");
    assert_eq!(receiver.posts(&header, MESSAGE_CREATED).await.0, 200);
    let office = receiver.ends("TERM").await;
    assert_eq!(office.value("select count(*) from events").await, 1);
}

#[tokio::test]
async fn a_new_secret_is_taken_up_and_anything_else_needs_a_restart() {
    let receiver = Receiver::start().await;
    receiver.office.file("secret", "another");
    receiver.signal("HUP");
    let again = "secret has been read again";
    until(again, async || receiver.said().contains(again)).await;
    assert_eq!(receiver.delivers(CHAT_CLOSED).await.0, 401);
    let header = "authorization: Bearer another\r\n";
    assert_eq!(receiver.posts(header, CHAT_CLOSED).await.0, 200);
    let path = receiver.office.dir().join("config.toml");
    let config = std::fs::read_to_string(path).unwrap() + "keep_days = 1\n";
    receiver.office.file("config.toml", &config);
    receiver.signal("HUP");
    until("the refusal", async || receiver.said().contains("restart")).await;
    assert_eq!(receiver.posts(header, MESSAGE_CREATED).await.0, 200);
    let office = receiver.ends("TERM").await;
    facts::hold(&office).await;
}

#[tokio::test]
async fn what_can_never_be_read_is_refused_and_kept() {
    let receiver = Receiver::start().await;
    for body in ["nonsense", "[]", "{}", "{\"OK\": false}", "\u{0}"] {
        let (status, answer) = receiver.delivers(body).await;
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(answer.contains("set aside"), "{answer}");
    }
    let long = "x".repeat(2 << 20);
    let (status, answer) = receiver.delivers(&long[..=(1 << 20)]).await;
    assert!(status == 413 || answer.is_empty(), "{status} {answer}");
    let get = b"GET /events HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(receiver.sends(get).await.0, 405);
    assert_eq!(receiver.sends(b"garbage\r\n\r\n").await.0, 400);
    assert!(receiver.sends(READY).await.1.contains("receiving"));
    let metrics = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(receiver.sends(metrics).await.0, 200);
    assert_eq!(receiver.delivers(MESSAGE_CREATED).await.0, 200);
    let office = receiver.ends("TERM").await;
    assert_eq!(office.value("select count(*) from rejects").await, 5);
    assert_eq!(office.value("select count(*) from events").await, 1);
}

#[tokio::test]
async fn while_the_database_cannot_take_it_senders_are_asked_to_come_again() {
    let receiver = Receiver::start().await;
    assert_eq!(receiver.delivers(MESSAGE_CREATED).await.0, 200);
    // Another program keeps the file.
    let path = receiver.office.database();
    let (hold, until_then) = tokio::sync::oneshot::channel::<()>();
    let (ready, is_ready) = tokio::sync::oneshot::channel::<()>();
    let holding = tokio::spawn(async move { dump::hold(&path, ready, until_then).await });
    is_ready.await.unwrap();
    let (status, answer) = receiver.delivers(CHAT_CLOSED).await;
    assert_eq!(status, 503, "{answer}");
    assert!(answer.contains("retry-after: "), "{answer}");
    // Nor does it call itself ready until one was taken in again.
    let (status, answer) = receiver.sends(READY).await;
    assert!(
        answer.contains("not ready: failing since"),
        "{status} {answer}"
    );
    hold.send(()).unwrap();
    holding.await.unwrap();
    assert_eq!(receiver.delivers(CHAT_CLOSED).await.0, 200);
    assert_eq!(receiver.sends(READY).await.0, 200);
    let office = receiver.ends("TERM").await;
    facts::hold(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_senders_at_once_lose_nothing() {
    let receiver = Receiver::start().await;
    let senders = (0..20).map(|sender| {
        let receiver = &receiver;
        async move {
            for place in 0..25 {
                let (status, answer) = receiver.delivers(&message(sender * 25 + place + 1)).await;
                assert_eq!(status, 200, "{answer}");
            }
        }
    });
    futures_util::future::join_all(senders).await;
    let office = receiver.ends("KILL").await;
    assert_eq!(office.value("select count(*) from events").await, 500);
    assert_eq!(
        office
            .value("select count(*) from messages where direction = 'inbound'")
            .await,
        500
    );
    assert_eq!(
        office.value("select sum(messages) from chat_totals").await,
        500
    );
    // What is left open by the kill is put in order by the next one that opens the file.
    Store::open(&office.database()).await.unwrap().close().await;
    let runs = office.value("select status from sync_runs").await;
    assert_eq!(runs, Value::from("cut short"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_under_load_survives_kill_after_kill() {
    let mut receiver = Receiver::start().await;
    let acknowledged = Mutex::new(BTreeSet::new());
    let secret = format!("authorization: Bearer {SECRET}\r\n");
    for kill in 1..=8_u16 {
        let senders = (0..20).map(|sender| {
            let (receiver, acknowledged, secret) = (&receiver, &acknowledged, &secret);
            async move {
                for place in 1..i64::MAX {
                    let id = (i64::from(kill) * 100 + sender) * 1_000_000 + place;
                    let request = post(secret, &message(id));
                    match receiver.tries(request.as_bytes()).await {
                        Some((200, _)) => drop(acknowledged.lock().unwrap().insert(id)),
                        _ => return,
                    }
                }
            }
        });
        let enough = async || acknowledged.lock().unwrap().len() > usize::from(kill) * 100;
        let killing = async {
            until("a part of the load", enough).await;
            receiver.signal("KILL");
        };
        tokio::join!(futures_util::future::join_all(senders), killing);
        let office = receiver.ends("KILL").await;
        let stored = dump::table(&office.database(), "events", &["id"]).await;
        let stored: BTreeSet<i64> = stored.keys().map(|key| key[0]).collect();
        let acknowledged = acknowledged.lock().unwrap().clone();
        let lost: Vec<&i64> = acknowledged.difference(&stored).collect();
        assert!(lost.is_empty(), "{lost:?}");
        assert_eq!(office.value("pragma integrity_check").await, "ok");
        receiver = Receiver::over(office).await;
    }
}

#[tokio::test]
async fn without_an_address_there_is_nothing_to_receive_on() {
    let office = Office::open();
    let ended = ended(office.program(&["run"])).await;
    assert_eq!(ended.code, 78, "{ended:?}");
    assert!(ended.err.contains("http.listen"), "{ended:?}");
}
