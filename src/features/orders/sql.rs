//! Every statement on `orders`, `order_lines` and `order_history`.

pub(super) mod persons;
pub(super) mod returns;
pub(super) mod standing;
pub(super) mod texts;

use super::counts::{self, Kind};
use super::model::{Customer, Guest, Head, HistoryRow, HoldState, Line, Order, Payable, Totals};
use crate::args;
use crate::db::query::Query;
use crate::db::{Reader, Row, Settlement, WriteTx};
use crate::features::inventory::order_number;
use crate::features::money::Sums;
use crate::kernel::{
    Actor, Currency, Fault, Fulfilment, OrderId, OrderStatus, PaymentId, PaymentMethod, PaymentStatus, ProductId, Result,
    UserId, UtcMs,
};

/// The next number of a day, from 1 without gaps but those that a restore has left: a seek in the index `orders_number`, and one in a
/// table that is nearly always empty.
pub(super) fn next_number(reader: &Reader<'_>, day: i64) -> Result<i64> {
    reader.one(
        "select max(coalesce((select max(number) from orders where number_day = ?1), 0), \
         coalesce((select max(upto) from skipped_order_numbers where day = ?1), 0)) + 1",
        args![day],
        |row| row.get(0),
    )
}

/// Whether the books are of a version that leaves numbers out.
pub(super) fn knows_skipped_numbers(reader: &Reader<'_>) -> Result<bool> {
    reader.one("select exists (select 1 from sqlite_schema where name = 'skipped_order_numbers')", &[], |row| row.get(0))
}

pub(super) fn newest_number(reader: &Reader<'_>, day: i64) -> Result<i64> {
    reader.one("select coalesce(max(number), 0) from orders where number_day = ?1", args![day], |row| row.get(0))
}

pub(super) fn skip_numbers(tx: &mut WriteTx<'_>, day: i64, after: i64, upto: i64) -> Result<()> {
    tx.exec_one("insert into skipped_order_numbers (day, after, upto) values (?1, ?2, ?3)", args![day, after, upto])
}

/// Texts of JSON columns.
pub(super) struct JsonColumns {
    pub delivery: Option<String>,
    pub metadata: Option<String>,
}

pub(super) fn insert(
    tx: &mut WriteTx<'_>,
    order: &Order,
    by: Actor,
    json: &JsonColumns,
    hold_expires_at: Option<UtcMs>,
    guest_network: Option<&[u8]>,
    payment: Option<PaymentId>,
) -> Result<()> {
    counts::add(tx, Kind::of(order), 1)?;
    tx.exec_one(
        "insert into orders (id, number_day, number, status, payment_status, payment_method, fulfilment, source, placed_by, \
         placed_by_id, customer_id, customer_name, customer_email, customer_phone, delivery, notes, metadata, currency, \
         subtotal_minor, delivery_fee_minor, discount_minor, tax_minor, tax_included, total_minor, due_at, business_day, \
         hold_expires_at, created_at, updated_at, guest_network, payment_id, locale) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
         ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?28, ?29, ?30, ?31)",
        args![
            order.id,
            order.number_day,
            order.number,
            order.status,
            order.payment_status,
            order.payment_method,
            order.fulfilment,
            order.source,
            order.placed_by,
            by.user(),
            order.customer.id,
            order.customer.name,
            order.customer.email,
            order.customer.phone,
            json.delivery,
            order.notes,
            json.metadata,
            order.currency,
            order.totals.subtotal,
            order.totals.delivery_fee,
            order.totals.discount,
            order.totals.tax,
            order.totals.tax_included,
            order.totals.total,
            order.due_at,
            order.business_day,
            hold_expires_at,
            order.created_at,
            guest_network,
            payment,
            order.locale
        ],
    )
}

