//! Reading orders.

use serde_json::Value;

use super::model::Order;
use super::sql;
use crate::db::Reader;
use crate::db::query::Query;
use crate::http::page::{From, List, Paging, bad_cursor};
use crate::kernel::time::span::DAY_MS;
use crate::kernel::{Fulfilment, OrderId, OrderStatus, PaymentMethod, PaymentStatus, Result, ShopDay, UserId, UtcMs};

/// An order's own token ends so long after its delivery (SPEC 9).
const TOKEN_AFTER_DELIVERY_MS: i64 = 90 * DAY_MS;
/// The name of the list's order in cursors.
const NEWEST: &str = "newest";

/// Which orders.
#[derive(Clone, Debug)]
pub struct OrderFilter {
    pub status: Option<OrderStatus>,
    pub payment_status: Option<PaymentStatus>,
    pub payment_method: Option<PaymentMethod>,
    pub fulfilment: Option<Fulfilment>,
    /// The business day.
    pub day: Option<ShopDay>,
    /// Placed from here on.
    pub from: Option<UtcMs>,
    /// Placed before here.
    pub to: Option<UtcMs>,
    pub text: Option<String>,
    pub customer: Option<UserId>,
    pub updated_since: Option<UtcMs>,
    pub paging: Paging,
}

pub(super) fn list(reader: &Reader<'_>, filter: &OrderFilter) -> Result<List<Order>> {
    let mut query = Query::new();
    match filter.status {
        // The open ones have an index of their own; its condition must stand in the statement to be used.
        Some(status) if !status.is_final() => {
            query.filter("o.status = ? and o.status not in ('Delivered', 'Cancelled')", vec![Box::new(status)]);
        }
        status => query.filter_opt("o.status = ?", status),
    }
    query.filter_opt("o.payment_status = ?", filter.payment_status);
    query.filter_opt("o.payment_method = ?", filter.payment_method);
    query.filter_opt("o.fulfilment = ?", filter.fulfilment);
    query.filter_opt("o.business_day = ?", filter.day);
    query.filter_opt("o.customer_id = ?", filter.customer);
    query.filter_opt("o.updated_at >= ?", filter.updated_since);
    // An id begins with its moment, so a span of time is a span of ids.
    query.filter_opt("o.id >= ?", filter.from.map(first_id_of));
    query.filter_opt("o.id < ?", filter.to.map(first_id_of));
    if let Some(text) = &filter.text {
        filter_text(&mut query, text);
    }
    let total = if filter.paging.wants_total() { Some(sql::count(reader, &query)?) } else { None };
    if let From::After(cursor) = &filter.paging.from {
        let [Value::String(id)] = cursor.values_of::<1>(NEWEST)? else { return Err(bad_cursor().into()) };
        let id = OrderId::parse(&id).ok_or_else(bad_cursor)?;
        query.filter("o.id < ?", vec![Box::new(id)]);
    }
    let rows = sql::list(reader, &query, filter.paging.per_page + 1, filter.paging.offset()?)?;
    Ok(List::page(&filter.paging, total, rows, NEWEST, |order| vec![order.id.to_string().into()]))
}

/// An order's number, whole or its last part; or a part of the customer's name, phone or e-mail.
fn filter_text(query: &mut Query, text: &str) {
    if let Some((day, number)) = parse_number(text) {
        query.filter("o.number_day = ? and o.number = ?", vec![Box::new(day), Box::new(number)]);
        return;
    }
    let text = text.to_lowercase();
    query.filter(
        "instr(lower(o.customer_name), ?) > 0 or instr(coalesce(o.customer_phone, ''), ?) > 0 or instr(coalesce(o.customer_email, ''), ?) > 0",
        vec![Box::new(text.clone()), Box::new(text.clone()), Box::new(text)],
    );
}

/// `B-261125-0042` as day and number.
fn parse_number(text: &str) -> Option<(i64, i64)> {
    let rest = text.strip_prefix("B-").or_else(|| text.strip_prefix("b-"))?;
    let (day, number) = rest.split_once('-')?;
    let fits = day.len() == 6 && day.bytes().chain(number.bytes()).all(|byte| byte.is_ascii_digit());
    if fits { Some((20_000_000 + day.parse::<i64>().ok()?, number.parse().ok()?)) } else { None }
}

/// The smallest id that can have been made at a moment.
fn first_id_of(moment: UtcMs) -> Vec<u8> {
    let ms = u64::try_from(moment.ms().max(0)).unwrap_or(0);
    uuid::Uuid::from_u64_pair(ms << 16, 0).into_bytes().to_vec()
}

/// What opens an order to a guest: its token's version, and whether the token has ended.
pub(super) struct Lock {
    pub token_version: i64,
    pub ended: bool,
}

pub(super) fn lock(reader: &Reader<'_>, order: OrderId, now: UtcMs) -> Result<Option<Lock>> {
    Ok(sql::key_of(reader, order)?.map(|(token_version, delivered_at)| Lock {
        token_version,
        ended: delivered_at.is_some_and(|at| at.plus_ms(TOKEN_AFTER_DELIVERY_MS) < now),
    }))
}

/// The currency of stored orders; `None` while there are none.
///
/// # Errors
/// A fault.
pub fn stored_currency(reader: &Reader<'_>) -> Result<Option<String>> {
    sql::any_currency(reader)
}
