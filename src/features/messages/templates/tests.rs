//! Every message in every form, filled with examples.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use serde_json::json;

use super::*;

fn ours() -> Templates {
    let folder = tempfile::tempdir().expect("a folder");
    Templates::load(&folder.path().join("templates")).expect("ours are right")
}

/// A message of every kind, language, channel and example.
fn each(mut look: impl FnMut(&str, Kind, Locale, Channel, &Value, Rendered)) {
    let templates = ours();
    for kind in Kind::ALL {
        for locale in Locale::ALL {
            for (n, example) in examples::all(kind, locale, Currency::JOD).into_iter().enumerate() {
                for channel in kind.channels() {
                    let what = format!("{} {} {} {n}", kind.code(), locale.code(), channel.code());
                    let rendered = templates.render(kind, locale, *channel, &example);
                    let rendered = rendered.unwrap_or_else(|fault| panic!("{what}: {}", fault.chain()));
                    look(&what, kind, locale, *channel, &example, rendered);
                }
            }
        }
    }
}

/// Every text in a value.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.lines().map(|line| line.trim().to_owned()).chain([text.clone()]).collect(),
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// What a reader sees of a page.
fn seen(html: &str) -> String {
    let body = html.split_once("<body").map_or(html, |(_, body)| body);
    let mut seen = String::new();
    let mut is_tag = true;
    for c in body.chars() {
        match c {
            '<' => is_tag = true,
            '>' => is_tag = false,
            _ if !is_tag => seen.push(c),
            _ => {}
        }
    }
    seen.replace("&nbsp;", " ").replace("&#x27;", "'").replace("&quot;", "\"").replace("&amp;", "&")
}

/// Tags that are opened and not closed, or the other way round.
fn misplaced(html: &str) -> Vec<String> {
    const EMPTY: [&str; 5] = ["!doctype", "meta", "br", "img", "hr"];
    let mut open: Vec<String> = Vec::new();
    let mut wrong = Vec::new();
    for part in html.split('<').skip(1) {
        let Some((tag, _)) = part.split_once('>') else {
            wrong.push(part.to_owned());
            continue;
        };
        let name = |tag: &str| tag.split([' ', '\n']).next().unwrap_or("").to_lowercase();
        match tag.strip_prefix('/') {
            Some(closed) if open.last() == Some(&name(closed)) => drop(open.pop()),
            Some(closed) => wrong.push(format!("</{closed}> in {open:?}")),
            None if EMPTY.contains(&name(tag).as_str()) => {}
            None => open.push(name(tag)),
        }
    }
    wrong.extend(open);
    wrong
}

