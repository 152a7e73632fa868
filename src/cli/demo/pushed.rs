//! `chatmirror demo --kind iqchannels`: a platform that pushes, and a receiver that takes in what comes in whatever order.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::super::arguments::DemoOptions;
use super::super::exit::{Exit, Failure};
use super::super::output::{Output, counted, grouped};
use super::super::signals::Signals;
use super::{SEED, fresh_database, worth_trying};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::daemon::{self, Heart, Mailbox, Reception, Reload};
use crate::pass::{self, Repair, Repaired};
use crate::plan::Mode;
use crate::simulator::iqchannels::{
    Habits, History, Installation, Options, Pushed, Recipe, Told as Sent, push,
};
use crate::source::Governor;
use crate::store::{RunStatus, TableCount};

/// The demo's installation.
const CHATS: i64 = 200;
const STEPS: usize = 2500;

/// Days that it has been in use.
const DAYS: u64 = 30;

const SECRET: &str = "demonstration";

/// Three questions, and what they ask.
pub(super) const QUERIES: [(&str, &str); 3] = [
    (
        "who is waiting for an answer?",
        "select contacts.name, phone, waiting_since, substr(last_words, 1, 40) as last_words
    from unanswered_chats join contacts on contacts.id = contact_id
    order by waiting_since desc limit 5",
    ),
    (
        "how many requests were closed, by day?",
        "select substr(closed_at, 1, 10) as day, count(*) as closed
    from tickets where closed_at is not null group by day order by day desc limit 5",
    ),
    (
        "what was told, and how often?",
        "select type, count(*) as events, max(created_at) as last_at from events group by type order by events desc",
    ),
];

struct Told {
    pushed: Pushed,
    took: Duration,
    again: Pushed,
    changed_again: i64,
    lost: usize,
    repaired: Repaired,
    tables: Vec<TableCount>,
}

pub(super) async fn run(
    options: &DemoOptions,
    output: &Output,
    signals: &Signals,
) -> Result<Exit, Failure> {
    let path = fresh_database(options.dir.as_deref(), "chatmirror-demo-iqchannels.db")?;
    let stop = signals.listen()?;
    let installation = installation();
    let habits = Habits {
        lost: 3,
        repeated: 20,
        overtaken: 40,
    };
    let sent = installation.live(habits, STEPS);
    let bodies = &sent.bodies;
    output.say(&format!(
        "a simulated installation with {} pushes {} deliveries in any order, some events twice and with what there is by then beside them, {} never",
        counted(CHATS, "chat"),
        grouped(i64::try_from(bodies.len()).unwrap_or(i64::MAX)),
        sent.lost.len()
    ));
    let told = Box::pin(tell(&path, &installation, &sent, &stop)).await?;
    let value = json!({
        "database": path,
        "deliveries": told.pushed.taken,
        "seconds": told.took.as_secs_f64(),
        "changed_when_repeated": told.changed_again,
        "lost": told.lost,
        "repaired": told.repaired,
        "tables": told.tables,
        "queries": QUERIES.map(|(question, sql)| json!({ "question": question, "sql": sql })),
    });
    output.done(&value, &in_words(&told, &path));
    Ok(Exit::Done)
}

fn installation() -> Installation {
    let span = Duration::from_hours(24 * DAYS);
    let pause = span.as_millis() * 2 / STEPS as u128;
    let history = History::new(Recipe {
        seed: SEED,
        chats: CHATS,
        began: Timestamp::now().minus(span),
        pause_ms: i64::try_from(pause).unwrap_or(i64::MAX),
    });
    Installation::new(history, Options::default())
}

fn config(path: &Path, base_url: &str) -> Result<Config, Failure> {
    let text = format!(
        "[source]\nkind = \"iqchannels\"\nbase_url = \"{base_url}\"\n[http]\nlisten = \"127.0.0.1:0\""
    );
    let mut config = Config::parse(&text)?;
    path.clone_into(&mut config.database.path);
    Ok(config)
}

