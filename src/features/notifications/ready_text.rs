//! What staff write by hand to an order's customer: the words that a text message would have, for a shop that sends none.

use super::model::Step;
use super::{payload, rules};
use crate::features::Shop;
use crate::features::messages::{self, Channel};
use crate::features::orders::{Order, Payable, ReadyText};
use crate::kernel::Result;

/// Finds them by the templates of text messages.
pub struct ReadyTexts;

impl ReadyText for ReadyTexts {
    fn of(&self, shop: &Shop, order: &Order, payable: &Payable) -> Result<String> {
        let settings = shop.settings.get();
        let locale = order.language(settings.format.locale);
        let by = order.history.last().map(|last| last.actor.as_str());
        let mut values = payload::of_order(order, payable, locale);
        values["shop"] = messages::shop_values(&settings);
        values["order_url"] = "".into();
        let kind = rules::kind(Step::Moved(order.status), by);
        Ok(shop.messages.words(kind, locale, Channel::Sms, &values)?.text.trim().to_owned())
    }
}
