//! CSV and JSON lines: what every tool reads.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use crate::store::{Cell, MirrorTable};

/// Comma-separated values (RFC 4180). NULL is nothing at all, an empty text is two quotes.
pub(super) struct Csv {
    to: BufWriter<File>,
}

impl Csv {
    pub(super) fn new(file: File, table: &MirrorTable) -> io::Result<Self> {
        let mut to = BufWriter::new(file);
        let names: Vec<&str> = table.columns.iter().map(|column| &*column.name).collect();
        writeln!(to, "{}", names.join(","))?;
        Ok(Self { to })
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        for (number, cell) in cells.iter().enumerate() {
            if number > 0 {
                self.to.write_all(b",")?;
            }
            match cell {
                Cell::Null => {}
                Cell::Integer(number) => write!(self.to, "{number}")?,
                Cell::Boolean(flag) => write!(self.to, "{flag}")?,
                Cell::Moment(moment) => write!(self.to, "{moment}")?,
                Cell::Json(text) | Cell::Text(text) => {
                    self.to.write_all(quoted(text).as_bytes())?;
                }
            }
        }
        self.to.write_all(b"\n")
    }

    pub(super) fn end(self) -> io::Result<File> {
        Ok(self.to.into_inner()?)
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A JSON object a line; JSON columns are objects in it, not texts.
pub(super) struct Jsonl {
    to: BufWriter<File>,
    /// The names as they are written: quoted, with a colon.
    names: Vec<String>,
}

impl Jsonl {
    pub(super) fn new(file: File, table: &MirrorTable) -> Self {
        let names = table.columns.iter();
        Self {
            to: BufWriter::new(file),
            names: names
                .map(|column| format!("\"{}\":", column.name))
                .collect(),
        }
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let mut before = "{";
        for (name, cell) in self.names.iter().zip(cells) {
            write!(self.to, "{before}{name}")?;
            before = ",";
            match cell {
                Cell::Null => self.to.write_all(b"null")?,
                Cell::Integer(number) => write!(self.to, "{number}")?,
                Cell::Boolean(flag) => write!(self.to, "{flag}")?,
                Cell::Moment(moment) => write!(self.to, "\"{moment}\"")?,
                // No line break stands in it outside of a text, where it is escaped.
                Cell::Json(json) => self.to.write_all(one_line(json).as_bytes())?,
                Cell::Text(text) => serde_json::to_writer(&mut self.to, text)?,
            }
        }
        self.to.write_all(b"}\n")
    }

    pub(super) fn end(self) -> io::Result<File> {
        Ok(self.to.into_inner()?)
    }
}

/// JSON as one line: outside of its texts, where it is escaped, a line break is but white space.
fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_they_must_be_and_nothing_is_not_empty() {
        let quoted: Vec<String> = ["plain, no", "a \"b\"", "two\nlines", "", "plain"]
            .map(quoted)
            .into();
        assert_eq!(
            quoted,
            [
                "\"plain, no\"",
                "\"a \"\"b\"\"\"",
                "\"two\nlines\"",
                "\"\"",
                "plain"
            ]
        );
    }
}
