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
    let mut query = conditions(filter);
    let total = if filter.paging.wants_total() { Some(sql::count(reader, &query)?) } else { None };
    if let From::After(cursor) = &filter.paging.from {
        let [Value::String(id)] = cursor.values_of::<1>(NEWEST)? else { return Err(bad_cursor().into()) };
        let id = OrderId::parse(&id).ok_or_else(bad_cursor)?;
        query.filter("o.id < ?", vec![Box::new(id)]);
    }
    let sorted = match filter.updated_since {
        Some(since) => sql::changed_since(reader, since, FEW + 1)? <= FEW,
        None => false,
    };
    let rows = sql::list(reader, &query, sorted, filter.paging.per_page + 1, filter.paging.offset()?)?;
    Ok(List::page(&filter.paging, total, rows, NEWEST, |order| vec![order.id.to_string().into()]))
}

fn conditions(filter: &OrderFilter) -> Query {
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
    query
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
