//! The shape of the code: who may name what, who may know whom. It reads `src/` as text; comments and the tests at the foot of a
//! file do not count. Each rule is a table here, and each has a breach planted for it below.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A word, and the only places whose code may say it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("rusqlite", &["src/db/"]),
    ("r2d2_sqlite", &["src/db/"]),
    ("refinery", &["src/db/"]),
    ("axum", &["src/http/", "src/app/", "/api.rs", "/api/"]),
    ("reqwest", &["src/outbound.rs"]),
    ("lettre", &["src/features/messages/carriers/", "src/features/messages/mime.rs"]),
    ("minijinja", &["src/http/template.rs", "src/features/messages/templates"]),
    ("fast_image_resize", &["src/features/media/"]),
    ("rusty_s3", &["src/features/media/"]),
    ("tar", &["src/features/backup/"]),
    ("zstd", &["src/features/backup/"]),
    ("x25519", &["src/features/backup/"]),
    ("opentelemetry", &["src/ops/traces.rs", "src/trace.rs"]),
    ("listenfd", &["src/ops/"]),
    ("sd_notify", &["src/ops/"]),
    ("instant_acme", &["src/http/tls/"]),
    ("rcgen", &["src/http/tls/"]),
    ("SystemTime::now", &["src/clock.rs"]),
];

/// Providers of payments. Each is known in its own file, in the keeper's configuration and in one line beside the adapters: who adds
/// one touches nothing else, as the tests' own gateway shows.
const PROVIDERS: &[&str] = &["stripe", "paypal", "myfatoorah", "paymob"];
const KNOW_PROVIDERS: &[&str] = &["src/features/payments/gateways/", "src/config/"];
/// Here a text that names one is an example for readers of the API.
const SHOW_EXAMPLES: &[&str] = &["/api.rs", "/api/", "/shapes.rs"];

/// A feature, and whose face it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("settings", &[]),
    ("audit", &[]),
    ("messages", &["settings"]),
    ("media", &["settings"]),
    ("accounts", &["settings", "messages"]),
    ("inventory", &["settings"]),
    ("catalog", &["settings", "inventory", "media"]),
    ("cart", &["settings", "catalog", "inventory"]),
    ("money", &["settings", "inventory"]),
    ("payments", &["settings", "accounts", "messages", "inventory", "money", "orders"]),
    ("orders", &["settings", "accounts", "catalog", "inventory", "cart", "money", "media"]),
    ("notifications", &["settings", "admin", "accounts", "messages", "inventory", "money", "orders", "payments"]),
    ("admin", &["settings", "inventory", "messages"]),
    ("setup", &["settings", "accounts", "catalog", "media"]),
    ("backup", &["settings", "audit", "media", "notifications"]),
    ("restored", &["settings", "accounts", "cart", "messages", "notifications", "orders", "payments"]),
];

