//! The settings and their defaults (SPEC 10).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::kernel::{Currency, Fault, Locale, Money, Result, ShopFormat, ShopZone, calling_codes};

/// Section `shop`, as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ShopSettings {
    pub name: String,
    pub locale: String,
    pub currency: String,
    pub time_zone: String,
    pub first_weekday: String,
}

impl Default for ShopSettings {
    fn default() -> ShopSettings {
        ShopSettings {
            name: "EL-Bayader".to_owned(),
            locale: "en".to_owned(),
            currency: "JOD".to_owned(),
            time_zone: "Asia/Amman".to_owned(),
            first_weekday: "sunday".to_owned(),
        }
    }
}

impl ShopSettings {
    /// Takes what the keeper's configuration says.
    pub(super) fn take_over(&mut self, config: &crate::config::Shop) {
        let take = |ours: &mut String, theirs: &Option<String>| {
            if let Some(theirs) = theirs {
                ours.clone_from(theirs);
            }
        };
        take(&mut self.name, &config.name);
        take(&mut self.locale, &config.locale);
        take(&mut self.currency, &config.currency);
        take(&mut self.time_zone, &config.time_zone);
        if let Some(weekday) = config.first_weekday {
            self.first_weekday = format!("{weekday:?}").to_ascii_lowercase();
        }
    }
}

/// Section `orders`, as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OrderSettings {
    pub hold_minutes: u32,
    pub confirm_cash: bool,
    pub cash_hold_hours: u32,
    pub prices_include_tax: bool,
    /// Minor units of the shop's currency.
    pub delivery_fee_minor: i64,
    /// Minor units; `None`: never free.
    pub free_delivery_from_minor: Option<i64>,
}

impl Default for OrderSettings {
    fn default() -> OrderSettings {
        OrderSettings {
            hold_minutes: 30,
            confirm_cash: false,
            cash_hold_hours: 24,
            prices_include_tax: true,
            delivery_fee_minor: 0,
            free_delivery_from_minor: None,
        }
    }
}

impl OrderSettings {
    pub(super) fn take_over(&mut self, config: &crate::config::Orders) {
        self.hold_minutes = config.hold_minutes.unwrap_or(self.hold_minutes);
        self.confirm_cash = config.confirm_cash.unwrap_or(self.confirm_cash);
        self.cash_hold_hours = config.cash_hold_hours.unwrap_or(self.cash_hold_hours);
        self.prices_include_tax = config.prices_include_tax.unwrap_or(self.prices_include_tax);
    }
}

/// All settings, with the formats that follow from them.
#[derive(Clone, Debug)]
pub struct Settings {
    pub shop: ShopSettings,
    pub orders: OrderSettings,
    pub format: Arc<ShopFormat>,
}

impl Settings {
    pub(super) fn from_sections(shop: ShopSettings, orders: OrderSettings) -> Result<Settings> {
        let unknown =
            |what: &str, value: &str| Fault::because(format!("the settings hold a {what} that is not known: {value}"));
        let format = ShopFormat {
            currency: Currency::from_code(&shop.currency).ok_or_else(|| unknown("currency", &shop.currency))?,
            zone: ShopZone::named(&shop.time_zone).ok_or_else(|| unknown("time zone", &shop.time_zone))?,
            calling_code: calling_codes::of_zone(&shop.time_zone),
            locale: Locale::from_code(&shop.locale).ok_or_else(|| unknown("language", &shop.locale))?,
        };
        Ok(Settings { shop, orders, format: Arc::new(format) })
    }

    #[must_use]
    pub fn currency(&self) -> Currency {
        self.format.currency
    }

    /// The flat fee of a delivery of goods worth so much (until zones exist).
    #[must_use]
    pub fn delivery_fee(&self, subtotal: Money) -> Money {
        let free = self.orders.free_delivery_from_minor.is_some_and(|from| subtotal.minor() >= from);
        Money::from_minor(if free { 0 } else { self.orders.delivery_fee_minor }, self.currency())
    }
}