pub(super) fn insert_line(tx: &mut WriteTx<'_>, order: OrderId, line: &Line) -> Result<()> {
    let options = line.options.as_ref().map(serde_json::to_string).transpose().map_err(Fault::new)?;
    tx.exec_one(
        "insert into order_lines (order_id, id, product_id, sku, name_en, name_ar, unit_price_minor, quantity, options, \
         options_text_en, options_text_ar, line_total_minor, tax_rate_bp, tax_minor, hold) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        args![
            order,
            line.id.as_bytes().as_slice(),
            line.product,
            line.sku,
            line.name_en,
            line.name_ar,
            line.unit_price,
            line.quantity,
            options,
            line.options_text_en,
            line.options_text_ar,
            line.line_total,
            line.tax_rate_bp,
            line.tax,
            line.hold.code()
        ],
    )
}

pub(super) fn head(reader: &Reader<'_>, order: OrderId) -> Result<Option<Head>> {
    reader.opt(
        "select id, status, fulfilment, payment_method, total_minor, captured_minor, refunded_minor, due_at, \
         hold_expires_at, version, created_at, updated_at from orders where id = ?1",
        args![order],
        |row| {
            let mut columns = row.columns();
            Ok(Head {
                id: columns.next()?,
                status: columns.next()?,
                fulfilment: columns.next()?,
                payment_method: columns.next()?,
                total: columns.next()?,
                captured: columns.next()?,
                refunded: columns.next()?,
                due_at: columns.next()?,
                hold_ends_at: columns.next()?,
                version: columns.next()?,
                created_at: columns.next()?,
                updated_at: columns.next()?,
            })
        },
    )
}

pub(super) fn payable(reader: &Reader<'_>, order: OrderId) -> Result<Option<Payable>> {
    reader.opt(
        "select id, number_day, number, status, payment_status, payment_method, total_minor, captured_minor, refunded_minor, currency, \
         customer_name, customer_email, customer_phone, hold_expires_at, due_at, placed_by = 'guest', customer_id \
         from orders where id = ?1",
        args![order],
        |row| {
            let mut columns = row.columns();
            Ok(Payable {
                id: columns.next()?,
                number: order_number(columns.next()?, columns.next()?),
                status: columns.next()?,
                payment_status: columns.next()?,
                method: columns.next()?,
                total_minor: columns.next()?,
                captured_minor: columns.next()?,
                refunded_minor: columns.next()?,
                currency: Currency::from_code(&columns.next::<String>()?)
                    .ok_or_else(|| Fault::because("an order has a currency that is not known"))?,
                customer_name: columns.next()?,
                customer_email: columns.next()?,
                customer_phone: columns.next()?,
                hold_ends_at: columns.next()?,
                due_at: columns.next()?,
                placed_by_guest: columns.next()?,
                customer: columns.next()?,
            })
        },
    )
}

/// The order's last payment and its method; [`set_money`] follows, which makes it a change of the order.
pub(super) fn set_payment(tx: &mut WriteTx<'_>, order: OrderId, payment: PaymentId, method: PaymentMethod) -> Result<()> {
    let was = kind_of(tx, order)?;
    counts::add(tx, was, -1)?;
    counts::add(tx, Kind { payment_method: method, ..was }, 1)?;
    tx.exec_one("update orders set payment_id = ?2, payment_method = ?3 where id = ?1", args![order, payment, method])
}

/// Until when a Pending order is held.
pub(super) fn set_hold_end(tx: &mut WriteTx<'_>, order: OrderId, at: UtcMs) -> Result<()> {
    tx.exec_one("update orders set hold_expires_at = ?2 where id = ?1", args![order, at])
}

/// See [`super::open_guests::set_status`], through which every move goes.
pub(super) fn set_status(tx: &mut WriteTx<'_>, order: OrderId, to: OrderStatus, hold_expires_at: Option<UtcMs>) -> Result<()> {
    let was = kind_of(tx, order)?;
    counts::add(tx, was, -1)?;
    counts::add(tx, Kind { status: to, ..was }, 1)?;
    tx.exec_one(
        "update orders set status = ?2, hold_expires_at = ?4, version = version + 1, updated_at = ?3 where id = ?1",
        args![order, to, tx.now(), hold_expires_at],
    )
}

