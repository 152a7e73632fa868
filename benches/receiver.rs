//! Deliveries a second through the real receiver into a real file, beside a bare server that stores each body with one insert; then the
//! receiver is killed under the same load, and whatever it had acknowledged must be in the file.
//!
//! `cargo bench --bench receiver -- [--deliveries N] [--senders N]`

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use chatmirror::clock::Timestamp;
use chatmirror::simulator::iqchannels::{Habits, History, Recipe};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ROUNDS: usize = 2;

/// The load, shared by the senders.
struct Load {
    bodies: Vec<String>,
    next: AtomicUsize,
    /// The places of those that were acknowledged.
    acknowledged: Mutex<Vec<usize>>,
}

impl Load {
    fn of(bodies: &[String]) -> Arc<Self> {
        Arc::new(Self {
            bodies: bodies.to_vec(),
            next: AtomicUsize::new(0),
            acknowledged: Mutex::default(),
        })
    }

    fn taken(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }
}

fn main() {
    let mut deliveries = 20_000;
    let mut senders = 128;
    let mut words = std::env::args();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--deliveries" => deliveries = words.next().unwrap().parse().unwrap(),
            "--senders" => senders = words.next().unwrap().parse().unwrap(),
            // What `cargo bench` passes on.
            _ => {}
        }
    }
    let bodies = bodies(deliveries);
    let bytes: usize = bodies.iter().map(String::len).sum();
    println!(
        "{deliveries} deliveries of {} bytes, {senders} senders",
        bytes / deliveries
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for round in 1..=ROUNDS {
            let (ours, memory) = receiver(&bodies, senders).await;
            let bare = bare(&bodies, senders).await;
            report(round, "chatmirror run", deliveries, ours, ours);
            report(
                round,
                "bare axum, an insert a request",
                deliveries,
                bare,
                ours,
            );
            println!("  memory of chatmirror, in kB, at each tenth: {memory:?}");
        }
        killed(&bodies, senders).await;
    });
}

/// What an installation pushes, with all that the platform shows beside it.
fn bodies(count: usize) -> Vec<String> {
    let mut history = History::new(Recipe {
        seed: 7,
        chats: 300,
        began: Timestamp::now().minus(Duration::from_hours(24 * 30)),
        pause_ms: 60_000,
    });
    let mut bodies = Habits::good().tell(&mut history, count).bodies;
    bodies.truncate(count);
    bodies
}

/// The real program, receiving into a file of its own.
struct Receiver {
    child: Child,
    address: SocketAddr,
    dir: tempfile::TempDir,
}

impl Receiver {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (config, log) = (dir.path().join("config.toml"), dir.path().join("said"));
        let text = format!(
            "[source]\nkind = \"iqchannels\"\n[database]\npath = \"{}\"\n[http]\nlisten = \"127.0.0.1:0\"\n",
            dir.path().join("mirror.db").display()
        );
        std::fs::write(&config, text).unwrap();
        let mut receiver = Self {
            child: Command::new(env!("CARGO_BIN_EXE_chatmirror"))
                .arg("--config")
                .arg(&config)
                .arg("run")
                .stdout(Stdio::null())
                .stderr(std::fs::File::create(&log).unwrap())
                .spawn()
                .unwrap(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            dir,
        };
        let said = || std::fs::read_to_string(&log).unwrap();
        while !said().contains("receiving events") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let said = said();
        let (_, address) = said.split_once("address=").unwrap();
        receiver.address = address.split_whitespace().next().unwrap().parse().unwrap();
        receiver
    }

