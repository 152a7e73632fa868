//! The service for a platform that pushes: nothing is asked for, everything is received until told to stop.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::heart::Heart;
use super::http::{Parts, Server};
use super::mailbox::Mailbox;
use super::mirror::OpenError;
use super::outcome::ServiceError;
use super::receiver::{self, Received, Secret};
use super::reload::Reload;
use super::repair;
use crate::clock::Clock;
use crate::config::Config;
use crate::source::{Governor, RequestCounts, iqchannels};

/// Bodies that have been kept for long enough are dropped this often.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// What such a service works by.
#[derive(Debug)]
pub struct Reception<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// What senders must bring.
    pub secret: Option<SecretString>,
    /// What lets in where the platform is asked; nothing: it is not.
    pub token: Option<SecretString>,
    /// Told to stop, it comes to an orderly end.
    pub stop: &'a CancellationToken,
    /// Told to, it reads the secret again.
    pub reload: Reload,
    /// Is told where it listens.
    pub listening: Option<oneshot::Sender<SocketAddr>>,
}

/// Receives until told to stop. Whatever was acknowledged is in the file then.
///
/// # Errors
/// [`ServiceError`], if it cannot listen.
pub async fn receive(
    mailbox: &Mailbox,
    reception: Reception<'_>,
    heart: &mut Heart,
) -> Result<(), ServiceError> {
    let Reception {
        config,
        secret,
        token,
        stop,
        mut reload,
        listening,
    } = reception;
    if config.http.listen.is_none() && !config.repair.is_on() {
        return Err(ServiceError::Deaf);
    }
    if secret.is_none() && config.http.listen.is_some() {
        tracing::warn!(
            "receiver.secret_file is empty: whoever reaches this address can push events"
        );
    }
    let secret = Secret::new(secret.into());
    let (router, desk) = receiver::receiver(&config.receiver.path, Secret::clone(&secret));
    let clock = mailbox.clock();
    let governor = Governor::new(config.source.requests_per_minute, clock.clone());
    let client = token
        .map(|token| asking(config, &token, governor.clone(), clock.clone()))
        .transpose()?;
    let parts = Parts {
        reader: mailbox.store().reader().clone(),
        clock: clock.clone(),
        requests: client
            .as_ref()
            .map_or_else(RequestCounts::default, iqchannels::Client::counts),
        governor,
    };
    let received = Arc::new(Received::default());
    let intake = Some((router, Arc::clone(&received)));
    let server = Server::start(&config.http, parts, heart.signs(), intake).await?;
    if server.is_some() {
        tracing::info!(path = config.receiver.path, "receiving events");
    }
    if let (Some(listening), Some(server)) = (listening, &server) {
        // Whoever asked may have gone.
        let _ = listening.send(server.address());
    }
    heart.ready();
    let watching = async {
        let mut tidied_at = clock.now();
        loop {
            heart.say(&received.in_words());
            heart.at_rest();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = reload.asked() => read_again(&reload, config, &secret, heart),
                () = tokio::time::sleep(heart.every()) => {}
            }
            if clock.now().since(tidied_at) >= TIDY_EVERY {
                tidied_at = clock.now();
                if let Err(error) = heart.beside(mailbox.tidy()).await {
                    tracing::warn!(%error, "old bodies could not be dropped; tried again in an hour");
                }
            }
        }
        heart.stopping();
        if let Some(server) = server {
            server.close().await;
        }
    };
    let repairing = async {
        match &client {
            Some(client) => Box::pin(repair::keep(mailbox, config, client, stop)).await,
            None => Ok(()),
        }
    };
    let ((), (), repaired) = tokio::join!(desk.work(mailbox, &received), watching, repairing);
    repaired
}

/// Takes up a new secret; what else has changed is refused, and the old one stays.
fn read_again(reload: &Reload, in_use: &Config, secret: &Secret, heart: &mut Heart) {
    heart.reloading();
    match reload.read_secret(in_use) {
        Ok(fresh) => {
            *secret.write().unwrap_or_else(PoisonError::into_inner) = fresh;
            tracing::info!("the receiver's secret has been read again");
        }
        Err(error) => {
            tracing::error!(%error, "the new configuration is refused; the old one stays in use");
            heart.say(&format!("the new configuration is refused: {error}"));
        }
    }
    heart.ready();
}

/// The client that asks an installation.
///
/// # Errors
/// [`OpenError`], if the token cannot stand in its header.
pub fn asking(
    config: &Config,
    token: &SecretString,
    governor: Governor,
    clock: Clock,
) -> Result<iqchannels::Client, OpenError> {
    let settings = iqchannels::Settings {
        base_url: config.source.base_url.clone(),
        header: config.repair.header.clone(),
        request_timeout: config.source.request_timeout,
    };
    Ok(iqchannels::Client::new(settings, token, governor, clock)?)
}
