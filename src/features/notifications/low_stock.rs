//! Telling admins of products that have just become low, each once a crossing (SPEC 7).
//!
//! What always holds: who placed an order pays nothing for it. A job compares the shelf with what was told; a product that is low
//! and was not told of is told of, one that is not low any more may be told of again. So it is the same whether a product crossed its
//! threshold or its threshold crossed the product, and what came back before anybody looked was not worth a message.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};

use super::sql::{self, Low};
use super::to_admins;
use crate::db::{Command, WriteTx};
use crate::features::messages::Kind;
use crate::features::{Shop, accounts};
use crate::jobs::{Claimed, Handler, Schedule, finish_recurring};
use crate::kernel::time::span::MINUTE_MS;
use crate::kernel::{Locale, Result};

/// From the end of a look to the next one.
const SCHEDULE: Schedule = Schedule::Every { ms: MINUTE_MS };
/// Products in one message; those beyond it stand in the next.
const AT_ONCE: i64 = 100;

/// The worker that looks.
pub struct TellLowStock {
    shop: Arc<Shop>,
}

impl TellLowStock {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> TellLowStock {
        TellLowStock { shop }
    }

    async fn look(&self, job: Claimed) -> Result<()> {
        // Mostly nothing has crossed: then the writer hears of it only that the look is over.
        if self.shop.db.read(sql::has_crossed).await? {
            self.shop.db.write_in_background(Tell { job }).await?;
        }
        Ok(())
    }
}

impl Handler for TellLowStock {
    fn kind(&self) -> &'static str {
        "notifications.low_stock"
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(SCHEDULE)
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.look(job))
    }
}

struct Tell {
    job: Claimed,
}

impl Command for Tell {
    const NAME: &'static str = "notifications.tell_low_stock";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        if !finish_recurring(tx, &self.job, SCHEDULE)? {
            return Ok(());
        }
        sql::forget_recovered(tx)?;
        let low = sql::newly_low(tx, AT_ONCE)?;
        // Without anybody to tell, it waits until there is.
        if low.is_empty() || accounts::admins(tx)?.is_empty() {
            return Ok(());
        }
        for product in &low {
            sql::told(tx, product.id)?;
        }
        to_admins(tx, Kind::LowStock, |locale| payload(&low, locale))
    }
}

fn payload(low: &[Low], locale: Locale) -> Value {
    let product = |low: &Low| {
        let (own, other) = if locale == Locale::En { (&low.name_en, &low.name_ar) } else { (&low.name_ar, &low.name_en) };
        json!({
            "name": own.as_ref().or(other.as_ref()),
            "sku": low.sku,
            "available": low.available,
            "stockThreshold": low.threshold,
            "unit": low.unit,
        })
    };
    json!({ "products": low.iter().map(product).collect::<Vec<_>>() })
}
