//! The door: token, methods, dates, the lock, hooks and the vendor's examples.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Desk, body, client, items};
use crate::clock::{Clock, Timestamp};
use crate::simulator::{Hook, LockAnswer, Moment, Mutation, Published, Reaction, Speaker, Target};

#[tokio::test]
async fn without_the_token_nothing_is_said() {
    let desk = Desk::with_chats(1).await;
    let bare = desk
        .client
        .get(format!("{}/me", desk.base))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), 401);
    let wrong = desk
        .client
        .get(format!("{}/me", desk.base))
        .bearer_auth("other");
    assert_eq!(wrong.send().await.unwrap().status(), 401);
    let me = desk.get("/me").await;
    assert_eq!(me.json()["identifier"], "sunny-jug");
    desk.simulator.set_token_valid(false);
    let refused = desk.get("/me").await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.json()["error"]["code"], 401);
    desk.simulator.set_token_valid(true);
    assert_eq!(desk.get("/me").await.status, 200);
}

#[tokio::test]
async fn anything_but_get_is_refused_and_remembered() {
    let desk = Desk::with_chats(1).await;
    desk.get("/chats?page=1").await;
    let read = desk.client.put(format!("{}/chats/1/read", desk.base));
    let answer = read.bearer_auth("simulated-token").send().await.unwrap();
    assert_eq!(answer.status(), 405);
    let violations = desk.simulator.violations();
    assert_eq!(violations.len(), 1);
    let (method, target) = (&violations[0].method, &violations[0].target);
    assert_eq!(
        (method.as_str(), target.as_str()),
        ("PUT", "/v1/chats/1/read")
    );
    assert_eq!(desk.simulator.request_count(), 2);
    assert_eq!(desk.simulator.requests()[0].target, "/v1/chats?page=1");
}

#[tokio::test]
async fn the_date_is_the_clock_s_and_stands_once() {
    let desk = Desk::with_chats(0).await;
    desk.clock.advance(Duration::from_millis(999));
    let answer = desk.get("/me").await;
    let dates: Vec<_> = answer.headers.get_all("date").iter().collect();
    assert_eq!(dates, ["Wed, 25 Feb 2026 06:15:00 GMT"]);
}

#[tokio::test]
async fn latency_moves_the_simulated_clock() {
    let desk = Desk::with_chats(0).await;
    let before = desk.clock.now();
    desk.simulator
        .change_options(|options| options.latency = Duration::from_millis(250));
    desk.get("/me").await;
    assert_eq!(desk.clock.now().since(before), Duration::from_millis(250));
}

#[tokio::test]
async fn too_many_requests_lock_the_account_ever_longer() {
    let desk = Desk::with_chats(0).await;
    desk.simulator
        .change_options(|options| options.requests_per_minute = Some(3));
    for seconds in [60, 120, 180] {
        for _ in 0..3 {
            assert_eq!(desk.get("/me").await.status, 200);
        }
        let locked = desk.get("/me").await;
        assert_eq!(locked.status, 423);
        let message = format!("Too many requests. Please, try again in {seconds} seconds");
        assert_eq!(
            locked.json(),
            json!({ "error": { "code": 423, "message": message } })
        );
        assert!(!locked.headers.contains_key("retry-after"));
        desk.clock.advance(Duration::from_secs(seconds - 1));
        assert_eq!(desk.get("/me").await.status, 423);
        desk.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(desk.get("/me").await.status, 200);
    let requests = desk.simulator.requests();
    assert_eq!(
        requests
            .iter()
            .filter(|request| request.while_locked)
            .count(),
        3
    );
    assert_eq!(
        requests.iter().filter(|request| request.over_limit).count(),
        3
    );
    assert_eq!(desk.simulator.busiest_minute(), 5);
}

#[tokio::test]
async fn the_lock_may_speak_the_usual_dialect() {
    let desk = Desk::with_chats(0).await;
    desk.simulator.change_options(|options| {
        options.requests_per_minute = Some(0);
        options.lock_answer = LockAnswer {
            status: 429,
            retry_after: true,
            calls_prolong: false,
        };
    });
    let locked = desk.get("/me").await;
    assert_eq!(
        (locked.status, &locked.headers["retry-after"]),
        (429, &"60".parse().unwrap())
    );
}

#[tokio::test]
async fn a_chat_vanishes_exactly_between_two_pages() {
    let desk = Desk::with_chats(5).await;
    let ids = desk.chat_ids();
    let deletion = vec![Mutation::DeleteChat { chat: ids[4] }];
    desk.simulator
        .when_served(Hook::after(Target::Chats, 1, deletion));
    let first = desk.get("/chats?page=1&limitation=2").await.ids();
    let second = desk.get("/chats?page=2&limitation=2").await.ids();
    // The trap itself: a live chat is on neither page.
    assert_eq!(
        (first, second),
        (vec![ids[4], ids[3]], vec![ids[1], ids[0]])
    );
}

#[tokio::test]
async fn hooks_know_before_from_after_and_once_from_always() {
    let desk = Desk::with_chats(1).await;
    let chat = desk.chat_ids()[0];
    let hook = |moment, once| Hook {
        target: Target::MessagesOf(chat),
        page: None,
        moment,
        reaction: Reaction::Apply(vec![Mutation::say(chat, Speaker::Contact, "now")]),
        once,
    };
    let count = async || {
        let page = desk.get(&format!("/chats/{chat}/messages")).await.json();
        items(&page).len()
    };
    desk.simulator.when_served(hook(Moment::Before, true));
    assert_eq!((count().await, count().await), (2, 2));
    desk.simulator.when_served(hook(Moment::After, false));
    assert_eq!((count().await, count().await, count().await), (2, 3, 4));
    desk.simulator.clear_hooks();
    desk.get("/chats").await;
    assert_eq!((count().await, count().await), (5, 5));
}

#[tokio::test]
async fn hooks_churn_and_wait() {
    let desk = Desk::with_chats(3).await;
    let start = desk.clock.now();
    for reaction in [Reaction::Churn(50), Reaction::Wait(Duration::from_secs(9))] {
        let (target, moment) = (Target::Me, Moment::Before);
        desk.simulator.when_served(Hook {
            target,
            page: None,
            moment,
            reaction,
            once: true,
        });
    }
    let before = desk.simulator.account(Clone::clone);
    desk.get("/me").await;
    assert_ne!(desk.simulator.account(Clone::clone), before);
    assert_eq!(desk.clock.now().since(start), Duration::from_secs(9));
}

#[tokio::test]
async fn what_does_not_exist_is_404() {
    let desk = Desk::with_chats(1).await;
    for target in [
        "/chats/1",
        "/chats/1/messages",
        "/contacts/1",
        "/contacts/1/messages",
        "/x",
    ] {
        let answer = desk.get(target).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (404, &json!(404))
        );
    }
    for target in ["/channels", "/contacts", "/operators"] {
        assert!(!desk.get(target).await.ids().is_empty(), "{target}");
    }
}

