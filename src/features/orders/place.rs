//! Placing an order: priced, promised, numbered and written in one transaction, or refused whole.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::model::{Customer, Delivery, HoldState, Line, Order, Totals};
use super::open_guests::{self, GuestOrigin};
use super::rules::{self, Asked, NoTime, Open};
use super::{change_status, collect, expire, problems, sql};
use crate::db::{Command, WriteTx};
use crate::features::accounts;
use crate::features::cart;
use crate::features::catalog::{self, ForSale};
use crate::features::inventory;
use crate::features::money;
use crate::features::settings::Settings;
use crate::http::problem::not_found;
use crate::kernel::time::span::{HOUR_MS, MINUTE_MS};
use crate::kernel::{
    Actor, AddressId, At, CartId, Change, DomainEvent, Error, Fault, Faults, Fulfilment, Locale, Money, OrderId, OrderStatus,
    PaymentId, PaymentMethod, PaymentStatus, Problem, ProductId, Result, Source, UserId,
};
use crate::security::token::TokenHash;

/// One wanted line.
#[derive(Clone, Debug)]
pub struct Item {
    pub product: ProductId,
    pub quantity: i64,
    pub options: Option<Value>,
}

/// What is ordered.
pub enum Wanted {
    Items(Vec<Item>),
    /// What lies in the cart of this token; the order empties it.
    Cart(TokenHash),
}

/// Takes an order.
pub struct PlaceOrder {
    pub wanted: Wanted,
    /// Who it is for; `None`: the account that orders, or that staff name.
    pub customer: Option<Customer>,
    pub account: Option<UserId>,
    /// The language that the request asks for; an account has its own, and at the counter the shop's is spoken.
    pub locale: Locale,
    pub fulfilment: Fulfilment,
    pub delivery: Option<Delivery>,
    /// One of the account's own addresses, in place of one in `delivery`.
    pub address_id: Option<AddressId>,
    pub asked: Option<Asked>,
    pub method: PaymentMethod,
    pub notes: Option<String>,
    pub metadata: Option<Map<String, Value>>,
    pub expected_total: Option<Money>,
    /// The cash is in the till already.
    pub collected: bool,
    pub by: Actor,
    /// There if a guest orders.
    pub guest: Option<GuestOrigin>,
    pub settings: Arc<Settings>,
}

/// An order just taken.
pub struct Placed {
    pub order: Order,
    /// What staff were told instead of being refused.
    pub warning: Option<NoTime>,
}

impl Command for PlaceOrder {
    const NAME: &'static str = "orders.place";
    type Output = Placed;

    fn apply(mut self, tx: &mut WriteTx<'_>) -> Result<Placed> {
        let (items, cart) = self.wanted(tx)?;
        let (customer, locale) = self.customer(tx)?;
        let priced = self.price(tx, &items)?;
        self.check_expected_total(&priced.totals)?;
        let zone = &self.settings.format.zone;
        let now = tx.now();
        let open = Open { hours: &self.settings.hours, zone };
        let (due_at, warning) = rules::due_at(self.asked, now, priced.lead_hours, open, self.by.is_staff()).map_err(no_time)?;
        self.check_open_orders(tx, &customer, priced.totals.total)?;
        self.hold(tx, &priced.lines)?;

        let day = zone.day_of(now).number();
        let mut order = Order {
            id: OrderId::from_uuid(tx.new_id()),
            number_day: day,
            number: sql::next_number(tx, day)?,
            status: OrderStatus::Pending,
            payment_status: PaymentStatus::Pending,
            payment_method: self.method,
            fulfilment: self.fulfilment,
            source: if self.by.is_staff() { Source::Counter } else { Source::Web },
            placed_by: self.by.code().to_owned(),
            customer,
            locale: Some(locale),
            delivery: self.delivery(tx)?,
            notes: self.notes.clone(),
            metadata: self.metadata.clone(),
            currency: self.settings.currency().code().to_owned(),
            totals: priced.totals,
            refunded: 0,
            due_at,
            business_day: zone.day_of(due_at).number(),
            token_version: 1,
            version: 1,
            created_at: now,
            updated_at: now,
            lines: priced.lines,
            history: Vec::new(),
        };
        self.write(tx, &mut order)?;
        self.tell(tx, &order);
        if let Some(cart) = cart {
            cart::empty(tx, cart)?;
        }
        Ok(Placed { order, warning })
    }
}

