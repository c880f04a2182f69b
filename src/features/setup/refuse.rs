//! What can be known of a shop's choices before the write: what the keeper has fixed, and what the gateways take.

use super::Choices;
use crate::features::Shop;
use crate::features::settings::Fixed;
use crate::kernel::problem::FieldFault;
use crate::kernel::{Currency, ShopZone};

/// A choice, and the field of the section `shop` that it is.
pub const FIELDS: [(&str, &str); 4] =
    [("shopName", "name"), ("locale", "locale"), ("timeZone", "timeZone"), ("currency", "currency")];

/// Every choice that cannot be, told by the names in `fields`, which stand in the order of [`FIELDS`].
#[must_use]
pub fn refusals(shop: &Shop, choices: &Choices, fields: [&str; 4]) -> Vec<FieldFault> {
    let now = shop.settings.get();
    let asked = [
        (choices.name.as_deref(), now.shop.name.as_str()),
        (choices.locale.map(crate::kernel::Locale::code), now.shop.locale.as_str()),
        (choices.zone.as_ref().and_then(ShopZone::name), now.shop.time_zone.as_str()),
        (choices.currency.as_ref().map(Currency::code), now.shop.currency.as_str()),
    ];
    let mut faults = Vec::new();
    for (((asked, fixed), field), (_, setting)) in asked.into_iter().zip(fields).zip(FIELDS) {
        if let Some(by) = fixed_by(shop, setting)
            && asked.is_some_and(|asked| asked != fixed)
        {
            let message = format!(
                "is {fixed}, as the shop's configuration decides; change or remove {} on the server and restart it, or send {fixed}",
                by.place
            );
            faults.push(FieldFault { field: field.to_owned(), code: "fixed_by_configuration", message });
        }
    }
    let untaken = choices.currency.and_then(|currency| shop.gateways.iter().find(|gateway| !gateway.takes(currency)));
    if let Some(gateway) = untaken.filter(|_| faults.iter().all(|fault| fault.field != fields[3])) {
        let code = gateway.method();
        let message = format!(
            "is not taken by {0}, through which the shop is paid; take the section payments.{0} out of the server's configuration first",
            code.code()
        );
        faults.push(FieldFault { field: fields[3].to_owned(), code: "currency_not_supported", message });
    }
    faults
}

/// Who decides a field of the section `shop`, if the keeper does.
pub(super) fn fixed_by(shop: &Shop, setting: &str) -> Option<Fixed> {
    shop.settings.keeper().fixed().iter().find(|fixed| fixed.section == "shop" && fixed.field == setting).cloned()
}
