//! What a template can do with a value, beside minijinja's own filters: `money`, `unit`, `day`, `time`, `plural`,
//! `bdi`, `paragraphs`; and the test
//! `nothing`, of an amount.
//!
//! Each says its value in the message's language and by the shop's clock, and isolates it: in HTML by `bdi`, in a text by the marks
//! U+2068 and U+2069, so that a number or a name never turns the line around it.

use std::borrow::Cow;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, escape_formatter};

use crate::kernel::spoken::{self, Plural};
use crate::kernel::{Currency, Locale, ShopDay, ShopZone, UtcMs};

/// Steps that a template may take, some hundred times what the longest of ours takes: one of the shop's own that never ends must not keep
/// the shop from starting, nor a message from leaving.
const MOST_STEPS: u64 = 1_000_000;

/// Templates of a source, with all filters. HTML is escaped, a text is not.
pub(super) fn environment(
    source: impl Fn(&str) -> Result<Option<String>, Error> + Send + Sync + 'static,
) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_loader(source);
    environment.set_auto_escape_callback(|name| match name.rsplit_once('.') {
        Some((_, "html")) => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    environment.set_fuel(Some(MOST_STEPS));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(|out, state, value| {
        if value.is_none() {
            return Err(Error::new(ErrorKind::UndefinedError, "the message has no such value; ask for it with `if` first"));
        }
        // minijinja's own escaping takes slashes too, and a link would not be whole for programs that look for it in the source.
        match value.as_str().filter(|_| *state.auto_escape() == AutoEscape::Html && !value.is_safe()) {
            Some(text) => out.write_str(&escaped(text)).map_err(Error::from),
            None => escape_formatter(out, state, value),
        }
    });
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.add_filter("money", money);
    environment.add_filter("unit", unit);
    environment.add_filter("day", day);
    environment.add_filter("time", time);
    environment.add_filter("plural", plural);
    environment.add_filter("bdi", bdi);
    environment.add_filter("paragraphs", paragraphs);
    environment.add_test("nothing", is_nothing);
    environment
}

/// A text without marks of direction, and with plain spaces.
pub(super) fn without_marks(text: &str) -> String {
    let plain = |c: char| match c {
        '\u{2066}'..='\u{2069}' => None,
        '\u{a0}' => Some(' '),
        other => Some(other),
    };
    text.chars().filter_map(plain).collect()
}

fn wrong(detail: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

fn locale(state: &State<'_, '_>) -> Result<Locale, Error> {
    let code = state.lookup("locale");
    code.as_ref().and_then(Value::as_str).and_then(Locale::from_code).ok_or_else(|| wrong("`locale` is set to no language"))
}

fn shop(state: &State<'_, '_>, field: &str) -> Result<Value, Error> {
    state.lookup("shop").ok_or_else(|| wrong("`shop` is not set"))?.get_attr(field)
}

fn zone(state: &State<'_, '_>) -> Result<ShopZone, Error> {
    let name = shop(state, "timeZone")?;
    name.as_str().and_then(ShopZone::named).ok_or_else(|| wrong("`shop.timeZone` is no time zone"))
}

/// Keeps a piece of text in its own direction.
fn isolated(state: &State<'_, '_>, piece: &str, is_ltr: bool) -> Value {
    if *state.auto_escape() == AutoEscape::Html {
        let direction = if is_ltr { " dir=\"ltr\"" } else { "" };
        Value::from_safe_string(format!("<bdi{direction}>{}</bdi>", escaped(piece)))
    } else {
        let mark = if is_ltr { '\u{2066}' } else { '\u{2068}' };
        Value::from(format!("{mark}{piece}\u{2069}"))
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A value of either direction, as a name: kept in its own. `ltr=true` for what is always written from left to right.
fn bdi(state: &State<'_, '_>, value: &Value, options: Kwargs) -> Result<Value, Error> {
    let is_ltr: Option<bool> = options.get("ltr")?;
    options.assert_all_used()?;
    if value.is_none() || value.is_undefined() {
        return Err(wrong("the message has no such value; ask for it with `if` first"));
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(isolated(state, &text, is_ltr.unwrap_or(false)))
}

/// An amount with its unit: `12.500 JOD`.
fn money(state: &State<'_, '_>, amount: &str) -> Result<Value, Error> {
    let own = state.lookup("currency").filter(|own| own.as_str().is_some());
    let code = own.map_or_else(|| shop(state, "currency"), Ok)?;
    let currency = code.as_str().and_then(Currency::from_code).ok_or_else(|| wrong("`currency` is no currency"))?;
    let unit = spoken::unit(locale(state)?, currency);
    // DESIGN 2: a minus is U+2212, before the digits; beside an Arabic unit it would come after them.
    let Some(digits) = amount.strip_prefix('-') else { return Ok(isolated(state, &format!("{amount}\u{a0}{unit}"), false)) };
    let digits = isolated(state, &format!("\u{2212}{digits}"), true);
    let pieces = format!("{digits}\u{a0}{unit}");
    Ok(if *state.auto_escape() == AutoEscape::Html {
        Value::from_safe_string(format!("<bdi>{digits}\u{a0}{}</bdi>", escaped(&unit)))
    } else {
        Value::from(format!("\u{2068}{pieces}\u{2069}"))
    })
}

/// The unit of a currency: `JOD`, in Arabic `د.أ`.
fn unit(state: &State<'_, '_>, code: &str) -> Result<String, Error> {
    let currency = Currency::from_code(code).ok_or_else(|| wrong("it is no currency"))?;
    Ok(spoken::unit(locale(state)?, currency))
}

/// Whether an amount is zero.
fn is_nothing(amount: &str) -> bool {
    !amount.is_empty() && amount.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

/// `Wednesday 25 November`, of a moment or of a day.
fn day(state: &State<'_, '_>, moment: &str) -> Result<String, Error> {
    let date = match ShopDay::parse(moment) {
        Some(day) => day.date(),
        None => zone(state)?.local(parsed(moment)?).date(),
    };
    Ok(spoken::day(locale(state)?, date))
}

/// `13:47`, of a moment.
fn time(state: &State<'_, '_>, moment: &str) -> Result<Value, Error> {
    let local = zone(state)?.local(parsed(moment)?);
    Ok(isolated(state, &spoken::time(local.time()), true))
}

fn parsed(moment: &str) -> Result<UtcMs, Error> {
    UtcMs::parse(moment).ok_or_else(|| wrong("the value is no moment"))
}

/// The form for a count: `n|plural(one="1 order", other="# orders")`, in Arabic also `zero`, `two`, `few` and `many`. `#` is the number.
fn plural(state: &State<'_, '_>, count: u64, forms: Kwargs) -> Result<String, Error> {
    let form = Plural::of(locale(state)?, count).code();
    let other: String = forms.get("other")?;
    let chosen: Option<String> = if form == "other" { None } else { forms.get(form)? };
    // What the count did not ask for is named all the same, so that a slip of the pen is found at the first try.
    for known in ["zero", "one", "two", "few", "many"] {
        let _: Option<String> = forms.get(known)?;
    }
    forms.assert_all_used()?;
    Ok(chosen.unwrap_or(other).replace('#', &count.to_string()))
}

/// A text's paragraphs, each a list of lines.
fn paragraphs(text: &str) -> Vec<Vec<String>> {
    let mut paragraphs = vec![Vec::new()];
    for line in text.lines().map(str::trim) {
        match (line.is_empty(), paragraphs.last_mut()) {
            (true, Some(last)) if !last.is_empty() => paragraphs.push(Vec::new()),
            (false, Some(last)) => last.push(line.to_owned()),
            _ => {}
        }
    }
    paragraphs.retain(|lines| !lines.is_empty());
    paragraphs
}
