//! How a header with a place for the token is written: `Authorization: Bearer {token}`.

use super::settings::Header;

/// Where the token goes.
const PLACE: &str = "{token}";

/// Reads a header.
pub(super) fn read(text: &str) -> Result<Header, String> {
    const WANTED: &str = r#"such as "Authorization: Bearer {token}" or "Cookie: session={token}""#;
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| format!("must be a header with a colon, {WANTED}"))?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(format!("must begin with the name of a header, {WANTED}"));
    }
    let value = value.trim();
    if !value.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        return Err("must hold visible ASCII only".to_owned());
    }
    match value.split_once(PLACE) {
        Some((before, behind)) if !behind.contains(PLACE) => Ok(Header {
            name: name.to_owned(),
            before: before.to_owned(),
            behind: behind.to_owned(),
        }),
        _ => Err(format!(
            "must hold {PLACE} once, where the token goes, {WANTED}: the token itself does not belong in this file"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value_with_a_place_for_the_token() {
        let header = read("Cookie: session={token}; x=1").unwrap();
        let parts = [header.name, header.before, header.behind];
        assert_eq!(parts, ["Cookie", "session=", "; x=1"]);
        for wrong in [
            "",
            "Authorization",
            "Authorization: Bearer abc",
            ": {token}",
            "A B: {token}",
            "A: {token}{token}",
            "A: {token}\n",
        ] {
            // A line end at the very end is white space; inside it is not.
            let read = read(&format!("{wrong}\u{7f}"));
            assert!(read.is_err(), "{wrong}");
        }
    }
}
