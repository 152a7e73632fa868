//! A mirror ready to work: the file, the source, the budget between them, and the certainty that they belong together.

use std::hash::{DefaultHasher, Hash, Hasher};

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{self, Kind};
use crate::pass::{self, Audit, Outcome, PassError, Progress, Setting, Verification};
use crate::plan::{Mode, Rules};
use crate::source::smartsender::{Client, Settings};
use crate::source::{Governor, GovernorState, RequestCounts, Room, SourceError};
use crate::store::{Binding, Reader, Store, StoreError};

/// Under this name the ledger keeps which token was last seen to open the account.
const TOKEN: &str = "source.token";

/// How long a pass that is told to stop waits for the answer that is under way: a service is to stop within five seconds.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// Chats that are due and held in memory at once: less than a megabyte. Each time that so many were read, those that are left are sorted anew.
const CHATS_AT_A_TIME: usize = 20_000;

/// Passes that changed nothing are of no interest after this.
const KEEP_IDLE_RUNS: Duration = Duration::from_hours(24 * 90);

/// Everything that passes need.
#[derive(Debug)]
pub struct Mirror {
    client: Client,
    governor: Governor,
    store: Store,
    clock: Clock,
    kind: Kind,
    activities: bool,
    max_in_flight: usize,
    token_fingerprint: String,
    /// Never cancelled.
    nobody_waits: CancellationToken,
}

/// Why a mirror could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The platform is not one that is asked.
    #[error("source.kind = \"{0}\" is a platform that pushes: there is nothing to ask it for")]
    Kind(Kind),
    /// The platform is not one that pushes.
    #[error("source.kind = \"{0}\" is a platform that is asked: it pushes nothing")]
    NotPushed(Kind),
    /// The file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The source.
    #[error("failed to {0}")]
    Source(#[from] SourceError),
    /// Told to stop.
    #[error("told to stop")]
    Stopped,
}

/// A pass that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// What it is for.
    pub mode: Mode,
    /// Whether a sudden loss of many chats, or of much that many of them held, is to be believed.
    pub accept_deletions: bool,
    /// What it may spend on re-reading what is not owed.
    pub audit: Option<Audit>,
    /// How often to look for news while lists are walked to their end; nothing: not at all.
    pub look_every: Option<Duration>,
    /// Whether requests are so scarce that chats are left until they have settled.
    pub settled_only: bool,
}

impl From<Mode> for Order {
    /// A pass that believes no sudden loss and re-reads nothing.
    fn from(mode: Mode) -> Self {
        Self {
            mode,
            accept_deletions: false,
            audit: None,
            look_every: None,
            settled_only: false,
        }
    }
}

