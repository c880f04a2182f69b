//! Finding products by words: FTS5 over folded words, and trigrams for words with a typing error (SPEC 5).
//!
//! What always holds: only words that [`fold`](crate::kernel::fold) made, and quoted, become a `match` expression, so no text of
//! a caller is ever its syntax; each row stands in `product_search` with exactly its words, and each of them has its trigrams.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::Reader;
use super::tx::WriteTx;
use crate::args;
use crate::kernel::{CategoryId, ProductId, Result, fold};

/// The hits of a `match` expression, as `s` and `r`; `cross` keeps the planner from walking the rows instead.
#[macro_export]
macro_rules! search_hits {
    () => {
        " from product_search s cross join product_search_rows r on r.id = s.rowid"
    };
}

/// The condition on [`search_hits`] that an expression is bound to.
pub const MATCHES: &str = "s.product_search match ?";
/// In the order in which hits of one rank come.
pub const IN_ORDER: &str = "order by s.rowid limit ?";
/// Those with more, and with rarer, of the words first. For words of which any may match.
pub const BY_WEIGHT: &str = "order by bm25(product_search, 10, 3, 1), s.rowid limit ?";
/// The condition that a product `p` is among the hits.
pub const IS_HIT: &str = "p.id in (select r.product_id from product_search s cross join product_search_rows r on r.id = s.rowid \
                          where s.product_search match ?)";

/// Words considered of one search; who types more has said enough.
const MOST_WORDS: usize = 10;
/// Words with common trigrams that are compared letter by letter.
const MOST_CANDIDATES: i64 = 64;
/// Words that one with a typing error may stand for.
const MOST_MEANT: usize = 8;
/// The category's place is the upper part of a row's id, a counter the lower.
const PLACE_BITS: u32 = 32;

/// What a product is found by, folded, every form of each word in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub product: ProductId,
    /// Where its category stands.
    pub place: i64,
    pub name: String,
    pub category: String,
    pub description: String,
    /// Whether the public may find it.
    pub is_shown: bool,
}

/// Texts as a column of an [`Entry`].
#[must_use]
pub fn column<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut column = String::new();
    for text in texts {
        for form in fold::fold(text).split(' ').filter(|word| !word.is_empty()).flat_map(fold::forms) {
            if !column.is_empty() {
                column.push(' ');
            }
            column.push_str(&form);
        }
    }
    column
}

/// One word that is looked for: any of its forms.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word(Vec<String>);

impl Word {
    /// The word in FTS5's language. Quoted, so that nothing in it is syntax; a form is letters and digits alone, but that is not
    /// relied on.
    fn expression(&self, how: How) -> String {
        let forms: Vec<String> = self.0.iter().map(|form| quoted(form, how)).collect();
        format!("({})", forms.join(" OR "))
    }
}

/// Whether the word must stand there whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    Whole,
    Begins,
}

fn quoted(form: &str, how: How) -> String {
    // A text ends at a zero byte for SQLite; folding leaves none.
    let text = form.replace('"', "\"\"").replace('\0', " ");
    match how {
        How::Whole => format!("\"{text}\""),
        How::Begins => format!("\"{text}\"*"),
    }
}

/// The words of a search; none if it has no letter and no digit.
#[must_use]
pub fn words(text: &str) -> Vec<Word> {
    let folded = fold::fold(text);
    let mut words: Vec<Word> = Vec::new();
    for word in folded.split(' ').filter(|word| !word.is_empty()) {
        let word = Word(fold::forms(word));
        if words.len() < MOST_WORDS && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// A `match` expression that all the words fit.
#[must_use]
pub fn all_of(words: &[Word], how: How) -> String {
    joined(words, how, " AND ")
}

/// A `match` expression that any of the words fits.
#[must_use]
pub fn any_of(words: &[Word]) -> String {
    joined(words, How::Begins, " OR ")
}

fn joined(words: &[Word], how: How, between: &str) -> String {
    let words: Vec<String> = words.iter().map(|word| word.expression(how)).collect();
    format!("({})", words.join(between))
}

/// Whether anything fits, of what is shown or of everything.
///
/// # Errors
/// A fault.
pub fn is_there(reader: &Reader<'_>, expression: &str, shown_only: bool) -> Result<bool> {
    let hit = reader.opt(
        concat!("select 1", search_hits!(), " where s.product_search match ?1 and (r.is_shown = 1 or ?2) limit 1"),
        args![expression, !shown_only],
        |row| row.get::<i64>(0),
    )?;
    Ok(hit.is_some())
}

/// The words of the index that a word with a typing error may mean, as one word; `None` if there is none near enough. Words that
/// no row has any more, or none that is shown where those alone count, are meant by nobody.
///
/// # Errors
/// A fault.
pub fn meant(reader: &Reader<'_>, word: &Word, shown_only: bool) -> Result<Option<Word>> {
    let Some(typed) = word.0.first().filter(|typed| allowed(typed) > 0) else { return Ok(None) };
    let trigrams = serde_json::Value::from(fold::trigrams(typed)).to_string();
    let length = i64::try_from(typed.chars().count()).unwrap_or(i64::MAX);
    let candidates = reader.all(
        "select word from product_search_trigrams where trigram in (select value from json_each(?1)) group by word \
         order by count(*) desc, abs(length(word) - ?2), word limit ?3",
        args![trigrams, length, MOST_CANDIDATES],
        |row| row.get::<String>(0),
    )?;
    let near = candidates.into_iter().filter_map(|candidate| Some((apart(typed, &candidate)?, candidate)));
    let mut near: Vec<(Apart, String)> = near.collect();
    // As they came where they are equally near: a stable sort.
    near.sort_by_key(|(apart, _)| *apart);
    let (mut least, mut meant) = (None, Vec::new());
    for (apart, candidate) in near {
        if meant.len() == MOST_MEANT || least.is_some_and(|least| apart > least) {
            break;
        }
        if is_there(reader, &quoted(&candidate, How::Whole), shown_only)? {
            least = Some(apart);
            meant.push(candidate);
        }
    }
    Ok(if meant.is_empty() { None } else { Some(Word(meant)) })
}

/// Typing errors that a word of its length may have. Words of one or two letters would mean anything, and a number is meant as
/// it is typed.
fn allowed(word: &str) -> usize {
    if word.chars().any(char::is_numeric) {
        return 0;
    }
    match word.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    }
}

/// Letters of a word that may be a beginning with one typing error; of shorter ones too much begins alike.
const LEAST_BEGUN: usize = 5;

/// How far a word is from a known one; the nearest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Apart {
    letters: usize,
    /// It is near the beginning alone.
    begun: bool,
}

