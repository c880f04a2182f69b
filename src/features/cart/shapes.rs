//! Carts as they are answered (SPEC 3, shapes).

use serde::Serialize;
use serde_json::{Value, json};

use super::model::{Shown, View, Warning};
use crate::http::Shape;
use crate::kernel::{Currency, Locale, Money};

#[derive(Serialize)]
pub(super) struct CartBody {
    token: Option<String>,
    items: Vec<ItemBody>,
    subtotal: String,
    currency: String,
    warnings: Vec<WarningBody>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemBody {
    id: String,
    product_id: String,
    name: String,
    unit_price: String,
    quantity: i64,
    options: Value,
    line_total: String,
    available: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WarningBody {
    item_id: String,
    code: &'static str,
    message: String,
}

/// A cart for a reader of this language.
pub(super) fn cart_body(view: &View, token: Option<String>, currency: Currency, locale: Locale) -> CartBody {
    let warning = |(id, warning): &(crate::kernel::CartItemId, Warning)| WarningBody {
        item_id: id.to_string(),
        code: warning.code(),
        message: message(*warning, currency, locale),
    };
    CartBody {
        token,
        items: view.items.iter().map(|item| item_body(item, currency, locale)).collect(),
        subtotal: Money::from_minor(view.subtotal, currency).to_string(),
        currency: currency.code().to_owned(),
        warnings: view.warnings.iter().map(warning).collect(),
    }
}

fn item_body(item: &Shown, currency: Currency, locale: Locale) -> ItemBody {
    let money = |minor| Money::from_minor(minor, currency).to_string();
    let (own, other) = match locale {
        Locale::En => (&item.name_en, &item.name_ar),
        Locale::Ar => (&item.name_ar, &item.name_en),
    };
    ItemBody {
        id: item.id.to_string(),
        product_id: item.product.to_string(),
        name: own.as_ref().or(other.as_ref()).cloned().unwrap_or_default(),
        unit_price: money(item.unit_price),
        quantity: item.quantity,
        options: item.options.clone().unwrap_or_else(|| json!({})),
        line_total: money(item.line_total),
        available: item.available,
    }
}

/// What a warning says, and what to do about it.
fn message(warning: Warning, currency: Currency, locale: Locale) -> String {
    let code = currency.code();
    let money = |minor| Money::from_minor(minor, currency).to_string();
    match (warning, locale) {
        (Warning::PriceChanged { before, now }, Locale::En) => {
            format!("The price is {} {code} now; it was {} {code}.", money(now), money(before))
        }
        (Warning::PriceChanged { before, now }, Locale::Ar) => {
            format!("تغيّر السعر: أصبح {} {code} بعد أن كان {} {code}.", money(now), money(before))
        }
        (Warning::OptionGone, Locale::En) => {
            "The chosen options are not offered like this any more. Choose again, or take the item out.".to_owned()
        }
        (Warning::OptionGone, Locale::Ar) => "لم تعد الخيارات المحددة متاحة. اختر من جديد أو احذف الصنف من السلة.".to_owned(),
        (Warning::NotAvailable, Locale::En) => "This is not sold at the moment. Take it out to order the rest.".to_owned(),
        (Warning::NotAvailable, Locale::Ar) => "هذا الصنف غير معروض للبيع حاليًا. احذفه من السلة لتطلب الباقي.".to_owned(),
        (Warning::SoldOut, Locale::En) => "This is sold out for now. Take it out, or order it later.".to_owned(),
        (Warning::SoldOut, Locale::Ar) => "نفدت الكمية حاليًا. احذف الصنف من السلة أو اطلبه لاحقًا.".to_owned(),
        (Warning::InsufficientStock { available }, Locale::En) => {
            format!("The cart asks for more of this than there is: {available} in all. Lower the quantity.")
        }
        (Warning::InsufficientStock { available }, Locale::Ar) => {
            format!("الكمية في السلة أكبر من المتوفر، والمتوفر منها {available}. خفّض الكمية.")
        }
        (Warning::QuantityOverLimit { most }, Locale::En) => {
            format!("An order may have at most {most} of this. Lower the quantity.")
        }
        (Warning::QuantityOverLimit { most }, Locale::Ar) => {
            format!("الحد الأقصى من هذا الصنف في الطلب الواحد هو {most}. خفّض الكمية.")
        }
    }
}

/// The shape of a cart.
pub(super) fn cart_shape() -> Shape {
    let text = || json!({ "type": "string" });
    let id = || json!({ "type": "string", "format": "uuid" });
    let schema = json!({
        "type": "object",
        "required": ["token", "items", "subtotal", "currency", "warnings"],
        "properties": {
            "token": { "type": ["string", "null"], "description": "Opens this cart: send it as `X-Cart-Token`, and as `cartToken` of an order. Null while there is no cart." },
            "items": { "type": "array", "items": {
                "type": "object",
                "required": ["id", "productId", "name", "unitPrice", "quantity", "options", "lineTotal", "available"],
                "properties": {
                    "id": id(), "productId": id(), "name": text(),
                    "unitPrice": { "type": "string", "description": "Of now; of an item that cannot be ordered as it is, the last one seen." },
                    "quantity": { "type": "integer", "minimum": 1 },
                    "options": { "type": "object", "description": "What was chosen, by the code of its option group." },
                    "lineTotal": { "type": "string", "description": "0 for an item that cannot be ordered as it is: it is not sold now, or its options no longer fit." },
                    "available": { "type": ["integer", "null"], "description": "Pieces that can be had now; null where stock is not counted." },
                },
                "additionalProperties": false,
            } },
            "subtotal": { "type": "string", "description": "The sum of the items' `lineTotal`, before delivery." },
            "currency": text(),
            "warnings": { "type": "array", "description": "What has changed since the items were put in, or stands against ordering them.", "items": {
                "type": "object",
                "required": ["itemId", "code", "message"],
                "properties": {
                    "itemId": id(),
                    "code": { "type": "string", "enum": Warning::CODES, "description": "Stable; `price_changed` does not stand against ordering, the others do." },
                    "message": { "type": "string", "description": "What it is and what to do, in the caller's language." },
                },
                "additionalProperties": false,
            } },
        },
        "additionalProperties": false,
    });
    let item = "01936f2a-7c11-7000-8000-0a1b2c3d4e31";
    let example = json!({
        "token": "Zk2pQ8n1vXc7RtY0aLs3Dw5eHb9uJi4oMg6fNkPqTrE",
        "items": [{
            "id": item, "productId": "01936f2a-7c11-7000-8000-0a1b2c3d4e01", "name": "Maamoul",
            "unitPrice": "1.250", "quantity": 2, "options": { "filling": "dates" }, "lineTotal": "2.500", "available": 38,
        }],
        "subtotal": "2.500", "currency": "JOD",
        "warnings": [{ "itemId": item, "code": "price_changed", "message": "The price is 1.250 JOD now; it was 1.100 JOD." }],
    });
    Shape::named("Cart", schema, example)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_warning_is_told_in_both_languages_and_has_its_code_in_the_schema() {
        let all = [
            Warning::PriceChanged { before: 1_000, now: 1_250 },
            Warning::OptionGone,
            Warning::NotAvailable,
            Warning::SoldOut,
            Warning::InsufficientStock { available: 3 },
            Warning::QuantityOverLimit { most: 5 },
        ];
        assert_eq!(all.map(Warning::code), Warning::CODES);
        for warning in all {
            let [en, ar] = [Locale::En, Locale::Ar].map(|locale| message(warning, Currency::JOD, locale));
            assert!(en.is_ascii() && !ar.is_ascii() && en.ends_with('.') && ar.ends_with('.'), "{en} / {ar}");
        }
        assert!(message(all[0], Currency::JOD, Locale::Ar).contains("1.250 JOD"));
    }
}