/// A table, and the only place that inserts, updates or deletes there.
const OWNER: &[(&str, &str)] = &[
    ("users", "src/features/accounts/sql"),
    ("user_addresses", "src/features/accounts/sql"),
    ("account_links", "src/features/accounts/sql"),
    ("link_requests", "src/features/accounts/sql"),
    ("sessions", "src/features/accounts/sql"),
    ("refresh_tokens", "src/features/accounts/sql"),
    ("settings", "src/features/settings/sql"),
    ("categories", "src/features/catalog/sql"),
    ("products", "src/features/catalog/sql"),
    ("product_allergens", "src/features/catalog/sql"),
    ("product_popularity", "src/features/catalog/sql"),
    ("product_search", "src/db/search"),
    ("product_search_terms", "src/db/search"),
    ("product_search_rows", "src/db/search"),
    ("product_search_trigrams", "src/db/search"),
    ("product_search_state", "src/db/search"),
    ("inventory", "src/features/inventory/sql"),
    ("stock_log", "src/features/inventory/sql"),
    ("carts", "src/features/cart/sql"),
    ("cart_lines", "src/features/cart/sql"),
    ("orders", "src/features/orders/sql"),
    ("order_lines", "src/features/orders/sql"),
    ("order_history", "src/features/orders/sql"),
    ("order_counts", "src/features/orders/sql"),
    ("order_texts", "src/db/order_words"),
    ("order_texts_upto", "src/features/orders/sql"),
    ("category_counts", "src/features/catalog/sql"),
    ("money_ledger", "src/features/money/sql"),
    ("payments", "src/features/money/sql"),
    ("refunds", "src/features/money/sql"),
    ("payment_counts", "src/features/money/sql"),
    ("gateway_attempts", "src/features/payments/sql"),
    ("payment_differences", "src/features/payments/sql"),
    ("payment_comparisons", "src/features/payments/sql"),
    ("payment_objects", "src/features/payments/sql"),
    ("webhook_inbox", "src/features/payments/sql"),
    ("payment_catch_ups", "src/features/payments/sql"),
    ("restorations", "src/features/restored/sql"),
    ("skipped_order_numbers", "src/features/orders/sql"),
    ("notifications", "src/features/messages/sql"),
    ("notifications_forgotten", "src/features/messages/sql"),
    ("daily_summaries", "src/features/notifications/"),
    ("low_stock_told", "src/features/notifications/sql"),
    ("suppressions", "src/features/messages/sql"),
    ("provider_events", "src/features/messages/sql"),
    ("stopped_carriers", "src/features/messages/sql"),
    ("campaigns", "src/features/notifications/campaigns/sql"),
    ("pictures", "src/features/media/sql"),
    ("media_bucket", "src/features/media/sql"),
    ("media_removals", "src/features/media/sql"),
    ("media_files", "src/features/media/sql"),
    ("product_images", "src/features/media/sql"),
    ("backups", "src/features/backup/sql"),
    ("audit_log", "src/features/audit/sql"),
    ("jobs", "src/jobs/"),
    ("idempotent_answers", "src/http/idempotency.rs"),
];

/// A room, and the rooms it may name; the way goes from the machine to the bakery and never back.
const ROOMS: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("workers", &["kernel"]),
    ("config", &["kernel"]),
    ("clock", &["kernel"]),
    ("trace", &["kernel"]),
    ("db", &["kernel", "workers", "clock", "trace"]),
    ("security", &["kernel", "workers", "config", "clock", "db"]),
    ("ops", &["kernel", "workers", "config", "clock", "trace", "db", "outbound"]),
    ("jobs", &["kernel", "workers", "config", "clock", "trace", "db", "security"]),
    ("http", &["kernel", "workers", "config", "clock", "trace", "db", "security", "outbound"]),
    ("outbound", &["kernel", "clock", "trace", "security"]),
    ("features", &["kernel", "workers", "config", "clock", "trace", "db", "security", "ops", "jobs", "http", "outbound"]),
    (
        "app",
        &["kernel", "workers", "config", "clock", "trace", "db", "security", "ops", "jobs", "http", "outbound", "features"],
    ),
    (
        "cli",
        &[
            "kernel", "workers", "config", "clock", "trace", "db", "security", "ops", "jobs", "http", "outbound", "features",
            "app",
        ],
    ),
];

/// Where statements may stand.
const STATEMENTS: &[&str] = &["/sql.rs", "/sql/", "src/db/", "src/jobs/", "src/http/idempotency.rs"];

/// What the pure places do not say: nothing there waits, asks the time, reads or answers.
const IMPURE: &[&str] =
    &["async", "await", "Clock", "crate::clock", "crate::db", "crate::http", "http", "axum", "tokio", "Reader", "WriteTx"];

/// A source file: its code without comments, texts and tests, and its texts with their lines.
struct Source {
    path: String,
    first_line: String,
    code: String,
    texts: Vec<(usize, String)>,
}

impl Source {
    fn new(path: &str, text: &str) -> Source {
        let (code, texts) = part(before_tests(text));
        Source { path: path.to_owned(), first_line: text.lines().next().unwrap_or("").to_owned(), code, texts }
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places
            .iter()
            .any(|place| if place.starts_with("src/") { self.path.starts_with(place) } else { self.path.contains(place) })
    }

    /// The room it belongs to; `main.rs` and `lib.rs` are the house itself.
    fn room(&self) -> Option<&str> {
        let room = self.path.strip_prefix("src/")?.split('/').next()?.trim_end_matches(".rs");
        (!matches!(room, "main" | "lib")).then_some(room)
    }

    /// The feature it belongs to, and whether it is that feature's `mod.rs`.
    fn feature(&self) -> Option<(&str, bool)> {
        let (feature, file) = self.path.strip_prefix("src/features/")?.split_once('/')?;
        Some((feature, file == "mod.rs"))
    }

