//! `/admin/settings`.

mod upkeep;

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::model::MethodSettings;
use super::replace::{OrdersDraft, Replace, ShopDraft};
use super::{Keeper, MessageSettings, Minute, OpeningHours, RetentionSettings, Settings, Window, WindowFault, problems};
use crate::features::AppState;
use crate::http::input::{Fields, FromJson, Input, wrong_type};
use crate::http::{Answer, Body, Context, Link, Route, Shape, etag, respond};
use crate::kernel::problem::kinds;
use crate::kernel::text::{Lines, fold_digits};
use crate::kernel::{
    At, Currency, Faults, Locale, Money, Name, PaymentMethod, Phone, Problem, Result, SeenVersion, ShopZone, Weekday,
};

/// The most rows of the weekly table: ten a day.
const MOST_WINDOWS: usize = 70;

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    let settings = shape();
    vec![
        Route::get("/api/v1/admin/settings", get, "Read the shop's settings")
            .describe("`fixed` names what the server's configuration decides; that part cannot be changed here.")
            .tagged()
            .answers(200, "The settings", settings.clone())
            .links([replace_link()]),
        Route::put("/api/v1/admin/settings", put, "Replace the shop's settings; a section that is left out stays")
            .describe("They act at once. Send the version you have read, in `version` or as `If-Match`. What was read may be sent back whole.")
            .body::<SettingsBody>()
            .example("Delivery for 1.500, free from 20", json!({
                "orders": {
                    "holdMinutes": 30, "confirmCash": false, "cashHoldHours": 24, "pricesIncludeTax": true,
                    "deliveryFee": "1.500", "freeDeliveryFrom": "20.000",
                },
                "version": 4,
            }))
            .example("Opening hours", json!({
                "hours": [
                    { "weekday": "saturday", "opens": "06:00", "closes": "22:00" },
                    { "weekday": "friday", "opens": "14:00", "closes": "24:00" },
                ],
                "version": 4,
            }))
            .example("No daily summary, and messages forgotten after 90 days", json!({
                "messages": { "dailySummaryAt": null, "quietFrom": "21:00", "quietUntil": "09:00" },
                "retention": { "messageBodyDays": 90 },
                "version": 4,
            }))
            .conditional()
            .tagged()
            .answers(200, "The settings", settings)
            .links([replace_link()])
            .refuses(&[&problems::CURRENCY_IN_USE, &kinds::VERSION_CONFLICT]),
    ]
}

fn replace_link() -> Link {
    Link::to("replace", "PUT /api/v1/admin/settings", "Change them").body(json!({ "version": "$response.body#/version" }))
}

async fn get(State(shop): State<AppState>, context: Context) -> Answer {
    answer(&context, &shop.settings.get(), &shop.settings.keeper())
}

async fn put(State(shop): State<AppState>, context: Context, Body(body): Body<SettingsBody>) -> Answer {
    let seen = SeenVersion { if_match: etag::if_match(context.header("if-match"))?, in_body: body.version };
    let keeper = shop.settings.keeper();
    check_gateways(&shop, body.shop.as_ref())?;
    let command = Replace {
        shop: body.shop,
        orders: body.orders,
        hours: body.hours,
        methods: body.methods,
        messages: body.messages,
        retention: body.retention,
        seen,
        keeper: keeper.clone(),
    };
    answer(&context, &shop.db.write(command).await?, &keeper)
}

/// A shop whose currency one of its gateways lacks would not start again.
fn check_gateways(shop: &AppState, draft: Option<&ShopDraft>) -> Result<()> {
    let asked = draft.and_then(|draft| draft.currency.as_deref()).and_then(Currency::from_code);
    let Some(currency) = asked.filter(|currency| *currency != shop.settings.get().currency()) else { return Ok(()) };
    let Some(gateway) = shop.gateways.iter().find(|gateway| !gateway.takes(currency)) else { return Ok(()) };
    let code = gateway.method();
    let message = format!(
        "is not taken by {0}, through which the shop is paid; take the section payments.{0} out of the server's configuration first",
        code.code()
    );
    Err(Problem::field("shop.currency", "currency_not_supported", message).into())
}