#[tokio::test]
async fn the_vendor_s_examples_are_served_byte_for_byte() {
    let page = "{\n  \"cursor\": { \"page\": 1, \"pages\":  235 },\n  \"collection\": [{ \"id\": 5,  \"x\": 1.0 }, {\"id\":6}]\n}\n";
    let chat = "{ \"id\": 7 }";
    let clock = Clock::simulated(Timestamp::from_millis(0).unwrap());
    let published = Published::new(page, chat, clock).unwrap();
    let shutdown = CancellationToken::new();
    let base = published.spawn(shutdown.clone()).await.unwrap();
    let get = async |target: &str| {
        let request = client().get(format!("{base}{target}")).bearer_auth("any");
        let response = request.send().await.unwrap();
        (response.status().as_u16(), body(response).await.unwrap())
    };
    let whole = page.replace("235", "1");
    assert_eq!(get("/chats?page=1&limitation=20").await, (200, whole));
    assert_eq!(get("/chats/7").await, (200, chat.to_owned()));
    assert_eq!(
        get("/chats/5").await,
        (200, "{ \"id\": 5,  \"x\": 1.0 }".to_owned())
    );
    assert_eq!(get("/chats/8").await.0, 404);
    let one = get("/chats?page=2&limitation=1").await.1;
    assert_eq!(
        one,
        "{\"cursor\":{\"page\":2,\"pages\":2},\"collection\":[{\"id\":6}]}"
    );
    let empty = "{\"cursor\":{\"page\":1,\"pages\":0},\"collection\":[]}".to_owned();
    assert_eq!(get("/chats?state=closed&page=1").await.1, empty);
    assert_eq!(get("/chats/5/messages?page=1").await.1, empty);
    shutdown.cancel();
}

#[tokio::test]
async fn the_end_comes_when_called() {
    let desk = Desk::with_chats(0).await;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(desk.simulator.clone().serve(listener, shutdown.clone()));
    shutdown.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(3), serving).await;
    ended.unwrap().unwrap().unwrap();
}

fn keys(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn objects_have_the_documented_fields() {
    let desk = Desk::with_chats(1).await;
    let chat = items(&desk.get("/chats").await.json())[0].clone();
    let id = super::id(&chat);
    assert_eq!(desk.get(&format!("/chats/{id}")).await.json(), chat);
    let of_chat = [
        "contact",
        "createdAt",
        "gates",
        "id",
        "image",
        "name",
        "updatedAt",
    ];
    assert_eq!(keys(&chat), of_chat);
    assert_eq!(keys(&chat["contact"]), ["id", "originalId"]);
    let gate = &chat["gates"][0];
    assert_eq!(
        keys(gate),
        ["channel", "id", "subscribed", "unreadMessages"]
    );
    let of_channel = [
        "active",
        "app",
        "createdAt",
        "id",
        "link",
        "name",
        "occupied",
        "referrer",
        "type",
        "updatedAt",
    ];
    assert_eq!(keys(&gate["channel"]), of_channel);

    let page = desk.get(&format!("/chats/{id}/messages")).await.json();
    let message = &items(&page)[0];
    let of_message = [
        "content",
        "createdAt",
        "deliveredAt",
        "editedAt",
        "gate",
        "id",
        "internal",
        "seenAt",
        "sender",
        "state",
    ];
    assert_eq!(keys(message), of_message);
    assert_eq!(keys(&message["gate"]), keys(gate));
    assert_eq!(keys(&message["sender"]), ["fullName", "image", "type"]);
    assert_eq!(keys(&message["state"]), ["message", "type"]);
    assert_eq!(keys(&message["content"]), ["resource", "type"]);
    let me = desk.get("/me").await.json();
    assert_eq!(keys(&me), ["id", "identifier", "name", "photo", "timezone"]);
}
