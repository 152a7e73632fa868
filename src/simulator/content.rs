//! What a message says: every kind of content that the platform knows, and one that it does not.

use std::collections::BTreeMap;

use super::account::Extra;
use crate::clock::Timestamp;

/// What a message says, with the buttons under it.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The thing itself.
    pub template: Template,
    /// The words on the buttons.
    pub buttons: Vec<String>,
    /// Undocumented fields among the parameters.
    pub extra: Extra,
}

/// The kinds of content.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// Words.
    Text(String),
    /// What the customer answered to a question of the bot.
    Input(String),
    /// Words with places to fill in.
    PendingText {
        /// The words, with the keys of `replacement` in them.
        content: String,
        /// What to put in the place of each key.
        replacement: BTreeMap<String, String>,
    },
    /// Something the system did; listed only with `activities=1`.
    Action(String),
    /// A file somewhere.
    File {
        /// What sort of file.
        kind: FileKind,
        /// Where it is.
        url: String,
    },
    /// A picture somewhere.
    Picture {
        /// What sort of picture.
        kind: PictureKind,
        /// Where it is.
        url: String,
        /// The words under it.
        caption: Option<String>,
    },
    /// Several pictures sent at once.
    MediaGroup(Vec<Media>),
    /// Somebody's telephone number.
    Contact {
        /// Whose.
        name: String,
        /// The number.
        phone_number: String,
    },
    /// A point on the map.
    Location {
        /// North of the equator, in degrees.
        latitude: f64,
        /// East of Greenwich, in degrees.
        longitude: f64,
    },
    /// A bill.
    TelegramInvoice {
        /// What for.
        title: String,
        /// In more words.
        description: String,
    },
    /// A deleted message.
    Transient {
        /// What it was.
        original: Box<Content>,
        /// When it was deleted.
        deleted_at: Timestamp,
    },
    /// A kind that no document mentions.
    Unknown {
        /// Its name.
        kind: String,
        /// Whatever it holds.
        parameters: Extra,
    },
}

/// Kinds of content that are one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A web address.
    Link,
    /// A document.
    File,
    /// A film.
    Video,
    /// A round film.
    TelegramVideoNote,
    /// A piece of music.
    Audio,
    /// Spoken words.
    Voice,
}

/// Kinds of content that are an address with words under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// A plain picture.
    Picture,
    /// The kind for Telegram.
    TelegramCaptionedPicture,
    /// A moving one.
    Animation,
}

/// One of several pictures sent at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// Where it is.
    pub url: String,
    /// The words under it.
    pub caption: Option<String>,
}

impl Content {
    /// Bare words.
    #[must_use]
    pub fn text(words: impl Into<String>) -> Self {
        Template::Text(words.into()).into()
    }
}

impl From<Template> for Content {
    fn from(template: Template) -> Self {
        Self {
            template,
            buttons: Vec::new(),
            extra: Extra::new(),
        }
    }
}

impl Template {
    /// The name of the kind on the wire.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Text(_) => "text",
            Self::Input(_) => "input",
            Self::PendingText { .. } => "pendingText",
            Self::Action(_) => "action",
            Self::File { kind, .. } => kind.as_str(),
            Self::Picture { kind, .. } => kind.as_str(),
            Self::MediaGroup(_) => "mediaGroup",
            Self::Contact { .. } => "contact",
            Self::Location { .. } => "location",
            Self::TelegramInvoice { .. } => "telegramInvoice",
            Self::Transient { .. } => "transient",
            Self::Unknown { kind, .. } => kind,
        }
    }

    /// Whether a list shows it only with `activities=1`. A deleted one is shown as what it was.
    #[must_use]
    pub fn is_activity(&self) -> bool {
        match self {
            Self::Action(_) => true,
            Self::Transient { original, .. } => original.template.is_activity(),
            _ => false,
        }
    }

    /// Whether it stands for a deleted message.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }

    /// Rewrites the words, where there are any.
    pub(super) fn rewrite(&mut self, words: String) {
        match self {
            Self::Text(text) | Self::Input(text) | Self::Action(text) => *text = words,
            Self::PendingText { content, .. } => *content = words,
            Self::Picture { caption, .. } => *caption = Some(words),
            Self::MediaGroup(media) => {
                if let Some(first) = media.first_mut() {
                    first.caption = Some(words);
                }
            }
            Self::TelegramInvoice { description, .. } => *description = words,
            Self::File { .. }
            | Self::Contact { .. }
            | Self::Location { .. }
            | Self::Transient { .. }
            | Self::Unknown { .. } => {}
        }
    }
}

impl FileKind {
    /// The name of the kind on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::File => "file",
            Self::Video => "video",
            Self::TelegramVideoNote => "telegramVideoNote",
            Self::Audio => "audio",
            Self::Voice => "voice",
        }
    }
}

impl PictureKind {
    /// The name of the kind on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::TelegramCaptionedPicture => "telegramCaptionedPicture",
            Self::Animation => "animation",
        }
    }
}
