//! The table of keys holds together, and everything that is made of it.

use std::collections::BTreeSet;

use super::super::keys::{Fallback, KEYS, Kind, SECTIONS};
use super::super::value::Raw;
use super::super::{owner_default, reference_markdown};
use super::{config, from_variables};

/// A right value for every key, as variables spell them.
fn example(path: &str, kind: &Kind) -> String {
    match (path, kind) {
        ("server.metrics_listen", _) => "127.0.0.1:9100".into(),
        ("payments.stripe.publishable_key", _) => "pk_test_1".into(),
        ("payments.paymob.secret_key", _) => "egy_sk_test_1".into(),
        ("payments.paymob.public_key", _) => "egy_pk_test_1".into(),
        ("payments.paymob.currency", _) => "EGP".into(),
        (_, Kind::Text | Kind::Secret) => "text".into(),
        (_, Kind::Secrets) => "one,two".into(),
        (_, Kind::YesNo) => "false".into(),
        (_, Kind::Whole(range)) => range.end().to_string(),
        (_, Kind::Wholes(_)) => "7,8".into(),
        (_, Kind::OneOf(words)) => words[0].into(),
        (_, Kind::SocketAddress) => "0.0.0.0:80".into(),
        (_, Kind::Url(_) | Kind::Origins) => "https://example.com".into(),
        (_, Kind::Networks) => "10.0.0.0/8,::1".into(),
        (_, Kind::LogFilter) => "warn,bayader=debug".into(),
        (_, Kind::Currency) => "USD".into(),
        (_, Kind::TimeZone) => "Asia/Riyadh".into(),
        (_, Kind::Sender) => "Shop <a@example.com>".into(),
        (_, Kind::Email) => "a@example.com".into(),
        (_, Kind::Host | Kind::Domains) => "a.example.com".into(),
        (_, Kind::Path) => "/etc/hostname".into(),
        (_, Kind::AgeRecipient) => "age1qqq".into(),
        (_, Kind::Keep) => "1,2,3".into(),
    }
}

#[test]
fn every_key_can_be_set_by_its_variable_and_is_used() {
    let variables: Vec<(String, String)> = KEYS
        .iter()
        // A relay takes a password or Amazon's key; the log adapter, which stands first, asks for neither.
        .map(|key| (key.variable(), example(key.path, &key.kind)))
        .collect();
    let borrowed: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    // Debug builds assert that no value is left over and that each is of the type the code expects.
    let config = from_variables(&borrowed).unwrap();
    for key in KEYS {
        assert!(config.origin(key.path).is_some(), "{} was not seen", key.path);
    }
}

#[test]
fn every_default_is_a_right_value_of_its_key() {
    for key in KEYS {
        if let Fallback::Is(word) | Fallback::Owner(word) = key.fallback {
            let read = key.kind.read(&Raw::Word(word.to_owned()), None);
            assert!(read.is_ok(), "{}: {read:?}", key.path);
        }
    }
}

#[test]
fn no_key_is_listed_twice_and_each_stands_in_a_section_that_is_described() {
    let paths: BTreeSet<&str> = KEYS.iter().map(|key| key.path).collect();
    assert_eq!(paths.len(), KEYS.len());
    for key in KEYS {
        assert!(SECTIONS.iter().any(|(section, _)| *section == key.section()), "{}", key.path);
    }
    for (section, _) in SECTIONS {
        assert!(KEYS.iter().any(|key| key.section() == *section), "{section} is empty");
    }
}

#[test]
fn what_opens_something_is_kept_as_a_secret() {
    let telling = ["secret", "password", "token", "api_key", "authorization", "access_key", "hmac"];
    for key in KEYS.iter().filter(|key| telling.iter().any(|word| key.name().contains(word))) {
        assert!(key.is_secret(), "{}", key.path);
    }
}

#[test]
fn the_reference_names_every_key_with_its_variable_and_default() {
    let page = reference_markdown();
    for key in KEYS {
        let row = page.lines().find(|line| line.contains(&format!("| `{}` |", key.variable())));
        let row = row.unwrap_or_else(|| panic!("{} is not in the reference", key.path));
        assert!(row.starts_with(&format!("| `{}`", key.name())) && row.contains(key.meaning), "{row}");
        assert_eq!(row.contains("_file`"), key.is_secret() || key.name().ends_with("_file"), "{row}");
        assert_eq!(row.matches(" | ").count(), 4, "a bar within a cell: {row}");
    }
    assert!(page.contains("| `listen` | `BAYADER_SERVER__LISTEN` | address and port | `127.0.0.1:8080` |"));
    assert!(page.contains("| `secret_key`, `secret_key_file` | `BAYADER_PAYMENTS__STRIPE__SECRET_KEY` |"));
}

#[test]
fn without_any_configuration_the_defaults_of_the_manual_count() {
    use super::super::{Keep, LogFormat, MailAdapter, MediaServe, PublicUrl, Sms, Tier, Tls};
    let config = config("");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert!(matches!(&config.server.public_url, PublicUrl::Assumed(url) if url.as_str() == "http://127.0.0.1:8080"));
    assert_eq!((config.server.log.as_str(), config.server.log_format), ("info", LogFormat::Human));
    assert!(config.server.metrics_listen.is_none() && config.server.return_url.is_none());
    assert!(config.server.cors_origins.is_empty() && config.server.trusted_proxies.is_empty());
    assert!(config.shop.currency.is_none() && config.shop.locale.is_none() && config.orders.hold_minutes.is_none());
    assert!(config.rate_limit.enabled);
    assert_eq!(config.rate_limit.public, Tier { per_minute: 120, burst: 60 });
    assert_eq!(config.rate_limit.signed_in, Tier { per_minute: 600, burst: 120 });
    assert_eq!(config.rate_limit.partner, Tier { per_minute: 1200, burst: 240 });
    assert!(config.payments.names().is_empty() && config.s3.is_none() && config.otlp.is_none());
    assert!(matches!(config.mail.adapter, MailAdapter::Log) && matches!(config.sms, Sms::Log));
    assert_eq!((config.media.serve, config.media.max_upload_mb), (MediaServe::Local, 15));
    assert_eq!(config.backup.keep, Keep { daily: 7, weekly: 4, monthly: 12 });
    assert!(config.backup.folder.is_none() && matches!(config.tls, Tls::Off));
    assert!(config.warnings().is_empty());
}

#[test]
fn the_owners_settings_begin_with_the_defaults_of_the_manual() {
    let defaults = [
        ("shop.name", None),
        ("shop.locale", Some("en")),
        ("shop.currency", Some("JOD")),
        ("shop.time_zone", Some("Asia/Amman")),
        ("shop.first_weekday", Some("sunday")),
        ("orders.hold_minutes", Some("30")),
        ("orders.cash_hold_hours", Some("24")),
        ("orders.confirm_cash", Some("false")),
        ("orders.prices_include_tax", Some("true")),
    ];
    for (key, default) in defaults {
        assert_eq!(owner_default(key), default, "{key}");
    }
}