#[test]
fn every_message_can_be_said_in_both_languages_in_every_way_it_travels() {
    each(|what, _, locale, channel, example, rendered| {
        let parts = [rendered.subject.as_deref().unwrap_or(""), &rendered.text, rendered.html.as_deref().unwrap_or("")];
        for part in parts {
            for trace in ["{{", "{%", "undefined", "None"] {
                assert!(!part.contains(trace), "{what}: {trace} in {part}");
            }
        }
        assert_eq!(rendered.subject.is_some(), channel == Channel::Email, "{what}");
        assert_eq!(rendered.html.is_some(), channel == Channel::Email, "{what}");
        if let Some(subject) = &rendered.subject {
            assert!(
                !subject.is_empty() && subject.trim() == subject && !subject.contains(['\n', '\u{2068}']),
                "{what}: {subject}"
            );
            assert!(subject.chars().count() <= 80, "{what}: {subject}");
        }
        let text = &rendered.text;
        assert!(!text.contains("\n\n\n") && !text.lines().any(|line| line.ends_with(' ')), "{what}: {text}");
        assert!(text.contains(example["shop"]["name"].as_str().expect("a name")), "{what}: whose it is");
        for link in ["order_url", "link", "unsubscribe_url"].iter().filter_map(|name| example[name].as_str()) {
            assert!(text.split_whitespace().any(|word| word == link), "{what}: {link} is not whole in {text}");
            let html = rendered.html.as_deref().unwrap_or(link);
            assert!(html.contains(&format!("href=\"{link}\"")) || channel == Channel::Sms, "{what}: {link}");
        }
        if let Some(html) = &rendered.html {
            let (language, direction) = if locale == Locale::Ar { ("ar", "rtl") } else { ("en", "ltr") };
            assert!(html.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")), "{what}");
            assert_eq!(misplaced(html), Vec::<String>::new(), "{what}: {html}");
            for refused in ["<img", "<script", "url(", "src=", "@import", "<link"] {
                assert!(!html.contains(refused), "{what}: {refused}");
            }
        }
    });
}

/// Whatever no value says is said in the reader's language.
#[test]
fn no_word_is_left_in_the_other_language() {
    each(|what, _, locale, _, example, rendered| {
        let mut values = texts(example);
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        let html = rendered.html.as_deref().map(seen).unwrap_or_default();
        for part in [rendered.subject.unwrap_or_default(), rendered.text, html] {
            let mut words = filters::without_marks(&part);
            for value in values.iter().filter(|value| !value.is_empty()) {
                words = words.replace(value.as_str(), " ");
            }
            let other: Vec<&str> = words
                .split(|c: char| !c.is_alphabetic())
                .filter(|word| word.chars().any(|c| if locale == Locale::Ar { c.is_ascii() } else { !c.is_ascii() }))
                .collect();
            assert_eq!(other, Vec::<&str>::new(), "{what}: {words}");
        }
    });
}

/// 70 characters of Arabic are one part of a short message, and 67 each of several; of Latin ones 153 (GSM 03.38, 03.40).
#[test]
fn short_messages_about_orders_are_at_most_three_parts() {
    const GSM_BEYOND_ASCII: &str = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€";
    each(|what, kind, _, channel, _, rendered| {
        if channel != Channel::Sms || matches!(kind, Kind::Message | Kind::Promotion) {
            return;
        }
        let text = &rendered.text;
        let is_gsm = text.chars().all(|c| (c.is_ascii() && c != '`') || GSM_BEYOND_ASCII.contains(c));
        let parts = if is_gsm { text.len().div_ceil(153) } else { text.encode_utf16().count().div_ceil(67) };
        assert!(parts <= 3, "{what}: {parts} parts: {text}");
    });
}

/// A name, a number or a price never turns the line around it.
#[test]
fn values_are_isolated_from_the_direction_around_them() {
    each(|what, _, _, channel, example, rendered| {
        let Some(html) = rendered.html.filter(|_| channel == Channel::Email) else { return };
        let body = html.split_once("role=\"main\"").map(|(_, body)| body).expect("a body");
        for (value, open) in [("orderNumber", "<bdi dir=\"ltr\">"), ("customerName", "<bdi>"), ("name", "<bdi>")] {
            if let Some(value) = example[value].as_str() {
                let all = body.matches(value).count();
                assert_eq!(body.matches(&format!("{open}{value}</bdi>")).count(), all, "{what}: {value}");
                let marks =
                    ['\u{2066}', '\u{2068}'].map(|mark| rendered.text.matches(&format!("{mark}{value}\u{2069}")).count());
                assert_eq!(marks.iter().sum::<usize>(), rendered.text.matches(value).count(), "{what}: {}", rendered.text);
            }
        }
    });
}

const HOSTILE: &str = "<script>alert('x')</script>&\"{{ 7*7 }}{% if %}";

fn made_hostile(value: &mut Value, name: &str) {
    const FREE: [&str; 9] = ["customerName", "name", "optionsText", "address", "reason", "details", "text", "subject", "sku"];
    match value {
        Value::String(text) if FREE.contains(&name) => HOSTILE.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| made_hostile(item, name)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| made_hostile(value, name)),
        _ => {}
    }
}

#[test]
fn what_people_typed_is_shown_as_they_typed_it_and_does_nothing() {
    let templates = ours();
    for kind in Kind::ALL {
        for locale in Locale::ALL {
            for mut example in examples::all(kind, locale, Currency::JOD) {
                made_hostile(&mut example, "");
                for channel in kind.channels() {
                    let what = format!("{} {} {}", kind.code(), locale.code(), channel.code());
                    let rendered = templates.render(kind, locale, *channel, &example).expect("it can be said");
                    assert!(rendered.text.contains(HOSTILE), "{what}: {}", rendered.text);
                    if let Some(html) = rendered.html {
                        assert!(!html.contains("<script") && html.contains("&lt;script&gt;"), "{what}: {html}");
                        assert!(!html.contains(">49") && misplaced(&html).is_empty(), "{what}: {html}");
                    }
                }
            }
        }
    }
}