fn answer(context: &Context, settings: &Settings, keeper: &Keeper) -> Answer {
    let amount = |minor| Money::from_minor(minor, settings.currency()).to_string();
    let (shop, orders) = (&settings.shop, &settings.orders);
    let methods: Map<String, Value> = PaymentMethod::OFFLINE
        .iter()
        .chain(keeper.gateways().iter())
        .map(|method| (method.code().to_owned(), settings.methods.is_on(*method).into()))
        .collect();
    let fixed: Vec<String> = keeper.fixed().iter().map(|fixed| format!("{}.{}", fixed.section, fixed.field)).collect();
    let body = json!({
        "shop": {
            "name": shop.name, "locale": shop.locale, "currency": shop.currency, "timeZone": shop.time_zone,
            "firstWeekday": shop.first_weekday, "phone": shop.phone, "address": shop.address,
            "transferDetails": shop.transfer_details,
        },
        "orders": {
            "holdMinutes": orders.hold_minutes, "confirmCash": orders.confirm_cash, "cashHoldHours": orders.cash_hold_hours,
            "pricesIncludeTax": orders.prices_include_tax, "deliveryFee": amount(orders.delivery_fee_minor),
            "freeDeliveryFrom": orders.free_delivery_from_minor.map(amount),
        },
        "hours": settings.hours,
        "paymentMethods": methods,
        "messages": settings.messages,
        "retention": settings.retention,
        "fixed": fixed,
        "version": settings.version,
    });
    respond::tagged(context, StatusCode::OK, settings.version, &body)
}

struct ShopBody(ShopDraft);

impl Input for ShopBody {
    const NAME: &'static str = "ShopSettings";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let name = fields.opt::<Name>("name").map(Name::into_string);
        let locale = fields.opt::<Locale>("locale").map(|locale| locale.code().to_owned());
        let currency = fields.opt_with("currency", currency_schema, read_currency);
        let time_zone = fields.opt_with("timeZone", zone_schema, read_zone);
        let first_weekday = fields.opt::<Weekday>("firstWeekday").map(|day| day.code().to_owned());
        let phone = fields.opt::<Phone>("phone").map(|phone| phone.as_str().to_owned());
        let address = fields.opt_text("address", Lines::Many, 1..=500);
        let transfer_details = fields.opt_text("transferDetails", Lines::Many, 1..=500);
        Some(ShopBody(ShopDraft { name, locale, currency, time_zone, first_weekday, phone, address, transfer_details }))
    }
}

/// The schema of a currency's code.
#[must_use]
pub fn currency_schema() -> Value {
    json!({ "type": "string", "enum": Currency::codes(), "example": "JOD",
        "description": "ISO 4217. It cannot change once there are products or orders." })
}

/// Reads a currency's code.
pub fn read_currency(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<String> {
    let Some(text) = value.as_str() else { return wrong_type(at, faults, "a text") };
    let known = Currency::from_code(text);
    if known.is_none() {
        faults.add(at, "unknown_value", "must be the three capital letters of a currency in use (ISO 4217), such as JOD");
    }
    known.map(|currency| currency.code().to_owned())
}

/// The schema of a time zone's name.
#[must_use]
pub fn zone_schema() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 64, "example": "Asia/Amman", "description": "IANA name." })
}

