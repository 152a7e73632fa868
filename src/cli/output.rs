//! What is printed: data to stdout, everything said to a person to stderr.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

use super::exit::Failure;
use crate::clock::Timestamp;

/// Where a command prints.
#[derive(Debug)]
pub(super) struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    pub(super) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// The report of work that was done: nobody who asked for quiet reads that all went well.
    pub(super) fn done(&self, value: &impl Serialize, text: &str) {
        if self.json || !self.quiet {
            self.report(value, text);
        }
    }

    /// The report of a command: `value` for a script, `text` for a person.
    pub(super) fn report(&self, value: &impl Serialize, text: &str) {
        let report = if self.json {
            serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
        } else {
            text.trim_end().to_owned()
        };
        // A reader that has seen enough, such as `head`, is not a failure.
        let _ = writeln!(io::stdout().lock(), "{report}");
    }

    /// Something said to a person.
    pub(super) fn say(&self, text: &str) {
        if !self.json && !self.quiet {
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// What went wrong.
    pub(super) fn failure(&self, failure: &Failure) {
        if self.json {
            let value = json!({ "error": {
                "message": failure.message,
                "hint": failure.hint,
                "problems": failure.problems,
                "exit_code": failure.exit as u8,
            }});
            let _ = writeln!(io::stdout().lock(), "{value}");
            return;
        }
        let mut stderr = io::stderr().lock();
        let _ = writeln!(stderr, "error: {}", failure.message);
        if let Some(hint) = &failure.hint {
            let _ = writeln!(stderr, "  what to do: {hint}");
        }
    }
}

/// A moment as a person reads it: the source tells whole seconds, and so do we.
pub(super) fn moment(moment: Timestamp) -> String {
    let mut text = moment.to_string();
    text.truncate("YYYY-MM-DD HH:MM:SS".len());
    text
}

/// A span of time as a person says it.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `12345` as `12,345`.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// A size as a person reads it.
pub(super) fn bytes(bytes: u64) -> String {
    let mib = bytes / (1 << 20);
    match mib {
        0 => format!("{} KiB", bytes.div_ceil(1 << 10)),
        1..10_240 => format!("{} MiB", grouped(mib.cast_signed())),
        _ => format!("{} GiB", grouped((mib >> 10).cast_signed())),
    }
}

/// `1 chat`, `2 chats`.
pub(super) fn counted(number: i64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let texts: Vec<String> = [0, 999, 1000, 1_234_567, -1000].map(grouped).into();
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567", "-1,000"]);
    }

    #[test]
    fn moments_are_told_to_the_second_and_spans_in_the_unit_that_fits() {
        let late = "2026-03-01 12:00:59.999".parse().unwrap();
        assert_eq!(moment(late), "2026-03-01 12:00:59");
        let told: Vec<String> = [5, 119, 120, 7200, 172_800].map(span).into();
        assert_eq!(told, ["5 s", "119 s", "2 min", "2 h", "2 days"]);
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(1, "chat"), "1 chat");
        assert_eq!(counted(0, "chat"), "0 chats");
    }
}
