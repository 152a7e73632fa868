//! Bodies in a stream of bytes: one a line, one after another, or one alone; whatever is none is cut out and the rest goes on.

use std::io::{self, Read};

use serde_json::value::RawValue;

/// No body is longer: what is, is none.
pub(super) const LONGEST: usize = 4 << 20;

/// Of what is none, so much is kept.
const KEPT: usize = 64 << 10;

const CHUNK: usize = 64 << 10;

/// A part of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// The line it begins on, from 1.
    pub line: u64,
    /// Its bytes; of what is none, at least its beginning.
    pub bytes: Vec<u8>,
}

/// The stream's parts, in order. No more of it than one part and a chunk is in memory.
pub(super) struct Bodies<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The line that the buffer begins on.
    line: u64,
    ended: bool,
    /// With so many bytes the part was not at its end.
    tried: usize,
}

/// What stands at the beginning of the buffer.
enum Head {
    /// A value of so many bytes.
    Value(usize),
    /// The beginning of one.
    Part,
    /// No value.
    Nonsense,
}

impl<R: Read> Bodies<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            line: 1,
            ended: false,
            tried: 0,
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        let before = self.buffer.len();
        self.buffer.resize(before + CHUNK, 0);
        let read = loop {
            match self.reader.read(&mut self.buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        self.buffer.truncate(before + *read.as_ref().unwrap_or(&0));
        self.ended |= read? == 0;
        Ok(())
    }

    /// Takes `length` bytes from the beginning.
    fn take(&mut self, length: usize) -> Item {
        let rest = self.buffer.split_off(length);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let line = self.line;
        self.line += lines(&bytes);
        self.tried = 0;
        Item { line, bytes }
    }

    fn skip_space(&mut self) {
        let space = self
            .buffer
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        if space > 0 {
            let tried = self.tried;
            self.take(space);
            self.tried = tried;
        }
    }

    /// What stands at the beginning, as far as it can be told now; nothing if that is to be asked with more of the stream.
    fn head(&mut self) -> Option<Head> {
        if !self.ended {
            let closes = self.buffer.trim_ascii_end().ends_with(b"}");
            let grown = self.buffer.len() >= 2 * self.tried;
            if !(closes || grown || self.buffer.len() > LONGEST) {
                return None;
            }
        }
        let mut values =
            serde_json::Deserializer::from_slice(&self.buffer).into_iter::<&RawValue>();
        let head = match values.next() {
            Some(Ok(_)) => Head::Value(values.byte_offset()),
            Some(Err(error)) if error.is_eof() && !self.ended => Head::Part,
            _ => Head::Nonsense,
        };
        self.tried = self.buffer.len();
        Some(match head {
            Head::Value(_) if self.buffer[0] != b'{' => Head::Nonsense,
            Head::Value(length) if length > LONGEST => Head::Nonsense,
            Head::Part if self.buffer.len() > LONGEST => Head::Nonsense,
            head => head,
        })
    }

    /// Cuts out what is no body: a line; of a body that is broken and stands on several lines, all of these.
    fn cut_out(&mut self) -> io::Result<Item> {
        let mut item = self.rest_of_line()?;
        let mut values = serde_json::Deserializer::from_slice(&item.bytes).into_iter::<&RawValue>();
        let goes_on = item.bytes.starts_with(b"{")
            && matches!(values.next(), Some(Err(error)) if error.is_eof());
        while goes_on && self.line_goes_on()? {
            let last = self.buffer.starts_with(b"}");
            let more = self.rest_of_line()?;
            if item.bytes.len() + more.bytes.len() <= KEPT {
                item.bytes.extend(more.bytes);
            }
            if last {
                break;
            }
        }
        Ok(item)
    }

    /// Whether there is another line, and it does not begin a body.
    fn line_goes_on(&mut self) -> io::Result<bool> {
        while self.buffer.is_empty() && !self.ended {
            self.read_more()?;
        }
        Ok(!self.buffer.is_empty() && !self.buffer.starts_with(b"{"))
    }

    /// Takes what is left of the line, its end included; of a long one only the beginning is kept.
    fn rest_of_line(&mut self) -> io::Result<Item> {
        let mut item: Option<Item> = None;
        loop {
            let end = self.buffer.iter().position(|byte| *byte == b'\n');
            let mut part = self.take(end.map_or(self.buffer.len(), |end| end + 1));
            if let Some(item) = &mut item {
                let room = KEPT.saturating_sub(item.bytes.len());
                part.bytes.truncate(room);
                item.bytes.append(&mut part.bytes);
            } else {
                part.bytes.truncate(KEPT);
                item = Some(part);
            }
            if end.is_some() || self.ended {
                return Ok(item.unwrap_or(Item {
                    line: self.line,
                    bytes: Vec::new(),
                }));
            }
            self.read_more()?;
        }
    }
}

