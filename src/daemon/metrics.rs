//! The page `/metrics`: what is so now, gathered when it is asked for. No name, no text, no id of anybody is in it.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::clock::Timestamp;
use crate::source::GovernorState;
use crate::store::{Coverage, FileSizes, Freshness, Reader, RunSeen, Sizes, StoreError};

type Number = Gauge<f64, AtomicU64>;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PassLabels {
    mode: String,
    status: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    kind: &'static str,
    status: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabel {
    reason: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ChangeLabel {
    change: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ModeLabel {
    mode: &'static str,
}

/// What passes have done since the process started, by the ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// The first pass that is not in it.
    next: i64,
    passes: BTreeMap<(String, String), u64>,
    rows: [i64; 3],
    rejects: i64,
}

impl Tally {
    /// Counts from the pass after `last` on.
    pub(super) fn after(last: i64) -> Self {
        Self {
            next: last + 1,
            ..Self::default()
        }
    }

    /// Takes in what has ended, and gives the sum with what is under way.
    fn so_far(&mut self, runs: &[RunSeen]) -> Self {
        let mut sum = self.clone();
        // What has ended behind one that goes on is counted anew each time, until that one ends.
        let mut all_ended = true;
        for run in runs {
            sum.add(run);
            let has_ended = run.status != "running";
            all_ended &= has_ended;
            if has_ended {
                let key = (run.mode.clone(), run.status.clone());
                *sum.passes.entry(key).or_default() += 1;
            }
            if all_ended {
                sum.next = run.id + 1;
                *self = sum.clone();
            }
        }
        sum
    }

    fn add(&mut self, run: &RunSeen) {
        let [inserted, updated, deleted] = &mut self.rows;
        *inserted += run.inserted;
        *updated += run.updated;
        *deleted += run.deleted;
        self.rejects += run.rejects;
    }
}

/// What the mirror says of itself.
#[derive(Debug)]
pub(super) struct Told {
    tally: Tally,
    freshness: Freshness,
    coverage: Coverage,
    sizes: Sizes,
    drift: i64,
    files: FileSizes,
}

impl Told {
    pub(super) async fn by(reader: &Reader, tally: &mut Tally) -> Result<Self, StoreError> {
        Ok(Self {
            tally: tally.so_far(&reader.runs_from(tally.next).await?),
            freshness: reader.freshness().await?,
            coverage: reader.coverage().await?,
            sizes: reader.sizes().await?,
            drift: reader.drift_kinds().await?,
            files: FileSizes::of(reader.path()),
        })
    }
}

/// What only the process itself knows.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) now: Timestamp,
    pub(super) beat_at: Option<Timestamp>,
    pub(super) moved_at: Option<Timestamp>,
    pub(super) budget: GovernorState,
    pub(super) requests: BTreeMap<(&'static str, Option<u16>), u64>,
    /// For how long some other process has had a transaction open in the mirror.
    pub(super) reader_age: Duration,
}

/// The page, in the text format of `OpenMetrics`.
pub(super) fn page(told: &Told, known: &Known) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("chatmirror");
    let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The program", build);
    alive(&mut registry, known);
    work(&mut registry, &told.tally);
    source(&mut registry, known);
    fresh(&mut registry, &told.freshness, known.now);
    whole(&mut registry, told);
    disk(&mut registry, told.files, known.reader_age);
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

fn alive(registry: &mut Registry, known: &Known) {
    let age = |moment: Option<Timestamp>| moment.map(|moment| seconds(known.now, moment));
    number(
        registry,
        "beat_age_seconds",
        "Since the loop that works last gave a sign of life",
        age(known.beat_at),
    );
    number(
        registry,
        "progress_age_seconds",
        "Since a pass last got ahead, or there was nothing to do",
        age(known.moved_at),
    );
}

fn work(registry: &mut Registry, tally: &Tally) {
    let passes = Family::<PassLabels, Counter>::default();
    for ((mode, status), count) in &tally.passes {
        let (mode, status) = (mode.clone(), status.replace(' ', "_"));
        passes
            .get_or_create(&PassLabels { mode, status })
            .inc_by(*count);
    }
    registry.register("passes", "Passes that ended, by how", passes);
    let rows = Family::<ChangeLabel, Counter>::default();
    let changes = ["inserted", "updated", "deleted"];
    for (change, count) in changes.into_iter().zip(tally.rows) {
        let row = rows.get_or_create(&ChangeLabel { change });
        row.inc_by(count.unsigned_abs());
    }
    registry.register("rows", "Rows written, by what became of them", rows);
    let rejects = Counter::<u64>::default();
    rejects.inc_by(tally.rejects.unsigned_abs());
    registry.register(
        "rejects_met",
        "Items met that could not be read, each time",
        rejects,
    );
}

fn source(registry: &mut Registry, known: &Known) {
    let requests = Family::<RequestLabels, Counter>::default();
    for ((kind, status), count) in &known.requests {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        let request = requests.get_or_create(&RequestLabels { kind, status });
        request.inc_by(*count);
    }
    registry.register(
        "requests",
        "Requests by kind and by the answer's status",
        requests,
    );
    let locked = known.budget.locked_until;
    let locked = locked.map_or(0.0, |until| seconds(until, known.now));
    number(
        registry,
        "lock_seconds",
        "How much longer the source takes no requests",
        Some(locked),
    );
    number(
        registry,
        "pace_requests_per_minute",
        "The pace at present; 0 without one",
        Some(f64::from(known.budget.pace)),
    );
}

fn fresh(registry: &mut Registry, freshness: &Freshness, now: Timestamp) {
    let through = freshness.complete_through;
    number(
        registry,
        "complete_through_timestamp_seconds",
        "Everything that the source had by then is stored",
        through.map(unix),
    );
    number(
        registry,
        "lag_seconds",
        "How long ago that moment is",
        through.map(|through| seconds(now, through)),
    );
    let ends = Family::<ModeLabel, Number>::default();
    for (mode, end) in [
        ("backfill", freshness.last_backfill_at),
        ("incremental", freshness.last_incremental_at),
        ("reconcile", freshness.last_reconcile_at),
    ] {
        if let Some(end) = end {
            ends.get_or_create(&ModeLabel { mode }).set(unix(end));
        }
    }
    registry.register(
        "last_complete_pass_timestamp_seconds",
        "When a pass last met everything",
        ends,
    );
}

fn whole(registry: &mut Registry, told: &Told) {
    let Coverage {
        chats,
        proven,
        owed,
    } = &told.coverage;
    let owed_chats = Family::<ReasonLabel, Number>::default();
    // Two usual reasons are always there, so that a graph is not empty where nothing is owed.
    for reason in ["new", "changed"].map(str::to_owned) {
        owed_chats.get_or_create(&ReasonLabel { reason }).set(0.0);
    }
    for owed in owed {
        let reason = owed.reason.clone();
        let chats = owed_chats.get_or_create(&ReasonLabel { reason });
        chats.set(count(owed.chats));
    }
    registry.register("owed_chats", "Chats that are owed a reading", owed_chats);
    let share = (*chats > 0).then(|| count(*proven) / count(*chats));
    let messages = count(told.sizes.messages.cast_signed());
    let rejects = count(told.freshness.rejects);
    for (name, help, value) in [
        ("chats", "Chats that the source has", Some(count(*chats))),
        ("messages", "Messages stored of them", Some(messages)),
        (
            "proven_ratio",
            "The share of chats whose count was found equal and that are owed nothing since",
            share,
        ),
        (
            "rejects",
            "Items set aside that could not be read",
            Some(rejects),
        ),
        (
            "drift_kinds",
            "Kinds of values that no column is meant for",
            Some(count(told.drift)),
        ),
    ] {
        number(registry, name, help, value);
    }
}

fn disk(registry: &mut Registry, files: FileSizes, reader_age: Duration) {
    let bytes = |bytes: u64| count(bytes.cast_signed());
    for (name, help, value) in [
        (
            "database_bytes",
            "The database",
            Some(bytes(files.database)),
        ),
        (
            "wal_bytes",
            "Its write-ahead log, which grows while a reader holds a transaction open",
            Some(bytes(files.wal)),
        ),
        ("disk_free_bytes", "Room left", files.free.map(bytes)),
        (
            "reader_age_seconds",
            "How long some other process has been seen with a transaction open",
            Some(reader_age.as_secs_f64()),
        ),
    ] {
        number(registry, name, help, value);
    }
}

/// A number that is left out while there is none.
fn number(registry: &mut Registry, name: &str, help: &str, value: Option<f64>) {
    if let Some(value) = value {
        let gauge = Number::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody counts to 2^53 here, and a metric is a float anyway"
)]
fn count(number: i64) -> f64 {
    number as f64
}

fn seconds(later: Timestamp, earlier: Timestamp) -> f64 {
    later.since(earlier).as_secs_f64()
}

fn unix(moment: Timestamp) -> f64 {
    count(moment.millis()) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: i64, status: &str, inserted: i64) -> RunSeen {
        RunSeen {
            id,
            mode: "incremental".to_owned(),
            status: status.to_owned(),
            inserted,
            updated: 0,
            deleted: 0,
            rejects: 0,
        }
    }

    #[test]
    fn a_pass_under_way_is_counted_as_far_as_it_is_and_never_twice() {
        let mut tally = Tally::after(0);
        let sum = tally.so_far(&[run(1, "complete", 5), run(2, "running", 3)]);
        assert_eq!(sum.rows[0], 8);
        assert_eq!(tally.next, 2);
        let sum = tally.so_far(&[run(2, "running", 4)]);
        assert_eq!(sum.rows[0], 9);
        let sum = tally.so_far(&[run(2, "cut short", 4)]);
        assert_eq!((sum.rows[0], tally.next), (9, 3));
        assert_eq!(sum.passes.values().sum::<u64>(), 2);
    }

    #[test]
    fn what_goes_on_for_months_is_counted_beside_what_ends_meanwhile() {
        let mut tally = Tally::after(0);
        let sum = tally.so_far(&[run(1, "running", 5), run(2, "complete", 1)]);
        assert_eq!((sum.rows[0], tally.next), (6, 1));
        let sum = tally.so_far(&[run(1, "running", 9), run(2, "complete", 1)]);
        assert_eq!((sum.rows[0], sum.passes.values().sum::<u64>()), (10, 1));
        let sum = tally.so_far(&[run(1, "cut short", 9), run(2, "complete", 1)]);
        assert_eq!((sum.rows[0], tally.next), (10, 3));
    }
}
