//! Decisions about carts, pure: what a line costs and warns of now, which lines are the same, how two carts become one.

use std::collections::HashMap;

use serde_json::Value;

use super::model::{Line, Offer, Offers, Shown, View, Warning};
use crate::features::catalog;
use crate::kernel::time::span::DAY_MS;
use crate::kernel::{At, CartItemId, Faults, Pieces, ProductId, ShopFormat, UtcMs};

/// A guest's cart ends so long after its last change (SPEC 4).
const GUESTS_LIFE_MS: i64 = 30 * DAY_MS;

/// A guest's cart that was last changed then, or before, has ended.
pub(super) fn ended_before(now: UtcMs) -> UtcMs {
    now.plus_ms(-GUESTS_LIFE_MS)
}

/// What a line costs now; `None` if its options no longer fit its product.
pub(super) fn price(line: &Line, offer: &Offer, shop: &ShopFormat) -> Option<catalog::Priced> {
    let mut faults = Faults::new(shop);
    catalog::price(&offer.product, line.options.as_ref(), line.quantity, &At::Root, &mut faults)
}

/// A line's options as its product's groups order them now, so that equal choices are equal; as they were kept where they no
/// longer fit.
pub(super) fn normal(line: &Line, offer: Option<&Offer>, shop: &ShopFormat) -> Option<Value> {
    match offer.and_then(|offer| price(line, offer, shop)) {
        Some(priced) => priced.chosen.options.map(Value::Object),
        None => line.options.clone(),
    }
}

/// How many pieces of a product lie in a cart, over all its lines.
pub(super) fn pieces(lines: &[Line], product: ProductId) -> Pieces {
    lines.iter().filter(|line| line.product == product).map(|line| line.quantity).sum()
}

/// The cart as it stands now. Nothing is counted for what cannot be ordered as it is: hidden, or with options that no longer fit.
pub(super) fn look(lines: Vec<Line>, offers: &Offers, shop: &ShopFormat) -> View {
    let mut view = View::default();
    // As an order takes its lines, one after the other.
    let mut left: HashMap<ProductId, Pieces> = HashMap::new();
    let totals: HashMap<ProductId, Pieces> = lines.iter().map(|line| (line.product, pieces(&lines, line.product))).collect();
    for line in lines {
        let offer = offers.get(&line.product);
        let shown = match offer.filter(|offer| offer.product.is_active) {
            None => gone(line, offer, &mut view.warnings),
            Some(offer) => {
                let left = left.entry(line.product).or_insert(offer.available.unwrap_or(Pieces::MAX));
                let total = totals.get(&line.product).copied().unwrap_or(line.quantity);
                offered(line, offer, left, total, shop, &mut view.warnings)
            }
        };
        view.subtotal = view.subtotal.saturating_add(shown.line_total);
        view.items.push(shown);
    }
    view
}

/// A line whose product is not sold now.
fn gone(line: Line, offer: Option<&Offer>, warnings: &mut Vec<(CartItemId, Warning)>) -> Shown {
    warnings.push((line.id, Warning::NotAvailable));
    let names = offer.map(|offer| (offer.product.name_en.clone(), offer.product.name_ar.clone()));
    let (name_en, name_ar) = names.unwrap_or_default();
    Shown {
        id: line.id,
        product: line.product,
        name_en,
        name_ar,
        quantity: line.quantity,
        options: line.options,
        unit_price: line.seen_minor,
        line_total: 0,
        available: Some(0),
    }
}

fn offered(
    line: Line,
    offer: &Offer,
    left: &mut Pieces,
    total: Pieces,
    shop: &ShopFormat,
    warnings: &mut Vec<(CartItemId, Warning)>,
) -> Shown {
    let mut warn = |warning| warnings.push((line.id, warning));
    let priced = price(&line, offer, shop);
    match &priced {
        None => warn(Warning::OptionGone),
        Some(priced) if priced.unit_price != line.seen_minor => {
            warn(Warning::PriceChanged { before: line.seen_minor, now: priced.unit_price });
        }
        Some(_) => {}
    }
    let most = offer.product.most_per_order();
    if total > most {
        warn(Warning::QuantityOverLimit { most });
    }
    match offer.available {
        Some(available) if available <= 0 => warn(Warning::SoldOut),
        Some(available) if line.quantity > *left => warn(Warning::InsufficientStock { available }),
        _ => *left -= line.quantity,
    }
    let (options, unit_price, line_total) = match priced {
        Some(priced) => (priced.chosen.options.map(Value::Object), priced.unit_price, priced.line_total),
        None => (line.options, line.seen_minor, 0),
    };
    Shown {
        id: line.id,
        product: line.product,
        name_en: offer.product.name_en.clone(),
        name_ar: offer.product.name_ar.clone(),
        quantity: line.quantity,
        options,
        unit_price,
        line_total,
        available: offer.available,
    }
}

