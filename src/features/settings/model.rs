//! The settings and their defaults (SPEC 10).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rules::OpeningHours;
use crate::config;
use crate::kernel::time::span::DAY_MS;
use crate::kernel::{
    Currency, Fault, Locale, Money, PaymentMethod, Result, ShopFormat, ShopZone, TimeOfDay, UtcMs, Version, Weekday,
    calling_codes,
};

/// Section `shop`, as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ShopSettings {
    pub name: String,
    pub locale: String,
    pub currency: String,
    pub time_zone: String,
    pub first_weekday: String,
    /// E.164.
    pub phone: Option<String>,
    /// Where customers find the shop: free lines.
    pub address: Option<String>,
    /// Where customers send a transfer: the account or alias and its owner, in free lines.
    pub transfer_details: Option<String>,
}

impl Default for ShopSettings {
    fn default() -> ShopSettings {
        ShopSettings {
            name: "EL-Bayader".to_owned(),
            locale: "en".to_owned(),
            currency: "JOD".to_owned(),
            time_zone: "Asia/Amman".to_owned(),
            first_weekday: "sunday".to_owned(),
            phone: None,
            address: None,
            transfer_details: None,
        }
    }
}

impl ShopSettings {
    /// Takes what the keeper's configuration says.
    pub(super) fn take_over(&mut self, config: &config::Shop) {
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
            Weekday::from(weekday).code().clone_into(&mut self.first_weekday);
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
    pub(super) fn take_over(&mut self, config: &config::Orders) {
        self.hold_minutes = config.hold_minutes.unwrap_or(self.hold_minutes);
        self.confirm_cash = config.confirm_cash.unwrap_or(self.confirm_cash);
        self.cash_hold_hours = config.cash_hold_hours.unwrap_or(self.cash_hold_hours);
        self.prices_include_tax = config.prices_include_tax.unwrap_or(self.prices_include_tax);
    }
}

/// Section `paymentMethods`, as it is stored: whether a method is on.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MethodSettings(BTreeMap<String, bool>);

impl MethodSettings {
    pub(super) fn set(&mut self, method: PaymentMethod, on: bool) {
        self.0.insert(method.code().to_owned(), on);
    }

    /// These with what `new` says of the ways to pay that there are. A gateway that is away just now stays as it was decided, and what
    /// is said as it is changes nothing.
    pub(super) fn replaced_by(&self, new: &MethodSettings, gateways: &[PaymentMethod]) -> MethodSettings {
        let mut after = self.clone();
        for method in PaymentMethod::OFFLINE.into_iter().chain(gateways.iter().copied()) {
            if new.is_on(method) != self.is_on(method) {
                after.set(method, new.is_on(method));
            }
        }
        after
    }

    /// Whether the owner has it on. Of what they have not decided, a transfer is off, because it needs their account's name; a gateway
    /// that the keeper has configured is on.
    #[must_use]
    pub fn is_on(&self, method: PaymentMethod) -> bool {
        self.0.get(method.code()).copied().unwrap_or(method != PaymentMethod::TRANSFER)
    }
}

/// Section `messages`, as it is stored: times by the shop's own clock.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MessageSettings {
    /// When admins are told how the day went; `None`: never.
    pub daily_summary_at: Option<TimeOfDay>,
    /// From here until `quiet_until` no promotion is sent; where both are the same time, it is never quiet.
    pub quiet_from: TimeOfDay,
    pub quiet_until: TimeOfDay,
}

impl Default for MessageSettings {
    fn default() -> MessageSettings {
        MessageSettings {
            daily_summary_at: Some(TimeOfDay::from_minutes(21 * 60 + 30)),
            quiet_from: TimeOfDay::from_minutes(21 * 60),
            quiet_until: TimeOfDay::from_minutes(9 * 60),
        }
    }
}

impl MessageSettings {
    /// When it stops to be quiet; `None` if it is not quiet at `now`.
    #[must_use]
    pub fn quiet_until(&self, now: UtcMs, zone: &ShopZone) -> Option<UtcMs> {
        let last = |time| zone.last(time, now).map(|(_, moment)| moment);
        let is_quiet = self.quiet_from != self.quiet_until && last(self.quiet_from) > last(self.quiet_until);
        if is_quiet { zone.next(self.quiet_until, now) } else { None }
    }
}

/// Section `retention`, as it is stored: after how many days what is kept for a time goes (SPEC 5).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RetentionSettings {
    /// Sessions that were left alone, or are over.
    pub session_days: u32,
    /// Guests' carts, from their last change.
    pub cart_days: u32,
    /// Gateways' messages as they came, from when they were handled.
    pub provider_body_days: u32,
    /// What was written to whom, from when the message was queued.
    pub message_body_days: u32,
    /// Rows of jobs that ended.
    pub done_job_days: u32,
    /// Whose an order was, from the person's last order.
    pub order_person_days: u32,
}

impl Default for RetentionSettings {
    fn default() -> RetentionSettings {
        RetentionSettings {
            session_days: 90,
            cart_days: 30,
            provider_body_days: 90,
            message_body_days: 180,
            done_job_days: 14,
            order_person_days: 3 * 365,
        }
    }
}

impl RetentionSettings {
    /// The moment so many days before `now`: what is older goes.
    #[must_use]
    pub fn before(now: UtcMs, days: u32) -> UtcMs {
        now.plus_ms(-i64::from(days) * DAY_MS)
    }
}