#[test]
fn no_template_lies_about_that_nothing_uses() {
    let mut used: BTreeSet<String> = BTreeSet::from([files::PAYING.to_owned()]);
    for kind in Kind::ALL {
        for locale in Locale::ALL {
            used.insert(files::html_name(kind, locale));
            used.extend(kind.channels().iter().map(|channel| files::text_name(kind, locale, *channel)));
        }
    }
    let all = files::names();
    for name in &all {
        let text = files::ours(name).expect("it is there");
        used.extend(["extends", "include"].iter().flat_map(|tag| {
            text.split(&format!("{{% {tag} \""))
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap_or("").to_owned())
                .collect::<Vec<_>>()
        }));
        assert!(!text.contains("|safe") && !text.contains("| safe") && !text.contains("autoescape"), "{name}");
    }
    assert_eq!(all, used);
}

/// A folder with one template of the shop's own.
fn with_own(name: &str, text: impl AsRef<[u8]>) -> (tempfile::TempDir, Result<Templates, String>) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(name), text).expect("a file");
    let loaded = Templates::load(folder.path()).map_err(|fault| fault.to_string());
    (folder, loaded)
}

#[test]
fn a_file_of_the_shop_takes_the_place_of_ours() {
    let (_folder, loaded) = with_own("order_ready.ar.sms.txt", "طلبك {{ orderNumber }} عندنا.\n{{ order_url }}\n");
    let templates = loaded.expect("it is right");
    let example = examples::all(Kind::OrderReady, Locale::Ar, Currency::JOD).remove(0);
    let said = |locale, channel| templates.render(Kind::OrderReady, locale, channel, &example).expect("it can be said").text;
    assert!(said(Locale::Ar, Channel::Sms).starts_with("طلبك B-261126-0042 عندنا.\nhttps://"));
    assert_eq!(
        said(Locale::Ar, Channel::Email),
        ours().render(Kind::OrderReady, Locale::Ar, Channel::Email, &example).expect("said").text
    );
    assert_eq!(templates.own_files(Kind::OrderReady), ["order_ready.ar.sms.txt"]);
    assert_eq!(templates.own_files(Kind::OrderPlaced), Vec::<&str>::new());
    let (_folder, loaded) = with_own("foot.txt", "{{ shop.name }}, in short\n");
    let templates = loaded.expect("it is right");
    assert_eq!(templates.own_files(Kind::Invite), ["foot.txt"]);
    let (_folder, loaded) = with_own(".hidden", "{{");
    assert!(loaded.expect("it is not looked at").own.is_none());
    assert!(with_own("invite.en.txt~", "{{").1.is_ok());
}

#[test]
fn a_broken_file_is_told_with_its_place_and_what_to_do() {
    let told = |name: &str, text: &[u8]| with_own(name, text).1.err().unwrap_or_else(|| panic!("{name} passes"));
    for (name, text, parts) in [
        (
            "order_placed.en.txt",
            "Order\n\n{{ orderNumbr }}\n",
            &["order_placed.en.txt, line 3: undefined value", "{{ orderNumbr }}", "take the file away"][..],
        ),
        ("order_placed.en.sms.txt", "Order {{ orderNumber", &["order_placed.en.sms.txt, line 1: syntax error"]),
        ("order_cancelled.ar.sms.txt", "{{ reason }}", &["order_cancelled.ar.sms.txt, line 1", "ask for it with `if` first"]),
        ("promotion.en.txt", "{{ text|monney }}", &["promotion.en.txt, line 1: unknown filter"]),
        ("daily_summary.en.txt", "{{ orders|plural(one=\"1\", others=\"#\") }}", &["daily_summary.en.txt, line 1"]),
        (
            "order_plced.en.txt",
            "x",
            &["order_plced.en.txt is not the name of a template", "Is it meant to be order_placed.en.txt?"],
        ),
        ("layout.html", "{% block content %}", &["layout.html, line 1: syntax error"]),
    ] {
        let told = told(name, text.as_bytes());
        for part in parts {
            assert!(told.contains(part), "{part} is not in: {told}");
        }
    }
    assert!(told("invite.en.txt", &[0xff, 0xfe]).contains("invite.en.txt is not UTF-8"));
    assert!(told("invite.en.txt", &vec![b'x'; 300 << 10]).contains("a template has at most"));
}

#[test]
fn a_message_is_said_by_ours_where_the_shops_own_fails_when_it_leaves() {
    let text = "{% if customerName == \"Huda\" %}{{ nobody_knows }}{% endif %}Own {{ order_url }}\n";
    let (_folder, loaded) = with_own("order_ready.en.sms.txt", text);
    let templates = loaded.expect("no example finds it");
    let mut example = examples::all(Kind::OrderReady, Locale::En, Currency::JOD).remove(0);
    let said = |example: &Value| templates.render(Kind::OrderReady, Locale::En, Channel::Sms, example).expect("said").text;
    assert!(said(&example).starts_with("Own https://"));
    example["customerName"] = json!("Huda");
    assert!(said(&example).starts_with("El-Bayader Bakery: order B-261126-0042 is ready for pickup."));
}