/// What a line becomes when two carts are merged.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Merged {
    /// A line that is there gets this quantity.
    More { id: CartItemId, quantity: Pieces },
    /// A line of the other cart comes in.
    New(Line),
}

/// Merges a guest's lines into an account's (SPEC 4): quantities of equal lines add. What an order could not have is left out:
/// pieces above a product's most, and lines above `most_lines`. A line that is there already is never made smaller.
pub(super) fn merge(own: &[Line], guests: Vec<Line>, offers: &Offers, most_lines: usize, shop: &ShopFormat) -> Vec<Merged> {
    let mut lines = own.to_vec();
    let mut merged = Vec::new();
    for mut line in guests {
        let offer = offers.get(&line.product);
        let room = offer.map_or(0, |offer| offer.product.most_per_order() - pieces(&lines, line.product));
        line.quantity = line.quantity.min(room);
        if line.quantity < 1 {
            continue;
        }
        let options = normal(&line, offer, shop);
        let same = lines.iter().position(|own| own.product == line.product && normal(own, offer, shop) == options);
        match same {
            Some(same) => {
                lines[same].quantity += line.quantity;
                merged.push(Merged::More { id: lines[same].id, quantity: lines[same].quantity });
            }
            None if lines.len() < most_lines => {
                lines.push(line.clone());
                merged.push(Merged::New(line));
            }
            None => {}
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::features::catalog::{Choice, ForSale, OptionGroup, Words};
    use crate::kernel::{Currency, Locale, ShopZone};

    fn shop() -> ShopFormat {
        let zone = ShopZone::named("Asia/Amman").expect("known");
        ShopFormat { currency: Currency::JOD, zone, calling_code: Some("962"), locale: Locale::En, gateways: [].into() }
    }

    fn product(n: u128) -> ProductId {
        ProductId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn line(id: u128, product_n: u128, quantity: i64, options: Option<Value>) -> Line {
        let id = CartItemId::from_uuid(uuid::Uuid::from_u128(id));
        Line { id, product: product(product_n), quantity, options, seen_minor: 1_000 }
    }

    fn flavors(codes: &[&str]) -> OptionGroup {
        let words = Words { en: Some("Flavors".to_owned()), ar: None };
        let choice = |code: &&str| Choice { code: (*code).to_owned(), name: words.clone(), delta_minor: 0 };
        OptionGroup {
            code: "flavors".to_owned(),
            name: words.clone(),
            required: false,
            min: 0,
            max: 3,
            text: None,
            choices: codes.iter().map(choice).collect(),
        }
    }

    fn offer(n: u128, available: Option<Pieces>) -> Offer {
        let product = ForSale {
            id: product(n),
            sku: format!("P{n}"),
            name_en: Some("Bread".to_owned()),
            name_ar: None,
            price_minor: 1_000,
            option_groups: vec![flavors(&["vanilla", "lotus"])],
            tax_rate_bp: 0,
            lead_time_hours: 0,
            max_per_order: Some(10),
            track_stock: available.is_some(),
            is_active: true,
        };
        Offer { product, available }
    }

    fn offers(all: Vec<Offer>) -> Offers {
        all.into_iter().map(|offer| (offer.product.id, offer)).collect()
    }

    fn codes(view: &View) -> Vec<(u128, &'static str)> {
        view.warnings.iter().map(|(id, warning)| (id.uuid().as_u128(), warning.code())).collect()
    }

    #[test]
    fn lines_of_one_product_share_what_is_left() {
        let lines = vec![line(1, 1, 4, None), line(2, 1, 3, Some(json!({ "flavors": ["lotus"] }))), line(3, 1, 1, None)];
        let view = look(lines, &offers(vec![offer(1, Some(5))]), &shop());
        assert_eq!(codes(&view), [(2, "insufficient_stock")]);
        assert_eq!(view.subtotal, 8_000);
    }

    #[test]
    fn what_cannot_be_ordered_counts_nothing() {
        let mut hidden = offer(2, Some(5));
        hidden.product.is_active = false;
        let lines = vec![line(1, 1, 1, Some(json!({ "size": "large" }))), line(2, 2, 1, None), line(3, 3, 1, None)];
        let view = look(lines, &offers(vec![offer(1, Some(5)), hidden]), &shop());
        assert_eq!(codes(&view), [(1, "option_gone"), (2, "not_available"), (3, "not_available")]);
        assert_eq!((view.subtotal, view.items.len()), (0, 3));
    }

    #[test]
    fn a_changed_price_a_lowered_limit_and_an_empty_shelf_are_told() {
        let mut dearer = offer(1, Some(0));
        dearer.product.price_minor = 1_250;
        dearer.product.max_per_order = Some(1);
        let view = look(vec![line(1, 1, 2, None)], &offers(vec![dearer]), &shop());
        assert_eq!(codes(&view), [(1, "price_changed"), (1, "quantity_over_limit"), (1, "sold_out")]);
        assert_eq!(view.subtotal, 2_500);
        let view = look(vec![line(1, 1, 2, None)], &offers(vec![offer(1, None)]), &shop());
        assert_eq!((codes(&view), view.items[0].available), (Vec::new(), None));
    }

    #[test]
    fn equal_choices_are_equal_in_any_order_they_were_kept_in() {
        let own = [line(1, 1, 2, Some(json!({ "flavors": ["lotus", "vanilla"] })))];
        let guests = vec![line(9, 1, 3, Some(json!({ "flavors": ["vanilla", "lotus"] })))];
        let merged = merge(&own, guests, &offers(vec![offer(1, None)]), 100, &shop());
        assert_eq!(merged, [Merged::More { id: own[0].id, quantity: 5 }]);
    }

    fn any_lines(first_id: u128) -> impl Strategy<Value = Vec<Line>> {
        let options = prop_oneof![Just(None), Just(Some(json!({ "flavors": ["lotus"] }))), Just(Some(json!({ "size": "x" })))];
        // No two lines of a cart are equal.
        proptest::collection::btree_map((0_u128..3, 0_u8..3), (1_i64..12, options), 0..6).prop_map(move |all| {
            let mut lines: Vec<Line> = Vec::new();
            for (index, ((product_n, _), (quantity, options))) in all.into_iter().enumerate() {
                let new = line(first_id + index as u128, product_n, quantity, options);
                if !lines.iter().any(|line| (line.product, &line.options) == (new.product, &new.options)) {
                    lines.push(new);
                }
            }
            lines
        })
    }

    proptest! {
        /// Merging adds and caps: nothing gets smaller, nothing is made up, and no line stands twice.
        #[test]
        fn merging_adds_and_caps(own in any_lines(1), guests in any_lines(100), most_lines in 1_usize..8) {
            let (shop, offers) = (shop(), offers((0..3).map(|n| offer(n, None)).collect()));
            let mut lines = own.clone();
            for merged in merge(&own, guests.clone(), &offers, most_lines, &shop) {
                match merged {
                    Merged::More { id, quantity } => {
                        let line = lines.iter_mut().find(|line| line.id == id).expect("it is there");
                        prop_assert!(quantity > line.quantity);
                        line.quantity = quantity;
                    }
                    Merged::New(line) => lines.push(line),
                }
            }
            prop_assert!(lines.len() <= most_lines.max(own.len()));
            for n in 0..3 {
                let (before, theirs, after) = (pieces(&own, product(n)), pieces(&guests, product(n)), pieces(&lines, product(n)));
                prop_assert!(after <= before.max(10), "{} of {}", after, n);
                let dropped = lines.len() >= most_lines;
                prop_assert!(after == (before + theirs).min(before.max(10)) || dropped, "{} + {} = {}", before, theirs, after);
            }
            for (index, one) in lines.iter().enumerate() {
                prop_assert!(!lines[..index].iter().any(|other| (other.product, &other.options) == (one.product, &one.options)));
            }
        }
    }
}