    /// Kernel, and the rules and models of features.
    fn is_pure(&self) -> bool {
        self.path.starts_with("src/kernel/")
            || self.feature().is_some()
                && (self.is_in(&["/rules/", "/model/"]) || self.path.ends_with("/rules.rs") || self.path.ends_with("/model.rs"))
    }

    /// Lines whose code says a word.
    fn lines_saying<'s>(&'s self, word: &'s str) -> impl Iterator<Item = usize> + 's {
        let lines = self.code.lines().enumerate();
        lines.filter(move |(_, line)| says(line, word)).map(|(n, _)| n + 1)
    }

    /// Names that follow a prefix, as in `crate::db` or `crate::{db, kernel}`, with their lines.
    fn names_after(&self, prefix: &str) -> Vec<(usize, String)> {
        let mut names = Vec::new();
        for (at, _) in self.code.match_indices(prefix) {
            let before = self.code[..at].chars().next_back();
            if before.is_some_and(|c| is_word(c) || c == ':') {
                continue;
            }
            let line = self.code[..at].matches('\n').count() + 1;
            let rest = &self.code[at + prefix.len()..];
            let found = match rest.strip_prefix('{') {
                Some(group) => first_names(group),
                None => vec![rest.chars().take_while(|c| is_word(*c)).collect()],
            };
            names.extend(found.into_iter().map(|name| (line, name)));
        }
        names
    }
}

/// The first name of each entry of a `use` group, up to its closing brace.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut at_start, mut names) = (0, true, Vec::<String>::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            c if is_word(c) && depth == 0 && at_start => {
                names.push(String::new());
                at_start = false;
                names.last_mut().expect("just pushed").push(c);
            }
            c if is_word(c) && depth == 0 => {
                if let Some(name) = names.last_mut().filter(|name| !name.ends_with(' ')) {
                    name.push(c);
                }
            }
            c if depth == 0 && !at_start && !c.is_whitespace() => {
                if let Some(name) = names.last_mut().filter(|name| !name.ends_with(' ')) {
                    name.push(' ');
                }
            }
            _ => {}
        }
    }
    names.into_iter().map(|name| name.trim().to_owned()).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a line says a word as a word of its own.
fn says(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The text up to the tests at its foot.
fn before_tests(text: &str) -> &str {
    match text.find("#[cfg(test)]\nmod tests {") {
        Some(at) => &text[..at],
        None => text,
    }
}

/// Parts a text into code without comments and literals (lines stay), and the literals with their lines.
fn part(text: &str) -> (String, Vec<(usize, String)>) {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut code, mut texts, mut i, mut line) = (String::new(), Vec::new(), 0, 1);
    while i < chars.len() {
        let c = at(i);
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            while i < chars.len() {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    ('\n', _) => {
                        code.push('\n');
                        (line, i) = (line + 1, i + 1);
                    }
                    _ => i += 1,
                }
                if depth == 0 {
                    break;
                }
            }
        } else if let Some(hashes) = raw_opens(&chars, i) {
            let start = i + hashes + 2;
            let close: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let mut end = start;
            while end < chars.len() && !chars[end..].iter().take(hashes + 1).copied().eq(close.chars()) {
                end += 1;
            }
            take_text(&chars[start..end], &mut code, &mut texts, &mut line);
            i = end + hashes + 1;
        } else if c == '"' {
            let mut end = i + 1;
            while end < chars.len() && at(end) != '"' {
                end += if at(end) == '\\' { 2 } else { 1 };
            }
            take_text(&chars[i + 1..end.min(chars.len())], &mut code, &mut texts, &mut line);
            i = end + 1;
        } else if c == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            // A character; a lifetime has no second quote there.
            let mut end = if at(i + 1) == '\\' { i + 3 } else { i + 2 };
            while end < chars.len() && at(end) != '\'' {
                end += 1;
            }
            code.push_str("' '");
            i = end + 1;
        } else {
            if c == '\n' {
                line += 1;
            }
            code.push(c);
            i += 1;
        }
    }
    (code, texts)
}

