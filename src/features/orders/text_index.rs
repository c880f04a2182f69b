//! Finding orders by what staff type: parts of the customer's name, phone and e-mail, and of the order's number.
//!
//! A job brings orders into an index of words behind a mark, so that placing an order costs no more writes (SPEC
//! 12); what is newer than the mark is read from the orders themselves, so that nothing is missed. Both sides compare the same
//! words, which are folded as those of products are (`kernel/fold.rs`); only what signs mean in phones, addresses and numbers is
//! decided here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::sql::texts::{self as sql, Told};
use crate::db::order_words::{self, Beginnings};
use crate::db::{Command, Db, WriteTx};
use crate::features::Shop;
use crate::jobs::{Claimed, Handler, Schedule};
use crate::kernel::text::fold_digits;
use crate::kernel::time::span::MINUTE_MS;
use crate::kernel::{OrderId, Result, UserId, fold};

/// The kind of the job that brings orders in.
const KIND: &str = "orders.index_texts";
/// From the end of a run to the next one. Orders of that long are read at each search.
const EVERY_MS: i64 = MINUTE_MS;
/// Orders that one write brings in: a few milliseconds of the writer, behind everybody who waits.
const AT_ONCE: i64 = 64;
/// Writes of one run; more wait for the next, so that a run ends within its lease.
const MOST_WRITES: u32 = 2_000;

/// Stands for every sign within an e-mail address, which is one word; and a word that no order has. Both are characters of
/// Unicode's private use, which the index takes for letters and folding never leaves.
const SIGN: char = '\u{E000}';
const NO_WORD: &str = "\u{E001}";
/// A text of digits with as many, however they are parted, is a phone.
const PHONE_DIGITS: usize = 7;
/// A phone is found by each part of it that has as many digits.
const PHONE_PART: usize = 4;
/// Stands before an order's number, so that 42 is not looked for in phones.
const NUMBER: char = 'n';

/// What is looked for: of each word that was typed, one of its readings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    words: Vec<Vec<Reading>>,
}

/// Beginnings of words, all of which an order must have.
type Reading = Beginnings;

impl Wanted {
    pub(super) fn parse(text: &str) -> Wanted {
        let mut words: Vec<Vec<Reading>> = match phone_digits(text) {
            Some(digits) => vec![vec![vec![digits]]],
            None => text.split_whitespace().map(readings_of).collect(),
        };
        if words.is_empty() {
            words.push(vec![vec![NO_WORD.to_owned()]]);
        }
        Wanted { words }
    }

    pub(super) fn is_in(&self, told: &Told) -> bool {
        let there = words_of(told);
        let has = |beginning: &String| there.iter().any(|word| word.starts_with(beginning.as_str()));
        self.words.iter().all(|readings| readings.iter().any(|reading| reading.iter().all(has)))
    }

    /// As the index is asked for it.
    pub(super) fn expression(&self) -> String {
        order_words::expression(&self.words)
    }
}

/// How a typed word may be meant: few digits as an order's number, signs as those of an address or as what parts two words.
fn readings_of(word: &str) -> Vec<Reading> {
    let parts = parts_of(word);
    let number = match &parts[..] {
        [only] if only.len() <= PHONE_PART && only.bytes().all(|byte| byte.is_ascii_digit()) => Some(only.clone()),
        _ => None,
    };
    let mut readings: Vec<Reading> = Vec::new();
    if let Some(digits) = &number {
        readings.push(vec![format!("{NUMBER}{digits:0>4}")]);
    }
    let address = joined(word.trim_matches(|c: char| !c.is_alphanumeric()));
    if address.contains(SIGN) {
        readings.push(vec![address.clone()]);
    }
    let is_address = address.contains(SIGN) && word.trim_matches(|c: char| !c.is_alphanumeric()).contains('@');
    let is_short_number = number.is_some_and(|digits| digits.len() < PHONE_PART);
    if parts.is_empty() {
        readings.push(vec![NO_WORD.to_owned()]);
    } else if !is_address && !is_short_number {
        // A domain alone stands in a third of all orders: it is read as a part of its address.
        readings.push(parts);
    }
    readings
}

/// The folded words of a text.
fn parts_of(text: &str) -> Vec<String> {
    fold::fold(text).split(' ').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// An address, or what may be one, as one word: each part folded, and every sign between them one and the same.
fn joined(address: &str) -> String {
    let parts: Vec<String> = address.split(|c: char| c.is_ascii_punctuation()).map(fold::fold).collect();
    parts.join(&SIGN.to_string()).replace(' ', &SIGN.to_string())
}

/// The words of an order: of its name; its phone from each digit on; its address, that without what stands before a sign, and its
/// domain; the last part of its number, by which people call it (the whole is found by an index of its own).
fn words_of(told: &Told) -> Vec<String> {
    let mut words = parts_of(&told.name);
    if let Some(phone) = &told.phone {
        let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
        words.extend((0..(digits.len() + 1).saturating_sub(PHONE_PART)).map(|from| digits[from..].to_owned()));
    }
    if let Some(email) = &told.email {
        let (person, domain) = email.rsplit_once('@').unwrap_or((email, ""));
        let whole = joined(email);
        words.extend(parts_of(person).into_iter().filter(|part| !whole.starts_with(part)));
        words.extend((!domain.is_empty()).then(|| joined(domain)));
        words.push(whole);
    }
    words.push(format!("{NUMBER}{:04}", told.number));
    words
}

/// The digits of a phone however it was typed, without what stands before the number in one country or another.
fn phone_digits(text: &str) -> Option<String> {
    let text = fold_digits(text);
    let is_phone = text.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || "+-()/.".contains(c));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !is_phone || digits.len() < PHONE_DIGITS {
        return None;
    }
    let trimmed = digits.strip_prefix("00").or_else(|| digits.strip_prefix('0')).unwrap_or(&digits);
    Some(trimmed.to_owned())
}

