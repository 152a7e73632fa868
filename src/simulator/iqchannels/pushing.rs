//! The side that pushes: deliveries sent to a receiver, several at a time, and again when it asks to come again.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::StatusCode;

/// Connections at once.
const SENDERS: usize = 64;

/// A receiver that asks to come again is given so long, and so often.
const PAUSE: Duration = Duration::from_millis(200);
const MOST_TRIES: u32 = 50;

/// What became of deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Acknowledged.
    pub taken: usize,
    /// Refused for good, or never answered.
    pub refused: usize,
    /// How often the receiver asked to come again.
    pub postponed: usize,
}

/// Sends each body to `url` with the secret.
///
/// # Errors
/// When the machine has no usable certificates, which plain HTTP needs as little as any.
pub async fn push(url: &str, secret: &str, bodies: &[String]) -> Result<Pushed, reqwest::Error> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build()?;
    let pushed = Mutex::new(Pushed::default());
    let note = |change: fn(&mut Pushed)| {
        change(&mut pushed.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let sending = stream::iter(bodies).map(|body| {
        let http = &http;
        async move {
            for _ in 0..MOST_TRIES {
                let request = http.post(url).bearer_auth(secret).body(body.clone());
                match request.send().await.map(|answer| answer.status()) {
                    Ok(status) if status.is_success() => return note(|pushed| pushed.taken += 1),
                    Ok(StatusCode::SERVICE_UNAVAILABLE) => note(|pushed| pushed.postponed += 1),
                    _ => break,
                }
                tokio::time::sleep(PAUSE).await;
            }
            note(|pushed| pushed.refused += 1);
        }
    });
    sending.buffer_unordered(SENDERS).collect::<Vec<()>>().await;
    Ok(*pushed.lock().unwrap_or_else(PoisonError::into_inner))
}
