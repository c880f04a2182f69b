//! What orders need to know of products, kept by the writer: an order reads each of its lines' products, and they seldom change.
//!
//! What always holds: what is kept is what the tables say. Each statement that writes products or categories calls [`forget`],
//! and until that write has ended nothing is kept anew, for it may still be undone, wholly or in part.

use std::collections::HashMap;
use std::sync::Arc;

use super::model::ForSale;
use super::sql;
use crate::db::{WriteTx, WriterMemory};
use crate::kernel::{ProductId, Result};

/// Most products kept, of which each takes about a kilobyte.
const MOST: usize = 4_096;

#[derive(Default)]
struct OnSale {
    products: HashMap<ProductId, Arc<ForSale>>,
    /// The write under way has changed the catalog.
    is_changing: bool,
}

impl WriterMemory for OnSale {
    fn keep(&mut self) {
        self.is_changing = false;
    }

    fn undo(&mut self) {
        self.is_changing = false;
    }
}

/// What an order needs to know of a product; hidden ones too, told by `is_active`.
///
/// # Errors
/// A fault.
pub fn on_sale(tx: &mut WriteTx<'_>, id: ProductId) -> Result<Option<Arc<ForSale>>> {
    if let Some(product) = memory(tx)?.products.get(&id) {
        return Ok(Some(Arc::clone(product)));
    }
    let Some(product) = sql::for_sale(tx, id)?.map(Arc::new) else { return Ok(None) };
    let kept = memory(tx)?;
    if !kept.is_changing {
        if kept.products.len() >= MOST {
            kept.products.clear();
        }
        kept.products.insert(id, Arc::clone(&product));
    }
    Ok(Some(product))
}

/// A product or a category is about to change.
pub(super) fn forget(tx: &mut WriteTx<'_>) -> Result<()> {
    let kept = memory(tx)?;
    kept.products.clear();
    kept.is_changing = true;
    Ok(())
}

fn memory<'t>(tx: &'t mut WriteTx<'_>) -> Result<&'t mut OnSale> {
    tx.memory(|_| Ok(OnSale::default()))
}
