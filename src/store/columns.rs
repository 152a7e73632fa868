//! How the vocabulary's values are written in columns, and read back.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{Sqlite, SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Type};

use crate::clock::Timestamp;
use crate::model::{ChatState, Direction, Json};
use crate::plan::Owed;

/// A value that a text column holds.
trait TextColumn: Sized {
    fn to_text(&self) -> String;
    fn from_text(text: &str) -> Result<Self, BoxDynError>;
}

impl TextColumn for Timestamp {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn from_text(text: &str) -> Result<Self, BoxDynError> {
        Ok(text.parse()?)
    }
}

impl TextColumn for Json {
    fn to_text(&self) -> String {
        self.as_str().to_owned()
    }

    fn from_text(text: &str) -> Result<Self, BoxDynError> {
        Ok(Self::from_column(text.to_owned()))
    }
}

/// Enums are written in the words that serde has for them, so that rows and JSON agree.
macro_rules! word_columns {
    ($($word:ty),*) => {$(
        impl TextColumn for $word {
            fn to_text(&self) -> String {
                serde_json::to_value(self)
                    .ok()
                    .and_then(|word| word.as_str().map(str::to_owned))
                    .unwrap_or_default()
            }

            fn from_text(text: &str) -> Result<Self, BoxDynError> {
                Ok(serde_json::from_value(text.into())?)
            }
        }
    )*};
}

word_columns!(ChatState, Direction, Owed);

macro_rules! sqlite_text {
    ($($value:ty),*) => {$(
        impl Type<Sqlite> for $value {
            fn type_info() -> SqliteTypeInfo {
                <String as Type<Sqlite>>::type_info()
            }
        }

        impl<'r> Decode<'r, Sqlite> for $value {
            fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
                Self::from_text(<&str as Decode<Sqlite>>::decode(value)?)
            }
        }

        impl<'q> Encode<'q, Sqlite> for $value {
            fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
                <String as Encode<Sqlite>>::encode(self.to_text(), buffer)
            }
        }
    )*};
}

sqlite_text!(Timestamp, Json, ChatState, Direction, Owed);