/// Phone and network of a guest's order; `None` if it is somebody else's.
pub(super) fn guest(reader: &Reader<'_>, order: OrderId) -> Result<Option<Guest>> {
    reader.opt("select customer_phone, guest_network from orders where id = ?1 and placed_by = 'guest'", args![order], |row| {
        let mut columns = row.columns();
        Ok(Guest { phone: columns.next()?, network: columns.next()? })
    })
}

/// Counts every Pending order of a guest, by its phone and network: the index `orders_open`.
pub(super) fn open_guests(reader: &Reader<'_>, mut count: impl FnMut(&Guest)) -> Result<()> {
    reader.all(
        "select customer_phone, guest_network from orders \
         where status = 'Pending' and status not in ('Delivered', 'Cancelled') and placed_by = 'guest'",
        &[],
        |row| {
            let mut columns = row.columns();
            count(&Guest { phone: columns.next()?, network: columns.next()? });
            Ok(())
        },
    )?;
    Ok(())
}

pub(super) fn set_money(tx: &mut WriteTx<'_>, order: OrderId, sums: Sums, status: PaymentStatus) -> Result<()> {
    let was = kind_of(tx, order)?;
    counts::add(tx, was, -1)?;
    counts::add(tx, Kind { payment_status: status, ..was }, 1)?;
    tx.exec_one(
        "update orders set captured_minor = ?2, refunded_minor = ?3, payment_status = ?4, version = version + 1, updated_at = ?5 \
         where id = ?1",
        args![order, sums.captured, sums.refunded, status, tx.now()],
    )
}

fn kind_of(reader: &Reader<'_>, order: OrderId) -> Result<Kind> {
    reader.one("select status, payment_status, payment_method, fulfilment from orders where id = ?1", args![order], |row| {
        let mut columns = row.columns();
        Ok(Kind {
            status: columns.next()?,
            payment_status: columns.next()?,
            payment_method: columns.next()?,
            fulfilment: columns.next()?,
        })
    })
}

/// So many orders more, or fewer, of a kind.
pub(super) fn settle_count(group: &Settlement<'_>, kind: Kind, change: i64) -> Result<()> {
    group.exec(
        "insert into order_counts (status, payment_status, payment_method, fulfilment, orders) values (?1, ?2, ?3, ?4, ?5) \
         on conflict (status, payment_status, payment_method, fulfilment) do update set orders = orders + excluded.orders",
        args![kind.status, kind.payment_status, kind.payment_method, kind.fulfilment, change],
    )
}

/// How many orders there are of those kinds; `None` stands for each.
pub(super) fn counted(
    reader: &Reader<'_>,
    status: Option<OrderStatus>,
    payment_status: Option<PaymentStatus>,
    payment_method: Option<PaymentMethod>,
    fulfilment: Option<Fulfilment>,
) -> Result<i64> {
    reader.one(
        "select coalesce(sum(orders), 0) from order_counts where (?1 is null or status = ?1) \
         and (?2 is null or payment_status = ?2) and (?3 is null or payment_method = ?3) and (?4 is null or fulfilment = ?4)",
        args![status, payment_status, payment_method, fulfilment],
        |row| row.get(0),
    )
}

/// The lines whose stock is in that state: product and pieces, in a fixed order. Pieces that went back with a refund do not count.
pub(super) fn lines_in(reader: &Reader<'_>, order: OrderId, state: HoldState) -> Result<Vec<(ProductId, i64)>> {
    reader.all(
        "select product_id, quantity - returned from order_lines where order_id = ?1 and hold = ?2 and quantity > returned order by id",
        args![order, state.code()],
        |row| {
            let mut columns = row.columns();
            Ok((columns.next()?, columns.next()?))
        },
    )
}

