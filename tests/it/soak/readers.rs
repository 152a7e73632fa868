//! Those who read the mirror meanwhile: some come and go, one stays in a transaction.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::dump;

const QUESTIONS: [&str; 4] = [
    "select * from freshness",
    "select * from message_feed order by created_at desc limit 50",
    "select state, count(*), sum(messages) from chat_overview group by state",
    "select * from messages_fts where messages_fts match 'доставка' limit 20",
];

/// Readers at work, until they are told to end.
pub struct Readers {
    stop: CancellationToken,
    read: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Readers {
    /// One that comes and goes, one that stays connected, and one that keeps a transaction open for most of `spell`.
    pub fn of(database: &Path, spell: Duration) -> Self {
        let (stop, read) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
        let path = database.to_owned();
        let coming = comes_and_goes(path.clone(), stop.clone(), Arc::clone(&read));
        let staying = stays(path.clone(), stop.clone(), Arc::clone(&read));
        let long = stays_long(path, spell, stop.clone(), Arc::clone(&read));
        Self {
            tasks: vec![
                tokio::spawn(coming),
                tokio::spawn(staying),
                tokio::spawn(long),
            ],
            stop,
            read,
        }
    }

    /// Sends them home. Gives how often they read; a reader that failed fails here.
    pub async fn end(self) -> u64 {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
        self.read.load(Ordering::Relaxed)
    }
}

/// Whether it is time to go on, not to go home.
async fn after(span: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(span) => true,
    }
}

async fn comes_and_goes(path: PathBuf, stop: CancellationToken, read: Arc<AtomicU64>) {
    for question in QUESTIONS.into_iter().cycle() {
        if !after(Duration::from_secs(2), &stop).await {
            return;
        }
        dump::query(&path, question).await;
        read.fetch_add(1, Ordering::Relaxed);
    }
}

async fn stays(path: PathBuf, stop: CancellationToken, read: Arc<AtomicU64>) {
    let mut connection = dump::connect(&path).await;
    for question in QUESTIONS.into_iter().cycle() {
        if !after(Duration::from_secs(1), &stop).await {
            break;
        }
        dump::rows(&mut connection, question).await;
        read.fetch_add(1, Ordering::Relaxed);
    }
    connection.close().await.unwrap();
}

async fn stays_long(path: PathBuf, spell: Duration, stop: CancellationToken, read: Arc<AtomicU64>) {
    let mut connection = dump::connect(&path).await;
    while after(spell / 4, &stop).await {
        let mut transaction = connection.begin().await.unwrap();
        let seen = count(&mut transaction).await;
        after(spell * 3 / 4, &stop).await;
        // Whatever was written meanwhile, and whoever was killed: it is still the same moment.
        assert_eq!(count(&mut transaction).await, seen);
        transaction.rollback().await.unwrap();
        read.fetch_add(2, Ordering::Relaxed);
    }
    connection.close().await.unwrap();
}

async fn count(connection: &mut SqliteConnection) -> i64 {
    let count = "select count(*) + (select count(*) from changes) from messages";
    sqlx::query_scalar(count)
        .fetch_one(connection)
        .await
        .unwrap()
}
