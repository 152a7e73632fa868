//! The source: whose account the token opens, and whether clocks and zones agree.

use super::{Finding, named};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Environment, Kind};
use crate::daemon;
use crate::model::Account;
use crate::source::Governor;
use crate::store::{Reader, writer_of};

/// Clocks that differ by more make every moment that is shown doubtful; the mirror itself goes by the source's clock.
const MOST_DRIFT_SECONDS: u64 = 60;

/// What there is to say of the source, and the account that the token opens.
pub(super) async fn look(
    config: &Config,
    environment: &Environment,
) -> (Vec<Finding>, Option<Account>) {
    if config.source.kind == Kind::IqChannels {
        let mut findings = vec![receiver(config)];
        if config.repair.is_on() {
            findings.push(lists(config, environment).await);
        }
        return (findings, None);
    }
    match ask_source(config, environment).await {
        Ok((findings, account)) => (findings, Some(account)),
        Err(finding) => (vec![finding], None),
    }
}

/// A platform that pushes is not asked: what can be looked at is where its events are received.
fn receiver(config: &Config) -> Finding {
    let secret = match config.receiver.secret() {
        Ok(Some(_)) => "with a secret",
        Ok(None) => "without a secret, for programs of this machine",
        Err(error) => return Finding::bad("receiver", error.into()),
    };
    let path = &config.receiver.path;
    match config.http.listen {
        Some(address) => Finding::good("receiver", format!("http://{address}{path}, {secret}")),
        None if config.repair.stream => Finding::good(
            "receiver",
            "http.listen is empty: events come from the installation's stream".to_owned(),
        ),
        None => Finding::doubtful(
            "receiver",
            "http.listen is empty: events come from files only, by `chatmirror ingest`".to_owned(),
            "set http.listen to receive them, such as \"127.0.0.1:9090\"",
        ),
    }
}

/// Whether the installation answers where it is asked: the list of its channels is the shortest.
async fn lists(config: &Config, environment: &Environment) -> Finding {
    let token = match config.source.token(environment) {
        Ok(token) => token,
        Err(error) => return Finding::bad("token", error.into()),
    };
    let clock = Clock::System;
    let governor = Governor::new(config.source.requests_per_minute, clock.clone());
    let asked = match daemon::asking(config, &token, governor, clock) {
        Ok(client) => client.channels(0).await,
        Err(error) => return Finding::bad("repair", error.into()),
    };
    match asked {
        Ok(listed) => {
            let channels = listed.items.len();
            Finding::good(
                "repair",
                format!("{} lists {channels} channels", config.source.base_url),
            )
        }
        Err(error) => Finding::bad("repair", error.into()),
    }
}

async fn ask_source(
    config: &Config,
    environment: &Environment,
) -> Result<(Vec<Finding>, Account), Finding> {
    let token = config
        .source
        .token(environment)
        .map_err(|error| Finding::bad("token", error.into()))?;
    // The question would be one more than that process knows of, and the limit is the account's.
    if config.source.requests_per_minute > 0
        && let Some(pid) = writer_of(&config.database.path)
    {
        return Err(Finding::doubtful(
            "source",
            format!("not asked: another process (pid {pid}) has the budget of requests"),
            "`chatmirror status` tells how its requests fare; to have the token and the clocks looked at, stop it first",
        ));
    }
    let clock = Clock::System;
    let governor = Governor::new(config.source.requests_per_minute, clock.clone());
    // What is wrong with the file is told on its own line.
    if let Ok(mirror) = Reader::open(&config.database.path).await {
        let _ = daemon::restore_budget(&governor, &mirror).await;
    }
    let client = daemon::client(&config.source, token, governor, clock.clone())
        .map_err(|error| Finding::bad("source", error.into()))?;
    let answer = client
        .account()
        .await
        .map_err(|error| Finding::bad("source", error.into()))?;
    let account = answer.value;
    let findings = vec![
        Finding::good(
            "source",
            format!(
                "{} opens account {}",
                config.source.base_url,
                named(&account)
            ),
        ),
        clock_finding(clock.now(), answer.date),
        zone_finding(config, account.time_zone.as_deref()),
    ];
    Ok((findings, account))
}

fn clock_finding(ours: Timestamp, theirs: Timestamp) -> Finding {
    let drift = ours.since(theirs).max(theirs.since(ours)).as_secs();
    if drift <= MOST_DRIFT_SECONDS {
        return Finding::good(
            "clock",
            format!("within {} s of the source's", drift.max(1)),
        );
    }
    Finding::wrong(
        "clock",
        format!("{drift} s off the source's clock"),
        "set this machine's clock by a time server; the mirror goes by the source's clock, but lags would be told wrong",
    )
}

/// The zone is only doubtful: the platform may send every time with its zone.
fn zone_finding(config: &Config, theirs: Option<&str>) -> Finding {
    let ours = config.source.time_zone.name();
    match theirs {
        Some(theirs) if theirs != ours => Finding::doubtful(
            "zone",
            format!(
                "times without a zone are read as {ours}; the account itself is set to {theirs}"
            ),
            "compare the time of one message with what the platform shows; if it is off by hours, set source.time_zone \
             before the backfill",
        ),
        _ => Finding::good("zone", format!("times without a zone are read as {ours}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_by_minutes_is_told() {
        let at = |second: i64| Timestamp::from_millis(second * 1000).unwrap();
        assert!(clock_finding(at(1000), at(1030)).good);
        assert!(!clock_finding(at(1000), at(1090)).good);
        assert!(!clock_finding(at(1090), at(1000)).good);
    }
}