pub(super) fn set_holds(tx: &mut WriteTx<'_>, order: OrderId, from: HoldState, to: HoldState) -> Result<()> {
    tx.exec("update order_lines set hold = ?3 where order_id = ?1 and hold = ?2", args![order, from.code(), to.code()])?;
    Ok(())
}

/// A row of history to be written.
pub(super) struct Step<'a> {
    pub is_undo: bool,
    pub status: OrderStatus,
    pub note: Option<&'a str>,
    pub by: Actor,
}

pub(super) fn add_history(tx: &mut WriteTx<'_>, order: OrderId, step: &Step<'_>) -> Result<()> {
    let kind = if step.is_undo { "undo" } else { "move" };
    tx.exec_one(
        "insert into order_history (order_id, n, at, kind, status, actor, actor_id, note) \
         values (?1, (select coalesce(max(n), 0) + 1 from order_history where order_id = ?1), ?2, ?3, ?4, ?5, ?6, ?7)",
        args![order, tx.now(), kind, step.status, step.by.code(), step.by.user(), step.note],
    )
}

pub(super) fn history(reader: &Reader<'_>, order: OrderId) -> Result<Vec<HistoryRow>> {
    reader.all("select at, kind, status, actor, note from order_history where order_id = ?1 order by n", args![order], |row| {
        let mut columns = row.columns();
        Ok(HistoryRow {
            at: columns.next()?,
            is_undo: columns.next::<String>()? == "undo",
            status: columns.next()?,
            actor: columns.next()?,
            note: columns.next()?,
        })
    })
}

pub(super) fn lines(reader: &Reader<'_>, order: OrderId) -> Result<Vec<Line>> {
    reader.all(
        "select id, product_id, sku, name_en, name_ar, unit_price_minor, quantity, options, options_text_en, options_text_ar, \
         line_total_minor, tax_rate_bp, tax_minor, hold from order_lines where order_id = ?1 order by id",
        args![order],
        |row| {
            let mut columns = row.columns();
            let id: Vec<u8> = columns.next()?;
            Ok(Line {
                id: uuid::Uuid::from_slice(&id).map_err(Fault::new)?,
                product: columns.next()?,
                sku: columns.next()?,
                name_en: columns.next()?,
                name_ar: columns.next()?,
                unit_price: columns.next()?,
                quantity: columns.next()?,
                options: columns.json()?,
                options_text_en: columns.next()?,
                options_text_ar: columns.next()?,
                line_total: columns.next()?,
                tax_rate_bp: columns.next()?,
                tax: columns.next()?,
                hold: HoldState::from_code(&columns.next::<String>()?).ok_or_else(|| Fault::because("an unknown hold"))?,
            })
        },
    )
}

/// `select` of an order without its lines and history; its columns are those of [`order_row`].
macro_rules! select_order {
    () => {
        "select o.id, o.number_day, o.number, o.status, o.payment_status, o.payment_method, o.fulfilment, o.source, o.placed_by, \
         o.customer_id, o.customer_name, o.customer_email, o.customer_phone, o.locale, o.delivery, o.notes, o.metadata, o.currency, \
         o.subtotal_minor, o.delivery_fee_minor, o.discount_minor, o.tax_minor, o.tax_included, o.total_minor, o.refunded_minor, \
         o.due_at, o.business_day, o.token_version, o.version, o.created_at, o.updated_at from orders o"
    };
}

fn order_row(row: &Row<'_>) -> Result<Order> {
    let mut columns = row.columns();
    Ok(Order {
        id: columns.next()?,
        number_day: columns.next()?,
        number: columns.next()?,
        status: columns.next()?,
        payment_status: columns.next()?,
        payment_method: columns.next()?,
        fulfilment: columns.next()?,
        source: columns.next()?,
        placed_by: columns.next()?,
        customer: Customer { id: columns.next()?, name: columns.next()?, email: columns.next()?, phone: columns.next()? },
        locale: columns.next()?,
        delivery: columns.json()?,
        notes: columns.next()?,
        metadata: columns.json()?,
        currency: columns.next()?,
        totals: Totals {
            subtotal: columns.next()?,
            delivery_fee: columns.next()?,
            discount: columns.next()?,
            tax: columns.next()?,
            tax_included: columns.next()?,
            total: columns.next()?,
        },
        refunded: columns.next()?,
        due_at: columns.next()?,
        business_day: columns.next()?,
        token_version: columns.next()?,
        version: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
        lines: Vec::new(),
        history: Vec::new(),
    })
}

