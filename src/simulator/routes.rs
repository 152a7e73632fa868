//! What each address answers, read from the account.

use serde_json::{Value, json};

use super::account::{Account, Chat, ChatState, Message};
use super::lists::{Lists, Window};
use super::options::{MessageOrder, Options, Ties};
use super::refusal::Refusal;
use super::request::{Question, Route};
use super::wire::{self, Wire};

const MOST_ITEMS: usize = 20;

/// Everything that an answer is read from.
pub(super) struct Reader<'a> {
    pub(super) account: &'a Account,
    pub(super) lists: &'a Lists,
    pub(super) options: &'a Options,
    /// How many answers there were before: what moves the ties if they are to move.
    pub(super) turn: u64,
}

type Answered = Result<Value, Refusal>;

impl<'a> Reader<'a> {
    /// The answer to a question that was let in.
    pub(super) fn answer(&self, question: &Question) -> Answered {
        let account = self.account;
        match question.route {
            Route::Me => Ok(wire::project(&account.project)),
            Route::Chats => self.chats(question),
            Route::Chat(id) => self.chat(id).map(|chat| self.wire().chat(chat)),
            Route::Messages(id) => self.messages(question, self.chat(id)?),
            Route::ContactMessages(id) => self.messages(question, self.chat_of(id)?),
            Route::Contact(id) => match account.contacts.get(&id) {
                Some(contact) => Ok(self.wire().contact(contact)),
                None => Err(Refusal::not_found()),
            },
            Route::Contacts => {
                let contacts = account.contacts.values().collect::<Vec<_>>();
                self.page(question, &contacts, |contact| self.wire().contact(contact))
            }
            Route::Channels => {
                let channels = account.channels.values().collect::<Vec<_>>();
                self.page(question, &channels, |channel| self.wire().channel(channel))
            }
            Route::Operators => {
                let operators = &account.operators;
                self.page(question, operators, wire::operator)
            }
            Route::Nowhere => Err(Refusal::not_found()),
        }
    }

    fn wire(&self) -> Wire<'a> {
        Wire {
            account: self.account,
            options: self.options,
        }
    }

    fn chat(&self, id: i64) -> Result<&'a Chat, Refusal> {
        self.account.chats.get(&id).ok_or_else(Refusal::not_found)
    }

    fn chat_of(&self, contact: i64) -> Result<&'a Chat, Refusal> {
        let mut chats = self.account.chats.values();
        chats
            .find(|chat| chat.contact.original_id == contact)
            .ok_or_else(Refusal::not_found)
    }

    fn chats(&self, question: &Question) -> Answered {
        let filter = Filter::read(question)?;
        let mut state = filter.state;
        if state.is_none() && !self.options.chats_are_union {
            state = Some(ChatState::Open);
        }
        let show = |id: &i64| self.wire().chat(&self.account.chats[id]);
        if self.options.ties == Ties::Moving && !self.turn.is_multiple_of(2) {
            let mut ids = self.lists.ids_with_ties_turned(state);
            ids.retain(|id| filter.takes(&self.account.chats[id]));
            return self.page(question, &ids, show);
        }
        let ids = self.lists.ids(state);
        if filter.takes_all() {
            // The usual case, and the one that must be quick: nothing but the page is looked at.
            let cut = self.window(question)?.cut(ids.len(), self.options)?;
            let page = ids.skip(cut.range.start).take(cut.range.len());
            let items = page.map(|id| show(&id)).collect();
            return Ok(envelope(cut.page, cut.pages, items));
        }
        let ids: Vec<i64> = ids
            .filter(|id| filter.takes(&self.account.chats[id]))
            .collect();
        self.page(question, &ids, show)
    }

    fn messages(&self, question: &Question, chat: &Chat) -> Answered {
        let activities = question.parameter("activities") == Some("1");
        let shown = |message: &&Message| activities || !message.content.template.is_activity();
        let mut messages: Vec<&Message> = chat.messages.iter().filter(shown).collect();
        if self.options.message_order == MessageOrder::NewestFirst {
            messages.reverse();
        }
        self.page(question, &messages, |message| {
            self.wire().message(chat, message)
        })
    }

    fn page<T>(&self, question: &Question, items: &[T], show: impl Fn(&T) -> Value) -> Answered {
        let cut = self.window(question)?.cut(items.len(), self.options)?;
        let shown = items[cut.range].iter().map(show).collect();
        Ok(envelope(cut.page, cut.pages, shown))
    }

    fn window(&self, question: &Question) -> Result<Window, Refusal> {
        let page = question.page().filter(|page| *page > 0);
        let page = page.ok_or_else(|| invalid("page"))?;
        let limitation = question.parameter("limitation").unwrap_or("20");
        let limitation = limitation.parse().map_err(|_| invalid("limitation"))?;
        if limitation > MOST_ITEMS {
            return Err(Refusal::bad_request("Maximum available limitation reached"));
        }
        if limitation < self.options.least_limitation.max(1) {
            return Err(invalid("limitation"));
        }
        Ok(Window { page, limitation })
    }
}

fn envelope(page: usize, pages: usize, items: Vec<Value>) -> Value {
    let mut page = json!({ "cursor": { "page": page, "pages": pages } });
    page["collection"] = Value::Array(items);
    page
}

fn invalid(parameter: &str) -> Refusal {
    Refusal::bad_request("Invalid parameters").because(format!("{parameter} is invalid"))
}

/// Which chats a list is to hold.
struct Filter {
    state: Option<ChatState>,
    unread: bool,
    private: bool,
    operator: Option<i64>,
    term: Option<String>,
}

impl Filter {
    fn read(question: &Question) -> Result<Self, Refusal> {
        let selector = question.parameter("selector[name]").unwrap_or("none");
        if !["none", "private", "unread"].contains(&selector) {
            return Err(invalid("selector.name"));
        }
        let operator = question.parameter("selector[operatorId]").map(str::parse);
        Ok(Self {
            state: match question.parameter("state") {
                None => None,
                Some("open") => Some(ChatState::Open),
                Some("closed") => Some(ChatState::Closed),
                Some(_) => return Err(invalid("state")),
            },
            unread: selector == "unread",
            private: selector == "private",
            operator: operator
                .transpose()
                .map_err(|_| invalid("selector.operatorId"))?,
            term: question.parameter("term").map(str::to_lowercase),
        })
    }

    /// Whether nothing but the state counts, which has a list of its own.
    fn takes_all(&self) -> bool {
        !self.unread && !self.private && self.operator.is_none() && self.term.is_none()
    }

    fn takes(&self, chat: &Chat) -> bool {
        let term = self.term.as_deref();
        let unread = || chat.gates.iter().any(|gate| gate.unread_messages > 0);
        (!self.unread || unread())
            && (!self.private || chat.operator_id.is_some())
            && (self.operator.is_none() || chat.operator_id == self.operator)
            && term.is_none_or(|term| chat.name.to_lowercase().contains(term))
    }
}
