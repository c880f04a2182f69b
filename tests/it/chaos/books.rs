//! What must hold at the end: the shop's books, the gateway's, and what was done.

use std::collections::{BTreeMap, BTreeSet};

use bayader::db::Reader;
use bayader::kernel::Result;
use serde_json::Value;

use super::world::{Told, World};
use crate::harness::Shop;

/// Of each product at the beginning.
pub const STOCK: i64 = 300;

struct Order {
    id: String,
    status: String,
    payment_status: String,
    method: String,
    total: i64,
    captured: i64,
    refunded: i64,
    note: String,
}

impl Order {
    fn net(&self) -> i64 {
        self.captured - self.refunded
    }
}

struct Payment {
    id: String,
    order: String,
    method: String,
    status: String,
    phase: String,
    reference: String,
    captured: i64,
    refunded: i64,
}

/// A row of the ledger that names an object of the gateway.
struct Entry {
    payment: String,
    kind: String,
    object: String,
    minor: i64,
}

struct Refund {
    payment: String,
    status: String,
    failure: String,
}

/// The shop's books.
struct Books {
    orders: BTreeMap<String, Order>,
    payments: BTreeMap<String, Payment>,
    entries: Vec<Entry>,
    refunds: Vec<Refund>,
    /// Product, stock, and pieces that were sold and did not come back.
    shelves: Vec<(String, i64, i64)>,
}

impl Books {
    fn read(reader: &Reader<'_>) -> Result<Books> {
        let orders = reader.all(
            "select lower(hex(id)), status, payment_status, payment_method, total_minor, captured_minor, refunded_minor, \
             coalesce(notes, '') from orders",
            &[],
            |row| {
                let mut row = row.columns();
                let (id, status, payment_status, method) = (row.next()?, row.next()?, row.next()?, row.next()?);
                let (total, captured, refunded, note) = (row.next()?, row.next()?, row.next()?, row.next()?);
                Ok(Order { id, status, payment_status, method, total, captured, refunded, note })
            },
        )?;
        let payments = reader.all(
            "select lower(hex(p.id)), lower(hex(p.order_id)), p.method, p.status, coalesce(a.phase, ''), coalesce(a.reference, ''), \
             p.captured_minor, p.refunded_minor from payments p left join gateway_attempts a on a.payment_id = p.id",
            &[],
            |row| {
                let mut row = row.columns();
                let (id, order, method, status) = (row.next()?, row.next()?, row.next()?, row.next()?);
                let (phase, reference, captured, refunded) = (row.next()?, row.next()?, row.next()?, row.next()?);
                Ok(Payment { id, order, method, status, phase, reference, captured, refunded })
            },
        )?;
        let entries = reader.all(
            "select lower(hex(payment_id)), kind, object, amount_minor from money_ledger where object is not null and method = 'stripe'",
            &[],
            |row| {
                let mut row = row.columns();
                Ok(Entry { payment: row.next()?, kind: row.next()?, object: row.next()?, minor: row.next()? })
            },
        )?;
        let refunds = reader.all("select lower(hex(payment_id)), status, coalesce(failure, '') from refunds", &[], |row| {
            let mut row = row.columns();
            Ok(Refund { payment: row.next()?, status: row.next()?, failure: row.next()? })
        })?;
        let shelves = reader.all(
            "select lower(hex(i.product_id)), i.stock, coalesce((select sum(l.quantity - l.returned) from order_lines l \
             where l.product_id = i.product_id and l.hold = 'taken'), 0) from inventory i",
            &[],
            |row| {
                let mut row = row.columns();
                Ok((row.next()?, row.next()?, row.next()?))
            },
        )?;
        let orders = orders.into_iter().map(|order: Order| (order.id.clone(), order)).collect();
        let payments = payments.into_iter().map(|payment: Payment| (payment.id.clone(), payment)).collect();
        Ok(Books { orders, payments, entries, refunds, shelves })
    }
}

fn plain(id: &str) -> String {
    id.replace('-', "")
}

