//! The vocabulary: what an account consists of, in the mirror's terms, whatever platform it came from.

mod json;
mod page;
mod records;

pub use json::Json;
pub use page::{ChatList, Drift, MOST_PER_PAGE, Page, Reject, Window};
pub use records::{
    Account, Attachment, Channel, Chat, ChatState, Contact, Direction, Gate, ListedChat,
    ListedMessage, Message,
};
