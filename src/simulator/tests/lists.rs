//! Lists: orders, pages, limits and filters.

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::{Desk, big_account, items};
use crate::simulator::{
    ChatOrder, ChatState, MessageOrder, Mutation, Options, PastTheEnd, Speaker, Ties, TimeFormat,
};

#[tokio::test]
async fn pages_and_their_limits() {
    let desk = Desk::with_chats(41).await;
    let first = desk.get("/chats?page=1&limitation=20").await;
    assert_eq!(
        (first.status, first.ids().len(), first.pages()),
        (200, 20, 3)
    );
    let last = desk.get("/chats?page=3&limitation=20").await;
    assert_eq!((last.ids().len(), last.pages()), (1, 3));
    assert_eq!(desk.get("/chats?page=1&limitation=1").await.pages(), 41);

    let too_many = desk.get("/chats?page=1&limitation=21").await;
    assert_eq!(too_many.status, 400);
    let message = &too_many.json()["error"]["message"];
    assert_eq!(message, "Maximum available limitation reached");
    for bad in [
        "page=0",
        "page=x",
        "limitation=0",
        "limitation=-1",
        "state=ajar",
    ] {
        assert_eq!(
            desk.get(&format!("/chats?{bad}")).await.status,
            400,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn past_the_last_page_it_does_as_told() {
    let desk = Desk::with_chats(3).await;
    let far = "/chats?page=9&limitation=2";
    assert!(desk.get(far).await.ids().is_empty());
    desk.simulator
        .change_options(|options| options.past_the_end = PastTheEnd::LastPage);
    let last = desk.get("/chats?page=2&limitation=2").await;
    assert_eq!(desk.get(far).await.text, last.text);
    assert_eq!(last.ids().len(), 1);
    desk.simulator
        .change_options(|options| options.past_the_end = PastTheEnd::Refused);
    assert_eq!(desk.get(far).await.status, 400);
}

#[tokio::test]
async fn an_empty_list_and_a_list_of_one_do_as_told() {
    let desk = Desk::with_chats(0).await;
    assert_eq!(desk.get("/chats?page=1").await.pages(), 0);
    desk.simulator.change_options(|options| {
        options.pages_when_empty = 1;
        options.past_the_end = PastTheEnd::Refused;
        options.least_limitation = 2;
    });
    assert_eq!(desk.get("/chats?page=1").await.pages(), 1);
    assert_eq!(desk.get("/chats?page=1&limitation=1").await.status, 400);
    assert_eq!(desk.get("/chats?page=1&limitation=2").await.status, 200);
}

#[tokio::test]
async fn every_order_is_what_its_name_says() {
    let desk = Desk::open(big_account(), Options::default()).await;
    let by_id = desk.chat_ids();
    let mut by_time = by_id.clone();
    by_time.sort_by_key(|id| (desk.updated_at(*id), *id));
    assert_ne!(by_time, by_id);

    let newest = desk.walk("/chats?").await;
    assert!(newest.is_sorted_by_key(|id| std::cmp::Reverse(desk.updated_at(*id))));
    assert_eq!(newest.iter().collect::<BTreeSet<_>>().len(), by_id.len());
    let set = |order| {
        desk.simulator
            .change_options(|options| options.chat_order = order);
    };
    set(ChatOrder::OldestFirst);
    assert_eq!(desk.walk("/chats?").await, by_time);
    set(ChatOrder::ById);
    assert_eq!(desk.walk("/chats?").await, by_id);
    set(ChatOrder::Shuffled);
    let shuffled = desk.walk("/chats?").await;
    assert!(![&by_id, &by_time, &newest].contains(&&shuffled));
    assert_eq!(desk.walk("/chats?").await, shuffled);
}

#[tokio::test]
async fn the_order_keeps_up_with_changes_as_if_it_were_made_anew() {
    for order in [
        ChatOrder::NewestFirst,
        ChatOrder::OldestFirst,
        ChatOrder::Shuffled,
    ] {
        let options = Options {
            chat_order: order,
            ..Options::default()
        };
        let desk = Desk::open(big_account(), options).await;
        let mut rng = fastrand::Rng::with_seed(7);
        desk.simulator.churn(3000, &mut rng);
        let kept = desk.walk("/chats?").await;
        let open = desk.walk("/chats?state=open&").await;
        desk.simulator.change_options(|_| {});
        assert_eq!(desk.walk("/chats?").await, kept);
        assert_eq!(desk.walk("/chats?state=open&").await, open);
        assert_eq!(kept.len(), desk.chat_ids().len());
    }
}

#[tokio::test]
async fn without_a_state_the_list_is_the_union_or_the_open_ones() {
    let desk = Desk::with_chats(5).await;
    let ids = desk.chat_ids();
    desk.simulator
        .apply(Mutation::Close { chat: ids[1] })
        .unwrap();
    assert_eq!(desk.state(ids[1]), ChatState::Closed);
    assert_eq!(desk.get("/chats?state=closed").await.ids(), [ids[1]]);
    assert_eq!(desk.get("/chats?state=open").await.ids().len(), 4);
    assert_eq!(desk.get("/chats").await.ids().len(), 5);
    desk.simulator
        .change_options(|options| options.chats_are_union = false);
    assert!(!desk.get("/chats").await.ids().contains(&ids[1]));
}

#[tokio::test]
async fn selectors_and_terms_narrow_the_list() {
    let desk = Desk::with_chats(3).await;
    let ids = desk.chat_ids();
    let name = Some("Ґреґор Їжак".to_owned());
    desk.simulator
        .apply(Mutation::Rename { chat: ids[2], name })
        .unwrap();
    for chat in &ids {
        let gates = desk
            .simulator
            .account(|account| account.chats[chat].gates.clone());
        for gate in gates {
            let unread = i64::from(*chat == ids[0]);
            let (chat, gate) = (*chat, gate.id);
            desk.simulator
                .apply(Mutation::SetUnread { chat, gate, unread })
                .unwrap();
        }
    }
    let unread = desk.get("/chats?selector%5Bname%5D=unread").await;
    assert_eq!(unread.ids(), [ids[0]]);
    assert_eq!(desk.get("/chats?term=їжак").await.ids(), [ids[2]]);
    assert!(
        desk.get("/chats?selector[operatorId]=11")
            .await
            .ids()
            .is_empty()
    );
    assert_eq!(desk.get("/chats?selector[name]=other").await.status, 400);
}

#[tokio::test]
async fn messages_come_newest_first_and_activities_only_on_demand() {
    let desk = Desk::open(big_account(), Options::default()).await;
    let chat = desk.simulator.account(|account| {
        let with_action = |chat: &&super::super::Chat| {
            chat.messages
                .iter()
                .any(|message| message.content.template.is_activity())
        };
        account.chats.values().find(with_action).unwrap().clone()
    });
    let all: Vec<i64> = chat
        .messages
        .iter()
        .map(|message| message.id)
        .rev()
        .collect();
    let target = format!("/chats/{}/messages?", chat.id);
    let with_activities = format!("{target}activities=1&");
    assert_eq!(desk.walk(&with_activities).await, all);
    let without = desk.walk(&target).await;
    assert!(without.len() < all.len());
    let hidden = |id: &&i64| chat.message(**id).unwrap().content.template.is_activity();
    assert!(
        all.iter()
            .filter(|id| !without.contains(id))
            .all(|id| hidden(&id))
    );

    let by_contact = format!(
        "/contacts/{}/messages?activities=1&",
        chat.contact.original_id
    );
    assert_eq!(desk.walk(&by_contact).await, all);
    let set = |options: &mut Options| options.message_order = MessageOrder::OldestFirst;
    desk.simulator.change_options(set);
    let mut turned = desk.walk(&with_activities).await;
    turned.reverse();
    assert_eq!(turned, all);
}

#[tokio::test]
async fn times_are_written_as_told() {
    let desk = Desk::with_chats(1).await;
    let chat = desk.chat_ids()[0];
    let seconds = desk.updated_at(chat).millis() / 1000;
    let shown = async |format, zone| {
        desk.simulator.change_options(|options| {
            options.time_format = format;
            options.time_zone = zone;
        });
        items(&desk.get("/chats").await.json())[0]["updatedAt"].to_string()
    };
    // 1772000100 in UTC is 2026-02-25 06:15:00.
    assert_eq!(seconds, 1_772_000_100);
    let kyiv = Tz::Europe__Kyiv;
    assert_eq!(
        shown(TimeFormat::Plain, Tz::UTC).await,
        "\"2026-02-25 06:15:00\""
    );
    assert_eq!(
        shown(TimeFormat::Plain, kyiv).await,
        "\"2026-02-25 08:15:00\""
    );
    assert_eq!(
        shown(TimeFormat::Rfc3339, kyiv).await,
        "\"2026-02-25T08:15:00+02:00\""
    );
    assert_eq!(shown(TimeFormat::EpochSeconds, kyiv).await, "1772000100");
    assert_eq!(shown(TimeFormat::EpochMillis, kyiv).await, "1772000100000");
}

#[tokio::test]
async fn ties_in_one_second_keep_their_order_or_move() {
    let desk = Desk::with_chats(4).await;
    for chat in desk.chat_ids() {
        desk.simulator
            .apply(Mutation::say(chat, Speaker::Contact, "hi"))
            .unwrap();
    }
    let ids = desk.chat_ids();
    for _ in 0..3 {
        assert_eq!(desk.get("/chats").await.ids(), ids);
    }
    let (first, second) = (ids[..2].to_vec(), ids[2..].to_vec());
    desk.clock.advance(std::time::Duration::from_secs(1));
    for chat in &first {
        desk.simulator
            .apply(Mutation::say(*chat, Speaker::Contact, "hi"));
    }
    let turned = [first, second].map(|ids| ids.into_iter().rev().collect::<Vec<_>>());
    desk.simulator
        .change_options(|options| options.ties = Ties::Moving);
    let answers = [
        desk.get("/chats").await.ids(),
        desk.get("/chats").await.ids(),
    ];
    assert!(answers.contains(&ids) && answers.contains(&turned.concat()));
}