/// The number of `#` of a raw text that opens here.
fn raw_opens(chars: &[char], at: usize) -> Option<usize> {
    let before = at.checked_sub(1).map(|i| chars[i]);
    if chars[at] != 'r' || before.is_some_and(|c| is_word(c) && c != 'b') {
        return None;
    }
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

fn take_text(text: &[char], code: &mut String, texts: &mut Vec<(usize, String)>, line: &mut usize) {
    texts.push((*line, text.iter().collect()));
    code.push('"');
    for _ in text.iter().filter(|c| **c == '\n') {
        code.push('\n');
        *line += 1;
    }
    code.push('"');
}

/// A statement as one line: a backslash at a line's end joins it to the next.
fn joined(text: &str) -> String {
    text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn is_statement(text: &str) -> bool {
    let text = joined(text);
    (text.starts_with("select ") && text.contains(" from "))
        || text.starts_with("insert into ")
        || text.starts_with("insert or ")
        || text.starts_with("replace into ")
        || text.starts_with("delete from ")
        || (text.starts_with("update ") && text.contains(" set ") && text.contains('='))
        || (text.starts_with("with ") && text.contains(" as (") && text.contains("select "))
}

/// The tables that a statement changes.
fn changed_tables(text: &str) -> Vec<String> {
    let text = joined(text);
    let mut tables = Vec::new();
    for verb in ["insert into ", "replace into ", "delete from ", "update "] {
        for (at, _) in text.match_indices(verb) {
            let is_upsert = verb == "update " && text[..at].ends_with("do ");
            let begins = at == 0 || text[..at].ends_with([' ', '(']);
            if !is_upsert && begins {
                tables.push(text[at + verb.len()..].chars().take_while(|c| is_word(*c)).collect());
            }
        }
    }
    if let Some(rest) = text.strip_prefix("insert or ").and_then(|rest| rest.split_once(" into ")) {
        tables.push(rest.1.chars().take_while(|c| is_word(*c)).collect());
    }
    tables
}

/// Every breach, a line each: where, what, and the way out.
fn breaches(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        found.extend(words_in_the_wrong_place(source));
        found.extend(rooms_that_look_up(source));
        found.extend(features_that_should_not_meet(source));
        found.extend(statements_in_the_wrong_place(source));
        found.extend(impure(source));
        found.extend(providers_known_elsewhere(source));
        if source.room().is_some() && !source.first_line.starts_with("//!") {
            found.push(format!("{}:1: begins without //!; say what it is and what always holds", source.path));
        }
    }
    found
}

fn words_in_the_wrong_place(source: &Source) -> Vec<String> {
    let wrong = ONLY_IN.iter().filter(|(_, places)| !source.is_in(places));
    wrong
        .flat_map(|(word, places)| {
            let tell = move |line| format!("{}:{line}: `{word}` belongs in {} only", source.path, places.join(", "));
            source.lines_saying(word).map(tell)
        })
        .collect()
}

/// In code and in texts alike; what is only told of a provider, as in a comment, does not count.
fn providers_known_elsewhere(source: &Source) -> Vec<String> {
    if source.is_in(KNOW_PROVIDERS) || source.path.ends_with("/tests.rs") {
        return Vec::new();
    }
    let code = source.code.lines().enumerate().map(|(index, line)| (index + 1, line));
    let texts = source.texts.iter().filter(|_| !source.is_in(SHOW_EXAMPLES)).map(|(line, text)| (*line, text.as_str()));
    let all = code.chain(texts);
    let named = all.flat_map(|(line, text)| {
        let text = text.to_ascii_lowercase();
        PROVIDERS.iter().filter(move |provider| text.contains(**provider)).map(move |provider| (line, *provider))
    });
    let tell = |(line, provider)| format!("{}:{line}: `{provider}` is its adapter's to know; ask through Gateway", source.path);
    named.map(tell).collect()
}

fn rooms_that_look_up(source: &Source) -> Vec<String> {
    let Some(room) = source.room() else { return Vec::new() };
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{}:1: the room `{room}` has no line in ROOMS; say whom it may know", source.path)];
    };
    let is_room = |name: &str| ROOMS.iter().any(|(room, _)| *room == name);
    source
        .names_after("crate::")
        .into_iter()
        .filter(|(_, name)| is_room(name) && name != room && !allowed.contains(&name.as_str()))
        .map(|(line, name)| {
            format!("{}:{line}: `{room}` must not know `{name}`; own a small trait and let app plug it in", source.path)
        })
        .collect()
}

