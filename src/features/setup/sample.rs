//! The sample bakery: 68 products in both languages, at prices that look at home in the shop's currency.
//!
//! The file is in Jordanian dinars. Elsewhere each amount is multiplied by the currency's factor and rounded to the step that prices
//! there move in: whole numbers throughout. The factors are what a loaf costs, not what a bank pays; the owner sets the prices anyway.

use serde_json::Value;

use crate::features::catalog::{self, Parsed};
use crate::kernel::{Currency, Fault, Money, Result, ShopFormat};

/// 68 products in both languages.
const MENU: &[u8] = include_bytes!("../../../assets/sample/menu.csv");

/// How prices of a currency are made from thousandths of a dinar.
#[derive(Clone, Copy)]
struct Fit {
    /// Minor units for each dinar.
    per_dinar: i64,
    /// Minor units that prices are multiples of.
    step: i64,
}

/// Minor units a dinar, and the step, by code.
#[rustfmt::skip]
const FITS: &[(&str, Fit)] = &[
    ("JOD", Fit { per_dinar: 1_000,      step: 1 }),
    ("SAR", Fit { per_dinar: 500,        step: 25 }),
    ("AED", Fit { per_dinar: 500,        step: 25 }),
    ("QAR", Fit { per_dinar: 500,        step: 25 }),
    ("KWD", Fit { per_dinar: 430,        step: 25 }),
    ("BHD", Fit { per_dinar: 530,        step: 25 }),
    ("OMR", Fit { per_dinar: 540,        step: 25 }),
    ("IQD", Fit { per_dinar: 1_800_000,  step: 250_000 }),
    ("SYP", Fit { per_dinar: 1_600_000,  step: 50_000 }),
    ("LBP", Fit { per_dinar: 12_600_000, step: 500_000 }),
    ("ILS", Fit { per_dinar: 500,        step: 50 }),
    ("YER", Fit { per_dinar: 75_000,     step: 5_000 }),
    ("EGP", Fit { per_dinar: 4_000,      step: 100 }),
    ("SDG", Fit { per_dinar: 85_000,     step: 5_000 }),
    ("LYD", Fit { per_dinar: 7_000,      step: 250 }),
    ("TND", Fit { per_dinar: 3_000,      step: 50 }),
    ("DZD", Fit { per_dinar: 15_000,     step: 500 }),
    ("MAD", Fit { per_dinar: 1_000,      step: 50 }),
    ("MRU", Fit { per_dinar: 5_000,      step: 500 }),
    ("SOS", Fit { per_dinar: 80_000,     step: 50_000 }),
    ("DJF", Fit { per_dinar: 250,        step: 10 }),
    ("KMF", Fit { per_dinar: 600,        step: 25 }),
    ("USD", Fit { per_dinar: 200,        step: 25 }),
    ("EUR", Fit { per_dinar: 180,        step: 10 }),
    ("GBP", Fit { per_dinar: 150,        step: 10 }),
    ("TRY", Fit { per_dinar: 4_000,      step: 250 }),
];

impl Fit {
    fn of(currency: Currency) -> Fit {
        let known = FITS.iter().find(|(code, _)| *code == currency.code()).map(|(_, fit)| *fit);
        known.unwrap_or_else(|| Fit::by_digits(currency.digits()))
    }

    /// Of a currency about which nothing is known: a currency without decimals counts in hundreds where another counts in units.
    const fn by_digits(digits: u8) -> Fit {
        match digits {
            0 => Fit { per_dinar: 200, step: 10 },
            3 => Fit { per_dinar: 1_000, step: 50 },
            _ => Fit { per_dinar: 200, step: 5 },
        }
    }

    /// The amount in minor units, rounded to the nearest step. What costs something costs a step at least.
    fn minor(self, dinar_thousandths: i64) -> i64 {
        let exact_thousandths = dinar_thousandths * self.per_dinar;
        let step_thousandths = self.step * 1_000;
        let steps = (2 * exact_thousandths.abs() + step_thousandths) / (2 * step_thousandths);
        let steps = if exact_thousandths == 0 { 0 } else { steps.max(1) };
        exact_thousandths.signum() * steps * self.step
    }
}

/// What the sample's first product costs in a currency: how prices look there.
#[must_use]
pub fn price_like(currency: Currency) -> Money {
    /// Thousandths of a dinar: the flatbread.
    const FLATBREAD: i64 = 350;
    Money::from_minor(Fit::of(currency).minor(FLATBREAD), currency)
}

/// The sample menu, ready to be brought into a shop of this format.
///
/// # Errors
/// A fault: the file lies in the binary.
pub fn menu(format: &ShopFormat) -> Result<Parsed> {
    let csv = menu_in(format.currency)?;
    catalog::parse(&csv, format).map_err(|faults| {
        let first = faults.first().map(ToString::to_string).unwrap_or_default();
        Fault::because(format!("the sample menu cannot be read in {}: {first}", format.currency.code())).into()
    })
}

