//! What an address of the source may look like, and how to show one without the secrets that may be in it.

use std::net::IpAddr;

use reqwest::Url;

/// Reads the address where the source's API begins.
pub(super) fn base_url(text: &str) -> Result<Url, String> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(
            "must be an address without white space, control characters or backslashes".to_owned(),
        );
    }
    let (scheme, _) = text.split_once("://").unwrap_or_default();
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err("must be an absolute address that begins with https://".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("not an address: {error}"))?;
    refuse(&url)?;
    Ok(without_slash(url))
}

/// The address as it may be shown: without user, password, query and fragment.
pub(super) fn shown(text: &str) -> Option<String> {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let bare = &text[..end];
    (!bare.contains('@')).then(|| format!("{bare:?}"))
}

fn refuse(url: &Url) -> Result<(), String> {
    let why = if !url.username().is_empty() || url.password().is_some() {
        "must not hold credentials: the token goes into CHATMIRROR_TOKEN or source.token_file"
    } else if url.query().is_some() {
        "must not have a query"
    } else if url.fragment().is_some() {
        "must not have a fragment"
    } else if url.scheme() == "http" && !is_loopback(url) {
        "plain http would show the token to the network: use https (http is for loopback addresses only)"
    } else {
        return Ok(());
    };
    Err(why.to_owned())
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn without_slash(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    url
}