fn features_that_should_not_meet(source: &Source) -> Vec<String> {
    let Some((feature, is_mod)) = source.feature() else { return Vec::new() };
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == feature) else {
        return vec![format!("{}:1: the feature `{feature}` has no line in MAY_USE; say whose face it may use", source.path)];
    };
    let mut named = source.names_after("crate::features::");
    named.extend(source.names_after(if is_mod { "super::" } else { "super::super::" }));
    named
        .into_iter()
        .filter(|(_, name)| name != feature && MAY_USE.iter().any(|(known, _)| known == name))
        .filter(|(_, name)| !allowed.contains(&name.as_str()))
        .map(|(line, name)| format!("{}:{line}: `{feature}` must not use `{name}`; see MAY_USE", source.path))
        .collect()
}

fn statements_in_the_wrong_place(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (line, text) in source.texts.iter().filter(|(_, text)| is_statement(text)) {
        if !source.is_in(STATEMENTS) {
            found.push(format!("{}:{line}: a statement belongs in the feature's sql.rs", source.path));
        }
        if source.path.starts_with("src/db/") {
            continue;
        }
        for table in changed_tables(text) {
            match OWNER.iter().find(|(name, _)| *name == table) {
                Some((_, place)) if source.path.starts_with(place) => {}
                Some((_, place)) => {
                    found.push(format!("{}:{line}: only {place} writes `{table}`; call its feature's face", source.path));
                }
                None => found.push(format!("{}:{line}: the table `{table}` has no line in OWNER", source.path)),
            }
        }
    }
    found
}

fn impure(source: &Source) -> Vec<String> {
    if !source.is_pure() {
        return Vec::new();
    }
    let tell = |word: &'static str| {
        let tell = move |line| format!("{}:{line}: `{word}` in a place that only decides; pass it in as a value", source.path);
        source.lines_saying(word).map(tell)
    };
    IMPURE.iter().flat_map(|word| tell(word)).collect()
}

/// A ring among features, if there is one: features that nothing is left to stand on.
fn ring(may_use: &[(&str, &[&str])]) -> Vec<String> {
    let mut left: BTreeMap<&str, BTreeSet<&str>> =
        may_use.iter().map(|(feature, others)| (*feature, others.iter().copied().collect())).collect();
    loop {
        let free: Vec<&str> = left
            .iter()
            .filter(|(_, others)| others.iter().all(|other| !left.contains_key(other)))
            .map(|(name, _)| *name)
            .collect();
        if free.is_empty() {
            return left.keys().map(|name| (*name).to_owned()).collect();
        }
        left.retain(|name, _| !free.contains(name));
    }
}

fn read_all(folder: &Path, root: &Path, sources: &mut Vec<Source>) {
    let mut entries: Vec<_> = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            // A folder of tests belongs to no room's code.
            if path.file_name().is_some_and(|name| name != "tests") {
                read_all(&path, root, sources);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            sources.push(Source::new(&name, &fs::read_to_string(&path).expect("a readable file")));
        }
    }
}

#[test]
fn the_code_keeps_its_shape() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    read_all(&root.join("src"), root, &mut sources);
    assert!(sources.len() > 40, "src is not where it was");
    let found = breaches(&sources);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn features_and_rooms_stand_on_each_other_without_a_ring() {
    assert_eq!(ring(MAY_USE), Vec::<String>::new());
    assert_eq!(ring(ROOMS), Vec::<String>::new());
    assert_eq!(ring(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"]), ("d", &["a"])]), ["a", "b", "c", "d"]);
}

#[test]
fn every_table_has_an_owner_and_every_owner_a_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tables = BTreeSet::new();
    for entry in fs::read_dir(root.join("migrations")).expect("migrations") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("a readable file");
        let made = text
            .lines()
            .filter_map(|line| line.strip_prefix("create table ").or_else(|| line.strip_prefix("create virtual table ")));
        tables.extend(made.map(|rest| rest.chars().take_while(|c| is_word(*c)).collect::<String>()));
    }
    assert_eq!(tables, OWNER.iter().map(|(table, _)| (*table).to_owned()).collect());
}