fn text<'v>(object: &'v Value, name: &str) -> &'v str {
    object[name].as_str().unwrap_or_default()
}

/// What is left to be done by people: refunds that failed are to be made again. Payments' ids with dashes.
pub async fn to_refund_again(shop: &Shop, world: &World) -> Vec<(String, i64)> {
    let books = shop.db().read(Books::read).await.expect("the books");
    let told = world.told();
    let kept: BTreeSet<String> = told.kept.iter().map(|id| plain(id)).collect();
    let mut again = Vec::new();
    for order in books.orders.values() {
        let too_much =
            if order.status == "Cancelled" && !kept.contains(&order.id) { order.net() } else { order.net() - order.total };
        let mut left = too_much;
        for payment in books.payments.values().filter(|payment| payment.order == order.id) {
            let failed = books.refunds.iter().any(|refund| refund.payment == payment.id && refund.status == "failed");
            let amount = left.min(payment.captured - payment.refunded);
            if failed && amount > 0 {
                left -= amount;
                again.push((payment.id.clone(), amount));
            }
        }
    }
    again
}

/// Every way in which the books are wrong, a line each.
pub async fn faults(shop: &Shop, world: &World) -> Vec<String> {
    let books = shop.db().read(Books::read).await.expect("the books");
    let told = world.told();
    let mut faults = shop_faults(&books, &told);
    faults.extend(gateway_faults(&books, world, &told));
    faults.extend(sent_faults(&books, &told));
    for (product, stock, sold) in &books.shelves {
        if *stock != STOCK - sold {
            faults.push(format!("product {product}: {stock} pieces are on the shelf, and {sold} of {STOCK} were sold"));
        }
    }
    faults
}

/// Each amount belongs to one order that is paid with it, or went back.
fn shop_faults(books: &Books, told: &Told) -> Vec<String> {
    let forced: BTreeSet<String> = told.forced.iter().map(|id| plain(id)).collect();
    let kept: BTreeSet<String> = told.kept.iter().map(|id| plain(id)).collect();
    let mut faults = Vec::new();
    for order in books.orders.values() {
        let Order { id, status, payment_status, method, total, captured, refunded, .. } = order;
        let mut fault = |what: &str| {
            let payments: Vec<String> = books
                .payments
                .values()
                .filter(|payment| payment.order == *id)
                .map(|payment| {
                    let Payment { id, method, status, phase, reference, captured, refunded, .. } = payment;
                    let refunds = books.refunds.iter().filter(|refund| refund.payment == *id);
                    let refunds: Vec<_> = refunds.map(|refund| format!("{} {}", refund.status, refund.failure)).collect();
                    format!("\n    payment {id} {method} {status} {phase} {reference} captured {captured} refunded {refunded} {refunds:?}")
                })
                .collect();
            faults.push(format!(
                "{what}: order {id} {status} {payment_status} {method}, total {total}, captured {captured}, refunded {refunded}{}",
                payments.concat()
            ));
        };
        let is_ended = status == "Cancelled";
        if is_ended && order.net() != 0 && !kept.contains(id) {
            fault("money of a cancelled order did not go back");
        }
        if order.net() > *total {
            fault("an order was paid more than once");
        }
        let goes_on = !is_ended && status != "Pending";
        let is_online = method == "stripe";
        if goes_on && is_online && captured < total && !forced.contains(id) {
            fault("an order goes on that nobody has paid");
        }
        if !is_ended
            && *total > 0
            && order.net() >= *total
            && (status == "Pending" || !matches!(payment_status.as_str(), "Paid" | "PartiallyRefunded"))
        {
            fault("a paid order is forgotten");
        }
    }
    for payment in books.payments.values().filter(|payment| !matches!(payment.phase.as_str(), "" | "closed")) {
        let Payment { id, order, status, phase, reference, .. } = payment;
        let order = &books.orders[order];
        faults.push(format!(
            "an attempt is open after days: payment {id} {status} {phase} {reference} of an order that is {} {}",
            order.status, order.payment_status
        ));
    }
    faults
}

