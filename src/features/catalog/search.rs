//! Finding products by what is typed: in which words, in which order, and the index that it is found by.
//!
//! The order is strict: all words in the name as they are typed, then as beginnings; then products with some word in the name;
//! then those found by their category; then by their description alone. Hits of one rank come in the categories' order, then the
//! older product first. What nothing fits is looked for with typing errors mended, then without the words that nothing knows,
//! then by any of the words.

use std::collections::HashSet;

use super::list::{ProductFilter, ProductQuery};
use super::model::Product;
use super::{reindex, sql};
use crate::db::search::{self, Entry, How, Word};
use crate::db::{Command, Reader, WriteTx};
use crate::http::page::{Cursor, From, List, Paging, bad_cursor};
use crate::kernel::{Fault, Locale, ProductId, Result, fold};

/// The most hits of a search by relevance; `total` counts no more, and no page lies behind them. Who wants more narrows it down.
pub(super) const MOST_HITS: usize = 500;
/// The order's name in cursors.
const RELEVANCE: &str = "relevance";

/// What is looked for.
#[derive(Debug)]
struct Plan {
    words: Vec<Word>,
    /// Any of the words will do; else all must be there.
    any: bool,
}

impl Plan {
    /// An expression that every hit fits.
    fn whole(&self) -> String {
        if self.any { search::any_of(&self.words) } else { search::all_of(&self.words, How::Begins) }
    }

    /// One expression a rank, the best first; each may repeat hits of those before it.
    fn ranks(&self) -> Vec<String> {
        let (whole, any) = (self.whole(), search::any_of(&self.words));
        let mut ranks = Vec::new();
        if !self.any {
            ranks.push(format!("name : {}", search::all_of(&self.words, How::Whole)));
            ranks.push(format!("name : {whole}"));
        }
        if self.any || self.words.len() > 1 {
            ranks.push(format!("{whole} AND name : {any}"));
        }
        ranks.push(format!("{whole} AND category : {any}"));
        ranks.push(whole);
        ranks
    }
}

/// How the words can be found at all; `None` if they cannot.
fn plan(reader: &Reader<'_>, text: &str, shown_only: bool) -> Result<Option<Plan>> {
    let words = search::words(text);
    let is_there = |words: &[Word]| search::is_there(reader, &search::all_of(words, How::Begins), shown_only);
    if words.is_empty() {
        return Ok(None);
    }
    if is_there(&words)? {
        return Ok(Some(Plan { words, any: false }));
    }
    let (mut known, mut as_typed) = (Vec::new(), Vec::new());
    for word in words {
        let alone = std::slice::from_ref(&word);
        if is_there(alone)? {
            as_typed.push(word.clone());
            known.push(word);
        } else {
            known.extend(search::meant(reader, &word, shown_only)?);
        }
    }
    if known.is_empty() {
        return Ok(None);
    }
    if is_there(&known)? {
        return Ok(Some(Plan { words: known, any: false }));
    }
    // A word that was mended may have been none of ours.
    if !as_typed.is_empty() && is_there(&as_typed)? {
        return Ok(Some(Plan { words: as_typed, any: false }));
    }
    Ok(Some(Plan { words: known, any: true }))
}

/// A page of the products that are found by a text, ordered by relevance or as asked.
pub(super) fn page(reader: &Reader<'_>, text: &str, asked: &ProductQuery, locale: Locale) -> Result<List<Product>> {
    let plan = plan(reader, text, asked.filter.shown_only)?;
    let Some(sort) = asked.sort else { return by_relevance(reader, text, plan.as_ref(), &asked.filter, &asked.paging) };
    let (rows, total) = match plan {
        Some(plan) => {
            let filter = ProductFilter { found_by: Some(plan.whole()), ..asked.filter.clone() };
            sql::products(reader, &filter, sort, locale, &asked.paging)?
        }
        None => (Vec::new(), asked.paging.wants_total().then_some(0)),
    };
    Ok(List::page(&asked.paging, total, rows, sort.name(locale), |product| sort.keyset(product, locale)))
}

