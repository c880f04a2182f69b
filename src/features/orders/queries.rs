//! Reading orders.

use serde_json::Value;

use super::model::Order;
use super::sql::{self, texts};
use super::text_index::Wanted;
use crate::db::Reader;
use crate::db::order_words;
use crate::db::query::Query;
use crate::http::page::{From, List, Paging, bad_cursor};
use crate::http::problem::not_found;
use crate::kernel::text::fold_digits;
use crate::kernel::time::span::DAY_MS;
use crate::kernel::{Fulfilment, OrderId, OrderStatus, PaymentMethod, PaymentStatus, Result, ShopDay, UserId, UtcMs};

/// An order's own token ends so long after its delivery (SPEC 9).
const TOKEN_AFTER_DELIVERY_MS: i64 = 90 * DAY_MS;
/// The name of the list's order in cursors.
const NEWEST: &str = "newest";
/// So many changed orders are cheaper sorted than looked for among all; a till asks for the few since it last asked.
const FEW: i64 = 5_000;

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
    if let Some(text) = filter.text.as_deref().filter(|text| parse_number(text).is_none()) {
        return list_by_text(reader, filter, &Wanted::parse(text));
    }
    let mut query = conditions(filter);
    let total = if filter.paging.wants_total() { Some(total(reader, filter, &query)?) } else { None };
    if let Some(id) = cursor_of(filter)? {
        query.filter("o.id < ?", vec![Box::new(id)]);
    }
    let sorted = match filter.updated_since {
        Some(since) => sql::changed_since(reader, since, FEW + 1)? <= FEW,
        None => false,
    };
    let rows = sql::list(reader, &query, sorted, filter.paging.per_page + 1, filter.paging.offset()?)?;
    Ok(page(filter, total, rows))
}

fn page(filter: &OrderFilter, total: Option<i64>, rows: Vec<Order>) -> List<Order> {
    List::page(&filter.paging, total, rows, NEWEST, |order| vec![order.id.to_string().into()])
}

/// The order after which the page begins.
fn cursor_of(filter: &OrderFilter) -> Result<Option<OrderId>> {
    let From::After(cursor) = &filter.paging.from else { return Ok(None) };
    let [Value::String(id)] = cursor.values_of::<1>(NEWEST)? else { return Err(bad_cursor().into()) };
    OrderId::parse(&id).map(Some).ok_or_else(|| bad_cursor().into())
}

/// How many orders a list has; most lists know it without reading their orders.
fn total(reader: &Reader<'_>, filter: &OrderFilter, query: &Query) -> Result<i64> {
    match filter {
        OrderFilter {
            day: None,
            from: None,
            to: None,
            text: None,
            customer: None,
            updated_since: None,
            status,
            payment_status,
            payment_method,
            fulfilment,
            paging: _,
        } => sql::counted(reader, *status, *payment_status, *payment_method, *fulfilment),
        _ => sql::count(reader, query),
    }
}

/// By what staff type. Orders that an index narrows down to few are read and compared; so are those that the index of texts does
/// not have yet, which are the newest. The rest the index of texts finds.
fn list_by_text(reader: &Reader<'_>, filter: &OrderFilter, wanted: &Wanted) -> Result<List<Order>> {
    let few = filter.customer.is_some() || filter.day.is_some() || filter.status.is_some_and(|status| !status.is_final());
    let after = cursor_of(filter)?;
    let upto = texts::upto(reader)?;

    let mut query = conditions(filter);
    if !few {
        query.filter("o.id > ?", vec![Box::new(upto)]);
    }
    let mut ids = Vec::new();
    // Nothing that is not in the index comes after an order that is.
    if few || after.is_none_or(|after| after > upto) {
        ids = texts::of(reader, &query)?.into_iter().filter(|told| wanted.is_in(told)).map(|told| told.id).collect();
    }
    let mut total = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    if let Some(after) = after {
        ids.retain(|id| *id < after);
    }
    let (limit, offset) = (filter.paging.per_page + 1, filter.paging.offset()?);
    let read = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let to_count = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut shown: Vec<OrderId> = ids.into_iter().skip(to_count(offset)).take(to_count(limit)).collect();
    if !few {
        let by_index = |below: Option<i64>| {
            let mut query = Query::new();
            query.filter(order_words::MATCHES, vec![Box::new(wanted.expression())]);
            query.filter_opt(order_words::BEFORE, below);
            add_conditions(&mut query, filter);
            query
        };
        if filter.paging.wants_total() {
            let alone = filter.has_text_alone();
            total += texts::found_count(reader, &by_index(None), alone)?;
        }
        let missing = limit - i64::try_from(shown.len()).unwrap_or(limit);
        if missing > 0 {
            let below = after.filter(|after| *after <= upto).map(|after| texts::row_of(reader, after)).transpose()?;
            let below = below.map(|row| row.ok_or_else(bad_cursor)).transpose()?;
            shown.extend(texts::found(reader, &by_index(below), missing, (offset - read).max(0))?);
        }
    }
    let rows = shown.into_iter().map(|id| sql::order(reader, id)?.ok_or_else(not_found)).collect::<Result<Vec<Order>>>()?;
    Ok(page(filter, filter.paging.wants_total().then_some(total), rows))
}