impl Mirror {
    /// Opens the file and prepares the client; nothing is asked yet.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(
        config: &config::Config,
        token: SecretString,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let source = &config.source;
        let token_fingerprint = fingerprint(source.base_url.as_str(), &token);
        let governor = Governor::new(source.requests_per_minute, clock.clone());
        let client = client(source, token, governor.clone(), clock.clone())?;
        let store = Store::open(&config.database.path).await?;
        store.count_by(&config.report).await?;
        store.keep_index(config.search.index).await?;
        restore_budget(&governor, store.reader()).await?;
        Ok(Self {
            client,
            governor,
            store,
            clock,
            kind: source.kind,
            activities: source.activities,
            max_in_flight: usize::try_from(source.max_in_flight).unwrap_or(1),
            token_fingerprint,
            nobody_waits: CancellationToken::new(),
        })
    }

    /// Makes sure that the token opens the account that the file mirrors. A token that was seen to do so is not asked about again.
    ///
    /// # Errors
    /// [`OpenError`]; the file is nobody else's then than it was.
    pub async fn bind(&self, stop: &CancellationToken) -> Result<(), OpenError> {
        let known: Option<String> = self.store.reader().learned(TOKEN).await?;
        if known.as_ref() == Some(&self.token_fingerprint)
            && let Some(account) = self.store.reader().account().await?
        {
            return Ok(self
                .store
                .bind(&self.binding(account), self.clock.now())
                .await?);
        }
        let account = loop {
            self.keep_budget(true).await?;
            let answer = stop.run_until_cancelled(self.client.account()).await;
            self.keep_budget(false).await?;
            match answer.ok_or(OpenError::Stopped)? {
                Ok(answer) => break answer.value,
                Err(SourceError::Locked { until, .. }) => {
                    let now = self.clock.now();
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return Err(OpenError::Stopped),
                        () = self.clock.sleep(until.since(now)) => {}
                    }
                }
                Err(error) => return Err(error.into()),
            }
        };
        self.store
            .bind(&self.binding(account), self.clock.now())
            .await?;
        self.store
            .learn(TOKEN, &self.token_fingerprint, self.clock.now())
            .await?;
        Ok(())
    }

    /// Works by another configuration from now on. The file stays; a token or an address that was not seen to open its
    /// account must be seen to do so first.
    ///
    /// # Errors
    /// [`OpenError`]; the mirror then works as before.
    pub async fn reconfigure(
        &mut self,
        source: &config::Source,
        token: SecretString,
        stop: &CancellationToken,
    ) -> Result<(), OpenError> {
        let token_fingerprint = fingerprint(source.base_url.as_str(), &token);
        let governor = Governor::new(source.requests_per_minute, self.clock.clone());
        governor.restore(&self.governor.state());
        let mut client = client(source, token, governor.clone(), self.clock.clone())?;
        client.count_into(self.client.counts());
        if token_fingerprint != self.token_fingerprint {
            self.keep_budget(true).await?;
            let answer = stop.run_until_cancelled(client.account()).await;
            // A lock that it met is the old token's as well.
            self.governor.take_in(&governor);
            self.keep_budget(false).await?;
            let account = answer.ok_or(OpenError::Stopped)??.value;
            let now = self.clock.now();
            self.store.bind(&self.binding(account), now).await?;
            self.store.learn(TOKEN, &token_fingerprint, now).await?;
        }
        self.client = client;
        self.governor = governor;
        self.max_in_flight = usize::try_from(source.max_in_flight).unwrap_or(1);
        self.token_fingerprint = token_fingerprint;
        Ok(())
    }

    /// Runs one pass. `stop` ends it between two pages; `give_way` after the chats at hand.
    ///
    /// # Errors
    /// [`PassError`].
    pub async fn pass(
        &self,
        order: Order,
        stop: &CancellationToken,
        give_way: &CancellationToken,
        progress: &watch::Sender<Progress>,
    ) -> Result<Outcome, PassError> {
        let setting = Setting {
            give_way,
            audit: order.audit,
            accept_deletions: order.accept_deletions,
            look_every: order.look_every,
            settled_only: order.settled_only,
            ..self.setting(stop, progress)
        };
        pass::run(&setting, order.mode).await
    }

    /// Drops what the ledger need not keep any longer, and leaves the file in good order. What stands in the way for a while only, such as a disk
    /// that is full just now, waits for the next time.
    ///
    /// # Errors
    /// Whatever else the store says.
    pub async fn tidy(&self, changes: config::Changes) -> Result<(), StoreError> {
        match self.drop_old(changes).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "old lines stay until the next time");
                Ok(())
            }
            tidied => tidied,
        }
    }

    async fn drop_old(&self, changes: config::Changes) -> Result<(), StoreError> {
        let now = self.clock.now();
        if let Some(days) = changes.keep_days {
            self.store
                .drop_changes(now.minus(Duration::from_hours(24 * u64::from(days))))
                .await?;
        }
        self.store.drop_idle_runs(now.minus(KEEP_IDLE_RUNS)).await?;
        self.store.optimise().await
    }

    /// Compares these chats with the source, and owes the next pass what differs.
    ///
    /// # Errors
    /// [`PassError`].
    pub async fn verify(
        &self,
        chats: Vec<i64>,
        found: &mut Verification,
        stop: &CancellationToken,
        progress: &watch::Sender<Progress>,
    ) -> Result<(), PassError> {
        self.keep_budget(true).await?;
        let verified = pass::verify(&self.setting(stop, progress), chats, found).await;
        let kept = self.keep_budget(false).await;
        verified?;
        Ok(kept?)
    }

    /// Writes down what was asked, for the next process. `in_use`: more may be asked before it is written again.
    async fn keep_budget(&self, in_use: bool) -> Result<(), StoreError> {
        let state = GovernorState {
            in_use,
            ..self.governor.state()
        };
        let now = self.clock.now();
        self.store.learn(GovernorState::NAME, &state, now).await
    }

    /// What passes work with; nobody waits for them, and a sudden loss is not believed.
    fn setting<'a>(
        &'a self,
        stop: &'a CancellationToken,
        progress: &'a watch::Sender<Progress>,
    ) -> Setting<'a> {
        Setting {
            client: &self.client,
            governor: &self.governor,
            store: &self.store,
            clock: &self.clock,
            stop,
            give_way: &self.nobody_waits,
            progress,
            max_in_flight: self.max_in_flight,
            chats_at_a_time: CHATS_AT_A_TIME,
            audit: None,
            accept_deletions: false,
            look_every: None,
            last_answer: LAST_ANSWER,
            settled_only: false,
            rules: Rules::default(),
        }
    }

    /// The file.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What was asked of the source, for whoever counts.
    pub(super) fn request_counts(&self) -> RequestCounts {
        self.client.counts()
    }

    /// The request budget.
    pub(super) fn governor(&self) -> &Governor {
        &self.governor
    }

    /// What the budget allows at present.
    #[must_use]
    pub fn room(&self) -> Room {
        self.governor.room()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Closes the file in order.
    pub async fn close(self) {
        self.store.close().await;
    }

    fn binding(&self, account: crate::model::Account) -> Binding {
        Binding {
            kind: self.kind.as_str(),
            account,
            activities: self.activities,
        }
    }
}

/// Whoever made the configuration and tried it has asked so often, and had no mirror to write it down in.
const ASKED_BEFORE: u32 = 20;

/// Lets `governor` go on from what the mirror knows of the budget: a locked source is not asked.
///
/// # Errors
/// Whatever SQLite says.
pub async fn restore_budget(governor: &Governor, mirror: &Reader) -> Result<(), StoreError> {
    let kept: Option<GovernorState> = mirror.learned(GovernorState::NAME).await?;
    governor.restore(&kept.unwrap_or_else(|| governor.after(ASKED_BEFORE)));
    Ok(())
}

/// A client for the source that the configuration names.
///
/// # Errors
/// [`OpenError::Kind`], or [`SourceError::Setup`].
pub fn client(
    source: &config::Source,
    token: SecretString,
    governor: Governor,
    clock: Clock,
) -> Result<Client, OpenError> {
    if source.kind != Kind::SmartSender {
        return Err(OpenError::Kind(source.kind));
    }
    let settings = Settings {
        base_url: source.base_url.clone(),
        time_zone: source.time_zone,
        requests_per_minute: source.requests_per_minute,
        request_timeout: source.request_timeout,
        activities: source.activities,
    };
    Ok(Client::new(settings, token, governor, clock)?)
}

/// Tells one token from another, and tells nothing about either.
fn fingerprint(base_url: &str, token: &SecretString) -> String {
    let mut hasher = DefaultHasher::new();
    base_url.hash(&mut hasher);
    token.expose_secret().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
