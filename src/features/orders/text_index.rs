//! Finding orders by what staff type: parts of the customer's name, phone and e-mail, and of the order's number.
//!
//! A job brings orders into an index of words behind a mark, so that placing an order costs no more writes (SPEC
//! 12); what is newer than the mark is read from the orders themselves, so that nothing is missed. Both sides compare the same
//! folded text with the same pieces.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::sql::texts::{self as sql, Told};
use crate::db::{Command, Db, WriteTx};
use crate::features::Shop;
use crate::jobs::{Claimed, Handler};
use crate::kernel::text::fold_digits;
use crate::kernel::time::span::MINUTE_MS;
use crate::kernel::{Result, UserId};

/// The kind of the job that brings orders in.
pub const KIND: &str = "orders.index_texts";
/// From the end of a run to the next one. Orders of that long are read at each search.
pub const EVERY_MS: i64 = MINUTE_MS;
/// Orders that one write brings in: a few milliseconds of the writer, behind everybody who waits.
const AT_ONCE: i64 = 64;
/// Writes of one run; more wait for the next, so that a run ends within its lease.
const MOST_WRITES: u32 = 2_000;

/// Stands for every sign within an e-mail address, which is one word; and a word that no order has. Both are characters of
/// Unicode's private use, which FTS5's `ascii` tokenizer takes for letters.
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
type Reading = Vec<String>;

impl Wanted {
    pub(super) fn parse(text: &str) -> Wanted {
        let folded = fold(text);
        let mut words: Vec<Vec<Reading>> = match phone_digits(&folded) {
            Some(digits) => vec![vec![vec![digits]]],
            None => folded.split_whitespace().map(readings_of).collect(),
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

    /// As FTS5 reads it. Beginnings hold letters and digits alone, so nothing in them has a meaning there.
    pub(super) fn to_match(&self) -> String {
        let all = |reading: &Reading| {
            let beginnings: Vec<String> = reading.iter().map(|beginning| format!("\"{beginning}\" *")).collect();
            format!("({})", beginnings.join(" AND "))
        };
        let any = |readings: &Vec<Reading>| format!("({})", readings.iter().map(all).collect::<Vec<_>>().join(" OR "));
        self.words.iter().map(any).collect::<Vec<_>>().join(" AND ")
    }
}

/// How a typed word may be meant: few digits as an order's number, signs as those of an address or as what parts two words.
fn readings_of(word: &str) -> Vec<Reading> {
    let parts: Reading = parts_of(word).map(str::to_owned).collect();
    let is_number = word.len() <= PHONE_PART && word.bytes().all(|byte| byte.is_ascii_digit());
    let mut readings = Vec::new();
    if is_number {
        readings.push(vec![format!("{NUMBER}{word:0>4}")]);
    }
    let address = word.trim_matches(|c: char| !c.is_alphanumeric());
    if parts.len() > 1 {
        readings.push(vec![joined(address)]);
    }
    match parts.is_empty() {
        true => readings.push(vec![NO_WORD.to_owned()]),
        // A domain alone stands in a third of all orders: it is read as a part of its address.
        false if address.contains('@') => {}
        false if !is_number || word.len() == PHONE_PART => readings.push(parts),
        false => {}
    }
    readings
}

fn parts_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty())
}

fn joined(address: &str) -> String {
    address.chars().map(|c| if c.is_alphanumeric() { c } else { SIGN }).collect()
}

/// The words of an order: of its name; its phone from each digit on; its address, that without what stands before a sign, and its
/// domain; the last part of its number, by which people call it (the whole is found by an index of its own).
fn words_of(told: &Told) -> Vec<String> {
    let mut words: Vec<String> = parts_of(&fold(&told.name)).map(str::to_owned).collect();
    if let Some(phone) = &told.phone {
        let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
        words.extend((0..(digits.len() + 1).saturating_sub(PHONE_PART)).map(|from| digits[from..].to_owned()));
    }
    if let Some(email) = &told.email {
        let email = fold(email);
        let (person, domain) = email.rsplit_once('@').unwrap_or((&email, ""));
        words.push(joined(&email));
        words.extend(parts_of(person).skip(1).map(str::to_owned));
        words.extend((!domain.is_empty()).then(|| joined(domain)));
    }
    words.push(format!("{NUMBER}{:04}", told.number));
    words
}

fn text_of(told: &Told) -> String {
    words_of(told).join(" ")
}

/// The digits of a phone however it was typed, without what stands before the number in one country or another.
fn phone_digits(folded: &str) -> Option<String> {
    let is_phone = folded.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || "+-()/.".contains(c));
    let digits: String = folded.chars().filter(char::is_ascii_digit).collect();
    if !is_phone || digits.len() < PHONE_DIGITS {
        return None;
    }
    let trimmed = digits.strip_prefix("00").or_else(|| digits.strip_prefix('0')).unwrap_or(&digits);
    Some(trimmed.to_owned())
}

/// Lower case, without marks, one form a letter and a digit: Huda, HUDA and hudá are one, as are هدى and هدي.
fn fold(text: &str) -> String {
    let letter = |c| match c {
        'ٱ' => 'ا',
        'ى' | 'ی' => 'ي',
        'ة' => 'ه',
        'ک' => 'ك',
        other => other,
    };
    let bare = fold_digits(text);
    bare.nfkd().filter(|c| !is_combining_mark(*c) && *c != 'ـ').map(letter).flat_map(char::to_lowercase).collect()
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
        sql::delete(tx, row_of(&told))?;
        sql::insert(tx, row_of(&told), &text_of(&told))?;
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

/// Brings in the oldest that are not there yet; how many these were.
struct IndexTexts;

impl Command for IndexTexts {
    const NAME: &'static str = "orders.index_texts";
    type Output = i64;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<i64> {
        let upto = sql::upto(tx)?;
        let next = sql::after(tx, upto, AT_ONCE)?;
        for told in &next {
            sql::insert(tx, row_of(told), &text_of(told))?;
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
        for text in ["هدي", "هُدى", "أحمد", "هدى احمد", "Abd-Alrahman", "abd alrah"] {
            assert!(finds(text, "هدى أحمد Abd-Alrahman"), "{text}");
        }
        for text in ["huds", "lx", "khalilx huda", "0790000004", "9999", "43", "003", "*", "\"", "ـ", "- huda"] {
            assert!(!finds(text, "Huda Khalil"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_beginning_of_any_word_finds_it(name in "\\p{L}{1,12}( \\p{L}{1,12}){0,2}", at in 0_usize..3, length in 1_usize..12) {
            let folded = fold(&name);
            let Some(word) = parts_of(&folded).nth(at) else { return Ok(()) };
            let beginning: String = word.chars().take(length).collect();
            prop_assert!(Wanted::parse(&beginning).is_in(&order(&name)), "{beginning:?} in {name:?}");
        }

        #[test]
        fn no_text_means_anything_to_the_index(text in "\\PC{1,40}") {
            let matched = Wanted::parse(&text).to_match();
            let quoted: Vec<&str> = matched.split('"').skip(1).step_by(2).collect();
            let is_plain = |c: char| c.is_alphanumeric() || c == SIGN || NO_WORD.contains(c);
            prop_assert!(quoted.iter().all(|word| !word.is_empty() && word.chars().all(is_plain)), "{}", matched);
        }
    }
}