/// The sample menu as a CSV file of this currency.
///
/// # Errors
/// A fault.
pub fn menu_in(currency: Currency) -> Result<Vec<u8>> {
    let mut reader = csv::Reader::from_reader(MENU);
    let header = reader.headers().map_err(Fault::new)?.clone();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).map_err(Fault::new)?;
    for row in reader.records() {
        let row = row.map_err(Fault::new)?;
        let cells = header.iter().zip(row.iter()).map(|(column, cell)| match column {
            "price" => amount(cell, currency),
            "currency" => Ok(currency.code().to_owned()),
            "options" if !cell.is_empty() => options(cell, currency),
            _ => Ok(cell.to_owned()),
        });
        writer.write_record(cells.collect::<Result<Vec<_>>>()?).map_err(Fault::new)?;
    }
    Ok(writer.into_inner().map_err(|error| Fault::because(error.to_string()))?)
}

fn amount(dinars: &str, currency: Currency) -> Result<String> {
    let money = Currency::JOD.parse_signed(dinars).map_err(Fault::new)?;
    Ok(Money::from_minor(Fit::of(currency).minor(money.minor()), currency).to_string())
}

fn options(cell: &str, currency: Currency) -> Result<String> {
    let mut groups: Value = serde_json::from_str(cell).map_err(Fault::new)?;
    let choices = groups.as_array_mut().into_iter().flatten().filter_map(|group| group.get_mut("choices")?.as_array_mut());
    for choice in choices.flatten() {
        if let Some(delta) = choice.get_mut("priceDelta") {
            *delta = amount(delta.as_str().unwrap_or_default(), currency)?.into();
        }
    }
    Ok(groups.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Locale, ShopZone};

    fn format(currency: Currency) -> ShopFormat {
        let zone = ShopZone::named("Asia/Amman").expect("known");
        ShopFormat { currency, zone, calling_code: Some("962"), locale: Locale::Ar, gateways: [].into() }
    }

    fn column(csv: &[u8], name: &str) -> Vec<String> {
        let mut reader = csv::Reader::from_reader(csv);
        let at = reader.headers().expect("a header").iter().position(|column| column == name).expect("the column");
        reader.records().map(|row| row.expect("a row")[at].to_owned()).collect()
    }

    #[test]
    fn at_home_the_menu_is_as_it_was_written() {
        let csv = menu_in(Currency::JOD).expect("a menu");
        for name in ["sku", "category_name_en", "category_name_ar", "price", "currency", "name_ar", "stock"] {
            assert_eq!(column(&csv, name), column(MENU, name));
        }
        let deltas = |csv: &[u8]| -> Vec<Value> {
            let options = column(csv, "options");
            options.iter().filter(|cell| !cell.is_empty()).map(|cell| serde_json::from_str(cell).expect("JSON")).collect()
        };
        assert_eq!(deltas(&csv), deltas(MENU));
    }

    #[test]
    fn every_currency_has_a_menu_whose_prices_move_in_its_step_and_keep_their_order() {
        let dinars: Vec<i64> =
            column(MENU, "price").iter().map(|price| Currency::JOD.parse(price).expect("a price").minor()).collect();
        for code in Currency::codes() {
            let currency = Currency::from_code(code).expect("known");
            let fit = Fit::of(currency);
            assert_eq!(menu(&format(currency)).expect("a menu").len(), 68, "{code}");
            let csv = menu_in(currency).expect("a menu");
            let prices = column(&csv, "price");
            let prices: Vec<i64> = prices.iter().map(|price| currency.parse(price).expect("a price").minor()).collect();
            assert!(prices.iter().all(|price| *price > 0 && price % fit.step == 0), "{code}: {prices:?}");
            let mut by_dinars: Vec<_> = dinars.iter().zip(&prices).collect();
            assert_eq!(price_like(currency).minor(), prices[0], "{code}");
            by_dinars.sort_unstable();
            assert!(by_dinars.is_sorted_by_key(|(_, price)| **price), "{code}");
        }
    }

    #[test]
    fn amounts_are_rounded_to_the_nearest_step_and_never_to_nothing() {
        let show = |code, dinars| amount(dinars, Currency::from_code(code).expect("known")).expect("an amount");
        assert_eq!(show("SAR", "0.350"), "1.75");
        assert_eq!(show("KWD", "0.350"), "0.150");
        assert_eq!(show("IQD", "0.350"), "750.000");
        assert_eq!(show("IQD", "0.010"), "250.000");
        assert_eq!(show("JPY", "0.350"), "70");
        assert_eq!(show("USD", "95.000"), "190.00");
        assert_eq!(show("EGP", "-0.350"), "-14.00");
        assert_eq!(show("EUR", "0.000"), "0.00");
    }
}