/// Typing errors from a known word, or from its beginning, if they are few enough.
fn apart(typed: &str, known: &str) -> Option<Apart> {
    let most = allowed(typed);
    let whole = strsim::osa_distance(typed, known);
    let length = typed.chars().count();
    // In three letters an error in the first leaves too little that is the same.
    if length == 3 && typed.chars().next() != known.chars().next() {
        return None;
    }
    if whole <= most {
        return Some(Apart { letters: whole, begun: false });
    }
    if length < LEAST_BEGUN {
        return None;
    }
    let begun = (length - 1..=length + 1).map(|end| {
        let beginning: String = known.chars().take(end).collect();
        strsim::osa_distance(typed, &beginning)
    });
    begun.min().filter(|letters| *letters <= 1).map(|letters| Apart { letters, begun: true })
}

/// Brings a product's row to what is given; what is so already is not written.
///
/// # Errors
/// A fault.
pub fn put(tx: &mut WriteTx<'_>, entry: &Entry) -> Result<()> {
    if let Some((id, now)) = stored(tx, entry.product)? {
        if now == *entry {
            return Ok(());
        }
        if (Entry { is_shown: entry.is_shown, ..now }) == *entry {
            return tx.exec_one("update product_search_rows set is_shown = ?2 where id = ?1", args![id, entry.is_shown]);
        }
        tx.exec("delete from product_search where rowid = ?1", args![id])?;
        tx.exec_one("delete from product_search_rows where id = ?1", args![id])?;
    }
    insert(tx, entry)?;
    for word in words_of(entry) {
        let first = fold::trigrams(word).first().cloned().unwrap_or_default();
        let known =
            tx.opt("select 1 from product_search_trigrams where trigram = ?1 and word = ?2", args![first, word], |row| {
                row.get::<i64>(0)
            })?;
        if known.is_none() {
            learn(tx, word)?;
        }
    }
    Ok(())
}

/// Shows to the public or hides what the products of a category say now, and leaves their words.
///
/// # Errors
/// A fault.
pub fn show_or_hide(tx: &mut WriteTx<'_>, category: CategoryId) -> Result<()> {
    tx.exec(
        "update product_search_rows set is_shown = now.is_shown from (select p.id, p.is_active and c.is_active as is_shown \
         from products p join categories c on c.id = p.category_id where p.category_id = ?1) now \
         where product_search_rows.product_id = now.id and product_search_rows.is_shown <> now.is_shown",
        args![category],
    )?;
    Ok(())
}

/// Gives an entry the category that its product's row is found by, which may be behind the one it has.
///
/// # Errors
/// A fault.
pub fn keep_category(reader: &Reader<'_>, entry: &mut Entry) -> Result<()> {
    if let Some((_, now)) = stored(reader, entry.product)? {
        (entry.category, entry.place) = (now.category, now.place);
    }
    Ok(())
}

/// Fills the index anew.
///
/// # Errors
/// A fault.
pub fn rebuild(tx: &mut WriteTx<'_>, entries: &[Entry]) -> Result<()> {
    tx.exec("insert into product_search (product_search) values ('delete-all')", &[])?;
    tx.exec("delete from product_search_rows", &[])?;
    tx.exec("delete from product_search_trigrams", &[])?;
    for entry in entries {
        insert(tx, entry)?;
    }
    let words: BTreeSet<&str> = entries.iter().flat_map(words_of).collect();
    for word in words {
        learn(tx, word)?;
    }
    tx.exec(
        "insert into product_search_state (id, folding) values (1, ?1) on conflict (id) do update set folding = ?1",
        args![fold::VERSION],
    )?;
    Ok(())
}