    /// Resident memory, in kB.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// `kill -9`.
    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends one body after another until none is left or nobody answers.
async fn send(load: Arc<Load>, address: SocketAddr) {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return;
    };
    let _ = stream.set_nodelay(true);
    loop {
        let place = load.next.fetch_add(1, Ordering::Relaxed);
        let Some(body) = load.bodies.get(place) else {
            return;
        };
        let length = body.len();
        let request =
            format!("POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
        if stream.write_all(request.as_bytes()).await.is_err() {
            return;
        }
        match answer(&mut stream).await {
            Some(answer) if answer.starts_with("HTTP/1.1 200") => {
                load.acknowledged.lock().unwrap().push(place);
            }
            Some(answer) => panic!("{answer}"),
            None => return,
        }
    }
}

/// A whole answer: these are short and come in one piece or two.
async fn answer(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 1024];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => bytes.extend_from_slice(&piece[..length]),
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .split_once("content-length: ")
                .map_or("0", |(_, rest)| rest);
            let length: usize = length.lines().next()?.trim().parse().ok()?;
            if body.len() >= length {
                return Some(text.into_owned());
            }
        }
    }
}

async fn send_all(load: &Arc<Load>, address: SocketAddr, senders: usize) {
    let sending = (0..senders).map(|_| tokio::spawn(send(Arc::clone(load), address)));
    for sender in sending.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
}

async fn receiver(bodies: &[String], senders: usize) -> (Duration, Vec<u64>) {
    let mut receiver = Receiver::start().await;
    let load = Load::of(bodies);
    let begun = Instant::now();
    let mut memory = Vec::new();
    let watching = async {
        while memory.len() < 10 {
            if load.taken() * 10 >= bodies.len() * (memory.len() + 1) {
                memory.push(receiver.memory());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        begun.elapsed()
    };
    let (took, ()) = tokio::join!(watching, send_all(&load, receiver.address, senders));
    receiver.kill();
    assert_eq!(stored(receiver.dir.path()).await.len(), bodies.len());
    (took, memory)
}

/// The events that are in the file.
async fn stored(dir: &Path) -> BTreeSet<i64> {
    let options = SqliteConnectOptions::new().filename(dir.join("mirror.db"));
    let mut connection = options.connect().await.unwrap();
    let ids: Vec<i64> = sqlx::query_scalar("select id from events")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    ids.into_iter().collect()
}

/// A server that does nothing but store each body on the disk, as safely.
async fn bare(bodies: &[String], senders: usize) -> Duration {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(dir.path().join("bodies.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let one = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_mins(10));
    let pool = one.connect_with(options).await.unwrap();
    let create = "create table bodies (id integer primary key, body text not null)";
    sqlx::query(create).execute(&pool).await.unwrap();
    let store = async |State(pool): State<SqlitePool>, body: String| {
        let insert = sqlx::query("insert into bodies (body) values (?1)").bind(body);
        insert.execute(&pool).await.unwrap();
        StatusCode::OK
    };
    let router = Router::new().route("/events", post(store)).with_state(pool);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let load = Load::of(bodies);
    let begun = Instant::now();
    send_all(&load, address, senders).await;
    let took = begun.elapsed();
    assert_eq!(load.taken(), bodies.len());
    serving.abort();
    took
}

/// Kills the receiver when half of the load is acknowledged, and looks for every delivery that was.
async fn killed(bodies: &[String], senders: usize) {
    let mut receiver = Receiver::start().await;
    let load = Load::of(bodies);
    let address = receiver.address;
    let killing = async {
        while load.taken() < bodies.len() / 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        receiver.kill();
    };
    tokio::join!(killing, send_all(&load, address, senders));
    let stored = stored(receiver.dir.path()).await;
    let acknowledged = load.acknowledged.lock().unwrap().clone();
    let lost = acknowledged
        .iter()
        .filter(|place| !stored.contains(&event(&bodies[**place])));
    let lost = lost.count();
    println!(
        "kill -9 under load: {} acknowledged, {lost} of them lost",
        acknowledged.len()
    );
    assert_eq!(lost, 0);
}

/// The id of the event in a body.
fn event(body: &str) -> i64 {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["ChatEvent"]["Id"].as_i64().unwrap()
}

fn report(round: usize, what: &str, deliveries: usize, took: Duration, ours: Duration) {
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for a person")]
    let rate = deliveries as f64 / seconds;
    let ratio = seconds / ours.as_secs_f64();
    println!(
        "round {round}: {what:32} {seconds:7.2} s {rate:8.0} deliveries/s {ratio:6.2} of chatmirror's time"
    );
}