/// Receives all of it, and all of it again; then reads in the lists what was lost.
async fn tell(
    path: &Path,
    installation: &Installation,
    sent: &Sent,
    stop: &CancellationToken,
) -> Result<Told, Failure> {
    let base_url = installation.spawn(stop.child_token()).await;
    let base_url = base_url.map_err(|error| Failure::unexpected(&error))?;
    let config = config(path, &base_url)?;
    let mailbox = Mailbox::open(&config, Clock::System).await?;
    let over = stop.child_token();
    let (listening, address) = oneshot::channel();
    let reception = Reception {
        config: &config,
        secret: Some(SECRET.into()),
        token: None,
        stop: &over,
        reload: Reload::never(),
        listening: Some(listening),
    };
    let mut heart = Heart::new(Clock::System);
    let sending = async {
        let pushing = async {
            let address = address.await.map_err(|error| Failure::unexpected(&error))?;
            send(&mailbox, address, &sent.bodies).await
        };
        let pushed = pushing.await;
        over.cancel();
        pushed
    };
    let (received, pushed) =
        tokio::join!(daemon::receive(&mailbox, reception, &mut heart), sending);
    received?;
    let (pushed, took, again, changed_again) = pushed?;
    let repaired = repaired(&mailbox, &config, installation, stop).await?;
    let reader = mailbox.store().reader();
    let mut tables = reader.table_counts().await?;
    tables.extend(reader.event_counts().await?);
    mailbox.close(RunStatus::Complete).await?;
    Ok(Told {
        pushed,
        took,
        again,
        changed_again,
        lost: sent.lost.len(),
        repaired,
        tables,
    })
}

async fn repaired(
    mailbox: &Mailbox,
    config: &Config,
    installation: &Installation,
    stop: &CancellationToken,
) -> Result<Repaired, Failure> {
    let key = installation.options().authorization;
    let token = key.trim_start_matches("Bearer ").into();
    let client = daemon::asking(
        config,
        &token,
        Governor::new(0, Clock::System),
        Clock::System,
    )?;
    let repair = Repair {
        client: &client,
        store: mailbox.store(),
        clock: &Clock::System,
        stop,
        max_in_flight: 4,
    };
    Ok(pass::repair(&repair, Mode::Reconcile).await?)
}

type Sending = (Pushed, Duration, Pushed, i64);

async fn send(
    mailbox: &Mailbox,
    address: SocketAddr,
    bodies: &[String],
) -> Result<Sending, Failure> {
    let url = format!("http://{address}/events");
    let failed = |error: reqwest::Error| Failure::unexpected(&error);
    let begun = Instant::now();
    let pushed = push(&url, SECRET, bodies).await.map_err(failed)?;
    let took = begun.elapsed();
    let reader = mailbox.store().reader();
    let before = reader.last_change().await?;
    let again = push(&url, SECRET, bodies).await.map_err(failed)?;
    let changed = reader.last_change().await? - before;
    Ok((pushed, took, again, changed))
}

fn in_words(told: &Told, path: &Path) -> String {
    let mut text = String::from("\nmirrored\n");
    for TableCount { table, rows, .. } in &told.tables {
        let _ = writeln!(text, "  {table:<12}{:>8}", grouped(*rows));
    }
    let count = |pushed: usize| i64::try_from(pushed).unwrap_or(i64::MAX);
    let millis = i64::try_from(told.took.as_millis().max(1)).unwrap_or(i64::MAX);
    let _ = writeln!(
        text,
        "  in {:.1} s from {} deliveries, each on the disk before it was acknowledged ({} a second)\n",
        told.took.as_secs_f64(),
        grouped(count(told.pushed.taken)),
        grouped(count(told.pushed.taken) * 1000 / millis)
    );
    let _ = writeln!(
        text,
        "all of them pushed again: {} taken in, {} changed",
        grouped(count(told.again.taken)),
        counted(told.changed_again, "row")
    );
    let rows = told.repaired.rows;
    let _ = writeln!(
        text,
        "{} were lost on the way: the installation's lists brought {} and {} changed ({}); what only events tell stays lost",
        counted(count(told.lost), "event"),
        counted(rows.inserted, "new row"),
        grouped(rows.updated),
        counted(told.repaired.requests.cast_signed(), "request")
    );
    text.push_str(&worth_trying(path, &QUERIES));
    text
}