struct Priced {
    lines: Vec<Line>,
    totals: Totals,
    lead_hours: i64,
}

impl PlaceOrder {
    /// Who the order is for: as said, or the account's own name, address and number; and in which language they are written to.
    fn customer(&self, tx: &WriteTx<'_>) -> Result<(Customer, Locale)> {
        let account = match self.account {
            Some(id) => Some(accounts::user(tx, id)?.ok_or_else(|| {
                Error::from(Problem::field("customerId", "unknown_customer", "names no account of this shop"))
            })?),
            None => None,
        };
        let locale = match &account {
            Some(user) => user.locale,
            None if self.by.is_staff() => self.settings.format.locale,
            None => self.locale,
        };
        match (&self.customer, account) {
            (Some(customer), _) => Ok((Customer { id: self.account, ..customer.clone() }, locale)),
            (None, Some(user)) => {
                let customer = Customer {
                    id: Some(user.id),
                    name: user.name,
                    email: Some(user.email.as_str().to_owned()),
                    phone: user.phone.map(|phone| phone.as_str().to_owned()),
                };
                Ok((customer, locale))
            }
            (None, None) => Err(Problem::field("customerInfo", "required", "is required").into()),
        }
    }

    /// The owner says how orders are paid, to staff too; the terminal on the counter is for who stands behind it.
    fn check_method(&self, faults: &mut Faults<'_>) {
        let is_theirs = self.method != PaymentMethod::CARD_MACHINE || self.by.is_staff();
        if !is_theirs || !self.settings.offers(self.method) {
            let message = "is not offered by this shop now; GET /api/v1/payments/methods lists what is";
            faults.add(&At::Root.field("paymentMethod"), "method_not_offered", message);
        }
    }

    /// The lines that were said, or those that lie in the cart now, and that cart.
    fn wanted(&mut self, tx: &WriteTx<'_>) -> Result<(Vec<Item>, Option<CartId>)> {
        match &mut self.wanted {
            Wanted::Items(items) => Ok((std::mem::take(items), None)),
            Wanted::Cart(token) => {
                let (cart, lines) = cart::to_order(tx, *token, self.by)?;
                let item = |line: cart::Item| Item { product: line.product, quantity: line.quantity, options: line.options };
                Ok((lines.into_iter().map(item).collect(), Some(cart)))
            }
        }
    }

    /// How the order reaches its customer: as said, or to an address that the account keeps.
    fn delivery(&self, tx: &WriteTx<'_>) -> Result<Option<Delivery>> {
        let Some(id) = self.address_id else { return Ok(self.delivery.clone()) };
        let kept = match self.account {
            Some(account) => accounts::address(tx, account, id)?,
            None => None,
        };
        let address = kept.ok_or_else(|| {
            Problem::field("deliveryInfo.addressId", "unknown_address", "is none of the addresses that this account keeps")
        })?;
        Ok(Some(Delivery { address: Some(address), ..self.delivery.clone().unwrap_or_default() }))
    }

    /// Prices every line from the catalog; every fault of every line is told.
    fn price(&self, tx: &mut WriteTx<'_>, wanted: &[Item]) -> Result<Priced> {
        let shop = Arc::clone(&self.settings.format);
        let mut faults = Faults::new(&shop);
        self.check_method(&mut faults);
        let mut lines = Vec::with_capacity(wanted.len());
        let mut lead_hours = 0;
        let root = At::Root;
        let items = root.field("items");
        for (index, item) in wanted.iter().enumerate() {
            let at = items.index(index);
            let found = catalog::on_sale(tx, item.product)?.filter(|product| product.is_active);
            let Some(product) = found else {
                faults.add(&at.field("productId"), "unknown_product", "is nothing that is sold here now");
                continue;
            };
            let pieces: i64 = wanted.iter().filter(|other| other.product == item.product).map(|other| other.quantity).sum();
            let most = product.most_per_order();
            if pieces > most {
                faults.add(&at.field("quantity"), "too_many", format!("an order may have at most {most} of this product"));
            }
            lead_hours = lead_hours.max(product.lead_time_hours);
            lines.extend(self.line(tx, &product, item, &at, &mut faults));
        }
        if !faults.is_empty() {
            return Err(Problem::fields(faults.into_vec()).into());
        }
        let sums: Vec<(i64, i64)> = lines.iter().map(|line: &Line| (line.line_total, line.tax)).collect();
        let subtotal = sums.iter().map(|(total, _)| *total).fold(0_i64, i64::saturating_add);
        let fee = match self.fulfilment {
            Fulfilment::Pickup => 0,
            Fulfilment::Delivery => self.settings.delivery_fee(Money::from_minor(subtotal, self.settings.currency())).minor(),
        };
        let totals = rules::totals(&sums, fee, self.settings.orders.prices_include_tax)
            .ok_or_else(|| Problem::field("items", "amount_too_large", "the total is larger than an amount can be"))?;
        Ok(Priced { lines, totals, lead_hours })
    }

