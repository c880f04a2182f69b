//! Whose an order was is forgotten when that person has not ordered for long (SPEC 5): lines and sums stay, for the books.
//!
//! What always holds: an order that is open keeps its person, and so does every order of somebody who has one that is newer than the
//! setting says, or open. A person is an account, a phone or an e-mail address; who shares one of them with somebody newer is kept
//! with them. Looked for on a snapshot beside the writer, and written a few at a time behind everybody who waits.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::json;

use super::sql::persons as sql;
use super::text_index;
use crate::db::{Command, WriteTx};
use crate::features::{Shop, settings};
use crate::jobs::{Claimed, Handler, Schedule};
use crate::kernel::{Change, Locale, OrderId, Result};

/// Orders that one write anonymises: with their history and words a few milliseconds.
const AT_ONCE: usize = 20;
/// Orders that one look finds.
const A_LOOK: i64 = 2_000;
/// Looks of one run; what is left waits for the next night.
const MOST_LOOKS: usize = 10;

/// The worker that looks, each night.
pub struct ForgetPersons {
    shop: Arc<Shop>,
}

impl ForgetPersons {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> ForgetPersons {
        ForgetPersons { shop }
    }

    async fn forget(&self) -> Result<()> {
        let settings = self.shop.settings.get();
        let before = settings::RetentionSettings::before(self.shop.clock.now(), settings.retention.order_person_days);
        for _ in 0..MOST_LOOKS {
            let (old, newest) = self.shop.db.read(move |reader| sql::long_gone(reader, before, A_LOOK)).await?;
            for orders in old.chunks(AT_ONCE) {
                let command = Forget { orders: orders.to_vec(), newest, locale: settings.format.locale };
                self.shop.db.write_in_background(command).await?;
            }
            if i64::try_from(old.len()).unwrap_or(i64::MAX) < A_LOOK {
                break;
            }
        }
        Ok(())
    }
}

impl Handler for ForgetPersons {
    fn kind(&self) -> &'static str {
        "orders.forget_persons"
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(Schedule::Daily(settings::nightly))
    }

    fn run(&self, _job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.forget())
    }
}

/// Takes the person out of some orders, but of those whose person has come back since they were found.
struct Forget {
    orders: Vec<OrderId>,
    /// The newest order when they were found; none if there was none.
    newest: OrderId,
    locale: Locale,
}

impl Command for Forget {
    const NAME: &'static str = "orders.forget_persons";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let mut forgotten = Vec::new();
        for order in self.orders {
            if sql::strike(tx, order, self.newest, name(self.locale))? {
                sql::strike_history(tx, order)?;
                forgotten.push(order);
            }
        }
        text_index::forget_orders(tx, &forgotten)?;
        tx.changed((!forgotten.is_empty()).then(|| Change {
            action: "orders.forget_persons",
            subject: "orders".to_owned(),
            before: None,
            after: Some(json!({ "orders": forgotten.len() })),
        }));
        Ok(())
    }
}

/// What stands in the place of a name, in the shop's language.
const fn name(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "Former customer",
        Locale::Ar => "زبون سابق",
    }
}
