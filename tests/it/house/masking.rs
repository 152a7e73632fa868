//! Text with its comments and its quoted strings blanked out, so that only code is looked at. Lines stay where they are.

/// Stands where a comment was.
pub const COMMENT: char = '\u{1}';

/// Rust without comments and string literals.
pub fn rust(text: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some(first) = rest.chars().next() {
        let before = out.chars().last();
        let (length, filler) = if rest.starts_with("//") {
            (line_end(rest), COMMENT)
        } else if rest.starts_with("/*") {
            (nested_comment(rest), COMMENT)
        } else if let Some(length) = raw_string(rest, before) {
            (length, ' ')
        } else if first == '"' {
            (quoted(rest, '"'), ' ')
        } else if first == '\'' && is_char_literal(rest) {
            (quoted(rest, '\''), ' ')
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        blank(&mut out, &rest[..length], filler);
        rest = &rest[length..];
    }
    out
}

/// SQL without comments and string literals; quoted names stay.
pub fn sql(text: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some(first) = rest.chars().next() {
        let (length, filler) = if rest.starts_with("--") {
            (line_end(rest), COMMENT)
        } else if rest.starts_with("/*") {
            (rest.find("*/").map_or(rest.len(), |end| end + 2), COMMENT)
        } else if first == '\'' {
            (rest[1..].find('\'').map_or(rest.len(), |end| end + 2), ' ')
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        blank(&mut out, &rest[..length], filler);
        rest = &rest[length..];
    }
    out
}

/// Rust without its inline test module, which by custom is the last thing in a file.
pub fn without_tests(masked: &str) -> &str {
    let start = masked.find("#[cfg(test)]\nmod tests {");
    &masked[..start.unwrap_or(masked.len())]
}

fn blank(out: &mut String, hidden: &str, filler: char) {
    out.extend(hidden.chars().map(|c| if c == '\n' { c } else { filler }));
}

fn line_end(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

fn nested_comment(text: &str) -> usize {
    let mut depth = 0;
    for (at, _) in text.char_indices() {
        if text[at..].starts_with("/*") {
            depth += 1;
        } else if at > 0 && text[at - 1..].starts_with("*/") {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    text.len()
}

/// The length of the raw string that begins here, if one does.
fn raw_string(text: &str, before: Option<char>) -> Option<usize> {
    if before.is_some_and(|c| (c.is_alphanumeric() && c != 'b' && c != 'c') || c == '_') {
        return None;
    }
    let hashes = text.strip_prefix('r')?;
    let inner = hashes.trim_start_matches('#');
    let marks = hashes.len() - inner.len();
    let body = inner.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(marks));
    let opening = text.len() - body.len();
    Some(
        body.find(&end)
            .map_or(text.len(), |at| opening + at + end.len()),
    )
}

fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == mark => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Tells `'a'` from the lifetime `'a`.
fn is_char_literal(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

#[test]
fn only_code_is_left() {
    for (text, left) in [
        ("a // b\nc", "a \nc"),
        ("a /* b /* c */ d */ e", "a  e"),
        (r#"a("b \" c", d)"#, "a(, d)"),
        (r##"a(r#"b " c"#, br"\", d)"##, "a(, b, d)"),
        ("a('\"', '\\'', 'x', b)", "a(, , , b)"),
        ("fn a<'b>(c: &'b str)", "fn a<'b>(c: &'b str)"),
        ("for r in x { \"s\" }", "for r in x {  }"),
        ("\"// a\" b", " b"),
    ] {
        let masked = rust(text);
        assert_eq!(masked.chars().count(), text.chars().count());
        let squeezed = |text: &str| text.replace([' ', COMMENT], "");
        assert_eq!(squeezed(&masked), squeezed(left), "{text}");
    }
}