    fn line(&self, tx: &mut WriteTx<'_>, product: &ForSale, item: &Item, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Line> {
        let catalog::Priced { chosen, unit_price, line_total } =
            catalog::price(product, item.options.as_ref(), item.quantity, at, faults)?;
        let text = |text: String| if text.is_empty() { None } else { Some(text) };
        Some(Line {
            id: tx.new_id(),
            product: product.id,
            sku: product.sku.clone(),
            name_en: product.name_en.clone(),
            name_ar: product.name_ar.clone(),
            unit_price,
            quantity: item.quantity,
            options: chosen.options,
            options_text_en: text(chosen.text_en),
            options_text_ar: text(chosen.text_ar),
            line_total,
            tax_rate_bp: product.tax_rate_bp,
            tax: rules::line_tax(line_total, product.tax_rate_bp, self.settings.orders.prices_include_tax),
            hold: if product.track_stock { HoldState::Held } else { HoldState::Untracked },
        })
    }

    fn check_expected_total(&self, totals: &Totals) -> Result<()> {
        let currency = self.settings.currency();
        let show = |minor| Money::from_minor(minor, currency).to_string();
        match self.expected_total {
            Some(expected) if expected.minor() != totals.total => Err(Problem::of(&problems::PRICE_CHANGED)
                .detail(format!(
                    "The order costs {} now, not {expected}. Show the customer the new sums and ask again.",
                    show(totals.total)
                ))
                .fact("subtotal", show(totals.subtotal))
                .fact("deliveryFee", show(totals.delivery_fee))
                .fact("discount", show(totals.discount))
                .fact("tax", show(totals.tax))
                .fact("taxIncluded", totals.tax_included)
                .fact("totalAmount", show(totals.total))
                .into()),
            _ => Ok(()),
        }
    }

    /// Tells the audit log of an order that staff have taken.
    fn tell(&self, tx: &mut WriteTx<'_>, order: &Order) {
        if self.by.is_staff() {
            let after = json!({
                "number": inventory::order_number(order.number_day, order.number),
                "totalMinor": order.totals.total,
                "status": order.status.code(),
                "collected": self.collected,
            });
            tx.changed(Change {
                action: "order.place",
                subject: format!("order:{}", order.id),
                before: None,
                after: Some(after),
            });
        }
    }

    /// A guest leaves only so many orders unconfirmed.
    fn check_open_orders(&self, tx: &mut WriteTx<'_>, customer: &Customer, total: i64) -> Result<()> {
        match &self.guest {
            Some(origin) if !self.is_confirmed_at_once(total) => open_guests::check(tx, origin, customer.phone.as_deref()),
            _ => Ok(()),
        }
    }

    /// An online order confirms itself by being paid, and one that costs nothing is.
    fn is_confirmed_at_once(&self, total: i64) -> bool {
        self.collected || confirms_at_once(&self.settings, self.method) || (!self.method.is_offline() && total == 0)
    }

