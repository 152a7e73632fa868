//! The handle to a simulated installation: what tests and the demonstration hold while it is being served.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::DateTime;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::answers::Options;
use super::history::History;
use super::server;
use super::telling::{Habits, Told};

/// An installation that can be served, watched and changed at the same time. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Installation {
    history: Arc<Mutex<History>>,
    options: Arc<Mutex<Options>>,
    requests: Arc<Mutex<Vec<String>>>,
    /// Rings when something has happened.
    news: watch::Sender<u64>,
}

impl Installation {
    /// Puts a history behind the platform's interface.
    #[must_use]
    pub fn new(history: History, options: Options) -> Self {
        Self {
            history: Arc::new(Mutex::new(history)),
            options: Arc::new(Mutex::new(options)),
            requests: Arc::default(),
            news: watch::channel(0).0,
        }
    }

    /// Serves its lists and its stream on a free port of this machine until `shutdown`, and gives the address.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn spawn(&self, shutdown: CancellationToken) -> io::Result<String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(server::serve(self.clone(), listener, shutdown));
        Ok(format!("http://{address}"))
    }

    /// Looks at the account as it is now.
    pub fn account<R>(&self, look: impl FnOnce(&Account) -> R) -> R {
        look(self.history().account())
    }

    /// Lets so many things happen, and gives what is pushed of them.
    #[must_use = "the deliveries are pushed by nobody else"]
    pub fn live(&self, habits: Habits, steps: usize) -> Told {
        let told = habits.tell(&mut self.history(), steps);
        self.news.send_modify(|times| *times += 1);
        told
    }

    /// How it behaves.
    #[must_use]
    pub fn options(&self) -> Options {
        lock(&self.options).clone()
    }

    /// Lets it behave differently.
    pub fn change_options(&self, change: impl FnOnce(&mut Options)) {
        change(&mut lock(&self.options));
    }

    /// The requests so far: method, path and query, body.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.requests).clone()
    }

    /// Notes a request, and gives its number, from 1.
    pub(super) fn note(&self, request: String) -> usize {
        let mut requests = lock(&self.requests);
        requests.push(request);
        requests.len()
    }

    /// The installation's clock, as HTTP writes it.
    pub(super) fn date(&self) -> String {
        let idle = i64::try_from(self.options().idle.as_millis()).unwrap_or(i64::MAX);
        let now = self.history().now().saturating_add(idle);
        let moment = DateTime::from_timestamp_millis(now).unwrap_or_default();
        moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
