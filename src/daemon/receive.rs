//! The service for a platform that pushes: nothing is asked for, everything is received until told to stop.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::heart::Heart;
use super::http::{Parts, Server};
use super::mailbox::Mailbox;
use super::receiver::{self, Received};
use super::service::ServiceError;
use crate::config::Config;
use crate::source::{Governor, RequestCounts};

/// Bodies that have been kept for long enough are dropped this often.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// What such a service works by.
#[derive(Debug)]
pub struct Reception<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// What senders must bring.
    pub secret: Option<SecretString>,
    /// Told to stop, it comes to an orderly end.
    pub stop: &'a CancellationToken,
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
        stop,
        listening,
    } = reception;
    if config.http.listen.is_none() {
        return Err(ServiceError::Deaf);
    }
    if secret.is_none() {
        tracing::warn!(
            "receiver.secret_file is empty: whoever reaches this address can push events"
        );
    }
    let (router, desk) = receiver::receiver(&config.receiver.path, secret);
    let clock = mailbox.clock();
    let parts = Parts {
        reader: mailbox.store().reader().clone(),
        clock: clock.clone(),
        requests: RequestCounts::default(),
        governor: Governor::new(0, clock.clone()),
    };
    let server = Server::start(&config.http, parts, heart.signs(), Some(router)).await?;
    tracing::info!(path = config.receiver.path, "receiving events");
    if let (Some(listening), Some(server)) = (listening, &server) {
        // Whoever asked may have gone.
        let _ = listening.send(server.address());
    }
    let received = Received::default();
    heart.ready();
    let watching = async {
        let mut tidied_at = clock.now();
        loop {
            heart.say(&received.in_words());
            heart.at_rest();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(heart.every()) => {}
            }
            if clock.now().since(tidied_at) >= TIDY_EVERY {
                tidied_at = clock.now();
                if let Err(error) = mailbox.tidy().await {
                    tracing::warn!(%error, "old bodies could not be dropped; tried again in an hour");
                }
            }
        }
        heart.stopping();
        if let Some(server) = server {
            server.close().await;
        }
    };
    tokio::join!(desk.work(mailbox, &received), watching);
    Ok(())
}
