//! Faults: each one looks from outside like what it stands for.

use std::time::Duration;

use super::{Desk, items};
use crate::simulator::{Damage, Fault, FaultRule, Hook, Mutation, Occasion, Target};

const CHATS: &str = "/chats?page=1&limitation=20";

async fn desk_with(fault: Fault) -> Desk {
    let desk = Desk::with_chats(5).await;
    desk.simulator.fault(FaultRule {
        target: Target::Chats,
        fault,
        occasion: Occasion::Next(1),
    });
    desk
}

#[tokio::test]
async fn statuses_and_pages_of_html() {
    for status in [500, 502, 503] {
        let desk = desk_with(Fault::Status(status)).await;
        assert_eq!(desk.get("/me").await.status, 200);
        let failed = desk.get(CHATS).await;
        assert_eq!(
            (failed.status, &failed.json()["error"]["code"]),
            (status, &status.into())
        );
        assert_eq!(desk.get(CHATS).await.status, 200);
    }
    for status in [200, 502] {
        let html = desk_with(Fault::Html(status)).await.get(CHATS).await;
        assert_eq!(html.status, status);
        assert!(html.text.starts_with("<!DOCTYPE html>"));
    }
}

#[tokio::test]
async fn bodies_that_are_no_page() {
    let invalid = desk_with(Fault::InvalidJson).await.get(CHATS).await;
    assert_eq!(invalid.status, 200);
    assert!(serde_json::from_str::<serde_json::Value>(&invalid.text).is_err());
    let error = desk_with(Fault::ErrorWithStatus200).await.get(CHATS).await;
    assert_eq!(error.status, 200);
    assert!(error.json()["error"]["message"].is_string());
}

#[tokio::test]
async fn connections_that_break() {
    for fault in [Fault::Reset, Fault::CutBody] {
        let desk = desk_with(fault.clone()).await;
        let error = desk.try_get(CHATS).await.unwrap_err();
        assert!(!error.is_timeout(), "{error:?}");
        // A cut body breaks while it is read, a reset before there is an answer.
        assert_eq!(error.is_request(), fault == Fault::Reset, "{error:?}");
        assert_eq!(desk.get(CHATS).await.status, 200);
        assert_eq!(desk.simulator.request_count(), 2);
    }
}

#[tokio::test]
async fn answers_that_do_not_come_or_do_not_end() {
    let never = desk_with(Fault::Stall(None)).await;
    let waited = tokio::time::timeout(Duration::from_millis(200), never.try_get(CHATS)).await;
    assert!(waited.is_err());

    let late = desk_with(Fault::Stall(Some(Duration::from_millis(100)))).await;
    let before = std::time::Instant::now();
    assert_eq!(late.get(CHATS).await.ids().len(), 5);
    assert!(before.elapsed() >= Duration::from_millis(100));

    let endless = desk_with(Fault::EndlessBody).await;
    let url = format!("{}{CHATS}", endless.base);
    let request = endless.client.get(url).bearer_auth("simulated-token");
    let mut response = request.send().await.unwrap();
    let mut bytes = 0;
    while bytes < 5_000_000 {
        bytes += response.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn a_late_answer_is_an_old_one() {
    let desk = desk_with(Fault::Stall(Some(Duration::from_millis(300)))).await;
    let (late, ()) = tokio::join!(desk.get(CHATS), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        desk.simulator.apply(Mutation::CreateChat).unwrap();
    });
    assert_eq!(late.ids().len(), 5);
    assert_eq!(desk.get(CHATS).await.ids().len(), 6);
}

#[tokio::test]
async fn a_redirect_leads_elsewhere() {
    let desk = desk_with(Fault::Redirect("http://elsewhere.example".to_owned())).await;
    let answer = desk.get(CHATS).await;
    assert_eq!(answer.status, 302);
    let expected = format!("http://elsewhere.example/v1{CHATS}");
    assert_eq!(answer.headers["location"], expected.as_str());
}

#[tokio::test]
async fn one_bad_item_in_a_good_page() {
    let bad = async |damage, id| {
        let desk = desk_with(Fault::BadItem { id, damage }).await;
        let spoilt = items(&desk.get(CHATS).await.json());
        let good = items(&desk.get(CHATS).await.json());
        let different = (0..5).filter(|place| spoilt[*place] != good[*place]);
        let different: Vec<usize> = different.collect();
        assert_eq!(different.len(), 1);
        spoilt[different[0]].clone()
    };
    assert!(bad(Damage::NotAnObject, None).await.is_string());
    assert!(bad(Damage::Null, None).await.is_null());
    assert!(bad(Damage::NoId, None).await.get("id").is_none());
    assert_eq!(bad(Damage::IdNotANumber, None).await["id"], "seven");
    let id = Desk::with_chats(1).await.chat_ids()[0];
    let garbled = bad(Damage::GarbledTime, Some(id)).await;
    assert_eq!(garbled["updatedAt"], "the day before yesterday");
    assert_eq!(super::id(&garbled), id);
}

#[tokio::test]
async fn a_revoked_token_stays_refused() {
    let desk = desk_with(Fault::TokenRevoked).await;
    assert_eq!(desk.get("/me").await.status, 200);
    assert_eq!(desk.get(CHATS).await.status, 401);
    assert_eq!(desk.get("/me").await.status, 401);
    // Nor does a fault let anybody see the account.
    desk.simulator.fault(FaultRule {
        target: Target::Me,
        fault: Fault::EndlessBody,
        occasion: Occasion::Always,
    });
    let request = desk.client.get(format!("{}/me", desk.base));
    assert_eq!(request.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn faults_by_chance_come_from_the_seed() {
    let statuses = async |seed| {
        let options = super::Options {
            seed,
            ..super::Options::default()
        };
        let desk = Desk::open(super::Account::without_chats(), options).await;
        desk.simulator.fault(FaultRule {
            target: Target::Anything,
            fault: Fault::Status(503),
            occasion: Occasion::Chance(0.3),
        });
        let mut statuses = Vec::new();
        for _ in 0..60 {
            statuses.push(desk.get("/me").await.status);
        }
        statuses
    };
    let first = statuses(5).await;
    assert!(first.contains(&200) && first.contains(&503));
    assert_eq!(first, statuses(5).await);
    assert_ne!(first, statuses(6).await);
}

#[tokio::test]
async fn a_page_that_did_not_arrive_sets_off_no_hook() {
    let desk = desk_with(Fault::CutBody).await;
    let creation = vec![Mutation::CreateChat];
    desk.simulator
        .when_served(Hook::after(Target::Chats, 1, creation));
    assert!(desk.try_get(CHATS).await.is_err());
    assert_eq!(desk.chat_ids().len(), 5);
    desk.get(CHATS).await;
    assert_eq!(desk.chat_ids().len(), 6);
    desk.simulator.fault(FaultRule {
        target: Target::Anything,
        fault: Fault::Status(500),
        occasion: Occasion::Always,
    });
    assert_eq!(desk.get(CHATS).await.status, 500);
    desk.simulator.clear_faults();
    assert_eq!(desk.get(CHATS).await.status, 200);
}