/// As `sql::row_of`.
fn row_of(told: &Told) -> i64 {
    told.number_day * 10_000_000 + told.number
}

/// Takes what was told of a person out of the index, and puts in what the orders say now: call it after they were anonymised, in
/// the same transaction.
///
/// # Errors
/// A fault.
pub fn forget(tx: &mut WriteTx<'_>, customer: UserId) -> Result<()> {
    let upto = sql::upto(tx)?;
    for told in sql::indexed_of(tx, customer, upto)? {
        order_words::put(tx, row_of(&told), &words_of(&told))?;
    }
    Ok(())
}

/// As [`forget`], of some orders.
///
/// # Errors
/// A fault.
pub(super) fn forget_orders(tx: &mut WriteTx<'_>, orders: &[OrderId]) -> Result<()> {
    let upto = sql::upto(tx)?;
    for order in orders {
        if let Some(told) = sql::indexed(tx, *order, upto)? {
            order_words::put(tx, row_of(&told), &words_of(&told))?;
        }
    }
    Ok(())
}

/// Brings in the orders that are not in the index, up to the end or for as many writes as one run has; whether some are left.
///
/// # Errors
/// What the database says.
pub async fn catch_up(db: &Db) -> Result<bool> {
    for _ in 0..MOST_WRITES {
        if db.write_in_background(IndexTexts).await? < AT_ONCE {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Brings in the oldest that are not there yet; how many these were. An index of another folding begins anew.
struct IndexTexts;

impl Command for IndexTexts {
    const NAME: &'static str = "orders.index_texts";
    type Output = i64;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<i64> {
        if sql::folding(tx)? != fold::VERSION {
            order_words::clear(tx)?;
            sql::begin_anew(tx, fold::VERSION)?;
        }
        let upto = sql::upto(tx)?;
        let next = sql::after(tx, upto, AT_ONCE)?;
        for told in &next {
            order_words::put(tx, row_of(told), &words_of(told))?;
        }
        if let Some(last) = next.last() {
            sql::set_upto(tx, last.id)?;
        }
        Ok(i64::try_from(next.len()).unwrap_or(AT_ONCE))
    }
}

/// The worker of these jobs. The engine writes the next run.
pub struct IndexOrderTexts {
    shop: Arc<Shop>,
}

impl IndexOrderTexts {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> IndexOrderTexts {
        IndexOrderTexts { shop }
    }
}

impl Handler for IndexOrderTexts {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(Schedule::Every { ms: EVERY_MS })
    }

    fn run(&self, _job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move { catch_up(&self.shop.db).await.map(|_| ()) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::OrderId;

    fn order(name: &str) -> Told {
        Told {
            id: OrderId::from_uuid(uuid::Uuid::nil()),
            number_day: 20_261_125,
            number: 42,
            name: name.to_owned(),
            phone: Some("+962790000003".to_owned()),
            email: Some("huda.k@example.com".to_owned()),
        }
    }

    fn finds(text: &str, name: &str) -> bool {
        Wanted::parse(text).is_in(&order(name))
    }

    #[test]
    fn a_beginning_of_each_word_finds_however_it_is_typed() {
        for text in
            ["huda", "HUD", "khalil", "h", "kh", "k hu", "huda.k@", "huda.k", "EXAMPLE.com", "@example", "0042", "42", "042"]
        {
            assert!(finds(text, "Huda Khalil"), "{text}");
        }
        for text in ["0790000003", "+962 79 000 0003", "00962-790000003", "٠٧٩٠٠٠٠٠٠٣", "790000003", "0003", "+9627", "90000"]
        {
            assert!(finds(text, "Huda Khalil"), "{text}");
        }
        for text in
            ["هدي", "هُدى", "أحمد", "هدى احمد", "Abd-Alrahman", "abd alrah", "ODeh", "o'deh", "O’Deh", "strasse", "#42", "42."]
        {
            assert!(finds(text, "هدى أحمد Abd-Alrahman O'Deh Straße"), "{text}");
        }
        // Letters are one as they are where products are looked for.
        for text in ["رووف", "رؤوف", "علا", "علاء"] {
            assert!(finds(text, "رؤوف علاء"), "{text}");
        }
        for text in ["huds", "lx", "khalilx huda", "0790000004", "9999", "43", "003", "*", "\"", "ـ", "- huda"] {
            assert!(!finds(text, "Huda Khalil"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_beginning_of_any_word_finds_it(name in "\\p{L}{1,12}( \\p{L}{1,12}){0,2}", at in 0_usize..3, length in 1_usize..12) {
            let words = parts_of(&name);
            let Some(word) = words.get(at) else { return Ok(()) };
            let beginning: String = word.chars().take(length).collect();
            prop_assert!(Wanted::parse(&beginning).is_in(&order(&name)), "{beginning:?} in {name:?}");
        }

        #[test]
        fn no_text_means_anything_to_the_index(text in "\\PC{1,40}") {
            let matched = Wanted::parse(&text).expression();
            let quoted: Vec<&str> = matched.split('"').skip(1).step_by(2).collect();
            let is_plain = |c: char| c.is_alphanumeric() || c == SIGN || NO_WORD.contains(c);
            prop_assert!(quoted.iter().all(|word| !word.is_empty() && word.chars().all(is_plain)), "{}", matched);
        }
    }
}
