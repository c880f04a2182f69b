//! What a new shop is: its name, language, currency and time zone, chosen once at its set-up.

use super::replace::{Replace, ShopDraft};
use super::{Keeper, Settings};
use crate::db::{Command, WriteTx};
use crate::kernel::{Result, SeenVersion};

/// The four that are chosen; what is left out stays.
pub struct Choose {
    pub name: Option<String>,
    pub locale: Option<String>,
    pub currency: Option<String>,
    pub time_zone: Option<String>,
}

/// Writes them, in the write that opens the shop.
///
/// # Errors
/// 422 `fixed_by_configuration`, 409 `currency_in_use`.
pub fn choose(tx: &mut WriteTx<'_>, choose: Choose, keeper: &std::sync::Arc<Keeper>) -> Result<Settings> {
    let now = super::sections(tx)?.shop;
    let shop = ShopDraft {
        name: choose.name,
        locale: choose.locale,
        currency: choose.currency,
        time_zone: choose.time_zone,
        first_weekday: None,
        phone: now.phone,
        address: now.address,
        transfer_details: now.transfer_details,
    };
    Replace {
        shop: Some(shop),
        orders: None,
        hours: None,
        methods: None,
        messages: None,
        retention: None,
        seen: SeenVersion { if_match: None, in_body: None },
        keeper: std::sync::Arc::clone(keeper),
    }
    .apply(tx)
}