/// Reads a time zone's name.
pub fn read_zone(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<String> {
    let Some(text) = value.as_str() else { return wrong_type(at, faults, "a text") };
    let zone = ShopZone::named(text);
    let name = zone.as_ref().and_then(ShopZone::name);
    if name.is_none() {
        faults.add(at, "unknown_value", "must be the IANA name of a time zone, such as Asia/Amman");
    }
    name.map(str::to_owned)
}

/// The section without its amounts, which are read in the currency that stands beside it.
struct OrdersBody {
    hold_minutes: Option<u32>,
    confirm_cash: Option<bool>,
    cash_hold_hours: Option<u32>,
    prices_include_tax: Option<bool>,
}

impl Input for OrdersBody {
    const NAME: &'static str = "OrderSettings";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let whole = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
        let hold_minutes = whole(fields.opt_int("holdMinutes", 1..=1_440));
        let confirm_cash = fields.opt("confirmCash");
        let cash_hold_hours = whole(fields.opt_int("cashHoldHours", 1..=720));
        let prices_include_tax = fields.opt("pricesIncludeTax");
        for name in ["deliveryFee", "freeDeliveryFrom"] {
            fields.opt_with(name, Money::schema, |_, _, _| Some(()));
        }
        Some(OrdersBody { hold_minutes, confirm_cash, cash_hold_hours, prices_include_tax })
    }
}

fn read_orders(value: &Value, at: &At<'_>, faults: &mut Faults<'_>, currency: Currency) -> Option<OrdersDraft> {
    let body = OrdersBody::from_json(value, at, faults);
    let mut amount = |name: &str| {
        let sent = value.get(name).filter(|sent| !sent.is_null())?;
        read_amount(sent, &at.field(name), faults, currency)
    };
    let (delivery_fee, free_delivery_from) = (amount("deliveryFee"), amount("freeDeliveryFrom"));
    let body = body?;
    Some(OrdersDraft {
        hold_minutes: body.hold_minutes,
        confirm_cash: body.confirm_cash,
        cash_hold_hours: body.cash_hold_hours,
        prices_include_tax: body.prices_include_tax,
        delivery_fee_minor: delivery_fee.map_or(0, Money::minor),
        free_delivery_from_minor: free_delivery_from.map(Money::minor),
    })
}

fn read_amount(value: &Value, at: &At<'_>, faults: &mut Faults<'_>, currency: Currency) -> Option<Money> {
    let text = match value {
        Value::String(text) => fold_digits(text.trim()),
        Value::Number(number) => number.to_string(),
        _ => return wrong_type(at, faults, "an amount such as \"4.25\""),
    };
    currency.parse(&text).map_err(|fault| faults.add(at, "invalid_amount", fault.to_string())).ok()
}

impl Input for Window {
    const NAME: &'static str = "OpeningHours";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let weekday = fields.req("weekday");
        let opens = fields.req_with(
            "opens",
            || json!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "example": "07:30" }),
            |value, at, faults| read_minute(value, at, faults).filter(|minute| opens_the_day(*minute, at, faults)),
        );
        let closes = fields.req_with(
            "closes",
            || {
                json!({ "type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", "example": "21:00",
                    "description": "After `opens`, on the same day; 24:00 is the midnight at its end." })
            },
            read_minute,
        );
        Some(Window { weekday: weekday?, opens: opens?, closes: closes? })
    }
}

