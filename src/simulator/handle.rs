//! The handle to a simulated account: what tests and the demonstration hold while it is being served.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::account::{Account, Chat};
use super::fault::FaultRule;
use super::hooks::Hook;
use super::mutation::Mutation;
use super::options::Options;
use super::request::Request;
use super::server;
use super::world::World;
use crate::clock::{Clock, Timestamp};

/// A simulated account that can be served, watched and changed at the same time. Clones are the same account.
#[derive(Clone)]
pub struct Simulator {
    world: Arc<Mutex<World>>,
    clock: Clock,
}

impl Simulator {
    /// Puts `account` behind the platform's interface. The `Date` of every answer and the time of every change come from `clock`.
    #[must_use]
    pub fn new(account: Account, options: Options, clock: Clock) -> Self {
        let world = World::new(account, options, clock.clone());
        Self {
            world: Arc::new(Mutex::new(world)),
            clock,
        }
    }

    /// Serves the account under `/v1` until `shutdown`.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
        server::serve(listener, shutdown, move |question| {
            let simulator = self.clone();
            async move {
                let latency = simulator.world().latency();
                if !latency.is_zero() {
                    simulator.clock.sleep(latency).await;
                }
                simulator.world().answer(&question)
            }
        })
        .await
    }

    /// Serves the account in the background on a free port of this machine, and says its base address.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn spawn(&self, shutdown: CancellationToken) -> io::Result<String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base = server::base_url(listener.local_addr()?);
        tokio::spawn(self.clone().serve(listener, shutdown));
        Ok(base)
    }

    /// Looks at the account as it is now.
    pub fn account<R>(&self, look: impl FnOnce(&Account) -> R) -> R {
        let mut world = self.world();
        world.catch_up();
        look(&world.account)
    }

    /// With [`Options::keep_past`]: every chat as it was before each change to it, with the moment of that change,
    /// oldest first. With the present account this is all that a client may ever have been told.
    #[must_use]
    pub fn past(&self) -> Vec<(Timestamp, Chat)> {
        self.world().past.clone()
    }

    /// Makes a change at the clock's present second. The id of the message, gate or chat that it was about;
    /// nothing if there was nothing to change.
    #[expect(
        clippy::must_use_candidate,
        reason = "the change is what counts, the id is for those who want to go on from it"
    )]
    pub fn apply(&self, mutation: Mutation) -> Option<i64> {
        self.world().apply(mutation)
    }

    /// Lets a change happen when the clock comes to `at`.
    pub fn plan(&self, at: Timestamp, mutation: Mutation) {
        self.world().plan(at, mutation);
    }

    /// The planned changes that have happened, in their order: when, and the id of what each was about.
    #[must_use]
    pub fn came(&self) -> Vec<(Timestamp, Option<i64>)> {
        self.world().came.clone()
    }

    /// How often the account was locked so far, whoever asked too much.
    #[must_use]
    pub fn locks(&self) -> u64 {
        self.world().locks()
    }

    /// Makes `count` random changes at the clock's present second.
    pub fn churn(&self, count: usize, rng: &mut fastrand::Rng) {
        self.world().churn(count, rng);
    }

    /// Sets a hook.
    pub fn when_served(&self, hook: Hook) {
        self.world().hooks.set(hook);
    }

    /// Takes all hooks away.
    pub fn clear_hooks(&self) {
        self.world().hooks.clear();
    }

    /// Sets a fault; of several that would happen to a request, the one that was set first does.
    pub fn fault(&self, rule: FaultRule) {
        self.world().faults.set(rule);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// Lets the token in again, or not any more.
    pub fn set_token_valid(&self, valid: bool) {
        self.world().token_valid = valid;
    }

    /// The options as they are now.
    #[must_use]
    pub fn options(&self) -> Options {
        self.world().options().clone()
    }

    /// Changes the options while running.
    pub fn change_options(&self, change: impl FnOnce(&mut Options)) {
        self.world().change_options(change);
    }

    /// The requests so far, oldest first; of very many only the newest.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.world().requests.iter().cloned().collect()
    }

    /// How many requests there were so far.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.world().request_count
    }

    /// The requests that a well-behaved mirror would never have sent.
    #[must_use]
    pub fn violations(&self) -> Vec<Request> {
        let world = self.world();
        let violations = world
            .requests
            .iter()
            .filter(|request| request.is_violation());
        violations.cloned().collect()
    }

    /// The largest number of requests in any sixty seconds.
    #[must_use]
    pub fn busiest_minute(&self) -> usize {
        let world = self.world();
        let minute = Duration::from_mins(1);
        let mut first = 0;
        let mut most = 0;
        for (place, request) in world.requests.iter().enumerate() {
            while world.requests[first].at.plus(minute) <= request.at {
                first += 1;
            }
            most = most.max(place + 1 - first);
        }
        most
    }

    /// A panic elsewhere must not hide behind a second one here.
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