#[test]
fn what_a_message_must_have_is_asked_for() {
    let templates = ours();
    let mut example = examples::all(Kind::OrderPlaced, Locale::En, Currency::JOD).remove(0);
    example.as_object_mut().expect("an object").remove("order_url");
    assert!(templates.render(Kind::OrderPlaced, Locale::En, Channel::Sms, &example).is_err());
    let mut example = examples::all(Kind::Promotion, Locale::En, Currency::JOD).remove(0);
    example["unsubscribe_url"] = Value::Null;
    for channel in Channel::ALL {
        assert!(templates.render(Kind::Promotion, Locale::En, channel, &example).is_err(), "no promotion without a way out");
    }
}

#[test]
fn moments_and_amounts_are_told_by_the_shops_clock_and_in_its_currency() {
    let templates = ours();
    let mut example = examples::all(Kind::OrderPlaced, Locale::En, Currency::from_code("USD").expect("known")).remove(0);
    example["shop"]["timeZone"] = json!("America/New_York");
    let said = templates.render(Kind::OrderPlaced, Locale::En, Channel::Sms, &example).expect("said").text;
    assert!(said.contains("for Thursday 26 November, 02:30. To pay in cash at pickup: 12.40 USD."), "{said}");
    let mut alert = examples::all(Kind::StaffAlert, Locale::Ar, Currency::JOD).remove(0);
    alert["currency"] = Value::Null;
    let said = templates.render(Kind::StaffAlert, Locale::Ar, Channel::Email, &alert).expect("said").text;
    assert!(filters::without_marks(&said).contains("المبلغ: 13.900 د.أ"), "the shop's own: {said}");
    let summary = examples::all(Kind::DailySummary, Locale::Ar, Currency::JOD).remove(0);
    let html = templates.render(Kind::DailySummary, Locale::Ar, Channel::Email, &summary).expect("said").html.expect("HTML");
    assert!(html.contains("<bdi><bdi dir=\"ltr\">\u{2212}13.000</bdi>\u{a0}د.أ</bdi>"), "a minus stands before its digits");
}

/// Examples hold what a kind is said to be given, and no more; and the page tells of it.
#[test]
fn the_page_on_templates_tells_of_every_value() {
    for kind in Kind::ALL {
        let (shared, own) = values::of_kind(kind);
        let known: BTreeSet<&str> = shared.iter().chain(own).map(|field| field.name.split('.').next().unwrap_or("")).collect();
        for example in examples::all(kind, Locale::En, Currency::JOD) {
            for (name, _) in example.as_object().expect("an object").iter().filter(|(name, _)| *name != "shop") {
                assert!(known.contains(name.as_str()), "{}: {name}", kind.code());
            }
            for field in shared.iter().chain(own).filter(|field| !field.may_lack && field.name != "paying") {
                let pointer = format!("/{}", field.name.replace('.', "/"));
                assert!(example.pointer(&pointer).is_some(), "{}: {}", kind.code(), field.name);
            }
        }
    }
    let page = include_str!("../../../../docs/sending-messages/templates.md");
    for (heading, fields) in values::tables() {
        let mut table = format!("### {heading}\n\n| value | what it is |\n| --- | --- |\n");
        for field in &fields {
            row(&mut table, field.name, field);
            field.entries.iter().for_each(|entry| row(&mut table, &format!("{}[].{}", field.name, entry.name), entry));
        }
        assert!(page.contains(&table), "the page lacks this:\n{table}");
    }
}

fn row(table: &mut String, name: &str, field: &values::Field) {
    let lacks = if field.may_lack { " *Some have none.*" } else { "" };
    writeln!(table, "| `{name}` | {}.{lacks} |", field.told).expect("a text takes it");
}

#[test]
fn a_template_without_end_is_told_rather_than_waited_for() {
    let endless =
        "Subject\n{% for a in range(9999) %}{% for b in range(9999) %}{% if a == b %}{% endif %}{% endfor %}{% endfor %}";
    let (_folder, loaded) = with_own("invite.en.txt", endless);
    let told = loaded.err().expect("it takes too long");
    assert!(told.contains("invite.en.txt") && told.contains("fuel"), "{told}");
}
