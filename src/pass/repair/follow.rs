//! The stream of events: followed channel by channel, from the last event that is in the file.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};

use super::{Repair, every_channel, take_streamed};
use crate::pass::{Manner, PassError};
use crate::source::SourceError;
use crate::store::Place;

/// After a break: as the vendor's own programs do it.
const PAUSES: [u64; 8] = [1, 1, 2, 5, 10, 15, 20, 30];

/// New channels are looked for this often.
const LOOK_FOR_CHANNELS: Duration = Duration::from_mins(10);

/// Where a stream is.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    last_event: i64,
}

/// Follows the streams of all channels until told to stop. What breaks off is taken up again. `manner`: as for what is pushed.
///
/// # Errors
/// Whatever the store says.
pub async fn follow(repair: &Repair<'_>, manner: Manner) -> Result<(), PassError> {
    let mut known = BTreeSet::new();
    let mut following = FuturesUnordered::new();
    let mut failures = 0;
    loop {
        let looked = channels(repair).await;
        let wait = match looked {
            Ok(channels) => {
                failures = 0;
                for channel in channels.into_iter().filter(|id| known.insert(*id)) {
                    following.push(follow_channel(repair, channel, manner));
                }
                LOOK_FOR_CHANNELS
            }
            Err(error) => {
                let wait = pause(failures);
                told(&error, "the list of channels", wait);
                failures += 1;
                wait
            }
        };
        let waiting = repair.clock.sleep(wait);
        tokio::pin!(waiting);
        loop {
            tokio::select! {
                biased;
                () = repair.stop.cancelled() => return Ok(()),
                Some(ended) = following.next() => ended?,
                () = &mut waiting => break,
            }
        }
    }
}

async fn channels(repair: &Repair<'_>) -> Result<BTreeSet<i64>, SourceError> {
    every_channel(async |offset| {
        let listed = repair.client.channels(offset).await?;
        Ok(listed.items.iter().map(|item| item.id).collect())
    })
    .await
}

async fn follow_channel(
    repair: &Repair<'_>,
    channel_id: i64,
    manner: Manner,
) -> Result<(), PassError> {
    let name = format!("stream/{channel_id}");
    let mut failures = 0;
    loop {
        let heard = listen(repair, channel_id, &name, manner, &mut failures).await;
        let error = match heard {
            Err(PassError::Source(error)) => error,
            Err(error) => return Err(error),
            Ok(()) => SourceError::Unreadable {
                why: "the stream has ended".to_owned(),
            },
        };
        let wait = pause(failures);
        failures += 1;
        told(&error, &name, wait);
        tokio::select! {
            () = repair.stop.cancelled() => return Ok(()),
            () = repair.clock.sleep(wait) => {}
        }
    }
}

/// Listens until the stream breaks off. Each event is in the file, with the place after it, before the next is asked for.
async fn listen(
    repair: &Repair<'_>,
    channel_id: i64,
    name: &str,
    manner: Manner,
    failures: &mut usize,
) -> Result<(), PassError> {
    let place = repair.store.reader().place(name).await?;
    let position = place.and_then(|place| place.position);
    let position: Option<Position> = position.and_then(|json| serde_json::from_str(&json).ok());
    let mut last = position.map(|position| position.last_event);
    let stream = repair.client.listen(channel_id, last).await;
    let mut stream = stream.map_err(PassError::Source)?;
    tracing::info!(
        channel.id = channel_id,
        from = last,
        "listening to the stream of events"
    );
    while let Some(body) = stream.next().await.map_err(PassError::Source)? {
        let manner = Manner {
            at: repair.clock.now(),
            ..manner
        };
        let place = |event: Option<i64>| {
            last = last.max(event);
            let position = Position { last_event: last? };
            Some(Place {
                stream: name.to_owned(),
                position: serde_json::to_string(&position).ok(),
                watermark: None,
            })
        };
        take_streamed(repair.store, &body, manner, place).await?;
        *failures = 0;
    }
    Ok(())
}

fn pause(failures: usize) -> Duration {
    let seconds = PAUSES.get(failures).or(PAUSES.last());
    Duration::from_secs(*seconds.unwrap_or(&30))
}

fn told(error: &SourceError, what: &str, wait: Duration) {
    let (hint, again_in_s) = (error.hint(), wait.as_secs());
    tracing::warn!(%error, hint, again_in_s, "failed to follow {what}; trying again");
}
