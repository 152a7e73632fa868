//! The daemon's own server: alive, fresh, and the numbers between them. It only reads, and tells nothing of what is mirrored.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::door;
use super::heart::Signs;
use super::metrics::{self, Known, Tally, Told};
use super::readers::Stays;
use super::receiver::Received;
use crate::clock::Clock;
use crate::config;
use crate::source::{Governor, RequestCounts};
use crate::store::{Reader, StoreError, wal_holders};

/// A loop without a sign of life for longer is not alive.
const SILENCE: Duration = Duration::from_mins(1);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the server answers from.
#[derive(Debug)]
struct Board {
    reader: Reader,
    signs: Arc<Signs>,
    clock: Clock,
    fresh_within: Duration,
    requests: RequestCounts,
    governor: Mutex<Governor>,
    tally: tokio::sync::Mutex<Tally>,
    stays: Mutex<Stays>,
    /// What came of pushed events; nothing where the source is asked.
    received: Option<Arc<Received>>,
}

/// What the server tells of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) reader: Reader,
    pub(super) clock: Clock,
    pub(super) requests: RequestCounts,
    pub(super) governor: Governor,
}

/// The server, for as long as this lives.
#[derive(Debug)]
pub(super) struct Server {
    board: Arc<Board>,
    address: SocketAddr,
    open: DropGuard,
    serving: JoinHandle<()>,
}

/// The server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken, or is not one of this machine's.
    #[error("cannot listen on {address} (http.listen): {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The mirror could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Server {
    /// Begins to answer, if the configuration names an address. `intake`: what takes pushed events, and what came of them.
    pub(super) async fn start(
        settings: &config::Http,
        parts: Parts,
        signs: Arc<Signs>,
        intake: Option<(Router, Arc<Received>)>,
    ) -> Result<Option<Self>, ServerError> {
        let Some(address) = settings.listen else {
            return Ok(None);
        };
        let refused = |source| ServerError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let open_to_others = !address.ip().is_loopback();
        tracing::info!(%address, "serving /healthz, /readyz and /metrics");
        if open_to_others {
            tracing::warn!(%address, "other machines can reach this address, and /healthz, /readyz and /metrics ask nobody who they are");
        }
        let Parts {
            reader,
            clock,
            requests,
            governor,
        } = parts;
        let last = reader.last_run_id().await?;
        let (router, received) = intake.unzip();
        let board = Arc::new(Board {
            signs,
            clock,
            fresh_within: settings.fresh_within,
            requests,
            governor: Mutex::new(governor),
            tally: tokio::sync::Mutex::new(Tally::after(last)),
            stays: Mutex::default(),
            reader,
            received,
        });
        let router = Router::new()
            .route("/healthz", get(healthz))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics_page))
            .with_state(Arc::clone(&board))
            .merge(router.unwrap_or_default());
        let stop = CancellationToken::new();
        let serving = tokio::spawn(door::serve(listener, router, stop.clone()));
        Ok(Some(Self {
            board,
            address,
            open: stop.drop_guard(),
            serving,
        }))
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends: what is being answered comes to its end, nobody else is answered.
    pub(super) async fn close(self) {
        drop(self.open);
        // It ends by itself, whatever became of it.
        let _ = self.serving.await;
    }

    /// From now on tells of this budget.
    pub(super) fn watch(&self, governor: &Governor) {
        let known = self.board.governor.lock();
        *known.unwrap_or_else(PoisonError::into_inner) = governor.clone();
    }
}

/// Alive: the loop that works gave a sign of life of late. Says nothing of the source, for no restart mends that.
async fn healthz(State(board): State<Arc<Board>>) -> impl IntoResponse {
    let Some(beat_at) = board.signs.beat_at() else {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "not alive: no sign of life yet\n".to_owned(),
        );
    };
    let silence = board.clock.now().since(beat_at);
    if silence <= SILENCE {
        (StatusCode::OK, "alive\n".to_owned())
    } else {
        let words = format!("not alive: no sign of life for {} s\n", silence.as_secs());
        (StatusCode::SERVICE_UNAVAILABLE, words)
    }
}

/// Fresh: the mirror is complete through a moment that is not too long ago. Where events are received: those that came last could be
/// taken in.
async fn readyz(State(board): State<Arc<Board>>) -> impl IntoResponse {
    let not = |words: String| (StatusCode::SERVICE_UNAVAILABLE, words);
    if let Some(received) = &board.received {
        let failing = match board.reader.last_run_id().await {
            Err(error) => Some(error.to_string()),
            Ok(_) => received.failing(),
        };
        return match failing {
            Some(failing) => not(format!("not ready: {failing}\n")),
            None => (StatusCode::OK, "receiving\n".to_owned()),
        };
    }
    let through = match board.reader.freshness().await {
        Err(error) => return not(format!("not fresh: {error}\n")),
        Ok(freshness) => freshness.complete_through,
    };
    let Some(through) = through else {
        return not("not fresh: not complete yet\n".to_owned());
    };
    let lag = board.clock.now().since(through);
    let words = format!("complete through {through} UTC, {} s ago\n", lag.as_secs());
    if lag <= board.fresh_within {
        (StatusCode::OK, format!("fresh: {words}"))
    } else {
        not(format!("not fresh: {words}"))
    }
}

async fn metrics_page(State(board): State<Arc<Board>>) -> axum::response::Response {
    let mut tally = board.tally.lock().await;
    let told = match Told::by(&board.reader, &mut tally).await {
        Ok(told) => told,
        Err(error) => {
            let words = format!("the mirror could not be asked: {error}\n");
            return (StatusCode::SERVICE_UNAVAILABLE, words).into_response();
        }
    };
    let budget = {
        let governor = board
            .governor
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        governor.state()
    };
    let now = board.clock.now();
    let holders = wal_holders(board.reader.path());
    let pids: Vec<u32> = holders.iter().map(|holder| holder.pid).collect();
    let reader_age = {
        let mut stays = board.stays.lock().unwrap_or_else(PoisonError::into_inner);
        stays.longest(&pids, now)
    };
    let known = Known {
        now,
        reader_age,
        beat_at: board.signs.beat_at(),
        moved_at: board.signs.moved_at(),
        budget,
        requests: board.requests.so_far(),
    };
    match metrics::page(&told, &known) {
        Ok(page) => ([(header::CONTENT_TYPE, OPEN_METRICS)], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
