//! The manual's page of all keys, made of the table that the program itself reads.

use std::fmt::Write as _;

use super::keys::{FILE_SUFFIX, Fallback, KEYS, Key, Kind, SECTIONS};

const HEAD: &str = "# Configuration

One TOML file (`--config FILE`, else `bayader.toml` in the data folder) holds these keys. A variable wins over the file, a
flag over both. A variable separates the items of a list by commas. An empty value counts as none. Each secret may lie in a
file of its own instead: its key or variable with `_file` behind it names the file. A relative path begins at the folder of
the configuration file, in a variable at the working folder. `bayader config check` tells all faults at once.
";

/// Markdown of every key: its variable, its type, what counts where nothing is written, what it means.
pub fn reference_markdown() -> String {
    let mut page = HEAD.to_owned();
    for (section, about) in SECTIONS {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## [{section}]\n\n{about}\n\n| key | variable | value | default | meaning |\n| --- | --- | --- | --- | --- |\n"
        );
        for key in KEYS.iter().filter(|key| key.section() == *section) {
            page.push_str(&row(key));
        }
    }
    page
}

fn row(key: &Key) -> String {
    let file_form = if key.is_secret() { format!(", `{}{FILE_SUFFIX}`", key.name()) } else { String::new() };
    let value = value(&key.kind);
    let (name, variable, default, meaning) = (key.name(), key.variable(), default(&key.fallback), key.meaning);
    format!("| `{name}`{file_form} | `{variable}` | {value} | {default} | {meaning} |\n")
}

fn value(kind: &Kind) -> String {
    let range = |range: &std::ops::RangeInclusive<u64>| match *range.end() {
        u64::MAX => format!("from {}", range.start()),
        end => format!("{} to {end}", range.start()),
    };
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Secret => "secret".to_owned(),
        Kind::Secrets => "secret, or a list of them".to_owned(),
        Kind::YesNo => "`true` or `false`".to_owned(),
        Kind::Whole(whole) => format!("whole number, {}", range(whole)),
        Kind::Wholes(whole) => format!("list of whole numbers, {}", range(whole)),
        Kind::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Kind::SocketAddress => "address and port".to_owned(),
        Kind::Url(_) => "URL".to_owned(),
        Kind::Origins => "list of origins".to_owned(),
        Kind::Networks => "list of addresses and networks".to_owned(),
        Kind::LogFilter => "log directive".to_owned(),
        Kind::Currency => "ISO 4217 code".to_owned(),
        Kind::TimeZone => "IANA time zone".to_owned(),
        Kind::Sender => "address or `Name <address>`".to_owned(),
        Kind::Email => "e-mail address".to_owned(),
        Kind::Host => "host name or address".to_owned(),
        Kind::Domains => "list of host names".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::AgeRecipient => "age recipient".to_owned(),
        Kind::Keep => "list of three whole numbers, or one".to_owned(),
    }
}

fn default(fallback: &Fallback) -> String {
    match fallback {
        Fallback::Unset => String::new(),
        Fallback::Is("") => "none".to_owned(),
        Fallback::Is(word) => format!("`{word}`"),
        Fallback::Owner(word) => format!("the owner's setting, at first `{word}`"),
        Fallback::Follows(from) => (*from).to_owned(),
    }
}