impl OrderFilter {
    /// Nothing is asked but a text.
    fn has_text_alone(&self) -> bool {
        matches!(
            self,
            OrderFilter {
                status: None,
                payment_status: None,
                payment_method: None,
                fulfilment: None,
                day: None,
                from: None,
                to: None,
                text: _,
                customer: None,
                updated_since: None,
                paging: _,
            }
        )
    }
}

fn conditions(filter: &OrderFilter) -> Query {
    let mut query = Query::new();
    add_conditions(&mut query, filter);
    query
}

/// Each filter but a text that is no order's number.
fn add_conditions(query: &mut Query, filter: &OrderFilter) {
    match filter.status {
        // These have indexes of their own; an index's condition must stand in the statement to be used.
        Some(status) if !status.is_final() => {
            query.filter("o.status = ? and o.status not in ('Delivered', 'Cancelled')", vec![Box::new(status)]);
        }
        Some(OrderStatus::Cancelled) => query.filter("o.status = 'Cancelled'", vec![]),
        status => query.filter_opt("o.status = ?", status),
    }
    match filter.payment_status {
        Some(status @ (PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded | PaymentStatus::Failed)) => query.filter(
            "o.payment_status = ? and o.payment_status in ('PartiallyRefunded', 'Refunded', 'Failed')",
            vec![Box::new(status)],
        ),
        status => query.filter_opt("o.payment_status = ?", status),
    }
    query.filter_opt("o.payment_method = ?", filter.payment_method);
    query.filter_opt("o.fulfilment = ?", filter.fulfilment);
    query.filter_opt("o.business_day = ?", filter.day);
    query.filter_opt("o.customer_id = ?", filter.customer);
    query.filter_opt("o.updated_at >= ?", filter.updated_since);
    // An id begins with its moment, so a span of time is a span of ids.
    query.filter_opt("o.id >= ?", filter.from.map(first_id_of));
    query.filter_opt("o.id < ?", filter.to.map(first_id_of));
    if let Some((day, number)) = filter.text.as_deref().and_then(parse_number) {
        query.filter("o.number_day = ? and o.number = ?", vec![Box::new(day), Box::new(number)]);
    }
}

