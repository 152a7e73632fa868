//! The platform's own way of saying no.

use serde_json::{Value, json};

/// An error of the platform: a status and the envelope around the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
    pub(super) description: Vec<String>,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            description: Vec::new(),
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "Not found")
    }

    /// Adds what is wrong in particular.
    pub(super) fn because(mut self, reason: impl Into<String>) -> Self {
        self.description.push(reason.into());
        self
    }

    /// The body of the answer.
    pub(super) fn envelope(&self) -> Value {
        let mut error = json!({ "code": self.status, "message": self.message });
        if !self.description.is_empty() {
            error["description"] = json!(self.description);
        }
        json!({ "error": error })
    }
}
