//! Finding orders by what staff type: parts of the customer's name, phone and e-mail, and of the order's number.
//!
//! A job brings orders into an index of three-character pieces behind a mark, so that placing an order costs no more writes (SPEC
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
/// Orders that one write brings in: some two milliseconds of the writer, behind everybody who waits.
const AT_ONCE: i64 = 64;
/// Writes of one run; more wait for the next, so that a run ends within its lease.
const MOST_WRITES: u32 = 2_000;

/// Stands before each word and twice before the first, so that two characters find the words that begin with them, and one the
/// names. No text of a person has it: control characters are refused.
const WORD: char = '\u{1}';
/// Characters of a piece, as FTS5's trigram tokenizer cuts them.
const PIECE: usize = 3;
/// A text of digits with as many, however they are parted, is a phone.
const PHONE_DIGITS: usize = 7;

/// What is looked for: each of these must stand in an order's text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    pieces: Vec<String>,
}

impl Wanted {
    pub(super) fn parse(text: &str) -> Wanted {
        let folded = fold(text);
        let pieces = match phone_digits(&folded) {
            Some(digits) => vec![digits],
            None => folded.split_whitespace().map(piece_of).collect(),
        };
        Wanted { pieces }
    }

    pub(super) fn is_in(&self, told: &Told) -> bool {
        let text = text_of(told);
        self.pieces.iter().all(|piece| text.contains(piece.as_str()))
    }

    /// As FTS5 reads it: every piece, each a phrase. No character of a person's text has a meaning there.
    pub(super) fn to_match(&self) -> String {
        let phrases: Vec<String> = self.pieces.iter().map(|piece| format!("\"{}\"", piece.replace('"', "\"\""))).collect();
        phrases.join(" ")
    }

    /// Nothing but blanks and marks was typed; that is in every order.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}

/// A word as it is looked for: anywhere, or where it is shorter than a piece at the beginning of a word. A phone lies there
/// without its plus.
fn piece_of(word: &str) -> String {
    let word = word.trim_start_matches('+');
    match word.chars().count() {
        0 | 1 => format!("{WORD}{WORD}{word}"),
        length if length < PIECE => format!("{WORD}{word}"),
        _ => word.to_owned(),
    }
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

/// What the index holds of an order. Of the number its last part, by which people call it; the whole is found by its own index.
fn text_of(told: &Told) -> String {
    let number = format!("{:04}", told.number);
    let phone = told.phone.as_deref().map(|phone| phone.trim_start_matches('+'));
    let parts = [Some(told.name.as_str()), phone, told.email.as_deref(), Some(number.as_str())];
    let mut text = String::with_capacity(96);
    text.push(WORD);
    for part in parts.into_iter().flatten() {
        for word in fold(part).split_whitespace() {
            text.push(WORD);
            text.push_str(word);
        }
    }
    text
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
    fn a_part_of_each_field_finds_however_it_is_typed() {
        for text in ["huda", "HUD", "khalil", "halil h", "h", "kh", "huda.k@", "EXAMPLE.com", "0042", "004"] {
            assert!(finds(text, "Huda Khalil"), "{text}");
        }
        for text in ["0790000003", "+962 79 000 0003", "00962-790000003", "٠٧٩٠٠٠٠٠٠٣", "790000003", "0003", "+96"] {
            assert!(finds(text, "Huda Khalil"), "{text}");
        }
        for text in ["هدي", "هُدى", "أحمد", "هدى احمد"] {
            assert!(finds(text, "هدى أحمد"), "{text}");
        }
        for text in ["huds", "al", "khalilx huda", "0790000004", "9999"] {
            assert!(!finds(text, "Huda Khalil"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_beginning_of_any_word_finds_it(name in "\\p{L}{1,12}( \\p{L}{1,12}){0,2}", at in 0_usize..3, length in 2_usize..12) {
            let folded = fold(&name);
            let Some(word) = folded.split_whitespace().nth(at) else { return Ok(()) };
            let beginning: String = word.chars().take(length).collect();
            // One letter finds names by their first word alone.
            if beginning.chars().count() > 1 || at == 0 {
                prop_assert!(Wanted::parse(&beginning).is_in(&order(&name)), "{beginning:?} in {name:?}");
            }
        }
    }
}