pub(super) fn order(reader: &Reader<'_>, id: OrderId) -> Result<Option<Order>> {
    let found = reader.opt(concat!(select_order!(), " where o.id = ?1"), args![id], order_row)?;
    found.map(|order| with_parts(reader, order)).transpose()
}

/// As [`order`], only if it is this customer's.
pub(super) fn order_of(reader: &Reader<'_>, id: OrderId, customer: UserId) -> Result<Option<Order>> {
    let found =
        reader.opt(concat!(select_order!(), " where o.id = ?1 and o.customer_id = ?2"), args![id, customer], order_row)?;
    found.map(|order| with_parts(reader, order)).transpose()
}

/// Whether an order is this customer's.
pub(super) fn is_of(reader: &Reader<'_>, id: OrderId, customer: UserId) -> Result<bool> {
    let sql = "select exists (select 1 from orders where id = ?1 and customer_id = ?2)";
    reader.one(sql, args![id, customer], |row| row.get(0))
}

fn with_parts(reader: &Reader<'_>, mut order: Order) -> Result<Order> {
    order.lines = lines(reader, order.id)?;
    order.history = history(reader, order.id)?;
    Ok(order)
}

/// Newest first, by the primary key or the index of the filter; `sorted`: by the index of the filter in any case.
pub(super) fn list(reader: &Reader<'_>, query: &Query, sorted: bool, limit: i64, offset: i64) -> Result<Vec<Order>> {
    let rows = reader.all(&list_sql(query, sorted), &query.values(args![limit, offset]), order_row)?;
    rows.into_iter().map(|order| with_parts(reader, order)).collect()
}

/// The statement of [`list`]. The `+` keeps SQLite from walking the whole primary key for the order's sake.
pub(super) fn list_sql(query: &Query, sorted: bool) -> String {
    let tail = if sorted { "order by +o.id desc limit ? offset ?" } else { "order by o.id desc limit ? offset ?" };
    query.sql(select_order!(), tail)
}

/// How many orders have changed since, counted up to `most`: a span of the index `orders_updated`.
pub(super) fn changed_since(reader: &Reader<'_>, since: UtcMs, most: i64) -> Result<i64> {
    reader.one("select count(*) from (select 1 from orders where updated_at >= ?1 limit ?2)", args![since, most], |row| {
        row.get(0)
    })
}

pub(super) fn count(reader: &Reader<'_>, query: &Query) -> Result<i64> {
    reader.one(&count_sql(query), &query.values(&[]), |row| row.get(0))
}

/// The statement of [`count`].
pub(super) fn count_sql(query: &Query) -> String {
    query.sql("select count(*) from orders o", "")
}

/// Whose order it is and which token opens it: customer, token version, and when it was delivered.
pub(super) fn key_of(reader: &Reader<'_>, order: OrderId) -> Result<Option<(i64, Option<UtcMs>)>> {
    reader.opt(
        "select token_version, (select max(at) from order_history h where h.order_id = o.id and h.status = 'Delivered') \
         from orders o where o.id = ?1",
        args![order],
        |row| {
            let mut columns = row.columns();
            Ok((columns.next()?, columns.next()?))
        },
    )
}

/// How many orders of an account are not at their end. By the index `orders_customer`.
pub(super) fn open_count_of(reader: &Reader<'_>, customer: UserId) -> Result<i64> {
    reader.one(
        "select count(*) from orders where customer_id = ?1 and status not in ('Delivered', 'Cancelled')",
        args![customer],
        |row| row.get(0),
    )
}