#[test]
fn a_planted_breach_of_each_kind_is_found() {
    let plants = [
        ("src/features/orders/place.rs", "use rusqlite::Connection;", "`rusqlite` belongs"),
        ("src/features/orders/place.rs", "fn f() -> axum::Router { todo() }", "`axum` belongs"),
        ("src/http/front.rs", "let client = reqwest::Client::builder();", "`reqwest` belongs"),
        ("src/jobs/queue.rs", "let now = std::time::SystemTime::now();", "`SystemTime::now` belongs"),
        ("src/kernel/money.rs", "use crate::config::Config;", "`kernel` must not know `config`"),
        (
            "src/db/tx.rs",
            "use crate::{\n    kernel::Result,\n    features::{orders, settings},\n};",
            "`db` must not know `features`",
        ),
        ("src/http/gate.rs", "crate::app::start();", "`http` must not know `app`"),
        ("src/attic.rs", "", "the room `attic` has no line"),
        ("src/features/settings/mod.rs", "use super::orders;", "`settings` must not use `orders`"),
        ("src/features/money/verbs.rs", "use super::super::orders::Order;", "`money` must not use `orders`"),
        (
            "src/features/catalog/api.rs",
            "use crate::features::{settings, accounts::Desk};",
            "`catalog` must not use `accounts`",
        ),
        ("src/features/toys/mod.rs", "", "the feature `toys` has no line"),
        ("src/features/orders/place.rs", "tx.exec(\"select id from orders where id = ?1\")", "a statement belongs"),
        ("src/app/mod.rs", "r#\"with open as (select id from orders) select id from open\"#", "a statement belongs"),
        (
            "src/features/orders/sql.rs",
            "\"update inventory \\\n set stock = ?1\"",
            "only src/features/inventory/sql writes `inventory`",
        ),
        (
            "src/features/orders/sql.rs",
            "\"insert or replace into users (id) values (?1)\"",
            "only src/features/accounts/sql writes",
        ),
        ("src/jobs/sql.rs", "\"delete from order_lines where id = ?1\"", "only src/features/orders/sql writes `order_lines`"),
        ("src/features/orders/sql.rs", "\"insert into toys (id) values (?1)\"", "the table `toys` has no line"),
        ("src/features/orders/rules.rs", "pub async fn decide() {}", "`async` in a place"),
        ("src/features/orders/model.rs", "use crate::db::Row;", "`crate::db` in a place"),
        ("src/kernel/time.rs", "fn now(clock: &Clock) {}", "`Clock` in a place"),
        ("src/features/payments/settle.rs", "if method.code() == \"stripe\" {}", "`stripe` is its adapter's"),
        ("src/features/payments/api/methods.rs", "use crate::config::PayPal;", "`paypal` is its adapter's"),
        ("src/kernel/status.rs", "fn code() -> http::StatusCode {}", "`http` in a place"),
    ];
    for (path, code, wanted) in plants {
        let found = breaches(&[Source::new(path, &format!("//! A file.\n{code}\n"))]);
        assert!(found.iter().any(|breach| breach.contains(wanted)), "{path}: {code}: {found:?} misses {wanted}");
    }
    let undocumented = breaches(&[Source::new("src/kernel/x.rs", "pub struct X;\n")]);
    assert!(undocumented.iter().any(|breach| breach.contains("begins without //!")), "{undocumented:?}");
}

#[test]
fn what_is_allowed_and_what_only_looks_like_a_breach_is_let_through() {
    let fine = [
        ("src/features/orders/api.rs", "use axum::extract::State;"),
        ("src/features/orders/place.rs", "// rusqlite would be wrong here\n/* and axum /* too */ SystemTime::now */"),
        ("src/features/orders/place.rs", "let word = \"rusqlite, axum and reqwest\"; let c = '\"'; fn f<'a>(x: &'a str) {}"),
        ("src/features/orders/place.rs", "use super::sql;\nuse crate::features::inventory;\nlet relaxum = 1;"),
        ("src/features/orders/sql.rs", "\"select i.stock from inventory i join orders o on o.id = i.id\""),
        ("src/features/settings/sql.rs", "\"insert into settings (a) values (1) on conflict (a) do update set a = 2\""),
        ("src/features/orders/api.rs", "Route::put(\"/x\", f, \"Update an order.\")"),
        ("src/features/payments/settle.rs", "// as Stripe does it\nfn f() {}"),
        ("src/features/payments/api/methods.rs", "json!({ \"code\": \"stripe\" })"),
        ("src/features/payments/gateways/mod.rs", "let all = config.stripe.as_ref();"),
        ("src/kernel/money.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::db::Db;\n    async fn f() {}\n}\n"),
    ];
    for (path, code) in fine {
        assert_eq!(breaches(&[Source::new(path, &format!("//! A file.\n{code}\n"))]), Vec::<String>::new(), "{path}: {code}");
    }
}
