//! Each value, one table a key.

use super::{assert_refused, problems};
use crate::config::{Config, Kind};

fn parsed(section: &str, line: &str) -> Config {
    let text = format!("[{section}]\n{line}");
    Config::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn base_url_is_https_or_loopback() {
    for (given, kept) in [
        ("https://api.example.org/v1", "https://api.example.org/v1"),
        ("https://api.example.org/v1/", "https://api.example.org/v1"),
        ("https://api.example.org", "https://api.example.org/"),
        ("https://api.example.org//", "https://api.example.org/"),
        (
            "HTTPS://API.example.org:443/V1",
            "https://api.example.org/V1",
        ),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://127.9.8.7", "http://127.9.8.7/"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("http://localhost:1", "http://localhost:1/"),
    ] {
        let config = parsed("source", &format!("base_url = {given:?}"));
        assert_eq!(config.source.base_url.as_str(), kept);
    }
    for (given, words) in [
        ("", "absolute"),
        ("api.example.org/v1", "absolute"),
        ("/v1", "absolute"),
        ("ftp://example.org", "absolute"),
        ("https:example.org", "absolute"),
        ("https://", "not an address"),
        ("https://exa mple.org", "white space"),
        (" https://example.org", "white space"),
        ("https://example.org\\v1", "backslashes"),
        ("https://me@example.org", "credentials"),
        ("https://:x@example.org", "credentials"),
        ("https://example.org?a=1", "query"),
        ("https://example.org/v1?", "query"),
        ("https://example.org/#", "fragment"),
        ("http://example.org", "use https"),
        ("http://128.0.0.1", "use https"),
        ("http://0.0.0.0:80", "use https"),
        ("http://[::]:80", "use https"),
        ("http://localhost.example.org", "use https"),
        ("http://127.0.0.1.example.org", "use https"),
        ("http://127.0.0.1@example.org", "credentials"),
    ] {
        let text = format!("[source]\nbase_url = {given:?}");
        assert_refused(&text, "source.base_url", words);
    }
}

#[test]
fn whole_numbers_have_their_range() {
    for (section, name, accepted, refused) in [
        (
            "source",
            "requests_per_minute",
            &["0", "1", "179", "1_000_000", "4294967295"][..],
            &[
                "-1",
                "4294967296",
                "99999999999999999999999999999999999999999999",
            ][..],
        ),
        (
            "source",
            "max_in_flight",
            &["1", "64", "0x10"],
            &["0", "65", "-4"],
        ),
        (
            "source",
            "request_timeout_seconds",
            &["1", "600"],
            &["0", "601"],
        ),
        ("snapshot", "keep", &["1", "365"], &["0", "-7"]),
    ] {
        for value in accepted {
            parsed(section, &format!("{name} = {value}"));
        }
        for value in refused {
            let text = format!("[{section}]\n{name} = {value}");
            assert_refused(&text, &format!("{section}.{name}"), "whole number from");
        }
    }
}

#[test]
fn words_are_taken_as_written() {
    let config = parsed("source", "kind = \"iqchannels\"");
    assert_eq!(config.source.kind, Kind::IqChannels);
    assert_refused(
        "[source]\nkind = \"Smartsender\"",
        "source.kind",
        "\"smartsender\"",
    );
    assert_refused("[source]\nkind = \"\"", "source.kind", "\"iqchannels\"");
    assert_refused("[log]\nformat = \"\"", "log.format", "\"json\"");
}

#[test]
fn time_zones_are_names() {
    let config = parsed("source", "time_zone = \"Europe/Kyiv\"");
    assert_eq!(config.source.time_zone, chrono_tz::Europe::Kyiv);
    for (given, words) in [
        ("", "not a known time zone"),
        ("+03:00", "not a known time zone"),
        ("Europe/Kyvi", "did you mean \"Europe/Kyiv\"?"),
        ("utc", "did you mean"),
    ] {
        let text = format!("[source]\ntime_zone = {given:?}");
        assert_refused(&text, "source.time_zone", words);
    }
}

#[test]
fn cron_expressions_have_seconds_and_ring() {
    for given in [
        "0 0 * * * *",
        "  0 0 0 1 1 *  ",
        "0 30 2 * * MON-FRI",
        "@daily",
        "0 0 0 29 2 *",
    ] {
        let config = parsed("schedule", &format!("reconcile = {given:?}"));
        assert_eq!(config.schedule.reconcile.as_str(), given.trim());
    }
    for (given, words) in [
        ("", "not a cron expression"),
        ("*/20 * * * *", "seconds come first"),
        ("60 * * * * *", "not a cron expression"),
        ("every 5 minutes", "not a cron expression"),
        ("0 0 0 30 2 *", "never rings"),
        ("0 0 0 1 1 * 2001", "never rings"),
    ] {
        for name in ["incremental", "reconcile"] {
            let text = format!("[schedule]\n{name} = {given:?}");
            assert_refused(&text, &format!("schedule.{name}"), words);
        }
    }
    assert_refused(
        "[schedule]\nsnapshot = \"x\"",
        "schedule.snapshot",
        "not a cron",
    );
}

#[test]
fn paths_are_paths_of_files() {
    for given in ["", ":memory:", "file:x.db?mode=memory", "a\u{0}b"] {
        let text = format!("[database]\npath = \"{}\"", given.replace('\0', "\\u0000"));
        assert_refused(&text, "database.path", "must be");
    }
    let config = parsed("database", "path = \"mirrors/дані.db\"");
    assert_eq!(
        config.database.path,
        std::path::Path::new("mirrors/дані.db")
    );
    assert_refused(
        "[source]\ntoken_file = \"a\\nb\"",
        "source.token_file",
        "control",
    );
}

#[test]
fn scheduled_copies_need_a_directory() {
    let text = "[schedule]\nsnapshot = \"0 0 4 * * *\"\n[snapshot]\n";
    assert_refused(text, "snapshot.directory", "schedule.snapshot");
    assert_eq!(problems(&format!("{text}directory = \"copies\"")), []);
}

#[test]
fn the_server_listens_on_an_address() {
    for given in ["", "127.0.0.1:9090", "[::1]:0", "0.0.0.0:80"] {
        parsed("http", &format!("listen = {given:?}"));
    }
    for given in [
        "9090",
        ":9090",
        "localhost:9090",
        "127.0.0.1",
        "http://127.0.0.1:80",
    ] {
        assert_refused(
            &format!("[http]\nlisten = {given:?}"),
            "http.listen",
            "with a port",
        );
    }
}

#[test]
fn the_receiver_has_a_path_of_its_own() {
    parsed("receiver", "path = \"/hooks/iq-channels\"");
    for (given, words) in [
        ("", "slash"),
        ("/", "slash"),
        ("events", "slash"),
        ("/a b", "slash"),
        ("/{id}", "slash"),
        ("/events?x=1", "slash"),
        ("/metrics", "server's own"),
    ] {
        assert_refused(
            &format!("[receiver]\npath = {given:?}"),
            "receiver.path",
            words,
        );
    }
}

#[test]
fn without_a_secret_events_are_received_on_loopback_only() {
    let open = |kind: &str, listen: &str, secret: &str| {
        format!(
            "source.kind = {kind:?}\nhttp.listen = {listen:?}\nreceiver.secret_file = {secret:?}"
        )
    };
    for listen in ["0.0.0.0:80", "192.0.2.1:80", "[::]:80"] {
        let text = open("iqchannels", listen, "");
        assert_refused(&text, "receiver.secret_file", "loopback");
    }
    for (kind, listen, secret) in [
        ("iqchannels", "127.0.0.1:80", ""),
        ("iqchannels", "[::1]:80", ""),
        ("iqchannels", "0.0.0.0:80", "secret.txt"),
        ("smartsender", "0.0.0.0:80", ""),
    ] {
        assert_eq!(problems(&open(kind, listen, secret)), []);
    }
}

#[test]
fn only_an_installation_that_is_named_is_asked() {
    let kind = "source.kind = \"iqchannels\"\n";
    let own = "source.base_url = \"https://chat.example.com\"\n";
    for key in ["repair.lists", "repair.stream"] {
        assert_refused(&format!("{key} = true"), key, "iqchannels");
        let text = format!("{kind}{key} = true");
        assert_refused(&text, "source.base_url", "installation's address");
        assert_eq!(problems(&format!("{kind}{own}{key} = true")), []);
    }
    let text = "repair.header = \"Authorization: Bearer abc\"";
    assert_refused(text, "repair.header", "{token}");
}