/// Takes the person out of every order of an account: what it is called now stands for its name, and what they said is gone. By the
/// index `orders_customer`.
pub(super) fn anonymise(tx: &mut WriteTx<'_>, customer: UserId) -> Result<()> {
    tx.exec(
        "update order_history set note = null where actor_id = ?1 and note is not null \
         and order_id in (select id from orders where customer_id = ?1)",
        args![customer],
    )?;
    tx.exec(
        "update orders set customer_name = (select name from users where id = ?1), customer_email = null, customer_phone = null, \
         delivery = json_remove(delivery, '$.address', '$.notes'), notes = null, anonymised_at = ?2, version = version + 1, updated_at = ?2 \
         where customer_id = ?1",
        args![customer, tx.now()],
    )?;
    Ok(())
}

/// Each invariant of the books with the rows that break it; for `doctor` and for every test's end.
pub(super) const BOOKS: &[(&str, &str)] = &[
    (
        "stock is not the sum of its ledger",
        "select p.sku from inventory i join products p on p.id = i.product_id \
         where i.stock <> coalesce((select sum(delta) from stock_log s where s.product_id = i.product_id), 0)",
    ),
    (
        "what is reserved is not the sum of open holds",
        "select p.sku from inventory i join products p on p.id = i.product_id left join \
         (select product_id, sum(quantity) as held from order_lines where hold = 'held' group by product_id) h \
         on h.product_id = i.product_id where i.reserved <> coalesce(h.held, 0)",
    ),
    (
        "more is reserved than there is",
        "select p.sku from inventory i join products p on p.id = i.product_id where i.reserved > i.stock or i.reserved < 0",
    ),
    (
        "a product is not on the shelf",
        "select p.sku from products p where not exists (select 1 from inventory i where i.product_id = p.id)",
    ),
    (
        "an order's money is not that of its ledger",
        "select hex(o.id) from orders o left join (select order_id, \
         sum(case kind when 'captured' then amount_minor else 0 end) as captured, \
         sum(case kind when 'refunded' then amount_minor when 'refund_reversed' then -amount_minor else 0 end) as refunded \
         from money_ledger group by order_id) m \
         on m.order_id = o.id where o.captured_minor <> coalesce(m.captured, 0) or o.refunded_minor <> coalesce(m.refunded, 0)",
    ),
    (
        "an order that is paid without a gateway has no payment",
        "select hex(o.id) from orders o where o.payment_id is null and o.payment_method in ('cash', 'card_machine', 'transfer')",
    ),
    (
        "an order's payment status is not that of its money",
        "select hex(o.id) from orders o where not case when o.captured_minor = 0 then o.payment_status in ('Pending', 'Failed') \
         when o.refunded_minor >= o.captured_minor then o.payment_status = 'Refunded' \
         when o.refunded_minor > 0 then o.payment_status = 'PartiallyRefunded' \
         when o.captured_minor >= o.total_minor then o.payment_status = 'Paid' else o.payment_status = 'Pending' end",
    ),
    (
        "an order's last payment is not its own, or is paid another way",
        "select hex(o.id) from orders o where o.payment_id is not null and not exists \
         (select 1 from payments p where p.id = o.payment_id and p.order_id = o.id and p.method = o.payment_method)",
    ),
    (
        "a payment's sums are not those of its ledger",
        "select hex(p.id) from payments p left join (select payment_id, \
         sum(case kind when 'captured' then amount_minor else 0 end) as captured, \
         sum(case kind when 'refunded' then amount_minor when 'refund_reversed' then -amount_minor else 0 end) as refunded \
         from money_ledger group by payment_id) m \
         on m.payment_id = p.id where p.captured_minor <> coalesce(m.captured, 0) or p.refunded_minor <> coalesce(m.refunded, 0)",
    ),
    (
        "a row of the ledger of money is not its payment's",
        "select hex(m.order_id) || ' ' || m.n from money_ledger m join payments p on p.id = m.payment_id \
         where p.order_id <> m.order_id or p.method <> m.method",
    ),
    (
        "a payment is not reached from its order's last",
        "select hex(p.id) from payments p join orders o on o.id = p.order_id where o.payment_id is not p.id \
         and p.id not in (select previous_id from payments where previous_id is not null) union all \
         select hex(n.id) from payments n join payments p on p.id = n.previous_id \
         where p.order_id <> n.order_id or n.attempt <> p.attempt + 1",
    ),
    (
        "a cancelled order waits for money at the shop",
        "select hex(o.id) from orders o join payments p on p.order_id = o.id where o.status = 'Cancelled' and p.status = 'pending' \
         and p.captured_minor = 0 and p.method in ('cash', 'card_machine', 'transfer')",
    ),
    (
        "an order's lines do not add up to its subtotal",
        "select hex(o.id) from orders o where o.subtotal_minor <> (select coalesce(sum(line_total_minor), -1) from order_lines l where l.order_id = o.id)",
    ),
    (
        "an order's taxes are not those of its lines",
        "select hex(o.id) from orders o where o.tax_minor <> (select coalesce(sum(tax_minor), -1) from order_lines l where l.order_id = o.id)",
    ),
    (
        "pieces of a line came back that never left",
        "select hex(order_id) from order_lines where returned > 0 and hold not in ('taken', 'returned')",
    ),
    (
        "a line's hold does not fit its order's state",
        "select hex(o.id) from orders o join order_lines l on l.order_id = o.id where l.hold <> 'untracked' and not case o.status \
         when 'Pending' then l.hold = 'held' when 'Cancelled' then l.hold in ('freed', 'taken', 'returned') else l.hold = 'taken' end",
    ),
    (
        "the day's order numbers have a gap",
        "select d.number_day from (select number_day, max(number) as newest, count(*) as orders from orders group by number_day) d \
         where d.newest <> d.orders + coalesce((select sum(s.upto - s.after) from skipped_order_numbers s \
         where s.day = d.number_day and s.upto < d.newest), 0)",
    ),
    (
        "an order's state is not that of its history",
        "select hex(o.id) from orders o where o.status <> coalesce((select status from order_history h where h.order_id = o.id order by n desc limit 1), 'Pending')",
    ),
    (
        "the orders of a kind are not as many as are counted",
        "select status || ' ' || payment_status || ' ' || payment_method || ' ' || fulfilment from \
         (select status, payment_status, payment_method, fulfilment, orders from order_counts union all \
         select status, payment_status, payment_method, fulfilment, -count(*) from orders group by 1, 2, 3, 4) \
         group by status, payment_status, payment_method, fulfilment having sum(orders) <> 0",
    ),
    (
        "the products of a category are not as many as are counted",
        "select c.slug from categories c left join category_counts n on n.category_id = c.id left join \
         (select category_id, count(*) as products, sum(is_active) as shown from products group by category_id) p \
         on p.category_id = c.id where coalesce(n.products, 0) <> coalesce(p.products, 0) or coalesce(n.shown, 0) <> coalesce(p.shown, 0)",
    ),
    (
        "the orders whose words are in the index are not those that should be",
        "select indexed || ' of ' || orders from (select (select count(*) from order_texts_docsize) as indexed, \
         (select count(*) from orders where id <= (select order_id from order_texts_upto)) as orders) where indexed <> orders",
    ),
];

pub(super) fn breaches(reader: &Reader<'_>, sql: &'static str) -> Result<Vec<String>> {
    reader.all(sql, &[], |row| row.get::<String>(0).or_else(|_| row.get::<i64>(0).map(|number| number.to_string())))
}

/// The currency of the newest order.
pub(super) fn any_currency(reader: &Reader<'_>) -> Result<Option<String>> {
    reader.opt("select currency from orders order by id desc limit 1", &[], |row| row.get(0))
}