    /// Promises every tracked line, or names each that is short; the error undoes what was promised.
    fn hold(&self, tx: &mut WriteTx<'_>, lines: &[Line]) -> Result<()> {
        let mut short = Vec::new();
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.hold == HoldState::Held) {
            if let Some(inventory::Short { available }) = inventory::hold(tx, line.product, line.quantity)? {
                short.push(json!({
                    "index": index,
                    "productId": line.product.to_string(),
                    "requested": line.quantity,
                    "available": available,
                }));
            }
        }
        if short.is_empty() {
            return Ok(());
        }
        let detail =
            format!("{} of the order's lines cannot be had in that quantity; see lines. Nothing was ordered.", short.len());
        Err(Problem::of(&problems::INSUFFICIENT_STOCK).detail(detail).fact("lines", short).into())
    }

    fn write(&self, tx: &mut WriteTx<'_>, order: &mut Order) -> Result<()> {
        let json = sql::JsonColumns {
            delivery: order.delivery.as_ref().map(to_json).transpose()?,
            metadata: order.metadata.as_ref().map(to_json).transpose()?,
        };
        let expires_at = (!self.is_confirmed_at_once(order.totals.total))
            .then(|| order.created_at.plus_ms(hold_ms(&self.settings, self.method)));
        let network = self.guest.map(|origin| origin.network);
        if let Some(network) = network {
            open_guests::placing(tx, order.customer.phone.as_deref(), network)?;
        }
        // A gateway's payment begins with its first checkout.
        let payment = self.method.is_offline().then(|| PaymentId::from_uuid(tx.new_id()));
        sql::insert(tx, order, self.by, &json, expires_at, network.as_ref().map(<[u8; 16]>::as_slice), payment)?;
        for line in &order.lines {
            sql::insert_line(tx, order.id, line)?;
        }
        if let Some(payment) = payment {
            money::begin(tx, payment, order.id, None, self.method, order.totals.total)?;
        }
        tx.record(DomainEvent::OrderPlaced { order: order.id });
        match expires_at {
            Some(at) => expire::schedule(tx, order.id, at),
            None => self.confirm_at_once(tx, order),
        }
    }

    /// The owner wants cash orders confirmed at once, the cash is in the till, or there is nothing to pay.
    fn confirm_at_once(&self, tx: &mut WriteTx<'_>, order: &mut Order) -> Result<()> {
        let head = || Fault::because("an order just written is there");
        let by = if self.collected { self.by } else { Actor::System };
        change_status::advance(tx, &sql::head(tx, order.id)?.ok_or_else(head)?, OrderStatus::Confirmed, None, by)?;
        if self.collected && order.totals.total > 0 {
            let head = sql::head(tx, order.id)?.ok_or_else(head)?;
            collect::book(
                tx,
                &head,
                &collect::Received { method: self.method, amount_minor: order.totals.total, reference: None, by: self.by },
            )?;
        }
        *order = sql::order(tx, order.id)?.ok_or_else(not_found)?;
        Ok(())
    }
}

/// A JSON column's text.
fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Fault::new(error).into())
}

/// The refusal of a time.
fn no_time(why: NoTime) -> Error {
    let problem = |code, message: String| Problem::field("deliveryInfo.date", code, message);
    match why {
        NoTime::InThePast => problem("in_the_past", "is in the past".to_owned()),
        NoTime::TooFarAhead => problem("too_far_ahead", "must be within 60 days".to_owned()),
        NoTime::TooEarly { earliest } => {
            problem("too_early", format!("is too early for what was ordered; the earliest is {earliest}"))
                .fact("earliest", earliest.to_string())
        }
        NoTime::OutsideHours { earliest } => {
            problem("outside_hours", format!("is outside the opening hours; the nearest that can be had is {earliest}"))
                .fact("earliest", earliest.to_string())
        }
        NoTime::Closed => problem("closed", "cannot be: the shop has no opening hours within 60 days; ask the shop".to_owned()),
    }
    .into()
}

/// What staff are told where others are refused.
#[must_use]
pub fn warning_text(why: NoTime) -> (&'static str, String) {
    match why {
        NoTime::TooEarly { earliest } => {
            ("too_early", format!("earlier than the lead time allows; the earliest is {earliest}"))
        }
        NoTime::OutsideHours { earliest } => {
            ("outside_hours", format!("outside the opening hours; the nearest open moment is {earliest}"))
        }
        NoTime::Closed => ("closed", "the shop has no opening hours within 60 days".to_owned()),
        NoTime::InThePast => ("in_the_past", "in the past".to_owned()),
        NoTime::TooFarAhead => ("too_far_ahead", "more than 60 days ahead".to_owned()),
    }
}

/// How long an order is held that nobody confirms: until it must be paid, or a cash order until the shop's yes.
#[must_use]
pub fn hold_ms(settings: &Settings, method: PaymentMethod) -> i64 {
    if method.is_offline() {
        i64::from(settings.orders.cash_hold_hours) * HOUR_MS
    } else {
        i64::from(settings.orders.hold_minutes) * MINUTE_MS
    }
}

/// Whether the owner wants orders of a method confirmed as they are placed: those paid at the counter. A transfer has to come first.
#[must_use]
pub fn confirms_at_once(settings: &Settings, method: PaymentMethod) -> bool {
    settings.orders.confirm_cash && method.is_offline() && method != PaymentMethod::TRANSFER
}
