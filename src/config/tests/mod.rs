//! What is accepted, what is refused, and in which words.

mod load;
mod secrets;
mod values;

use super::{Config, ConfigError, Problem};

/// The problems that `text` has; none if it is fine.
fn problems(text: &str) -> Vec<Problem> {
    Config::parse(text)
        .err()
        .map(|error| error.problems())
        .unwrap_or_default()
}

/// Asserts that `text` has exactly one problem, with this key, and with these words in its reason.
#[track_caller]
fn assert_refused(text: &str, key: &str, words: &str) {
    let problems = problems(text);
    let keys: Vec<_> = problems.iter().map(|problem| &problem.key).collect();
    assert_eq!(keys, [key], "{text}: {problems:?}");
    assert!(problems[0].why.contains(words), "{text}: {}", problems[0]);
}

#[test]
fn every_default_is_accepted() {
    let config = Config::parse("").unwrap();
    assert_eq!(config.source.kind.as_str(), "smartsender");
    assert_eq!(
        config.source.base_url.as_str(),
        "https://api.smartsender.com/v1"
    );
    assert_eq!(config.source.token_file, None);
    assert_eq!(config.source.request_timeout.as_secs(), 30);
    assert_eq!(config.schedule.incremental.as_str(), "*/20 * * * * *");
    assert_eq!(config.schedule.snapshot, None);
    assert_eq!(config.http.listen, None);
    assert_eq!(config.receiver.secret_file, None);
}

#[test]
fn all_problems_come_at_once_in_the_order_of_the_lines() {
    let text = r#"
[source]
base_ulr = "https://example.org"
max_in_flight = 65
activities = "yes"

[databse]
path = "x.db"

[log]
format = "xml"
"#;
    let error = Config::parse(text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "5 problems in the configuration:
  line 3: source.base_ulr: unknown key; did you mean `base_url`?
  line 4: source.max_in_flight = 65: must be a whole number from 1 to 64
  line 5: source.activities = \"yes\": must be true or false, not text
  line 7: databse: unknown table; did you mean `database`?
  line 11: log.format = \"xml\": must be \"text\" or \"json\""
    );
    let json = serde_json::to_value(error.problems()).unwrap();
    assert_eq!(json[1]["key"], "source.max_in_flight");
    assert_eq!(json[1]["value"], "65");
    assert_eq!(json[1]["line"], 4);
    assert_eq!(json[3]["value"], serde_json::Value::Null);
}

#[test]
fn what_is_not_toml_is_reported_beside_what_is() {
    let found = problems("[source]\nkind = \nmax_in_flight = 0\n");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].why.starts_with("not TOML: "), "{found:?}");
    assert_eq!(found[0].line, Some(2));
    assert_eq!(found[1].key, "source.max_in_flight");
}

#[test]
fn what_is_not_known_is_refused() {
    for (text, key, words) in [
        ("[source]\nfoo = 1", "source.foo", "unknown key"),
        ("[source.foo]\nx = 1", "source.foo", "unknown table"),
        ("[sorce]", "sorce", "did you mean `source`?"),
        ("[nonsense]", "nonsense", "unknown table"),
        ("kind = \"smartsender\"", "kind", "belongs in [source]"),
        (
            "[source]\nlisten = \"\"",
            "source.listen",
            "belongs in [http]",
        ),
        ("source = 1", "source", "must be a table, [source]"),
        ("[[source]]", "source", "must be a table, [source]"),
        (
            "[source.kind]",
            "source.kind",
            "must be text in quotes, not a table",
        ),
        ("source.kin = \"x\"", "source.kin", "did you mean `kind`?"),
        ("[source]\nKind = \"iqchannels\"", "source.Kind", "`kind`"),
    ] {
        assert_refused(text, key, words);
    }
}

#[test]
fn wrong_types_are_refused() {
    for (key, default) in Config::defaults() {
        let (section, name) = key.split_once('.').unwrap();
        for wrong in [
            "1.5",
            "[1]",
            "{ a = 1 }",
            "2026-01-01",
            "\"x\"",
            "1",
            "true",
        ] {
            let value: toml::Table = format!("v = {wrong}").parse().unwrap();
            if value["v"].same_type(&default) {
                continue;
            }
            let problem = problems(&format!("[{section}]\n{name} = {wrong}"));
            assert_eq!(problem.len(), 1, "{key} = {wrong}: {problem:?}");
            assert_eq!(problem[0].key, key);
            assert!(problem[0].why.starts_with("must be "), "{}", problem[0]);
        }
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_refused_and_not_repeated() {
    for text in [
        "[source]\ntoken = \"hunter2\"",
        "token = \"hunter2\"",
        "[receiver]\nsecret = \"hunter2\"",
        "[source]\nbase_url = \"https://me:hunter2@example.org/v1\"",
        "[source]\nbase_url = \"https://example.org/v1?access_token=hunter2\"",
        "[source]\nbase_url = \"ftp://me:hunter2@example.org/v1#hunter2\"",
        "[source]\ntoken_file = \"hunter2",
        "[source]\npassword = \"hunter2\"",
        "[source]\ntoken = hunter2",
    ] {
        let error = Config::parse(text).unwrap_err();
        let said = format!("{error} {error:?} {:?}", error.problems());
        assert!(!said.contains("hunter2"), "{text}: {said}");
    }
    assert_refused(
        "[source]\ntoken = \"x\"",
        "source.token",
        "CHATMIRROR_TOKEN",
    );
}

#[test]
fn problems_can_be_had_of_every_error() {
    let error = ConfigError::NoToken;
    assert_eq!(error.problems()[0].key, "source.token_file");
    assert_eq!(error.problems()[0].why, error.to_string());
}
