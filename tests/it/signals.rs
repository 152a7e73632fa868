//! The three signals: alive, progressing, fresh, each on its own, from the real daemon over a real socket.

use std::collections::BTreeSet;
use std::path::Path;

use chatmirror::simulator::{Fault, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::service::{always, catches_up, stops, world};
use crate::support::World;
use crate::support::program::{Running, ended, until};

/// A daemon that serves its signals, and where.
async fn serving(world: &World, more: &str) -> (Running, String) {
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let others = config.split("[http]").next().unwrap();
    let http = format!("{others}[http]\nlisten = \"127.0.0.1:0\"\n{more}\n");
    std::fs::write(world.config_path(), http).unwrap();
    let daemon = Running::start(world, world.program(&["run"]));
    let address = address(&daemon).await;
    (daemon, address)
}

/// Where a daemon serves its signals that was told to take any port.
pub async fn address(daemon: &Running) -> String {
    daemon.says("serving /healthz").await;
    let said = daemon.said();
    let (_, address) = said.split_once("address=").unwrap();
    address.split_whitespace().next().unwrap().to_owned()
}

/// The status and the body of an answer.
pub async fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// A number of the page `/metrics`, by its name and labels.
pub fn value(page: &str, name: &str) -> Option<f64> {
    let line = page
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn alive_and_fresh_are_two_things() {
    let world = world(5, 40, 0).await;
    always(&world, Target::Messages, Fault::Stall(None));
    let (mut daemon, address) = serving(&world, "fresh_seconds = 60").await;
    // With a source that hangs the daemon is alive all the same, and a restart would not help.
    let (status, words) = get(&address, "/readyz").await;
    assert_eq!(status, 503, "{words}");
    assert!(words.starts_with("not fresh: not complete yet"), "{words}");
    assert_eq!(get(&address, "/healthz").await, (200, "alive\n".to_owned()));
    let (_, page) = get(&address, "/metrics").await;
    assert_eq!(value(&page, "chatmirror_lag_seconds"), None, "{page}");
    daemon.signal("TERM");
    daemon.end().await;
    world.simulator.clear_faults();
    let (mut daemon, address) = serving(&world, "").await;
    catches_up(&world).await;
    until("fresh", async || get(&address, "/readyz").await.0 == 200).await;
    let (_, words) = get(&address, "/readyz").await;
    assert!(words.starts_with("fresh: complete through 20"), "{words}");
    assert_eq!(get(&address, "/nothing").await.0, 404);
    stops(&world, &mut daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_are_those_of_the_mirror_and_tell_nothing_of_people() {
    let world = world(5, 40, 0).await;
    let (mut daemon, address) = serving(&world, "").await;
    catches_up(&world).await;
    until("a complete pass", async || {
        let (_, page) = get(&address, "/metrics").await;
        value(
            &page,
            "chatmirror_passes_total{mode=\"backfill\",status=\"complete\"}",
        )
        .is_some()
    })
    .await;
    let (status, page) = get(&address, "/metrics").await;
    assert_eq!(status, 200);
    let messages = world.simulator.account(|account| {
        account
            .chats
            .values()
            .map(|chat| chat.messages.len())
            .sum::<usize>()
    });
    let messages = f64::from(u32::try_from(messages).unwrap());
    assert_eq!(value(&page, "chatmirror_chats"), Some(5.0), "{page}");
    assert_eq!(value(&page, "chatmirror_messages"), Some(messages));
    assert_eq!(value(&page, "chatmirror_proven_ratio"), Some(1.0));
    assert_eq!(value(&page, "chatmirror_rejects"), Some(0.0));
    assert!(value(&page, "chatmirror_rows_total{change=\"inserted\"}").unwrap() > messages);
    assert!(value(&page, "chatmirror_lag_seconds").unwrap() < 60.0);
    assert!(value(&page, "chatmirror_database_bytes").unwrap() > 0.0);
    let asked = ["account", "chats", "messages"].map(|kind| {
        value(
            &page,
            &format!("chatmirror_requests_total{{kind=\"{kind}\",status=\"200\"}}"),
        )
    });
    assert!(asked.iter().all(Option::is_some), "{page}");
    assert!(page.ends_with("# EOF\n"));
    for line in ["account", "token", "http://"]
        .iter()
        .flat_map(|word| page.lines().filter(move |line| line.contains(word)))
    {
        assert!(
            line.contains("kind=\"account\"") || line.starts_with("# HELP"),
            "{line}"
        );
    }
    shipped_names_are_served(&page);
    stops(&world, &mut daemon).await;
}

/// Alerts and dashboard speak of nothing that is not on the page.
fn shipped_names_are_served(page: &str) {
    let contrib = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib");
    for file in [
        "prometheus/alerts.yml",
        "prometheus/alerts.test.yml",
        "grafana/chatmirror.json",
    ] {
        let text = std::fs::read_to_string(contrib.join(file)).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let names: BTreeSet<_> = words
            .filter(|word| word.starts_with("chatmirror_"))
            .collect();
        assert!(names.len() > 4, "{file}: {names:?}");
        for name in names {
            let family = name.trim_end_matches("_total").trim_end_matches("_info");
            assert!(
                page.contains(&format!("# TYPE {family} ")),
                "{file}: {name} is not served"
            );
        }
    }
    let dashboard = std::fs::read_to_string(contrib.join("grafana/chatmirror.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert_eq!(dashboard["uid"], "chatmirror");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_told_with_the_way_out() {
    let world = world(1, 5, 0).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let http = format!("[http]\nlisten = \"{}\"\n", taken.local_addr().unwrap());
    std::fs::write(world.config_path(), config + &http).unwrap();
    let daemon = ended(world.program(&["run"])).await;
    assert_eq!(daemon.code, 1, "{daemon:?}");
    for words in ["cannot listen on 127.0.0.1", "http.listen", "what to do"] {
        assert!(daemon.err.contains(words), "{daemon:?}");
    }
}
