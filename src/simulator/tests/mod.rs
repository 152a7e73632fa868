//! The simulated account over a real socket, seen as a client sees it.

mod faults;
mod lists;
mod mutations;
mod recipe;
mod server;

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Account, ChatState, Mutation, Options, Recipe, Simulator};
use crate::clock::{Clock, Timestamp};

/// A simulator that is being served, and a client for it.
struct Desk {
    simulator: Simulator,
    clock: Clock,
    base: String,
    client: reqwest::Client,
    _shutdown: DropGuard,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn ids(&self) -> Vec<i64> {
        items(&self.json()).iter().map(id).collect()
    }

    fn pages(&self) -> u64 {
        self.json()["cursor"]["pages"].as_u64().unwrap()
    }
}

impl Desk {
    async fn open(account: Account, options: Options) -> Self {
        let clock = Clock::simulated(Recipe::default().until.plus(Duration::from_secs(100)));
        let simulator = Simulator::new(account, options, clock.clone());
        let shutdown = CancellationToken::new();
        let base = simulator.spawn(shutdown.clone()).await.unwrap();
        Self {
            simulator,
            clock,
            base,
            client: client(),
            _shutdown: shutdown.drop_guard(),
        }
    }

    /// A desk with `chats` chats of one message each and plain values, written a second apart.
    async fn with_chats(chats: usize) -> Self {
        let desk = Self::open(Account::without_chats(), Options::default()).await;
        for _ in 0..chats {
            desk.simulator.apply(Mutation::CreateChat).unwrap();
            desk.clock.advance(Duration::from_secs(1));
        }
        desk
    }

    async fn get(&self, target: &str) -> Answer {
        self.try_get(target).await.unwrap()
    }

    async fn try_get(&self, target: &str) -> reqwest::Result<Answer> {
        let request = self.client.get(format!("{}{target}", self.base));
        let response = request.bearer_auth("simulated-token").send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: body(response).await?,
        })
    }

    /// The ids of a whole list, page by page.
    async fn walk(&self, target: &str) -> Vec<i64> {
        let mut ids = Vec::new();
        for page in 1.. {
            let answer = self
                .get(&format!("{target}page={page}&limitation=20"))
                .await;
            ids.extend(answer.ids());
            if page >= answer.pages() {
                break;
            }
        }
        ids
    }

    fn chat_ids(&self) -> Vec<i64> {
        self.simulator
            .account(|account| account.chats.keys().copied().collect())
    }

    fn updated_at(&self, chat: i64) -> Timestamp {
        self.simulator
            .account(|account| account.chats[&chat].updated_at)
    }

    fn state(&self, chat: i64) -> ChatState {
        self.simulator.account(|account| account.chats[&chat].state)
    }

    fn messages(&self, chat: i64) -> Vec<super::Message> {
        self.simulator
            .account(|account| account.chats[&chat].messages.clone())
    }
}

fn client() -> reqwest::Client {
    // Only the first of many tests installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(5))
        .build()
        .unwrap()
}

fn items(page: &Value) -> Vec<Value> {
    page["collection"].as_array().unwrap().clone()
}

/// An item's id, number or text.
fn id(item: &Value) -> i64 {
    let id = &item["id"];
    id.as_str()
        .map_or_else(|| id.as_i64().unwrap(), |text| text.parse().unwrap())
}

fn big_account() -> Account {
    Recipe::default().account()
}

/// The body of an answer: the simulated account's own, so it needs no bound.
#[expect(
    clippy::disallowed_methods,
    reason = "the server is ours, and so are its bodies"
)]
async fn body(response: reqwest::Response) -> reqwest::Result<String> {
    response.text().await
}