/// Whether the index was filled by this version of the folding.
///
/// # Errors
/// A fault.
pub fn is_current(reader: &Reader<'_>) -> Result<bool> {
    let folding: Option<i64> = reader.opt("select folding from product_search_state", &[], |row| row.get(0))?;
    Ok(folding == Some(fold::VERSION))
}

/// How many products the index knows.
///
/// # Errors
/// A fault.
pub fn count(reader: &Reader<'_>) -> Result<i64> {
    reader.one("select count(*) from product_search_rows", &[], |row| row.get(0))
}

fn words_of(entry: &Entry) -> impl Iterator<Item = &str> {
    let words = [&entry.name, &entry.category, &entry.description].into_iter().flat_map(|column| column.split(' '));
    words.filter(|word| allowed(word) > 0)
}

fn stored(reader: &Reader<'_>, product: ProductId) -> Result<Option<(i64, Entry)>> {
    reader.opt(
        "select id, name, category, description, is_shown from product_search_rows where product_id = ?1",
        args![product],
        |row| {
            let mut columns = row.columns();
            let id: i64 = columns.next()?;
            let (name, category, description) = (columns.next()?, columns.next()?, columns.next()?);
            Ok((id, Entry { product, place: id >> PLACE_BITS, name, category, description, is_shown: columns.next()? }))
        },
    )
}

fn insert(tx: &mut WriteTx<'_>, entry: &Entry) -> Result<()> {
    let first = entry.place << PLACE_BITS;
    let id: i64 = tx.one(
        "select coalesce(max(id), ?1) + 1 from product_search_rows where id >= ?1 and id < ?2",
        args![first, (entry.place + 1) << PLACE_BITS],
        |row| row.get(0),
    )?;
    tx.exec_one(
        "insert into product_search_rows (id, product_id, name, category, description, is_shown) values (?1, ?2, ?3, ?4, ?5, ?6)",
        args![id, entry.product, entry.name, entry.category, entry.description, entry.is_shown],
    )?;
    tx.exec(
        "insert into product_search (rowid, name, category, description) values (?1, ?2, ?3, ?4)",
        args![id, entry.name, entry.category, entry.description],
    )?;
    Ok(())
}

/// Writes a word's trigrams. They stay when the last row with the word goes, some ten short rows a word that was ever on the menu:
/// [`meant`] asks whether a word is still there.
fn learn(tx: &mut WriteTx<'_>, word: &str) -> Result<()> {
    for trigram in fold::trigrams(word) {
        tx.exec("insert or ignore into product_search_trigrams (trigram, word) values (?1, ?2)", args![trigram, word])?;
    }
    Ok(())
}

/// What does not hold in the index, a line each: rows that are not as `expected`, words that are not the row's.
///
/// # Errors
/// A fault.
pub fn check(reader: &Reader<'_>, expected: &[Entry]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut rows: BTreeMap<i64, &Entry> = BTreeMap::new();
    for entry in expected {
        match stored(reader, entry.product)? {
            Some((id, now)) if now == *entry => {
                rows.insert(id, entry);
            }
            Some(_) => found.push(format!("product {} is not found by what it says", entry.product)),
            None => found.push(format!("product {} cannot be found by words", entry.product)),
        }
    }
    let count = count(reader)?;
    if usize::try_from(count).unwrap_or(usize::MAX) != expected.len() {
        found.push(format!("the search knows {count} products, there are {}", expected.len()));
    }
    let mut indexed: BTreeMap<(i64, String), Vec<(i64, String)>> = BTreeMap::new();
    reader.all("select doc, col, offset, term from product_search_terms", &[], |row| {
        let mut columns = row.columns();
        let place = (columns.next()?, columns.next()?);
        indexed.entry(place).or_default().push((columns.next()?, columns.next()?));
        Ok(())
    })?;
    let mut missed = BTreeSet::new();
    for (id, entry) in rows {
        for (column, text) in [("name", &entry.name), ("category", &entry.category), ("description", &entry.description)] {
            let mut terms = indexed.remove(&(id, column.to_owned())).unwrap_or_default();
            terms.sort_unstable();
            let terms: Vec<&str> = terms.iter().map(|(_, term)| term.as_str()).collect();
            if terms.join(" ") != **text {
                found.push(format!("the {column} of product {} is not indexed as it is", entry.product));
            }
        }
        missed.extend(words_of(entry));
    }
    if !indexed.is_empty() {
        found.push(format!("{} indexed texts belong to no product", indexed.len()));
    }
    let known: BTreeSet<String> =
        reader.all("select distinct word from product_search_trigrams", &[], |row| row.get(0))?.into_iter().collect();
    let unknown: Vec<&str> = missed.into_iter().filter(|word| !known.contains(*word)).take(5).collect();
    if !unknown.is_empty() {
        found.push(format!("words that no typing error finds: {}", unknown.join(", ")));
    }
    Ok(found)
}