fn read_minute(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Minute> {
    let minute = value.as_str().and_then(|text| Minute::parse(&fold_digits(text)));
    if minute.is_none() {
        faults.add(at, "invalid_time", "must be a time of the day such as 07:30");
    }
    minute
}

fn opens_the_day(minute: Minute, at: &At<'_>, faults: &mut Faults<'_>) -> bool {
    if minute.is_end_of_day() {
        faults.add(at, "invalid_time", "must be before 24:00; the day after begins at 00:00");
    }
    !minute.is_end_of_day()
}

/// The ways to pay that need no gateway, then those that the keeper has configured one for.
fn methods_of(gateways: &[PaymentMethod]) -> impl Iterator<Item = PaymentMethod> {
    PaymentMethod::OFFLINE.into_iter().chain(gateways.iter().copied())
}

fn read_methods(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<MethodSettings> {
    let Some(sent) = value.as_object() else { return wrong_type(at, faults, "an object of ways to pay") };
    let gateways = Arc::clone(&faults.shop.gateways);
    let mut methods = MethodSettings::default();
    for (code, on) in sent {
        let Some(method) = methods_of(&gateways).find(|method| method.code() == code) else {
            let known: Vec<String> = methods_of(&gateways).map(|method| method.code().to_owned()).collect();
            let shown: String = code.chars().take(100).collect();
            let message = format!("is no way to pay that this shop has; those are {}", known.join(", "));
            faults.add(&at.field(&shown), "unknown_field", message);
            continue;
        };
        if !on.is_null()
            && let Some(on) = bool::from_json(on, &at.field(code), faults)
        {
            methods.set(method, on);
        }
    }
    Some(methods)
}

fn methods_schema() -> Value {
    let known: Map<String, Value> = PaymentMethod::OFFLINE
        .iter()
        .map(|method| (method.code().to_owned(), json!({ "type": ["boolean", "null"] })))
        .collect();
    json!({
        "type": "object",
        "description": METHODS_TOLD,
        "properties": known,
        "propertyNames": { "pattern": PaymentMethod::PATTERN },
        "additionalProperties": { "type": ["boolean", "null"] },
    })
}

/// `PUT /admin/settings`.
struct SettingsBody {
    shop: Option<ShopDraft>,
    orders: Option<OrdersDraft>,
    hours: Option<OpeningHours>,
    methods: Option<MethodSettings>,
    messages: Option<MessageSettings>,
    retention: Option<RetentionSettings>,
    version: Option<i64>,
}

impl Input for SettingsBody {
    const NAME: &'static str = "SettingsReplace";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let shop = fields.opt_with("shop", || told::<ShopBody>(SHOP_TOLD), ShopBody::from_json).map(|body| body.0);
        let named = shop.as_ref().and_then(|shop| shop.currency.as_deref()).and_then(Currency::from_code);
        let currency = named.or_else(|| fields.shop().map(|shop| shop.currency)).unwrap_or(Currency::JOD);
        let orders = fields.opt_with(
            "orders",
            || told::<OrdersBody>(ORDERS_TOLD),
            |value, at, faults| read_orders(value, at, faults, currency),
        );
        let hours = fields.opt_list::<Window>("hours", 0..=MOST_WINDOWS);
        let methods = fields.opt_with("paymentMethods", methods_schema, read_methods);
        let messages =
            fields.opt_with("messages", || told::<MessageSettings>(upkeep::MESSAGES_TOLD), MessageSettings::from_json);
        let retention =
            fields.opt_with("retention", || told::<RetentionSettings>(upkeep::RETENTION_TOLD), RetentionSettings::from_json);
        // What was read may be sent back whole; the list itself is the keeper's.
        fields.opt_with("fixed", fixed_schema, |value, at, faults| match value.as_array() {
            Some(names) if names.iter().all(Value::is_string) => Some(()),
            _ => wrong_type(at, faults, "the list that was read, or left out"),
        });
        let version = fields.opt_int("version", 1..=i64::MAX);
        let hours = hours.and_then(|rows| weekly_table(rows, fields));
        Some(SettingsBody { shop, orders, hours, methods, messages, retention, version })
    }
}

const SHOP_TOLD: &str =
    "Left out, the section stays. In a section that is there, phone and address go where they are left out; the rest stays.";
const ORDERS_TOLD: &str = "Left out, the section stays. In a section that is there, what is left out goes to its default.";
const METHODS_TOLD: &str = "By its code, whether a way to pay is on: cash, card_machine and transfer, and each gateway that the server has one for. Left out, the section stays. In a section that is there, what is left out goes to its default. A transfer is offered once shop.transferDetails says where to. With every method off, no order is taken.";

fn told<T: Input>(description: &str) -> Value {
    let mut schema = crate::http::input::schema_of::<T>();
    schema["description"] = description.into();
    schema
}

fn fixed_schema() -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "readOnly": true,
        "description": "What the server's configuration decides, as in shop.currency. It is not read." })
}

