//! A category's words in the search, after it was changed: those of a large one are brought to its products a few at a time, so
//! that no order waits for a new name. Until then its products are found by the old one; what is hidden is hidden at once.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{search, sql};
use crate::db::search as index;
use crate::db::{Command, Reader, WriteTx};
use crate::features::Shop;
use crate::jobs::{self, Claimed, Handler, NewJob};
use crate::kernel::{CategoryId, Fault, ProductId, Result, Version};

/// The kind of these jobs; the key is the category and its version, so that a change during a run has a run of its own.
pub(super) const KIND: &str = "catalog.index_category";
/// Tries; with the engine's back-off they reach over a day.
const MAX_ATTEMPTS: i64 = 30;
/// Products that one write brings up to date: a few milliseconds of the writer.
const AT_ONCE: usize = 50;

/// Brings the search to what a category says now: at once if it is small.
pub(super) fn category_changed(tx: &mut WriteTx<'_>, category: CategoryId, version: Version) -> Result<()> {
    let products = sql::product_ids_of(tx, category, i64::try_from(AT_ONCE + 1).unwrap_or(i64::MAX))?;
    if products.len() <= AT_ONCE {
        return products.into_iter().try_for_each(|product| search::index(tx, product));
    }
    index::show_or_hide(tx, category)?;
    let key = format!("{category}:{version}");
    jobs::enqueue(tx, &NewJob { kind: KIND, key: &key, run_at: tx.now(), max_attempts: MAX_ATTEMPTS })
}

fn parse(key: &str) -> Option<(CategoryId, Version)> {
    let (category, version) = key.split_once(':')?;
    Some((CategoryId::parse(category)?, version.parse().ok()?))
}

/// The products that a job is still to bring up to date.
pub(super) fn behind(reader: &Reader<'_>) -> Result<HashSet<ProductId>> {
    let mut behind = HashSet::new();
    for (category, _) in sql::open_keys(reader, KIND)?.iter().filter_map(|key| parse(key)) {
        behind.extend(sql::product_ids_of(reader, category, i64::MAX)?);
    }
    Ok(behind)
}

/// The worker of these jobs.
pub struct IndexCategories {
    shop: Arc<Shop>,
}

impl IndexCategories {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> IndexCategories {
        IndexCategories { shop }
    }
}

impl Handler for IndexCategories {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// Nothing is done twice that must not be, so the engine finishes the row.
    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let (category, version) =
                parse(&job.key).ok_or_else(|| Fault::because(format!("the key of job {} is no category", job.id)))?;
            let products = self.shop.db.read(move |reader| products_of(reader, category, version)).await?;
            for some in products.chunks(AT_ONCE) {
                self.shop.db.write_in_background(IndexSome { products: some.to_vec() }).await?;
            }
            Ok(())
        })
    }
}

/// None if the category was changed again: that change has a job of its own. What comes into the category meanwhile brings its
/// words along.
fn products_of(reader: &Reader<'_>, category: CategoryId, version: Version) -> Result<Vec<ProductId>> {
    match sql::category(reader, category)?.filter(|now| now.version == version) {
        Some(_) => sql::product_ids_of(reader, category, i64::MAX),
        None => Ok(Vec::new()),
    }
}

struct IndexSome {
    products: Vec<ProductId>,
}

impl Command for IndexSome {
    const NAME: &'static str = "catalog.index_some";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        self.products.into_iter().try_for_each(|product| search::index(tx, product))
    }
}