/// `B-261125-0042`, also without its letter, as day and number.
fn parse_number(text: &str) -> Option<(i64, i64)> {
    let text = fold_digits(text);
    let rest = text.strip_prefix("B-").or_else(|| text.strip_prefix("b-")).unwrap_or(&text);
    let (day, number) = rest.split_once('-')?;
    let fits = day.len() == 6 && (1..=7).contains(&number.len());
    if !fits || !day.bytes().chain(number.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Else it is a phone with a dash in it.
    let day = ShopDay::from_number(20_000_000 + day.parse::<i64>().ok()?)?;
    Some((day.number(), number.parse().ok()?))
}

/// The smallest id that can have been made at a moment.
fn first_id_of(moment: UtcMs) -> Vec<u8> {
    let ms = u64::try_from(moment.ms().max(0)).unwrap_or(0);
    uuid::Uuid::from_u64_pair(ms << 16, 0).into_bytes().to_vec()
}

/// What opens an order to a guest: its token's version, and whether the token has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lock {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::db::{DataFolder, Db, DbOptions, Reactions, WriteTx};
    use crate::kernel::{DomainEvent, JobDue};

    struct Nothing;

    impl Reactions for Nothing {
        fn inside(&self, _tx: &mut WriteTx<'_>, _event: &DomainEvent) -> Result<()> {
            Ok(())
        }

        fn after(&self, _events: &[DomainEvent], _jobs: &[JobDue]) {}
    }

    fn every() -> OrderFilter {
        OrderFilter {
            status: None,
            payment_status: None,
            payment_method: None,
            fulfilment: None,
            day: None,
            from: None,
            to: None,
            text: None,
            customer: None,
            updated_since: None,
            paging: Paging { per_page: 20, from: From::Page(1) },
        }
    }

    /// How SQLite goes about a statement, a line a step.
    fn plan(reader: &Reader<'_>, sql: &str) -> Result<String> {
        let steps = reader.all(&format!("explain query plan {sql}"), &[], |row| {
            let mut columns = row.columns();
            let _: (i64, i64, i64) = (columns.next()?, columns.next()?, columns.next()?);
            columns.next::<String>()
        })?;
        Ok(steps.join("\n"))
    }

    #[tokio::test]
    async fn no_list_of_orders_reads_them_all_where_an_index_knows() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = DataFolder::own(&folder.path().join("data")).expect("a folder of ours");
        let options = DbOptions { clock: Clock::system(), accept_clock: true, reactions: Arc::new(Nothing) };
        let db = Db::open(own, options).expect("the database opens");
        let moment = UtcMs::parse("2026-11-25T08:00:00Z");
        let customer = Some(UserId::from_uuid(uuid::Uuid::nil()));
        let day = ShopDay::parse("2026-11-25");
        let mut cases: Vec<(OrderFilter, &str, bool)> = OrderStatus::ALL
            .iter()
            .filter(|status| !status.is_final())
            .map(|status| (OrderFilter { status: Some(*status), ..every() }, "orders_open (status=?", true))
            .collect();
        cases.extend([
            (OrderFilter { day, ..every() }, "orders_business_day (business_day=?", true),
            (OrderFilter { customer, ..every() }, "orders_customer (customer_id=?", true),
            // The few that have changed are sorted afterwards.
            (OrderFilter { updated_since: moment, ..every() }, "orders_updated (updated_at>?", false),
            (OrderFilter { from: moment, to: moment, ..every() }, "PRIMARY KEY (id>? AND id<?)", true),
            (
                OrderFilter { text: Some("B-261125-0042".to_owned()), ..every() },
                "orders_number (number_day=? AND number=?)",
                true,
            ),
            (OrderFilter { day, status: Some(OrderStatus::Delivered), ..every() }, "orders_business_day (business_day=?", true),
            (OrderFilter { customer, status: Some(OrderStatus::Cancelled), ..every() }, "orders_customer (customer_id=?", true),
        ]);
        for (filter, by, in_order) in cases {
            let query = conditions(&filter);
            let (list, count) = (sql::list_sql(&query, !in_order), sql::count_sql(&query));
            let (list, count) = db.read(move |reader| Ok((plan(reader, &list)?, plan(reader, &count)?))).await.expect("a plan");
            for plan in [&list, &count] {
                assert!(plan.contains(by) && !plan.contains("SCAN"), "{by} is not used:\n{plan}\n{filter:?}");
            }
            assert!(!in_order || !list.contains("TEMP B-TREE"), "sorted although the index is in order:\n{list}");
        }
        // Without a filter the newest stand at the primary key's end, and the page's limit ends the walk.
        let all = sql::list_sql(&conditions(&every()), false);
        let all = db.read(move |reader| plan(reader, &all)).await.expect("a plan");
        assert!(!all.contains("TEMP B-TREE"), "{all}");
    }
}