impl<R: Read> Iterator for Bodies<R> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.skip_space();
            if self.buffer.is_empty() && self.ended {
                return None;
            }
            let head = if self.buffer.is_empty() {
                None
            } else {
                self.head()
            };
            match head {
                Some(Head::Value(length)) => return Some(Ok(self.take(length))),
                Some(Head::Nonsense) => return Some(self.cut_out()),
                Some(Head::Part) | None => {
                    if let Err(error) = self.read_more() {
                        return Some(Err(error));
                    }
                }
            }
        }
    }
}

fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn items(text: &str) -> Vec<(u64, String)> {
        let taken = |step| -> Vec<(u64, String)> {
            Bodies::new(Slow(text.as_bytes(), step))
                .map(|item| item.unwrap())
                .map(|item| (item.line, String::from_utf8(item.bytes).unwrap()))
                .collect()
        };
        let whole = taken(usize::MAX);
        for step in [1, 7] {
            assert_eq!(taken(step), whole, "{step} bytes at a time");
        }
        whole
    }

    #[track_caller]
    fn holds(text: &str, expected: &[(u64, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(line, text)| (*line, (*text).to_owned()))
            .collect();
        assert_eq!(items(text), expected);
    }

    #[test]
    fn one_a_line_one_after_another_and_one_on_many_lines() {
        holds("", &[]);
        holds("\n \n", &[]);
        holds("{\"a\":1}", &[(1, "{\"a\":1}")]);
        holds("{\"a\":1}\n\n{}\n", &[(1, "{\"a\":1}"), (3, "{}")]);
        holds("{}{}\r\n{}", &[(1, "{}"), (1, "{}"), (2, "{}")]);
        holds(
            "{\n  \"a\": 1\n}{\n}\n",
            &[(1, "{\n  \"a\": 1\n}"), (3, "{\n}")],
        );
    }

    #[test]
    fn what_is_none_is_cut_out_and_the_rest_goes_on() {
        holds("oops\n{}\n", &[(1, "oops\n"), (2, "{}")]);
        holds(
            "{}\n[1]\n5\nx",
            &[(1, "{}"), (2, "[1]\n"), (3, "5\n"), (4, "x")],
        );
        holds("{} x\n{}", &[(1, "{}"), (1, "x\n"), (2, "{}")]);
        holds(
            "{\"a\":\"b\n{}\n{}",
            &[(1, "{\"a\":\"b\n"), (2, "{}"), (3, "{}")],
        );
        holds("{\"a\":\n{}\n", &[(1, "{\"a\":\n"), (2, "{}")]);
        holds("{}\n{\"a\":1", &[(1, "{}"), (2, "{\"a\":1")]);
    }

    #[test]
    fn a_broken_body_on_many_lines_is_one() {
        let broken = "{\n  \"a\": oops\n}\n";
        holds(&format!("{broken}{{}}\n"), &[(1, broken), (4, "{}")]);
    }

    #[test]
    fn what_is_too_long_is_cut_out_and_not_kept_whole() {
        let text = format!("{{\"a\":\"{}\"}}\n{{}}", "x".repeat(LONGEST));
        let found: Vec<Item> = Bodies::new(text.as_bytes()).map(Result::unwrap).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].bytes.len(), KEPT);
        assert_eq!((found[1].line, found[1].bytes.as_slice()), (2, &b"{}"[..]));
    }
}