/// The cursor is a place among the hits, bound to the words: a search is made anew for each page, and its hits are few.
fn by_relevance(
    reader: &Reader<'_>,
    text: &str,
    plan: Option<&Plan>,
    filter: &ProductFilter,
    paging: &Paging,
) -> Result<List<Product>> {
    let words = fold::fold(text);
    let skip = match &paging.from {
        From::Page(_) => paging.offset()?,
        From::After(cursor) => place_of(cursor, &words)?,
    };
    let skip_hits = usize::try_from(skip).unwrap_or(usize::MAX);
    let per_page = usize::try_from(paging.per_page).unwrap_or(0);
    let most = if paging.wants_total() { MOST_HITS } else { skip_hits.saturating_add(per_page + 1).min(MOST_HITS) };
    let ids = match plan {
        Some(plan) => hits(reader, plan, filter, most)?,
        None => Vec::new(),
    };
    let total = if paging.wants_total() { i64::try_from(ids.len()).ok() } else { None };
    let mut rows = Vec::new();
    for id in ids.into_iter().skip(skip_hits).take(per_page + 1) {
        rows.push(sql::product(reader, id)?.ok_or_else(|| Fault::because("a product that was found is there"))?);
    }
    let next = skip.saturating_add(paging.per_page);
    Ok(List::page(paging, total, rows, RELEVANCE, |_| vec![words.into(), next.into()]))
}

fn place_of(cursor: &Cursor, words: &str) -> Result<i64> {
    let [of, place] = cursor.values_of(RELEVANCE)?;
    let place = place.as_i64().filter(|place| of.as_str() == Some(words) && *place >= 0);
    place.ok_or_else(|| bad_cursor().into())
}

/// The best hits, at most so many.
fn hits(reader: &Reader<'_>, plan: &Plan, filter: &ProductFilter, most: usize) -> Result<Vec<ProductId>> {
    let most_rows = i64::try_from(most).unwrap_or(i64::MAX);
    // Where a filter leaves few of many hits, each rank would ask the filter of all of them: it is asked once instead.
    let few: Option<HashSet<ProductId>> = if filter.is_plain() {
        None
    } else {
        let fit = sql::found(reader, &plan.whole(), filter, false, most_rows)?;
        (fit.len() < most).then(|| fit.into_iter().collect())
    };
    let plain = filter.plain();
    let (filter, limit) = if few.is_some() { (&plain, i64::MAX) } else { (filter, most_rows) };
    let enough = few.as_ref().map_or(most, HashSet::len);
    let (mut hits, mut seen) = (Vec::new(), HashSet::new());
    for rank in plan.ranks() {
        if hits.len() >= enough {
            break;
        }
        for id in sql::found(reader, &rank, filter, plan.any, limit)? {
            if few.as_ref().is_none_or(|few| few.contains(&id)) && seen.insert(id) {
                hits.push(id);
            }
        }
    }
    hits.truncate(most);
    Ok(hits)
}

/// Brings the index to what a product says now, in the transaction that changed it.
pub(super) fn index(tx: &mut WriteTx<'_>, id: ProductId) -> Result<()> {
    let entry = sql::search_entry(tx, id)?.ok_or_else(|| Fault::because("a product that is indexed is there"))?;
    search::put(tx, &entry)
}

/// Fills the index at start, if another version of the program filled it, or none.
pub struct BuildSearchIndex;

impl Command for BuildSearchIndex {
    const NAME: &'static str = "catalog.build_search_index";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        search::rebuild(tx, &sql::search_entries(tx)?)
    }
}

/// Whether the index is as this program fills it.
///
/// # Errors
/// A fault.
pub fn search_index_is_current(reader: &Reader<'_>) -> Result<bool> {
    Ok(search::is_current(reader)? && search::count(reader)? == sql::count_products(reader)?)
}

/// Lines told of a broken index; more say nothing more.
const MOST_TOLD: usize = 10;

/// What does not hold in the index, a line each. One that another version of the program filled is built anew at the next start.
///
/// # Errors
/// A fault if the check cannot run.
pub fn check_search(reader: &Reader<'_>) -> Result<Vec<String>> {
    if !search::is_current(reader)? {
        return Ok(Vec::new());
    }
    let mut expected = sql::search_entries(reader)?;
    let behind = reindex::behind(reader)?;
    for entry in expected.iter_mut().filter(|entry| behind.contains(&entry.product)) {
        search::keep_category(reader, entry)?;
    }
    let mut found = search::check(reader, &expected)?;
    found.truncate(MOST_TOLD);
    Ok(found)
}

/// What a product is found by. A category without an English name is found by its slug, which mostly is one.
pub(super) struct Texts {
    pub product: ProductId,
    pub place: i64,
    pub name: [Option<String>; 2],
    pub category: [Option<String>; 3],
    pub description: [Option<String>; 2],
    pub is_shown: bool,
}

impl Texts {
    pub(super) fn entry(&self) -> Entry {
        let column = |texts: &[Option<String>]| search::column(texts.iter().flatten().map(String::as_str));
        Entry {
            product: self.product,
            place: self.place.clamp(0, MOST_PLACE),
            name: column(&self.name),
            category: column(&self.category),
            description: column(&self.description),
            is_shown: self.is_shown,
        }
    }
}

/// A category's place as hits are ordered by it; beyond it they are together.
const MOST_PLACE: i64 = 1 << 30;
