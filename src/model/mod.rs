//! The vocabulary: what an account consists of, in the mirror's terms, whatever platform it came from.

mod desk;
mod json;
mod page;
mod pushed;
mod records;

pub use desk::{Event, File, Operator, Project, Ticket};
pub use json::Json;
pub use page::{ChatList, Drift, Listed, MOST_PER_PAGE, Page, Reject, Window};
pub use pushed::{Delivery, Happening, How, Sighting, Thing};
pub use records::{
    Account, Attachment, Channel, Chat, ChatState, Contact, Direction, Gate, ListedChat,
    ListedMessage, Message,
};
