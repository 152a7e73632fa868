//! A mirror that is fed by deliveries: the file, bound to its installation, and the books of what comes in.

use std::time::Duration;

use tokio::sync::OnceCell;

use super::mirror::OpenError;
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Kind};
use crate::model::Account;
use crate::pass::{self, Manner, Parcel, Receipt};
use crate::store::{Binding, Durability, RunEnd, RunStatus, Store, StoreError};

/// Where deliveries go.
#[derive(Debug)]
pub struct Mailbox {
    store: Store,
    clock: Clock,
    /// The books of what comes in: opened when something does.
    run_id: OnceCell<i64>,
    keep: Option<Duration>,
}

impl Mailbox {
    /// Opens the file and binds it to the installation that the configuration names.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(config: &Config, clock: Clock) -> Result<Self, OpenError> {
        if config.source.kind != Kind::IqChannels {
            return Err(OpenError::NotPushed(config.source.kind));
        }
        // What is acknowledged cannot be asked for again, so a power cut must not take it.
        let store = Store::open_as(&config.database.path, Durability::OnDisk).await?;
        match Self::prepare(&store, config, &clock).await {
            Ok(()) => Ok(Self {
                store,
                run_id: OnceCell::new(),
                keep: config
                    .receiver
                    .keep_days
                    .map(|days| Duration::from_hours(24 * u64::from(days))),
                clock,
            }),
            Err(error) => {
                store.close().await;
                Err(error.into())
            }
        }
    }

    async fn prepare(store: &Store, config: &Config, clock: &Clock) -> Result<(), StoreError> {
        // Ids are unique within one installation only, and it tells nothing of itself: its address is its name.
        let account = Account {
            id: config.source.installation().to_owned(),
            name: None,
            time_zone: None,
        };
        let binding = Binding {
            kind: Kind::IqChannels.as_str(),
            account,
            activities: config.source.activities,
        };
        store.bind(&binding, clock.now()).await?;
        store.count_by(&config.report).await?;
        store.keep_index(config.search.index).await
    }

    /// How what comes in now is taken in.
    pub(super) async fn manner(&self) -> Result<Manner, StoreError> {
        let begin = || self.store.begin_intake(self.clock.now());
        Ok(Manner {
            run_id: *self.run_id.get_or_try_init(begin).await?,
            at: self.clock.now(),
            keep: self.keep.is_some(),
        })
    }

    /// Takes parcels in, together. When this returns, they are in the file.
    ///
    /// # Errors
    /// Whatever the store says. Some of them may be in the file even then, and all may be sent again.
    pub async fn take_in(&self, parcels: &[Parcel]) -> Result<Receipt, StoreError> {
        pass::take_in(&self.store, parcels, self.manner().await?).await
    }

    /// Drops the bodies that have been kept for long enough.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let before = self.keep.map_or(now, |keep| now.minus(keep));
        self.store.drop_deliveries(before).await
    }

    /// The file.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The clock.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Closes the books and the file in order.
    ///
    /// # Errors
    /// Whatever the store says; the file is closed then, too.
    pub async fn close(self, status: RunStatus) -> Result<(), StoreError> {
        let end = RunEnd {
            status,
            requests: 0,
            audited: 0,
            error: None,
            at: self.clock.now(),
        };
        let tidied = self.tidy().await;
        let finished = match self.run_id.get() {
            Some(run_id) => self.store.finish_run(*run_id, end).await.map(drop),
            None => Ok(()),
        };
        self.store.close().await;
        tidied?;
        finished
    }
}