/// The ledger is the gateway's books.
fn gateway_faults(books: &Books, world: &World, told: &Told) -> Vec<String> {
    let mut faults = Vec::new();
    let booked = |kind: &str, object: &str| -> Vec<&Entry> {
        books.entries.iter().filter(|entry| entry.kind == kind && entry.object == object).collect()
    };
    let mut theirs = BTreeSet::new();
    for charge in world.double.all("charge") {
        let (object, payment) = (text(&charge, "id").to_owned(), plain(text(&charge["metadata"], "transaction_id")));
        let amount = charge["amount"].as_i64().unwrap_or(0);
        let lied = told.lied.contains(&object);
        match booked("captured", &object).as_slice() {
            [entry] if entry.minor == amount && entry.payment == payment => {}
            [] if lied => {
                let status = books.payments.get(&payment).map_or("unknown", |payment| payment.status.as_str());
                // Parked, or sent back without ever having been booked.
                if !matches!(status, "parked" | "failed") {
                    faults.push(format!("charge {object} of another amount {amount}: its payment {payment} is {status}"));
                }
            }
            entries => faults.push(format!(
                "charge {object} of {amount} for payment {payment} is booked {} times: {:?}",
                entries.len(),
                entries.iter().map(|entry| (&entry.payment, entry.minor)).collect::<Vec<_>>()
            )),
        }
        theirs.insert(object);
    }
    for refund in world.double.all("refund") {
        let (object, charge) = (text(&refund, "id").to_owned(), text(&refund, "charge").to_owned());
        let amount = refund["amount"].as_i64().unwrap_or(0);
        let succeeded = text(&refund, "status") == "succeeded";
        let (given, taken_back) = (booked("refunded", &object), booked("refund_reversed", &object));
        let net: i64 =
            given.iter().map(|entry| entry.minor).sum::<i64>() - taken_back.iter().map(|entry| entry.minor).sum::<i64>();
        // Money that did not fit and went back was never booked.
        let was_never_booked = told.lied.contains(&charge) && booked("captured", &charge).is_empty();
        if net != if succeeded && !was_never_booked { amount } else { 0 } {
            let status = text(&refund, "status");
            faults.push(format!(
                "refund {object} of {amount} of {charge} is {status}, and {net} is booked in {} rows",
                given.len()
            ));
        }
        theirs.insert(object);
    }
    for entry in books.entries.iter().filter(|entry| matches!(entry.kind.as_str(), "captured" | "refunded")) {
        if !theirs.contains(&entry.object) {
            faults.push(format!("{} {} is booked, and the gateway has no such thing", entry.kind, entry.object));
        }
    }
    for payment in books.payments.values().filter(|payment| payment.method == "stripe") {
        let is_lied = world.double.all("charge").iter().any(|charge| {
            plain(text(&charge["metadata"], "transaction_id")) == payment.id && told.lied.contains(text(charge, "id"))
        });
        if payment.status == "parked" && !is_lied {
            faults.push(format!("payment {} is parked, and the gateway told no other amount", payment.id));
        }
    }
    for link in told.links.iter().filter(|link| world.double.is_payable(link)) {
        faults.push(format!("{link} can still be paid after days"));
    }
    faults
}

/// What was sent once, or repeated with a key, was done once.
fn sent_faults(books: &Books, told: &Told) -> Vec<String> {
    let mut faults = Vec::new();
    for (note, placed) in &told.placed {
        let count = books.orders.values().filter(|order| order.note == *note).count();
        let most = if placed.has_key { 1 } else { placed.sent };
        if count < placed.ids.len() || count > most || placed.ids.len() > most {
            faults.push(format!("{note}: {count} orders are there, {} were answered, {} sent", placed.ids.len(), placed.sent));
        }
        for id in &placed.ids {
            if !books.orders.contains_key(&plain(id)) {
                faults.push(format!("{note}: order {id} was answered and is gone"));
            }
        }
    }
    faults
}
