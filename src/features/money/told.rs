//! Payments as staff read them: of one order, or as a list.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sql::lists;
use super::{Payment, Refund, payments_of};
use crate::db::Reader;
use crate::db::query::Query;
use crate::http::page::{From, List, Paging, bad_cursor};
use crate::kernel::{OrderId, PaymentId, PaymentMethod, Result, TransactionStatus, UtcMs};

/// The name of the list's order in cursors.
const NEWEST: &str = "newest";

/// Money that came and does not fit its payment, as it is kept. Minor units of its own currency.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parked {
    /// What was captured, by its name at the gateway.
    pub object: String,
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// What staff have decided: `accept` or `refund`; none while it waits for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<String>,
}

/// A payment with all that is told of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    pub payment: Payment,
    /// Its order's number.
    pub number_day: i64,
    pub number: i64,
    /// Of its order.
    pub currency: String,
    /// Its name at the gateway: what was captured, else the attempt.
    pub transaction: Option<String>,
    /// The gateway's last answer, without secrets and personal data.
    pub raw: Option<Value>,
    pub parked: Option<Parked>,
    pub refunds: Vec<Refund>,
}

/// Which payments.
#[derive(Clone, Debug)]
pub struct PaymentFilter {
    pub order: Option<OrderId>,
    pub status: Option<TransactionStatus>,
    pub method: Option<PaymentMethod>,
    /// Begun from here on.
    pub from: Option<UtcMs>,
    /// Begun before here.
    pub to: Option<UtcMs>,
    pub paging: Paging,
}

/// A payment with all that is told of it.
///
/// # Errors
/// A fault.
pub fn told(reader: &Reader<'_>, id: PaymentId) -> Result<Option<Told>> {
    super::payment(reader, id)?.map(|payment| lists::told(reader, payment)).transpose()
}

/// Every payment of an order, the last one first.
///
/// # Errors
/// A fault.
pub fn told_of(reader: &Reader<'_>, order: OrderId) -> Result<Vec<Told>> {
    payments_of(reader, order)?.into_iter().map(|payment| lists::told(reader, payment)).collect()
}

/// A page of payments, newest first.
///
/// # Errors
/// 422 for a cursor of another list or a page too deep, or a fault.
pub fn list(reader: &Reader<'_>, filter: &PaymentFilter) -> Result<List<Told>> {
    let after = cursor_of(&filter.paging)?;
    let (limit, offset) = (filter.paging.per_page + 1, filter.paging.offset()?);
    let (total, rows) = match filter.order {
        Some(order) => of_order(reader, order, filter, after, limit, offset)?,
        None => of_all(reader, filter, after, limit, offset)?,
    };
    let rows = rows.into_iter().map(|payment| lists::told(reader, payment)).collect::<Result<Vec<Told>>>()?;
    let total = filter.paging.wants_total().then_some(total);
    Ok(List::page(&filter.paging, total, rows, NEWEST, |told| vec![told.payment.id.to_string().into()]))
}

/// An order has few: they are found from its last one, and looked through. Its cash payments stand in no index by order.
fn of_order(
    reader: &Reader<'_>,
    order: OrderId,
    filter: &PaymentFilter,
    after: Option<PaymentId>,
    limit: i64,
    offset: i64,
) -> Result<(i64, Vec<Payment>)> {
    let mut found = payments_of(reader, order)?;
    found.retain(|payment| {
        filter.status.is_none_or(|status| payment.status == status)
            && filter.method.is_none_or(|method| payment.method == method)
            && filter.from.is_none_or(|from| payment.created_at >= from)
            && filter.to.is_none_or(|to| payment.created_at < to)
    });
    let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
    found.retain(|payment| after.is_none_or(|after| payment.id < after));
    let to_count = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok((total, found.into_iter().skip(to_count(offset)).take(to_count(limit)).collect()))
}

fn of_all(
    reader: &Reader<'_>,
    filter: &PaymentFilter,
    after: Option<PaymentId>,
    limit: i64,
    offset: i64,
) -> Result<(i64, Vec<Payment>)> {
    let mut query = conditions(filter);
    let total = match filter {
        _ if !filter.paging.wants_total() => 0,
        PaymentFilter { from: None, to: None, .. } => lists::counted(reader, filter.method, filter.status)?,
        _ => lists::count(reader, &query)?,
    };
    query.filter_opt("p.id < ?", after);
    Ok((total, lists::list(reader, &query, limit, offset)?))
}

fn conditions(filter: &PaymentFilter) -> Query {
    let mut query = Query::new();
    match filter.status {
        // These have an index of their own, whose condition must stand in the statement.
        Some(status) if !matches!(status, TransactionStatus::Pending | TransactionStatus::Succeeded) => {
            query.filter("p.status = ? and p.status not in ('pending', 'succeeded')", vec![Box::new(status)]);
        }
        status => query.filter_opt("p.status = ?", status),
    }
    match filter.method {
        Some(method) if method != PaymentMethod::CASH => {
            query.filter("p.method = ? and p.method <> 'cash'", vec![Box::new(method)]);
        }
        method => query.filter_opt("p.method = ?", method),
    }
    // An id begins with its moment, so a span of time is a span of ids.
    query.filter_opt("p.id >= ?", filter.from.map(first_id_of));
    query.filter_opt("p.id < ?", filter.to.map(first_id_of));
    query
}

fn cursor_of(paging: &Paging) -> Result<Option<PaymentId>> {
    let From::After(cursor) = &paging.from else { return Ok(None) };
    let [Value::String(id)] = cursor.values_of::<1>(NEWEST)? else { return Err(bad_cursor().into()) };
    PaymentId::parse(&id).map(Some).ok_or_else(|| bad_cursor().into())
}

/// The smallest id that can have been made at a moment.
fn first_id_of(moment: UtcMs) -> Vec<u8> {
    let ms = u64::try_from(moment.ms().max(0)).unwrap_or(0);
    uuid::Uuid::from_u64_pair(ms << 16, 0).into_bytes().to_vec()
}
