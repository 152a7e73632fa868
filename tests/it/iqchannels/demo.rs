//! The demonstration of the platform that pushes.

use crate::support::dump;
use crate::support::program::ended;

use super::office::Office;

#[tokio::test]
async fn the_demo_shows_that_neither_order_nor_repetition_tells_anything() {
    let office = Office::open();
    let dir = office.dir().join("demo");
    let ended = ended(office.program(&[
        "demo",
        "--kind",
        "iqchannels",
        "--json",
        "--dir",
        dir.to_str().unwrap(),
    ]))
    .await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let told = ended.json();
    assert_eq!(told["changed_when_repeated"], 0);
    assert!(told["lost"].as_i64().unwrap() > 0);
    assert_eq!(told["repaired"]["status"], "complete");
    assert!(told["repaired"]["rows"]["inserted"].as_i64().unwrap() > 0);
    let path = dir.join("chatmirror-demo-iqchannels.db");
    let delivered = "select count(*) from deliveries";
    assert_eq!(
        dump::value(&path, delivered).await,
        told["deliveries"].as_i64().unwrap() * 2
    );
    for query in told["queries"].as_array().unwrap() {
        let rows = dump::query(&path, query["sql"].as_str().unwrap()).await;
        assert!(!rows.is_empty(), "{query}");
    }
}