/// All sections, as they are stored and as an event tells them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sections {
    pub shop: ShopSettings,
    pub orders: OrderSettings,
    pub hours: OpeningHours,
    pub payment_methods: MethodSettings,
    pub messages: MessageSettings,
    pub retention: RetentionSettings,
    pub version: Version,
}

/// All settings, with the formats that follow from them.
#[derive(Clone, Debug)]
pub struct Settings {
    pub shop: ShopSettings,
    pub orders: OrderSettings,
    pub hours: OpeningHours,
    pub methods: MethodSettings,
    pub messages: MessageSettings,
    pub retention: RetentionSettings,
    /// One over all sections; it grows by one with each change.
    pub version: Version,
    pub format: Arc<ShopFormat>,
}

impl Settings {
    pub(super) fn from_sections(sections: Sections) -> Result<Settings> {
        let Sections { shop, orders, hours, payment_methods, messages, retention, version } = sections;
        let unknown =
            |what: &str, value: &str| Fault::because(format!("the settings hold a {what} that is not known: {value}"));
        let format = ShopFormat {
            currency: Currency::from_code(&shop.currency).ok_or_else(|| unknown("currency", &shop.currency))?,
            zone: ShopZone::named(&shop.time_zone).ok_or_else(|| unknown("time zone", &shop.time_zone))?,
            calling_code: calling_codes::of_zone(&shop.time_zone),
            locale: Locale::from_code(&shop.locale).ok_or_else(|| unknown("language", &shop.locale))?,
            gateways: [].into(),
        };
        Ok(Settings { shop, orders, hours, methods: payment_methods, messages, retention, version, format: Arc::new(format) })
    }

    /// The same settings in a shop that has these gateways.
    #[must_use]
    pub(super) fn with_gateways(self, gateways: &Arc<[PaymentMethod]>) -> Settings {
        let format = ShopFormat { gateways: Arc::clone(gateways), ..(*self.format).clone() };
        Settings { format: Arc::new(format), ..self }
    }

    /// Whether orders can be paid so: there is the gateway it needs, the owner has it on, and for a transfer has said where to.
    #[must_use]
    pub fn offers(&self, method: PaymentMethod) -> bool {
        let is_there = method.is_offline() || self.format.gateways.contains(&method);
        let has_place = method != PaymentMethod::TRANSFER || self.shop.transfer_details.is_some();
        is_there && has_place && self.methods.is_on(method)
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

/// What the keeper's file and variables decide: these keys win over the owner's word for as long as they stand there.
#[derive(Clone, Debug, Default)]
pub struct Keeper {
    shop: config::Shop,
    orders: config::Orders,
    fixed: Vec<Fixed>,
    gateways: Option<Arc<[PaymentMethod]>>,
}

/// A setting that the keeper decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fixed {
    /// Section and field, as in `shop.timeZone`.
    pub section: &'static str,
    pub field: &'static str,
    /// Where it is decided, for the owner.
    pub place: String,
}

/// The keys that an owner's setting has, and the setting's section and field.
const KEYS: &[(&str, &str, &str)] = &[
    ("shop.name", "shop", "name"),
    ("shop.locale", "shop", "locale"),
    ("shop.currency", "shop", "currency"),
    ("shop.time_zone", "shop", "timeZone"),
    ("shop.first_weekday", "shop", "firstWeekday"),
    ("orders.hold_minutes", "orders", "holdMinutes"),
    ("orders.confirm_cash", "orders", "confirmCash"),
    ("orders.cash_hold_hours", "orders", "cashHoldHours"),
    ("orders.prices_include_tax", "orders", "pricesIncludeTax"),
];

impl Keeper {
    /// What a configuration decides.
    #[must_use]
    pub fn of(config: &config::Config) -> Keeper {
        let fixed = KEYS.iter().filter_map(|(key, section, field)| {
            let place = match config.origin(key)? {
                // The folder is the machine's own business.
                config::Place::File { path, line } => {
                    let name = path.file_name().map_or_else(|| "the file".into(), |name| name.to_string_lossy());
                    line.map_or_else(|| format!("`{key}` in {name}"), |line| format!("`{key}` in {name}, line {line}"))
                }
                config::Place::Variable(name) | config::Place::Flag(name) => name.clone(),
                config::Place::Default => return None,
            };
            Some(Fixed { section, field, place })
        });
        Keeper { shop: config.shop.clone(), orders: config.orders.clone(), fixed: fixed.collect(), gateways: None }
    }

    /// With the gateways that the configuration has made.
    #[must_use]
    pub fn with_gateways(self, gateways: impl IntoIterator<Item = PaymentMethod>) -> Keeper {
        Keeper { gateways: Some(gateways.into_iter().collect()), ..self }
    }

    /// The ways to pay that have a gateway.
    #[must_use]
    pub fn gateways(&self) -> Arc<[PaymentMethod]> {
        self.gateways.clone().unwrap_or_default()
    }

    /// What is fixed, in the order of the settings.
    #[must_use]
    pub fn fixed(&self) -> &[Fixed] {
        &self.fixed
    }

    pub(super) fn decide_shop(&self, shop: &mut ShopSettings) {
        shop.take_over(&self.shop);
    }

    pub(super) fn decide_orders(&self, orders: &mut OrderSettings) {
        orders.take_over(&self.orders);
    }
}