fn weekly_table(rows: Vec<Window>, fields: &mut Fields<'_, '_>) -> Option<OpeningHours> {
    match OpeningHours::new(rows) {
        Ok(hours) => Some(hours),
        Err(faults) => {
            for fault in faults {
                match fault {
                    WindowFault::ClosesFirst { row } => fields.fault(
                        &format!("hours[{row}].closes"),
                        "closes_first",
                        "must be after opens; hours past midnight are two rows, one until 24:00 and one from 00:00 of the next day",
                    ),
                    WindowFault::Overlaps { row, with } => fields.fault(
                        &format!("hours[{row}]"),
                        "overlaps",
                        format!("overlaps hours[{with}]; rows of a day may touch, not overlap"),
                    ),
                }
            }
            None
        }
    }
}

fn shape() -> Shape {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    let flag = || json!({ "type": "boolean" });
    let methods: Map<String, Value> = PaymentMethod::OFFLINE.iter().map(|method| (method.code().to_owned(), flag())).collect();
    let schema = json!({
        "type": "object",
        "required": ["shop", "orders", "hours", "paymentMethods", "messages", "retention", "fixed", "version"],
        "properties": {
            "shop": {
                "type": "object",
                "required": ["name", "locale", "currency", "timeZone", "firstWeekday", "phone", "address", "transferDetails"],
                "properties": {
                    "name": text(), "locale": text(), "currency": text(), "timeZone": text(), "firstWeekday": Weekday::schema(),
                    "phone": maybe(), "address": maybe(),
                    "transferDetails": { "type": ["string", "null"], "description": "Where customers send a transfer." },
                },
            },
            "orders": {
                "type": "object",
                "required": ["holdMinutes", "confirmCash", "cashHoldHours", "pricesIncludeTax", "deliveryFee", "freeDeliveryFrom"],
                "properties": {
                    "holdMinutes": { "type": "integer" }, "confirmCash": flag(), "cashHoldHours": { "type": "integer" },
                    "pricesIncludeTax": flag(), "deliveryFee": text(), "freeDeliveryFrom": maybe(),
                },
            },
            "hours": {
                "type": "array",
                "description": "The weekly table by the shop's own clock; without a row the shop is always open.",
                "items": {
                    "type": "object", "required": ["weekday", "opens", "closes"],
                    "properties": { "weekday": Weekday::schema(), "opens": text(), "closes": text() },
                },
            },
            "paymentMethods": {
                "type": "object", "required": PaymentMethod::OFFLINE, "properties": methods, "additionalProperties": flag(),
                "description": "Whether a way to pay is on, by its code: the three that need no gateway, and each gateway there is.",
            },
            "messages": upkeep::messages_schema(),
            "retention": upkeep::retention_schema(),
            "fixed": fixed_schema(),
            "version": { "type": "integer" },
        },
    });
    let example = json!({
        "shop": {
            "name": "Al-Bayader", "locale": "en", "currency": "JOD", "timeZone": "Asia/Amman", "firstWeekday": "sunday",
            "phone": "+96264000000", "address": "Rainbow Street 12, Amman",
            "transferDetails": "CliQ: BAYADER (Al-Bayader Bakery)",
        },
        "orders": {
            "holdMinutes": 30, "confirmCash": false, "cashHoldHours": 24, "pricesIncludeTax": true, "deliveryFee": "1.500",
            "freeDeliveryFrom": null,
        },
        "hours": [{ "weekday": "saturday", "opens": "06:00", "closes": "22:00" }],
        "paymentMethods": { "cash": true, "card_machine": true, "transfer": true, "stripe": true },
        "messages": MessageSettings::default(), "retention": RetentionSettings::default(),
        "fixed": ["shop.currency"], "version": 4,
    });
    Shape::named("Settings", schema, example)
}
